//! The commands that a ghost names clear it, and what was there comes back from the file that wipefs keeps.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that runs tools on image files"
)]

#[path = "support/disks.rs"]
mod disks;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use keelblock::probe::inspect_source;
use keelblock::probe::inventory::{Content, Inventory, Machine, TalosDisk};
use keelblock::root::Root;
use keelblock::selector::ghost::{Ghost, GhostKind, ghosts};
use keelblock::units::{BlockSize, Bytes, Geometry};

use self::disks::blank;

const MIB: u64 = 1 << 20;

struct Image {
    dir: tempfile::TempDir,
}

impl Image {
    fn new(size: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = Self { dir };
        File::create(image.path()).unwrap().set_len(size).unwrap();
        image
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.path()).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    fn content(&self) -> Content {
        let size = fs::metadata(self.path()).unwrap().len();
        let device = Root::at(self.dir.path()).open_device("/disk").unwrap();
        let reader = device.into_reader(Geometry {
            size: Bytes::new(size),
            logical: BlockSize::B512,
            physical: 512,
        });
        inspect_source(&reader).0
    }

    /// What the image as a disk of a machine haunts it with.
    fn ghosts(&self) -> Vec<Ghost> {
        let path = self.path().display().to_string();
        let mut disk = blank(TalosDisk {
            dev_path: path,
            size: fs::metadata(self.path()).unwrap().len(),
            ..TalosDisk::default()
        });
        disk.content = self.content();
        let inventory = Inventory {
            schema: String::new(),
            machine: Machine::default(),
            disks: vec![disk],
            notes: Vec::new(),
        };
        ghosts(&inventory, &[])
    }

    /// Runs a command of a ghost in a shell, as it stands there.
    fn run(&self, command: &str) {
        // wipefs takes a file for a partition, where a table is a nested one.
        let command = command.replacen("wipefs ", "wipefs --force ", 1);
        let done = Command::new("sh")
            .args(["-ec", &command])
            .env("HOME", self.dir.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{command}: {} (Debian packages: util-linux, gdisk, coreutils)",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    fn kept(&self) -> bool {
        let mut names = fs::read_dir(self.dir.path()).unwrap();
        names.any(|name| name.unwrap().path().extension().is_some_and(|e| e == "bak"))
    }
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

/// A member of an md array of version 0.90.
fn md0() -> Vec<u8> {
    let mut words = vec![0xA92B_4EFC_u32, 0, 90];
    words.resize(1024, 0);
    (words[7], words[10]) = (1, 2);
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// An MBR entry of type 0x83 from block 2048 on.
const MBR: &[u8] = b"\0\0\0\0\x83\xfe\xff\xff\0\x08\0\0\0\x10\0\0";

fn only(image: &Image, kind: GhostKind) -> Ghost {
    let all = image.ghosts();
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

fn cases() -> Vec<Case> {
    vec![
        (
            "md 0.90",
            64 * MIB,
            GhostKind::Raid,
            Box::new(|i| i.put(64 * MIB - 65_536, &md0())),
        ),
        (
            "bcache",
            64 * MIB,
            GhostKind::Bcache,
            Box::new(|i| tool("make-bcache", "bcache-tools", &["-B"], &i.path())),
        ),
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

#[test]
fn the_first_command_of_every_ghost_clears_it_and_wipefs_keeps_what_it_erased() {
    for (name, size, kind, make) in cases() {
        let image = Image::new(size);
        make(&image);
        assert!(!image.ghosts().is_empty(), "{name}: {:#?}", image.content());
        let ghost = only(&image, kind);
        let command = &ghost.cleanup[0];
        image.run(command);
        assert_eq!(image.ghosts(), [], "{name}: {command}");
        assert!(
            image.kept() || command.starts_with("dd "),
            "{name}: {command}"
        );
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
    other.run(&ghost.cleanup[0]);
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
