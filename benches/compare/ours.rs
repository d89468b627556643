//! keelblock's half.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::measure::{BenchError, Sample, Work, keelblock};
use crate::peers::Cost;
use crate::scratch::{Scratch, file};

/// A configuration, and one of its roles: all roles of the same disk come with it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    config: &'static str,
    role: &'static str,
}

/// Two sealed volumes with XFS.
pub const XFS: Layout = Layout {
    config: "benches/configs/sealed-xfs.yaml",
    role: "u-first",
};
/// Two sealed volumes.
pub const RAW: Layout = Layout {
    config: "benches/configs/sealed-raw.yaml",
    role: "r-first",
};
/// One sealed volume.
pub const ONE: Layout = Layout {
    config: "benches/configs/sealed-one.yaml",
    role: "r-data",
};
/// One volume that is not sealed.
pub const OPEN: Layout = Layout {
    config: "benches/configs/open-one.yaml",
    role: "r-data",
};

/// The program under measurement.
#[derive(Debug)]
pub struct Keelblock {
    /// `KEELBLOCK_BIN`, or the one that cargo built for this bench.
    pub program: PathBuf,
}

/// An image that keelblock sealed, to open it again and again.
#[derive(Debug)]
pub struct Image {
    /// The file.
    pub path: PathBuf,
    config: PathBuf,
}

impl Keelblock {
    /// Takes `KEELBLOCK_BIN` if it is set.
    pub fn find() -> Self {
        Self {
            program: keelblock(),
        }
    }

    fn work(&self) -> Work {
        Work::new(&self.program, "KEELBLOCK_BIN names no program")
    }

    fn layout(&self, scratch: &Scratch, what: Layout, size: &str, cost: Cost, to: &Path) -> Work {
        let kdf = [
            format!("--kdf-memory={}M", cost.memory >> 10),
            format!("--kdf-time={}", cost.passes),
            format!("--kdf-lanes={}", cost.lanes),
        ];
        self.work()
            .args(["apply", "--format", "json", "--sector-size", "512"])
            .args(["--seed", "00000000000000000000000000000001"])
            .args(["--uuid", "00000000-0000-4000-8000-000000000001"])
            .args([Path::new("--state-dir"), &scratch.path().join("state")])
            .args([
                Path::new("--hardware"),
                &repository("examples/hardware/macmini-2014.json"),
            ])
            .args([Path::new("-c"), &repository(what.config)])
            .args(["--role", what.role])
            .args([Path::new("--image"), to])
            .args(["--size", size])
            .args(kdf)
    }

    /// Lays out a new image of `size` by one of `benches/configs`.
    pub fn apply(
        &self,
        scratch: &Scratch,
        what: Layout,
        size: &str,
        cost: Cost,
    ) -> Result<Sample, BenchError> {
        let image = scratch.absent("keelblock.img")?;
        let work = self.layout(scratch, what, size, cost, &image);
        let sample = work.account(scratch.path());
        scratch.absent("keelblock.img")?;
        Ok(sample?.0)
    }

    /// What the receipt of such a run says was written, without what was zeroed by punching holes.
    pub fn receipt(
        &self,
        scratch: &Scratch,
        what: Layout,
        size: &str,
        cost: Cost,
    ) -> Result<u64, BenchError> {
        let image = scratch.absent("keelblock.img")?;
        let work = self.layout(scratch, what, size, cost, &image);
        let text = work.output();
        scratch.absent("keelblock.img")?;
        let receipt: Option<Value> = serde_json::from_str(&text?).ok();
        let written = receipt.and_then(|receipt| receipt["bytes_written"].as_u64());
        written.ok_or_else(|| BenchError::Unexpected("no bytes_written in the receipt".into()))
    }

    /// Makes an image with one sealed volume, which stays.
    pub fn image(&self, scratch: &Scratch, cost: Cost) -> Result<Image, BenchError> {
        let path = scratch.absent("open.img")?;
        let work = self.layout(scratch, ONE, "2G", cost, &path);
        work.output()?;
        let config = repository(ONE.config);
        Ok(Image { path, config })
    }

    /// Opens the keyslot of that volume.
    pub fn open(&self, scratch: &Scratch, image: &Image) -> Result<Sample, BenchError> {
        let work = self.work().args(["inspect", "--format", "json"]);
        let work = work.args([Path::new("-c"), &image.config, &image.path]);
        let (sample, text) = work.account(scratch.path())?;
        // A key that was not derived would make us very fast.
        if !text.contains("opens with slot 0") {
            let not = format!("keelblock did not open its volume: {text}");
            return Err(BenchError::Unexpected(not));
        }
        Ok(sample)
    }

    /// Everything that keelblock knows about every disk.
    pub fn probe(&self) -> Work {
        self.work().args(["probe", "--format", "json"])
    }

    /// Bytes of the program.
    pub fn size(&self) -> Result<u64, BenchError> {
        let metadata = std::fs::metadata(&self.program);
        let size = metadata.map(|metadata| metadata.len());
        size.map_err(file("look at", &self.program))
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
