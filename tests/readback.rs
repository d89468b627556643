//! Reading back: a disk that changes one bit of anything that was written is told at that byte, whatever else it keeps.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

mod support;

use std::cell::Cell;
use std::io;

use keelblock::apply::ApplyError;
use keelblock::apply::execute::StepError;
use keelblock::apply::readback::ReadBackError;
use keelblock::probe::marker::MARKER_EXTENT;
use keelblock::target::testing::{Event, Memory};
use keelblock::target::{BlockSource, BlockTarget};
use keelblock::units::{Bytes, Extent, Geometry};
use support::lab::{CASES, Case, Lab};

/// A disk that keeps everything but one bit, which it shows once its caches are dropped; or only to one reader.
#[derive(Debug)]
struct Flipping {
    disk: Memory,
    byte: Bytes,
    every_time: bool,
    flips: Cell<bool>,
}

impl Flipping {
    fn new(disk: &Memory, byte: Bytes, every_time: bool) -> Self {
        Self {
            disk: disk.clone(),
            byte,
            every_time,
            flips: Cell::new(false),
        }
    }
}

impl BlockSource for Flipping {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.disk.read_exact_at(at, buf)?;
        let read = Extent::new(at, Bytes::from(buf.len()));
        if self.flips.get() && read.contains(Extent::new(self.byte, Bytes::new(1))) {
            buf[Extent::between(at, self.byte).len.to_usize()] ^= 0x10;
            self.flips.set(self.every_time);
        }
        Ok(())
    }
}

impl BlockTarget for Flipping {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.disk.write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.disk.zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.disk.discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.disk.publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.flips.set(true);
        Ok(())
    }
}

/// Where the run writes: both ends and the middle of each write, but for the mark, which goes again.
fn places(lab: &Lab) -> Vec<Bytes> {
    let (_, events) = lab.record(&lab.plan);
    let mut places = Vec::new();
    for event in events {
        let Event::Write(at, bytes) = event else {
            continue;
        };
        let last = bytes.len() as u64 - 1;
        let write = Extent::new(at, Bytes::from(bytes.len()));
        if !write.overlaps(MARKER_EXTENT) {
            places.extend([0, last / 2, last].map(|offset| Bytes::new(at.get() + offset)));
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// Where the read-back saw a difference.
fn difference(case: &Case, lab: &Lab, target: Flipping) -> Bytes {
    let byte = target.byte.get();
    match lab.apply(target) {
        Err(ApplyError::Step {
            source: StepError::ReadBack(ReadBackError::Differs { at, .. }),
            ..
        }) => Bytes::new(at),
        other => panic!("{}: byte {byte}: {other:?}", case.name),
    }
}

#[test]
fn a_flipped_bit_in_anything_that_was_written_is_told_at_its_byte() {
    for case in CASES {
        let lab = Lab::new(case);
        let places = places(&lab);
        assert!(places.len() > 20, "{}: {places:?}", case.name);
        for byte in places {
            let found = difference(case, &lab, Flipping::new(&lab.before, byte, true));
            assert_eq!(found, byte, "{}", case.name);
        }
    }
}

#[test]
fn a_bit_that_is_right_when_it_is_read_again_is_a_difference_all_the_same() {
    for case in [&CASES[0], &CASES[5]] {
        let lab = Lab::new(case);
        for byte in places(&lab) {
            let found = difference(case, &lab, Flipping::new(&lab.before, byte, false));
            let near = Extent::new(found, Bytes::MIB);
            assert!(
                near.contains(Extent::new(byte, Bytes::new(1))),
                "{}: byte {}, told at {}",
                case.name,
                byte.get(),
                found.get()
            );
        }
    }
}
