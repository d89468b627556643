//! Measures how fast this machine derives keys, so that the plan can fix the cost.

use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, Version};

use crate::cli::args::PlanningArgs;
use crate::cli::error::Failure;
use crate::partitioner::kdf::{self, Measured, Wished};
use crate::plan::KdfCost;
use crate::probe::inventory::Machine;
use crate::sys::memory::Matrix;
use crate::units::Bytes;

/// Memory of the measurement; small, because it runs at every plan.
const SAMPLE: Bytes = Bytes::mib(64);

/// The cost of every keyslot, and the seconds that one will take, if that was measured.
///
/// # Errors
/// Exit 4 if it would take more than half of the free memory.
pub fn choose(
    planning: &PlanningArgs,
    machine: &Machine,
) -> Result<(KdfCost, Option<f64>), Failure> {
    let wished = Wished {
        memory: planning.kdf_memory,
        time: planning.kdf_time,
        lanes: planning.kdf_lanes,
    };
    let lanes = wished.lanes.unwrap_or_else(|| kdf::lanes(machine.cpus));
    let fixed = wished.memory.is_some() && wished.time.is_some();
    let speed = if fixed { None } else { measure(lanes) };
    let measured = Measured {
        available: machine.memory_available,
        cpus: machine.cpus,
        // Where nothing was measured, a slow machine is the safe guess: it only makes the default cheaper.
        seconds_per_gib: speed.unwrap_or(1.0),
    };
    let (cost, seconds) = kdf::cost(measured, wished)?;
    // What is aimed at, not what was measured: that is never the same twice, and this stands in the plan.
    let estimate = kdf::TARGET_SECONDS.max(seconds.ceil());
    Ok((cost, speed.map(|_| estimate)))
}

/// Seconds that one pass over one GiB takes; `None` if the sample cannot be taken.
fn measure(lanes: u32) -> Option<f64> {
    const PASSES: u32 = 2;
    let kib = u32::try_from(SAMPLE.get() >> 10).ok()?;
    let params = Params::new(kib, PASSES, lanes, Some(32)).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    // In the same kind of memory as a keyslot's derivation, which is faster than what the crate allocates.
    let began = Instant::now();
    let mut memory = Matrix::map(blocks).ok()?;
    argon2
        .hash_password_into_with_memory(b"speed", b"of this machine", &mut [0; 32], memory.blocks())
        .ok()?;
    Some(began.elapsed().as_secs_f64() / f64::from(PASSES) * 16.0)
}
