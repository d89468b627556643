//! Configurations made up from the shape of talhelper's types: mostly right, wrong here and there, in many notations.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

/// A small generator of numbers; the same seed gives the same numbers.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1);
        rng.next();
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap() % limit
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Pieces of texts that envsubst and YAML look at.
const PIECES: [&str; 44] = [
    "${V}",
    "$V",
    "${W}",
    "${U}",
    "$U",
    "${E}",
    "${U:-d}",
    "${U-d}",
    "${U:=d}",
    "${E:-d}",
    "${E-d}",
    "${V:+alt}",
    "${U+alt}",
    "${U:-$V}",
    "${U:-${V}}",
    "$$V",
    "$${V}",
    "$(x)",
    "$",
    "$_",
    "${_",
    "${",
    "}",
    "$1",
    "${V:2}",
    "${V/x/y}",
    "${!V}",
    "${V-}",
    "a",
    "b c",
    " ",
    "\n",
    ": ",
    " #",
    "-",
    "'",
    "\"",
    "\\",
    "é",
    "{",
    "[",
    ",",
    "&x",
    "\t",
];

/// A text that envsubst has something to do with.
pub fn text(rng: &mut Rng) -> String {
    (0..=rng.below(6)).map(|_| *rng.pick(&PIECES)).collect()
}

/// A text whose variables are all there.
fn tame(rng: &mut Rng) -> String {
    let pieces = [
        "a", "B", "1", "x-y", ".", "${V}", "$V", "${U:-d}", "$$", " ", "_", "/", "@", "{{ .x }}",
        "é", "\n",
    ];
    (0..=rng.below(4)).map(|_| *rng.pick(&pieces)).collect()
}

/// A text of YAML with comments, for the round trip. Two things are left out in which the readers differ: a line of tabs, and
/// a value without a key, both of which libyaml refuses and YAML 1.2 allows.
pub fn document(rng: &mut Rng) -> String {
    let lines = [
        "a: 1",
        "b: ${V} # c",
        "# $NOPE",
        "c:",
        "  - x",
        "  - 'y z'",
        "  -  - 1",
        "     - 2",
        "d: |",
        "  one",
        "   two",
        "",
        "e: >-",
        "  f g",
        "  h",
        "f: {a: 1,  b: [x, \"y\"]}",
        "g: \"a\\tb\"",
        "---",
        "plain text",
        "more of it",
        "h: !!str 1",
        "i: &x y",
        "j: *x",
        "? k",
        "m:   ~",
        "n: ''",
        "o: 'it''s'",
        "- 1",
        "- a: b",
        "  c: d",
        "p: a # b",
        "q: é 😀",
        "r: [",
        "s: \"",
        "=1",
        "A=1",
        "t: |+",
        "u: - x",
        "'v': w",
        "x: {}",
        "y: []",
        "z: a:b",
        "*x : 1",
        "k: v: w",
    ];
    let count = 1 + rng.below(6);
    let mut text = String::new();
    for _ in 0..count {
        let _ = writeln!(text, "{}", rng.pick(&lines));
    }
    text
}

