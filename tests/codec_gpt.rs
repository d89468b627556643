//! Properties of the partition table codec: what is written is read back, damage to one copy is survived,
//! damage to both is refused, and no bytes make it panic.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::io;

use keelblock::guid::{Guid, Seed};
use keelblock::partitioner::gpt::{
    CopyDefect, CopyState, Damage, Defect, Encoded, Entry, Found, Gpt, GptError, MbrState, Name,
    protective_mbr, read,
};
use keelblock::target::BlockSource;
use keelblock::units::{BlockSize, Bytes, Extent, Geometry, Lba};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

#[derive(Debug)]
struct Disk {
    bytes: Vec<u8>,
    geometry: Geometry,
}

impl Disk {
    fn blank(geometry: Geometry) -> Self {
        let bytes = vec![0; geometry.size.to_usize()];
        Self { bytes, geometry }
    }

    fn with(table: &Gpt) -> Self {
        let mut disk = Self::blank(table.geometry());
        let Encoded {
            backup_header,
            backup_entries,
            primary_entries,
            primary_header,
        } = table.encode();
        let mbr = (Bytes::ZERO, protective_mbr(&[], table.geometry()));
        for (at, data) in [
            backup_header,
            backup_entries,
            primary_entries,
            primary_header,
            mbr,
        ] {
            disk.put(at, &data);
        }
        disk
    }

    fn put(&mut self, at: Bytes, data: &[u8]) {
        self.bytes[at.to_usize()..at.to_usize() + data.len()].copy_from_slice(data);
    }

    fn found(&self) -> Found {
        read(self).unwrap()
    }

    /// The same bytes on a disk of another size.
    fn resized(&self, size: Bytes) -> Self {
        let mut bytes = self.bytes.clone();
        bytes.resize(size.to_usize(), 0);
        Self {
            bytes,
            geometry: Geometry {
                size,
                ..self.geometry
            },
        }
    }
}

impl BlockSource for Disk {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let block = self.geometry.logical.bytes();
        assert!(at.is_multiple_of(block) && Bytes::from(buf.len()).is_multiple_of(block));
        let end = at.to_usize() + buf.len();
        let bytes = self.bytes.get(at.to_usize()..end);
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn geometry(mib: u64, logical: BlockSize) -> Geometry {
    Geometry {
        size: Bytes::mib(mib),
        logical,
        physical: logical.get(),
    }
}

fn seed() -> Seed {
    "2a".parse().unwrap()
}

fn entry(name: &str, first: u64, last: u64) -> Entry {
    Entry {
        type_guid: Guid::LINUX_DATA,
        guid: seed().guid("disk", name),
        first: Lba(first),
        last: Lba(last),
        attributes: 0,
        name: name.parse().unwrap(),
    }
}

fn table(logical: BlockSize) -> Gpt {
    let mut table = Gpt::new(geometry(16, logical), seed().guid("disk", "disk")).unwrap();
    let mib = Bytes::MIB.get() / u64::from(logical.get());
    table.insert(1, entry("EFI", mib, 2 * mib - 1)).unwrap();
    table
        .insert(2, entry("META", 2 * mib, 3 * mib - 1))
        .unwrap();
    table
        .insert(7, entry("STATE", 5 * mib, 6 * mib - 1))
        .unwrap();
    table
}

fn block_sizes() -> impl Strategy<Value = BlockSize> {
    prop_oneof![Just(BlockSize::B512), Just(BlockSize::B4096)]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        logical in block_sizes(),
        disk in any::<u128>(),
        parts in vec((1..=128u32, 1..15u64, 1..4u64, any::<u64>(), "\\PC{0,18}"), 0..12),
    ) {
        let guid = |n: u128| Guid::from_gpt_bytes(n.to_le_bytes());
        let mut table = Gpt::new(geometry(16, logical), guid(disk)).unwrap();
        let mib = Bytes::MIB.get() / u64::from(logical.get());
        for (n, (number, start, len, attributes, name)) in parts.into_iter().enumerate() {
            let entry = Entry {
                guid: guid(n as u128 + 1),
                attributes,
                name: name.parse().unwrap_or(Name::EMPTY),
                ..entry("x", start * mib, (start + len) * mib - 1)
            };
            // Some overlap or leave the disk; the rest makes the table.
            let _ = table.insert(number, entry);
        }
        let found = Disk::with(&table).found();
        prop_assert_eq!(&found.primary, &CopyState::Valid(table.clone()));
        prop_assert_eq!(&found.backup, &CopyState::Valid(table));
        prop_assert_eq!(found.defects(), vec![]);
    }

