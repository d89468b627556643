//! The commands that a ghost names clear it: afterwards neither the probe nor `blkid -p` finds anything, and wipefs has
//! kept what it erased.
//!
//! Superblocks of md, APFS, CoreStorage and ZFS are made from their formats' descriptions, as this needs no driver; LVM's are
//! its own tools', on a loop device. Not run: `zpool` (no package of Debian's main archive), `ceph-volume` (it looks for an
//! OSD's LVM volumes and a cluster) and `diskutil` (it is on a Mac only);
//! nor `keelblock repair`, which brings a table back instead, and has tests of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that runs tools on image files"
)]

#[path = "support/disks.rs"]
mod disks;
#[path = "support/images.rs"]
mod images;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use keelblock::probe::inventory::{Inventory, Machine, TalosDisk};
use keelblock::selector::ghost::{Ghost, GhostKind, ghosts};

use self::disks::blank;
use self::images::{Image, MIB, apfs, fields, md0, md1};

/// What the image haunts a machine with whose disk it is, under this name.
fn ghosts_of(image: &Image, path: &str) -> Vec<Ghost> {
    let mut disk = blank(TalosDisk {
        dev_path: path.to_owned(),
        size: image.size(),
        ..TalosDisk::default()
    });
    disk.content = image.content();
    let inventory = Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: vec![disk],
        notes: Vec::new(),
    };
    ghosts(&inventory, &[])
}

fn name(image: &Image) -> String {
    image.path().display().to_string()
}

/// Runs a command of a ghost in a shell, as it stands there, and says yes to whatever it asks.
fn run(image: &Image, command: &str) {
    // wipefs takes a file for a partition, where a table is a nested one.
    let command = command.replacen("wipefs ", "wipefs --force ", 1);
    let done = Command::new("sh")
        .args(["-ec", &format!("yes | {{ {command}\n}}")])
        .env("HOME", image.folder())
        .env("LVM_SYSTEM_DIR", image.folder())
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{command}: {} (Debian packages: util-linux, gdisk, coreutils, mdadm, lvm2)",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn kept(image: &Image) -> bool {
    let mut names = fs::read_dir(image.folder()).unwrap();
    names.any(|name| name.unwrap().path().extension().is_some_and(|e| e == "bak"))
}

/// Whether `blkid -p` recognises nothing, as the kernel's users would.
fn is_blank(path: &str) -> bool {
    let done = Command::new("blkid").args(["-p", path]).output();
    let done = done.unwrap_or_else(|error| panic!("blkid: {error}; install util-linux"));
    assert!(matches!(done.status.code(), Some(0 | 2)), "{done:?}");
    done.status.code() == Some(2)
}

fn tool(tool: &str, package: &str, args: &[&str], image: &Path) {
    let done = Command::new(tool).args(args).arg(image).output();
    let done = done.unwrap_or_else(|error| panic!("{tool}: {error}; install {package}"));
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{tool} {args:?}: {error}");
}

fn sgdisk(image: &Image, args: &[&str]) {
    tool("sgdisk", "gdisk", args, &image.path());
}

/// An MBR entry of type 0x83 from block 2048 on.
const MBR: &[u8] = b"\0\0\0\0\x83\xfe\xff\xff\0\x08\0\0\0\x10\0\0";

fn only(image: &Image, kind: GhostKind) -> Ghost {
    let all = ghosts_of(image, &name(image));
    let mut found = all.iter().filter(|ghost| ghost.kind == kind);
    let ghost = found.next().unwrap_or_else(|| panic!("{all:#?}")).clone();
    assert!(found.next().is_none(), "{all:#?}");
    ghost
}

