//! The probe on machines from `tests/fixtures/machines`, and the snapshots in `examples/hardware` made from them.
//!
//! `KEELBLOCK_BLESS=1 cargo test --test probe_machines` writes the snapshots anew; read the difference before committing.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that reads fixtures"
)]

use std::fs;
use std::path::{Path, PathBuf};

use keelblock::probe::inventory::{Content, Disk, Inventory, UsageKind};
use keelblock::probe::{fixture, probe};
use keelblock::root::Root;

struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// The first tree, changed by the others.
    fn new(trees: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for tree in trees {
            let path = repository().join(format!("tests/fixtures/machines/{tree}.tree"));
            let text = fs::read_to_string(path).unwrap();
            fixture::expand(&text, dir.path()).unwrap_or_else(|e| panic!("{tree}: {e}"));
        }
        Self { dir }
    }

    fn with(self, lines: &str) -> Self {
        fixture::expand(lines, self.dir.path()).unwrap();
        self
    }

    fn probe(&self) -> Inventory {
        probe(&Root::at(self.dir.path()))
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn disk<'a>(inventory: &'a Inventory, path: &str) -> &'a Disk {
    let found = inventory.disks.iter().find(|disk| disk.path == path);
    found.unwrap_or_else(|| panic!("no {path}: {inventory:#?}"))
}

fn kinds(disk: &Disk) -> Vec<String> {
    let layout = disk.content.layout().unwrap_or_else(|| panic!("{disk:#?}"));
    let inside = layout.partitions.iter().flat_map(|p| &p.signatures);
    layout
        .signatures
        .iter()
        .chain(inside)
        .map(|s| s.kind.clone())
        .collect()
}

#[test]
fn the_snapshots_in_examples_are_what_the_probe_says() {
    for name in ["macmini-2014", "macmini-2018"] {
        let inventory = Machine::new(&[name]).probe();
        let json = serde_json::to_string_pretty(&inventory).unwrap() + "\n";
        let path = repository().join(format!("examples/hardware/{name}.json"));
        if std::env::var_os("KEELBLOCK_BLESS").is_some() {
            fs::write(&path, &json).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == json,
            "{name}.json is not what the probe says now; see this file's header"
        );
    }
}

#[test]
fn the_mac_mini_of_2014_is_told_as_talos_would() {
    let inventory = Machine::new(&["macmini-2014"]).probe();
    let machine = &inventory.machine;
    assert_eq!(
        machine.uuid.as_deref(),
        Some("9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213")
    );
    assert_eq!(machine.product, "Macmini7,1");
    assert_eq!((machine.uefi, machine.cpus), (Some(true), 4));
    let paths: Vec<&str> = inventory.disks.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["/dev/loop0", "/dev/sda", "/dev/sdb"]);

    let ssd = disk(&inventory, "/dev/sda");
    assert_eq!(ssd.talos.model, "APPLE SSD SM0256");
    assert_eq!(ssd.udev["ID_MODEL"], "APPLE_SSD_SM0256F");
    assert_eq!(ssd.talos.transport, "sata");
    assert_eq!(ssd.id, "wwid naa.5002538043584d30");
    assert_eq!(
        (ssd.talos.sector_size, ssd.physical_sector_size),
        (512, 4096)
    );
    assert_eq!(ssd.talos.io_size, 4096);
    assert_eq!(ssd.content, Content::Blank);
    assert_eq!(ssd.fingerprint.len(), 64);

    let t5 = disk(&inventory, "/dev/sdb");
    assert_eq!(t5.talos.model, "Portable SSD T5");
    assert_eq!(t5.talos.serial, "");
    assert_eq!(t5.talos.transport, "usb");
    assert_eq!(t5.talos.pretty_size, "1.0 TB");
    assert_eq!(t5.talos.io_size, 512, "33553920 is no power of two");
    assert_eq!(
        t5.id, "usb 04e8:61f5 1234568941AC",
        "the world-wide id is shared"
    );
    assert_eq!(t5.udev["ID_BUS"], "ata");
    let usb = t5.usb.as_ref().unwrap();
    assert_eq!((usb.driver.as_str(), usb.speed), ("uas", 5000));
    assert_eq!(
        t5.talos.bus_path,
        "/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host2/target2:0:0/2:0:0:0"
    );
    assert_eq!(t5.talos.sub_system, "/sys/class/block");
    assert_eq!(
        t5.talos.symlinks[1],
        "/dev/disk/by-id/ata-Samsung_Portable_SSD_T5_S49WNV0MC04217F"
    );
}