    #[test]
    fn one_corrupted_byte_in_one_copy_is_survived_and_in_both_is_refused(
        logical in block_sizes(),
        a in any::<proptest::sample::Index>(),
        b in any::<proptest::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let table = table(logical);
        let encoded = table.encode();
        // Only the 92 bytes of a header count; the rest of its block is not covered by a checksum.
        let place = |header: &(Bytes, Vec<u8>), entries: &(Bytes, Vec<u8>), pick: proptest::sample::Index| {
            match pick.index(92 + entries.1.len()) {
                at @ 0..92 => header.0.to_usize() + at,
                at => entries.0.to_usize() + at - 92,
            }
        };
        let in_primary = place(&encoded.primary_header, &encoded.primary_entries, a);
        let in_backup = place(&encoded.backup_header, &encoded.backup_entries, b);
        for place in [in_primary, in_backup] {
            let mut disk = Disk::with(&table);
            disk.bytes[place] ^= flip;
            let found = disk.found();
            prop_assert_eq!(found.table(), Some(&table));
            prop_assert!(!found.defects().is_empty());
        }
        let mut disk = Disk::with(&table);
        disk.bytes[in_primary] ^= flip;
        disk.bytes[in_backup] ^= flip;
        let found = disk.found();
        prop_assert_eq!(found.table(), None);
        prop_assert!(!found.is_absent());
        prop_assert!(!found.defects().is_empty());
    }

    #[test]
    fn no_bytes_make_reading_panic(
        logical in block_sizes(),
        mut header in vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 92),
        entries in vec(any::<u8>(), 16384),
        keep in any::<u16>(),
        backup in any::<bool>(),
    ) {
        let table = table(logical);
        let encoded = table.encode();
        let (at, valid) = if backup { encoded.backup_header } else { encoded.primary_header };
        // Keep some of the valid fields, and make the checksums fit, so that the deeper checks are reached.
        for (n, range) in [8..12, 12..16, 24..32, 32..40, 40..48, 48..56, 72..80, 80..84, 84..88].into_iter().enumerate() {
            if keep >> n & 1 == 1 {
                header[range.clone()].copy_from_slice(&valid[range]);
            }
        }
        header[..8].copy_from_slice(b"EFI PART");
        let count = u32::from_le_bytes(header[80..84].try_into().unwrap()) as usize;
        let used = count.saturating_mul(128).min(entries.len());
        header[88..92].copy_from_slice(&crc32fast::hash(&entries[..used]).to_le_bytes());
        header[16..20].fill(0);
        let crc = crc32fast::hash(&header).to_le_bytes();
        header[16..20].copy_from_slice(&crc);
        let mut disk = Disk::with(&table);
        disk.put(at, &header);
        disk.put(encoded.primary_entries.0, &entries);
        disk.put(encoded.backup_entries.0, &entries);
        let found = disk.found();
        for defect in found.defects() {
            prop_assert!(!defect.to_string().is_empty());
        }
        if let Some(table) = found.table() {
            let gaps = table.free_gaps();
            prop_assert!(gaps.iter().all(|gap| table.usable().contains(*gap)));
            // What was read can be written, and is read again.
            let again = Disk::with(table).found();
            prop_assert_eq!(again.table(), Some(table));
        }
    }

    #[test]
    fn random_disks_do_not_panic(bytes in vec(any::<u8>(), 0..40), logical in block_sizes(), blocks in 0..80u64) {
        let size = Bytes::new(blocks * u64::from(logical.get()));
        let mut disk = Disk::blank(Geometry { size, logical, physical: 512 });
        for (place, byte) in disk.bytes.iter_mut().zip(bytes.iter().cycle()) {
            *place = *byte;
        }
        let _ = disk.found().defects();
    }
}

