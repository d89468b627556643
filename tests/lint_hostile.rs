//! Files that nobody means well: every one ends in findings, without a panic and within bounds.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test program that makes files and runs the binary"
)]

#[path = "support/hostile.rs"]
mod hostile;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use keelblock::lint::{File, Input, Repository, lint};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::Value;
use zeroize::Zeroizing;

const HOME_OPS: &str = include_str!("fixtures/talconfig/home-ops/talconfig.yaml");
const STORAGE: &str =
    include_str!("fixtures/talconfig/home-ops/talos/patches/usb-ssd-storage.yaml");

const WELL_MEANT: [&str; 5] = [
    HOME_OPS,
    STORAGE,
    include_str!("../examples/nodes/talos-1.10/mini01.yaml"),
    include_str!("../examples/nodes/talos-1.14/mini03.yaml"),
    KINDS,
];

/// Documents with most of what the rules for networks, volumes and containers look at.
const KINDS: &str = "version: v1alpha1
machine:
  type: controlplane
  install: {disk: /dev/sda}
  network:
    interfaces:
      - interface: bond0
        bond: {interfaces: [e0, e1], mode: 802.3ad, miimon: 100, updelay: 200}
        addresses: [10.0.0.1/24]
        routes: [{network: 0.0.0.0/0, gateway: 10.0.0.254}]
        vip: {ip: 10.0.0.9}
        vlans: [{vlanId: 5, addresses: [10.1.0.1/24]}]
      - interface: wg0
        wireguard: {privateKey: a, peers: [{publicKey: b, endpoint: 'c:1', allowedIPs: [10.0.0.0/8]}]}
  kubelet: {extraMounts: [{destination: /a, source: /b, options: [ro]}]}
cluster:
  controlPlane: {endpoint: 'https://a:6443'}
  network: {podSubnets: [10.244.0.0/16], serviceSubnets: [10.96.0.0/12]}
  etcd: {advertisedSubnets: [10.0.0.0/8]}
---
apiVersion: v1alpha1
kind: KubeNetworkConfig
podSubnets: [10.244.0.0/16]
serviceSubnets: [10.96.0.0/12]
nodeCIDRMaskSizeIPv4: 24
---
apiVersion: v1alpha1
kind: WireguardConfig
name: wg1
privateKey: a
peers: [{publicKey: b, allowedIPs: [10.0.0.0/8]}]
---
apiVersion: v1alpha1
kind: ContainerConfig
name: c
image: a
dependsOn: {containers: [c], paths: [/a], networks: [addresses]}
---
apiVersion: v1alpha1
kind: VolumeConfig
name: EPHEMERAL
provisioning: {diskSelector: {match: 'system_disk'}, minSize: 1GB}
encryption: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}
---
apiVersion: v1alpha1
kind: LVMLogicalVolumeConfig
name: l
provisioning: {volumeGroup: g}
---
apiVersion: v1alpha1
kind: NetworkRuleConfig
name: r
portSelector: {ports: [1-2], protocol: tcp}
ingress: [{subnet: 10.0.0.0/8}]
";

/// Codes of what is found in this text as a patch, as a talconfig.yaml and as a file of a folder.
fn codes(text: &str) -> Vec<&'static str> {
    let file = |name: &str, named| File {
        name: name.to_owned(),
        path: format!("/r/{name}"),
        text: Zeroizing::new(text.to_owned()),
        named,
    };
    let files = [
        file("talconfig.yaml", true),
        file("b.yaml", true),
        file("c.yaml", false),
    ];
    let repositories = [Repository::default()];
    let input = Input {
        files: &files,
        repositories: &repositories,
        machines: &[],
        whole: true,
    };
    let findings = lint(&input).findings;
    assert!(findings.len() <= 1000);
    findings.iter().map(|finding| finding.rule.code).collect()
}

