//! Configurations are read as Talos reads them: the examples to the same values, wrong ones by neither.
#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

#[path = "support/talos.rs"]
mod talos;

use std::fs;
use std::path::PathBuf;

use keelblock::config::spec::{
    Encryption, FilesystemKind, InstallTarget, MaxSize, Provisioning, Spec,
};
use keelblock::config::{Source, parse};
use keelblock::partitioner::meta::state_encryption_json;
use keelblock::selector::legacy;
use serde_json::{Value, json};

use self::talos::{Release, call};

const RELEASES: [(Release, &str); 2] = [
    (Release::V1_14, "talos-1.14"),
    (Release::V1_10, "talos-1.10"),
];

fn example(folder: &str, node: u32) -> (PathBuf, String) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nodes");
    let path = PathBuf::from(format!("{root}/{folder}/mini0{node}.yaml"));
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

fn read(text: &str) -> Result<Spec, keelblock::config::ConfigError> {
    parse(&[Source {
        name: "node.yaml",
        text,
    }])
}

/// The specification in the words of the judge's `view`.
fn view(spec: &Spec) -> Value {
    let pairs = |map: &std::collections::BTreeMap<String, (String, _)>| -> Value {
        map.iter()
            .map(|(key, (value, _))| (key.clone(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let rules: Vec<&str> = spec
        .tuning
        .udev_rules
        .iter()
        .map(|(rule, _)| &**rule)
        .collect();
    let state = spec.state.encryption.as_ref();
    let tag = state.map_or(b"null".to_vec(), |it| {
        state_encryption_json(it).expose().to_vec()
    });
    json!({
        "error": "",
        "type": spec.machine_type,
        "install": install(spec),
        "volumes": volumes(spec),
        "sysctls": pairs(&spec.tuning.sysctls),
        "sysfs": pairs(&spec.tuning.sysfs),
        "udev_rules": rules,
        "state_meta": String::from_utf8(tag).unwrap(),
    })
}

fn install(spec: &Spec) -> Value {
    let install = spec.install.as_ref().unwrap();
    let (disk, selector) = match &install.target {
        InstallTarget::Disk(disk) => (disk.clone(), String::new()),
        InstallTarget::Selector(selector) => (String::new(), legacy::expression(selector)),
        InstallTarget::Expression(expression) => (String::new(), expression.text().to_owned()),
        InstallTarget::Unnamed => (String::new(), String::new()),
    };
    json!({"disk": disk, "selector": selector, "wipe": install.wipe, "image": install.image})
}

fn volumes(spec: &Spec) -> Vec<Value> {
    let system = [("STATE", &spec.state), ("EPHEMERAL", &spec.ephemeral)];
    let system = system.map(|(id, it)| volume(id, &it.provisioning, it.encryption.as_ref(), ""));
    let others = spec.volumes.iter().map(|it| {
        let filesystem = it.filesystem.map_or("", |it| match it.kind {
            FilesystemKind::Xfs => "xfs",
            FilesystemKind::Ext4 => "ext4",
            FilesystemKind::Btrfs => "btrfs",
        });
        volume(&it.id, &it.provisioning, it.encryption.as_ref(), filesystem)
    });
    system.into_iter().chain(others).collect()
}

fn volume(
    id: &str,
    provisioning: &Provisioning,
    sealed: Option<&Encryption>,
    filesystem: &str,
) -> Value {
    // Talos has a size of 0 beside a share.
    let (size, share, negative) = match provisioning.max_size {
        None => (None, None, false),
        Some(MaxSize::Absolute(size)) => (Some(size.get()), None, false),
        Some(MaxSize::LeaveFree(size)) => (Some(size.get()), None, true),
        Some(MaxSize::Percent(share)) => (Some(0), Some(share), false),
        Some(MaxSize::LeaveFreePercent(share)) => (Some(0), Some(share), true),
    };
    json!({
        "id": id,
        "selector": provisioning.selector.as_ref().map_or("", |it| it.text()),
        "grow": provisioning.grow,
        "min_size": provisioning.min_size.map(|size| size.get()),
        "max_size": size,
        "max_share": share,
        "max_negative": negative,
        "filesystem": filesystem,
        "encryption": sealed.map(encryption),
    })
}

fn encryption(sealed: &Encryption) -> Value {
    let keys: Vec<Value> = sealed
        .keys
        .iter()
        .map(|key| json!({"slot": key.slot, "kind": key.source.word()}))
        .collect();
    // Talos takes an empty provider of the old form for LUKS2.
    let provider = match &*sealed.provider {
        "" => "luks2",
        written => written,
    };
    json!({
        "provider": provider,
        "cipher": sealed.cipher_text,
        "key_size": sealed.key_size,
        "block_size": sealed.block_size,
        "options": sealed.options,
        "keys": keys,
    })
}

/// What Talos makes of a text.
fn judge(release: Release, text: &str) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    call(release, &["decode", path], b"").remove(0)
}

#[test]
fn the_examples_say_to_talos_what_they_say_here() {
    for (release, folder) in RELEASES {
        for node in 1..=3 {
            let (path, text) = example(folder, node);
            let theirs = call(release, &["decode", path.to_str().unwrap()], b"");
            let ours = view(&read(&text).unwrap());
            assert_eq!([ours], *theirs, "{}", path.display());
        }
    }
}

/// Each is an example with one section more, or another one.
#[test]
fn variations_of_the_examples_say_to_talos_what_they_say_here() {
    let document = |text: &str| {
        format!(
            "{}---\napiVersion: v1alpha1\n{text}\n",
            example("talos-1.14", 1).1
        )
    };
    let state = |encryption: &str| {
        let section = format!("machine:\n  systemDiskEncryption: {{state: {encryption}}}\n");
        let text = without_encryption(&example("talos-1.10", 1).1);
        text.replacen("machine:\n", &section, 1)
    };
    let user = |provisioning: &str| {
        document(&format!(
            "kind: UserVolumeConfig\nname: more\nprovisioning: {{diskSelector: {{match: '!system_disk'}}, {provisioning}}}"
        ))
    };
    let texts = [
        (Release::V1_14, user("minSize: 1GiB, maxSize: 80%")),
        (
            Release::V1_14,
            user("minSize: 10GB, maxSize: -25%, grow: true"),
        ),
        (
            Release::V1_14,
            user("minSize: 1.5TiB, maxSize: -100GB, grow: false"),
        ),
        (Release::V1_14, user("maxSize: 5000000")),
        (
            Release::V1_14,
            document(
                "kind: UserVolumeConfig\nname: sealed\nprovisioning: {diskSelector: {match: 'true'}, minSize: 1GB}\n\
             filesystem: {type: ext4}\n\
             encryption: {provider: luks2, cipher: 'xchacha20,aes-adiantum-plain64', keySize: 256, blockSize: 4096, \
             options: [no_read_workqueue], keys: [{slot: 0, static: {passphrase: 'pa<ss'}}, \
             {slot: 3, kms: {endpoint: 'https://kms.example'}}, {slot: 7, tpm: {}, lockToState: true}]}",
            ),
        ),
        (
            Release::V1_14,
            document("kind: SysctlConfig\nname: more\nparams: {vm.dirty_ratio: '9', a.b: '0644'}")
                .replacen("kind: SysctlConfig\nname: more", "kind: SysfsConfig", 1),
        ),
        (
            Release::V1_10,
            state(
                "{keys: [{slot: 2, static: {passphrase: 'a<b&c>\u{e9}\"'}}, {slot: 0, nodeID: {}}]}",
            ),
        ),
        (
            Release::V1_10,
            state(
                "{provider: luks2, cipher: aes-xts-plain64, keySize: 512, blockSize: 512, options: [same_cpu_crypt], keys: [{slot: 1, nodeID: {}}]}",
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (release, text) in texts {
        let theirs = judge(release, &text);
        let ours = match read(&text) {
            Ok(spec) => view(&spec),
            Err(error) => json!({"error": error.to_string()}),
        };
        let fields = ours.as_object().unwrap().iter();
        let differ = fields.filter(|(field, value)| theirs[field.as_str()] != **value);
        wrong.extend(differ.map(|(field, value)| format!("{value}\nTalos: {}", theirs[field])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The text without the section `machine.systemDiskEncryption` that the example has.
fn without_encryption(text: &str) -> String {
    let (before, rest) = text.split_once("\n  systemDiskEncryption:\n").unwrap();
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at)
        .find(|at| !rest[at + 1..].starts_with("   "))
        .unwrap();
    format!("{before}{}", &rest[end..])
}

#[test]
fn wrong_configurations_are_refused_here_and_there() {
    let valid = example("talos-1.14", 1).1;
    let in_machine = |text: &str| valid.replacen("machine:\n", &format!("machine:\n  {text}\n"), 1);
    let document = |text: &str| format!("{valid}---\napiVersion: v1alpha1\n{text}\n");
    let place = "provisioning: {diskSelector: {match: 'true'}, minSize: 1GB}";
    let wrong = [
        in_machine("userVolumes: []"),
        in_machine(
            "disks: [{device: /dev/sdb, partitions: [{mountpoint: /var/mnt/a, format: xfs}]}]",
        ),
        in_machine(
            "systemDiskEncryption: {state: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}}",
        ),
        in_machine("install: {diskSelector: {size: '=> 4GB'}, image: x}"),
        in_machine("install: {diskSelector: {name: sda}, image: x}"),
        document(
            "kind: VolumeConfig\nname: STATE\nencryption: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}",
        ),
        document(&format!(
            "kind: UserVolumeConfig\nname: longhorn-ssd\n{place}"
        )),
        document("kind: VolumeConfig\nname: DATA"),
        document("kind: UserVolumeConfig\nname: no-place"),
        document(&format!(
            "kind: UserVolumeConfig\nname: UPPER_case\n{place}"
        )),
        document(&format!(
            "kind: UserVolumeConfig\nname: more\nformat: xfs\n{place}"
        )),
        document(&format!(
            "kind: UserVolumeConfig\nname: more\nfilesystem: {{type: vfat}}\n{place}"
        )),
        document(
            "kind: UserVolumeConfig\nname: more\nprovisioning: {diskSelector: {match: 'disk.size'}, minSize: 1GB}",
        ),
        document(
            "kind: UserVolumeConfig\nname: more\nprovisioning: {diskSelector: {match: 'true'}, minSize: 2GB, maxSize: 1GB}",
        ),
        document(&format!(
            "kind: RawVolumeConfig\nname: more\nencryption: {{provider: luks2, keys: []}}\n{place}"
        )),
        document(&format!(
            "kind: RawVolumeConfig\nname: more\nencryption: {{provider: luks2, keys: [{{slot: 0, nodeID: {{}}}}, {{slot: 0, tpm: {{}}}}]}}\n{place}"
        )),
        document("kind: NoSuchConfig\nname: more"),
    ];
    assert_eq!(judge(Release::V1_14, &valid)["error"], "");
    let mut wrongly = Vec::new();
    for text in &wrong {
        let theirs = judge(Release::V1_14, text);
        let ours = read(text);
        let both = ours.is_err() && theirs["error"] != "";
        if !both {
            let tail = text.replace(&valid, "");
            wrongly.push(format!("{ours:#?}\nTalos: {}\n{tail}", theirs["error"]));
        }
    }
    assert!(wrongly.is_empty(), "{}", wrongly.join("\n\n"));
}