#[test]
fn an_insertion_that_breaks_a_rule_is_refused_and_changes_nothing() {
    let mut table = table(BlockSize::B512);
    let before = table.clone();
    let free = entry("new", 4 * 2048, 5 * 2048 - 1);
    let with = |change: fn(&mut Entry)| {
        let mut entry = free.clone();
        change(&mut entry);
        entry
    };
    let cases: Vec<(u32, Entry, &str)> = vec![
        (0, free.clone(), "not in 1..=128"),
        (129, free.clone(), "not in 1..=128"),
        (7, free.clone(), "already in use"),
        (3, with(|e| e.type_guid = Guid::NIL), "zero"),
        (3, with(|e| e.guid = Guid::NIL), "zero"),
        (3, with(|e| e.first = Lba(2047)), "not within"),
        (3, with(|e| e.last = Lba(16 * 2048 - 33)), "not within"),
        (3, with(|e| e.last = Lba(4 * 2048 - 1)), "not within"),
        (3, with(|e| e.last = Lba(u64::MAX)), "not within"),
        (3, with(|e| e.last = Lba(5 * 2048)), "overlap partition 7"),
        (
            3,
            with(|e| e.first = Lba(3 * 2048 - 1)),
            "overlap partition 2",
        ),
        (
            3,
            with(|e| e.guid = seed().guid("disk", "EFI")),
            "partition 1 already has",
        ),
    ];
    for (number, entry, words) in cases {
        let error = table.insert(number, entry).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }
    assert_eq!(table, before);
    table.insert(3, free).unwrap();
    assert_eq!(table.remove(3).unwrap().name.to_string(), "new");
    assert!(matches!(table.remove(3), Err(GptError::NoSuchPartition(3))));
}

#[test]
fn an_empty_disk_holds_its_size_less_two_mebibytes() {
    for logical in [BlockSize::B512, BlockSize::B4096] {
        let table = Gpt::new(geometry(64, logical), Guid::LINUX_DATA).unwrap();
        assert_eq!(table.free_gaps(), [Extent::new(Bytes::MIB, Bytes::mib(62))]);
        assert_eq!(table.usable().start, Bytes::MIB);
        assert_eq!(table.entries_lba(), Lba(2));
    }
    assert_eq!(
        Gpt::new(geometry(64, BlockSize::B512), Guid::NIL)
            .unwrap()
            .last_usable(),
        Lba(131_072 - 34)
    );
}

#[test]
fn a_gap_reaches_exactly_to_the_next_partition_and_starts_aligned() {
    let mut table = table(BlockSize::B512);
    // Ends in the middle of a mebibyte: the gap behind starts at the next one.
    table.remove(2).unwrap();
    table.insert(2, entry("META", 4096, 5000)).unwrap();
    // Starts in the middle of one: the gap before ends there.
    table.remove(7).unwrap();
    table.insert(7, entry("STATE", 11_000, 12_287)).unwrap();
    let gaps = table.free_gaps();
    assert_eq!(
        gaps,
        [
            Extent::between(Bytes::mib(3), Bytes::new(11_000 * 512)),
            Extent::between(Bytes::mib(6), Bytes::mib(15)),
        ]
    );
    assert_eq!(table.lowest_free_number(), Some(3));
}

#[test]
fn a_disk_too_small_for_a_table_is_refused() {
    let sized = |blocks: u64, logical: BlockSize| Geometry {
        size: Bytes::new(blocks * u64::from(logical.get())),
        logical,
        physical: 512,
    };
    for (logical, smallest) in [
        (BlockSize::B512, 2048 + 1 + 33),
        (BlockSize::B4096, 256 + 1 + 5),
    ] {
        assert!(Gpt::new(sized(smallest, logical), Guid::LINUX_DATA).is_ok());
        let error = Gpt::new(sized(smallest - 1, logical), Guid::LINUX_DATA).unwrap_err();
        assert!(matches!(error, GptError::DiskTooSmall(_)), "{error}");
    }
}

#[test]
fn a_blank_disk_has_no_table_and_no_defects() {
    let found = Disk::blank(geometry(16, BlockSize::B512)).found();
    assert!(found.is_absent());
    assert_eq!(found.mbr, MbrState::None);
    assert_eq!(found.defects(), []);
}

#[test]
fn a_table_on_a_disk_that_grew_is_read_and_its_backup_is_found_where_it_was() {
    for logical in [BlockSize::B512, BlockSize::B4096] {
        let disk = Disk::with(&table(logical)).resized(Bytes::mib(32));
        let found = disk.found();
        let table = found.table().unwrap();
        let old_last = geometry(16, logical).blocks() - 1;
        assert!(table.last_usable().0 > old_last);
        assert_eq!(found.backup, CopyState::Valid(table.clone()));
        let array = 16384 / u64::from(logical.get());
        assert_eq!(
            found.defects(),
            [
                Defect::BackupMisplaced(Lba(old_last)),
                Defect::LastUsable(Lba(old_last - array - 1)),
            ]
        );
        // Writing it again moves the backup to the new end.
        let found = Disk::with(table).found();
        assert_eq!(found.defects(), []);
    }
}

