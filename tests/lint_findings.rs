//! Every kind of finding, in the smallest text that has it, at its line; and texts that have none.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeSet;

use keelblock::config::patch::MachineConfig;
use keelblock::lint::rule::Rule;
use keelblock::lint::{File, Finding, Input, Machine, RenderedNode, Repository, lint, sarif};
use keelblock::probe::inventory::{Disk, Inventory};
use keelblock::snapshot;
use zeroize::Zeroizing;

fn file(name: &str, text: &str) -> File {
    File {
        name: name.to_owned(),
        path: format!("/r/{name}"),
        text: Zeroizing::new(text.to_owned()),
        named: true,
    }
}

fn check(files: &[File], repositories: &[Repository], machines: &[Machine]) -> Vec<Finding> {
    let input = Input {
        files,
        repositories,
        machines,
        whole: true,
    };
    lint(&input).findings
}

/// `KB105@3` for each finding of one file.
fn found(text: &str) -> Vec<String> {
    shown(&check(&[file("a.yaml", text)], &[], &[]))
}

/// What is found but for what a configuration lacks to be whole.
fn incomplete(mut found: Vec<String>) -> Vec<String> {
    found.retain(|it| !it.starts_with("KB801"));
    found
}

fn shown(findings: &[Finding]) -> Vec<String> {
    let one = |it: &Finding| format!("{}@{}", it.rule.code, it.at.line);
    findings.iter().map(one).collect()
}

/// What is found in a talconfig.yaml with these files beside it, all of which it refers to.
fn found_in(talconfig: &str, patches: &[(&str, &str)]) -> Vec<Finding> {
    let mut files = vec![file("talconfig.yaml", talconfig)];
    files.extend(patches.iter().map(|(name, text)| file(name, text)));
    let references: BTreeSet<String> = files[1..].iter().map(|file| file.path.clone()).collect();
    let repository = Repository {
        talconfig: 0,
        references,
        ..Repository::default()
    };
    check(&files, &[repository], &[])
}

const USER: &str = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\n";

#[test]
fn what_talos_cannot_read_is_an_error_at_its_line() {
    for (text, wanted) in [
        ("machine:\n\ttype: worker\n", "KB101@2"),
        ("machine:\n  token: a\n  token: b\n", "KB102@3"),
        ("machine:\n  userVolumes: []\n", "KB105@2"),
        ("machine:\n  services: {}\n", "KB105@2"),
        (
            "machine:\n  disks:\n    - device: /dev/disk/by-id/x\n      partitions:\n        - mountpoint: /a\n          format: ext4\n",
            "KB105@6",
        ),
        ("machine:\n  sysctl: {}\n", "KB105@2"),
        ("machine:\n  certSANs: a\n", "KB106@2"),
        ("apiVersion: v1alpha1\nkind: UserVolumesConfig\n", "KB107@2"),
        (
            "kind: UserVolumeConfig\nname: a\nvolumeType: disk\n",
            "KB109@1",
        ),
        (
            "- op: add\n  path: /machine/userVolumes\n  value: []\n",
            "KB105@2",
        ),
        (
            "- op: add\n  path: /machine/certSANs/-\n  value: [a]\n",
            "KB106@3",
        ),
    ] {
        assert_eq!(found(text), [wanted], "{text}");
    }
}

#[test]
fn the_fix_says_where_a_misplaced_key_belongs() {
    for (text, words) in [
        ("machine:\n  userVolumes: []\n", "kind: UserVolumeConfig"),
        ("machine:\n  services: {}\n", "ExtensionServiceConfig"),
        ("machine:\n  sysctl: {}\n", "did you mean sysctls?"),
        (
            "machine:\n  install: {sysctls: {}}\n",
            "directly below machine",
        ),
        (
            "apiVersion: v1alpha1\nkind: UserVolumConfig\n",
            "did you mean UserVolumeConfig",
        ),
    ] {
        let findings = check(&[file("a.yaml", text)], &[], &[]);
        assert!(findings[0].remedy().contains(words), "{findings:?}");
    }
}

