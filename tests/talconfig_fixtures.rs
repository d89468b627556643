//! Whole repositories with a talconfig.yaml, and files that nobody means well.
#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use keelblock::cli::repository::Repository;
use keelblock::config::ConfigError;
use keelblock::config::talconfig::{List, Loaded, PatchText, PatchTexts, Request, load};

const HOME_OPS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/talconfig/home-ops"
);

fn read(talconfig: &Path) -> (Result<Loaded, ConfigError>, Repository) {
    let files = Repository::around(talconfig).unwrap();
    let env = BTreeMap::new();
    let request = Request {
        path: files.talconfig(),
        root: files.top(),
        env: &env,
    };
    (load(request, &files), files.clone())
}

/// Every YAML file below a folder but talconfig.yaml.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|it| it == "yaml")
            && !path.ends_with("talconfig.yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn home_ops_has_three_nodes_alike_and_four_files_that_nothing_refers_to() {
    let talconfig = Path::new(HOME_OPS).join("talconfig.yaml");
    let (loaded, files) = read(&talconfig);
    let loaded = loaded.map_err(|error| error.to_string()).unwrap();
    let config = &loaded.config;
    assert_eq!(
        (&*config.cluster_name, config.talos_tag().as_str()),
        ("home-ops", "v1.10.5")
    );
    assert!(config.allow_scheduling);
    let nodes: Vec<&str> = config.nodes.iter().map(|node| &*node.hostname).collect();
    assert_eq!(nodes, ["mini01", "mini02", "mini03"]);
    for (index, node) in config.nodes.iter().enumerate() {
        let selector = node.install_disk_selector.as_ref().unwrap();
        assert_eq!(selector.text_at("model"), "APPLE*");
        assert_eq!(node.configs.user_volumes.as_ref().unwrap().items().len(), 1);
        let patches = loaded
            .patches(index, &files, &PatchTexts::default())
            .unwrap();
        assert_eq!(patches.len(), 8);
        let is_inline = |patch: &keelblock::config::talconfig::Patch| {
            patch.list == List::Group
                && patch.file.is_none()
                && matches!(patch.text, PatchText::Ready(_))
        };
        assert!(patches.iter().all(is_inline));
        // Where the first one stands, whoever has it.
        assert_eq!((patches[0].at.line, patches[0].at.column), (51, 7));
    }
    assert!(loaded.unknown.is_empty() && loaded.secrets.is_none());
    let warnings: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    let unreferenced: Vec<String> = yaml_files(Path::new(HOME_OPS))
        .iter()
        .filter(|path| {
            !loaded
                .references
                .contains(path.canonicalize().unwrap().to_str().unwrap())
        })
        .map(|path| path.strip_prefix(HOME_OPS).unwrap().display().to_string())
        .collect();
    assert_eq!(
        unreferenced,
        [
            "talos/manifests/lldpd-extension-config.yaml",
            "talos/patches/lldpd.yaml",
            "talos/patches/usb-ssd-storage.yaml",
            "talos/patches/usb-ssd-uservolumes.yaml",
        ]
    );
}

const SMALL: &str = "clusterName: a\nkubernetesVersion: v1.31.1\nendpoint: https://a:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDisk: /dev/sda\n";

/// What it is, talconfig.yaml, the files beside it, and a part of what is said.
type Hostile<'c> = (&'c str, Vec<u8>, &'c [(&'c str, &'c [u8])], &'c str);