#[test]
fn texts_that_nobody_means_well_end_in_a_finding() {
    let unknown: String = (0..5000).map(|i| format!("  unknown{i}: 1\n")).collect();
    let volume = |i: usize| {
        format!(
            "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: a{i}\nprovisioning: {{diskSelector: {{match: 'disk.size > {i}u && ({}true)'}}, minSize: 1GB}}\n",
            "true && ".repeat(20)
        )
    };
    let expressions: String = (0..2000).map(volume).collect();
    let patches: String = (0..3000)
        .map(|i| format!("  - 'machine: {{a{i}: 1}}'\n"))
        .collect();
    for (name, text, code) in [
        ("many keys", format!("machine:\n{unknown}"), "KB105"),
        ("expressions", expressions, "KB103"),
        (
            "patches",
            format!("clusterName: a\nendpoint: b\npatches:\n{patches}"),
            "KB105",
        ),
    ] {
        let found = codes(&text);
        assert!(found.contains(&code), "{name}: {found:?}");
    }
    for (name, text) in hostile::unreadable("machine: {}\n") {
        let code = match name {
            "tabs" | "control" | "itself" => "KB101",
            "twice" => "KB102",
            _ => "KB103",
        };
        let found = codes(&text);
        assert!(found.contains(&code), "{name}: {found:?}");
    }
    for (_, text) in hostile::endless("machine: {}\n") {
        codes(&text);
    }
}

#[test]
fn a_thousand_documents_of_a_kind_are_checked_against_each_other() {
    let config = "version: v1alpha1\nmachine: {type: worker, install: {disk: /dev/sda}}\ncluster: {controlPlane: {endpoint: 'https://a:6443'}}\n";
    for (kind, body) in [
        ("LinkConfig", "addresses: [{address: 10.0.0.1/24}]"),
        ("VLANConfig", "vlanID: 5\nparent: n1"),
        ("BondConfig", "links: [n1, n2]\nbondMode: 802.3ad"),
        (
            "ContainerConfig",
            "image: a\ndependsOn: {containers: [nNEXT, n7]}",
        ),
        (
            "ContainerConfig",
            "image: a\ndependsOn: {containers: [nNEXT]}",
        ),
        (
            "NetworkRuleConfig",
            "portSelector: {ports: [1], protocol: tcp}\ningress: [{subnet: 10.0.0.1/8}]",
        ),
        (
            "UserVolumeConfig",
            "provisioning: {diskSelector: {match: 'disk.size > NEXTu'}, minSize: 1GB}",
        ),
        ("LVMLogicalVolumeConfig", "provisioning: {volumeGroup: n1}"),
        ("StaticHostConfig", "hostnames: [a]"),
    ] {
        let document = |i: usize| {
            let body = body.replace("NEXT", &(i + 1).to_string());
            format!("---\napiVersion: v1alpha1\nkind: {kind}\nname: n{i}\n{body}\n")
        };
        let documents: String = (0..1000).map(document).collect();
        let found = codes(&format!("{config}{documents}"));
        assert!(!found.contains(&"KB103"), "{kind}");
    }
}

#[test]
fn wrong_types_everywhere_are_findings() {
    let keys = [
        "machine",
        "machine.install",
        "machine.install.diskSelector",
        "machine.install.diskSelector.model",
        "machine.disks",
        "machine.systemDiskEncryption.state.keys",
        "machine.sysctls",
        "machine.udev.rules",
        "cluster.network.podSubnets",
        "nodes",
        "patches",
        "controlPlane.userVolumes",
        "clusterPodNets",
    ];
    for key in keys {
        for value in [
            "1",
            "null",
            "[]",
            "{}",
            "[[1]]",
            "[null]",
            "{a: b}",
            "[{a: [b]}]",
            "'*'",
            "!!binary x",
            "&a 1",
            "|\n  x",
        ] {
            let mut text = String::new();
            let steps: Vec<&str> = key.split('.').collect();
            for (i, step) in steps.iter().enumerate() {
                let indent = "  ".repeat(i);
                text.push_str(&format!("{indent}{step}:\n"));
            }
            text.pop();
            codes(&format!("clusterName: a\nendpoint: b\n{text} {value}\n"));
            codes(&format!("{text} {value}\n"));
        }
    }
}

