//! What configurations come to: the example nodes in both dialects, Talos' precedence rules, the canonical form.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: a panic is the report, and nobody reads their documentation"
)]

use keelblock::config::spec::{
    Cipher, DiskSelector, DiskType, EncryptionForm, FilesystemKind, InstallTarget, KeySource,
    MaxSize, Spec, VolumeKind,
};
use keelblock::config::{Source, parse, talos_version};

const OLD: [&str; 3] = [
    include_str!("../examples/nodes/talos-1.10/mini01.yaml"),
    include_str!("../examples/nodes/talos-1.10/mini02.yaml"),
    include_str!("../examples/nodes/talos-1.10/mini03.yaml"),
];
const NEW: [&str; 3] = [
    include_str!("../examples/nodes/talos-1.14/mini01.yaml"),
    include_str!("../examples/nodes/talos-1.14/mini02.yaml"),
    include_str!("../examples/nodes/talos-1.14/mini03.yaml"),
];

fn read(text: &str) -> Spec {
    parse(&[Source {
        name: "node.yaml",
        text,
    }])
    .unwrap()
}

#[test]
fn the_examples_of_talos_1_10_say_what_they_seem_to_say() {
    for (n, text) in OLD.iter().enumerate() {
        let spec = read(text);
        assert_eq!(spec.hostname, Some(format!("mini0{}", n + 1)));
        assert_eq!(spec.machine_type.as_deref(), Some("controlplane"));
        assert_eq!(talos_version(&spec), Some((1, 10)));
        let install = spec.install.as_ref().unwrap();
        let InstallTarget::Selector(selector) = &install.target else {
            panic!("{install:?}");
        };
        let apple = DiskSelector {
            model: Some(String::from("APPLE*")),
            ..DiskSelector::default()
        };
        assert_eq!(*selector, apple);
        assert!(install.wipe && install.wipe_explicit);
        for volume in [&spec.state, &spec.ephemeral] {
            let sealed = volume.encryption.as_ref().unwrap();
            assert_eq!(sealed.form, EncryptionForm::Legacy);
            assert_eq!((sealed.cipher, sealed.key_size), (Cipher::AesXts, 0));
            assert!(
                matches!(sealed.keys[..], [ref key] if key.slot == 0 && matches!(key.source, KeySource::NodeId))
            );
        }
        check_common(&spec);
        assert_eq!(spec.volumes[0].provisioning.min_size, None);
        assert!(
            spec.ignored
                .contains(&String::from("v1alpha1/ExtensionServiceConfig/lldpd"))
        );
        assert!(spec.ignored.contains(&String::from("machine.kubelet")));
        assert!(spec.warnings.is_empty(), "{:?}", spec.warnings);
    }
}

#[test]
fn the_examples_of_talos_1_14_are_the_same_nodes() {
    for (n, text) in NEW.iter().enumerate() {
        let spec = read(text);
        assert_eq!(spec.hostname, Some(format!("mini0{}", n + 1)));
        assert_eq!(talos_version(&spec), Some((1, 14)));
        let install = spec.install.as_ref().unwrap();
        let InstallTarget::Expression(expression) = &install.target else {
            panic!("{install:?}");
        };
        assert!(
            expression
                .text()
                .starts_with("glob(\"APPLE*\", disk.model) && ")
        );
        assert!(install.wipe && install.wipe_explicit);
        for volume in [&spec.state, &spec.ephemeral] {
            assert_eq!(
                volume.encryption.as_ref().unwrap().form,
                EncryptionForm::Document
            );
        }
        check_common(&spec);
        let other = read(OLD[n]).canonical();
        let same = spec.canonical();
        for part in ["hostname", "type", "tuning"] {
            assert_eq!(same[part], other[part], "{part}");
        }
        assert!(spec.warnings.is_empty(), "{:?}", spec.warnings);
    }
}

fn check_common(spec: &Spec) {
    assert_eq!(spec.volumes.len(), 1);
    let volume = &spec.volumes[0];
    assert_eq!(
        (volume.id.as_str(), volume.kind),
        ("u-longhorn-ssd", VolumeKind::User)
    );
    assert_eq!(volume.filesystem.unwrap().kind, FilesystemKind::Xfs);
    assert!(
        matches!(volume.provisioning.max_size, Some(MaxSize::Absolute(size)) if size.get() == 1_000_000_000_000)
    );
    assert_eq!(
        volume.provisioning.selector.as_ref().unwrap().text(),
        "disk.model == \"Portable SSD T5\""
    );
    assert_eq!(spec.tuning.sysctls["vm.dirty_ratio"].0, "5");
    assert_eq!(spec.tuning.sysctls.len(), 5);
    assert_eq!(spec.tuning.udev_rules.len(), 2);
    assert!(
        spec.tuning.udev_rules[1]
            .0
            .ends_with("ATTR{queue/rotational}=\"0\"")
    );
}

