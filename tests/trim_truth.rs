//! The TRIM test tells drives apart by what they do, writes nowhere else, and puts everything back.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::cell::Cell;
use std::io;

use keelblock::target::testing::{Event, Faulty, Memory, Recorder};
use keelblock::target::unmap::Unmap;
use keelblock::target::{BlockSource, BlockTarget, Unplugged};
use keelblock::tuner::trim::run::{Ran, Trouble, run, save};
use keelblock::tuner::trim::{Plan, Verdict, judge};
use keelblock::units::{BlockSize, Bytes, Extent, Geometry};

const SIZE: Bytes = Bytes::mib(64);

/// How a drive takes an unmap.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// What is unmapped reads as zeros.
    Zeros,
    /// What is unmapped reads as this byte.
    Fills(u8),
    /// Whole units of this many bytes read as zeros; the rest of the range stays.
    Units(u64),
    /// Nothing happens.
    Ignores,
    /// So many bytes before and behind the range go, too.
    TooMuch(u64),
    /// The whole units that the range touches go.
    Outward(u64),
    /// The first bytes of the disk go, too.
    Far,
    /// Every reading is another one.
    Noise,
    /// A new descriptor sees what was there before.
    Stale,
    /// There is no such command.
    Unsupported,
    /// The command fails.
    Fails,
    /// What is written to the second half of the disk is lost.
    Forgets,
}

/// A drive in memory.
#[derive(Debug)]
struct Drive {
    memory: Memory,
    manner: Manner,
    unmapped: Option<Extent>,
    old: Option<Memory>,
    readings: Cell<u8>,
}

impl Drive {
    fn new(manner: Manner, block: BlockSize) -> Self {
        let mut memory = Memory::new(SIZE, block);
        // Free space is not empty: it holds what somebody may want back.
        for at in (0..SIZE.get()).step_by(5000) {
            memory.put(Bytes::new(at), &(at + 1).to_le_bytes());
        }
        Self {
            memory,
            manner,
            unmapped: None,
            old: None,
            readings: Cell::new(0),
        }
    }

    fn noise(&self, at: Bytes, buf: &mut [u8]) {
        let read = Extent::new(at, Bytes::from(buf.len()));
        let Some(hit) = self.unmapped.and_then(|range| range.intersection(read)) else {
            return;
        };
        self.readings.set(self.readings.get().wrapping_add(1));
        let from = hit.start.saturating_sub(at).to_usize();
        buf[from..from + hit.len.to_usize()].fill(self.readings.get());
    }
}

impl BlockSource for Drive {
    fn geometry(&self) -> Geometry {
        self.memory.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.memory.read_exact_at(at, buf)?;
        if self.manner == Manner::Noise {
            self.noise(at, buf);
        }
        Ok(())
    }
}