#[test]
fn the_mac_mini_of_2018_holds_macos_a_user_volume_and_the_stick_it_was_booted_from() {
    let inventory = Machine::new(&["macmini-2018"]).probe();
    let nvme = disk(&inventory, "/dev/nvme0n1");
    assert_eq!(nvme.talos.transport, "nvme");
    assert_eq!(nvme.talos.sector_size, 4096);
    assert_eq!(nvme.talos.serial, "C02838200AAAAAAAA");
    assert_eq!(nvme.talos.firmware_version, "1296.120");
    assert_eq!(
        nvme.talos.bus_path,
        "/pci0000:00/0000:00:1b.0/0000:02:00.0/nvme"
    );
    assert_eq!(nvme.content.word(), "foreign");
    assert_eq!(kinds(nvme), ["gpt", "PMBR", "vfat", "apfs"]);
    let table = nvme.content.layout().unwrap().table.clone().unwrap();
    assert_eq!(table.defects, [""; 0]);
    assert!(nvme.usage.is_empty() && nvme.boot_medium.is_empty());

    let t5 = disk(&inventory, "/dev/sda");
    assert_eq!(t5.content.word(), "talos");
    assert_eq!(kinds(t5), ["gpt", "PMBR", "xfs"]);

    let stick = disk(&inventory, "/dev/sdb");
    assert!(stick.removable && stick.talos.rotational);
    assert_eq!(stick.id, "usb 0781:5567 02000515031521144721");
    assert_eq!(stick.boot_medium.len(), 3, "{:?}", stick.boot_medium);
    let kinds: Vec<UsageKind> = stick.usage.iter().map(|usage| usage.kind).collect();
    assert_eq!(
        kinds,
        [UsageKind::Mount, UsageKind::Loop, UsageKind::Mount],
        "{:?}",
        stick.usage
    );
}

#[test]
fn without_udev_the_identity_stays_and_the_udev_names_go() {
    let with = Machine::new(&["macmini-2018"]).probe();
    let without = Machine::new(&["macmini-2018", "macmini-2018-no-udev"]).probe();
    assert!(!without.machine.udev);
    for (with, without) in with.disks.iter().zip(&without.disks) {
        assert_eq!(with.id, without.id);
        assert_eq!(with.fingerprint, without.fingerprint);
        assert!(without.udev.is_empty() && without.talos.symlinks.is_empty());
    }
}

#[test]
fn a_database_that_no_udevd_keeps_is_not_trusted() {
    for line in [
        "[/run/udev]\n! control\n",
        "[/run/udev/data]\nb8:0 = E:ID_BUS=scsi\n",
    ] {
        let inventory = Machine::new(&["macmini-2018"]).with(line).probe();
        let t5 = disk(&inventory, "/dev/sda");
        assert!(t5.udev.is_empty(), "{line}");
        assert!(
            t5.unread.iter().any(|s| s.contains("not trusted")),
            "{t5:?}"
        );
    }
}