#[test]
fn documents_win_over_the_old_sections_key_by_key_and_udev_rules_are_replaced() {
    let spec = read(
        "apiVersion: v1alpha1\nkind: SysctlConfig\nparams: {a: new, c: 3}\n---\n\
         apiVersion: v1alpha1\nkind: SysfsConfig\nparams: {x: 1}\n---\n\
         machine:\n  sysctls: {a: old, b: 0644, d: null, e: yes}\n  sysfs: {x: 0, y: 2}\n  udev: {rules: [old]}\n---\n\
         apiVersion: v1alpha1\nkind: UdevRulesConfig\nrules: [new, null]\n",
    );
    let pairs: Vec<(&str, &str)> = spec
        .tuning
        .sysctls
        .iter()
        .map(|(key, (value, _))| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("a", "new"),
            ("b", "0644"),
            ("c", "3"),
            ("d", ""),
            ("e", "yes")
        ]
    );
    assert_eq!(spec.tuning.sysctls["a"].1.to_string(), "node.yaml:3:13");
    assert_eq!(spec.tuning.sysfs["x"].0, "1");
    assert_eq!(spec.tuning.sysfs["y"].0, "2");
    let rules: Vec<&str> = spec
        .tuning
        .udev_rules
        .iter()
        .map(|(rule, _)| rule.as_str())
        .collect();
    assert_eq!(rules, ["new"]);
}

#[test]
fn encryption_may_stand_in_one_place_for_each_volume() {
    let spec = read(
        "machine: {systemDiskEncryption: {state: {keys: [{nodeID: {}}]}}}\n---\n\
         apiVersion: v1alpha1\nkind: VolumeConfig\nname: EPHEMERAL\nencryption: {provider: LUKS2, keys: [\
         {slot: 1, tpm: {}}, {slot: 2, tpm: {options: {pcrs: []}}}, {slot: 3, static: {passphrase: one}, nodeID: {}}]}\n---\n\
         apiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption: {}\n",
    );
    let state = spec.state.encryption.unwrap();
    assert_eq!(
        (state.form, state.provider.as_str()),
        (EncryptionForm::Legacy, "")
    );
    let ephemeral = spec.ephemeral.encryption.unwrap();
    assert_eq!(ephemeral.provider, "luks2");
    assert!(matches!(
        &ephemeral.keys[0].source,
        KeySource::Tpm { pcrs: None, .. }
    ));
    assert!(
        matches!(&ephemeral.keys[1].source, KeySource::Tpm { pcrs: Some(pcrs), .. } if pcrs.is_empty())
    );
    assert!(
        matches!(&ephemeral.keys[2].source, KeySource::Static(secret) if secret.expose() == b"one")
    );
    assert_eq!(spec.warnings.len(), 1);
    assert!(
        spec.warnings[0]
            .1
            .contains("Talos takes static and passes over nodeID")
    );
}

#[test]
fn a_passphrase_is_the_text_as_talos_reads_it() {
    for (written, bytes) in [
        ("12345", &b"12345"[..]),
        ("0644", b"0644"),
        ("true", b"true"),
        ("'null'", b"null"),
        ("!!binary c2VjcmV0", b"secret"),
        ("|\n            two\n            lines\n", b"two\nlines\n"),
    ] {
        let text = format!(
            "machine:\n  systemDiskEncryption:\n    state:\n      keys:\n      - static:\n          passphrase: {written}\n"
        );
        let spec = read(&text);
        let sealed = spec.state.encryption.unwrap();
        let KeySource::Static(secret) = &sealed.keys[0].source else {
            panic!("{sealed:?}");
        };
        assert_eq!(secret.expose(), bytes, "{written}");
    }
}