#[test]
fn a_table_on_a_disk_that_shrank_keeps_and_reports_what_lies_beyond_its_end() {
    let mut table = table(BlockSize::B512);
    table
        .insert(3, entry("u-data", 10 * 2048, 12 * 2048 - 1))
        .unwrap();
    let found = Disk::with(&table).resized(Bytes::mib(11)).found();
    assert!(found.defects().contains(&Defect::OutOfRange(3)));
    assert!(
        found
            .defects()
            .contains(&Defect::Backup(CopyDefect::Absent))
    );
    assert!(found.table().unwrap().get(3).unwrap().name.is("u-data"));
}

#[test]
fn a_table_for_the_other_block_size_is_noticed() {
    for (made, seen) in [
        (BlockSize::B512, BlockSize::B4096),
        (BlockSize::B4096, BlockSize::B512),
    ] {
        let mut disk = Disk::with(&table(made));
        disk.geometry.logical = seen;
        let found = disk.found();
        assert_eq!(found.table(), None);
        assert!(!found.is_absent());
        assert!(found.defects().contains(&Defect::OtherBlockSize(made)));
    }
}

#[test]
fn copies_that_differ_are_reported_and_the_primary_wins() {
    let old = table(BlockSize::B512);
    let mut new = old.clone();
    new.remove(7).unwrap();
    let mut disk = Disk::with(&old);
    let encoded = new.encode();
    disk.put(encoded.backup_entries.0, &encoded.backup_entries.1);
    disk.put(encoded.backup_header.0, &encoded.backup_header.1);
    let found = disk.found();
    assert_eq!(found.table(), Some(&old));
    assert_eq!(found.defects(), [Defect::CopiesDiffer]);
}

#[test]
fn entries_that_overlap_or_share_a_guid_are_read_kept_and_reported() {
    let mut bytes = Vec::new();
    let table = table(BlockSize::B512);
    let encoded = table.encode();
    bytes.extend(&encoded.primary_entries.1);
    bytes.copy_within(0..128, 128); // entry 2 becomes a copy of entry 1
    let mut header = encoded.primary_header.1.clone();
    header[88..92].copy_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    header[16..20].fill(0);
    let crc = crc32fast::hash(&header[..92]).to_le_bytes();
    header[16..20].copy_from_slice(&crc);
    let mut disk = Disk::with(&table);
    disk.put(encoded.primary_entries.0, &bytes);
    disk.put(encoded.primary_header.0, &header);
    let found = disk.found();
    assert_eq!(
        found.defects(),
        [
            Defect::CopiesDiffer,
            Defect::Overlap(1, 2),
            Defect::DuplicateGuid(1, 2)
        ]
    );
}

#[test]
fn a_backup_puts_the_entries_back_where_a_whole_primary_header_says() {
    // An overlay moved the entries by 100 blocks; then the entries were damaged.
    let table = table(BlockSize::B512);
    let encoded = table.encode();
    let mut header = encoded.primary_header.1.clone();
    header[72..80].copy_from_slice(&102u64.to_le_bytes());
    header[16..20].fill(0);
    let crc = crc32fast::hash(&header[..92]).to_le_bytes();
    header[16..20].copy_from_slice(&crc);
    let mut disk = Disk::with(&table);
    disk.put(encoded.primary_header.0, &header);
    let found = disk.found();
    assert_eq!(found.primary, CopyState::Damaged(Damage::EntriesChecksum));
    assert_eq!(found.table().unwrap().entries_lba(), Lba(102));
    disk.put(Bytes::new(102 * 512), &encoded.primary_entries.1);
    assert_eq!(
        disk.found().table().unwrap().encode().primary_header.1,
        header
    );
}

#[test]
fn reserved_bytes_that_a_rewrite_would_drop_are_reported() {
    let mut disk = Disk::with(&table(BlockSize::B512));
    disk.bytes[512 + 300] = 1;
    assert_eq!(disk.found().defects(), [Defect::ReservedBytes]);
}

#[test]
fn a_table_without_a_protective_mbr_is_reported() {
    let mut disk = Disk::with(&table(BlockSize::B512));
    disk.bytes[..512].fill(0);
    assert_eq!(disk.found().defects(), [Defect::Mbr(MbrState::None)]);
    let mut disk = Disk::blank(geometry(16, BlockSize::B512));
    let mbr = protective_mbr(&[], disk.geometry);
    disk.put(Bytes::ZERO, &mbr);
    assert_eq!(disk.found().defects(), [Defect::MbrWithoutTable]);
}