/// A name, the size of an image, the ghost that it has, and who makes it.
type Case = (&'static str, u64, GhostKind, Box<dyn Fn(&Image)>);

fn table(image: &Image) {
    sgdisk(image, &["-n", "1:2048:4095", "-c", "1:data"]);
}

/// One superblock each.
fn members() -> Vec<Case> {
    vec![
        (
            "md 0.90",
            64 * MIB,
            GhostKind::Raid,
            Box::new(|i| i.put(64 * MIB - 65_536, &md0())),
        ),
        (
            "md 1.0",
            64 * MIB,
            GhostKind::Raid,
            Box::new(|i| i.put(64 * MIB - 8192, &md1(64 * MIB / 512 - 16))),
        ),
        (
            "md 1.1",
            64 * MIB,
            GhostKind::Raid,
            Box::new(|i| i.put(0, &md1(0))),
        ),
        (
            "md 1.2",
            64 * MIB,
            GhostKind::Raid,
            Box::new(|i| i.put(4096, &md1(8))),
        ),
        (
            "apfs",
            64 * MIB,
            GhostKind::Apfs,
            Box::new(|i| i.put(0, &apfs())),
        ),
        (
            "core storage",
            64 * MIB,
            GhostKind::CoreStorage,
            Box::new(|i| i.put(0, &core_storage())),
        ),
        (
            "bcache",
            64 * MIB,
            GhostKind::Bcache,
            Box::new(|i| tool("make-bcache", "bcache-tools", &["-B"], &i.path())),
        ),
    ]
}

/// Tables that are in another's way, and labels in several places.
fn tables_and_labels() -> Vec<Case> {
    vec![
        (
            "backup without primary",
            64 * MIB,
            GhostKind::StaleTable,
            Box::new(|i| {
                table(i);
                i.put(0, &[0; 34 * 512]);
            }),
        ),
        (
            "gpt below an mbr",
            64 * MIB,
            GhostKind::NestedTable,
            Box::new(|i| {
                table(i);
                i.put(446, MBR);
            }),
        ),
        (
            "backup of a shorter disk",
            64 * MIB,
            GhostKind::StaleTable,
            Box::new(|i| {
                table(i);
                i.put(0, &[0; 34 * 512]);
                let file = File::options().write(true).open(i.path()).unwrap();
                file.set_len(64 * MIB + 65_536).unwrap();
            }),
        ),
        (
            "zfs",
            64 * MIB,
            GhostKind::Zfs,
            Box::new(|i| {
                for at in [0, ZFS_LABEL, 64 * MIB - 2 * ZFS_LABEL, 64 * MIB - ZFS_LABEL] {
                    i.put(at + (16 << 10), &zfs_list());
                    for slot in 0..8 {
                        i.put(
                            at + (128 << 10) + slot * 1024,
                            &0x00BA_B10C_u64.to_le_bytes(),
                        );
                    }
                }
            }),
        ),
        (
            "bluestore",
            2048 * MIB,
            GhostKind::Ceph,
            Box::new(|i| {
                i.put(0, b"bluestore block device\n");
                i.put(1 << 30, b"bluestore block device\n");
            }),
        ),
    ]
}

fn cases() -> Vec<Case> {
    members().into_iter().chain(tables_and_labels()).collect()
}

/// A CoreStorage volume header, as far as it tells one.
fn core_storage() -> Vec<u8> {
    fields(
        512,
        &[(8, &[1, 0, 0x10, 0]), (88, b"CS"), (304, &[0xCE; 16])],
    )
}

const ZFS_LABEL: u64 = 256 << 10;

/// The list of a label, as far as it names a pool: XDR, big-endian.
fn zfs_list() -> Vec<u8> {
    let mut list = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    // Lengths of the pair, encoded and decoded; of its name; the name; type (text), one of it; its length; itself.
    list.extend([0, 0, 0, 32, 0, 0, 0, 32, 0, 0, 0, 4]);
    list.extend(b"name\0\0\0\x09\0\0\0\x01\0\0\0\x04tank");
    list.extend([0; 8]);
    list
}

/// Programs of commands that are not run here, see the head of this file.
const ELSEWHERE: [&str; 4] = ["zpool", "ceph-volume", "diskutil", "keelblock"];

#[test]
fn every_command_of_every_ghost_clears_it_and_wipefs_keeps_what_it_erased() {
    for (what, size, kind, make) in cases() {
        let mut count = 1;
        let mut at = 0;
        while at < count {
            let image = Image::new(size);
            make(&image);
            let ghost = only(&image, kind);
            count = ghost.cleanup.len();
            let command = &ghost.cleanup[at];
            at += 1;
            if ELSEWHERE.iter().any(|tool| command.starts_with(tool)) {
                assert!(at > 1, "{what}: nothing that can be run: {command}");
                continue;
            }
            run(&image, command);
            let path = name(&image);
            assert_eq!(ghosts_of(&image, &path), [], "{what}: {command}");
            assert!(
                kind == GhostKind::NestedTable || is_blank(&path),
                "{what}: {command}"
            );
            let keeps = command.starts_with("wipefs ");
            assert_eq!(kept(&image), keeps, "{what}: {command}");
        }
    }
}

/// A loop device on an image, given back at the end.
struct Loop(String);

impl Loop {
    fn new(image: &Image) -> Self {
        let path = name(image);
        let done = Command::new("losetup")
            .args(["--find", "--show", &path])
            .output();
        let done = done.unwrap_or_else(|error| panic!("losetup: {error}; install mount"));
        assert!(done.status.success(), "{done:?}");
        Self(String::from_utf8(done.stdout).unwrap().trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let done = Command::new("losetup").args(["--detach", &self.0]).status();
        assert!(done.unwrap().success(), "{}", self.0);
    }
}

/// What LVM writes and reads apart from the device: below the image's folder, and no other device of this machine.
fn lvm_of_its_own(image: &Image, device: &Loop) {
    let folder = image.folder().display();
    let config = format!(
        "devices {{ filter = [\"a|^{}$|\", \"r|.*|\"] global_filter = [\"a|^{}$|\", \"r|.*|\"] \
         hints = \"none\" use_devicesfile = 0 }}\n\
         global {{ locking_dir = \"{folder}\" event_activation = 0 }}\n\
         activation {{ udev_sync = 0 udev_rules = 0 }}\n\
         backup {{ backup = 0 archive = 0 }}\n",
        device.0, device.0
    );
    fs::write(image.folder().join("lvm.conf"), config).unwrap();
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_physical_volume_of_a_group_is_cleared_by_either_of_its_commands() {
    for at in 0..2 {
        let image = Image::new(64 * MIB);
        let device = Loop::new(&image);
        lvm_of_its_own(&image, &device);
        run(&image, &format!("pvcreate {}", device.0));
        run(&image, &format!("vgcreate group {}", device.0));
        let all = ghosts_of(&image, &device.0);
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].kind, all[0].cleanup.len()), (GhostKind::Lvm, 2));
        let command = &all[0].cleanup[at];
        run(&image, command);
        assert_eq!(ghosts_of(&image, &device.0), [], "{command}");
        assert!(is_blank(&device.0), "{command}");
        assert_eq!(kept(&image), command.starts_with("wipefs "), "{command}");
    }
}

