//! Which disk a machine was started from: the signs, their grades, and which of them count.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests that read fixtures"
)]

#[path = "support/machines.rs"]
mod machines;

use keelblock::probe::evidence::{BootEvidence, BootSource, Grade};
use keelblock::probe::inventory::{Disk, Inventory};
use keelblock::probe::{fixture, probe};

const STICK: &str = "/dev/sdc";

/// The machine of these trees, changed by `lines`.
fn machine(trees: &[&str], lines: &str) -> Inventory {
    let (dir, root) = machines::expanded(trees);
    fixture::expand(lines, dir.path()).unwrap();
    probe(&root)
}

fn disk<'a>(inventory: &'a Inventory, path: &str) -> &'a Disk {
    let mut disks = inventory.disks.iter();
    disks.find(|disk| disk.path == path).unwrap()
}

fn signs(inventory: &Inventory, path: &str) -> Vec<(Grade, BootSource)> {
    let signs = disk(inventory, path).boot_evidence.iter();
    signs.map(|sign| (sign.grade, sign.source)).collect()
}

fn counting(inventory: &Inventory, path: &str) -> usize {
    let disk = disk(inventory, path);
    let counting = disk.boot_evidence.iter().filter(|s| s.counts()).count();
    assert_eq!(counting, disk.boot_medium.len(), "{disk:#?}");
    counting
}

/// Mounts of the first process and of this one.
fn mounts(lines: &str) -> String {
    format!("[/proc]\n1/mountinfo = {lines}\nself/mountinfo = {lines}\n")
}

#[test]
fn a_live_system_is_followed_through_its_overlay_and_loop_to_the_stick() {
    let inventory = machine(&["macmini-2018"], "");
    let stick = disk(&inventory, "/dev/sdb");
    let of = |source| {
        let mut signs = stick.boot_evidence.iter().filter(|s| s.source == source);
        let sign: &BootEvidence = signs.next().unwrap_or_else(|| panic!("{stick:#?}"));
        (sign.grade, sign.text.clone())
    };
    let (grade, text) = of(BootSource::Loop);
    assert_eq!(grade, Grade::Certain);
    assert!(
        text.contains("/dev/loop0 (/run/live/medium/live/filesystem.squashfs)"),
        "{text}"
    );
    assert_eq!(of(BootSource::Mount).0, Grade::Certain);
    let overlay = stick
        .boot_evidence
        .iter()
        .find(|s| s.text.contains("overlay"));
    assert!(
        overlay.unwrap().text.starts_with("/ is an overlay on"),
        "{stick:#?}"
    );
    // Beside that the image on the stick proves nothing new, and is of no weight.
    assert!(
        stick
            .boot_evidence
            .iter()
            .any(|s| s.grade == Grade::Weak && !s.counts())
    );
    for path in ["/dev/nvme0n1", "/dev/sda"] {
        assert_eq!(counting(&inventory, path), 0, "{path}");
    }
}

#[test]
fn a_root_on_a_stack_leads_to_every_disk_below_it() {
    let root = mounts("27 1 9:127 / / rw - xfs /dev/md127 rw");
    let inventory = machine(&["server"], &root);
    let members: Vec<&Disk> = inventory
        .disks
        .iter()
        .filter(|disk| {
            !disk.boot_evidence.is_empty() && !disk.talos.bus_path.starts_with("/virtual")
        })
        .collect();
    assert_eq!(members.len(), 2, "{members:#?}");
    for disk in members {
        assert_eq!(disk.boot_evidence[0].grade, Grade::Certain);
        assert_eq!(disk.boot_medium, ["/ is mounted from /dev/md127"]);
    }
}

#[test]
fn a_loop_device_whose_file_came_with_the_kernel_outweighs_nothing() {
    let inventory = machine(&["macmini-2014", "macmini-2014-stick"], "");
    let root = disk(&inventory, "/dev/loop0");
    assert_eq!(root.boot_evidence[0].grade, Grade::Certain);
    assert_eq!(counting(&inventory, STICK), 1);
    assert_eq!(
        signs(&inventory, STICK),
        [(Grade::Strong, BootSource::DiscImage)],
        "the label fits the Talos that runs"
    );
}

#[test]
fn an_image_on_a_stick_counts_until_something_says_certainly_that_the_system_came_from_elsewhere() {
    let other = "[/dev]\nsdc @ 30765219840\n  0x8000 = \\x01CD001\\x01\n  0x8028 = DEBIAN_12\n";
    let elsewhere = "27 1 8:0 / / rw - ext4 /dev/sda rw";
    let chroot = format!(
        "[/proc]\n1/mountinfo = 27 1 0:2 / / rw - rootfs rootfs rw\nself/mountinfo = {elsewhere}\n"
    );
    for (mounted, counts) in [
        (mounts("27 1 0:2 / / rw - rootfs rootfs rw"), 1),
        (mounts("27 1 0:40 / / rw - nfs4 10.0.0.1:/root rw"), 1),
        (mounts(elsewhere), 0),
        // A boot partition and the view from a chroot name a disk, and prove nothing about the stick.
        (mounts("27 1 8:0 / /boot/efi rw - vfat /dev/sda rw"), 1),
        (chroot, 1),
    ] {
        let lines = format!("{other}{mounted}");
        let inventory = machine(&["macmini-2014", "macmini-2014-stick"], &lines);
        assert_eq!(
            signs(&inventory, STICK),
            [(Grade::Weak, BootSource::DiscImage)],
            "{mounted}"
        );
        assert_eq!(counting(&inventory, STICK), counts, "{mounted}");
    }
}

