//! Disks that keelblock laid out, as Talos finds them: its partitions, META and the sealed volumes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

#[path = "support/talos.rs"]
mod talos;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::talos::{Judge, Release, call};

/// A machine UUID that is nobody's.
const UUID: &str = "4c4c4544-0042-3510-8054-b7c04f4d3132";

/// Release, configuration, size of the image, block size.
const NODES: [(Release, &str, &str, u64); 3] = [
    (Release::V1_10, "talos-1.10/mini01.yaml", "4G", 512),
    (Release::V1_14, "talos-1.14/mini01.yaml", "8G", 512),
    (Release::V1_14, "talos-1.14/mini03.yaml", "8G", 4096),
];

/// Talos' locators of its system volumes, as it writes them.
const LOCATORS: [(&str, &str); 3] = [
    (
        "META",
        "volume.partition_label == 'META' && volume.name in ['', 'talosmeta'] && volume.size == 1048576u",
    ),
    (
        "STATE",
        "volume.partition_label == 'STATE' && volume.name != ''",
    ),
    ("EPHEMERAL", "volume.partition_label == 'EPHEMERAL'"),
];

struct Node {
    folder: TempDir,
    plan: Value,
    block: u64,
}

impl Node {
    /// Lays out an image from a plan, so that the plan says what must be there.
    fn made(config: &str, size: &str, block: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let root = env!("CARGO_MANIFEST_DIR");
        let config = format!("{root}/examples/nodes/{config}");
        let hardware = format!("{root}/examples/hardware/macmini-2014.json");
        let block_text = block.to_string();
        let common = ["--config", &config, "--uuid", UUID];
        let image = ["--image", "disk.img", "--size", size];
        let sector = ["--sector-size", &block_text];
        let cheap = ["--kdf-memory", "32M", "--kdf-time", "1"];
        let plan = [
            &["--hardware", &hardware, "plan"][..],
            &common,
            &image,
            &sector,
            &cheap,
            &["-o", "plan.json"],
        ];
        keelblock(folder.path(), &plan.concat());
        let apply = [
            &["--hardware", &hardware, "apply", "plan.json"][..],
            &common,
            &image,
            &sector,
            &["--state-dir", "."],
        ];
        keelblock(folder.path(), &apply.concat());
        let plan = fs::read(folder.path().join("plan.json")).unwrap();
        Self {
            plan: serde_json::from_slice(&plan).unwrap(),
            folder,
            block,
        }
    }

    fn image(&self) -> String {
        let path = self.folder.path().join("disk.img");
        path.to_str().unwrap().to_owned()
    }

    fn probe(&self) -> Value {
        let block = self.block.to_string();
        call(Release::V1_14, &["probe", &self.image(), &block], b"").remove(0)
    }

    fn planned(&self, name: &str) -> &Value {
        let partitions = self.plan["disks"][0]["partitions"].as_array().unwrap();
        partitions.iter().find(|it| it["name"] == name).unwrap()
    }

    fn meta(&self) -> Value {
        let at = self.planned("META")["start"].to_string();
        call(Release::V1_14, &["meta", &self.image(), &at], b"").remove(0)
    }

    /// What Talos says of a volume when it tries a key.
    fn open(&self, volume: &str, key: &str) -> Value {
        let place = self.planned(volume);
        let (at, size) = (place["start"].to_string(), place["size"].to_string());
        let arguments = ["luks", &self.image(), &at, &size, "0"];
        call(Release::V1_14, &arguments, key.as_bytes()).remove(0)
    }
}

/// Runs `KEELBLOCK_BIN` if it is set, else the program of this build.
fn keelblock(folder: &Path, arguments: &[&str]) {
    let built = || OsString::from(env!("CARGO_BIN_EXE_keelblock"));
    let output = Command::new(env::var_os("KEELBLOCK_BIN").unwrap_or_else(built))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

fn decoded(release: Release, config: &str) -> Value {
    let path = format!("{}/examples/nodes/{config}", env!("CARGO_MANIFEST_DIR"));
    call(release, &["decode", &path], b"").remove(0)
}

fn check_table(node: &Node, disk: &Value) {
    assert_eq!(
        (&disk["name"], &disk["sector_size"]),
        (&json!("gpt"), &json!(node.block))
    );
    assert_eq!(disk["uuid"], node.plan["disks"][0]["table"]);
    let found: Vec<Value> = disk["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            json!([
                it["partition_index"],
                it["partition_label"],
                it["name"],
                it["offset"],
                it["size"],
                it["partition_uuid"],
                it["partition_type"]
            ])
        })
        .collect();
    let contents = ["vfat", "talosmeta", "luks", "luks"];
    let names = ["EFI", "META", "STATE", "EPHEMERAL"];
    let planned: Vec<Value> = names
        .iter()
        .zip(contents)
        .map(|(name, content)| {
            let it = node.planned(name);
            json!([
                it["number"],
                name,
                content,
                it["start"],
                it["size"],
                it["guid"],
                it["type"]
            ])
        })
        .collect();
    assert_eq!(found, planned);
    assert_eq!(
        disk["parts"][0]["label"], "EFI",
        "the filesystem's own label"
    );
    // The bytes that its filesystem and META's two copies take are never more than the partition.
    for part in disk["parts"].as_array().unwrap() {
        assert!(
            part["probed_size"].as_u64() <= part["size"].as_u64(),
            "{part}"
        );
    }
}

