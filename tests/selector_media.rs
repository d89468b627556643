//! Media that must not be laid out: locked, write-protected, too small, not as long as they say, halves of a Fusion drive.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests that read fixtures"
)]

#[path = "support/machines.rs"]
mod machines;

use keelblock::config;
use keelblock::probe::inventory::{Content, Disk, Inventory};
use keelblock::probe::{fixture, probe};
use keelblock::selector::selection::{Outcome, Role};
use keelblock::selector::{Request, select};

const SSD: &str = "[/sys/devices/pci0000:00/0000:00:1c.5/0000:04:00.0/ata1/host0/target0:0:0/0:0:0:0/block/sda]\n";
const T5: &str =
    "[/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host0/target0:0:0/0:0:0:0/block/sda]\n";

fn machine(trees: &[&str], lines: &str) -> Inventory {
    let (dir, root) = machines::expanded(trees);
    fixture::expand(lines, dir.path()).unwrap();
    probe(&root)
}

fn disk<'a>(inventory: &'a Inventory, path: &str) -> &'a Disk {
    let mut disks = inventory.disks.iter();
    disks.find(|disk| disk.path == path).unwrap()
}

/// The role of an installation that `rule` describes, with every consent that can be given.
fn install(inventory: &Inventory, rule: &str, wipe: &[&str]) -> Role {
    let text = format!("machine:\n  install:\n    wipe: true\n    {rule}\n");
    let name = "node.yaml";
    let spec = config::parse(&[config::Source { name, text: &text }]).unwrap();
    let request = Request {
        wipe_consent: wipe.iter().map(|name| (*name).to_owned()).collect(),
    };
    select(&spec, inventory, &request)
        .role("install")
        .unwrap()
        .clone()
}

fn refused(inventory: &Inventory, path: &str, words: &[&str]) {
    let rule = format!("disk: {path}");
    let role = install(inventory, &rule, &[path, &disk(inventory, path).id]);
    assert_eq!(role.outcome, Outcome::Refused, "{}", role.reason);
    for words in words {
        assert!(role.reason.contains(words), "{words}: {}", role.reason);
    }
}

#[test]
fn a_locked_t5_that_shows_a_small_volume_is_refused_whatever_was_consented_to() {
    let lines = format!(
        "[/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3]\nidProduct = 61f6\n{T5}size = 262144\nro = 1\n! sda1\n\
         [/dev]\nsda @ 134217728\n"
    );
    let inventory = machine(&["macmini-2018"], &lines);
    refused(
        &inventory,
        "/dev/sda",
        &[
            "locked: a T5 that waits for its password",
            "write-protected: yes",
        ],
    );
    let open = lines.replace("ro = 1", "ro = 0");
    refused(&machine(&["macmini-2018"], &open), "/dev/sda", &["locked"]);
}

#[test]
fn a_write_protected_disk_is_refused() {
    let inventory = machine(&["macmini-2014"], &format!("{SSD}ro = 1\n"));
    refused(&inventory, "/dev/sda", &["write-protected: yes"]);
}

#[test]
fn a_disk_below_the_least_that_the_layout_takes_is_refused_and_one_block_more_is_not() {
    // 1 MiB, EFI 2101, META 1, STATE 100, EPHEMERAL 2048; the backup table takes 33 blocks of the last MiB.
    let least = 1 + 2101 + 1 + 100 + 2048;
    let blocks = |mib: u64| mib * 2048 + 33;
    let of = |blocks: u64| {
        let bytes = blocks * 512;
        let lines = format!("{SSD}size = {blocks}\n[/dev]\nsda @ {bytes}\n");
        machine(&["macmini-2014"], &lines)
    };
    let small = of(blocks(least) - 1);
    refused(
        &small,
        "/dev/sda",
        &["room: ", "there is no room for EPHEMERAL"],
    );
    let enough = install(&of(blocks(least)), "disk: /dev/sda", &[]);
    assert_eq!(enough.outcome, Outcome::Selected, "{}", enough.reason);
    // What an older Talos makes is smaller.
    let image = "image: ghcr.io/siderolabs/installer:v1.10.5\n    disk: /dev/sda";
    let older = install(&small, image, &[]);
    assert_eq!(older.outcome, Outcome::Selected, "{}", older.reason);
}

