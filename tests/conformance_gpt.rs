//! Other programs judge the partition tables that keelblock writes, and keelblock reads those that they make:
//! sgdisk, sfdisk, fdisk, parted, blkid, partx, systemd-repart, and the `gpt` and `gptman` crates.
#![cfg(target_env = "gnu")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that works on image files and runs the judges"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keelblock::guid::{Guid, Seed};
use keelblock::partitioner::gpt::{CopyState, Defect, Entry, Found, Gpt, protective_mbr, read};
use keelblock::target::BlockSource;
use keelblock::units::{BlockSize, Bytes, Geometry, Lba};
use tempfile::TempDir;

const SIZE: Bytes = Bytes::mib(64);

/// An image file, removed with its directory.
#[derive(Debug)]
struct Image {
    path: PathBuf,
    logical: BlockSize,
    dir: TempDir,
}

impl Image {
    fn blank(logical: BlockSize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        File::create(&path).unwrap().set_len(SIZE.get()).unwrap();
        Self { path, logical, dir }
    }

    fn with(table: &Gpt) -> Self {
        let image = Self::blank(table.geometry().logical);
        image.write(table);
        image
    }

    fn write(&self, table: &Gpt) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        let encoded = table.encode();
        let mbr = (Bytes::ZERO, protective_mbr(&[], table.geometry()));
        for (at, data) in [
            encoded.backup_entries,
            encoded.backup_header,
            encoded.primary_entries,
            encoded.primary_header,
            mbr,
        ] {
            file.write_all_at(&data, at.get()).unwrap();
        }
    }

    fn found(&self) -> Found {
        read(self).unwrap()
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

impl BlockSource for Image {
    fn geometry(&self) -> Geometry {
        Geometry {
            size: Bytes::new(fs::metadata(&self.path).unwrap().len()),
            logical: self.logical,
            physical: 512,
        }
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        File::open(&self.path)?.read_exact_at(buf, at.get())
    }
}

/// Runs a judge of the Debian package `package` and returns all that it says.
fn run(package: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(args[0])
        .args(&args[1..])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{} does not start ({e}): install {package}", args[0]));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned());
    let said = said.concat();
    assert!(output.status.success(), "{args:?} failed: {said}");
    said
}

fn guid(purpose: &str) -> Guid {
    "2a".parse::<Seed>().unwrap().guid("disk", purpose)
}

/// What Talos' installer and its first boot make with GRUB, but smaller, and with a hole in the numbers.
fn sample(logical: BlockSize) -> Gpt {
    let geometry = Geometry {
        size: SIZE,
        logical,
        physical: 512,
    };
    let mut table = Gpt::new(geometry, guid("disk")).unwrap();
    let mib = Bytes::MIB.get() / u64::from(logical.get());
    for (number, name, type_guid, attributes, start, end) in [
        (1, "EFI", Guid::EFI_SYSTEM, 0, 1, 9),
        (2, "BIOS", Guid::BIOS_BOOT, 4, 9, 10),
        (4, "META", Guid::LINUX_DATA, 0, 10, 11),
        (5, "STATE", Guid::LINUX_DATA, 0, 11, 21),
        (6, "EPHEMERAL", Guid::LINUX_DATA, 0, 21, 60),
        (128, "s-swap-ü", Guid::LINUX_SWAP, 1 << 63, 60, 63),
    ] {
        let entry = Entry {
            type_guid,
            guid: guid(name),
            first: Lba(start * mib),
            last: Lba(end * mib - 1),
            attributes,
            name: name.parse().unwrap(),
        };
        table.insert(number, entry).unwrap();
    }
    table
}

fn names(table: &Gpt) -> Vec<(u32, String, Guid, u64, u64)> {
    table
        .partitions()
        .map(|(number, e)| (number, e.name.to_string(), e.type_guid, e.first.0, e.last.0))
        .collect()
}

#[test]
fn sgdisk_finds_no_problem_and_the_same_partitions() {
    let table = sample(BlockSize::B512);
    let image = Image::with(&table);
    let said = run("gdisk", &["sgdisk", "--verify", image.path()], "");
    assert!(said.contains("No problems found"), "{said}");
    for (number, entry) in table.partitions() {
        let info = format!("--info={number}");
        let said = run("gdisk", &["sgdisk", &info, image.path()], "");
        for wanted in [
            format!("unique GUID: {}", entry.guid.to_string().to_uppercase()),
            format!("GUID code: {}", entry.type_guid.to_string().to_uppercase()),
            format!("First sector: {} ", entry.first.0),
            format!("Last sector: {} ", entry.last.0),
            format!("Attribute flags: {:016X}", entry.attributes),
            format!("Partition name: '{}'", entry.name),
        ] {
            assert!(said.contains(&wanted), "no {wanted:?} in {said}");
        }
    }
}

#[test]
fn sfdisk_and_fdisk_find_no_problem() {
    let image = Image::with(&sample(BlockSize::B512));
    let said = run("fdisk", &["sfdisk", "--verify", image.path()], "");
    assert!(said.contains("No errors detected"), "{said}");
    let said = run("fdisk", &["sfdisk", "--dump", image.path()], "");
    for wanted in [
        "first-lba: 2048",
        "last-lba: 131038",
        "name=\"EPHEMERAL\"",
        "img128 ",
    ] {
        assert!(said.contains(wanted), "no {wanted:?} in {said}");
    }
    assert!(said.contains("attrs=\"LegacyBIOSBootable\""), "{said}");
}

#[test]
fn parted_prints_the_table_without_a_complaint() {
    let image = Image::with(&sample(BlockSize::B512));
    let said = run(
        "parted",
        &[
            "parted",
            "--script",
            "--machine",
            image.path(),
            "unit",
            "s",
            "print",
        ],
        "",
    );
    assert!(said.contains(":gpt:"), "{said}");
    assert!(said.contains("5:22528s:43007s:20480s::STATE:"), "{said}");
    for bad in ["Warning", "Error", "corrupt"] {
        assert!(!said.contains(bad), "{said}");
    }
}

#[test]
fn blkid_sees_the_table_and_its_disk_guid() {
    let table = sample(BlockSize::B512);
    let image = Image::with(&table);
    let said = run(
        "util-linux",
        &["blkid", "--probe", "--output", "export", image.path()],
        "",
    );
    assert!(said.contains("PTTYPE=gpt"), "{said}");
    assert!(
        said.contains(&format!("PTUUID={}", table.disk_guid())),
        "{said}"
    );
}

#[test]
fn on_4096_byte_blocks_fdisk_and_partx_see_the_same_partitions() {
    let table = sample(BlockSize::B4096);
    let image = Image::with(&table);
    let fdisk = run(
        "fdisk",
        &[
            "fdisk",
            "--sector-size",
            "4096",
            "--list-details",
            image.path(),
        ],
        "",
    );
    assert!(
        fdisk.contains("First usable LBA: 256") && fdisk.contains("Last usable LBA: 16378"),
        "{fdisk}"
    );
    let columns = [
        "--sector-size",
        "4096",
        "--show",
        "--noheadings",
        "-o",
        "NR,START,END,NAME",
    ];
    let partx = run(
        "util-linux",
        &[&["partx"], &columns[..], &[image.path()]].concat(),
        "",
    );
    for (number, entry) in table.partitions() {
        // partx counts in units of 512 bytes.
        let wanted = format!("{number} {} {} ", entry.first.0 * 8, entry.last.0 * 8 + 7);
        let squeezed = partx.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(&wanted), "no {wanted:?} in {partx}");
        let name = entry.name.to_string();
        assert!(
            fdisk.contains(&name) && partx.contains(&name),
            "{fdisk}{partx}"
        );
    }
}