/// What is said about this talconfig.yaml with these files beside it.
fn said(text: &[u8], beside: &[(&str, &[u8])]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in beside {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let talconfig = folder.path().join("talconfig.yaml");
    fs::write(&talconfig, text).unwrap();
    let (loaded, files) = read(&talconfig);
    let top = format!("{}/", files.top());
    let loaded = loaded.map_err(|error| error.to_string().replace(&top, ""))?;
    let patches = loaded.patches(0, &files, &PatchTexts::default());
    patches.map_err(|error| error.to_string().replace(&top, ""))?;
    let unknown = loaded
        .unknown
        .iter()
        .map(|it| format!("{}:{} {}", it.at.line, it.at.column, it.path));
    Ok(unknown
        .chain(loaded.warnings.iter().map(|it| it.message.clone()))
        .collect())
}

#[test]
fn keys_that_talhelper_drops_are_listed_with_their_places() {
    let text = SMALL
        .replace("installDisk:", "instalDisk: x\n    installDisk:")
        .replace("clusterName: a", "clusterName: a\nCNIConfig: {}");
    assert_eq!(
        said(text.as_bytes(), &[]).unwrap(),
        ["2:1 CNIConfig", "8:5 nodes[0].instalDisk"]
    );
}

#[test]
fn what_a_variable_brings_in_is_not_shown() {
    let text = SMALL.replace("hostname: n", "hostname: ${NAME}");
    let secret = b"NAME: not a host but a passphrase\n";
    let said = said(text.as_bytes(), &[("talenv.yaml", secret)]).unwrap_err();
    assert!(
        said.contains("talconfig.yaml:5:15") && said.contains("nodes[0].hostname"),
        "{said}"
    );
    assert!(!said.contains("passphrase"), "{said}");
}

#[test]
fn files_that_nobody_means_well_are_refused_with_a_reason() {
    let bomb = {
        let mut text = String::from("x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for level in 1..9 {
            let of = vec![format!("*x{}", level - 1); 10].join(", ");
            text.push_str(&format!("x{level}: &x{level} [{of}]\n"));
        }
        text + SMALL
    };
    let with = |line: &str| format!("{SMALL}    {line}\n").into_bytes();
    let encrypted = b"a: 1\nsops:\n  mac: x\n".as_slice();
    let cases: [Hostile<'_>; 16] = [
        ("bomb", bomb.into_bytes(), &[], "multipl"),
        (
            "invalid text",
            b"a: \xff\n".to_vec(),
            &[],
            "not text: byte 3",
        ),
        (
            "repeated key",
            [SMALL, "clusterName: b\n"].concat().into_bytes(),
            &[],
            "talconfig.yaml:8:1: the key is there twice",
        ),
        ("huge", vec![b'#'; 100 << 20], &[], "more than 4 MiB"),
        (
            "nothing",
            b"# nothing\n".to_vec(),
            &[],
            "nothing in it but comments",
        ),
        ("no mapping", b"- 1\n".to_vec(), &[], "a mapping must stand"),
        (
            "not closed",
            with("filenameTmpl: '${V'"),
            &[],
            "closing brace expected",
        ),
        (
            "not set",
            with("filenameTmpl: ${V}"),
            &[],
            "talconfig.yaml:8:19: variable ${V} not set",
        ),
        (
            "never ends",
            with("filenameTmpl: '${V:-$_}'"),
            &[],
            "never closes its brace",
        ),
        (
            "itself",
            with("patches: ['@talconfig.yaml']"),
            &[],
            "names itself",
        ),
        (
            "outside",
            with("patches: ['@../other.yaml']"),
            &[],
            "keelblock reads only what is inside",
        ),
        (
            "system file",
            with("machineFiles: [{path: /a, op: create, content: '@/etc/hostname'}]"),
            &[],
            "keelblock reads only what is inside",
        ),
        (
            "missing",
            with("patches: ['@patch.yaml']"),
            &[],
            "patch.yaml: there is no such file",
        ),
        (
            "encrypted patch",
            with("patches: ['@patch.yaml']"),
            &[("patch.yaml", encrypted)],
            "patch.yaml: it is encrypted with SOPS",
        ),
        (
            "encrypted environment",
            SMALL.into(),
            &[("talenv.sops.yaml", encrypted)],
            "talenv.sops.yaml:1:1: it is encrypted with SOPS",
        ),
        (
            "environment in another notation",
            SMALL.into(),
            &[("talenv.yaml", b"A=1\n")],
            "talenv.yaml:1:1: it is not a mapping of YAML",
        ),
    ];
    for (what, text, beside, wanted) in cases {
        let said = said(&text, beside).expect_err(what);
        assert!(said.contains(wanted), "{what}: {said}");
    }
}
