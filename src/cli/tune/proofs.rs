//! Proofs of `tune trim-test`, and which of the machine's disks they hold for.

use std::path::PathBuf;

use crate::cli::error::Failure;
use crate::cli::files;
use crate::exit::Exit;
use crate::probe;
use crate::root::Root;
use crate::tuner::disk::Disk;
use crate::tuner::trim::proof::{self, Proof};
use crate::tuner::trim::subject::Subject;

const NONE: &str =
    "there is no proof that it unmaps what it is told to; make one with `keelblock tune trim-test`";

/// The proofs that were named.
pub(super) struct Proofs(Vec<Proof>);

/// Device node and drive of every disk of a machine.
pub(super) type Drives = Vec<(String, Subject)>;

impl Proofs {
    /// Reads the files.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut proofs = Vec::new();
        for file in files {
            let name = file.display();
            let parsed = serde_json::from_str(&files::text(file)?).map_err(|error| {
                let failure = Failure::new(Exit::Usage, format!("{name} is not a proof"));
                failure
                    .because(&error)
                    .hint("make one with `keelblock tune trim-test DISK … -o FILE`")
            })?;
            proofs.push(parsed);
        }
        Ok(Self(proofs))
    }

    /// No proof.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// The drives that the proofs may be about. Only if there are proofs, the machine is probed: drives are told
    /// apart by more than sysfs has.
    pub(super) fn drives(&self, root: Option<&Root>) -> Drives {
        let Some(root) = root.filter(|_| !self.0.is_empty()) else {
            return Vec::new();
        };
        let disks = probe::probe(root).disks;
        let drive = |disk: &_| Subject::read(root, disk);
        disks
            .iter()
            .map(|disk| (disk.path.clone(), drive(disk)))
            .collect()
    }

    /// Whether one of them holds for `disk`; else why the nearest one does not.
    pub(super) fn hold_for(&self, disk: &Disk, drives: &Drives) -> Result<(), String> {
        let path = disk.path();
        let mut why = NONE.to_owned();
        let Some((_, drive)) = drives.iter().find(|(known, _)| *known == path) else {
            return Err(why);
        };
        for proof in &self.0 {
            match proof::holds(proof, drive) {
                Ok(()) => return Ok(()),
                // What is said of another disk's proof would only confuse.
                Err(reason) if proof.disk.id == drive.id => {
                    why = format!("the proof for it does not hold: {reason}");
                }
                Err(_) => {}
            }
        }
        Err(why)
    }
}
