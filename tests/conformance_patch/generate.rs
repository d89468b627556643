//! Configurations and patches at random, over all types and with what goes wrong in practice.
//!
//! Deterministic: a seed makes the same case on every machine. For each case only some keys of a structure are in use, so
//! that configuration and patch meet in the same places.

use serde_json::{Map, Value, json};

use crate::types::Types;

/// A configuration and patches for it, each a text as a list of documents.
#[derive(Clone, Debug)]
pub struct Case {
    pub config: Vec<Value>,
    pub patches: Vec<Vec<Value>>,
}

/// In front of a text that stands without quotes.
pub const RAW: char = '\u{1}';

/// splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below`, exclusive.
    pub fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(below).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

pub struct Generator<'t> {
    types: &'t Types,
    random: Random,
    /// Which keys are in use.
    salt: u64,
    /// Percent of places with something wrong.
    wild: usize,
    /// Percent of places that delete.
    deletes: usize,
}

impl<'t> Generator<'t> {
    pub fn new(types: &'t Types, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let salt = random.next();
        Self {
            types,
            random,
            salt,
            wild: 0,
            deletes: 0,
        }
    }

    pub fn case(mut self) -> Case {
        let json_patch = self.random.chance(20);
        let kinds = self.kinds(json_patch);
        self.wild = usize::from(self.random.chance(5));
        let config: Vec<Value> = kinds.iter().map(|kind| self.document(kind)).collect();
        let count = 1 + self.random.below(2);
        let patches = (0..count)
            .map(|_| match json_patch && self.random.chance(75) {
                true => vec![self.operations(&config[0])],
                false => self.strategic(&kinds, &config),
            })
            .collect();
        Case { config, patches }
    }

