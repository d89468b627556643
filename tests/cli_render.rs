//! `render`, and `-c talconfig.yaml --node HOST`, as a script or a person meets them.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "support/cli.rs"]
mod cli;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use self::cli::Bench;

const TALCONFIG: &str = include_str!("../examples/talconfig/talconfig.yaml");

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("talconfig.yaml", TALCONFIG);
    bench.write("machine.json", cli::MACMINI_2014);
    bench
}

#[test]
fn a_node_is_printed_and_the_placeholders_are_said() {
    let ran = bench().run(&["render", "--node", "mini01"]).exits(0);
    assert!(ran.stdout.starts_with("version: v1alpha1\n"), "{ran:?}");
    assert!(ran.stdout.contains("hostname: mini01"), "{ran:?}");
    assert!(ran.stderr.contains("secrets are placeholders"), "{ran:?}");
    let ran = bench().run(&["render", "--all", "--format=json"]).exits(0);
    let report = ran.json();
    assert_eq!(report["schema"], "keelblock/rendered/v1");
    assert_eq!(report["placeholders"], true);
    let names: Vec<_> = report["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["hostname"])
        .collect();
    assert_eq!(names, ["mini01", "mini02"]);
}

#[test]
fn files_are_written_for_their_owner_alone_and_hold_what_is_printed() {
    let bench = bench();
    let printed = bench.run(&["render", "--node", "mini02"]).exits(0).stdout;
    bench
        .run(&["render", "--node", "mini02", "-o", "one.yaml"])
        .exits(0);
    bench.run(&["render", "--all", "-o", "out"]).exits(0);
    for name in ["one.yaml", "out/home-ops-mini02.yaml"] {
        let path = bench.path(name);
        assert_eq!(fs::read_to_string(&path).unwrap(), printed, "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(bench.exists("out/home-ops-mini01.yaml"));
}

#[test]
fn a_file_that_is_right_already_stays_and_any_other_takes_its_place_whole() {
    let bench = bench();
    let render = || drop(bench.run(&["render", "--all", "-o", "out"]).exits(0));
    render();
    let path = bench.path("out/home-ops-mini01.yaml");
    let right = fs::read(&path).unwrap();
    let number = || fs::symlink_metadata(&path).unwrap().ino();
    let first = number();
    render();
    assert_eq!(number(), first, "the same file");
    let other = bench.path("other");
    let spoils: [(&str, &dyn Fn()); 5] = [
        ("another text of this length", &|| {
            fs::write(&path, vec![b'x'; right.len()]).unwrap();
        }),
        ("a longer one", &|| {
            fs::write(&path, [&right[..], b"\n"].concat()).unwrap()
        }),
        ("others may read it", &|| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }),
        ("it has another name", &|| {
            fs::hard_link(&path, &other).unwrap()
        }),
        ("a link to it", &|| {
            fs::remove_file(&other).unwrap();
            fs::rename(&path, &other).unwrap();
            std::os::unix::fs::symlink(&other, &path).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        spoil();
        let before = number();
        render();
        assert_ne!(number(), before, "{what}: another file");
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.is_file() && found.mode() & 0o7777 == 0o600, "{what}");
        assert_eq!(fs::read(&path).unwrap(), right, "{what}");
    }
}

#[test]
fn nothing_is_written_unless_every_node_could_be_rendered() {
    let bench = Bench::new();
    let patch = "    patches: ['{{ $$x := 1 }}machine: {certSANs: [hidden-text]}']\n";
    let broken = TALCONFIG.replace(
        "controlPlane:\n  nodeAnnotations",
        &format!("{patch}controlPlane:\n  nodeAnnotations"),
    );
    assert_ne!(broken, TALCONFIG);
    bench.write("talconfig.yaml", broken);
    bench.run(&["render", "--node", "mini01"]).exits(0);
    let words = [
        "mini02",
        "variables are not rendered",
        "talhelper genconfig",
    ];
    bench.refuses(2, &["render", "--all", "-o", "out"], &words);
    assert!(!bench.exists("out"));
    let ran = bench.run(&["render", "--node", "mini02"]).exits(2);
    assert!(!ran.stderr.contains("hidden-text"), "{ran:?}");
}

#[test]
fn a_node_that_is_not_there_or_not_named_is_refused_with_all_names() {
    let bench = bench();
    bench.refuses(
        2,
        &["render", "--node", "mini09"],
        &["no node mini09", "mini01, mini02"],
    );
    bench.refuses(
        2,
        &["validate", "-c", "talconfig.yaml"],
        &["--node", "mini01, mini02"],
    );
    bench.refuses(
        2,
        &["render", "none.yaml", "--node", "a"],
        &["none.yaml", "no such file"],
    );
    bench.write("node.yaml", "machine: {type: worker}\n");
    let words = ["--node mini01", "no talconfig.yaml"];
    bench.refuses(
        2,
        &["validate", "-c", "node.yaml", "--node", "mini01"],
        &words,
    );
}

#[test]
fn every_command_takes_the_node_of_a_talconfig_as_it_takes_its_rendered_file() {
    let bench = bench();
    bench
        .run(&["render", "--node", "mini01", "-o", "mini01.yaml"])
        .exits(0);
    let machine = ["--hardware", "machine.json", "--uuid", cli::UUID];
    let cases: [(&[&str], &[&str]); 3] = [
        (&["validate"], &[]),
        (&["select", "--format=json"], &machine[..2]),
        (&["tune", "--check", "--format=json"], &machine[..2]),
    ];
    for (command, more) in cases {
        let run = |config: &[&str]| {
            let words: Vec<&str> = [command, config, more].concat();
            let ran = bench.run(&words);
            (
                ran.code,
                ran.stdout
                    .replace("mini01.yaml", "CONFIG")
                    .replace("talconfig.yaml (rendered for mini01)", "CONFIG"),
            )
        };
        let direct = run(&["-c", "talconfig.yaml", "--node", "mini01"]);
        assert_eq!(direct, run(&["-c", "mini01.yaml"]), "{command:?}");
        assert_ne!(direct.1, "", "{command:?}");
    }
}

/// A repository with two nodes and these patches.
fn cluster(group: &str, own: &str, patches: &[(&str, &str)]) -> Bench {
    let bench = Bench::new();
    bench.write(
        "talconfig.yaml",
        format!(
            "clusterName: home\ntalosVersion: v1.13.0\nkubernetesVersion: v1.32.0\nendpoint: https://10.0.0.10:6443\n\
             nodes:\n  - hostname: a\n    ipAddress: 10.0.0.1\n    controlPlane: true\n    installDisk: /dev/disk/by-id/x\n{own}  \
             - hostname: b\n    ipAddress: 10.0.0.2\n    controlPlane: true\n    installDisk: /dev/disk/by-id/x\n\
             controlPlane:\n{group}"
        ),
    );
    for (name, text) in patches {
        bench.write(name, *text);
    }
    bench
}

/// `KB105 talconfig.yaml:3` for each finding of `validate`, but for those of networks, tuning and old keys.
fn found(bench: &Bench) -> Vec<String> {
    let report = bench.run(&["validate", "talconfig.yaml", "--format=json"]);
    let report = report.json();
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|it| {
        let code = it["code"].as_str().unwrap();
        !code.starts_with("KB6") && !code.starts_with("KB7") && code != "KB112"
    });
    let text = |it: &serde_json::Value, key: &str| it[key].to_string().replace('"', "");
    findings
        .map(|it| {
            format!(
                "{} {}:{}",
                text(it, "code"),
                text(it, "file"),
                text(it, "line")
            )
        })
        .collect()
}

fn state_keys(keys: &str) -> String {
    format!(
        "machine:\n  systemDiskEncryption:\n    state:\n      provider: luks2\n      keys:\n{keys}"
    )
}

#[test]
fn keys_of_one_volume_in_two_patches_are_found_with_both_places() {
    let group = "  patches: ['@group.yaml']\n";
    let own = "    patches: ['@own.yaml']\n";
    let node_id = state_keys("        - {nodeID: {}, slot: 0}\n");
    for (keys, code, place) in [
        ("        - {tpm: {}, slot: 0}\n", "KB412", "group.yaml:6:11"),
        ("        - {tpm: {}, slot: 1}\n", "KB413", "group.yaml:6:9"),
    ] {
        let text = state_keys(keys);
        let bench = cluster(group, own, &[("group.yaml", &node_id), ("own.yaml", &text)]);
        let wanted = [
            "KB401 group.yaml",
            &format!("{code} own.yaml"),
            "KB403 own.yaml",
        ];
        assert_eq!(found(&bench), wanted.map(|it| format!("{it}:6")), "{keys}");
        let ran = bench.run(&["validate", "talconfig.yaml", "--format=json"]);
        let report = ran.json();
        let also = report["findings"].as_array().unwrap().iter();
        let also: Vec<&str> = also.filter_map(|it| it["also"].as_str()).collect();
        assert_eq!(also, [place]);
    }
    // Whoever deletes the first list means to.
    let text = format!(
        "machine:\n  systemDiskEncryption:\n    state: {{$patch: delete}}\n---\n{}",
        state_keys("        - {tpm: {}, slot: 0}\n")
    );
    let bench = cluster(group, own, &[("group.yaml", &node_id), ("own.yaml", &text)]);
    let all = found(&bench);
    assert!(all.iter().all(|it| !it.starts_with("KB41")), "{all:?}");
}

const LUKS3: &str = "machine:\n  systemDiskEncryption:\n    state:\n      provider: luks3\n      keys:\n        - {nodeID: {}, slot: 0}\n        - {tpm: {}, slot: 1}\n";

#[test]
fn what_plan_refuses_in_a_rendered_node_is_found_at_the_line_of_the_patch() {
    let group = "  patches: ['@patches/group.yaml']\n";
    let own = "    patches:\n      - |\n        apiVersion: v1alpha1\n        kind: VolumeConfig\n        name: STATE\n        encryption:\n          provider: luks2\n          keys:\n            - {tpm: {}, slot: 0}\n            - {nodeID: {}, slot: 1}\n";
    let state = LUKS3.replace("luks3", "luks2");
    let volumes = "  userVolumes:\n    - name: data\n      provisioning: {diskSelector: {match: '!system_disk'}, minSize: 1GiB}\n      encryption:\n        provider: luks2\n        blockSize: 100\n        keys:\n          - {nodeID: {}, slot: 0}\n          - {tpm: {}, slot: 1}\n";
    for (group, own, patch, place, words) in [
        (
            group,
            "",
            LUKS3,
            "patches/group.yaml:4",
            "machine.systemDiskEncryption.state.provider",
        ),
        (
            group,
            own,
            &*state,
            "patches/group.yaml:4",
            "says how to encrypt it as well",
        ),
        (
            volumes,
            "",
            "",
            "talconfig.yaml:20",
            "UserVolumeConfig data: encryption.blockSize",
        ),
    ] {
        let bench = cluster(group, own, &[]);
        fs::create_dir(bench.path("patches")).unwrap();
        bench.write("patches/group.yaml", patch);
        let mut all = found(&bench);
        all.retain(|it| !it.starts_with("KB403"));
        assert_eq!(all, [format!("KB110 {place}")], "{group}{own}");
        let see = "`keelblock render talconfig.yaml --node a`";
        let words = [&format!("{place}:"), words, see];
        bench.refuses(
            2,
            &["validate", "-c", "talconfig.yaml", "--node", "a"],
            &words,
        );
        bench.refuses(
            2,
            &["doctor", "-c", "talconfig.yaml", "--node", "a"],
            &words,
        );
    }
}

#[test]
fn what_talos_refuses_of_a_whole_node_is_told_at_the_line_that_wrote_it() {
    let vip = |interface: &str| {
        format!(
            "machine:\n  network:\n    interfaces:\n      - interface: {interface}\n        dhcp: true\n        vip: {{ip: 10.0.0.9}}\n"
        )
    };
    let group = "  patches: ['@one.yaml', '@other.yaml']\n";
    let workers = |other: &str| {
        let bench = cluster(
            group,
            "",
            &[("one.yaml", &vip("eth0")), ("other.yaml", other)],
        );
        let text = fs::read_to_string(bench.path("talconfig.yaml")).unwrap();
        let text = text.replace("controlPlane: true", "controlPlane: false");
        bench.write(
            "talconfig.yaml",
            text.replace("\ncontrolPlane:", "\nworker:"),
        );
        let found = found(&bench).into_iter();
        found
            .filter(|it| it.starts_with("KB80"))
            .collect::<Vec<_>>()
    };
    assert_eq!(workers("machine: {certSANs: [a]}\n"), ["KB803 one.yaml:6"]);
    // Which of both wrote the one that is merged from them cannot be told.
    assert_eq!(workers(&vip("eth0")), ["KB803 talconfig.yaml:6"]);
    // What is missing was written nowhere.
    let link = "apiVersion: v1alpha1\nkind: VLANConfig\nname: v\nvlanID: 5\n";
    let found = workers(link);
    assert!(
        found.contains(&"KB803 talconfig.yaml:6".to_owned()),
        "{found:?}"
    );
}

#[test]
fn where_two_patches_may_have_brought_it_the_node_is_named() {
    let keys = state_keys("        - {nodeID: {}, slot: 99}\n");
    let group = "  patches: ['@one.yaml', '@other.yaml']\n";
    let bench = cluster(group, "", &[("one.yaml", &keys), ("other.yaml", &keys)]);
    assert!(
        found(&bench).contains(&"KB110 talconfig.yaml:6".to_owned()),
        "{:?}",
        found(&bench)
    );
    let words = [
        "talconfig.yaml:6:5",
        "as rendered for a",
        "machine.systemDiskEncryption.state.keys",
    ];
    bench.refuses(
        2,
        &["validate", "-c", "talconfig.yaml", "--node", "a"],
        &words,
    );
}

#[test]
fn files_of_one_name_are_found_and_not_written() {
    let bench = cluster(
        "  filenameTmpl: '{{ .Role }}/{{ .Hostname }}.yml'\n",
        "",
        &[],
    );
    assert_eq!(found(&bench), [""; 0]);
    bench.run(&["render", "--all", "-o", "out"]).exits(0);
    assert!(bench.exists("out/controlplane/a.yml") && bench.exists("out/controlplane/b.yml"));
    let bench = cluster("  filenameTmpl: '{{ .Role }}.yaml'\n", "", &[]);
    assert_eq!(found(&bench), ["KB214 talconfig.yaml:15"]);
    let words = ["a and b would both be written to out/controlplane.yaml"];
    bench.refuses(2, &["render", "--all", "-o", "out"], &words);
    assert!(!bench.exists("out"));
    for (template, words) in [
        ("{{ .Hostname | upper }}", "filenameTmpl"),
        ("../{{ .Hostname }}", "in the folder"),
    ] {
        let bench = cluster(&format!("  filenameTmpl: '{template}'\n"), "", &[]);
        assert_eq!(found(&bench), ["KB215 talconfig.yaml:15"; 2]);
        bench.refuses(
            2,
            &["render", "--all", "-o", "out"],
            &["the file of a has no name", words],
        );
    }
}

#[test]
fn patches_of_the_whole_file_win_over_those_of_a_node() {
    let bench = Bench::new();
    let patch = |word: &str| format!("'machine: {{sysctls: {{a.b: {word}}}}}'");
    let text = format!(
        "clusterName: a\ntalosVersion: v1.12.0\nkubernetesVersion: v1.34.1\nendpoint: https://10.0.0.10:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDisk: /dev/sda\n    patches: [{}]\npatches: [{}]\n",
        patch("node"),
        patch("file")
    );
    bench.write("talconfig.yaml", text);
    let ran = bench.run(&["render", "--node", "n"]).exits(0);
    assert!(ran.stdout.contains("a.b: file"), "{}", ran.stdout);
}

#[test]
fn a_domain_and_a_type_of_disk_that_there_are_not_are_refused() {
    let bench = Bench::new();
    for (domain, kind, words) in [
        ("-a b-", "ssd", "domain"),
        ("cluster.local", "usb", "installDiskSelector"),
    ] {
        let text = format!(
            "clusterName: a\ntalosVersion: v1.12.0\nkubernetesVersion: v1.34.1\nendpoint: https://10.0.0.10:6443\ndomain: {domain}\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDiskSelector: {{type: {kind}}}\n"
        );
        bench.write("talconfig.yaml", text);
        bench.refuses(2, &["render", "--node", "n"], &[words]);
    }
}