#[test]
fn disks_that_are_not_found_or_not_the_only_ones_are_risks() {
    let install = |line: &str| format!("machine:\n  install:\n    {line}\n");
    let volume = |expression: &str| {
        format!("{USER}provisioning:\n  diskSelector:\n    match: {expression}\n  minSize: 1GB\n")
    };
    for (text, wanted) in [
        (install("disk: /dev/disk/by-id/ata-*"), &["KB301@3"][..]),
        (install("disk: /dev/sda"), &["KB308@3"]),
        (install("disk: /dev/disk/by-id/ata-x"), &[]),
        (
            install("diskSelector: {model: \"APPLE*\", size: 500GB}"),
            &["KB303@3", "KB306@3"],
        ),
        (install("diskSelector: {model: APPLE SSD}"), &["KB304@3"]),
        (install("diskSelector: {type: ssd}"), &["KB307@3"]),
        (install("diskSelector: {serial: \"S[12]*\"}"), &["KB309@3"]),
        (install("diskSelector: {wwid: naa.5, type: ssd}"), &[]),
        (volume("disk.size > 120"), &["KB305@6"]),
        (volume("disk.transport == 'NVMe'"), &["KB302@6"]),
        (volume("disk.transport == 'nvme'"), &[]),
        (volume("disk.size > ${SIZE}"), &[]),
    ] {
        assert_eq!(found(&text), wanted, "{text}");
    }
}

#[test]
fn encryption_that_locks_out_or_protects_from_nothing_is_found() {
    let state = |keys: &str| {
        format!(
            "apiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption:\n  provider: luks2\n  keys:\n{keys}"
        )
    };
    for (keys, wanted) in [
        ("  - nodeID: {}\n    slot: 0\n", &["KB401@7"][..]),
        ("  - {nodeID: {}, slot: 0}\n  - {tpm: {}, slot: 1}\n", &[]),
        (
            "  - {nodeID: {}, slot: 0}\n  - {tpm: {}, slot: 2}\n",
            &["KB405@8"],
        ),
        ("  - {nodeID: {}}\n  - {tpm: {}}\n", &["KB404@8"]),
        ("  - {tpm: {}, lockToState: true}\n", &["KB402@7"]),
        (
            "  - {kms: {endpoint: \"https://kms:4050\"}}\n",
            &["KB407@7"],
        ),
        (
            "  - {kms: {endpoint: \"http://kms\"}}\n  - {nodeID: {}, slot: 1}\n",
            &["KB406@7"],
        ),
        ("  - {tpm: {}}\n  options: [pbkdf2]\n", &["KB408@8"]),
        ("  - static: {passphrase: abcd}\n", &["KB409@7"]),
        ("  - {tpm: {}, nodeID: {}}\n", &["KB410@7"]),
    ] {
        assert_eq!(found(&state(keys)), wanted, "{keys}");
    }
    let config = "version: v1alpha1\nmachine:\n  type: worker\n  install:\n    disk: /dev/disk/by-id/x\n    image: factory.talos.dev/IMAGE/0:v1.13.0\n  systemDiskEncryption:\n    state:\n      keys:\n        - {slot: 0, tpm: {}}\n";
    let plain = found(&config.replace("IMAGE", "metal-installer"));
    assert!(plain.contains(&"KB403@10".to_owned()), "{plain:?}");
    let secure = found(&config.replace("IMAGE", "metal-installer-secureboot"));
    assert!(!secure.contains(&"KB403@10".to_owned()), "{secure:?}");
}

#[test]
fn a_lock_to_a_state_that_is_open_keeps_nobody_out() {
    let config = |more: &str| {
        format!(
            "version: v1alpha1\nmachine: {{type: worker}}\n---\napiVersion: v1alpha1\nkind: VolumeConfig\nname: EPHEMERAL\nencryption:\n  provider: luks2\n  keys:\n    - {{slot: 0, tpm: {{}}, lockToState: true}}\n{more}"
        )
    };
    let found = |text: &str| incomplete(found(text));
    assert_eq!(found(&config("")), ["KB411@10"]);
    let state = "---\napiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption:\n  provider: luks2\n  keys:\n    - {slot: 0, tpm: {}}\n";
    assert_eq!(found(&config(state)), [""; 0]);
}

#[test]
fn sizes_that_waste_room_or_contradict_are_found() {
    let volume = |sizes: &str| {
        format!("{USER}provisioning:\n  diskSelector: {{match: \"disk.model == 'T5'\"}}\n{sizes}")
    };
    for (sizes, wanted) in [
        ("  maxSize: 1TB\n", &["KB501@6"][..]),
        ("  maxSize: 500 GB\n", &["KB501@6"]),
        ("  maxSize: 50GiB\n", &[]),
        ("  maxSize: 300GB\n", &[]),
        ("  maxSize: 100%\n", &[]),
        ("  minSize: 2TiB\n  maxSize: 1TiB\n", &["KB502@6"]),
    ] {
        assert_eq!(found(&volume(sizes)), wanted, "{sizes}");
    }
}

