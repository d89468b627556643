//! How much work a keyslot costs, from measured memory and speed. Pure.

use crate::plan::KdfCost;
use crate::units::Bytes;

/// Never more than this, as cryptsetup.
pub const MAX_MEMORY: Bytes = Bytes::GIB;
/// Never less than this without being told to.
pub const MIN_MEMORY: Bytes = Bytes::mib(32);
/// Never fewer passes than this without being told to.
pub const MIN_TIME: u32 = 4;
/// Seconds that opening a keyslot should take.
pub const TARGET_SECONDS: f64 = 2.0;

/// What is known about the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Memory that is free now.
    pub available: Bytes,
    /// Logical CPUs.
    pub cpus: u32,
    /// Seconds that one pass over one GiB takes, with as many lanes as would be used.
    pub seconds_per_gib: f64,
}

/// What the operator fixed; the rest follows from the measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wished {
    /// Memory.
    pub memory: Option<Bytes>,
    /// Passes.
    pub time: Option<u32>,
    /// Lanes.
    pub lanes: Option<u32>,
}

/// The KDF would take more than is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key derivation would take {wanted} of memory, more than half of the {available} that are free"
)]
pub struct TooMuchMemory {
    /// What it would take.
    pub wanted: Bytes,
    /// What is free.
    pub available: Bytes,
}

/// How many lanes are used on a machine with this many CPUs: cryptsetup's rule.
pub fn lanes(cpus: u32) -> u32 {
    cpus.clamp(1, 4)
}

/// The cost of every keyslot, and the seconds that one derivation will take.
///
/// # Errors
/// [`TooMuchMemory`] if what was wished, or the least that is acceptable, is more than half of what is free.
pub fn cost(measured: Measured, wished: Wished) -> Result<(KdfCost, f64), TooMuchMemory> {
    let half = Bytes::new(measured.available.get() / 2).align_down(Bytes::MIB);
    let lanes = wished.lanes.unwrap_or_else(|| lanes(measured.cpus));
    let time = wished.time.unwrap_or(MIN_TIME);
    let memory = wished.memory.unwrap_or_else(|| {
        let affordable =
            gib(TARGET_SECONDS / (measured.seconds_per_gib.max(1e-6) * f64::from(time)));
        steady(MAX_MEMORY.min(half).min(affordable)).max(MIN_MEMORY)
    });
    if memory > half {
        return Err(TooMuchMemory {
            wanted: memory,
            available: measured.available,
        });
    }
    let pass = measured.seconds_per_gib * in_gib(memory);
    let time = wished.time.unwrap_or_else(|| more_passes(pass));
    Ok((
        KdfCost {
            memory,
            time,
            lanes,
        },
        pass * f64::from(time),
    ))
}

/// The power of two at or below: two measurements of one machine differ a little, and must give the same plan.
fn steady(memory: Bytes) -> Bytes {
    Bytes::new(memory.get().checked_ilog2().map_or(0, |log| 1 << log))
}

/// As many passes as fit into the target, where all the memory does not fill it; in steps, for the same reason.
fn more_passes(pass: f64) -> u32 {
    [MIN_TIME, 6, 8, 12, 16, 24, 32, 48, 64]
        .into_iter()
        .rev()
        .find(|time| f64::from(*time) * pass <= TARGET_SECONDS)
        .unwrap_or(MIN_TIME)
}

fn in_gib(memory: Bytes) -> f64 {
    f64::from(u32::try_from(memory.get() >> 20).unwrap_or(u32::MAX)) / 1024.0
}

fn gib(gib: f64) -> Bytes {
    // Whole MiB, bounded long before a float could overflow.
    let mib = (1..=1024u32)
        .rev()
        .find(|mib| f64::from(*mib) / 1024.0 <= gib)
        .unwrap_or(1);
    Bytes::mib(u64::from(mib))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(available: u64, seconds_per_gib: f64) -> Measured {
        Measured {
            available: Bytes::mib(available),
            cpus: 4,
            seconds_per_gib,
        }
    }

    #[test]
    fn a_large_machine_takes_a_gib_and_as_many_passes_as_two_seconds_allow() {
        let (cost, seconds) = cost(machine(16384, 0.25), Wished::default()).unwrap();
        assert_eq!(
            cost,
            KdfCost {
                memory: Bytes::GIB,
                time: 8,
                lanes: 4
            }
        );
        assert!((seconds - 2.0).abs() < 0.01);
    }

    #[test]
    fn a_slow_machine_takes_less_memory_and_the_passes_that_two_seconds_allow() {
        let (cost, seconds) = cost(machine(16384, 5.0), Wished::default()).unwrap();
        assert_eq!((cost.memory, cost.time), (Bytes::mib(64), 6));
        assert!(
            cost.memory < Bytes::mib(128) && seconds <= 2.0,
            "{cost:?} {seconds}"
        );
    }

    #[test]
    fn measurements_that_differ_a_little_give_the_same_cost() {
        for (one, other) in [(0.21, 0.24), (0.9, 0.99), (4.2, 4.9)] {
            let cost = |seconds| cost(machine(16384, seconds), Wished::default()).unwrap().0;
            assert_eq!(cost(one), cost(other));
        }
    }

    #[test]
    fn never_more_than_half_of_the_free_memory() {
        let (small, _) = cost(machine(512, 0.25), Wished::default()).unwrap();
        assert_eq!(small.memory, Bytes::mib(256));
        let wished = Wished {
            memory: Some(Bytes::GIB),
            ..Wished::default()
        };
        let refused = TooMuchMemory {
            wanted: Bytes::GIB,
            available: Bytes::mib(1024),
        };
        assert_eq!(cost(machine(1024, 0.25), wished), Err(refused));
        assert!(cost(machine(40, 0.25), Wished::default()).is_err());
    }

    #[test]
    fn what_the_operator_fixed_stays() {
        let wished = Wished {
            memory: Some(Bytes::mib(64)),
            time: Some(5),
            lanes: Some(1),
        };
        let (cost, _) = cost(machine(16384, 0.25), wished).unwrap();
        assert_eq!(
            cost,
            KdfCost {
                memory: Bytes::mib(64),
                time: 5,
                lanes: 1
            }
        );
    }
}
