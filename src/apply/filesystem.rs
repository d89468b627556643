//! Filesystems, made by the distribution's own mkfs on a sparse file; only what mkfs wrote is copied into place.
//!
//! The file has no name once it is open, so nothing is left behind. XFS needs care: mkfs zeroes the journal
//! with a call that leaves unwritten extents, which look like holes, but the journal must read as zeros in
//! place; so it is always copied. Where it lies stands in the superblock (xfs disk structure, `xfs_dsb`).
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this module owns scratch files"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Whence, lseek};

use crate::exec::{self, ExecError};
use crate::partitioner::content::MkfsFacts;
use crate::partitioner::layout::TalosVersion;
use crate::plan::FilesystemPlan;
use crate::target::image::free_space;
use crate::units::{Bytes, Extent};

/// Why a filesystem could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FilesystemError {
    /// No room or no right to make the scratch file.
    #[error("cannot make a scratch file of {size} in {dir}")]
    Scratch {
        /// Where.
        dir: PathBuf,
        /// How big (sparse).
        size: Bytes,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// mkfs did not do it, and its folder is full.
    #[error("there is no room for {kind} in {dir}: {free} left")]
    NoRoom {
        /// Which filesystem.
        kind: String,
        /// Where the scratch file is.
        dir: PathBuf,
        /// What is left there.
        free: Bytes,
        /// What mkfs said.
        #[source]
        source: Box<ExecError>,
    },
    /// mkfs did not do it.
    #[error("cannot make {kind}")]
    Mkfs {
        /// Which filesystem.
        kind: String,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// What mkfs made cannot be read back.
    #[error("cannot read what mkfs made")]
    Read(#[source] io::Error),
    /// What mkfs made does not look like the filesystem.
    #[error("mkfs made no {0}")]
    NotMade(String),
}

/// A filesystem that was made and waits to be copied; another thread may do that.
pub trait Filesystem: std::fmt::Debug + Sync {
    /// The ranges that have to be copied, in order, from the start of the filesystem.
    fn extents(&self) -> &[Extent];

    /// Fills `buf` from byte `at` of the filesystem.
    ///
    /// # Errors
    /// The scratch file's.
    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()>;
}

/// Makes filesystems.
pub trait Mkfs {
    /// Makes one as planned.
    ///
    /// # Errors
    /// [`FilesystemError`]; no disk was touched.
    fn make(&self, plan: &FilesystemPlan) -> Result<Box<dyn Filesystem>, FilesystemError>;
}

/// The distribution's mkfs on a sparse file in this directory.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Where scratch files go; they take as much room as mkfs writes.
    pub scratch: PathBuf,
}

impl Mkfs for Distribution {
    fn make(&self, plan: &FilesystemPlan) -> Result<Box<dyn Filesystem>, FilesystemError> {
        let file =
            scratch_file(&self.scratch, plan.size).map_err(|source| FilesystemError::Scratch {
                dir: self.scratch.clone(),
                size: plan.size,
                source,
            })?;
        let handle = file.try_clone().map_err(FilesystemError::Read)?;
        exec::run(&plan.mkfs, handle.into()).map_err(|source| {
            let (kind, dir) = (plan.kind.clone(), self.scratch.clone());
            match free_space(&file) {
                // The scratch file is still there, with everything that had room.
                Ok(free) if free < Bytes::mib(4) => FilesystemError::NoRoom {
                    kind,
                    dir,
                    free,
                    source: Box::new(source),
                },
                _ => FilesystemError::Mkfs { kind, source },
            }
        })?;
        let mut extents = written(&file, plan.size).map_err(FilesystemError::Read)?;
        if plan.kind == "xfs" {
            let mut superblock = [0; 512];
            file.read_exact_at(&mut superblock, 0)
                .map_err(FilesystemError::Read)?;
            let journal = xfs_journal(&superblock, plan.size);
            extents.push(journal.ok_or_else(|| FilesystemError::NotMade(plan.kind.clone()))?);
        }
        Ok(Box::new(Scratch {
            file,
            extents: Extent::merged(extents),
        }))
    }
}

/// What the distribution's mkfs can do for this Talos version.
///
/// Talos passes the feature file of a long-term kernel. The newest installed file that is not newer than that one is
/// taken, because an older kernel's features are a subset; and only if mkfs accepts it, for some distributions
/// ship files that their own mkfs refuses.
pub fn mkfs_facts(talos: TalosVersion) -> MkfsFacts {
    const DIR: &str = "/usr/share/xfsprogs/mkfs";
    const KNOWN: [(u32, u32); 7] = [(6, 18), (6, 12), (6, 6), (6, 1), (5, 15), (5, 10), (5, 4)];
    let wanted = if talos
        >= (TalosVersion {
            major: 1,
            minor: 13,
        }) {
        (6, 18)
    } else if talos >= TalosVersion::UKI_ON_UEFI {
        (6, 12)
    } else {
        (6, 6)
    };
    let file = |(major, minor): &(u32, u32)| format!("{DIR}/lts_{major}.{minor}.conf");
    let found = KNOWN.iter().filter(|known| **known <= wanted).map(file);
    MkfsFacts {
        xfs_config: found
            .filter(|path| Path::new(path).exists())
            .find(|path| accepts(path)),
    }
}

/// Whether mkfs.xfs would go by this file; nothing is written.
fn accepts(config: &str) -> bool {
    let Ok(file) = scratch_file(&std::env::temp_dir(), Bytes::GIB) else {
        return false;
    };
    let argv = ["mkfs.xfs", "-N", "-q", "-c", &format!("options={config}")].map(String::from);
    exec::run(&argv, file.into()).is_ok()
}

#[derive(Debug)]
struct Scratch {
    file: File,
    extents: Vec<Extent>,
}

impl Filesystem for Scratch {
    fn extents(&self) -> &[Extent] {
        &self.extents
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, at.get())
    }
}

