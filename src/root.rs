//! The root of the file tree: `/` of the running machine, or a fixture tree that stands in for it.
//!
//! The only way in which sysfs, procfs, `/dev`, `/etc` and `/run` are read or written. Owns: resolving paths so
//! that no link leads out of a fixture tree, bounded reads, and telling "is not there" from "could not be read".
//! Never interprets what it reads.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the module through which all others reach files"
)]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;

mod device;

pub use device::{Device, DiskReader};

/// No file that is read through [`Root::read`] is longer; what is, is cut off there.
pub const READ_LIMIT: u64 = 1 << 20;

/// More names than this in one directory are an error, not a long answer.
const NAMES_LIMIT: usize = 65_536;

/// The kernel's own limit on links in one path.
const LINKS_LIMIT: u32 = 40;

/// Where `/` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// `None`: the machine itself.
    tree: Option<PathBuf>,
}

impl Root {
    /// The machine itself.
    pub const fn live() -> Self {
        Self { tree: None }
    }

    /// The tree below `path` in the place of `/`. Links inside it, absolute ones too, stay inside it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            tree: Some(path.into()),
        }
    }

    /// Whether this is the machine itself rather than a tree.
    pub const fn is_live(&self) -> bool {
        self.tree.is_none()
    }

    /// The bytes of the file `path` (absolute within the root), at most [`READ_LIMIT`] of them.
    ///
    /// `None` if it is not there, or if the kernel says that it has nothing to tell (sysfs attributes of devices
    /// without the feature fail with `ENXIO`, `EINVAL` or `ENODEV`).
    ///
    /// # Errors
    /// Everything else, such as `EACCES` or `EIO`: the file is there and could not be read.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<Vec<u8>>> {
        present(self.read_now(path.as_ref()))
    }

    /// [`Self::read`] as text; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<Option<String>> {
        Ok(self
            .read(path)?
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The names in the directory `path`, sorted; `None` if it is not there.
    ///
    /// # Errors
    /// The directory is there and could not be read, or holds more than 65536 names.
    pub fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<Option<Vec<String>>> {
        present(self.names(path.as_ref()))
    }

    /// The target of the link `path` as it stands there; `None` if it is not there or no link.
    ///
    /// # Errors
    /// It is there and could not be read.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<Option<PathBuf>> {
        present(
            self.resolve(path.as_ref(), false)
                .and_then(|at| fs::read_link(self.outside(&at))),
        )
    }

    /// Whether `path` is there, links followed.
    ///
    /// # Errors
    /// It could not be told.
    pub fn exists(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        let found = self
            .resolve(path.as_ref(), true)
            .and_then(|at| fs::metadata(self.outside(&at)));
        Ok(present(found)?.is_some())
    }

    /// `path` with every link followed, absolute within the root; `None` if it is not there.
    ///
    /// # Errors
    /// It could not be told, or there are too many links.
    pub fn canonical(&self, path: impl AsRef<Path>) -> io::Result<Option<PathBuf>> {
        if self.is_live() {
            return present(fs::canonicalize(path));
        }
        let at = present(self.resolve(path.as_ref(), true))?;
        Ok(match at {
            Some(at) if self.exists(&at)? => Some(at),
            _ => None,
        })
    }

    /// Where the link `path` of sysfs leads, absolute within the root; `None` if it is not there.
    ///
    /// Says the same as [`Self::canonical`] with one question to the kernel instead of one for each directory on the
    /// way: links of sysfs lead to directories that lie behind no other link.
    ///
    /// # Errors
    /// It could not be told.
    pub fn device_dir(&self, path: impl AsRef<Path>) -> io::Result<Option<PathBuf>> {
        let path = path.as_ref();
        let target = match self.is_live() {
            true => self.read_link(path)?,
            false => None,
        };
        let (Some(target), Some(dir)) = (target, path.parent()) else {
            return self.canonical(path);
        };
        Ok(Some(folded(&dir.join(target))))
    }

    /// Opens the device node `path` for reading; in a fixture tree a plain file may stand in for it.
    ///
    /// # Errors
    /// The kernel's, absence included: a caller has to say why it sees no content.
    pub fn open_device(&self, path: impl AsRef<Path>) -> io::Result<Device> {
        Device::open(&self.outside(&self.resolve(path.as_ref(), true)?), false)
    }

    /// As [`Self::open_device`], and claims the device: nobody else can while this is open.
    ///
    /// # Errors
    /// `EBUSY` if somebody does.
    pub fn claim_device(&self, path: impl AsRef<Path>) -> io::Result<Device> {
        Device::open(&self.outside(&self.resolve(path.as_ref(), true)?), true)
    }

    /// Writes `bytes` to the existing file `path` with a single write, as sysfs and procfs want it.
    ///
    /// # Errors
    /// The kernel's; a short write is [`io::ErrorKind::WriteZero`].
    pub fn write(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let at = self.outside(&self.resolve(path.as_ref(), true)?);
        let mut file = OpenOptions::new()
            .write(true)
            // A plain file that stands in for an attribute has no other way to take a shorter value.
            .truncate(!self.is_live())
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(at)?;
        let written = file.write(bytes)?;
        if written == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// Puts `bytes` into the place of the file `path`, in whole or not at all, durable when it returns.
    /// The directory has to be there. The mode of a new file is 0644.
    ///
    /// # Errors
    /// The kernel's; the old file is then still in place.
    pub fn write_atomic(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let at = self.outside(&self.resolve(path.as_ref(), true)?);
        let (Some(dir), Some(name)) = (at.parent(), at.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut temp_name = OsStr::new(".").to_owned();
        temp_name.push(name);
        temp_name.push(format!(".{}.tmp", std::process::id()));
        let temp = dir.join(temp_name);
        let written = write_new(&temp, bytes).and_then(|()| fs::rename(&temp, &at));
        if written.is_err() {
            // The first error is the one to tell; a temporary file that stays behind harms nothing.
            let _ = fs::remove_file(&temp);
        }
        written?;
        File::open(dir)?.sync_all()
    }

    /// Makes the directory `path` and those above it that are missing.
    ///
    /// # Errors
    /// The kernel's.
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::create_dir_all(self.outside(&self.resolve(path.as_ref(), true)?))
    }

    /// Removes the file or link `path`; no error if it is not there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let at = self.outside(&self.resolve(path.as_ref(), false)?);
        match fs::remove_file(at) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn read_now(&self, path: &Path) -> io::Result<Vec<u8>> {
        let at = self.outside(&self.resolve(path, true)?);
        // Without O_NONBLOCK a FIFO in the tree would hang us.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(at)?;
        let mut bytes = Vec::new();
        file.take(READ_LIMIT).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let at = self.outside(&self.resolve(path, true)?);
        let mut names = Vec::new();
        for entry in fs::read_dir(at)? {
            if names.len() == NAMES_LIMIT {
                return Err(io::Error::other("more than 65536 names in one directory"));
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// `path` within the root → path for the kernel.
    fn outside(&self, path: &Path) -> PathBuf {
        match &self.tree {
            None => path.to_owned(),
            Some(tree) => tree.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    /// Follows the links of `path` inside the tree (the last component only if `follow_last`).
    /// On the machine itself the kernel does that.
    fn resolve(&self, path: &Path, follow_last: bool) -> io::Result<PathBuf> {
        if self.is_live() {
            return Ok(path.to_owned());
        }
        let mut links = 0;
        let mut done = PathBuf::from("/");
        let mut rest: Vec<PathBuf> = steps(path);
        while let Some(step) = rest.pop() {
            match step.components().next() {
                Some(Component::ParentDir) => {
                    done.pop();
                    continue;
                }
                Some(Component::Normal(name)) => done.push(name),
                _ => continue,
            }
            if rest.is_empty() && !follow_last {
                break;
            }
            let Ok(target) = fs::read_link(self.outside(&done)) else {
                continue;
            };
            links += 1;
            if links > LINKS_LIMIT {
                return Err(Errno::ELOOP.into());
            }
            done.pop();
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            rest.extend(steps(&target));
        }
        Ok(done)
    }
}

/// The components of `path`, last one first.
fn steps(path: &Path) -> Vec<PathBuf> {
    let mut steps: Vec<PathBuf> = path
        .components()
        .map(|component| PathBuf::from(component.as_os_str()))
        .collect();
    steps.reverse();
    steps
}

/// `path` without `..`, by its text alone.
fn folded(path: &Path) -> PathBuf {
    let mut folded = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                folded.pop();
            }
            component => folded.push(component),
        }
    }
    folded
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Turns the errors that mean "is not there" into `None`.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ENXIO | Errno::EINVAL | Errno::ENODEV) => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;