fn machine() -> Machine {
    let text = include_str!("../examples/hardware/macmini-2014.json");
    Machine {
        name: "macmini.json".to_owned(),
        inventory: snapshot::load::parse(text).unwrap().inventory,
    }
}

#[test]
fn volumes_are_tried_on_recorded_machines() {
    let machine = machine();
    let largest = |inventory: &Inventory| {
        let sizes = inventory.disks.iter().map(|disk: &Disk| disk.talos.size);
        sizes.max().unwrap()
    };
    let size = largest(&machine.inventory);
    let volume = |expression: &str, least: u64| {
        let text = format!(
            "{USER}provisioning:\n  diskSelector:\n    match: {expression}\n  minSize: {least}\n"
        );
        let findings = check(
            &[file("a.yaml", &text)],
            &[],
            std::slice::from_ref(&machine),
        );
        shown(&findings)
    };
    assert_eq!(volume("disk.size > 0u", size), Vec::<String>::new());
    assert_eq!(volume("disk.size > 0u", size + 1), ["KB503@7"]);
    assert_eq!(volume("disk.model == 'No Such'", 1), ["KB310@6"]);
    assert_eq!(volume("!system_disk", 1), Vec::<String>::new());
}

const TALCONFIG: &str = "clusterName: a\ntalosVersion: VERSION\nkubernetesVersion: v1.31.1\nendpoint: https://a:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDisk: /dev/disk/by-id/x\n";

fn talconfig(version: &str, more: &str) -> String {
    format!("{}{more}", TALCONFIG.replace("VERSION", version))
}

#[test]
fn what_a_talconfig_says_is_judged_by_its_release() {
    let excluded = "patches:\n  - |-\n    machine:\n      install: {extraKernelArgs: [a]}\n      features: {stableHostname: true}\n";
    let sysctls = "patches:\n  - 'machine: {sysctls: {vm.max_map_count: \"262144\"}}'\n";
    let document = "patches:\n  - |-\n    apiVersion: v1alpha1\n    kind: SysctlConfig\n    params: {vm.max_map_count: '262144'}\n";
    let json = "patches:\n  - |-\n    - op: add\n      path: /machine/certSANs\n      value: [a]\n";
    for (version, more, wanted) in [
        ("v1.10.5", excluded, &["KB211@12", "KB211@13"][..]),
        ("v1.13.0", excluded, &["KB209@12", "KB210@13"]),
        ("v1.13.0", sysctls, &[]),
        ("v1.14.0", sysctls, &["KB112@10"]),
        ("v1.13.0", document, &["KB108@12"]),
        ("v1.14.0", document, &[]),
        ("v1.11.0", json, &[]),
        ("v1.12.0", json, &["KB205@11"]),
        (
            "v1.12.0",
            "    installDiskSelector: {serial: b}\n",
            &["KB206@8"],
        ),
        (
            "v1.12.0",
            "    schematic: {customization: {systemExtensions: {officialExtensions: [siderolabs/lldpd]}}}\n",
            &["KB208@9"],
        ),
        ("v1.12.0", "clusterPodNets: [10.244.1.0/16]\n", &["KB212@9"]),
        (
            "v1.12.0",
            "patches:\n  - 'machine: {env: {LLDPD_OPTIONS: a}}'\n",
            &["KB207@10"],
        ),
        (
            "v1.12.0",
            "patches:\n  - 'machine: {certSANs: [{{ .X }}]}'\n",
            &["KB114@10"],
        ),
        (
            "v1.12.0",
            "patches:\n  - 'machine: {certSANs: ${SANS}}'\n",
            &["KB114@10"],
        ),
    ] {
        let findings = found_in(&talconfig(version, more), &[]);
        assert_eq!(shown(&findings), wanted, "{version} {more}: {findings:#?}");
    }
}