#[test]
fn the_gptman_crate_reads_what_is_written_and_back() {
    for logical in [BlockSize::B512, BlockSize::B4096] {
        let table = sample(logical);
        let image = Image::with(&table);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&image.path)
            .unwrap();
        let mut theirs = gptman::GPT::read_from(&mut file, u64::from(logical.get())).unwrap();
        let seen: Vec<_> = theirs
            .iter()
            .filter(|(_, p)| p.is_used())
            .map(|(number, p)| {
                let type_guid = Guid::from_gpt_bytes(p.partition_type_guid);
                (
                    number,
                    p.partition_name.to_string(),
                    type_guid,
                    p.starting_lba,
                    p.ending_lba,
                )
            })
            .collect();
        assert_eq!(seen, names(&table));
        theirs.write_into(&mut file).unwrap();
        assert_eq!(image.found().table(), Some(&table));
        assert_eq!(image.found().defects(), []);
    }
}

#[test]
fn the_gpt_crate_reads_what_is_written() {
    for (logical, theirs) in [
        (BlockSize::B512, gpt::disk::LogicalBlockSize::Lb512),
        (BlockSize::B4096, gpt::disk::LogicalBlockSize::Lb4096),
    ] {
        let table = sample(logical);
        let image = Image::with(&table);
        let disk = gpt::GptConfig::new()
            .logical_block_size(theirs)
            .open(&image.path)
            .unwrap();
        assert_eq!(disk.guid().to_string(), table.disk_guid().to_string());
        let seen: Vec<_> = disk
            .partitions()
            .iter()
            .filter(|(_, p)| p.is_used())
            .map(|(number, p)| (*number, p.name.clone(), p.first_lba, p.last_lba))
            .collect();
        let own: Vec<_> = names(&table)
            .into_iter()
            .map(|(n, name, _, a, b)| (n, name, a, b))
            .collect();
        assert_eq!(seen, own);
    }
}

