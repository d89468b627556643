//! Every class of mistake in a configuration is reported with file, line, column, what stands there and what may.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: a panic is the report, and nobody reads their documentation"
)]

use keelblock::config::{Diagnostic, DiagnosticKind as Kind, Source, parse, snippet};

fn errors(text: &str) -> Vec<Diagnostic> {
    let error = parse(&[Source {
        name: "node.yaml",
        text,
    }])
    .expect_err(text);
    assert!(!error.diagnostics().is_empty());
    assert_eq!(
        error.to_string().lines().count(),
        error.diagnostics().len(),
        "{error}"
    );
    error.diagnostics().to_vec()
}

/// Kind, line, column, quoted text, and a word of what is said.
type Wanted = (Kind, u32, u32, Option<&'static str>, &'static str);

fn check(cases: &[(&str, Wanted)]) {
    let mut wrong = Vec::new();
    for (text, (kind, line, column, found, says)) in cases {
        let errors = errors(text);
        let error = &errors[0];
        let said = error.to_string();
        let fits = errors.len() == 1
            && (error.at.line, error.at.column) == (*line, *column)
            && error.kind == *kind
            && error.found.as_deref() == *found
            && error.allowed.is_some()
            && said.contains(says)
            && said.starts_with(&format!("node.yaml:{line}:{column}: "));
        if !fits {
            wrong.push(format!(
                "{text}\nwanted {kind:?} at {line}:{column}, {found:?}, {says:?}, got {errors:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
#[rustfmt::skip]
fn what_is_not_yaml_or_not_a_document() {
    check(&[
        ("", (Kind::Empty, 1, 1, None, "empty")),
        ("# nothing\n---\n~\n", (Kind::Empty, 1, 1, None, "empty")),
        ("machine: {a\n", (Kind::Syntax, 1, 10, None, "not valid YAML")),
        ("machine:\n\tinstall: {}\n", (Kind::Syntax, 2, 2, None, "tab")),
        ("machine: *gone\n", (Kind::Syntax, 1, 10, None, "anchor")),
        ("machine: {}\0\n", (Kind::Syntax, 1, 12, None, "U+0000")),
        ("? [a]\n: b\n", (Kind::Syntax, 1, 3, None, "key must be a scalar")),
        ("machine: {<<: 1}\n", (Kind::Syntax, 1, 15, None, "merge")),
        ("- machine\n", (Kind::NotADocument, 1, 1, None, "a list where a document")),
        ("machine\n", (Kind::NotADocument, 1, 1, None, "a scalar where a document")),
        ("apiVersion: v1alpha1\n", (Kind::NotADocument, 1, 1, None, "no kind")),
        ("version: v1alpha1\n", (Kind::NotADocument, 1, 1, None, "no kind")),
        ("install:\n  disk: /dev/sda\n", (Kind::NotADocument, 1, 1, None, "below `machine`")),
        ("kind: VolumeConfig\nname: STATE\n", (Kind::Missing, 1, 1, None, "apiVersion: v1alpha1")),
        ("apiVersion: v1beta1\nkind: VolumeConfig\nname: STATE\n", (Kind::BadValue, 1, 13, Some("v1beta1"), "apiVersion")),
        ("apiVersion: v1alpha1\nkind: UserVolumesConfig\n", (Kind::UnknownKind, 2, 7, Some("UserVolumesConfig"), "did you mean UserVolumeConfig")),
        ("machine: {type: worker}\nmachine: {}\n", (Kind::Duplicate, 2, 1, Some("machine"), "also at node.yaml:1:1")),
    ]);
}

#[test]
#[rustfmt::skip]
fn keys_that_talos_does_not_have() {
    check(&[
        ("machine:\n  userVolumes:\n    - name: data\n", (Kind::UnknownKey, 2, 3, Some("userVolumes"), "kind: UserVolumeConfig")),
        ("machine:\n  disks:\n    - device: /dev/sdb\n      partitions:\n        - mountpoint: /var/mnt/x\n          format: ext4\n", (Kind::UnknownKey, 6, 11, Some("format"), "always XFS")),
        ("machine:\n  install:\n    diskselector: {}\n", (Kind::UnknownKey, 3, 5, Some("diskselector"), "did you mean diskSelector")),
        ("machine:\n  install:\n    diskSelector:\n      match: disk.rotational\n", (Kind::UnknownKey, 4, 7, Some("match"), "UnattendedInstallConfig")),
        ("machine: {}\nmashine: {}\n", (Kind::UnknownKey, 2, 1, Some("mashine"), "did you mean machine")),
        ("apiVersion: v1alpha1\nkind: UdevRulesConfig\n$patch: delete\n", (Kind::UnknownKey, 3, 1, Some("$patch"), "a patch has to be applied before")),
    ]);
}

#[test]
#[rustfmt::skip]
fn values_of_the_install_section() {
    check(&[
        ("machine: {install: {wipe: maybe}}", (Kind::WrongType, 1, 27, Some("maybe"), "true or false")),
        ("machine: {install: []}", (Kind::WrongType, 1, 20, None, "a list where a mapping")),
        ("machine: {install: {disk: /dev/disk/by-id/usb-*}}", (Kind::BadValue, 1, 27, Some("/dev/disk/by-id/usb-*"), "not expanded")),
        ("machine: {install: {disk: sda}}", (Kind::BadValue, 1, 27, Some("sda"), "absolute path")),
        ("machine: {install: {diskSelector: {size: '!= 4GB'}}}", (Kind::BadValue, 1, 42, Some("!= 4GB"), ">= 100GB")),
        ("machine: {install: {diskSelector: {type: usb}}}", (Kind::BadValue, 1, 42, Some("usb"), "ssd, hdd, nvme, sd")),
        ("machine: {install: {diskSelector: {name: sda}}}", (Kind::BadValue, 1, 42, Some("sda"), "by name")),
        ("machine:\n  install:\n    extraKernelArgs: [a]\n    grubUseUKICmdline: true\n", (Kind::Conflict, 3, 22, None, "also at node.yaml:4:24")),
        ("apiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning: {wipe: false}\n", (Kind::Missing, 3, 15, None, "diskSelector.match")),
        ("machine: {install: {disk: /dev/sda}}\n---\napiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning: {diskSelector: {match: 'disk.rotational'}}\n", (Kind::Conflict, 1, 20, None, "also at node.yaml:3:1")),
        ("machine: {type: master}", (Kind::BadValue, 1, 17, Some("master"), "controlplane, worker")),
    ]);
}

/// A user volume with `lines` added.
fn user(lines: &str) -> String {
    format!(
        "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning: {{diskSelector: {{match: disk.rotational}}, minSize: 1GB}}\n{lines}\n"
    )
}

#[test]
#[rustfmt::skip]
fn values_of_volume_documents() {
    let head = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\n";
    let system = |name: &str, rest: &str| {
        format!("apiVersion: v1alpha1\nkind: VolumeConfig\nname: {name}\n{rest}\n")
    };
    let cases: Vec<(String, Wanted)> = vec![
        (system("BOOT", ""), (Kind::BadValue, 3, 7, Some("BOOT"), "STATE, EPHEMERAL, IMAGECACHE")),
        (system("STATE", "provisioning: {minSize: 1GB}"), (Kind::BadValue, 4, 15, None, "fixed place")),
        (system("STATE", "mount: {secure: true}"), (Kind::BadValue, 4, 8, None, "no `mount` for STATE")),
        (system("LOG", "mount: {secure: true}"), (Kind::BadValue, 4, 8, None, "directory of EPHEMERAL")),
        (system("IMAGECACHE", "filesystem: {xfs: {minAllocationGroupSize: 1GB}}"), (Kind::BadValue, 4, 13, None, "IMAGECACHE")),
        (user("volumeType: tmpfs"), (Kind::BadValue, 5, 13, Some("tmpfs"), "partition, disk, directory")),
        (user("volumeType: disk"), (Kind::BadValue, 4, 65, Some("1GB"), "no size")),
        (user("volumeType: directory"), (Kind::BadValue, 4, 15, None, "directory")),
        (user("filesystem: {type: zfs}"), (Kind::BadValue, 5, 20, Some("zfs"), "xfs, ext4, btrfs")),
        (user("filesystem: {type: ext4, projectQuotaSupport: yes}"), (Kind::BadValue, 5, 47, Some("yes"), "project quotas")),
        (user("trim: {interval: -1s}"), (Kind::BadValue, 5, 18, Some("-1s"), "0s or more")),
        (user("scrub: {interval: 9s}"), (Kind::BadValue, 5, 19, Some("9s"), "10s or more")),
        (user("scrub: {interval: 1d}"), (Kind::BadValue, 5, 19, Some("1d"), "168h")),
        (user("mount: {readOnly: true}"), (Kind::UnknownKey, 5, 9, Some("readOnly"), "secure, disableAccessTime")),
        (format!("{head}provisioning: {{minSize: 1GB}}"), (Kind::Missing, 4, 15, None, "diskSelector.match")),
        (format!("{head}provisioning: {{diskSelector: {{match: 'true'}}}}"), (Kind::Missing, 4, 15, None, "minSize or maxSize")),
        (head.to_owned(), (Kind::Missing, 1, 1, None, "no provisioning")),
        (format!("{head}provisioning: {{diskSelector: {{match: 'true'}}, minSize: 2GB, maxSize: 1GB}}" ), (Kind::BadValue, 4, 56, Some("2GB"), "at most maxSize")),
        (format!("{head}provisioning: {{diskSelector: {{match: 'true'}}, minSize: 50%}}"), (Kind::BadValue, 4, 56, Some("50%"), "share")),
        (format!("{head}provisioning: {{diskSelector: {{match: 'true'}}, minSize: -1GB}}"), (Kind::BadValue, 4, 56, Some("-1GB"), "negative")),
        (format!("{head}provisioning: {{diskSelector: {{match: 'true'}}, maxSize: 101%}}"), (Kind::BadValue, 4, 56, Some("101%"), "0% to 100%")),
        (user("").replace("data", "my_data"), (Kind::BadValue, 3, 7, Some("my_data"), "A-Z a-z 0-9 -")),
        (user("").replace("data", &"d".repeat(35)), (Kind::BadValue, 3, 7, Some("ddddddddddddddddddddddddddddddddddd"), "1 to 34")),
        (user("").replace("name: data\n", "name:\n"), (Kind::Missing, 1, 1, None, "no name")),
        (format!("{}---\n{}", user(""), user("")), (Kind::Duplicate, 7, 1, None, "also at node.yaml:1:1")),
        (format!("{}---\napiVersion: v1alpha1\nkind: ExistingVolumeConfig\nname: data\ndiscovery: {{volumeSelector: {{match: 'true'}}}}", user("") ), (Kind::Conflict, 7, 1, None, "also at node.yaml:1:1")),
        ("apiVersion: v1alpha1\nkind: ExistingVolumeConfig\nname: data\n".to_owned(), (Kind::Missing, 1, 1, None, "discovery.volumeSelector.match")),
    ];
    let cases: Vec<(&str, Wanted)> = cases
        .iter()
        .map(|(text, wanted)| (text.as_str(), *wanted))
        .collect();
    check(&cases);
}

#[test]
#[rustfmt::skip]
fn values_of_encryption() {
    let sealed = |lines: &str| user(&format!("encryption:\n  provider: luks2\n{lines}"));
    let keys = |keys: &str| sealed(&format!("  keys: {keys}"));
    let cases: Vec<(String, Wanted)> = vec![
        (user("encryption: {provider: luks1, keys: [{nodeID: {}}]}"), (Kind::BadValue, 5, 24, None, "luks2")),
        (user("encryption:\n  provider: luks1\n  cipher: ''\n  keys:\n  - nodeID: {}"), (Kind::BadValue, 6, 13, Some("luks1"), "luks2")),
        (user("encryption:\n  keys: [{nodeID: {}}]"), (Kind::Missing, 6, 3, None, "no encryption provider")),
        (sealed(""), (Kind::Missing, 6, 3, None, "at least one key")),
        (keys("[{}]"), (Kind::Missing, 7, 10, None, "static, nodeID, kms or tpm")),
        (keys("[{slot: 32, nodeID: {}}]"), (Kind::BadValue, 7, 17, None, "32 is out of range")),
        (keys("[{nodeID: {}}, {nodeID: {}}]"), (Kind::Conflict, 7, 24, None, "also at node.yaml:7:10")),
        (keys("[{nodeID: {}}, null]"), (Kind::WrongType, 7, 24, None, "null where a mapping")),
        (keys("[{static: {passphrase: ''}}]"), (Kind::Missing, 7, 32, None, "passphrase is empty")),
        (keys("[{static: {}}]"), (Kind::Missing, 7, 19, None, "no passphrase")),
        (keys("[{tpm: {options: {pcrs: [24]}}}]"), (Kind::BadValue, 7, 34, None, "0 to 23")),
        (keys("[{kms: {}}]"), (Kind::Missing, 7, 16, None, "endpoint")),
        (sealed("  cipher: aes-cbc-essiv\n  keys:\n  - nodeID: {}"), (Kind::BadValue, 7, 11, Some("aes-cbc-essiv"), "xchacha20,aes-adiantum-plain64")),
        (sealed("  keySize: 384\n  keys:\n  - nodeID: {}"), (Kind::BadValue, 7, 12, None, "256 or 512 bits")),
        (sealed("  blockSize: 513\n  keys:\n  - nodeID: {}"), (Kind::BadValue, 7, 14, Some("513"), "4096")),
        (sealed("  options: [no_read_workqueue, fast]\n  keys:\n  - nodeID: {}"), (Kind::BadValue, 7, 32, Some("fast"), "same_cpu_crypt")),
        ("apiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption: {provider: luks2, keys: [{nodeID: {}, lockToState: true}]}\n".to_owned(), (Kind::BadValue, 1, 1, None, "locked to STATE itself")),
        ("machine: {systemDiskEncryption: {state: {keys: [{nodeID: {}}]}}}\n---\napiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption: {provider: luks2, keys: [{nodeID: {}}]}\n".to_owned(), (Kind::Conflict, 1, 41, None, "also at node.yaml:6:13")),
        ("machine: {systemDiskEncryption: {state: {}}}".to_owned(), (Kind::Missing, 1, 41, None, "no encryption keys")),
    ];
    let cases: Vec<(&str, Wanted)> = cases
        .iter()
        .map(|(text, wanted)| (text.as_str(), *wanted))
        .collect();
    check(&cases);
}

#[test]
#[rustfmt::skip]
fn values_of_the_other_sections() {
    check(&[
        ("machine: {disks: [null]}", (Kind::WrongType, 1, 19, Some("null"), "null where a mapping")),
        ("machine: {disks: [{device: '/dev/sd*'}]}", (Kind::BadValue, 1, 28, Some("/dev/sd*"), "not expanded")),
        ("machine: {disks: [{device: /dev/sdb, partitions: [{mountpoint: /var/a}, {mountpoint: /var/b}]}]}", (Kind::BadValue, 1, 51, None, "not the last one")),
        ("machine: {sysctls: {a: [1]}}", (Kind::WrongType, 1, 24, None, "a list where a single value")),
        ("machine: {sysctls: {'': 1}}", (Kind::BadValue, 1, 21, Some(""), "key is empty")),
        ("machine: {udev: {rules: KERNEL}}", (Kind::WrongType, 1, 25, Some("KERNEL"), "a scalar where a list")),
        ("apiVersion: v1alpha1\nkind: HostnameConfig\n", (Kind::Missing, 1, 1, None, "neither auto nor hostname")),
        ("machine: {network: {hostname: a}}\n---\napiVersion: v1alpha1\nkind: HostnameConfig\nauto: stable\n", (Kind::Conflict, 1, 31, None, "machine.network.hostname")),
        ("machine: {features: {stableHostname: true}}\n---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: a\nauto: off\n", (Kind::Conflict, 1, 38, None, "stableHostname")),
    ]);
}

#[test]
fn mistakes_in_expressions_are_placed_in_the_file() {
    let volume = |written: &str| {
        format!(
            "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  minSize: 1GB\n  diskSelector:\n    match: {written}\n"
        )
    };
    for (written, line, column) in [
        ("disk.size > 120", 7, 22),
        ("'disk.sise > 120u'", 7, 17),
        ("|\n      disk.rotational &&\n      disk.size > 120", 9, 17),
        ("disk.model ==", 7, 25),
        ("disk.model", 7, 12),
    ] {
        let text = volume(written);
        let found = &errors(&text)[0];
        assert_eq!(
            (found.kind, found.at.line),
            (Kind::BadValue, line),
            "{found}"
        );
        assert!(
            found.path.ends_with("diskSelector.match") && found.found.is_some(),
            "{found}"
        );
        assert_eq!(found.at.column, column, "{found}");
    }
}

#[test]
fn one_run_finds_every_mistake_in_the_order_of_the_files() {
    let sources = [
        Source {
            name: "a.yaml",
            text: "machine: {install: {wipe: 1, disk: sda}}\n",
        },
        Source {
            name: "b.yaml",
            text: "machine: {}\n",
        },
        Source {
            name: "c.yaml",
            text: "a: [\n",
        },
    ];
    let error = parse(&sources).unwrap_err();
    let places: Vec<String> = error
        .diagnostics()
        .iter()
        .map(|d| d.at.to_string())
        .collect();
    assert_eq!(
        places,
        ["a.yaml:1:27", "a.yaml:1:36", "b.yaml:1:1", "c.yaml:1:4"]
    );
    assert_eq!(
        error.diagnostics()[2].also.as_ref().unwrap().to_string(),
        "a.yaml:1:1"
    );
}

#[test]
#[rustfmt::skip]
fn budgets_stop_bombs_at_once() {
    let laughs: String = std::iter::once(String::from(
        "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n",
    ))
    .chain((1..30).map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(9))))
    .collect();
    let chain: String = std::iter::once(String::from("- &a0 [x]\n"))
        .chain((1..100_000).map(|i| format!("- &a{i} [*a{}]\n", i - 1)))
        .take(90_000)
        .collect();
    let copies = format!(
        "a: &a {}\nl:\n{}",
        "x".repeat(100_000),
        "- *a\n".repeat(40_000)
    );
    let merges = format!(
        "a: &a {{{}}}\n{}",
        (0..1000).map(|i| format!("k{i}: 1, ")).collect::<String>(),
        (0..1000)
            .map(|i| format!("m{i}: {{<<: *a}}\n"))
            .collect::<String>(),
    );
    for (name, text) in [
        ("laughs", laughs),
        ("chain", chain),
        ("copies", copies),
        ("merges", merges),
        ("flow", "[".repeat(1 << 20)),
        (
            "block",
            (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        ),
        ("dashes", "- ".repeat(1 << 20)),
        ("size", "# x\n".repeat(1 << 20) + "machine: {}\n"),
        ("nodes", "- a\n".repeat(300_000)),
        ("keys", (0..90_000).map(|i| format!("machina{i}: 1\n")).collect::<String>() + "machine: {}\n"),
        (
            "kinds",
            (0..30_000)
                .map(|i| format!("apiVersion: v1alpha1\nkind: VolumeConfing{i}\n---\n"))
                .collect(),
        ),
    ] {
        let start = std::time::Instant::now();
        let found = errors(&text);
        let wanted = match name {
            "keys" | "kinds" => found[0].kind,
            _ => Kind::Limit,
        };
        assert_eq!(found[0].kind, wanted, "{name}: {}", found[0]);
        assert!(found.len() <= 100, "{name}: {} diagnostics", found.len());
        assert!(
            start.elapsed().as_secs() < 10,
            "{name} took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn byte_order_marks_and_carriage_returns_do_not_shift_places() {
    check(&[
        (
            "\u{feff}machine: {install: {wipe: 7}}\r\n",
            (Kind::WrongType, 1, 27, Some("7"), "boolean"),
        ),
        (
            "machine:\r\n  install:\r\n    wipe: 7\r\n",
            (Kind::WrongType, 3, 11, Some("7"), "boolean"),
        ),
        (
            "machine: {install: {image: 'Ünï', wipe: 7}}",
            (Kind::WrongType, 1, 41, Some("7"), "boolean"),
        ),
    ]);
}

#[test]
fn a_snippet_points_at_the_column_and_keeps_away_from_secrets() {
    let text = "machine:\n  type: worker\n  install:\n    wipe: maybe\n  nodeLabels: {}\n  systemDiskEncryption:\n    state:\n      keys:\n        - slot: 99\n          static: {passphrase: hunter22}\n";
    let sources = [Source {
        name: "node.yaml",
        text,
    }];
    let error = parse(&sources).unwrap_err();
    assert_eq!(error.diagnostics().len(), 2, "{error}");
    assert_eq!(
        snippet(&error.diagnostics()[0], &sources).unwrap(),
        " 4 |     wipe: maybe\n   |           ^"
    );
    assert_eq!(snippet(&error.diagnostics()[1], &sources), None);
}
