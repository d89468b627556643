//! The kernel's side: whether it passes an unmap on at all, and a mode that is set for the time of a test.
//!
//! `scsi_disk/*/provisioning_mode` of `Documentation/ABI/testing/sysfs-class-scsi_disk`. The kernel stores any mode, whether
//! the drive can do it or not, and every write raises `queue/read_ahead_kb` again; so that is put back last.

use std::io;

use super::subject::{sysfs, text};
use crate::probe::inventory::Disk;
use crate::root::Root;

/// What the kernel says about unmapping on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioning {
    /// Where `provisioning_mode` is; only SCSI disks have one.
    path: Option<String>,
    /// The folder of the disk.
    dir: String,
    /// `provisioning_mode`, such as `full`; empty without one.
    pub mode: String,
    /// `queue/discard_max_bytes`; 0 means that the kernel refuses to discard, `None` that there is none.
    pub max_bytes: Option<u64>,
    /// `queue/discard_granularity` in bytes; 0 if it does not say.
    pub granularity: u64,
    /// `queue/read_ahead_kb` as it stands there.
    pub read_ahead: String,
}

/// Why a mode could not be set or put back.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// The disk has no such attribute.
    #[error("the disk has no provisioning_mode: only SCSI disks have one")]
    None,
    /// A file could not be written.
    #[error("cannot write {value:?} to {path}")]
    Write {
        /// Which.
        path: String,
        /// What.
        value: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was written, and reads as something else.
    #[error("{path} is {found:?} after {wanted:?} was written to it")]
    Other {
        /// Which.
        path: String,
        /// What was written.
        wanted: String,
        /// What is there.
        found: String,
    },
}

impl Provisioning {
    /// What holds now.
    pub fn read(root: &Root, disk: &Disk) -> Self {
        Self::of(root, sysfs(disk))
    }

    fn of(root: &Root, dir: String) -> Self {
        let folder = format!("{dir}/device/scsi_disk");
        let names = root.read_dir(&folder).ok().flatten().unwrap_or_default();
        let path = names
            .first()
            .map(|name| format!("{folder}/{name}/provisioning_mode"));
        let queue = |name: &str| text(root, &format!("{dir}/queue/{name}"));
        Self {
            mode: path
                .as_deref()
                .map(|path| text(root, path))
                .unwrap_or_default(),
            max_bytes: queue("discard_max_bytes").parse().ok(),
            granularity: queue("discard_granularity").parse().unwrap_or(0),
            read_ahead: queue("read_ahead_kb"),
            path,
            dir,
        }
    }

    /// The same, as it is by now.
    pub fn again(&self, root: &Root) -> Self {
        Self::of(root, self.dir.clone())
    }
}

/// A mode that was set, and goes back to what it was at the latest when this goes.
#[derive(Debug)]
pub struct Switched<'a> {
    root: &'a Root,
    before: Provisioning,
    done: bool,
}

impl<'a> Switched<'a> {
    /// Sets `mode`. Nothing is written if it is set already.
    ///
    /// # Errors
    /// [`ModeError`]; everything is as it was then, as far as that could be done.
    pub fn to(root: &'a Root, before: Provisioning, mode: &str) -> Result<Self, ModeError> {
        let path = before.path.clone().ok_or(ModeError::None)?;
        let same = before.mode == mode;
        // From here on it puts everything back, whatever fails.
        let switched = Self {
            root,
            before,
            done: same,
        };
        if !same {
            write(root, &path, mode)?;
        }
        Ok(switched)
    }

    /// What holds while it is set.
    pub fn now(&self) -> Provisioning {
        self.before.again(self.root)
    }

    /// Puts the old mode back, and read-ahead last.
    ///
    /// # Errors
    /// [`ModeError`]; what could be put back was.
    pub fn back(mut self) -> Result<(), ModeError> {
        self.restore()
    }

    fn restore(&mut self) -> Result<(), ModeError> {
        if self.done {
            return Ok(());
        }
        self.done = true;
        let before = &self.before;
        let path = before.path.as_deref().unwrap_or_default();
        let mode = write(self.root, path, &before.mode);
        let max_path = format!("{}/queue/discard_max_bytes", before.dir);
        let limit = before.max_bytes.unwrap_or(0);
        // The mode brings its own limit along; a smaller one that somebody had set has to be set again.
        let differs = self.now().max_bytes != before.max_bytes;
        let limit = match mode.is_ok() && limit > 0 && differs {
            true => write(self.root, &max_path, &limit.to_string()),
            false => Ok(()),
        };
        let ahead = format!("{}/queue/read_ahead_kb", before.dir);
        let ahead = match before.read_ahead.is_empty() {
            true => Ok(()),
            false => write(self.root, &ahead, &before.read_ahead),
        };
        mode.and(limit).and(ahead)
    }
}