#[test]
fn a_configured_extension_is_not_waited_for() {
    let more = "    schematic: {customization: {systemExtensions: {officialExtensions: [siderolabs/lldpd]}}}\n";
    let service = "apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: lldpd\n";
    let text = talconfig("v1.12.0", more);
    assert_eq!(shown(&found_in(&text, &[])), ["KB208@9"]);
    assert_eq!(
        shown(&found_in(&text, &[("lldpd.yaml", service)])),
        Vec::<String>::new()
    );
}

#[test]
fn an_image_tells_of_its_extensions_or_it_is_said_that_it_does_not() {
    let service = "---\napiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: lldpd\nconfigFiles:\n  - {content: a, mountPath: /usr/local/etc/lldpd/lldpd.conf}\n";
    let config = |id: &str, more: &str| {
        format!(
            "version: v1alpha1\nmachine:\n  type: worker\n  install:\n    disk: /dev/disk/by-id/x\n    image: factory.talos.dev/metal-installer/{id}:v1.13.0\n{more}"
        )
    };
    let (empty, other) = (
        "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
        "ab".repeat(32),
    );
    let found = |text: &str| incomplete(found(text));
    assert_eq!(found(&config(&other, service)), ["KB216@6"]);
    assert_eq!(found(&config(&other, "")), [""; 0]);
    assert_eq!(found(&config(empty, "")), [""; 0]);
    // Nothing is there that could read it.
    assert_eq!(found(&config(empty, service)), ["KB702@10"]);
}

#[test]
fn files_that_nothing_refers_to_are_named_and_other_programs_files_are_not() {
    let mut other = file("values.yaml", "replicas: 2\n");
    other.named = false;
    let files = [
        file("talconfig.yaml", &talconfig("v1.12.0", "")),
        file("patch.yaml", "machine: {certSANs: [a]}\n"),
        other,
    ];
    let findings = check(&files, &[Repository::default()], &[]);
    assert_eq!(shown(&findings), ["KB204@1"]);
    assert_eq!(findings[0].at.file, "patch.yaml");
    assert_eq!(found("replicas: 2\n"), ["KB113@1"]);
    assert_eq!(found("machine: ENC\nsops: {mac: a}\n"), ["KB115@1"]);
}

#[test]
fn the_tuning_of_every_source_is_judged() {
    for (text, code) in [
        ("machine:\n  sysctls: {vm.dirty_ratio: \"5\"}\n", "KB603@2"),
        (
            "machine:\n  udev:\n    rules:\n      - 'KERNEL==\"sd?\", ENV{ID_SSD}=\"1\"'\n",
            "KB602@4",
        ),
    ] {
        let all = found(text);
        assert!(all.contains(&code.to_owned()), "{text}: {all:?}");
    }
}

const OVERLAP: &str = "\
version: v1alpha1
machine: {type: worker, ca: {crt: YQ==}}
cluster:
  network:
    podSubnets: [10.244.0.0/16]
    serviceSubnets: [10.244.128.0/20]
";

#[test]
fn the_network_of_a_whole_node_is_judged() {
    let findings = check(&[file("a.yaml", OVERLAP)], &[], &[]);
    let overlap = findings.iter().find(|it| it.rule.code == "KB701").unwrap();
    assert!(overlap.message.contains("[subnet-overlap]"), "{overlap:?}");
    assert!((5..=6).contains(&overlap.at.line), "{overlap:?}");
    let apart = OVERLAP.replace("10.244.128.0/20", "10.96.0.0/12");
    assert_eq!(found(&apart), [""; 0]);
}

/// A node of a talconfig.yaml whose text is this, or that is not rendered.
fn rendered(hostname: &str, line: u32, config: Result<&str, &str>) -> RenderedNode {
    RenderedNode {
        hostname: hostname.to_owned(),
        at: (line, 3),
        extensions: Some(Vec::new()),
        config: match config {
            Ok(text) => Ok(MachineConfig::read(text).unwrap()),
            Err(why) => Err(why.to_owned()),
        },
    }
}