#[test]
fn tables_of_sgdisk_are_read_with_the_same_entries() {
    let image = Image::blank(BlockSize::B512);
    let make = [
        "sgdisk",
        "--disk-guid=12345678-1234-1234-1234-123456789abc",
        "--new=3:2048:+8M",
        "--change-name=3:STATE",
        "--typecode=3:8300",
        "--new=1:0:+1M",
        "--typecode=1:ef02",
        "--attributes=1:set:2",
        image.path(),
    ];
    run("gdisk", &make, "");
    let found = image.found();
    assert_eq!(found.defects(), []);
    let table = found.table().unwrap();
    assert_eq!(
        table.disk_guid().to_string(),
        "12345678-1234-1234-1234-123456789abc"
    );
    // sgdisk's first usable block is 34, and stays.
    assert_eq!(table.first_usable(), Lba(34));
    assert_eq!(
        names(table),
        [
            (1, String::from(""), Guid::BIOS_BOOT, 18432, 20479),
            (3, String::from("STATE"), Guid::LINUX_DATA, 2048, 18431),
        ]
    );
    assert_eq!(table.get(1).unwrap().attributes, 4);
    let before = fs::read(&image.path).unwrap();
    image.write(table);
    let after = fs::read(&image.path).unwrap();
    // The MBR's CHS values are Talos', not sgdisk's.
    assert!(after[512..] == before[512..], "rewriting changed the table");
}

#[test]
fn tables_of_sfdisk_and_parted_are_read_with_the_same_entries() {
    let by_sfdisk = Image::blank(BlockSize::B512);
    let script = "label: gpt\nstart=2048, size=4096, name=META, type=linux\nsize=8MiB, name=STATE, type=linux\n";
    run("fdisk", &["sfdisk", by_sfdisk.path()], script);
    let by_parted = Image::blank(BlockSize::B512);
    let make = [
        "parted",
        "--script",
        by_parted.path(),
        "mklabel",
        "gpt",
        "mkpart",
        "META",
        "2048s",
        "6143s",
        "mkpart",
        "STATE",
        "6144s",
        "22527s",
    ];
    run("parted", &make, "");
    for image in [by_sfdisk, by_parted] {
        let found = image.found();
        assert_eq!(found.defects(), []);
        assert_eq!(
            names(found.table().unwrap()),
            [
                (1, String::from("META"), Guid::LINUX_DATA, 2048, 6143),
                (2, String::from("STATE"), Guid::LINUX_DATA, 6144, 22527),
            ]
        );
    }
}

#[test]
fn a_table_of_systemd_repart_is_read_with_the_same_entries() {
    let image = Image::blank(BlockSize::B512);
    fs::remove_file(&image.path).unwrap();
    let definitions = image.dir.path().join("definitions");
    fs::create_dir(&definitions).unwrap();
    for (file, name) in [("10-meta.conf", "META"), ("20-state.conf", "STATE")] {
        let text = format!(
            "[Partition]\nType=linux-generic\nLabel={name}\nSizeMinBytes=10M\nSizeMaxBytes=10M\n"
        );
        fs::write(definitions.join(file), text).unwrap();
    }
    let from = format!("--definitions={}", definitions.display());
    let make = [
        "systemd-repart",
        "--dry-run=no",
        "--empty=create",
        "--size=64M",
        &from,
        image.path(),
    ];
    run("systemd (systemd-repart from Debian 13 on)", &make, "");
    let found = image.found();
    assert_eq!(found.defects(), []);
    assert_eq!(
        names(found.table().unwrap()),
        [
            (1, String::from("META"), Guid::LINUX_DATA, 2048, 22527),
            (2, String::from("STATE"), Guid::LINUX_DATA, 22528, 43007),
        ]
    );
}

