//! Damaged copies on disks in memory: every one is restored to the bytes from before or refused with nothing written, at
//! every power cut and every I/O error the good copy stays, and what was kept puts everything back.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test program"
)]

mod support;

use std::collections::HashSet;
use std::sync::LazyLock;

use keelblock::partitioner::gpt::{self, Gpt, raw};
use keelblock::partitioner::luks2;
use keelblock::partitioner::meta::{self, AdvCopy};
use keelblock::probe::marker;
use keelblock::repair::execute::{ExecuteError, execute, stages, touches_table};
use keelblock::repair::{Blocked, Side, Structure, Urgency, backup, diagnose};
use keelblock::target::BlockSource as _;
use keelblock::target::testing::{Crash, Event, Faulty, Memory, Recorder, Survival};
use keelblock::units::{Bytes, Extent, Lba};
use proptest::prelude::*;
use support::lab::{CASES, Lab};

/// The disks that an apply made: 512- and 4096-byte blocks, both boot layouts.
static DISKS: LazyLock<Vec<Memory>> = LazyLock::new(|| {
    let made = |case| {
        let lab = Lab::new(case);
        lab.record(&lab.plan).0
    };
    CASES[..3].iter().map(made).collect()
});

/// Where the copies lie on a disk.
#[derive(Clone, Debug)]
struct Map {
    primary_header: Extent,
    primary_entries: Extent,
    backup_header: Extent,
    backup_entries: Extent,
    /// First and second header of every LUKS2 volume.
    luks: Vec<[Extent; 2]>,
    /// First and second copy of META.
    meta: [Extent; 2],
    table: Gpt,
}

impl Map {
    fn of(disk: &Memory) -> Self {
        let geometry = disk.geometry();
        let block = geometry.logical.bytes();
        let table = gpt::read(disk).unwrap().table().unwrap().clone();
        let encoded = table.encode();
        let extent = |(at, bytes): &(Bytes, Vec<u8>)| Extent::new(*at, Bytes::from(bytes.len()));
        let mut luks = Vec::new();
        let mut meta = None;
        for (_, entry) in table.partitions() {
            let at = entry.extent(geometry.logical).unwrap();
            if let Some(header) = luks2::read(disk, at).unwrap().header() {
                let size = header.hdr_size;
                let second = Bytes::new(at.start.get() + size.get());
                luks.push([Extent::new(at.start, size), Extent::new(second, size)]);
            }
            if entry.name.is("META") {
                let shift = |copy: Extent| {
                    Extent::new(Bytes::new(at.start.get() + copy.start.get()), copy.len)
                };
                meta = Some(meta::COPIES.map(shift));
            }
        }
        Self {
            primary_header: Extent::new(block, block),
            primary_entries: extent(&encoded.primary_entries),
            backup_header: extent(&encoded.backup_header),
            backup_entries: extent(&encoded.backup_entries),
            luks,
            meta: meta.unwrap(),
            table,
        }
    }

    /// Every copy, by name.
    fn copies(&self) -> Vec<(String, Extent)> {
        let mut copies = vec![
            (String::from("primary header"), self.primary_header),
            (String::from("primary entries"), self.primary_entries),
            (String::from("backup header"), self.backup_header),
            (String::from("backup entries"), self.backup_entries),
            (String::from("first META"), self.meta[0]),
            (String::from("second META"), self.meta[1]),
        ];
        for (index, pair) in self.luks.iter().enumerate() {
            copies.push((format!("first header of volume {index}"), pair[0]));
            copies.push((format!("second header of volume {index}"), pair[1]));
        }
        copies
    }
}

/// Repairs everything that can be.
fn repair(disk: &mut Memory, side: Option<Side>) -> usize {
    let found = diagnose(disk, side);
    assert_eq!(found.blocked, None);
    let count = found.repairs.len();
    execute(&stages(&found.repairs), touches_table(&found.repairs), disk).unwrap();
    count
}

fn scribble(disk: &mut Memory, extent: Extent) {
    let len = extent.len.to_usize();
    disk.put(extent.start, &vec![0xA5; len]);
}

#[test]
fn a_sound_disk_is_left_alone() {
    for disk in DISKS.iter() {
        let found = diagnose(disk, None);
        assert!(found.is_healthy(), "{found:?}");
        assert!(Map::of(disk).luks.len() >= 2);
    }
}

