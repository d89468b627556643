//! A first look at a file, without parsing it: whether a YAML file is a node's configuration, whether a JSON file is a
//! recorded machine, and by which name it goes.
//!
//! A repository has patches, manifests and settings beside its nodes. Looking at lines is cheap enough for every file
//! of it, and works on files that are broken, which must be reported and not be passed over.

/// What a YAML file looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Yaml {
    /// It is a whole machine configuration: it has a `machine` section and says its version or the machine's type.
    pub config: bool,
    /// The only hostname in it.
    pub hostname: Option<String>,
    /// It is a talconfig.yaml, which has a name, an endpoint and nodes.
    pub talconfig: bool,
}

/// What a JSON file looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json {
    /// It says that it is a snapshot or an inventory.
    pub machine: bool,
    /// The first UUID in it, which is the machine's.
    pub uuid: Option<String>,
}

/// How much of a JSON file is looked at, in bytes: its schema and the machine come first.
pub const JSON_HEAD: usize = 4096;

/// Looks at the lines of a YAML file.
pub fn yaml(text: &str) -> Yaml {
    let (mut machine, mut version, mut kind) = (false, false, false);
    let mut talhelper = [
        ("clusterName", false),
        ("endpoint", false),
        ("nodes", false),
    ];
    let mut names: Vec<&str> = Vec::new();
    for line in text.lines() {
        let top = !line.starts_with([' ', '\t', '-', '#']);
        let Some((key, value)) = pair(line) else {
            continue;
        };
        for (name, found) in &mut talhelper {
            *found |= top && key == *name;
        }
        match key {
            "machine" if top => machine = true,
            "version" if top => version |= value == "v1alpha1",
            "type" if !top => kind |= matches!(value, "controlplane" | "worker" | "init"),
            "hostname" if !value.is_empty() && !names.contains(&value) => names.push(value),
            _ => {}
        }
    }
    Yaml {
        config: machine && (version || kind),
        hostname: match names[..] {
            [only] if is_name(only) => Some(only.to_owned()),
            _ => None,
        },
        talconfig: talhelper.iter().all(|(_, found)| *found),
    }
}

/// `key: value` of a line of block style, without quotes and comments.
fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '-']);
    let (key, value) = line.split_once(':')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let bare = |text: &'_ str| -> (usize, usize) {
        let quoted = text.len() > 1 && (text.starts_with('"') && text.ends_with('"'))
            || text.len() > 1 && (text.starts_with('\'') && text.ends_with('\''));
        if quoted {
            (1, text.len() - 1)
        } else {
            (0, text.len())
        }
    };
    let (from, to) = bare(key.trim_end());
    let (start, end) = bare(value);
    Some((&key[from..to], &value[start..end]))
}

/// Whether it can be a hostname, and not a template or an alias.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.len() <= 253 && text.chars().all(allowed)
}

/// Looks at the first bytes of a JSON file.
pub fn json(head: &str) -> Json {
    let machine = ["\"keelblock/snapshot/v", "\"keelblock/inventory/v"]
        .iter()
        .any(|schema| head.contains(schema));
    let uuid = head.split_once("\"uuid\"").and_then(|(_, rest)| {
        let value = rest.trim_start().strip_prefix(':')?.trim_start();
        value.strip_prefix('"')?.get(..36)
    });
    Json {
        machine,
        uuid: uuid.filter(|_| machine).and_then(as_uuid),
    }
}

/// A UUID in lower case, if `text` is one.
pub fn as_uuid(text: &str) -> Option<String> {
    let shaped = text.len() == 36
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    shaped.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_told_from_what_lies_beside_it() {
        for (text, config, hostname) in [
            (
                "version: v1alpha1\nmachine:\n  type: worker\n  network:\n    hostname: a\n",
                true,
                Some("a"),
            ),
            (
                "machine:\n  type: worker # x\n---\nkind: HostnameConfig\nhostname: \"b.c\" # x\n",
                true,
                Some("b.c"),
            ),
            (
                "\"version\": v1alpha1\n\"machine\":\n  network: {",
                true,
                None,
            ),
            // A patch, talhelper's own file, a manifest.
            ("machine:\n  sysctls:\n    a: b\n", false, None),
            (
                "clusterName: x\nnodes:\n  - hostname: a\n  - hostname: b\n",
                false,
                None,
            ),
            ("apiVersion: v1\nkind: Pod\n", false, None),
            ("hostname: {{ .x }}\n", false, None),
            ("", false, None),
        ] {
            let found = yaml(text);
            assert!(!found.talconfig, "{text}");
            assert_eq!(found.config, config, "{text}");
            assert_eq!(found.hostname.as_deref(), hostname, "{text}");
        }
    }

    #[test]
    fn a_talconfig_has_a_name_an_endpoint_and_nodes() {
        let whole = "clusterName: x\nendpoint: https://10.0.0.1:6443\nnodes:\n  - hostname: a\n";
        assert!(yaml(whole).talconfig);
        for key in ["clusterName", "endpoint", "nodes"] {
            assert!(!yaml(&whole.replace(key, "other")).talconfig, "{key}");
        }
    }

    #[test]
    fn a_recorded_machine_is_told_from_other_json() {
        let head = "{\"schema\": \"keelblock/inventory/v1\", \"machine\": {\"uuid\" :\n \"9F3B6C1E-2d47-5a80-b1c6-0e7d5a94c213\"";
        let found = json(head);
        assert!(found.machine);
        assert_eq!(
            found.uuid.as_deref(),
            Some("9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213")
        );
        for other in [
            "",
            "{}",
            "{\"schema\": \"keelblock/plan/v1\"}",
            "{\"uuid\": \"ü",
        ] {
            assert_eq!(json(other), Json::default(), "{other}");
        }
    }
}
