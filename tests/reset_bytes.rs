//! What a reset leaves on the disk, byte for byte: no key, no header, no fragment of a file, whatever the medium makes
//! of a discard; and which volumes it takes for sealed.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

mod support;

use std::collections::HashSet;
use std::io;

use keelblock::apply::ApplyError;
use keelblock::apply::execute::StepError;
use keelblock::apply::receipt::Outcome;
use keelblock::partitioner::gpt;
use keelblock::partitioner::reset::{Request, ResetError};
use keelblock::plan::{Action, EraseMethod, Op};
use keelblock::target::testing::{Faulty, Memory, Shared};
use keelblock::target::{BlockSource, BlockTarget};
use keelblock::units::{Bytes, Extent, Geometry};
use support::lab::{CASES, Lab};
use support::reset_lab::{self, HEAD, MARKER, PROOF, RESETS, Reset, find, part};

/// A medium that returns garbage where it was told that nothing is needed, as drives may.
#[derive(Debug)]
struct Garbling {
    disk: Memory,
    discarded: Vec<Extent>,
}

impl BlockSource for Garbling {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.disk.read_exact_at(at, buf)
    }
}

impl BlockTarget for Garbling {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.disk.write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.disk.zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        let step = (extent.len.get() / 64).max(4096);
        for at in (0..extent.len.get()).step_by(usize::try_from(step).expect("small")) {
            let at = Bytes::new(extent.start.get() + at).align_down(Bytes::new(4096));
            self.disk.put(at, &[0xdd; 4096]);
        }
        self.discarded.push(extent);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.disk.publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.disk.drop_caches()
    }
}

/// Every run of 16 bytes of the old keys, at any place.
fn windows(keys: &[u8]) -> HashSet<&[u8]> {
    keys.windows(16)
        .filter(|window| window.iter().collect::<HashSet<_>>().len() > 4)
        .collect()
}

fn all_of(disk: &Memory, place: Extent) -> Vec<u8> {
    disk.read_extent(place).expect("memory")
}

/// Header, both copies of it, and keyslots.
fn head(disk: &Memory, lab: &Lab, name: &str) -> Vec<u8> {
    all_of(disk, Extent::new(part(&lab.plan, name).start, HEAD))
}

#[test]
fn of_a_sealed_volume_no_piece_of_header_or_keyslot_is_left() {
    for reset in [&RESETS[0], &RESETS[1], &RESETS[2], &RESETS[5]] {
        let lab = reset_lab::new(reset);
        let mut old = head(&lab.before, &lab, "STATE");
        old.extend(head(&lab.before, &lab, "EPHEMERAL"));
        let old = windows(&old);
        assert!(old.len() > 200_000, "{}: {}", reset.name, old.len());
        let shared = Shared::new(Garbling {
            disk: lab.before.clone(),
            discarded: Vec::new(),
        });
        let receipt = lab.apply(shared.handle()).expect("a reset");
        let after = shared.into_inner().expect("the only handle");
        assert_eq!(after.discarded.len(), 2, "both volumes");
        assert!(receipt.erased.iter().all(|erased| erased.discarded));
        for name in ["STATE", "EPHEMERAL"] {
            let place = part(&lab.plan, name).extent();
            let state = all_of(&after.disk, Extent::new(place.start, HEAD));
            let last = Extent::new(place.end().saturating_sub(Bytes::MIB), Bytes::MIB);
            let left = state
                .windows(16)
                .filter(|window| old.contains(window))
                .count();
            // A header that was written again has the same words in its JSON and the same magic; keys it has not.
            let most = if reset.reseal { 1500 } else { 0 };
            assert!(left <= most, "{} {name}: {left} pieces left", reset.name);
            if !reset.reseal {
                assert!(state.iter().all(|byte| *byte == 0), "{} {name}", reset.name);
                assert!(all_of(&after.disk, last).iter().all(|byte| *byte == 0));
            }
        }
    }
}