#[test]
fn a_t5_is_the_same_disk_behind_either_usb_driver() {
    let inventory = Machine::new(&["macmini-2018", "macmini-2018-bot"]).probe();
    let t5 = disk(&inventory, "/dev/sda");
    assert_eq!(t5.usb.as_ref().unwrap().driver, "usb-storage");
    assert_eq!(t5.talos.transport, "usb");
    assert_eq!(t5.talos.wwid, "");
    assert!(t5.talos.rotational);
    assert_eq!(t5.id, "usb 04e8:61f5 1234567DAFFD");
    let inventory = Machine::new(&["macmini-2018", "macmini-2018-no-ata-id"]).probe();
    let t5 = disk(&inventory, "/dev/sda");
    assert_eq!(t5.udev["ID_BUS"], "usb");
    assert_eq!(t5.id, "usb 04e8:61f5 1234567DAFFD");
}

#[test]
fn a_locked_t5_is_no_disk_and_is_spoken_of() {
    let inventory = Machine::new(&["macmini-2018", "macmini-2018-locked"]).probe();
    assert!(inventory.disks.iter().all(|disk| disk.path != "/dev/sda"));
    let note = inventory.notes.iter().find(|note| note.contains("locked"));
    assert!(
        note.unwrap().starts_with("/dev/sda"),
        "{:?}",
        inventory.notes
    );
}

#[test]
fn an_installed_talos_is_in_use_and_what_it_runs_from() {
    let inventory = Machine::new(&["macmini-2014", "macmini-2014-talos"]).probe();
    let ssd = disk(&inventory, "/dev/sda");
    assert_eq!(ssd.content.word(), "talos");
    assert_eq!(
        kinds(ssd),
        ["gpt", "PMBR", "vfat", "talosmeta", "xfs", "xfs"]
    );
    assert_eq!(ssd.usage.len(), 2, "{:?}", ssd.usage);
    assert!(
        ssd.boot_medium.iter().any(|why| why.contains("META")),
        "{:?}",
        ssd.boot_medium
    );
}

#[test]
fn both_halves_of_a_fusion_drive_are_foreign() {
    let inventory = Machine::new(&["macmini-2014", "macmini-2014-fusion"]).probe();
    for path in ["/dev/sda", "/dev/sdc"] {
        let half = disk(&inventory, path);
        assert!(half.talos.model.starts_with("APPLE"));
        assert_eq!(half.content.word(), "foreign");
        assert!(kinds(half).contains(&"fvault2".to_owned()), "{half:#?}");
    }
}

#[test]
fn a_disk_without_a_node_is_listed_and_never_blank() {
    let inventory = Machine::new(&["macmini-2014"]).with("! /dev/sda\n").probe();
    let ssd = disk(&inventory, "/dev/sda");
    assert_eq!(ssd.talos.size, 251_000_193_024);
    assert_eq!(
        ssd.content,
        Content::Unreadable {
            reason: "no device node /dev/sda".to_owned()
        }
    );
    assert!(ssd.unread[0].contains("sysfs"), "{:?}", ssd.unread);
    assert_eq!(ssd.fingerprint, "");
}

#[test]
fn an_attribute_that_cannot_be_read_is_said_and_an_absent_one_is_not() {
    // A directory in the place of a file: reading it fails, and not because it is absent.
    let scsi = "/sys/devices/pci0000:00/0000:00:1c.5/0000:04:00.0/ata1/host0/target0:0:0/0:0:0:0";
    let lines = format!("! {scsi}/model\n{scsi}/model/\n! {scsi}/rev\n");
    let inventory = Machine::new(&["macmini-2014"]).with(&lines).probe();
    let ssd = disk(&inventory, "/dev/sda");
    assert_eq!(ssd.talos.model, "");
    assert_eq!(ssd.unread.len(), 1, "{:?}", ssd.unread);
    assert!(ssd.unread[0].contains("model"), "{:?}", ssd.unread);
}