/// Each of these locators finds its volume and no other, and the rest find nothing.
fn check_locators(judge: &mut Judge, disk: &Value, there: &[&str]) {
    let volumes = disk["parts"].as_array().unwrap();
    let disks = vec![json!({}); volumes.len()];
    for (name, text) in LOCATORS {
        let answer =
            judge.ask(&json!({"env": "volume", "text": text, "volumes": volumes, "disks": disks}));
        assert_eq!(answer.error, "", "{text}");
        let found: Vec<&Value> = volumes
            .iter()
            .zip(answer.results.unwrap())
            .inspect(|(_, result)| assert_eq!(result.error, "", "{text}"))
            .filter(|(_, result)| result.matched)
            .map(|(volume, _)| &volume["partition_label"])
            .collect();
        let wanted: Vec<&str> = there.iter().copied().filter(|it| *it == name).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

/// META holds, byte for byte, what Talos would write for this configuration, and reads back as it.
fn check_meta(node: &Node, config: &Value) {
    let meta = node.meta();
    assert_eq!(meta["tags"], json!({"9": config["state_meta"]}));
    assert_eq!(meta["state"], config["volumes"][0]["encryption"]);
    assert_eq!(
        meta["state"]["keys"],
        json!([{"slot": 0, "kind": "nodeID"}])
    );
}

/// Talos reads the headers, finds no token, and the slot opens with what it makes of `nodeID` only.
fn check_volumes(node: &Node) {
    for volume in ["STATE", "EPHEMERAL"] {
        let right = node.open(volume, &format!("{UUID}{volume}"));
        let wanted = json!({"error": "", "keyslots": ["0"], "token": false, "opens": true});
        assert_eq!(right, wanted, "{volume}");
        let wrong = node.open(volume, &format!("{UUID}{volume}\n"));
        assert_eq!(
            (&wrong["error"], &wrong["opens"]),
            (&json!(""), &json!(false)),
            "{volume}"
        );
    }
    let not_luks = node.open("META", UUID);
    assert!(
        not_luks["error"]
            .as_str()
            .unwrap()
            .contains("invalid LUKS2 header magic"),
        "{not_luks}"
    );
}

#[test]
fn talos_finds_identifies_and_opens_what_was_laid_out() {
    let mut judge = Judge::start();
    for (release, config, size, block) in NODES {
        let node = Node::made(config, size, block);
        let disk = node.probe();
        check_table(&node, &disk);
        check_locators(&mut judge, &disk, &["META", "STATE", "EPHEMERAL"]);
        check_meta(&node, &decoded(release, config));
        check_volumes(&node);
    }
}

#[test]
fn after_a_reset_talos_finds_its_installation_without_state() {
    let mut judge = Judge::start();
    for (_, config, size, block) in NODES {
        let node = Node::made(config, size, block);
        let reset = ["reset", "--image", "disk.img", "--state-dir", "."];
        keelblock(
            node.folder.path(),
            &[&reset[..], &["--confirm", "SAFE-RESET"]].concat(),
        );
        let disk = node.probe();
        let found: Vec<&str> = disk["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["partition_label"].as_str().unwrap())
            .collect();
        assert_eq!(found, ["EFI", "META"]);
        assert_eq!(disk["uuid"], node.plan["disks"][0]["table"]);
        check_locators(&mut judge, &disk, &["META"]);
        assert_eq!(node.meta()["tags"], json!({}));
        for volume in ["STATE", "EPHEMERAL"] {
            let old = node.open(volume, &format!("{UUID}{volume}"));
            assert_ne!(old["opens"], true, "{old}");
        }
    }
}