/// Values that a field of this name often has, right ones first.
fn pool(key: &str) -> Option<&'static [&'static str]> {
    Some(match key {
        "hostname" => &["n1", "n2", "host.example", "${V}", "a_b", "", "-x", "3"],
        "ipAddress" => &[
            "10.0.0.1",
            "10.0.0.1, fd00::1",
            "host_1",
            "10.0.0.1,",
            "::1::",
            "a b",
            "",
        ],
        "endpoint" => &[
            "https://10.0.0.1:6443",
            "https://[fd00::1]:6443",
            "https://k8s.example",
            "10.0.0.1:6443",
            "https://",
            "https://x:0",
            "https://fd00::1:6443",
            "http://a:b@c/%zz",
            "//x",
            "https://x:65536",
        ],
        "talosVersion" => &[
            "v1.10.5",
            "1.13.9",
            "v1.12.0",
            "v1.14.99",
            "v1.1.0",
            "1.10",
            "v1.11",
            "latest",
            "v1.13.9-rc.1",
            "",
        ],
        "kubernetesVersion" => &[
            "v1.31.1",
            "1.32.0",
            "v1.30",
            "1.40.0",
            "v1.20.0",
            "x",
            "1.31.1-rc.0",
            "1.31.99",
        ],
        "domain" => &["cluster.local", "a_b.c.", "-x", "a b", "x..y"],
        "clusterPodNets" | "clusterSvcNets" | "addresses" | "allowedIPs" | "subnet" | "except"
        | "network" => &[
            "10.244.0.0/16",
            "fd00::/64",
            "10.0.0.1/08",
            "10.0.0.0/33",
            "10.0.0.1",
            "0.0.0.0/0",
            "x",
            "::1/128",
        ],
        "nameservers" | "gateway" | "source" | "ip" => {
            &["1.1.1.1", "fd00::1", "fe80::1%e", "1.2.3", "x", "01.2.3.4"]
        }
        "cidr" => &["10.0.0.1/24", ""],
        "installDisk" => &["/dev/sda", "", "sda"],
        "installDiskSelector.size" | "size" => {
            &["4GB", ">= 1TB", "<5", "=> 1", "x", "0", "1 KiB", "", "-1"]
        }
        "minSize" | "maxSize" => &[
            "100GiB", "50%", "-10%", "-1GB", "", "x", "101%", "1.5TiB", "5",
        ],
        "type" => &["ssd", "xfs", "hdd", "nvme", "sd", "ext4", "usb", "XFS"],
        "volumeType" => &["partition", "disk", "directory", "x", "Disk"],
        "provider" => &["luks2", "none", "x"],
        "defaultAction" => &["block", "accept", "BLOCK", "drop", ""],
        "protocol" => &["tcp", "udp", "icmp", "TCP", "icmpv6", "x", "https"],
        "ports" => &[
            "80",
            "8000-8080",
            "80-70",
            "x",
            "65535",
            "65536",
            "0-",
            "81",
        ],
        "bootMethod" => &["iso", "disk-image", "pxe", "usb", ""],
        "imageSuffix" => &["iso", "raw.xz", "qcow2", "", "x"],
        "talosImageURL" => &[
            "factory.talos.dev/installer/abc",
            "ghcr.io/a/b:v1",
            "a/b",
            "ghcr.io/A",
            "localhost/x",
            "",
        ],
        "op" => &["create", "append", "overwrite", "delete", "", "create\n"],
        "path" => &["/var/a", "/", "var/a", "", "@x"],
        "content" | "contents" => &[
            "plain",
            "@content.txt",
            "@content.yaml",
            "a\nb\n",
            "@missing",
            "@vars.txt",
            "@bad.txt",
            "${V}",
            "@",
        ],
        "patches" => &[
            "@patch.yaml",
            "machine: {}",
            "@ ./dir/../patch.yaml",
            "@template.yaml",
            "- op: add",
            "@missing.yaml",
            "{{ .x }}",
            "@",
            "$V: 1",
            "@blank.yaml",
            "@list.yaml",
        ],
        "extraManifests" => &[
            "patch.yaml",
            "@patch.yaml",
            "missing.yaml",
            "",
            "./dir/../patch.yaml",
        ],
        "permissions" => &["0o644", "420", "0644", "'0644'", "-1", "4294967296", "1.5"],
        "interface" | "interfaces" | "master" => &["eth0", "eth1", "bond0", "eth2", ""],
        "mode" => &["802.3ad", "active-backup", "balance-rr", "metal", "x", ""],
        "lacpRate" => &["fast", "slow", "x", ""],
        "arpValidate" => &["", "all", "x"],
        "xmitHashPolicy" => &["layer3+4", "layer2", "x"],
        "miimon" => &["100", "0", "50"],
        "updelay" | "downdelay" => &["200", "0", "150"],
        "privateKey" | "publicKey" => &[
            "6NtibgkNWGSLp7ud6NgZr9k3kNhlQiaJCVW6vN+j9UY=",
            "x",
            "AAAA",
            "",
        ],
        "persistentKeepaliveInterval" => &["10s", "1m30s", "x", "10", "0"],
        "bootloader" => &["sd-boot", "grub", "x", "none"],
        "registryURL" => &["factory.talos.dev", "registry.example", ""],
        "officialExtensions" => &[
            "siderolabs/lldpd",
            "siderolabs/iscsi-tools",
            "siderolabs/lldpd",
            "x/y",
            "",
        ],
        "image" => &["siderolabs/sbc-rockchip", "x", ""],
        "urls" => &["https://x.example/a.yaml", "x", ""],
        "name" => &[
            "one",
            "two",
            "custom",
            "none",
            "flannel",
            "rock64",
            "EPHEMERAL",
            "",
            " ",
        ],
        "match" => &[
            "disk.size > 10u * GiB",
            "disk.transport == \"nvme\"",
            "!!!",
            "",
        ],
        _ => return None,
    })
}