#[test]
fn every_matcher_of_a_disk_selector_is_read() {
    let spec = read(
        "machine: {install: {disk: /dev/sda, diskSelector: {size: '>= 100GB', model: a, serial: b, modalias: c, uuid: d, wwid: e, type: ssd, busPath: f, name: ''}}}",
    );
    let install = spec.install.unwrap();
    let InstallTarget::Selector(selector) = install.target else {
        panic!("the selector wins");
    };
    assert_eq!(selector.size.unwrap().text, ">= 100GB");
    assert_eq!(selector.disk_type, Some(DiskType::Ssd));
    let globs = [
        &selector.model,
        &selector.serial,
        &selector.modalias,
        &selector.uuid,
        &selector.wwid,
        &selector.bus_path,
    ];
    assert_eq!(
        globs.map(|glob| glob.as_deref().unwrap()),
        ["a", "b", "c", "d", "e", "f"]
    );
    assert!(!install.wipe && !install.wipe_explicit);
    assert!(spec.warnings[0].1.contains("diskSelector wins"));
}

#[test]
fn install_targets_follow_go_s_zero_values() {
    let target = |text: &str| read(text).install.map(|install| install.target);
    assert!(matches!(
        target("machine: {install: {disk: ''}}"),
        Some(InstallTarget::Unnamed)
    ));
    assert!(matches!(
        target("machine: {install: {diskSelector: {}}}"),
        Some(InstallTarget::Selector(_))
    ));
    assert!(matches!(
        target("machine: {install: {diskSelector: null, disk: /dev/vda}}"),
        Some(InstallTarget::Disk(_))
    ));
    assert!(target("machine: {install: null}").is_none());
    let unattended = "apiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning: {diskSelector: {match: disk.rotational}}\n";
    assert!(
        read(unattended).install.unwrap().wipe,
        "UnattendedInstallConfig wipes unless told otherwise"
    );
}

#[test]
fn kinds_of_volumes() {
    let head = "apiVersion: v1alpha1\nkind: ";
    let place = "provisioning: {diskSelector: {match: 'true'}, minSize: 1GB}";
    let text = [
        format!("{head}RawVolumeConfig\nname: a\n{place}"),
        format!("{head}SwapVolumeConfig\nname: a\n{place}"),
        format!("{head}UserVolumeConfig\nname: a\nvolumeType: disk\nprovisioning: {{diskSelector: {{match: 'true'}}}}"),
        format!("{head}UserVolumeConfig\nname: b\nvolumeType: directory"),
        format!("{head}VolumeConfig\nname: LOG\nprovisioning: {{maxSize: -10%}}"),
        format!("{head}VolumeConfig\nname: ETCD"),
        format!("{head}ExistingVolumeConfig\nname: c\ndiscovery: {{volumeSelector: {{match: volume.label == 'x'}}}}"),
        format!("{head}ExternalVolumeConfig\nname: d\nanything: goes"),
    ]
    .join("\n---\n");
    let spec = read(&text);
    let kinds: Vec<(&str, VolumeKind)> = spec
        .volumes
        .iter()
        .map(|v| (v.id.as_str(), v.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("r-a", VolumeKind::Raw),
            ("s-a", VolumeKind::Swap),
            ("u-a", VolumeKind::UserDisk),
            ("u-b", VolumeKind::Directory),
            ("LOG", VolumeKind::System),
            ("ETCD", VolumeKind::Directory),
        ]
    );
    assert_eq!(spec.existing[0].name, "c");
    assert_eq!(spec.ignored, ["v1alpha1/ExternalVolumeConfig/d"]);
}

#[test]
fn files_are_one_stream_of_documents() {
    let halves: Vec<&str> = NEW[0].splitn(2, "---\n").collect();
    let sources = [
        Source {
            name: "documents.yaml",
            text: halves[1],
        },
        Source {
            name: "empty.yaml",
            text: "# nothing\n",
        },
        Source {
            name: "-",
            text: halves[0],
        },
    ];
    let spec = parse(&sources).unwrap();
    assert_eq!(spec.canonical(), read(NEW[0]).canonical());
    assert_eq!(spec.install.unwrap().at.file, "documents.yaml");
}

#[test]
fn the_canonical_form_knows_neither_places_nor_passphrases_nor_style() {
    let text = "machine:\n  systemDiskEncryption:\n    state:\n      keys:\n      - slot: 0\n        static: {passphrase: hunter22}\n";
    let moved = format!(
        "# a comment\n\n{}",
        text.replace("hunter22", "'another'")
            .replace("slot: 0", "slot: 0x0")
    );
    let (first, second) = (read(text).canonical(), read(&moved).canonical());
    assert_eq!(first.to_string(), second.to_string());
    assert!(!first.to_string().contains("hunter"));
    let changed = read(&text.replace("slot: 0", "slot: 1")).canonical();
    assert_ne!(first, changed);
}
