//! An image file as a volume, and the tools that judge it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use keelblock::config::spec::Cipher;
use keelblock::entropy::SeededEntropy;
use keelblock::guid::Seed;
use keelblock::partitioner::luks2::{
    Argon2Cost, Found, Limits, Luks2Error, SealParams, Sealed, read, seal, unlock,
};
use keelblock::secret::Secret;
use keelblock::target::BlockSource;
use keelblock::units::{BlockSize, Bytes, Geometry};
use tempfile::TempDir;

pub const SIZE: Bytes = Bytes::mib(20);

/// An image file that is one partition, removed with its directory.
#[derive(Debug)]
pub struct Volume {
    pub path: PathBuf,
    pub dir: TempDir,
}

impl Volume {
    pub fn blank() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("volume.img");
        File::create(&path).unwrap().set_len(SIZE.get()).unwrap();
        Self { path, dir }
    }

    pub fn sealed(params: &SealParams, slots: &[u32]) -> (Self, Sealed) {
        let volume = Self::blank();
        let keys: Vec<_> = slots
            .iter()
            .map(|slot| (*slot, passphrase(*slot)))
            .collect();
        let keys: Vec<_> = keys.iter().map(|(slot, key)| (*slot, key)).collect();
        let sealed = seal(params, &keys, &mut SeededEntropy::new(7)).unwrap();
        for (at, data) in sealed.groups().into_iter().flatten() {
            volume.put(at.get(), data);
        }
        (volume, sealed)
    }

    /// A volume that cryptsetup makes, with the passphrase of slot 0.
    pub fn formatted(options: &[&str]) -> Self {
        let volume = Self::blank();
        let key = volume.key_file(0);
        let args = [
            &["luksFormat", "--batch-mode", "--key-file", &key],
            options,
            &[volume.path()],
        ];
        volume.cryptsetup(&args.concat());
        volume
    }

    pub fn put(&self, at: u64, data: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(data, at).unwrap();
    }

    pub fn flip(&self, at: u64) {
        let mut byte = [0];
        File::open(&self.path)
            .unwrap()
            .read_exact_at(&mut byte, at)
            .unwrap();
        self.put(at, &[byte[0] ^ 1]);
    }

    pub fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn key_file(&self, slot: u32) -> String {
        self.file(&format!("key{slot}"), passphrase(slot).expose())
    }

    pub fn cryptsetup(&self, args: &[&str]) -> String {
        let output = run("cryptsetup-bin", "cryptsetup", args);
        let said = said(&output);
        assert!(
            output.status.success(),
            "cryptsetup {args:?} failed: {said}"
        );
        said
    }

    /// Whether cryptsetup opens `slot` with the passphrase of `key`.
    pub fn opens(&self, slot: u32, key: u32) -> bool {
        let (slot, key) = (slot.to_string(), self.key_file(key));
        let args = [
            "open",
            "--test-passphrase",
            "--key-slot",
            &slot,
            "--key-file",
            &key,
            self.path(),
        ];
        run("cryptsetup-bin", "cryptsetup", &args).status.success()
    }

    /// Whether cryptsetup takes the header.
    pub fn is_valid(&self) -> bool {
        let args = ["luksDump", self.path()];
        run("cryptsetup-bin", "cryptsetup", &args).status.success()
    }

    pub fn found(&self) -> Found {
        read(self, self.geometry().whole()).unwrap()
    }

    pub fn unlock(&self, slot: u32, key: &Secret) -> Result<Secret, Luks2Error> {
        let found = self.found();
        let header = found.header().ok_or(Luks2Error::NoSuchKeyslot(slot))?;
        unlock(
            self,
            self.geometry().whole(),
            header,
            slot,
            key,
            &Limits::default(),
        )
    }

    pub fn unlocks(&self, slot: u32, key: u32) -> bool {
        self.unlock(slot, &passphrase(key)).is_ok()
    }
}

impl BlockSource for Volume {
    fn geometry(&self) -> Geometry {
        Geometry {
            size: Bytes::new(fs::metadata(&self.path).unwrap().len()),
            logical: BlockSize::B4096,
            physical: 4096,
        }
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let block = Bytes::new(4096);
        assert!(at.is_multiple_of(block) && Bytes::from(buf.len()).is_multiple_of(block));
        File::open(&self.path)?.read_exact_at(buf, at.get())
    }
}

pub fn run(package: &str, tool: &str, args: &[&str]) -> Output {
    Command::new(tool)
        .args(args)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|e| panic!("{tool} does not start ({e}): install {package}"))
}

pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|s| String::from_utf8_lossy(s))
        .concat()
}

pub fn passphrase(slot: u32) -> Secret {
    Secret::from(format!("passphrase {slot}\nwith a second line"))
}

pub fn params(cipher: Cipher, sector_size: u32) -> SealParams {
    SealParams {
        uuid: "2a".parse::<Seed>().unwrap().guid("disk", "luks STATE"),
        cipher,
        sector_size,
        data_offset: Bytes::mib(16),
        partition_size: SIZE,
        kdf: Argon2Cost {
            time: 4,
            memory_kib: 256,
            lanes: 2,
        },
        digest_iterations: 1000,
        tokens: BTreeMap::new(),
    }
}

pub const ARGON2: [&str; 6] = [
    "--pbkdf-force-iterations",
    "4",
    "--pbkdf-memory",
    "64",
    "--pbkdf-parallel",
    "1",
];
pub const PBKDF2: [&str; 4] = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
