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

/// What a server pays: 1 GiB, 4 passes, 4 lanes.
pub const GIB: Cost = Cost {
    memory: 1 << 20,
    passes: 4,
    lanes: 4,
};
/// What a small machine pays: 64 MiB, 4 passes, 4 lanes.
pub const MIB_64: Cost = Cost {
    memory: 64 << 10,
    ..GIB
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
    /// The system's own from 254 on, else one that `tests/fetch-backports` unpacks below the scratch directory.
    pub fn find(scratch: &Scratch) -> Result<Self, BenchError> {
        let own = Self::at(PathBuf::from("systemd-repart"), None);
        if let Ok(own) = own {
            return Ok(own);
        }
        let directory = scratch.kept("systemd");
        let root = directory.join("root");
        let program = root.join("bin/systemd-repart");
        if !program.exists() {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fetch-backports");
            let fetch = Work::new(script, "tests/fetch-backports is a bash script");
            let packages = ["systemd", "libsystemd-shared", "libsystemd0"];
            fetch.args([&directory]).args(packages).output()?;
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
        Ok(sample?.0)
    }
}

/// Where the two partitions of `sgdisk_and_cryptsetup` lie: 1 MiB in, and 1 MiB short of the end.
fn partitions(bytes: u64) -> [(u64, u64); 2] {
    let (first, second) = (1 << 20, (1 << 20) + (1536 << 20));
    [
        (first, second - first),
        (second, bytes - second - (1 << 20)),
    ]
}

/// Two partitions over the whole image by sgdisk, each sealed through a loop device by cryptsetup. Making the image
/// and the loop devices is not counted.
pub fn sgdisk_and_cryptsetup(
    scratch: &Scratch,
    bytes: u64,
    cost: Cost,
) -> Result<Sample, BenchError> {
    let image = scratch.absent("sgdisk.img")?;
    let create = std::fs::File::create(&image).and_then(|image| image.set_len(bytes));
    create.map_err(file("create", &image))?;
    let sgdisk = Work::new("sgdisk", "install the Debian package gdisk");
    let table = sgdisk
        .args(["--new=1:2048:+1536M", "--change-name=1:r-first"])
        .args(["--new=2:0:0", "--change-name=2:r-second"])
        .args([&image]);
    let (mut sample, _) = table.account(scratch.path())?;
    for (offset, length) in partitions(bytes) {
        let device = Loop::attach(&image, offset, length)?;
        let (sealed, _) = format(&device.path, scratch, cost).account(scratch.path())?;
        sample = sample.then(sealed);
    }
    scratch.absent("sgdisk.img")?;
    Ok(sample)
}

/// A part of a file as a block device, until dropped.
#[derive(Debug)]
pub struct Loop {
    path: PathBuf,
}

impl Loop {
    /// `length` bytes of `image` from `offset`.
    pub fn attach(image: &Path, offset: u64, length: u64) -> Result<Self, BenchError> {
        let attach = Work::new("losetup", "install the Debian package mount")
            .args(["--find", "--show"])
            .args([
                format!("--offset={offset}"),
                format!("--sizelimit={length}"),
            ])
            .args([image]);
        let path = PathBuf::from(attach.output()?.trim());
        Ok(Self { path })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let detach = Work::new("losetup", "install the Debian package mount");
        if let Err(error) = detach.args([Path::new("--detach"), &self.path]).output() {
            eprintln!("warning: {} stays: {error}", self.path.display());
        }
    }
}

fn format(device: &Path, scratch: &Scratch, cost: Cost) -> Work {
    Work::new("cryptsetup", CRYPTSETUP)
        .args(["luksFormat", "--batch-mode", "--type=luks2"])
        .args(["--pbkdf=argon2id", "--key-size=512"])
        .args(["--sector-size=512", "--label=r-data"])
        .args([format!("--pbkdf-memory={}", cost.memory)])
        .args([format!("--pbkdf-force-iterations={}", cost.passes)])
        .args([format!("--pbkdf-parallel={}", cost.lanes)])
        .args([format!("--key-file={}", scratch.key().display())])
        .args([device])
}

/// The cost that cryptsetup writes when it is asked for `cost`: it takes no more lanes than the machine has CPUs.
pub fn taken(scratch: &Scratch, cost: Cost) -> Result<Cost, BenchError> {
    let path = scratch.absent("header.img")?;
    let create = std::fs::File::create(&path).and_then(|image| image.set_len(32 << 20));
    create.map_err(file("create", &path))?;
    format(&path, scratch, cost).output()?;
    let dump = Work::new("cryptsetup", CRYPTSETUP).args(["luksDump"]);
    let dump = dump.args([&path]).output()?;
    let number = |field: &str| {
        let mut lines = dump.lines().map(str::trim);
        let value = lines.find_map(|line| line.strip_prefix(field)?.trim().parse().ok());
        value.ok_or_else(|| BenchError::Unexpected(format!("luksDump has no '{field}'")))
    };
    Ok(Cost {
        memory: number("Memory:")?,
        passes: number("Time cost:")?,
        lanes: number("Threads:")?,
    })
}

/// Derives the key of the LUKS2 volume there and checks it against the header, without mapping anything.
pub fn open(scratch: &Scratch, device: &Loop) -> Result<Sample, BenchError> {
    let open = Work::new("cryptsetup", CRYPTSETUP).args(["open", "--test-passphrase"]);
    let open = open.args([format!("--key-file={}", scratch.key().display())]);
    let (sample, _) = open.args([&device.path]).account(scratch.path())?;
    Ok(sample)
}

/// Everything that lsblk knows about every disk.
pub fn lsblk() -> Work {
    Work::new("lsblk", "install the Debian package util-linux").args(["-J", "-O"])
}