#[test]
fn a_disk_whose_end_cannot_be_read_is_refused() {
    // The kernel was told a capacity that the medium does not have.
    let inventory = machine(&["macmini-2014"], "[/dev]\nsda @ 251000192512\n");
    let ssd = disk(&inventory, "/dev/sda");
    assert!(
        matches!(ssd.content, Content::Unreadable { .. }),
        "{:?}",
        ssd.content
    );
    refused(&inventory, "/dev/sda", &["unreadable"]);
}

#[test]
fn a_medium_that_shows_its_start_again_further_on_is_refused() {
    let (start, mark) = ("boot code of somebody", "\\x55\\xaa");
    let (half, tail) = (
        251_000_193_024u64 / 2 / 4096 * 4096,
        251_000_193_024u64 - (1 << 20),
    );
    for (at, folded) in [(half, true), (tail, true), (half + 4096, false)] {
        let lines = format!(
            "[/dev]\nsda @ 251000193024\n  0 = {start}\n  510 = {mark}\n  {at} = {start}\n  {} = {mark}\n",
            at + 510
        );
        let inventory = machine(&["macmini-2014"], &lines);
        if folded {
            let words = format!("it reads the same at byte 0 and at byte {at}");
            refused(&inventory, "/dev/sda", &[&words]);
        } else {
            assert_eq!(
                disk(&inventory, "/dev/sda").content.word(),
                "foreign",
                "{at}"
            );
        }
    }
}

#[test]
fn a_table_that_was_made_for_a_longer_disk_is_not_sound() {
    let guid = "6f0c5a1e-7b1d-4e3a-9a55-0d1f2b3c4d5e";
    let part = "part 1 0fc63daf-8483-4772-8e79-3d69d8477de4 6f0c5a1e-7b1d-4e3a-9a55-0d1f2b3c4d5f 2048 4095 u-data";
    let lines =
        format!("[/dev]\nsda @ 251000193024\n  {part}\n  gpt 512 {guid}\n{SSD}size = 490234000\n");
    let inventory = machine(&["macmini-2014"], &lines);
    let layout = disk(&inventory, "/dev/sda").content.layout().unwrap();
    let defects = &layout.table.as_ref().unwrap().defects;
    assert!(
        defects.iter().any(|d| d == "made for a disk with 385024 bytes more: a bridge or a protected area hides its end"),
        "{defects:?}"
    );
    let role = install(&inventory, "disk: /dev/sda", &[]);
    assert_eq!(role.outcome, Outcome::Refused);
    assert!(role.reason.contains("hides its end"), "{}", role.reason);
}

#[test]
fn one_half_of_a_fusion_drive_needs_consent_for_both() {
    let inventory = machine(&["macmini-2014", "macmini-2014-fusion"], "");
    let (ssd, hdd) = (disk(&inventory, "/dev/sda"), disk(&inventory, "/dev/sdc"));
    for (wipe, outcome) in [
        (&[][..], Outcome::Refused),
        (&[ssd.id.as_str()], Outcome::Refused),
        (&[ssd.id.as_str(), hdd.id.as_str()], Outcome::Selected),
    ] {
        let role = install(&inventory, "disk: /dev/sda", wipe);
        assert_eq!(role.outcome, outcome, "{wipe:?}: {}", role.reason);
    }
    let role = install(&inventory, "disk: /dev/sda", &[&ssd.id]);
    assert!(
        role.reason.contains("a pair with /dev/sdc"),
        "{}",
        role.reason
    );
}

#[test]
fn a_refusal_for_foreign_data_prints_the_words_to_type() {
    let inventory = machine(
        &["macmini-2014"],
        "[/dev]\nsda @ 251000193024\n  1080 = \\x53\\xef\n",
    );
    let role = install(&inventory, "disk: /dev/sda", &[]);
    assert!(
        role.reason
            .ends_with("set install.wipe to true and give --wipe 'wwid naa.5002538043584d30'"),
        "{}",
        role.reason
    );
}
