//! What is on a disk, told from its bytes.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_ne, proptest};

use super::*;
use crate::guid::Guid;
use crate::probe::fixture;
use crate::probe::sparse::Sparse;
use crate::units::BlockSize;

const DISK: u64 = 64 << 20;

fn kinds(signatures: &[Signature]) -> Vec<&str> {
    signatures.iter().map(|s| s.kind.as_str()).collect()
}

fn layout(content: &Content) -> &Layout {
    content.layout().unwrap_or_else(|| panic!("{content:?}"))
}

fn inspect_one(disk: &Sparse) -> Content {
    inspect_source(disk).0
}

/// A minimal XFS superblock.
fn put_xfs(disk: &mut Sparse, at: u64) {
    disk.put(at, b"XFSB");
}

/// A minimal ext2 superblock for a filesystem at `at`.
fn put_ext2(disk: &mut Sparse, at: u64) {
    disk.put(at + 0x404, &1u32.to_le_bytes());
    disk.put(at + 0x438, &[0x53, 0xEF]);
}

/// `(name, type, first, last)` for each partition; both copies and a protective MBR.
fn put_gpt(disk: &mut Sparse, partitions: &[(&str, Guid, u64, u64)]) {
    let block = u64::from(disk.geometry().logical.get());
    let guid = |byte| Guid::from_gpt_bytes([byte; 16]);
    let entries: Vec<fixture::Entry> = (1..)
        .zip(partitions)
        .map(|(number, (name, kind, first, last))| fixture::Entry {
            number,
            kind: *kind,
            guid: guid(7),
            first: *first,
            last: *last,
            name: (*name).to_owned(),
        })
        .collect();
    for (at, bytes) in fixture::gpt(DISK, block, guid(9), &entries) {
        disk.put(at, &bytes);
    }
}

fn talos_disk() -> Sparse {
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    put_gpt(
        &mut disk,
        &[
            ("META", Guid::LINUX_DATA, 2048, 4095),
            ("STATE", Guid::LINUX_DATA, 4096, 65_535),
            ("u-data", Guid::LINUX_DATA, 65_536, 98_303),
        ],
    );
    disk
}