/// Keys and values of labels, annotations and taints.
const LABEL_KEYS: [&str; 9] = [
    "a",
    "rack",
    "example.com/x",
    "1.10",
    "talos.dev/owned-labels",
    "a b",
    "x/y/z",
    "/x",
    "0x10",
];
const LABEL_VALUES: [&str; 13] = [
    "b",
    "v1.10",
    "1.10",
    "true",
    "2024-01-01",
    "{{ .x }}",
    "NoSchedule",
    "x:NoExecute",
    "a b",
    "",
    "0x1F",
    ":NoSchedule",
    "-x",
];

fn scalar(rng: &mut Rng, text: &str) -> Json {
    // Many are written without quotes, so that their type is found by what they look like.
    if rng.chance(50) {
        json!({"$plain": text})
    } else {
        json!(text)
    }
}

/// A value of this shape for the field `key`; early ones of a pool are drawn more often.
fn value(rng: &mut Rng, key: &str, shape: &Json, depth: usize) -> Json {
    if rng.chance(2) {
        return wrong(rng);
    }
    if let (Json::String(_), Some(pool)) = (shape, pool(key)) {
        let most = if rng.chance(80) {
            pool.len().div_ceil(3)
        } else {
            pool.len()
        };
        let text = pool[rng.below(most)];
        return scalar(rng, text);
    }
    match shape {
        Json::String(kind) => match kind.as_str() {
            "bool" => rng
                .pick(&[
                    json!(true),
                    json!(false),
                    json!({"$plain": "yes"}),
                    json!("no"),
                    json!({"$plain": "On"}),
                ])
                .clone(),
            "string" => {
                let text = tame(rng);
                json!(text)
            }
            "duration" => json!("10s"),
            "interface" => rng.pick(&[json!(1), json!("x"), json!({"a": [1]})]).clone(),
            _ => rng
                .pick(&[
                    json!(0),
                    json!(1),
                    json!(7),
                    json!(100),
                    json!(255),
                    json!(70000),
                    json!(-1),
                    json!(1.5),
                    json!({"$plain": "0x10"}),
                ])
                .clone(),
        },
        Json::Array(items) => {
            let shape = items.last().unwrap();
            let count = rng.below(4);
            (0..count)
                .map(|_| {
                    if rng.chance(2) {
                        Json::Null
                    } else {
                        value(rng, key, shape, depth + 1)
                    }
                })
                .collect()
        }
        Json::Object(fields) => match fields.get("*") {
            Some(_) if key.starts_with("node") => {
                let count = rng.below(3);
                let mut map = serde_json::Map::new();
                for _ in 0..count {
                    let most = if rng.chance(70) { 3 } else { LABEL_KEYS.len() };
                    let key = LABEL_KEYS[rng.below(most)];
                    let text = if rng.chance(60) {
                        LABEL_VALUES[rng.below(7)]
                    } else {
                        *rng.pick(&LABEL_VALUES)
                    };
                    map.insert(key.to_owned(), scalar(rng, text));
                }
                map.into()
            }
            Some(shape) => json!({"k": value(rng, key, shape, depth + 1)}),
            None => {
                let percent = [70, 50, 40, 30, 20][depth.min(4)];
                let mut map = serde_json::Map::new();
                for (key, shape) in fields {
                    if rng.chance(percent) {
                        map.insert(key.clone(), value(rng, key, shape, depth + 1));
                    }
                }
                map.into()
            }
        },
        _ => Json::Null,
    }
}

fn wrong(rng: &mut Rng) -> Json {
    rng.pick(&[
        Json::Null,
        json!([]),
        json!({}),
        json!("text"),
        json!(3),
        json!([1]),
        json!({"a": "b"}),
        json!(true),
        json!(1e9),
        json!(""),
    ])
    .clone()
}

/// A configuration that is right, and then changed in a few places.
pub fn config(rng: &mut Rng, shape: &Json) -> Json {
    let mut nodes = Vec::new();
    for index in 0..=rng.below(3) {
        nodes.push(json!({
            "hostname": format!("n{index}"),
            "ipAddress": format!("10.0.0.{index}"),
            "controlPlane": rng.chance(50),
            "installDisk": "/dev/sda",
        }));
    }
    let mut config = json!({
        "clusterName": "home",
        "talosVersion": *rng.pick(&["v1.10.5", "v1.12.0", "1.13.9"]),
        "kubernetesVersion": "v1.31.1",
        "endpoint": "https://10.0.0.1:6443",
        "nodes": nodes,
    });
    for _ in 0..rng.below(6) {
        change(rng, &mut config, shape);
    }
    config
}

