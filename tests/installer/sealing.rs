//! What is there when all went well, and what is left when sealing fails.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde_json::{Value, json};

use crate::bench::{Node, PASSPHRASE, fake, fed, ran, read, words};
use crate::cli::{Ran, UUID, root, tool};
use crate::talos::{Release, call};

const SIZE: u64 = 5 << 30;
const MIB: u64 = 1 << 20;

/// Talos' own view of the disk: name, content and size in MiB of every partition.
fn talos(node: &Node, block: &str) -> Vec<(String, String, u64)> {
    let image = node.bench.path("disk.img").display().to_string();
    let disk = call(Release::V1_14, &["probe", &image, block], b"").remove(0);
    assert_eq!(disk["name"], "gpt", "{disk}");
    let text = |part: &Value, field: &str| part[field].as_str().unwrap_or_default().to_owned();
    let parts = disk["parts"].as_array().unwrap();
    parts
        .iter()
        .map(|part| {
            let size = part["size"].as_u64().unwrap() / MIB;
            (text(part, "partition_label"), text(part, "name"), size)
        })
        .collect()
}

fn place(node: &Node, name: &str) -> (u64, u64) {
    let report = node.inspect();
    let parts = report["partitions"].as_array().unwrap();
    let part = parts.iter().find(|part| part["name"] == name).unwrap();
    (
        part["start"].as_u64().unwrap(),
        part["size"].as_u64().unwrap(),
    )
}

/// META's tags as Talos reads them.
fn meta(node: &Node) -> Value {
    let image = node.bench.path("disk.img").display().to_string();
    let (start, _) = place(node, "META");
    call(Release::V1_14, &["meta", &image, &start.to_string()], b"").remove(0)
}

/// Talos' code and cryptsetup open the volume with this key, and with no other.
fn opens(node: &Node, volume: &str, key: &str) {
    let image = node.bench.path("disk.img").display().to_string();
    let (start, size) = place(node, volume);
    let arguments = ["luks", &image, &start.to_string(), &size.to_string(), "0"];
    let answer = call(Release::V1_14, &arguments, key.as_bytes()).remove(0);
    let wanted = json!({"error": "", "keyslots": ["0"], "token": false, "opens": true});
    assert_eq!(answer, wanted, "{volume}");
    let mut head = vec![0; 17 * 1024 * 1024];
    let mut disk = File::open(node.bench.path("disk.img")).unwrap();
    disk.seek(SeekFrom::Start(start)).unwrap();
    disk.read_exact(&mut head).unwrap();
    node.bench.write("head", head);
    for (key, fits) in [(key.to_owned(), true), (format!("{key}\n"), false)] {
        node.bench.write("key", key);
        let (key, head) = (node.bench.path("key"), node.bench.path("head"));
        let mut command = std::process::Command::new("/usr/sbin/cryptsetup");
        command.args(["open", "--test-passphrase", "--key-slot", "0", "--key-file"]);
        let output = command.arg(key).arg(head).output().unwrap_or_else(|error| {
            panic!("cryptsetup of Debian's package cryptsetup-bin is needed: {error}")
        });
        assert_eq!(output.status.success(), fits, "{volume}: {output:?}");
    }
}

fn entry(name: &str, content: &str, mib: u64) -> (String, String, u64) {
    (name.to_owned(), content.to_owned(), mib)
}

#[test]
fn an_installed_disk_is_completed_and_sealed_as_talos_wants_it() {
    if !root("to set up a loop device") {
        return;
    }
    for (layout, block) in [("uki", "512"), ("grub", "4096")] {
        let node = Node::with(SIZE, &["--sector-size", block]);
        let mut arguments = node.arguments();
        arguments.extend(words(&["--meta", "0xa=a network", "--meta=0xc=mine"]));
        let mut command = node.by_hand(&[], &arguments);
        command.env("STANDIN_LAYOUT", layout);
        let done = ran(command).exits(0);
        assert!(
            done.stdout
                .starts_with("a line of the stock installer\nplan "),
            "{done:#?}"
        );
        let boot = match layout {
            "uki" => vec![entry("EFI", "vfat", 2101)],
            _ => vec![
                entry("EFI", "vfat", 100),
                entry("BIOS", "", 1),
                entry("BOOT", "xfs", 2000),
            ],
        };
        let rest = [
            entry("META", "talosmeta", 1),
            entry("STATE", "luks", 100),
            entry("EPHEMERAL", "luks", (SIZE / MIB) - 2101 - 1 - 100 - 2),
        ];
        assert_eq!(talos(&node, block), [boot, rest.to_vec()].concat());
        let tags = &meta(&node)["tags"];
        assert_eq!(
            (&tags["10"], &tags["12"]),
            (&json!("a network"), &json!("mine"))
        );
        let state = tags["9"].as_str().unwrap();
        assert!(state.contains("\"KeyNodeID\":{}"), "{state}");
        opens(&node, "STATE", &format!("{UUID}STATE"));
        opens(&node, "EPHEMERAL", PASSPHRASE);
        assert!(node.partitions().iter().all(|(.., talos)| talos == "adopt"));
        tool("gdisk", "sgdisk", &["--verify", node.disk.name()]);
    }
}

