//! Files of the bench: images that live for one run, and what is kept between runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::measure::BenchError;

/// The passphrase of everything that the bench seals; `benches/configs` has the same.
pub const PASSPHRASE: &str = "a passphrase for measuring only";

/// `target/bench`, and below it a directory that goes when the bench ends.
#[derive(Debug)]
pub struct Scratch {
    kept: PathBuf,
    runs: tempfile::TempDir,
}

/// Says what was tried with which file.
pub fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BenchError {
    let path = path.to_owned();
    move |source| BenchError::File { what, path, source }
}

impl Scratch {
    /// Makes both directories and the key file.
    pub fn new() -> Result<Self, BenchError> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| manifest.join("target"), PathBuf::from);
        let kept = target.join("bench");
        fs::create_dir_all(&kept).map_err(file("create", &kept))?;
        let runs = tempfile::tempdir_in(&kept).map_err(file("create a directory in", &kept))?;
        let scratch = Self { kept, runs };
        let key = scratch.key();
        fs::write(&key, PASSPHRASE).map_err(file("write", &key))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&key, mode).map_err(file("protect", &key))?;
        Ok(scratch)
    }

    /// Where images of this run live.
    pub fn path(&self) -> &Path {
        self.runs.path()
    }

    /// The key file.
    pub fn key(&self) -> PathBuf {
        self.path().join("key")
    }

    /// A file that outlives this run.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.kept.join(name)
    }

    /// The path of a file of this run, which does not exist now.
    pub fn absent(&self, name: &str) -> Result<PathBuf, BenchError> {
        let path = self.path().join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(file("remove", &path)(error))
            }
            Ok(()) | Err(_) => Ok(path),
        }
    }
}