/// Sets one field of the file, of a group or of a node.
fn change(rng: &mut Rng, config: &mut Json, shape: &Json) {
    let place = rng.below(10);
    let (target, shape) = match place {
        0..=1 => (config, shape),
        2..=4 => {
            let group = if place == 2 { "worker" } else { "controlPlane" };
            let Some(top) = config.as_object_mut() else {
                return;
            };
            (top.entry(group).or_insert_with(|| json!({})), &shape[group])
        }
        _ => {
            let Some(nodes) = config["nodes"]
                .as_array_mut()
                .filter(|nodes| !nodes.is_empty())
            else {
                return;
            };
            let index = rng.below(nodes.len());
            (&mut nodes[index], &shape["nodes"][0])
        }
    };
    let (Some(target), Some(fields)) = (target.as_object_mut(), shape.as_object()) else {
        return;
    };
    if rng.chance(5) {
        target.insert(String::from("notAKey"), wrong(rng));
        return;
    }
    let keys: Vec<&String> = fields
        .keys()
        .filter(|key| !["nodes", "controlPlane", "worker"].contains(&key.as_str()) || place > 4)
        .collect();
    let key = *rng.pick(&keys);
    if key == "controlPlane" {
        return;
    }
    let value = value(rng, key, &fields[key], 1);
    target.insert(key.clone(), value);
}

/// The configuration as text, in notations that follow from `rng`.
pub fn yaml(config: &Json, rng: &mut Rng) -> String {
    let mut text = String::new();
    if rng.chance(30) {
        text.push_str("---\n");
    }
    if rng.chance(20) {
        text.push_str("# ${NOPE} stands in a comment\n");
    }
    block(config, 0, rng, &mut text);
    if rng.chance(3) {
        text.push_str("---\nanother: document\n");
    }
    text
}

fn block(value: &Json, indent: usize, rng: &mut Rng, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Json::Object(map) if map.contains_key("$plain") => {
            let _ = writeln!(text, "{pad}{}", inline(value, rng));
        }
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let _ = write!(
                    text,
                    "{pad}{}:",
                    if rng.chance(5) {
                        format!("\"{key}\"")
                    } else {
                        key.clone()
                    }
                );
                below(value, indent, rng, text);
            }
            if rng.chance(1) {
                let _ = writeln!(text, "{pad}{}: 1", map.keys().next().unwrap());
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{pad}-");
                below(item, indent, rng, text);
            }
        }
        other => {
            let _ = writeln!(text, "{pad}{}", inline(other, rng));
        }
    }
}

/// A value after its key or its dash.
fn below(value: &Json, indent: usize, rng: &mut Rng, text: &mut String) {
    let is_block = match value {
        Json::Object(map) => !map.is_empty() && !map.contains_key("$plain"),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block && !rng.chance(15) {
        text.push('\n');
        return block(value, indent + 2, rng, text);
    }
    if let Json::String(content) = value
        && !content.starts_with([' ', '\n'])
        && !content.contains('\t')
        && content.contains(char::is_alphanumeric)
        && rng.chance(if content.contains('\n') { 70 } else { 8 })
    {
        let mark = *rng.pick(&["|", "|-", "|+", ">", ">-"]);
        let _ = writeln!(text, " {mark}");
        for line in content.split('\n') {
            let _ = writeln!(text, "{}{line}", " ".repeat(indent + 2));
        }
        return;
    }
    let comment = if rng.chance(5) { " # ${NOPE}" } else { "" };
    let _ = writeln!(text, " {}{comment}", inline(value, rng));
}

/// A value on one line.
fn inline(value: &Json, rng: &mut Rng) -> String {
    match value {
        Json::Null => (*rng.pick(&["null", "~"])).to_owned(),
        Json::Object(map) => match map.get("$plain") {
            Some(Json::String(plain)) if !plain.is_empty() && !plain.contains(['\n', '"']) => {
                plain.clone()
            }
            Some(other) => inline(other, rng),
            None => {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", inline(&quoted(value), rng)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
        },
        Json::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| inline(&quoted(item), rng))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Json::String(content) => {
            let is_single = !content.contains(['\'', '\n', '\t']) && rng.chance(50);
            if is_single {
                format!("'{content}'")
            } else {
                value.to_string()
            }
        }
        other => other.to_string(),
    }
}

/// The same with quotes around plain text, which means other things between brackets.
fn quoted(value: &Json) -> Json {
    match value {
        Json::Object(map) => match map.get("$plain") {
            Some(plain) => plain.clone(),
            None => value.clone(),
        },
        other => other.clone(),
    }
}