fn edit(text: &str, at: usize, cut: usize, with: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % (bytes.len() + 1);
    let end = (at + cut).min(bytes.len());
    bytes.splice(at..end, with.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn junk() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "${A}",
        "\t",
        "- ",
        ": ",
        "|\n",
        "*a",
        "&a ",
        "\u{1f}",
        "ü",
        "'",
        "[",
        "}",
        "$patch: delete",
        "---\n",
        "\r",
    ];
    prop_oneof![
        (0..words.len()).prop_map(move |i| words[i].to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_edit_of_a_file_makes_the_linter_panic(
        at in any::<usize>(), cut in 0..40_usize, with in junk(), patch in any::<bool>(),
    ) {
        let text = if patch { STORAGE } else { HOME_OPS };
        codes(&edit(text, at, cut, &with));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_wrong_type_in_a_valid_file_makes_the_linter_panic(
        pick in any::<usize>(), which in 0..WELL_MEANT.len(), document in any::<usize>(),
    ) {
        let documents: Vec<&str> = WELL_MEANT[which].trim_start_matches("---\n").split("\n---\n").collect();
        let document = document % documents.len();
        let mut texts: Vec<String> = documents.iter().map(|it| (*it).to_owned()).collect();
        let value: Value = serde_saphyr::from_str(documents[document]).unwrap();
        texts[document] = hostile::with_wrong_type(&value, pick).to_string();
        codes(&texts.join("\n---\n"));
    }
}

fn validate(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelblock"));
    command
        .args(["validate", "--format", "json"])
        .args(arguments)
        .current_dir(folder);
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

/// Whether one of the findings has this code and these words.
fn says(report: &Value, code: &str, words: &str) -> bool {
    let mut all = report["findings"].as_array().unwrap().iter();
    all.any(|it| it["code"] == code && it["message"].as_str().unwrap().contains(words))
}

const SMALL: &str = "clusterName: a\nkubernetesVersion: v1.31.1\nendpoint: https://a:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDisk: /dev/disk/by-id/x\n";

#[test]
fn files_that_name_each_other_or_lead_outside_are_refused_and_not_read() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.yaml");
    fs::write(&secret, "machine: {hidden-key: 1}\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    symlink(&secret, folder.path().join("link.yaml")).unwrap();
    symlink("loop.yaml", folder.path().join("loop.yaml")).unwrap();
    for (patch, words) in [
        ("@talconfig.yaml", "names itself"),
        ("@../x.yaml", "outside"),
        ("@/etc/hostname", "outside"),
        ("@link.yaml", "leads out of"),
        ("@none.yaml", "no such file"),
        ("@.", "outside"),
    ] {
        put(
            "talconfig.yaml",
            &format!("{SMALL}patches:\n  - \"{patch}\"\n"),
        );
        let (code, report) = validate(folder.path(), &["talconfig.yaml"]);
        assert_eq!(code, Some(2), "{patch}: {report}");
        assert!(says(&report, "KB201", words), "{patch}: {report}");
        assert!(!report.to_string().contains("hidden-key"), "{patch}");
        let (code, report) = validate(folder.path(), &["."]);
        assert_eq!(code, Some(2), "{patch}: {report}");
        assert!(!report.to_string().contains("hidden-key"), "{patch}");
    }
}

#[test]
fn files_that_are_no_text_or_too_large_are_findings_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("binary.yaml"), [b'a', 0xff]).unwrap();
    let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    fs::write(
        folder.path().join("good.yaml"),
        "machine: {certSANs: [a]}\n",
    )
    .unwrap();
    let names = ["binary.yaml", "large.yaml", "none.yaml", "good.yaml"];
    let (code, report) = validate(folder.path(), &names);
    assert_eq!(code, Some(2));
    for words in ["byte 1 is not UTF-8", "larger than 4 MiB", "No such file"] {
        assert!(says(&report, "KB104", words), "{words}: {report}");
    }
    assert_eq!(report["errors"], 3);
    assert_eq!(report["files"].as_array().unwrap().len(), 4);
    let (code, report) = validate(folder.path(), &["."]);
    assert_eq!((code, &report["errors"]), (Some(2), &2.into()), "{report}");
}

#[test]
fn nodes_that_are_too_many_to_be_looked_into_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let content = "x".repeat(2 << 20);
    let patch = format!("machine: {{files: [{{path: /var/a, op: create, content: {content}}}]}}\n");
    fs::write(folder.path().join("large.yaml"), patch).unwrap();
    let node = |number: usize| {
        format!(
            "  - hostname: n{number}\n    ipAddress: 10.0.0.{number}\n    installDisk: /dev/disk/by-id/x\n"
        )
    };
    let talconfig = |nodes: usize| {
        let nodes: String = (1..=nodes).map(node).collect();
        let (head, _) = SMALL.split_once("  - hostname").unwrap();
        let text = format!("{head}{nodes}patches: ['@large.yaml']\n");
        fs::write(folder.path().join("talconfig.yaml"), text).unwrap();
    };
    talconfig(4);
    let (code, report) = validate(folder.path(), &["."]);
    assert_eq!(code, Some(0), "{report}");
    talconfig(12);
    let (code, report) = validate(folder.path(), &["."]);
    assert_eq!(code, Some(2));
    let words = "the nodes before n9 come to more than 16 MiB";
    assert!(says(&report, "KB104", words), "{report}");
    assert_eq!(report["files"].as_array().unwrap().len(), 2, "{report}");
}