#[test]
fn two_disks_with_one_identity_are_told_apart_by_their_place() {
    let t5 = "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host2/target2:0:0/2:0:0:0";
    let lines = format!("{t5}/wwid = naa.5002538043584d30\n");
    let inventory = Machine::new(&["macmini-2014"]).with(&lines).probe();
    let ids: Vec<&str> = inventory.disks.iter().map(|d| d.id.as_str()).collect();
    assert!(ids[1].starts_with("wwid naa.5002538043584d30 path /pci0000:00/0000:00:1c.5"));
    assert!(ids[2].starts_with("wwid naa.5002538043584d30 path /pci0000:00/0000:00:14.0"));
    assert!(
        inventory
            .notes
            .iter()
            .any(|n| n.contains("/dev/sda and /dev/sdb"))
    );
}

#[test]
fn uses_are_followed_through_everything_that_is_stacked() {
    let t5 =
        "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host0/target0:0:0/0:0:0:0/block/sda";
    let lines = format!(
        "[/sys/block]\ndm-0 -> /sys/devices/virtual/block/dm-0\nloop1 -> /sys/devices/virtual/block/loop1\n\
         [/sys/devices/virtual/block/dm-0]\ndev = 252:0\nsize = 1953521664\ndm/name = luks2-u-longhorn-ssd\n\
         dm/uuid = CRYPT-LUKS2-00\nslaves/sda1 -> {t5}/sda1\n\
         [{t5}/sda1]\nholders/dm-0 -> /sys/devices/virtual/block/dm-0\n\
         [/sys/devices/virtual/block/loop1]\ndev = 7:1\nsize = 2048\nloop/backing_file = /var/lib/longhorn/disk one.img\n\
         [/proc]\nself/mountinfo = 40 1 252:0 / /var/lib/longhorn rw - xfs /dev/mapper/x rw\\n\
         41 1 7:1 / /mnt/pod rw - ext4 /dev/loop1 rw\n\
         swaps = header\\n/dev/sda1 partition 1 0 -2\n"
    );
    let inventory = Machine::new(&["macmini-2018"]).with(&lines).probe();
    let t5 = disk(&inventory, "/dev/sda");
    let usage: Vec<(UsageKind, &str, &str)> = t5
        .usage
        .iter()
        .map(|usage| (usage.kind, usage.device.as_str(), usage.by.as_str()))
        .collect();
    assert_eq!(
        usage,
        [
            (
                UsageKind::DeviceMapper,
                "/dev/sda1",
                "/dev/dm-0 (luks2-u-longhorn-ssd)"
            ),
            (UsageKind::Swap, "/dev/sda1", "swap"),
            (UsageKind::Mount, "/dev/dm-0", "/var/lib/longhorn"),
            (
                UsageKind::Loop,
                "/dev/dm-0",
                "/dev/loop1 (/var/lib/longhorn/disk one.img)"
            ),
            (UsageKind::Mount, "/dev/loop1", "/mnt/pod"),
        ]
    );
    let mapping = disk(&inventory, "/dev/dm-0");
    assert_eq!(mapping.talos.transport, "dm");
    assert_eq!(mapping.talos.secondary_disks, ["sda"]);
}

#[test]
fn every_device_of_a_btrfs_is_in_use_when_one_is_named_as_the_source() {
    let lines = "[/sys/fs/btrfs/0b1f2c3d-0000-4000-8000-000000000001/devices]\nsda -> ../x\nsdb -> ../y\n\
        [/proc]\nself/mountinfo = 40 1 0:44 / /data rw - btrfs /dev/sdb rw\n";
    let inventory = Machine::new(&["macmini-2014"]).with(lines).probe();
    for path in ["/dev/sda", "/dev/sdb"] {
        let usage = &disk(&inventory, path).usage;
        assert_eq!(usage.len(), 1, "{path}: {usage:?}");
        assert_eq!(usage[0].by, "/data");
    }
}

#[test]
fn an_empty_machine_is_an_empty_inventory_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let inventory = probe(&Root::at(dir.path()));
    assert!(inventory.disks.is_empty());
    assert_eq!(inventory.machine.uefi, None);
    assert!(!inventory.notes.is_empty());
}
