//! What keelblock is measured against: systemd-repart, sgdisk with cryptsetup, lsblk.

use std::path::{Path, PathBuf};

use crate::measure::{BenchError, Sample, Work};
use crate::scratch::{Scratch, file};

const CRYPTSETUP: &str = "install the Debian package cryptsetup-bin";

/// What a passphrase costs: Argon2id with these parameters.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Threads.
    pub lanes: u32,
}

/// The cost in all comparisons: 1 GiB, 4 passes, 4 lanes.
pub const COST: Cost = Cost {
    memory: 1 << 20,
    passes: 4,
    lanes: 4,
};

/// A systemd-repart that can work offline, and its libraries if it is not the system's own.
#[derive(Debug)]
pub struct Repart {
    program: PathBuf,
    libraries: Option<PathBuf>,
    /// What it calls itself.
    pub version: String,
}

impl Repart {
    /// The system's own from 254 on, else one that `benches/fetch-repart` unpacks below the scratch directory.
    pub fn find(scratch: &Scratch) -> Result<Self, BenchError> {
        let own = Self::at(PathBuf::from("systemd-repart"), None);
        if let Ok(own) = own {
            return Ok(own);
        }
        let directory = scratch.kept("systemd");
        let root = directory.join("root");
        let program = root.join("bin/systemd-repart");
        if !program.exists() {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fetch-repart");
            let fetch = Work::new(script, "benches/fetch-repart is a bash script");
            fetch.args([&directory]).output()?;
        }
        let libraries = root.join(format!(
            "usr/lib/{}-linux-gnu/systemd",
            std::env::consts::ARCH
        ));
        Self::at(program, Some(libraries))
    }

    fn at(program: PathBuf, libraries: Option<PathBuf>) -> Result<Self, BenchError> {
        let mut found = Self {
            program,
            libraries,
            version: String::new(),
        };
        let output = found.work().args(["--version"]).output()?;
        let version = output.split_whitespace().nth(1).unwrap_or_default();
        if !version.parse().is_ok_and(|version: u32| version >= 254) {
            let old = format!("systemd-repart {version} cannot work offline, 254 can");
            return Err(BenchError::Unexpected(old));
        }
        found.version = version.to_owned();
        Ok(found)
    }

    fn work(&self) -> Work {
        let work = Work::new(&self.program, "install systemd-repart 254 or newer");
        match &self.libraries {
            Some(directory) => work.libraries(directory),
            None => work,
        }
    }

    /// Lays out a new image of `size` by `benches/repart.d`.
    pub fn run(&self, scratch: &Scratch, size: &str) -> Result<Sample, BenchError> {
        let image = scratch.absent("repart.img")?;
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/repart.d");
        let work = self.work().args([
            "--offline=yes",
            "--empty=create",
            "--dry-run=no",
            "--sector-size=512",
            "--seed=00000000-0000-4000-8000-000000000001",
            &format!("--size={size}"),
            &format!("--key-file={}", scratch.key().display()),
            &format!("--definitions={}", definitions.display()),
            &image.display().to_string(),
        ]);
        let sample = work.account(scratch.path());
        scratch.absent("repart.img")?;
        sample
    }
}

/// One partition over the whole image by sgdisk, sealed through a loop device by cryptsetup.
pub fn sgdisk_and_cryptsetup(scratch: &Scratch, bytes: u64) -> Result<Sample, BenchError> {
    let image = scratch.absent("sgdisk.img")?;
    let create = std::fs::File::create(&image).and_then(|image| image.set_len(bytes));
    create.map_err(file("create", &image))?;
    let sgdisk = Work::new("sgdisk", "install the Debian package gdisk");
    let table = sgdisk
        .args(["--new=1:2048:0", "--change-name=1:r-data"])
        .args([&image]);
    let sample = table.account(scratch.path())?;

    // Where the partition lies: 1 MiB in, and 1 MiB short of the end.
    let attach = Work::new("losetup", "install the Debian package mount")
        .args(["--find", "--show", "--offset=1048576"])
        .args([format!("--sizelimit={}", bytes - (2 << 20))])
        .args([&image]);
    let device = attach.output()?.trim().to_owned();
    let sealed = format(Path::new(&device), scratch).account(scratch.path());
    let detach = Work::new("losetup", "install the Debian package mount");
    detach.args(["--detach", &device]).time()?;
    scratch.absent("sgdisk.img")?;
    Ok(sample.then(sealed?))
}

fn format(device: &Path, scratch: &Scratch) -> Work {
    Work::new("cryptsetup", CRYPTSETUP)
        .args(["luksFormat", "--batch-mode", "--type=luks2"])
        .args(["--pbkdf=argon2id", "--key-size=512"])
        .args(["--sector-size=512", "--label=r-data"])
        .args([format!("--pbkdf-memory={}", COST.memory)])
        .args([format!("--pbkdf-force-iterations={}", COST.passes)])
        .args([format!("--pbkdf-parallel={}", COST.lanes)])
        .args([format!("--key-file={}", scratch.key().display())])
        .args([device])
}

/// A header that cryptsetup made, to derive its key again.
#[derive(Debug)]
pub struct Header {
    path: PathBuf,
    /// What cryptsetup wrote into it: it takes no more lanes than the machine has CPUs.
    pub cost: Cost,
}

impl Header {
    /// Makes the header at [`COST`].
    pub fn make(scratch: &Scratch) -> Result<Self, BenchError> {
        let path = scratch.absent("header.img")?;
        let create = std::fs::File::create(&path).and_then(|image| image.set_len(32 << 20));
        create.map_err(file("create", &path))?;
        format(&path, scratch).output()?;
        let dump = Work::new("cryptsetup", CRYPTSETUP).args(["luksDump"]);
        let dump = dump.args([&path]).output()?;
        let number = |field: &str| {
            let mut lines = dump.lines().map(str::trim);
            let value = lines.find_map(|line| line.strip_prefix(field)?.trim().parse().ok());
            value.ok_or_else(|| BenchError::Unexpected(format!("luksDump has no '{field}'")))
        };
        Ok(Self {
            path,
            cost: Cost {
                memory: number("Memory:")?,
                passes: number("Time cost:")?,
                lanes: number("Threads:")?,
            },
        })
    }

    /// Derives the key and checks it against the header, without opening anything.
    pub fn open(&self, scratch: &Scratch) -> Result<Sample, BenchError> {
        Work::new("cryptsetup", CRYPTSETUP)
            .args(["open", "--test-passphrase"])
            .args([format!("--key-file={}", scratch.key().display())])
            .args([&self.path])
            .account(scratch.path())
    }
}

/// Everything that lsblk knows about every disk.
pub fn lsblk() -> Work {
    Work::new("lsblk", "install the Debian package util-linux").args(["-J", "-O"])
}