#[test]
fn a_partition_that_talos_would_take_for_its_own_keeps_its_data_under_another_name() {
    let image = Image::new(64 * MIB);
    sgdisk(
        &image,
        &[
            "-n",
            "1:2048:4095",
            "-c",
            "1:STATE",
            "-n",
            "2:4096:6143",
            "-c",
            "2:STATE",
        ],
    );
    image.put(3 * MIB / 2, b"data of the volume");
    // Two on one disk, and one on another: names are only told where they stand twice.
    let other = Image::new(64 * MIB);
    sgdisk(&other, &["-n", "1:2048:4095", "-c", "1:STATE"]);
    let disk = |image: &Image, path: &str| {
        let mut disk = blank(TalosDisk {
            dev_path: path.to_owned(),
            ..TalosDisk::default()
        });
        disk.content = image.content();
        disk
    };
    let path = other.path().display().to_string();
    let inventory = Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: vec![disk(&image, "/dev/sda"), disk(&other, &path)],
        notes: Vec::new(),
    };
    let all = ghosts(&inventory, &[]);
    assert_eq!(
        all.iter().filter(|g| g.kind == GhostKind::Label).count(),
        3,
        "{all:#?}"
    );
    let ghost = all.iter().find(|ghost| ghost.disk == path).unwrap();
    assert!(ghost.talos.contains("first STATE"), "{ghost:#?}");
    let before = fs::read(other.path()).unwrap();
    run(&other, &ghost.cleanup[0]);
    let content = other.content();
    let layout = content.layout().unwrap();
    assert_eq!(layout.partitions[0].name, "old-STATE");
    let after = fs::read(other.path()).unwrap();
    let data = 1 << 20..2 << 20;
    assert_eq!(before[data.clone()], after[data]);
}

#[test]
fn a_disk_is_named_by_a_link_that_stays_and_otherwise_with_a_caution() {
    let image = Image::new(64 * MIB);
    image.put(64 * MIB - 65_536, &md0());
    let mut disk = blank(TalosDisk {
        dev_path: "/dev/sdb".to_owned(),
        ..TalosDisk::default()
    });
    disk.content = image.content();
    let of = |disk| {
        let inventory = Inventory {
            schema: String::new(),
            machine: Machine::default(),
            disks: vec![disk],
            notes: Vec::new(),
        };
        ghosts(&inventory, &[]).remove(0).cleanup
    };
    assert_eq!(
        of(disk.clone()),
        [
            "wipefs --backup --all --types linux_raid_member /dev/sdb  # if /dev/sdb is still the disk path /dev/sdb",
            "mdadm --zero-superblock /dev/sdb  # if /dev/sdb is still the disk path /dev/sdb"
        ]
    );
    disk.talos.symlinks = vec![
        "/dev/disk/by-diskseq/3".to_owned(),
        "/dev/disk/by-id/ata-X".to_owned(),
        "/dev/disk/by-id/a b; rm".to_owned(),
        "/dev/disk/by-id/wwn-0x5".to_owned(),
        "/dev/disk/by-path/p".to_owned(),
    ];
    let commands = of(disk);
    assert!(
        commands
            .iter()
            .all(|c| c.ends_with(" /dev/disk/by-id/ata-X")),
        "{commands:?}"
    );
}
