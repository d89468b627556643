//! keelblock's half: the program itself, and the key derivation that it links.

use std::path::{Path, PathBuf};
use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, Version};

use crate::measure::{BenchError, Sample, Work};
use crate::peers::{COST, Cost};
use crate::scratch::{PASSPHRASE, Scratch};

/// The program under measurement.
#[derive(Debug)]
pub struct Keelblock {
    /// `KEELBLOCK_BIN`, or the one that cargo built for this bench.
    pub program: PathBuf,
}

impl Keelblock {
    /// Takes `KEELBLOCK_BIN` if it is set.
    pub fn find() -> Self {
        let program = std::env::var_os("KEELBLOCK_BIN");
        Self {
            program: program.map_or_else(|| env!("CARGO_BIN_EXE_keelblock").into(), PathBuf::from),
        }
    }

    fn work(&self) -> Work {
        Work::new(&self.program, "KEELBLOCK_BIN names no program")
    }

    /// Lays out a new image of `size` by one of `benches/configs`.
    pub fn apply(&self, scratch: &Scratch, config: &str, size: &str) -> Result<Sample, BenchError> {
        let image = scratch.absent("keelblock.img")?;
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/configs");
        let kdf = [
            format!("--kdf-memory={}G", COST.memory >> 20),
            format!("--kdf-time={}", COST.passes),
            format!("--kdf-lanes={}", COST.lanes),
        ];
        let work = self.work().args(["apply", "-c"]);
        let work = work.args([configs.join(config)]).args(["--image"]);
        let work = work.args([&image]).args(["--size", size]).args(kdf);
        let work = work.args(["--sector-size", "512", "--seed", "1"]);
        let work = work.args(["--uuid", "00000000-0000-4000-8000-000000000001"]);
        let sample = work.account(scratch.path());
        scratch.absent("keelblock.img")?;
        sample
    }

    /// Everything that keelblock knows about every disk.
    pub fn probe(&self) -> Work {
        self.work().args(["probe", "--format", "json"])
    }

    /// Bytes of the program.
    pub fn size(&self) -> Result<u64, BenchError> {
        let metadata = std::fs::metadata(&self.program);
        let size = metadata.map(|metadata| metadata.len());
        size.map_err(crate::scratch::file("look at", &self.program))
    }
}

/// One key of 64 bytes from a passphrase, in this process.
pub fn derive(cost: Cost) -> Result<Sample, BenchError> {
    let refused = |error: argon2::Error| BenchError::Unexpected(format!("argon2: {error}"));
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(64)).map_err(refused)?;
    let mut key = [0; 64];
    let start = Instant::now();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &[7; 32], &mut key)
        .map_err(refused)?;
    Ok(Sample {
        seconds: start.elapsed().as_secs_f64(),
        ..Sample::default()
    })
}