#[test]
fn a_4096_table_of_fdisk_is_read_with_the_same_entries() {
    let image = Image::blank(BlockSize::B4096);
    let script = "g\nn\n2\n\n+8M\nx\nn\nSTATE\nr\nw\n";
    run(
        "fdisk",
        &["fdisk", "--sector-size", "4096", image.path()],
        script,
    );
    let found = image.found();
    assert_eq!(found.defects(), []);
    assert_eq!(
        names(found.table().unwrap()),
        [(2, String::from("STATE"), Guid::LINUX_DATA, 256, 2303)]
    );
}

#[test]
fn what_sgdisk_does_to_a_disk_with_a_broken_copy_is_what_is_read() {
    let table = sample(BlockSize::B512);
    for (broken, is_primary) in [(512, true), (SIZE.get() - 512, false), (1024, true)] {
        let image = Image::with(&table);
        let file = OpenOptions::new().write(true).open(&image.path).unwrap();
        file.write_all_at(&[0xFF; 100], broken + 60).unwrap();
        let found = image.found();
        assert_eq!(found.table(), Some(&table));
        assert_eq!(
            found
                .defects()
                .iter()
                .any(|d| matches!(d, Defect::Primary(_))),
            is_primary
        );
        // Any change makes sgdisk repair the broken copy from the other.
        run(
            "gdisk",
            &[
                "sgdisk",
                "--change-name=5:STATE2",
                "--change-name=5:STATE",
                image.path(),
            ],
            "",
        );
        // Where the primary header was lost, it puts the entries right before the first usable block.
        let repaired = image.found();
        assert_eq!(names(repaired.table().unwrap()), names(&table));
        assert_eq!(repaired.defects(), []);
    }
}

/// A loop device over an image, detached when dropped.
struct Loop(String);

impl Loop {
    fn attach(image: &Path) -> Self {
        let image = image.to_str().unwrap();
        let args = [
            "losetup",
            "--find",
            "--show",
            "--sector-size",
            "4096",
            image,
        ];
        Self(run("mount, and run as root", &args, "").trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run("mount", &["losetup", "--detach", &self.0], "");
    }
}

#[test]
#[ignore = "needs root for a loop device with 4096-byte blocks"]
fn on_a_4096_byte_device_sgdisk_sfdisk_parted_and_blkid_agree() {
    let table = sample(BlockSize::B4096);
    let image = Image::with(&table);
    {
        let device = Loop::attach(&image.path);
        let said = run("gdisk", &["sgdisk", "--verify", &device.0], "");
        assert!(said.contains("No problems found"), "{said}");
        let said = run("fdisk", &["sfdisk", "--verify", &device.0], "");
        assert!(said.contains("No errors detected"), "{said}");
        let said = run(
            "parted",
            &[
                "parted",
                "--script",
                "--machine",
                &device.0,
                "unit",
                "s",
                "print",
            ],
            "",
        );
        assert!(
            said.contains(":4096:4096:gpt:") && said.contains("5:2816s:5375s:2560s"),
            "{said}"
        );
        let said = run(
            "util-linux",
            &["blkid", "--probe", "--output", "export", &device.0],
            "",
        );
        assert!(said.contains("PTTYPE=gpt"), "{said}");
    }
    assert_eq!(image.found().primary, CopyState::Valid(table));
}

#[test]
#[ignore = "needs root for a loop device with 4096-byte blocks"]
fn tables_made_on_a_4096_byte_device_are_read_with_the_same_entries() {
    for tool in ["sgdisk", "sfdisk", "parted"] {
        let image = Image::blank(BlockSize::B4096);
        let device = Loop::attach(&image.path);
        match tool {
            "sgdisk" => run(
                "gdisk",
                &[
                    "sgdisk",
                    "--new=1:256:2303",
                    "--change-name=1:STATE",
                    &device.0,
                ],
                "",
            ),
            "sfdisk" => {
                let script = "label: gpt\nstart=256, size=2048, name=STATE, type=linux\n";
                run("fdisk", &["sfdisk", "--no-reread", &device.0], script)
            }
            _ => run(
                "parted",
                &[
                    "parted", "--script", &device.0, "mklabel", "gpt", "mkpart", "STATE", "256s",
                    "2303s",
                ],
                "",
            ),
        };
        drop(device);
        let found = image.found();
        assert_eq!(found.defects(), [], "{tool}");
        assert_eq!(
            names(found.table().unwrap()),
            [(1, String::from("STATE"), Guid::LINUX_DATA, 256, 2303)],
            "{tool}"
        );
    }
}