#[test]
fn each_copy_alone_is_restored_to_the_very_bytes_from_before() {
    for sound in DISKS.iter() {
        for (name, extent) in Map::of(sound).copies() {
            for whole in [false, true] {
                let mut disk = sound.clone();
                if whole {
                    disk.clear(extent);
                } else {
                    // Somewhere in the middle of what is not zero.
                    disk.put(Bytes::new(extent.start.get() + 20), &[0xA5; 5]);
                }
                let before = disk.clone();
                let restored = repair(&mut disk, None);
                // Neither salt is left in a header that is gone; it is made anew.
                let salt = whole && name.contains("header of volume");
                let left = disk.differences(sound, 9);
                assert_eq!(left.is_empty(), !salt, "{name}, whole {whole}: {left:?}");
                assert_eq!(restored, 1, "{name}");
                assert!(diagnose(&disk, None).is_healthy(), "{name}");
                assert!(!before.differences(&disk, 1).is_empty());
            }
        }
    }
}

#[test]
fn several_damaged_things_are_restored_at_once() {
    for sound in DISKS.iter() {
        let map = Map::of(sound);
        let mut disk = sound.clone();
        disk.clear(Extent::new(
            Bytes::ZERO,
            Bytes::new(map.primary_entries.end().get()),
        ));
        scribble(&mut disk, map.meta[0]);
        disk.put(Bytes::new(map.luks[0][0].start.get() + 4100), b"#####");
        disk.put(Bytes::new(map.luks[1][1].start.get() + 4100), b"#####");
        let found = diagnose(&disk, None);
        assert_eq!(found.repairs.len(), 4, "{found:?}");
        assert_eq!(found.repairs[0].urgency, Urgency::Broken);
        repair(&mut disk, None);
        assert_eq!(disk.differences(sound, 9), []);
    }
}

#[test]
fn both_copies_damaged_are_refused_and_nothing_is_written() {
    for sound in DISKS.iter() {
        let map = Map::of(sound);
        let mut pairs = vec![
            (Structure::Gpt, [map.primary_entries, map.backup_entries]),
            (Structure::Gpt, [map.primary_header, map.backup_entries]),
            (Structure::Meta, map.meta),
        ];
        pairs.extend(map.luks.iter().map(|pair| (Structure::Luks2, *pair)));
        for (structure, pair) in pairs {
            let mut disk = sound.clone();
            for copy in pair {
                disk.put(Bytes::new(copy.start.get() + 60), &[0xA5; 5]);
            }
            let found = diagnose(&disk, None);
            assert_eq!(found.repairs.len(), 0, "{structure:?}: {found:?}");
            let refused: Vec<Structure> = found.refusals.iter().map(|r| r.structure).collect();
            assert_eq!(refused, [structure], "{found:?}");
        }
    }
}

#[test]
fn sound_tables_that_differ_wait_for_a_decision() {
    let sound = &DISKS[0];
    let map = Map::of(sound);
    let mut other = map.table.clone();
    let last = other.partitions().last().unwrap().0;
    other.remove(last).unwrap();
    let encoded = other.encode();
    let mut disk = sound.clone();
    disk.put(encoded.backup_entries.0, &encoded.backup_entries.1);
    disk.put(encoded.backup_header.0, &encoded.backup_header.1);
    let found = diagnose(&disk, None);
    assert_eq!(
        (found.repairs.len(), found.refusals.len()),
        (0, 1),
        "{found:?}"
    );
    assert_eq!(found.refusals[0].choices, [Side::Primary, Side::Backup]);
    assert!(
        found.refusals[0]
            .difference
            .iter()
            .any(|line| line.contains("EPHEMERAL"))
    );
    let mut one = disk.clone();
    repair(&mut one, Some(Side::Primary));
    assert_eq!(one.differences(sound, 9), []);
    repair(&mut disk, Some(Side::Backup));
    assert!(gpt::read(&disk).unwrap().defects().is_empty());
    assert_eq!(gpt::read(&disk).unwrap().table().unwrap().get(last), None);
}