#[test]
fn of_a_plain_volume_no_piece_of_a_file_is_left() {
    for reset in [&RESETS[3], &RESETS[4], &RESETS[8]] {
        let lab = reset_lab::new(reset);
        let place = part(&lab.plan, "STATE").extent();
        assert!(find(&lab.before, place, MARKER).is_some());
        let shared = Shared::new(Garbling {
            disk: lab.before.clone(),
            discarded: Vec::new(),
        });
        let receipt = lab.apply(shared.handle()).expect("a reset");
        assert!(receipt.erased.iter().all(|e| e.method == EraseMethod::Zero));
        let after = shared.into_inner().expect("the only handle").disk;
        for name in ["STATE", "EPHEMERAL"] {
            let place = part(&lab.plan, name).extent();
            for seventh in 1..7 {
                let at = Bytes::new(place.start.get() + place.len.get() / 7 * seventh);
                let around = Extent::new(at.align_down(Bytes::new(4096)), Bytes::new(8192));
                assert_eq!(
                    find(&after, around, &MARKER[..16]),
                    None,
                    "{name} {seventh}"
                );
                let rest = all_of(&after, around);
                let sealed = reset.reseal;
                assert!(sealed || rest.iter().all(|b| *b == 0), "{name} {seventh}");
            }
        }
    }
}

/// One way in which STATE can be something else than a sound sealed volume.
type Change = fn(&mut Memory, Extent);

#[test]
fn only_a_volume_that_is_sealed_for_certain_is_left_as_ciphertext() {
    let xor = |disk: &mut Memory, at: u64| {
        let place = Extent::new(Bytes::new(at), Bytes::new(1));
        let byte = all_of(disk, place)[0];
        disk.put(place.start, &[byte ^ 0x40]);
    };
    let cases: [(&str, EraseMethod, Change); 6] = [
        ("sound", EraseMethod::CryptoErase, |_, _| ()),
        (
            "first copy damaged",
            EraseMethod::CryptoErase,
            |disk, at| {
                disk.put(Bytes::new(at.start.get() + 5000), b"?");
            },
        ),
        ("first copy gone", EraseMethod::CryptoErase, |disk, at| {
            disk.clear(Extent::new(at.start, Bytes::new(16384)));
        }),
        ("both copies damaged", EraseMethod::Zero, |disk, at| {
            disk.put(Bytes::new(at.start.get() + 5000), b"?");
            disk.put(Bytes::new(at.start.get() + 16384 + 5000), b"?");
        }),
        ("header gone", EraseMethod::Zero, |disk, at| {
            disk.clear(Extent::new(at.start, Bytes::new(32768)));
        }),
        ("LUKS1", EraseMethod::Zero, |disk, at| {
            disk.clear(Extent::new(at.start, Bytes::new(32768)));
            disk.put(at.start, b"LUKS\xba\xbe\x00\x01aes");
        }),
    ];
    for (name, method, change) in cases {
        let mut lab = reset_lab::node(&CASES[0]);
        let place = part(&lab.plan, "STATE").extent();
        change(&mut lab.before, place);
        // A keyslot that opens nothing any more is a keyslot all the same.
        xor(&mut lab.before, place.start.get() + 40000);
        let plan = reset_lab::plan(&lab, &lab.before, false).expect("a plan");
        let erase = &plan.disks[0].erase[0];
        assert_eq!(
            (
                erase.method,
                plan.disks[0].partitions[erase.partition].name.as_str()
            ),
            (method, "STATE"),
            "{name}: {erase:?}"
        );
        let shared = Shared::new(lab.before.clone());
        let receipt = lab.apply_plan(&plan, shared.handle()).expect(name);
        assert_eq!(receipt.outcome, Outcome::Applied, "{name}");
        let after = shared.into_inner().expect("the only handle");
        let zeroed = match method {
            EraseMethod::CryptoErase => Extent::new(place.start, HEAD),
            EraseMethod::Zero => place,
        };
        let left = all_of(&after, zeroed).iter().any(|byte| *byte != 0);
        assert!(!left, "{name}");
    }
}