#[test]
fn a_hybrid_image_counts_on_a_usb_disk_that_does_not_call_itself_removable_and_not_on_one_in_the_case()
 {
    let usb =
        "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host3/target3:0:0/3:0:0:0/block/sdc";
    let hybrid = "0x1be = \\x80\\x00\\x00\\x00\\x17\\xfe\\xff\\xff\\x00\\x00\\x00\\x00\\x00\\x10\\x00\\x00\n  \
                  0x1fe = \\x55\\xaa\n  0x8000 = \\x01CD001\\x01\n";
    let lines = format!("{usb}/removable = 0\n[/dev]\nsdc @ 30765219840\n  {hybrid}");
    let inventory = machine(&["macmini-2014", "macmini-2014-stick"], &lines);
    let stick = disk(&inventory, STICK);
    assert!(!stick.removable);
    assert!(
        stick.boot_medium[0].starts_with("a pluggable medium that holds a hybrid ISO 9660 image"),
        "{stick:#?}"
    );
    let inside = format!("[/dev]\nsda @ 251000193024\n  {hybrid}");
    let inventory = machine(&["macmini-2014"], &inside);
    assert_eq!(counting(&inventory, "/dev/sda"), 0);
    assert_eq!(disk(&inventory, "/dev/sda").content.word(), "foreign");
}

/// An installed Talos whose firmware says that it started the first partition of /dev/sda.
fn firmware() -> String {
    let (dir, root) = machines::expanded(&["macmini-2014", "macmini-2014-talos"]);
    let inventory = probe(&root);
    drop(dir);
    let layout = disk(&inventory, "/dev/sda").content.layout().unwrap();
    let guid = layout.partitions[0].guid.unwrap();
    let bytes: String = guid
        .to_gpt_bytes()
        .iter()
        .map(|b| format!("\\x{b:02x}"))
        .collect();
    let text: String = guid
        .to_string()
        .chars()
        .map(|c| format!("{c}\\x00"))
        .collect();
    let zeros = "\\x00".repeat(20);
    format!(
        "[/sys/firmware/efi/efivars]\n\
         LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f = \\x06\\x00\\x00\\x00{text}\\x00\\x00\n\
         BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c = \\x06\\x00\\x00\\x00\\x0a\\x00\n\
         Boot000A-8be4df61-93ca-11d2-aa0d-00e098032b8c = \\x07\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x2e\\x00T\\x00\\x00\\x00\
         \\x04\\x01\\x2a\\x00{zeros}{bytes}\\x02\\x02\\x7f\\xff\\x04\\x00\n"
    )
}

#[test]
fn the_firmwares_word_for_a_partition_is_strong_evidence_for_its_disk() {
    let inventory = machine(&["macmini-2014", "macmini-2014-talos"], &firmware());
    let ssd = disk(&inventory, "/dev/sda");
    let texts: Vec<&str> = ssd
        .boot_evidence
        .iter()
        .filter(|s| s.source == BootSource::Firmware && s.grade == Grade::Strong)
        .map(|s| s.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "the firmware's LoaderDevicePartUUID names partition 1",
            "the firmware's BootCurrent, which is Boot000A, names partition 1"
        ]
    );
    assert!(signs(&inventory, "/dev/sdb").is_empty());
}

#[test]
fn a_mac_with_a_t2_is_not_asked_for_its_variables_and_that_is_said() {
    let lines = format!(
        "{}[/sys/class/dmi/id]\nproduct_name = Macmini8,1\n",
        firmware()
    );
    let inventory = machine(&["macmini-2014", "macmini-2014-talos"], &lines);
    let ssd = disk(&inventory, "/dev/sda");
    assert!(
        ssd.boot_evidence
            .iter()
            .all(|s| s.source != BootSource::Firmware)
    );
    assert!(
        inventory.notes.iter().any(|note| note.contains("T2")),
        "{:?}",
        inventory.notes
    );
}

#[test]
fn the_command_line_names_a_disk_by_a_partition_of_an_mbr_too() {
    let mbr = "0x1b8 = \\xd4\\xc3\\xb2\\xa1\n  \
               0x1be = \\x00\\x00\\x00\\x00\\x83\\xfe\\xff\\xff\\x00\\x08\\x00\\x00\\x00\\x10\\x00\\x00\n  0x1fe = \\x55\\xaa\n";
    for (root, found) in [
        ("a1b2c3d4-01", 1),
        ("A1B2C3D4-01/PARTNROFF=1", 1),
        ("a1b2c3d5-01", 0),
        ("", 0),
    ] {
        let lines = format!(
            "[/proc]\ncmdline = root=PARTUUID={root} quiet\n[/dev]\nsda @ 251000193024\n  {mbr}"
        );
        let inventory = machine(&["macmini-2014"], &lines);
        assert_eq!(signs(&inventory, "/dev/sda").len(), found, "{root}");
        assert_eq!(counting(&inventory, "/dev/sda"), found, "{root}");
    }
}

#[test]
fn an_inventory_without_graded_signs_is_read_as_before() {
    let inventory = machine(&["macmini-2014", "macmini-2014-stick"], "");
    let mut json = serde_json::to_value(&inventory).unwrap();
    for disk in json["disks"].as_array_mut().unwrap() {
        disk.as_object_mut().unwrap().remove("boot_evidence");
    }
    let old: Inventory = serde_json::from_value(json).unwrap();
    let stick = disk(&old, STICK);
    assert!(stick.boot_evidence.is_empty());
    assert_eq!(
        keelblock::probe::evidence::against(stick),
        stick.boot_medium,
        "sentences of an older version count"
    );
    assert!(!stick.boot_medium.is_empty());
}