/// A sparse file of `size` without a name, readable by us alone.
fn scratch_file(dir: &Path, size: Bytes) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let mut unnamed = options.clone();
    let file = match unnamed.custom_flags(nix::libc::O_TMPFILE).open(dir) {
        Ok(file) => file,
        // Some filesystems have no unnamed files: make one and take its name away.
        Err(_) => {
            let path = dir.join(format!(
                ".keelblock-{}-{:x}",
                std::process::id(),
                size.get()
            ));
            let file = options.create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            file
        }
    };
    file.set_len(size.get())?;
    Ok(file)
}

/// The ranges of `file` that hold data.
fn written(file: &File, size: Bytes) -> io::Result<Vec<Extent>> {
    let end = i64::try_from(size.get()).map_err(io::Error::other)?;
    let mut extents = Vec::new();
    let mut at = 0;
    while at < end {
        let data = match lseek(file, at, Whence::SeekData) {
            Ok(data) => data,
            Err(nix::Error::ENXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let hole = lseek(file, data, Whence::SeekHole)?.min(end);
        let offset = |at: i64| u64::try_from(at).map(Bytes::new).map_err(io::Error::other);
        extents.push(Extent::between(offset(data)?, offset(hole)?));
        at = hole;
    }
    Ok(extents)
}

/// Where an XFS journal lies, from its superblock; `None` if that is none or the journal is not inside.
fn xfs_journal(superblock: &[u8; 512], size: Bytes) -> Option<Extent> {
    let u32_at = |at: usize| {
        Some(u32::from_be_bytes(
            superblock.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    let u64_at = |at: usize| {
        Some(u64::from_be_bytes(
            superblock.get(at..at + 8)?.try_into().ok()?,
        ))
    };
    if &superblock[..4] != b"XFSB" {
        return None;
    }
    let block = u64::from(u32_at(4)?);
    let (start, blocks) = (u64_at(48)?, u64::from(u32_at(96)?));
    let (group_blocks, group_bits) = (u64::from(u32_at(84)?), u32::from(superblock[124]));
    // A filesystem block number is allocation group and block within it, side by side.
    let group = start.checked_shr(group_bits)?;
    let within = start.checked_sub(group.checked_shl(group_bits)?)?;
    let first = group.checked_mul(group_blocks)?.checked_add(within)?;
    let journal = Extent::new(
        Bytes::new(first.checked_mul(block)?),
        Bytes::new(blocks.checked_mul(block)?),
    );
    let inside = Extent::new(Bytes::ZERO, size).contains(journal);
    (inside && start != 0 && !journal.is_empty()).then_some(journal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xfs(size: Bytes) -> FilesystemPlan {
        let mkfs = ["mkfs.xfs", "-q", "-n", "ftype=1", "-s", "size=4096"]
            .map(String::from)
            .to_vec();
        FilesystemPlan {
            kind: "xfs".into(),
            label: String::new(),
            mkfs,
            size,
        }
    }

    #[test]
    fn the_journal_is_copied_although_mkfs_leaves_it_unwritten() {
        let made = Distribution {
            scratch: std::env::temp_dir(),
        }
        .make(&xfs(Bytes::GIB))
        .unwrap();
        let copied: u64 = made.extents().iter().map(|e| e.len.get()).sum();
        assert!(
            copied >= 64 << 20,
            "a journal of 64 MiB is part of the {copied} bytes"
        );
        assert!(copied < 80 << 20, "and not much more is");
    }

    #[test]
    fn a_failing_mkfs_is_an_error_with_its_own_words() {
        let mut plan = xfs(Bytes::mib(1));
        plan.mkfs.push(String::from("--nosuch"));
        let error = Distribution {
            scratch: std::env::temp_dir(),
        }
        .make(&plan)
        .unwrap_err();
        assert!(matches!(
            error,
            FilesystemError::Mkfs {
                source: ExecError::Failed { .. },
                ..
            }
        ));
    }

    #[test]
    fn a_superblock_with_wild_numbers_has_no_journal() {
        let mut wild = [0xff; 512];
        wild[..4].copy_from_slice(b"XFSB");
        assert_eq!(xfs_journal(&wild, Bytes::GIB), None);
        assert_eq!(xfs_journal(&[0; 512], Bytes::GIB), None);
    }
}