#[test]
fn sealed_volumes_are_zeroed_whole_when_that_is_asked_for() {
    let lab = reset_lab::node(&CASES[0]);
    let request = Request {
        zero_sealed: true,
        proof: PROOF,
        ..Request::default()
    };
    let plan = reset_lab::plan_with(&lab, &lab.before, false, &request).expect("a plan");
    let shared = Shared::new(lab.before.clone());
    lab.apply_plan(&plan, shared.handle()).expect("a reset");
    let after = shared.into_inner().expect("the only handle");
    let state = part(&plan, "STATE").extent();
    assert!(all_of(&after, state).iter().all(|byte| *byte == 0));
}

#[test]
fn a_table_from_which_the_volumes_went_is_as_it_was_in_every_other_entry() {
    for reset in RESETS {
        let lab = reset_lab::new(reset);
        let (done, _) = lab.record(&lab.plan);
        let before = gpt::read(&lab.before).expect("memory");
        let after = gpt::read(&done).expect("memory");
        assert_eq!(after.defects(), [], "{}", reset.name);
        let (before, after) = (
            before.table().expect("a table"),
            after.table().expect("a table"),
        );
        assert_eq!(before.disk_guid(), after.disk_guid());
        for partition in &lab.plan.disks[0].partitions {
            let (old, new) = (before.get(partition.number), after.get(partition.number));
            match partition.action {
                Action::Wipe => assert_eq!(new, None, "{}", reset.name),
                _ => assert_eq!(old, new, "{}: {}", reset.name, partition.name),
            }
        }
    }
}

#[test]
fn an_overlapping_or_foreign_table_is_refused() {
    let lab = reset_lab::node(&CASES[0]);
    // STATE over META: both copies say so, with sound checksums.
    let table = gpt::read(&lab.before).expect("memory");
    let table = table.table().expect("a table");
    let geometry = lab.before.geometry();
    let mut overlapping = gpt::Gpt::new(geometry, table.disk_guid()).expect("room");
    let state = part(&lab.plan, "STATE").number;
    for (number, entry) in table.partitions().filter(|(n, _)| *n != state) {
        overlapping.insert(number, entry.clone()).expect("room");
    }
    let mut encoded = overlapping.encode();
    // Write EPHEMERAL's own entry a second time under STATE's number, by hand.
    let at = usize::try_from(state - 1).expect("small") * 128;
    let from = usize::try_from(part(&lab.plan, "EPHEMERAL").number - 1).expect("small") * 128;
    for array in [
        &mut encoded.primary_entries.1,
        &mut encoded.backup_entries.1,
    ] {
        let copy = array[from..from + 128].to_vec();
        array[at..at + 128].copy_from_slice(&copy);
        array[at + 16] ^= 1;
    }
    let mut disk = lab.before.clone();
    for (array, header) in [
        (&encoded.primary_entries, &mut encoded.primary_header),
        (&encoded.backup_entries, &mut encoded.backup_header),
    ] {
        let crc = crc32fast::hash(&array.1[..16384]);
        header.1[88..92].copy_from_slice(&crc.to_le_bytes());
        header.1[16..20].fill(0);
        let crc = crc32fast::hash(&header.1[..92]);
        header.1[16..20].copy_from_slice(&crc.to_le_bytes());
        disk.put(array.0, &array.1);
        disk.put(header.0, &header.1);
    }
    let error = reset_lab::plan(&lab, &disk, false).expect_err("a refusal");
    assert!(
        matches!(error, ResetError::Table { .. } | ResetError::Disk { .. }),
        "{error:?}"
    );
}

#[test]
fn a_disk_that_changed_since_it_was_planned_is_not_reset() {
    for reset in RESETS {
        let lab = reset_lab::new(reset);
        let mut changed = lab.before.clone();
        changed.put(Bytes::new(4096 * 40), b"somebody was here");
        let shared = Shared::new(changed.clone());
        let error = lab.apply(shared.handle()).expect_err("a refusal");
        assert!(
            matches!(error, ApplyError::Refused { .. }),
            "{}: {error:?}",
            reset.name
        );
        assert_eq!(shared.into_inner().expect("the only handle"), changed);
    }
}