impl Drop for Switched<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.restore() {
            tracing::error!(%error, was = self.before.mode, "provisioning_mode is not what it was");
        }
    }
}

/// Writes, and reads back: the kernel accepts values that it then changes.
fn write(root: &Root, path: &str, value: &str) -> Result<(), ModeError> {
    let written = root.write(path, value.as_bytes());
    written.map_err(|source| ModeError::Write {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })?;
    let found = text(root, path);
    match found == value {
        true => Ok(()),
        false => Err(ModeError::Other {
            path: path.to_owned(),
            wanted: value.to_owned(),
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test makes a tree")]
    use super::*;
    use std::fs;
    use std::path::Path;

    const DIR: &str = "/sys/class/block/sda";
    const MODE: &str = "sys/class/block/sda/device/scsi_disk/0:0:0:0/provisioning_mode";
    const AHEAD: &str = "sys/class/block/sda/queue/read_ahead_kb";
    const MAX: &str = "sys/class/block/sda/queue/discard_max_bytes";

    fn tree(mode: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            (MODE, mode),
            (AHEAD, "128\n"),
            (MAX, "4294966784\n"),
            ("sys/class/block/sda/queue/discard_granularity", "512\n"),
        ];
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn text_of(tree: &Path, path: &str) -> String {
        fs::read_to_string(tree.join(path))
            .unwrap()
            .trim()
            .to_owned()
    }

    /// A plain file keeps what was longer, unlike an attribute: the shorter value is written over it.
    fn set(tree: &Path, path: &str, value: &str) {
        fs::write(tree.join(path), value).unwrap();
    }

    #[test]
    fn a_mode_is_set_and_goes_back_with_read_ahead_after_it() {
        for dropped in [false, true] {
            let tree = tree("full");
            let root = Root::at(tree.path());
            let before = Provisioning::of(&root, DIR.to_owned());
            assert_eq!((before.mode.as_str(), before.granularity), ("full", 512));
            set(tree.path(), MODE, "");
            let switched = Switched::to(&root, before, "unmap").unwrap();
            assert_eq!(switched.now().mode, "unmap");
            // As the kernel does.
            set(tree.path(), AHEAD, "655");
            set(tree.path(), MODE, "");
            if dropped {
                drop(switched);
            } else {
                switched.back().unwrap();
            }
            assert_eq!(text_of(tree.path(), MODE), "full");
            assert_eq!(text_of(tree.path(), AHEAD), "128");
        }
    }

    #[test]
    fn a_limit_that_somebody_had_set_is_set_again() {
        let tree = tree("writesame_16");
        let root = Root::at(tree.path());
        let before = Provisioning::of(&root, DIR.to_owned());
        set(tree.path(), MODE, "");
        let switched = Switched::to(&root, before, "unmap").unwrap();
        set(tree.path(), MODE, "");
        set(tree.path(), MAX, "0");
        switched.back().unwrap();
        assert_eq!(text_of(tree.path(), MAX), "4294966784");
    }

    #[test]
    fn a_mode_that_is_set_already_is_not_written() {
        let tree = tree("unmap");
        let root = Root::at(tree.path());
        let before = Provisioning::of(&root, DIR.to_owned());
        let switched = Switched::to(&root, before, "unmap").unwrap();
        set(tree.path(), AHEAD, "999");
        switched.back().unwrap();
        assert_eq!(
            text_of(tree.path(), AHEAD),
            "999",
            "nothing was written, so nothing goes back"
        );
    }

    #[test]
    fn a_mode_that_does_not_stay_is_an_error_and_a_disk_without_one_too() {
        let tree = tree("disabled");
        let root = Root::at(tree.path());
        let before = Provisioning::of(&root, DIR.to_owned());
        // The blank is not read back.
        let error = Switched::to(&root, before, "unmap ").unwrap_err();
        assert!(matches!(error, ModeError::Other { .. }), "{error}");
        let none = Provisioning::of(&root, String::from("/sys/class/block/nvme0n1"));
        let error = Switched::to(&root, none, "unmap").unwrap_err();
        assert!(matches!(error, ModeError::None), "{error}");
    }
}