    fn kinds(&mut self, single: bool) -> Vec<&'static str> {
        let common = [
            "VolumeConfig",
            "UserVolumeConfig",
            "LinkConfig",
            "ExtensionServiceConfig",
            "HostnameConfig",
            "ResolverConfig",
            "KubeNetworkConfig",
            "KubeletConfig",
            "NetworkRuleConfig",
            "UdevRulesConfig",
            "SysctlConfig",
            "ImageVerificationConfig",
        ];
        let mut kinds = vec!["v1alpha1"];
        if single {
            if self.random.chance(15) {
                let (kind, _) = self.random.pick(&self.types.documents);
                kinds = vec![kind];
            }
            return kinds;
        }
        if self.random.chance(20) {
            kinds.clear();
        }
        for _ in 0..1 + self.random.below(3) {
            let kind = match self.random.chance(50) {
                true => self.random.pick(&common),
                false => self.random.pick(&self.types.documents).0,
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    fn strategic(&mut self, kinds: &[&'static str], config: &[Value]) -> Vec<Value> {
        self.wild = usize::from(self.random.chance(15)) * 2;
        self.deletes = self.random.pick(&[0, 0, 5, 15]);
        let mut documents = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let kind = match self.random.chance(85) {
                true => self.random.pick(kinds),
                false => self.random.pick(&self.types.documents).0,
            };
            let mut document = self.document(kind);
            if self.random.chance(self.deletes) {
                // What is there, so that elements of lists are found.
                if let Some(found) = config.iter().find(|it| it["kind"] == document["kind"]) {
                    document = found.clone();
                    self.sprinkle(&mut document);
                }
            }
            documents.push(document);
        }
        self.deletes = 0;
        self.wild = 0;
        documents
    }

    /// Turns some mappings in it into deletions.
    fn sprinkle(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, below) in map.iter_mut() {
                    let fixed = ["kind", "apiVersion", "name"].contains(&&**key);
                    if !fixed && self.random.chance(15) {
                        *below = json!({"$patch": "delete"});
                    } else {
                        self.sprinkle(below);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    if let Value::Object(map) = item
                        && self.random.chance(40)
                    {
                        map.insert(String::from("$patch"), json!("delete"));
                    } else {
                        self.sprinkle(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn document(&mut self, kind: &'static str) -> Value {
        let found = self.types.documents.iter().find(|(it, _)| *it == kind);
        let (_, structure) = found.unwrap();
        let mut map = Map::new();
        if kind == "v1alpha1" {
            map.insert(String::from("version"), json!("v1alpha1"));
            map.insert(
                String::from("machine"),
                self.value("v1alpha1.MachineConfig", 1),
            );
            if self.random.chance(50) {
                map.insert(
                    String::from("cluster"),
                    self.value("v1alpha1.ClusterConfig", 1),
                );
            }
            if self.random.chance(self.deletes + self.wild) {
                map.insert(String::from("$patch"), json!("delete"));
            }
            return Value::Object(map);
        }
        map.insert(String::from("apiVersion"), json!("v1alpha1"));
        map.insert(String::from("kind"), json!(kind));
        if let Value::Object(fields) = self.value(structure, 0) {
            for (key, value) in fields {
                map.entry(key).or_insert(value);
            }
        }
        if map.contains_key("name") {
            let names = ["a", "b", "EPHEMERAL", "eth0"];
            map.insert(String::from("name"), json!(self.random.pick(&names[..2])));
            if self.random.chance(5) {
                map.insert(String::from("name"), json!(self.random.pick(&names)));
            }
        }
        if self.random.chance(self.wild) {
            map.shift_remove(self.random.pick(&["kind", "apiVersion", "name"]));
        }
        Value::Object(map)
    }

    fn in_use(&self, structure: &str, key: &str) -> bool {
        if [
            "name",
            "interface",
            "deviceSelector",
            "vlanId",
            "image",
            "mountPath",
        ]
        .contains(&key)
        {
            return true;
        }
        let mut hash = self.salt;
        for byte in structure.bytes().chain(key.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        (hash >> 20).is_multiple_of(3)
    }

    fn value(&mut self, notation: &'static str, depth: usize) -> Value {
        if depth > 1 && self.random.chance(self.wild) {
            return self.wrong();
        }
        if depth > 1 && self.random.chance(self.deletes) {
            return json!({"$patch": "delete"});
        }
        let inner = &notation[1..];
        match notation.as_bytes()[0] {
            b'*' => return self.value(inner, depth),
            b'[' => return self.list(inner, depth),
            b'{' => {
                let keys = ["a", "b", "net.ipv4.ip_forward", "1", "feature-gates"];
                let count = self.random.below(3);
                let entries = (0..count).map(|_| {
                    let key = self.random.pick(&keys).to_owned();
                    (key, self.value(inner, depth + 1))
                });
                return Value::Object(entries.collect());
            }
            _ => {}
        }
        if let Some(fields) = self.types.structures.get(notation) {
            return self.structure(notation, fields, depth);
        }
        if let Some(words) = self.types.words.get(notation) {
            return match words.is_empty() {
                true => json!(""),
                false => json!(self.random.pick(words)),
            };
        }
        self.leaf(notation, depth)
    }

    fn structure(
        &mut self,
        name: &'static str,
        fields: &'t [(&'static str, &'static str)],
        depth: usize,
    ) -> Value {
        let mut map = Map::new();
        for (key, notation) in fields {
            if *key == "*" {
                return self.any(2);
            }
            let most = if depth > 4 { 25 } else { 70 };
            let wanted = ["protocol", "kind", "name"].contains(key) || self.random.chance(most);
            if self.in_use(name, key) && wanted || *key == "protocol" {
                map.insert((*key).to_owned(), self.value(notation, depth + 1));
            }
        }
        if self.random.chance(self.wild) {
            map.insert(String::from("unknownKey"), json!(1));
        }
        Value::Object(map)
    }

    fn list(&mut self, inner: &'static str, depth: usize) -> Value {
        let count = self.random.pick(&[0, 1, 1, 2, 3]);
        let mut items: Vec<Value> = (0..count).map(|_| self.value(inner, depth + 1)).collect();
        for item in &mut items {
            if let Value::Object(map) = item
                && self.random.chance(self.deletes)
            {
                map.insert(String::from("$patch"), json!("delete"));
            }
        }
        if self.random.chance(self.wild * 3) {
            items.push(Value::Null);
        }
        Value::Array(items)
    }

    fn leaf(&mut self, notation: &'static str, depth: usize) -> Value {
        let texts: &[&str] = match notation {
            "bool" => &[
                "\u{1}true",
                "\u{1}false",
                "\u{1}yes",
                "\u{1}Off",
                "\u{1}true",
            ],
            "string" => &[
                "",
                "a",
                "b",
                "eth0",
                "\u{1}1",
                "\u{1}true",
                "1",
                "two\nlines\n",
                "/dev/sda",
                "0.0",
                "\u{1}0x1f",
            ],
            "duration" => &["10s", "1h30m", "0s", "\u{1}0", "1.5s", "500ms"],
            "meta.Addr" | "netip.Addr" => &["10.0.0.1", "fd00::1", "10.0.0.1", "fe80::0:1"],
            "meta.Prefix" | "netip.Prefix" => &["10.0.0.0/8", "fd00::/64", "10.1.2.3/24"],
            "meta.AddrPort" | "netip.AddrPort" => &["10.0.0.1:51820", "[fd00::1]:51820"],
            "nethelpers.HardwareAddr" => &["52:54:00:12:34:56", "525400123457", ""],
            "cel.Expression" => &["!system_disk", "disk.size > 10u * GB", ""],
            "block.ByteSize" => &["10GiB", "1 GB", "\u{1}1000", ""],
            "block.Size" => &["10GiB", "80%", "-5GiB", "-20%", "\u{1}1000", ""],
            "meta.URL" | "v1alpha1.Endpoint" => &[
                "https://10.0.0.1:6443",
                "https://a.example/path",
                "udp://10.0.0.1:514/",
                "https://b.example:1?x=y#z",
                "http://b.example",
            ],
            "network.PortRange" => &["\u{1}80", "80-90", "\u{1}443", "1-1"],
            "v1alpha1.DiskSize" => &["10GiB", "1 GB", "\u{1}1000", "\u{1}0"],
            "v1alpha1.InstallDiskSizeMatcher" => &[">= 1TB", "4GB", "< 2TiB"],
            "v1alpha1.Base64Bytes" => &["aGVsbG8=", ""],
            "meta.ArgValue" => &["a", "", "\u{1}1", "\u{1}true"],
            name if name.starts_with("x509.") => return self.pem(name),
            "any" => return self.any(depth),
            number if number.contains("int") => {
                return json!(self.random.pick(&[0, 0, 1, 2, 100, 255]));
            }
            name => match self.types.named.get(name) {
                Some(under) => return self.value(under, depth),
                None => panic!("nothing is generated for {name}"),
            },
        };
        if notation == "meta.ArgValue" && self.random.chance(25) {
            return self.list("string", depth);
        }
        json!(self.random.pick(texts))
    }

    fn pem(&mut self, name: &str) -> Value {
        match (name, self.random.below(3)) {
            ("x509.PEMEncodedCertificate", _) => json!({"crt": "aGVsbG8="}),
            ("x509.PEMEncodedKey", _) => json!({"key": "aGVsbG8="}),
            (_, 0) => json!({"crt": "aGVsbG8=", "key": "d29ybGQ="}),
            (_, 1) => json!({"crt": "d29ybGQ="}),
            _ => json!({"crt": "aGVsbG8=", "key": "******"}),
        }
    }

    fn any(&mut self, depth: usize) -> Value {
        let keys = ["a", "b", "c"];
        match self.random.below(if depth > 4 { 5 } else { 8 }) {
            0 if depth > 2 => json!(self.random.below(3)),
            1 if depth > 2 => json!(self.random.pick(&["", "a", "x: y"])),
            2 if depth > 2 => json!(self.random.chance(50)),
            3 if depth > 2 => json!(self.random.pick(&[0.5, 1.5])),
            4 if depth > 2 => Value::Null,
            5 if depth > 2 => {
                let count = self.random.below(3);
                (0..count).map(|_| self.any(depth + 1)).collect()
            }
            _ => {
                let count = self.random.below(3);
                let entries =
                    (0..count).map(|_| (self.random.pick(&keys).to_owned(), self.any(depth + 1)));
                Value::Object(entries.collect())
            }
        }
    }

    /// What is seldom right.
    fn wrong(&mut self) -> Value {
        self.random.pick(&[
            Value::Null,
            json!(-1),
            json!(1.5),
            json!(70000),
            json!("no such word"),
            json!(["a"]),
            json!({"a": 1}),
            json!(""),
            json!("\u{1}2024-01-02"),
            json!("\u{1}~"),
            json!("\u{1}0644"),
            json!("\u{1}1e3"),
            json!(true),
            json!([]),
            json!({}),
            json!("10.0.0.256"),
            json!("https://a b"),
            json!("101%"),
            json!("%%%"),
        ])
    }

    fn operations(&mut self, document: &Value) -> Value {
        let mut paths = Vec::new();
        collect(document, "", &mut paths);
        let count = 1 + self.random.below(3);
        (0..count).map(|_| self.operation(&paths)).collect()
    }

    fn operation(&mut self, paths: &[(String, Value)]) -> Value {
        let (mut path, found) = self.random.pick(paths);
        if self.random.chance(30) {
            let tails = ["/a", "/-", "/0", "/-1", "/unknownKey", "/x~1y"];
            path.push_str(self.random.pick(&tails));
        }
        let value = match self.random.below(5) {
            // A date without quotes is refused here, and a point in time for Talos.
            0 => Some(self.wrong())
                .filter(|it| *it != "\u{1}2024-01-02")
                .unwrap_or_default(),
            1 => json!("a"),
            2 => json!({"a": "b"}),
            _ => found,
        };
        let (from, _) = self.random.pick(paths);
        match self.random.below(14) {
            0..4 => json!({"op": "add", "path": path, "value": value}),
            4..7 => json!({"op": "replace", "path": path, "value": value}),
            7..9 => json!({"op": "remove", "path": path}),
            9 => json!({"op": "move", "from": from, "path": path}),
            10 => json!({"op": "copy", "from": from, "path": path}),
            11 | 12 => json!({"op": "test", "path": path, "value": value}),
            _ => self.random.pick(&[
                json!({"op": "merge", "path": path}),
                json!({"path": path, "value": 1}),
                json!({"op": "add", "value": 1}),
                json!({"op": "add", "path": path}),
                Value::Null,
            ]),
        }
    }
}

/// Every path of the document as a JSON pointer, with what stands there.
fn collect(value: &Value, path: &str, paths: &mut Vec<(String, Value)>) {
    paths.push((path.to_owned(), value.clone()));
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(below, &format!("{path}/{key}"), paths);
            }
        }
        Value::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                collect(below, &format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
}