#[test]
fn a_write_into_a_kept_partition_is_found_by_the_read_back() {
    // A disk that answers a write to EPHEMERAL by changing EFI.
    #[derive(Debug)]
    struct Leaky(Memory, Bytes);
    impl BlockSource for Leaky {
        fn geometry(&self) -> Geometry {
            self.0.geometry()
        }
        fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
            self.0.read_exact_at(at, buf)
        }
    }
    impl BlockTarget for Leaky {
        fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
            self.0.write_all_at(at, buf)
        }
        fn zero(&mut self, extent: Extent) -> io::Result<()> {
            self.0.put(self.1, &[0xee; 512]);
            self.0.zero(extent)
        }
        fn discard(&mut self, _: Extent) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn publish(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn drop_caches(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lab = reset_lab::new(&RESETS[1]);
    let (efi, bios) = (
        part(&lab.plan, "EFI").extent(),
        part(&lab.plan, "BIOS").extent(),
    );
    let places = [
        efi.start,
        efi.end().saturating_sub(Bytes::new(512)),
        Bytes::new(bios.start.get() + 4096 * 77),
        Bytes::new(100),
        Bytes::new(300 << 10),
    ];
    for at in places {
        let target = Leaky(lab.before.clone(), at);
        let error = lab.apply(target).expect_err("a read-back that fails");
        let found = matches!(
            &error,
            ApplyError::Step {
                source: StepError::ReadBack(_),
                ..
            }
        );
        assert!(found, "byte {}: {error:?}", at.get());
    }
}

fn every_fault(reset: &Reset) {
    let lab = reset_lab::new(reset);
    let (done, events) = lab.record(&lab.plan);
    for number in 0..events.len() as u64 {
        let shared = Shared::new(Faulty::new(lab.before.clone(), number));
        let error = lab.apply(shared.handle()).expect_err("the fault");
        let ApplyError::Step {
            disk,
            source: StepError::Io { name, .. },
        } = &error
        else {
            panic!("{}: operation {number}: {error:?}", reset.name);
        };
        assert!(disk.contains("serial LAB") && name.contains("/dev/lab"));
        let faulty = shared.into_inner().expect("the only handle");
        assert_eq!(
            faulty.attempted(),
            number + 1,
            "{}: after {name}",
            reset.name
        );
        let again = Shared::new(faulty.into_inner());
        lab.apply(again.handle()).expect("a second run");
        let disk = again.into_inner().expect("the only handle");
        assert_eq!(disk.differences(&done, 3), [], "{}: {name}", reset.name);
    }
}

#[test]
fn a_fault_stops_everything_and_the_next_run_converges() {
    for reset in [&RESETS[0], &RESETS[4], &RESETS[7], &RESETS[9]] {
        every_fault(reset);
    }
}

#[test]
fn a_plan_without_anything_to_wipe_has_no_step() {
    let mut lab = reset_lab::node(&CASES[0]);
    let plan = reset_lab::plan(&lab, &lab.before, false).expect("a plan");
    (lab.before, _) = lab.record(&plan);
    let plan = reset_lab::plan(&lab, &lab.before, false).expect("a plan");
    assert!(plan.is_converged() && plan.steps.is_empty());
    // Only the tag is there again.
    let meta = part(&plan, "META").extent();
    let bytes = all_of(&lab.before, meta);
    let mut tags = keelblock::partitioner::meta::Meta::decode(&bytes).expect("META");
    tags.set(9, String::from("{}").into()).expect("room");
    let bytes = tags.encode_over(&bytes).expect("room");
    let mut disk = lab.before.clone();
    disk.put(meta.start, bytes.expose());
    let plan = reset_lab::plan(&lab, &disk, false).expect("a plan");
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step.op, Op::Meta { .. }))
    );
    let shared = Shared::new(disk);
    lab.apply_plan(&plan, shared.handle()).expect("a reset");
    let ended = shared.into_inner().expect("the only handle");
    assert_eq!(ended.differences(&lab.before, 3), []);
}