#[test]
fn the_newer_luks_header_wins_and_equally_new_ones_wait_for_a_decision() {
    let sound = &DISKS[0];
    let map = Map::of(sound);
    let [first, second] = map.luks[0];
    // The second copy counts one write more and has another label.
    let change = |disk: &mut Memory, at: Extent, seqid: u64| {
        let mut bytes = disk.read_extent(at).unwrap();
        bytes[16..24].copy_from_slice(&seqid.to_be_bytes());
        bytes[24..29].copy_from_slice(b"label");
        bytes[0x1C0..0x200].fill(0);
        use sha2::Digest as _;
        let sum = sha2::Sha256::digest(&bytes);
        bytes[0x1C0..0x1E0].copy_from_slice(&sum);
        disk.put(at.start, &bytes);
    };
    let seqid = luks2_header(sound, first).seqid;
    for (newer, at) in [(true, second), (true, first), (false, second)] {
        let mut disk = sound.clone();
        change(&mut disk, at, seqid + u64::from(newer));
        let found = diagnose(&disk, None);
        if newer {
            repair(&mut disk, None);
            assert_eq!(luks2_header(&disk, first).label, "label");
            assert!(diagnose(&disk, None).is_healthy());
        } else {
            assert_eq!(
                (found.repairs.len(), found.refusals.len()),
                (0, 1),
                "{found:?}"
            );
            repair(&mut disk, Some(Side::Primary));
            assert_eq!(disk.differences(sound, 9), []);
        }
    }
}

fn luks2_header(disk: &Memory, first: Extent) -> luks2::Header {
    let partition = Extent::new(first.start, Bytes::mib(64));
    luks2::read(disk, partition)
        .unwrap()
        .header()
        .unwrap()
        .clone()
}

#[test]
fn where_both_copies_of_meta_are_sound_the_first_wins() {
    let sound = &DISKS[0];
    let map = Map::of(sound);
    let mut other = meta::Meta::default();
    other
        .set(0x0a, keelblock::secret::Secret::from(String::from("other")))
        .unwrap();
    let bytes = other.encode().unwrap();
    let mut disk = sound.clone();
    let second = map.meta[1];
    disk.put(second.start, &bytes.expose()[..second.len.to_usize()]);
    repair(&mut disk, None);
    assert_eq!(disk.differences(sound, 9), []);
}

/// The same content on a disk that is larger or smaller.
fn resized(disk: &Memory, size: Bytes) -> Memory {
    let mut other = Memory::new(size, disk.geometry().logical);
    let end = disk.geometry().size.get().min(size.get());
    // Pages that differ from nothing are the ones that hold anything.
    let nothing = Memory::new(disk.geometry().size, disk.geometry().logical);
    for page in disk.differences(&nothing, usize::MAX) {
        if page.end().get() <= end {
            other.put(page.start, &disk.read_extent(page).unwrap());
        }
    }
    other
}

#[test]
fn on_a_disk_that_grew_the_backup_goes_to_its_end() {
    for sound in DISKS.iter() {
        let size = Bytes::new(sound.geometry().size.get() + (1 << 30));
        for damage in ["none", "backup", "primary"] {
            let mut disk = resized(sound, size);
            let map = Map::of(sound);
            match damage {
                "backup" => disk.clear(map.backup_header),
                "primary" => disk.clear(map.primary_header),
                _ => {}
            }
            let found = diagnose(&disk, None);
            assert_eq!(
                (found.repairs.len(), found.refusals.len()),
                (1, 0),
                "{damage}: {found:?}"
            );
            repair(&mut disk, None);
            let after = gpt::read(&disk).unwrap();
            assert_eq!(after.defects(), [], "{damage}");
            let table = after.table().unwrap();
            assert!(raw::same_partitions(table, &map.table));
            let last = raw::last_block(disk.geometry()).unwrap();
            assert_eq!(
                table.last_usable().0,
                last.0
                    - map.backup_entries.len.get() / u64::from(disk.geometry().logical.get())
                    - 1
            );
            // The old entry of the protective MBR spanned the old disk.
            let block = disk
                .read_extent(Extent::new(Bytes::ZERO, disk.geometry().logical.bytes()))
                .unwrap();
            assert_eq!(raw::protected_end(&block), Some(last));
        }
    }
}

#[test]
fn on_a_disk_that_shrank_below_a_partition_nothing_is_written() {
    let sound = &DISKS[0];
    let disk = resized(sound, Bytes::new(sound.geometry().size.get() - (1 << 30)));
    let found = diagnose(&disk, None);
    assert_eq!(
        (found.repairs.len(), found.refusals.len()),
        (0, 1),
        "{found:?}"
    );
}