#[test]
fn what_shows_in_rendered_nodes_is_said_once_at_the_first_of_them() {
    let text = talconfig("v1.10.5", "");
    let files = [file("talconfig.yaml", &text)];
    let nodes = vec![
        rendered("a", 4, Ok(OVERLAP)),
        rendered("b", 7, Err("a patch does not apply")),
        rendered("c", 9, Ok(OVERLAP)),
    ];
    let before = shown(&check(&files, &[Repository::default()], &[]));
    let repository = Repository {
        nodes,
        ..Repository::default()
    };
    let findings = check(&files, &[repository], &[]);
    let mut more: Vec<&Finding> = findings.iter().collect();
    more.retain(|it| !before.contains(&format!("{}@{}", it.rule.code, it.at.line)));
    let said: Vec<(&str, u32)> = more.iter().map(|it| (it.rule.code, it.at.line)).collect();
    assert_eq!(said, [("KB701", 4), ("KB213", 7)]);
    assert!(more[0].message.starts_with("a, c: "), "{:?}", more[0]);
    assert!(more[1].message.starts_with("b: a patch"), "{:?}", more[1]);
}

#[test]
fn what_is_wrong_with_the_network_of_a_rendered_node_is_said_where_it_was_written() {
    let text = "\
clusterName: a
talosVersion: v1.10.5
endpoint: https://10.0.0.1:6443
clusterPodNets: [10.244.0.0/16]
clusterSvcNets:
  - 10.244.128.0/20
nodes:
  - hostname: by-field
    ipAddress: 10.0.0.2
  - hostname: by-inline-patch
    ipAddress: 10.0.0.3
    patches:
      - |-
        cluster:
          network:
            serviceSubnets: [10.244.64.0/20]
  - hostname: by-patch
    ipAddress: 10.0.0.4
    patches:
      - \"@services.yaml\"
  - hostname: by-field-too
    ipAddress: 10.0.0.5
";
    let patch = "cluster:\n  network:\n    serviceSubnets:\n      - 10.244.32.0/20\n";
    let files = [file("talconfig.yaml", text), file("services.yaml", patch)];
    let node = |hostname: &str, line: u32, services: &str| RenderedNode {
        at: (line, 5),
        ..rendered(
            hostname,
            line,
            Ok(&OVERLAP.replace("10.244.128.0/20", services)),
        )
    };
    let repository = Repository {
        references: BTreeSet::from(["/r/services.yaml".to_owned()]),
        nodes: vec![
            node("by-field", 8, "10.244.128.0/20"),
            node("by-inline-patch", 10, "10.244.64.0/20"),
            node("by-patch", 17, "10.244.32.0/20"),
            node("by-field-too", 21, "10.244.128.0/20"),
            // What nothing in the files says is said at the node.
            node("by-nobody", 21, "10.244.96.0/20"),
        ],
        ..Repository::default()
    };
    let findings = check(&files, &[repository], &[]);
    let found = findings.iter().filter(|it| it.rule.code == "KB701");
    let found: Vec<(String, &str)> = found
        .map(|it| (it.at.to_string(), it.message.split(": ").next().unwrap()))
        .collect();
    let wanted = [
        ("talconfig.yaml:6:5", "by-field, by-field-too"),
        ("talconfig.yaml:16:30", "by-inline-patch"),
        ("talconfig.yaml:21:5", "by-nobody"),
        ("services.yaml:4:9", "by-patch"),
    ];
    let wanted = wanted.map(|(at, hosts)| (at.to_owned(), hosts));
    assert_eq!(found, wanted);
}

#[test]
fn no_secret_reaches_a_finding() {
    let secret = "hidden-0123456789";
    for text in [
        format!(
            "machine:\n  systemDiskEncryption:\n    state:\n      keys:\n        - static: {{passphrase: {{{secret}: 1}}}}\n"
        ),
        format!("machine:\n  token: [{secret}]\n"),
        format!(
            "{USER}encryption:\n  provider: luks2\n  keys:\n    - static: {{passphrase: {secret}, {secret}x: 1}}\n"
        ),
        format!("{USER}encryption:\n  keys:\n    - static: {{passphrase: a}}\n      {secret}: 1\n"),
        format!(
            "version: v1alpha1\nmachine:\n  type: worker\n  ca: {{crt: {secret}, key: {secret}}}\n"
        ),
    ] {
        let findings = check(&[file("a.yaml", &text)], &[], &[]);
        assert!(!findings.is_empty(), "{text}");
        let said = format!("{findings:?}");
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn the_sarif_log_has_every_rule_and_a_place_for_every_result() {
    let findings = check(&[file("a.yaml", "machine:\n  userVolumes: []\n")], &[], &[]);
    let log = sarif::log(&findings, keelblock::exit::Exit::Usage);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Rule::all().count());
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "KB105");
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], "KB105");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["region"]["startLine"],
        2
    );
}