#[test]
fn an_empty_state_of_an_old_host_is_sealed_in_place() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let mut command = node.by_hand(&["--talos", "1.8"], &node.arguments());
    command
        .env("STANDIN_OLD", "1")
        .env("STANDIN_LAYOUT", "grub");
    ran(command).exits(0);
    let names: Vec<String> = talos(&node, "512")
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(names, ["EFI", "BIOS", "BOOT", "META", "STATE", "EPHEMERAL"]);
    opens(&node, "STATE", &format!("{UUID}STATE"));
}

/// Talos derives nodeID keys from the UUID in META, if there is one.
#[test]
fn under_its_own_name_the_installer_takes_the_uuid_that_meta_will_have() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let uuid = "7c1e0d52-93ab-4f6e-8d20-5b64a1f7c9e3";
    // base64 of `0xa=x;0xf=<uuid>`.
    let encoded = tool(
        "coreutils",
        "sh",
        &["-c", &format!("printf '0xa=x;0xf={uuid}' | base64 -w0")],
    );
    let mut command = node.installer(&node.arguments());
    command.env("INSTALLER_META_BASE64", encoded);
    fed(command, &read(&node.bench, "node.yaml")).exits(0);
    assert_eq!(meta(&node)["tags"]["15"], uuid);
    opens(&node, "STATE", &format!("{uuid}STATE"));
}

#[test]
fn where_the_configuration_names_no_disk_the_told_one_is_taken() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    node.configure(&crate::bench::config("    wipe: false"));
    ran(node.by_hand(&[], &node.arguments())).exits(0);
    assert_eq!(node.partitions().len(), 4);
}

/// Talos looks at the new partitions as soon as the stock installer lets go of the disk.
#[test]
fn somebody_who_looks_at_the_new_partitions_is_waited_for() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("STANDIN_HOLD", "0.5");
    ran(command).exits(0);
    assert_eq!(node.partitions().len(), 4);
}

/// A mkfs.xfs that works until the stock installer is done, so that everything before goes well.
fn fails_after_the_install(node: &Node) -> Ran {
    let done = node.bench.path("done");
    let script = format!(
        "[ -e {} ] && {{ echo 'no luck any more' >&2; exit 1; }}\nexec /usr/sbin/mkfs.xfs \"$@\"",
        done.display()
    );
    let path = fake(&node.bench, "mkfs.xfs", &script);
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("PATH", path).env("STANDIN_DONE", done);
    ran(command)
}

#[test]
fn a_failure_after_the_install_says_what_the_node_will_do_and_the_same_again_converges() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let failed = fails_after_the_install(&node).exits(7);
    for word in [
        "not sealed",
        "no luck any more",
        "at the next boot",
        "maintenance mode",
    ] {
        assert!(
            failed.stderr.contains(word),
            "does not say {word:?}: {failed:#?}"
        );
    }
    let found = node.partitions();
    assert!(
        found.iter().all(|(.., talos)| talos == "adopt"),
        "{found:?}"
    );
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["EFI", "META"]);
    // Talos tries again: what the first run left is nobody's.
    ran(node.by_hand(&[], &node.arguments())).exits(0);
    assert_eq!(node.partitions().len(), 4);
}

/// The image below the device has no room for what is sealed: the kernel finds out while the pages are written back.
#[test]
fn an_error_of_the_disk_while_sealing_leaves_nothing_that_talos_stops_at() {
    if !root("to set up a loop device on a small filesystem") {
        return;
    }
    let small = crate::cli::Bench::new();
    let point = small.path("memory");
    std::fs::create_dir(&point).unwrap();
    let point = point.display().to_string();
    tool(
        "mount",
        "mount",
        &["-t", "tmpfs", "-o", "size=24M", "tmpfs", &point],
    );
    small.blank("memory/disk.img", SIZE);
    {
        let mut node = Node::new(SIZE);
        node.disk = crate::bench::Loop::new(&small.path("memory/disk.img"), &[]);
        node.configure(&crate::bench::config(&format!(
            "    disk: {}",
            node.disk.name()
        )));
        let failed = ran(node.by_hand(&[], &node.arguments())).exits(7);
        for word in ["unfinished", "at the next boot", "maintenance mode"] {
            assert!(
                failed.stderr.contains(word),
                "does not say {word:?}: {failed:#?}"
            );
        }
        let found = node.partitions();
        assert!(found.iter().all(|(.., talos)| talos != "hang"), "{found:?}");
        tool("mount", "mount", &["-o", "remount,size=512M", &point]);
        ran(node.by_hand(&[], &node.arguments())).exits(0);
        let found = node.partitions();
        assert!(
            found.iter().all(|(.., talos)| talos == "adopt"),
            "{found:?}"
        );
        assert_eq!(found.len(), 4);
    }
    tool("mount", "umount", &[&point]);
}