#[test]
fn a_disk_with_the_mark_of_an_unfinished_apply_is_refused() {
    let mut disk = DISKS[0].clone();
    disk.clear(Map::of(&DISKS[0]).primary_header);
    let mark = marker::encode("plan").unwrap();
    let mut marked = disk.clone();
    marked.put(marker::MARKER_OFFSET, &mark);
    let blocked = diagnose(&marked, None).blocked;
    assert_eq!(
        blocked,
        Some(Blocked::Unfinished(Some(String::from("plan"))))
    );
    // A mark that was cut off in the middle of its write is one, too.
    disk.put(marker::MARKER_OFFSET, &mark[..512]);
    disk.put(Bytes::new(marker::MARKER_OFFSET.get() + 20), &[9]);
    assert_eq!(
        diagnose(&disk, None).blocked,
        Some(Blocked::Unfinished(None))
    );
}

#[test]
fn a_filesystem_over_the_start_of_the_disk_is_not_overwritten_by_an_old_backup() {
    let mut disk = DISKS[0].clone();
    let map = Map::of(&disk);
    disk.clear(Extent::new(Bytes::ZERO, map.primary_entries.end()));
    let mut superblock = vec![0; 1024];
    superblock[0x04..0x08].copy_from_slice(&1_024_000u32.to_le_bytes());
    superblock[0x18..0x1c].copy_from_slice(&2u32.to_le_bytes());
    superblock[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
    superblock[0x4c] = 1;
    superblock[0x60] = 0x42;
    disk.put(Bytes::new(1024), &superblock);
    for side in [None, Some(Side::Backup)] {
        let found = diagnose(&disk, side);
        let counts = (found.repairs.len(), found.refusals.len());
        assert_eq!(counts, (0, 1), "{found:?}");
        let named = found.refusals[0].why.contains("ext");
        assert_eq!(named, side.is_some(), "{found:?}");
    }
}

#[test]
fn what_lies_where_the_entries_belong_and_is_no_table_waits_for_a_decision() {
    let sound = &DISKS[0];
    let map = Map::of(sound);
    let mut disk = sound.clone();
    disk.clear(map.primary_header);
    scribble(&mut disk, map.primary_entries);
    let found = diagnose(&disk, None);
    assert_eq!(
        (found.repairs.len(), found.refusals.len()),
        (0, 1),
        "{found:?}"
    );
    repair(&mut disk, Some(Side::Backup));
    assert_eq!(disk.differences(sound, 9), []);
}

#[test]
fn a_missing_protective_mbr_comes_back_and_a_foreign_one_stays() {
    let sound = &DISKS[0];
    let mut disk = sound.clone();
    disk.clear(Extent::new(Bytes::ZERO, Bytes::new(512)));
    assert_eq!(diagnose(&disk, None).repairs[0].urgency, Urgency::Broken);
    repair(&mut disk, None);
    assert_eq!(disk.differences(sound, 9), []);
    disk.put(Bytes::new(450), &[0x83]);
    let found = diagnose(&disk, None);
    assert_eq!(
        (found.repairs.len(), found.refusals.len()),
        (0, 1),
        "{found:?}"
    );
}

/// How many good copies each thing has: the table, META, and each volume.
fn good_copies(disk: &Memory, map: &Map, wanted: &Memory) -> Vec<usize> {
    let found = gpt::read(disk).unwrap();
    let tables = [found.primary.table(), found.backup.table()];
    let good = |t: &&Gpt| raw::same_partitions(t, &map.table);
    let mut counts = vec![tables.into_iter().flatten().filter(good).count()];
    let same = |extent: &Extent| {
        disk.read_extent(*extent).unwrap() == wanted.read_extent(*extent).unwrap()
    };
    counts.push(map.meta.iter().filter(|copy| same(copy)).count());
    for pair in &map.luks {
        counts.push(pair.iter().filter(|copy| same(copy)).count());
    }
    counts
}

/// One copy of everything is damaged; which, says the case.
fn damaged(sound: &Memory, second: bool, grown: bool) -> (Memory, Map) {
    let map = Map::of(sound);
    let mut disk = sound.clone();
    if grown {
        disk = resized(sound, Bytes::new(sound.geometry().size.get() + (1 << 30)));
    }
    if second {
        disk.put(Bytes::new(map.backup_entries.start.get() + 60), &[0xA5; 5]);
    } else {
        // Of a disk that grew only the protective MBR still tells where the backup is.
        let from = if grown {
            map.primary_header.start
        } else {
            Bytes::ZERO
        };
        disk.clear(Extent::between(from, map.primary_entries.end()));
    }
    let at = usize::from(second);
    disk.put(Bytes::new(map.meta[at].start.get() + 60), &[0xA5; 5]);
    for pair in &map.luks {
        disk.put(Bytes::new(pair[at].start.get() + 4200), &[0xA5; 5]);
    }
    (disk, map)
}

#[test]
fn a_power_cut_anywhere_leaves_as_many_good_copies_and_the_next_run_ends_at_the_same_bytes() {
    for sound in DISKS.iter() {
        for (second, grown) in [(false, false), (true, false), (false, true), (true, true)] {
            let (before, map) = damaged(sound, second, grown);
            let found = diagnose(&before, None);
            let mut recorder = Recorder::new(before.clone());
            execute(&stages(&found.repairs), true, &mut recorder).unwrap();
            let (done, events) = recorder.into_parts();
            assert!(diagnose(&done, None).is_healthy());
            let least = good_copies(&before, &map, &done);
            let crash = Crash::new(&events);
            let mut seen = HashSet::new();
            for point in 0..crash.points() {
                let pending = crash.pending(point).len();
                for case in 0..4usize.pow(u32::try_from(pending.min(4)).unwrap()) {
                    let fates = [
                        Survival::Whole,
                        Survival::Lost,
                        Survival::FirstHalf,
                        Survival::SecondHalf,
                    ];
                    let image = crash.image(&before, point, |index, _| {
                        fates[case >> (2 * index.min(3)) & 3]
                    });
                    if !seen.insert(image.fingerprint()) {
                        continue;
                    }
                    let left = good_copies(&image, &map, &done);
                    assert!(
                        left.iter().zip(&least).all(|(a, b)| a >= b),
                        "{point}/{case}: {left:?} {least:?}"
                    );
                    let mut again = image;
                    repair(&mut again, None);
                    assert_eq!(again.differences(&done, 4), [], "cut at {point}, {case}");
                }
            }
            assert!(seen.len() >= 5, "{} images", seen.len());
        }
    }
}

#[test]
fn an_io_error_stops_everything_and_the_next_run_converges() {
    let (before, _) = damaged(&DISKS[0], false, true);
    let found = diagnose(&before, None);
    let mut recorder = Recorder::new(before.clone());
    execute(&stages(&found.repairs), true, &mut recorder).unwrap();
    let (done, events) = recorder.into_parts();
    assert!(events.iter().filter(|event| **event == Event::Sync).count() >= 5);
    for number in 0..events.len() as u64 {
        let mut faulty = Faulty::new(before.clone(), number);
        let error = execute(&stages(&found.repairs), true, &mut faulty).unwrap_err();
        assert!(matches!(error, ExecuteError::Io { .. }), "{error:?}");
        assert_eq!(
            faulty.attempted(),
            number + 1,
            "something was attempted after it"
        );
        let mut again = faulty.into_inner();
        repair(&mut again, None);
        assert_eq!(again.differences(&done, 4), [], "operation {number}");
    }
}

#[test]
fn undoing_puts_back_every_byte_also_of_a_repair_that_was_cut_off() {
    for (second, grown) in [(false, false), (true, true)] {
        let (before, _) = damaged(&DISKS[2], second, grown);
        let found = diagnose(&before, None);
        let text = backup::encode("disk", before.geometry(), &found.repairs);
        let mut recorder = Recorder::new(before.clone());
        execute(&stages(&found.repairs), true, &mut recorder).unwrap();
        let (_, events) = recorder.into_parts();
        let kept = backup::decode(&text).unwrap();
        for point in 0..=events.len() {
            let crash = Crash::new(&events);
            let mut disk = crash.image(&before, point, |_, _| Survival::FirstHalf);
            let pieces = kept.undo(&disk).unwrap();
            let stages = pieces.iter().map(|piece| vec![piece]).collect();
            execute(&stages, true, &mut disk).unwrap();
            assert_eq!(disk.differences(&before, 4), [], "cut at {point}");
            assert!(kept.undo(&disk).unwrap().is_empty());
        }
    }
}

#[test]
fn undoing_refuses_a_disk_on_which_somebody_wrote_since() {
    let (before, map) = damaged(&DISKS[0], true, false);
    let mut disk = before.clone();
    let found = diagnose(&disk, None);
    let text = backup::encode("disk", before.geometry(), &found.repairs);
    repair(&mut disk, None);
    let kept = backup::decode(&text).unwrap();
    disk.put(Bytes::new(map.backup_entries.start.get() + 100), &[1]);
    assert!(matches!(
        kept.undo(&disk),
        Err(backup::BackupError::Changed { .. })
    ));
    let larger = resized(
        &before,
        Bytes::new(before.geometry().size.get() + (1 << 20)),
    );
    assert!(matches!(
        kept.undo(&larger),
        Err(backup::BackupError::Geometry { .. })
    ));
    for text in [&b"{}"[..], b"", b"{\"schema\":\"x\"}"] {
        assert!(backup::decode(text).is_err());
    }
}

#[test]
fn a_disk_that_changed_since_it_was_looked_at_is_not_written() {
    let (mut disk, map) = damaged(&DISKS[0], true, false);
    let found = diagnose(&disk, None);
    disk.put(Bytes::new(map.backup_entries.start.get() + 70), &[0x5A]);
    let before = disk.clone();
    let error = execute(&stages(&found.repairs), true, &mut disk).unwrap_err();
    assert!(matches!(error, ExecuteError::Changed { .. }), "{error:?}");
    assert_eq!(disk, before);
}

#[test]
fn no_passphrase_stands_in_what_is_shown() {
    let (disk, _) = damaged(&DISKS[0], true, false);
    let found = diagnose(&disk, None);
    let report = keelblock::repair::report::Report::preview("disk", disk.geometry(), &found);
    let shown = format!("{found:?} {}", serde_json::to_string(&report).unwrap());
    assert!(shown.contains("Secret(…)"));
    let map = Map::of(&DISKS[0]);
    let whole = Extent::new(map.meta[0].start, Bytes::MIB);
    let meta = meta::Meta::decode(&DISKS[0].read_extent(whole).unwrap()).unwrap();
    let value = meta.get(0x09).unwrap().expose().to_vec();
    assert!(!shown.contains(std::str::from_utf8(&value).unwrap()));
    assert_eq!(
        meta::copies(&DISKS[0].read_extent(whole).unwrap()),
        Ok([AdvCopy::Sound, AdvCopy::Sound])
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Any bytes over any part of one copy: restored, or refused, and everything else as it was.
    #[test]
    fn random_damage_of_one_copy_is_restored_or_refused(
        disk in 0usize..3,
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..600),
    ) {
        let sound = &DISKS[disk];
        let map = Map::of(sound);
        let copies = map.copies();
        let (name, extent) = &copies[which.index(copies.len())];
        let from = at.index(extent.len.to_usize());
        let len = bytes.len().min(extent.len.to_usize() - from);
        let mut damaged = sound.clone();
        damaged.put(Bytes::new(extent.start.get() + from as u64), &bytes[..len]);
        let mut disk = damaged.clone();
        let found = diagnose(&disk, None);
        prop_assert_eq!(&found.blocked, &None);
        for piece in found.repairs.iter().flat_map(|r| r.pieces()) {
            // Only the damaged copy is written.
            let aligned = Extent::new(extent.start.align_down(Bytes::new(4096)), Bytes::new(extent.len.get() + 4096));
            prop_assert!(aligned.contains(piece.extent()) || extent.contains(piece.extent()), "{} {:?}", name, piece);
        }
        if found.refusals.is_empty() {
            repair(&mut disk, None);
            prop_assert!(diagnose(&disk, None).is_healthy());
            let salt = name.contains("header of volume") && from < 168 && from + len > 104;
            // What follows a GPT header in its block means nothing, and is left alone.
            let unused = name.ends_with("ry header") || name.ends_with("up header");
            if !(salt || unused && from + len > 92) {
                prop_assert_eq!(disk.differences(sound, 4), vec![], "{}", name);
            }
        } else {
            prop_assert!(found.repairs.is_empty(), "{:?}", found);
        }
    }

    /// Whatever bytes lie about, looking at them ends, and what is offered heals.
    #[test]
    fn rubbish_anywhere_never_panics_and_what_is_offered_heals(
        disk in 0usize..3,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<[u8; 8]>()), 1..6),
        side in prop::option::of(prop::bool::ANY),
    ) {
        let side = side.map(|first| if first { Side::Primary } else { Side::Backup });
        let mut disk = DISKS[disk].clone();
        let map = Map::of(&disk);
        let copies = map.copies();
        for (which, at, bytes) in places {
            let (_, extent) = &copies[which.index(copies.len())];
            let from = at.index(extent.len.to_usize() - 8);
            disk.put(Bytes::new(extent.start.get() + from as u64), &bytes);
        }
        repair(&mut disk, side);
        prop_assert!(diagnose(&disk, side).repairs.is_empty());
        let _ = Lba(0);
    }
}