#[test]
fn zeros_are_blank_and_a_single_byte_at_either_end_is_not() {
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    assert_eq!(inspect_one(&disk), Content::Blank);
    disk.put(DISK / 2, b"x");
    assert_eq!(inspect_one(&disk), Content::Blank, "nobody looks there");
    for at in [0, 4095, DISK - 4096, DISK - 1] {
        let mut disk = Sparse::new(DISK, BlockSize::B512);
        disk.put(at, b"x");
        let content = inspect_one(&disk);
        let found = &layout(&content).signatures;
        assert_eq!(kinds(found), ["unknown-data"], "byte {at}");
        assert_eq!(found[0].offset.get(), at);
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_unreadable_wherever_it_fails() {
    for at in [0, DISK - 1, 4 << 20, 2 << 20, 1 << 20] {
        let mut disk = Sparse::new(DISK, BlockSize::B512);
        disk.fail_at(at);
        let (content, fingerprint) = inspect_source(&disk);
        assert_eq!(content.word(), "unreadable", "byte {at}");
        assert_eq!(fingerprint, "");
    }
    let mut disk = talos_disk();
    disk.fail_at(65_536 * 512);
    let content = inspect_one(&disk);
    assert!(
        matches!(&content, Content::Unreadable { reason } if reason.contains("partition 3")),
        "{content:?}"
    );
    let empty = Sparse::new(0, BlockSize::B512);
    assert_eq!(inspect_one(&empty).word(), "unreadable");
}

#[test]
fn partitions_of_talos_make_a_talos_disk_until_something_foreign_lies_there() {
    let mut disk = talos_disk();
    put_xfs(&mut disk, 4096 * 512);
    assert_eq!(inspect_one(&disk).word(), "talos");
    type Spoil = (&'static str, fn(&mut Sparse));
    let foreign: [Spoil; 5] = [
        ("apfs in STATE", |disk| disk.put(4096 * 512 + 0x20, b"NXSB")),
        ("xfs in META", |disk| put_xfs(disk, 2048 * 512)),
        ("a superblock outside", |disk| {
            disk.put(0x1_0040, b"_BHRfS_M")
        }),
        ("a damaged backup", |disk| disk.put(DISK - 512, b"x")),
        ("a damaged array", |disk| disk.put(1100, b"x")),
    ];
    for (what, spoil) in foreign {
        let mut disk = talos_disk();
        put_xfs(&mut disk, 4096 * 512);
        spoil(&mut disk);
        assert_eq!(inspect_one(&disk).word(), "foreign", "{what}");
    }
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    put_gpt(&mut disk, &[("EFI", Guid::EFI_SYSTEM, 2048, 4095)]);
    assert_eq!(inspect_one(&disk).word(), "foreign", "anyone has an EFI");
    put_gpt(&mut disk, &[("STATE", Guid::APPLE_APFS, 2048, 4095)]);
    assert_eq!(inspect_one(&disk).word(), "foreign", "a name is not enough");
    put_gpt(&mut disk, &[]);
    assert_eq!(
        inspect_one(&disk).word(),
        "foreign",
        "a table without entries"
    );
}

#[test]
fn a_damaged_copy_is_a_defect_and_the_other_one_counts() {
    for (at, text) in [
        (600, "the primary table is damaged"),
        (512, "the primary table is missing"),
        (1024, "the primary table is damaged"),
        (DISK - 500, "the backup table is damaged"),
        (DISK - 512, "the backup table is missing"),
        (510, "no protective MBR"),
    ] {
        let mut disk = talos_disk();
        disk.put(at, b"\x01");
        let content = inspect_one(&disk);
        let layout = layout(&content);
        assert_eq!(layout.partitions.len(), 3, "byte {at}");
        let defects = layout.table.as_ref().unwrap().defects.join("; ");
        assert!(defects.contains(text), "byte {at}: {defects}");
    }
}

#[test]
fn a_table_made_behind_a_bridge_with_other_blocks_is_told() {
    let mut disk = Sparse::new(DISK, BlockSize::B4096);
    put_gpt(&mut disk, &[("STATE", Guid::LINUX_DATA, 256, 511)]);
    assert_eq!(inspect_one(&disk).word(), "talos");
    disk.set_logical(BlockSize::B512);
    let content = inspect_one(&disk);
    let layout = layout(&content);
    let table = layout.table.as_ref().unwrap();
    assert_eq!(table.block_size, Some(BlockSize::B4096));
    assert!(table.defects[0].contains("bridge"), "{table:?}");
    assert_eq!(layout.partitions[0].extent.start, Bytes::new(256 * 4096));
    assert_eq!(content.word(), "foreign");
}

#[test]
fn a_protective_mbr_alone_is_not_blank() {
    let mut disk = talos_disk();
    disk.put(512, &[0; 16_896]);
    disk.put(DISK - 33 * 512, &[0; 33 * 512]);
    let content = inspect_one(&disk);
    let table = layout(&content).table.as_ref().unwrap();
    assert_eq!(table.kind, "mbr");
    assert_eq!(
        table.defects,
        ["a protective MBR without a readable GPT"],
        "{table:?}"
    );
}

#[test]
fn a_backup_that_was_left_at_the_end_is_found() {
    let mut disk = talos_disk();
    disk.put(0, &[0; 32_768]);
    let content = inspect_one(&disk);
    let layout = layout(&content);
    assert_eq!(kinds(&layout.signatures), ["gpt"]);
    assert_eq!(layout.signatures[0].extents.len(), 2);
    let defects = &layout.table.as_ref().unwrap().defects;
    assert!(defects.iter().any(|d| d == "the primary table is missing"));
}

#[test]
fn a_backup_that_is_not_at_the_end_tells_of_a_disk_that_grew() {
    let mut disk = talos_disk();
    disk.set_size(2 * DISK);
    let content = inspect_one(&disk);
    let table = layout(&content).table.clone().unwrap();
    assert!(
        table.defects.iter().any(|d| d.contains("not at the end")),
        "{table:?}"
    );
}

#[test]
fn a_superblock_in_a_partition_belongs_to_the_partition_alone() {
    let mut disk = talos_disk();
    // Byte 64 MiB + 64 KiB would be a copy of the first; here STATE starts where the disk's own would not.
    put_ext2(&mut disk, 4096 * 512);
    disk.put(2 << 20, b"\x5E\xF1\xAB\x2F");
    let content = inspect_one(&disk);
    let layout = layout(&content);
    assert_eq!(kinds(&layout.signatures), ["gpt", "PMBR"]);
    assert_eq!(kinds(&layout.partitions[1].signatures), ["ext2"]);
    let signature = &layout.partitions[1].signatures[0];
    assert_eq!(signature.offset.get(), 4096 * 512 + 0x438);
    assert_eq!(
        signature.extents,
        [Extent::new(
            Bytes::new(4096 * 512 + 0x400),
            Bytes::new(0x400)
        )]
    );
}

#[test]
fn a_range_to_zero_never_reaches_into_a_partition() {
    let mut disk = Sparse::new(DISK * 2, BlockSize::B512);
    disk.put(446, &[0, 0, 0, 0, 0x83, 0, 0, 0]);
    disk.put(454, &2048u32.to_le_bytes());
    disk.put(458, &200_000u32.to_le_bytes());
    disk.put(510, &[0x55, 0xAA]);
    for at in [64 << 10, 64 << 20] {
        disk.put(at + 0x40, b"_BHRfS_M");
    }
    let content = inspect_one(&disk);
    let layout = layout(&content);
    let btrfs = layout.signatures.iter().find(|s| s.kind == "btrfs");
    assert_eq!(
        btrfs.unwrap().extents,
        [Extent::new(Bytes::new(64 << 10), Bytes::new(4096))]
    );
}

#[test]
fn logical_partitions_are_followed_and_a_circle_ends() {
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    let entry = |disk: &mut Sparse, at: u64, kind: u8, first: u32, count: u32| {
        disk.put(at + 4, &[kind]);
        disk.put(at + 8, &first.to_le_bytes());
        disk.put(at + 12, &count.to_le_bytes());
    };
    entry(&mut disk, 446, 0x05, 2048, 60_000);
    disk.put(510, &[0x55, 0xAA]);
    for (ebr, next) in [(2048u64, 10_000u32), (12_048, 0)] {
        entry(&mut disk, ebr * 512 + 446, 0x83, 2048, 4096);
        entry(&mut disk, ebr * 512 + 462, 0x05, next, 4096);
        disk.put(ebr * 512 + 510, &[0x55, 0xAA]);
    }
    put_xfs(&mut disk, (12_048 + 2048) * 512);
    let content = inspect_one(&disk);
    let layout = layout(&content);
    let numbers: Vec<u32> = layout.partitions.iter().map(|p| p.number).collect();
    assert_eq!(numbers, [1, 5, 6]);
    assert_eq!(kinds(&layout.partitions[2].signatures), ["xfs"]);
    let defects = &layout.table.as_ref().unwrap().defects;
    assert_eq!(
        defects.as_slice(),
        ["the chain of logical partitions is a circle"]
    );
}

#[test]
fn an_apple_partition_map_is_read() {
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    disk.put(0, b"ER\x02\x00");
    for (index, kind) in [(1u64, "Apple_partition_map"), (2, "Apple_HFS")] {
        disk.put(index * 512, b"PM");
        disk.put(index * 512 + 4, &2u32.to_be_bytes());
        disk.put(index * 512 + 8, &64u32.to_be_bytes());
        disk.put(index * 512 + 12, &1000u32.to_be_bytes());
        disk.put(index * 512 + 16, b"Macintosh HD");
        disk.put(index * 512 + 48, kind.as_bytes());
    }
    let content = inspect_one(&disk);
    let layout = layout(&content);
    assert_eq!(layout.table.as_ref().unwrap().kind, "apm");
    assert_eq!(layout.partitions[0].name, "Macintosh HD");
    assert_eq!(layout.partitions[0].extent.start.get(), 64 * 512);
}

#[test]
fn the_disk_of_a_guest_in_a_partition_is_told() {
    let mut inner = Sparse::new(DISK, BlockSize::B512);
    put_gpt(&mut inner, &[("root", Guid::LINUX_DATA, 2048, 4095)]);
    let mut disk = Sparse::new(DISK * 2, BlockSize::B512);
    disk.put(446, &[0, 0, 0, 0, 0x83, 0, 0, 0]);
    disk.put(454, &2048u32.to_le_bytes());
    disk.put(458, &(u32::try_from(DISK / 512).unwrap()).to_le_bytes());
    disk.put(510, &[0x55, 0xAA]);
    disk.put_all(1 << 20, &inner);
    let content = inspect_one(&disk);
    let partition = &layout(&content).partitions[0];
    assert_eq!(kinds(&partition.signatures), ["gpt", "PMBR"]);
    assert!(partition.signatures[0].note.contains("of 1 more"));
}

#[test]
fn a_marker_says_which_plan_is_unfinished() {
    let mut disk = Sparse::new(DISK, BlockSize::B512);
    disk.put(
        marker::MARKER_OFFSET.get(),
        &marker::encode("plan 1").unwrap(),
    );
    let content = inspect_one(&disk);
    assert_eq!(content.word(), "foreign");
    assert_eq!(layout(&content).unfinished.as_deref(), Some("plan 1"));
    let mut disk = talos_disk();
    disk.put(
        marker::MARKER_OFFSET.get(),
        &marker::encode("plan 1").unwrap(),
    );
    let content = inspect_one(&disk);
    assert_eq!(content.word(), "talos");
    assert_eq!(layout(&content).unfinished.as_deref(), Some("plan 1"));
}

#[test]
fn the_fingerprint_follows_what_is_on_the_disk() {
    let fingerprint = |change: &dyn Fn(&mut Sparse)| {
        let mut disk = talos_disk();
        change(&mut disk);
        inspect_source(&disk).1
    };
    let plain = fingerprint(&|_| ());
    assert_eq!(plain.len(), 64);
    assert_eq!(plain, fingerprint(&|_| ()));
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Sparse));
    let changes: [Change<'_>; 5] = [
        ("a byte in the first MiB", &|d| d.put(900_000, b"x")),
        ("a byte in the last MiB", &|d| d.put(DISK - 900_000, b"x")),
        ("a filesystem", &|d| put_xfs(d, 4096 * 512)),
        ("the size", &|d| d.set_size(DISK + 512)),
        ("a name", &|d| d.put(1024 + 56, b"N")),
    ];
    for (what, change) in changes {
        assert_ne!(plain, fingerprint(change), "{what}");
    }
    assert_eq!(
        plain,
        fingerprint(&|d| d.put(5000 * 512, b"data in a file")),
        "data inside a partition"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Magics at their places with noise around them, so that every reader gets past its first check.
    #[test]
    fn no_bytes_make_it_panic_or_read_without_bound(
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(),
            prop::collection::vec(any::<u8>(), 0..700)), 1..12),
        size in prop::sample::select(vec![1u64, 511, 512, 4096, 65_537, 1 << 20, (1 << 20) + 512, DISK, 3 << 40]),
        big in any::<bool>(),
    ) {
        let block = if big { BlockSize::B4096 } else { BlockSize::B512 };
        let mut disk = Sparse::new(size, block);
        let seeds = crate::probe::signature::places_of_magics(size);
        for (place, _, noise) in &patches {
            let (at, magic) = place.get(&seeds);
            disk.put(at.saturating_sub(64), noise);
            disk.put(*at, magic);
            disk.put(at.saturating_add(magic.len() as u64), noise);
        }
        let (content, _) = inspect_source(&disk);
        prop_assert_ne!(content.word(), "");
        prop_assert!(disk.bytes_read() < 512 << 20, "{} bytes", disk.bytes_read());
    }

    #[test]
    fn a_flipped_byte_in_a_talos_table_never_makes_it_blank(at in 0u64..(34 * 512), bit in 0u8..8) {
        let mut disk = talos_disk();
        disk.flip(at, 1 << bit);
        let word = inspect_one(&disk).word();
        prop_assert!(matches!(word, "talos" | "foreign"), "{}", word);
    }
}