impl BlockTarget for Drive {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.unmapped = None;
        self.old = None;
        if self.manner == Manner::Forgets && at.get() > SIZE.get() / 2 {
            return Ok(());
        }
        self.memory.write_all_at(at, buf)
    }

    fn zero(&mut self, _: Extent) -> io::Result<()> {
        panic!("a test of unmapping writes no zeros")
    }

    fn discard(&mut self, _: Extent) -> io::Result<()> {
        panic!("a discard may fall back to zeros")
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn publish(&mut self) -> io::Result<()> {
        panic!("the table is none of its business")
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unmap for Drive {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        self.unmapped = Some(extent);
        let (start, end) = (extent.start.get(), extent.end().get());
        let zeroed = match self.manner {
            Manner::Unsupported => return Err(io::Error::from_raw_os_error(nix::libc::EOPNOTSUPP)),
            Manner::Fails => return Err(io::Error::from_raw_os_error(nix::libc::EIO)),
            Manner::Ignores | Manner::Noise | Manner::Forgets => return Ok(()),
            Manner::Fills(byte) => {
                self.memory
                    .put(extent.start, &vec![byte; extent.len.to_usize()]);
                return Ok(());
            }
            Manner::Stale => {
                self.old = Some(self.memory.clone());
                start..end
            }
            Manner::Far => {
                self.memory.clear(Extent::new(Bytes::ZERO, Bytes::new(512)));
                start..end
            }
            Manner::Zeros => start..end,
            Manner::Units(unit) => start.next_multiple_of(unit)..end / unit * unit,
            Manner::TooMuch(more) => start - more..end + more,
            Manner::Outward(unit) => start / unit * unit..end.next_multiple_of(unit),
        };
        let zeroed = Extent::between(Bytes::new(zeroed.start), Bytes::new(zeroed.end));
        self.memory.clear(zeroed);
        Ok(())
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        match &self.old {
            Some(old) => old.read_exact_at(at, buf),
            None => self.read_exact_at(at, buf),
        }
    }
}

fn window() -> Extent {
    Extent::new(Bytes::mib(30), Bytes::mib(8))
}

fn plan(block: BlockSize) -> Plan {
    let geometry = Memory::new(SIZE, block).geometry();
    Plan::new(window(), geometry, Bytes::new(65536), 77).unwrap()
}

fn on(drive: &mut dyn Unmap, block: BlockSize) -> Ran {
    let plan = plan(block);
    let before = save(drive, &plan).unwrap();
    run(drive, &plan, &before, &mut || false)
}

#[test]
fn every_manner_has_its_verdict_and_every_byte_comes_back() {
    for block in [BlockSize::B512, BlockSize::B4096] {
        let unit = 65536;
        for (manner, verdict) in [
            (Manner::Zeros, Verdict::Pass),
            (Manner::Fills(0xff), Verdict::Pass),
            (Manner::Units(unit), Verdict::Pass),
            (Manner::Ignores, Verdict::Ineffective),
            (Manner::Unsupported, Verdict::Unsupported),
            (Manner::TooMuch(u64::from(block.get())), Verdict::Dangerous),
            (Manner::TooMuch(1 << 20), Verdict::Dangerous),
            (Manner::Outward(unit), Verdict::Dangerous),
            (Manner::Noise, Verdict::Dangerous),
            (Manner::Stale, Verdict::Dangerous),
        ] {
            let mut drive = Drive::new(manner, block);
            let before = drive.memory.clone();
            let ran = on(&mut drive, block);
            assert!(ran.trouble.is_none(), "{manner:?}: {ran:?}");
            assert_eq!(
                judge(&ran.rounds, &ran.outside),
                verdict,
                "{manner:?}: {ran:?}"
            );
            assert_eq!(ran.unrestored, [], "{manner:?}");
            assert_eq!(drive.memory.differences(&before, 1), [], "{manner:?}");
        }
    }
}

/// Only the second round shows it: the first range lies on the units.
#[test]
fn a_drive_that_rounds_outward_is_caught_off_its_granularity() {
    let ran = on(
        &mut Drive::new(Manner::Outward(65536), BlockSize::B512),
        BlockSize::B512,
    );
    assert_eq!(ran.rounds.len(), 2);
    assert_eq!(ran.rounds[0].neighbours, []);
    let off = ran.rounds[1].unmapped;
    let head = Extent::between(off.start.align_down(Bytes::new(65536)), off.start);
    assert_eq!(ran.rounds[1].neighbours.first(), Some(&head));
}

#[test]
fn what_is_lost_outside_of_the_window_is_named_and_left_as_it_is() {
    let mut drive = Recorder::new(Drive::new(Manner::Far, BlockSize::B512));
    let ran = on(&mut drive, BlockSize::B512);
    assert_eq!(judge(&ran.rounds, &ran.outside), Verdict::Dangerous);
    assert_eq!(ran.outside, [Extent::new(Bytes::ZERO, Bytes::new(512))]);
    assert_eq!(ran.unrestored, []);
    assert_stays_inside(drive.events());
}

#[test]
fn a_drive_that_does_not_keep_what_is_written_is_not_even_asked_to_unmap() {
    let mut drive = Recorder::new(Drive::new(Manner::Forgets, BlockSize::B512));
    let ran = on(&mut drive, BlockSize::B512);
    assert_eq!(judge(&ran.rounds, &ran.outside), Verdict::Dangerous);
    assert!(!ran.rounds[0].not_kept.is_empty());
    assert!(
        !drive
            .events()
            .iter()
            .any(|event| matches!(event, Event::Discard(_)))
    );
}

#[test]
fn nothing_is_ever_written_outside_of_the_window() {
    for manner in [
        Manner::Zeros,
        Manner::TooMuch(4096),
        Manner::Fails,
        Manner::Noise,
    ] {
        let mut drive = Recorder::new(Drive::new(manner, BlockSize::B512));
        on(&mut drive, BlockSize::B512);
        assert_stays_inside(drive.events());
    }
}

#[track_caller]
fn assert_stays_inside(events: &[Event]) {
    let mut writes = 0;
    for event in events {
        let touched = match event {
            Event::Write(at, bytes) => Extent::new(*at, Bytes::from(bytes.len())),
            Event::Zero(extent) | Event::Discard(extent) => *extent,
            Event::Sync | Event::Publish => continue,
        };
        assert!(window().contains(touched), "{touched}");
        writes += 1;
    }
    assert!(writes > 0);
}

#[test]
fn any_operation_may_fail_and_everything_comes_back_or_is_named() {
    let mut clean = Faulty::new(Drive::new(Manner::Zeros, BlockSize::B512), u64::MAX);
    on(&mut clean, BlockSize::B512);
    let operations = clean.attempted();
    assert!(operations > 20, "{operations}");
    let (mut restored, mut named) = (0, 0);
    for number in 0..operations {
        let mut drive = Faulty::new(Drive::new(Manner::Zeros, BlockSize::B512), number);
        let ran = on(&mut drive, BlockSize::B512);
        let drive = drive.into_inner();
        let before = Drive::new(Manner::Zeros, BlockSize::B512);
        let wrong = drive.memory.differences(&before.memory, 1000);
        let told = |range: &Extent| ran.unrestored.iter().any(|named| named.overlaps(*range));
        assert!(
            wrong.iter().all(told),
            "{number}: {:?} {wrong:?}",
            ran.unrestored
        );
        let failed = ran.trouble.is_some() || !ran.unrestored.is_empty();
        assert!(failed, "operation {number} failed, and nobody was told");
        match ran.unrestored.is_empty() {
            true => restored += 1,
            false => named += 1,
        }
    }
    assert!(restored > 0 && named > 0, "{restored} {named}");
}

#[test]
fn a_command_that_fails_is_trouble_and_no_verdict_about_the_drive() {
    let mut drive = Drive::new(Manner::Fails, BlockSize::B512);
    let before = drive.memory.clone();
    let ran = on(&mut drive, BlockSize::B512);
    assert!(
        matches!(ran.trouble, Some(Trouble::Io { verb: "unmap", .. })),
        "{ran:?}"
    );
    assert_eq!(
        (
            ran.unrestored.len(),
            drive.memory.differences(&before, 1).len()
        ),
        (0, 0)
    );
}

/// Stopped at every place where it can be.
#[test]
fn a_stopped_test_leaves_every_byte_as_it_was() {
    let block = BlockSize::B512;
    let plan = plan(block);
    for stop_at in 0.. {
        let mut drive = Drive::new(Manner::Zeros, block);
        let clean = drive.memory.clone();
        let before = save(&mut drive, &plan).unwrap();
        let mut asked = 0;
        let ran = run(&mut drive, &plan, &before, &mut || {
            asked += 1;
            asked > stop_at
        });
        assert_eq!(drive.memory.differences(&clean, 1), [], "{stop_at}");
        assert_eq!(ran.unrestored, []);
        if ran.trouble.is_none() {
            assert!(stop_at > 15, "it was asked {stop_at} times only");
            break;
        }
        assert!(matches!(ran.trouble, Some(Trouble::Stopped)), "{ran:?}");
    }
}

/// A drive that goes away after so many operations.
#[derive(Debug)]
struct Leaving(Drive, Cell<u64>);

impl Leaving {
    fn tick(&self) -> io::Result<()> {
        match self.1.get() {
            0 => Err(Unplugged.into()),
            left => {
                self.1.set(left - 1);
                Ok(())
            }
        }
    }
}

impl BlockSource for Leaving {
    fn geometry(&self) -> Geometry {
        self.0.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.tick()?;
        self.0.read_exact_at(at, buf)
    }
}

impl BlockTarget for Leaving {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.tick()?;
        self.0.write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.0.zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.0.discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.tick()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.0.publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.tick()
    }
}

impl Unmap for Leaving {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        self.tick()?;
        self.0.unmap(extent)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.tick()?;
        self.0.read_fresh(at, buf)
    }
}

#[test]
fn a_drive_that_is_unplugged_leaves_the_whole_window_named() {
    let plan = plan(BlockSize::B512);
    for operations in [20, 21, 40, 60] {
        let drive = Drive::new(Manner::Zeros, BlockSize::B512);
        let mut drive = Leaving(drive, Cell::new(operations));
        let before = save(&mut drive, &plan).unwrap();
        let ran = run(&mut drive, &plan, &before, &mut || false);
        assert!(ran.trouble.is_some());
        assert_eq!(ran.unrestored, [window()], "{operations}");
    }
}
