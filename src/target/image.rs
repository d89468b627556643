//! An image file as a disk: sparse, locked against a second run, removed again if nothing was written to a new one.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this module owns image files"
)]

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, Flock, FlockArg, PosixFadviseAdvice, fallocate, posix_fadvise};
use nix::unistd::{Whence, lseek};

use super::{BlockSource, BlockTarget};
use crate::units::{BlockSize, Bytes, Extent, Geometry};

mod unmap;

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It could not be opened or made.
    #[error("cannot {verb} {path}")]
    Open {
        /// `open`, `create` or `lock`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another run has it.
    #[error("{0} is locked by another run")]
    Locked(PathBuf),
    /// A device, a directory, a pipe.
    #[error("{path} is {kind}, not an image file")]
    NotAFile {
        /// What was named.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// A file of zero bytes, or one that ends within a block.
    #[error("{path} has {size} bytes: that is no disk of {block}-byte blocks")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The block size that was asked for.
        block: u32,
    },
    /// A new image was asked for where there is a file already.
    #[error("{path} exists already, with {size}")]
    Exists {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: Bytes,
    },
}

/// Reads of at least this many bytes first ask whether there is only a hole: reading gigabytes of one would fill the
/// page cache with zeros.
const WORTH_ASKING: usize = 64 << 10;

/// A pipe without a writer would block the open for ever. Regular files know no such flag.
const NOT_WAITING: i32 = nix::libc::O_NONBLOCK;

fn in_words(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_block_device() {
        "a block device"
    } else if kind.is_char_device() {
        "a character device"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "something else"
    }
}

/// An image file, open and locked.
#[derive(Debug)]
pub struct ImageFile {
    path: PathBuf,
    file: Flock<File>,
    geometry: Geometry,
    /// Whether the file was made by us and nothing was written to it yet.
    untouched_new: bool,
}

impl ImageFile {
    /// Opens an existing image for reading and writing, with an exclusive lock.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn open(path: &Path, logical: BlockSize, physical: u32) -> Result<Self, ImageError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(NOT_WAITING)
            .open(path);
        let file = file.map_err(|source| ImageError::Open {
            verb: "open",
            path: path.to_owned(),
            source,
        })?;
        Self::locked(
            path,
            file,
            FlockArg::LockExclusiveNonblock,
            logical,
            physical,
        )
    }

    /// Opens an existing image for reading only, with a shared lock.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn open_read_only(
        path: &Path,
        logical: BlockSize,
        physical: u32,
    ) -> Result<Self, ImageError> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(NOT_WAITING)
            .open(path);
        let file = file.map_err(|source| ImageError::Open {
            verb: "open",
            path: path.to_owned(),
            source,
        })?;
        Self::locked(path, file, FlockArg::LockSharedNonblock, logical, physical)
    }

    /// Makes a new, sparse image of `size` bytes. It is removed again when dropped without having been written to.
    /// Only its owner may read it: META can hold STATE's passphrase as Talos keeps it, in the clear.
    ///
    /// # Errors
    /// [`ImageError`]; no file is left behind.
    pub fn create(
        path: &Path,
        size: Bytes,
        logical: BlockSize,
        physical: u32,
    ) -> Result<Self, ImageError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ImageError::Exists {
                path: path.to_owned(),
                size: Bytes::new(std::fs::metadata(path).map_or(0, |found| found.len())),
            },
            _ => ImageError::Open {
                verb: "create",
                path: path.to_owned(),
                source,
            },
        })?;
        if let Err(source) = file.set_len(size.get()) {
            drop(std::fs::remove_file(path));
            return Err(ImageError::Open {
                verb: "create",
                path: path.to_owned(),
                source,
            });
        }
        let image = Self::locked(
            path,
            file,
            FlockArg::LockExclusiveNonblock,
            logical,
            physical,
        );
        if image.is_err() {
            drop(std::fs::remove_file(path));
        }
        image.map(|mut image| {
            image.untouched_new = true;
            image
        })
    }

    /// Locks the file and reads its size.
    fn locked(
        path: &Path,
        file: File,
        lock: FlockArg,
        logical: BlockSize,
        physical: u32,
    ) -> Result<Self, ImageError> {
        let kind = file.metadata().map_err(|source| ImageError::Open {
            verb: "open",
            path: path.to_owned(),
            source,
        })?;
        if !kind.is_file() {
            return Err(ImageError::NotAFile {
                path: path.to_owned(),
                kind: in_words(kind.file_type()),
            });
        }
        let size = kind.len();
        if size == 0 || !size.is_multiple_of(u64::from(logical.get())) {
            return Err(ImageError::Size {
                path: path.to_owned(),
                size,
                block: logical.get(),
            });
        }
        let file = Flock::lock(file, lock).map_err(|(_, error)| match error {
            nix::Error::EWOULDBLOCK => ImageError::Locked(path.to_owned()),
            error => ImageError::Open {
                verb: "lock",
                path: path.to_owned(),
                source: error.into(),
            },
        })?;
        let geometry = Geometry {
            size: Bytes::new(size),
            logical,
            physical: physical.max(logical.get()),
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            geometry,
            untouched_new: false,
        })
    }

    /// Where the image lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that the filesystem below can still take.
    ///
    /// # Errors
    /// The system's.
    pub fn free_space(&self) -> io::Result<Bytes> {
        free_space(&self.file)
    }

    /// Keeps a new image even if nothing gets written to it.
    pub fn keep(&mut self) {
        self.untouched_new = false;
    }
}

/// How much room the filesystem that `file` is on has left for this user.
///
/// # Errors
/// The system's.
pub fn free_space(file: &File) -> io::Result<Bytes> {
    let stat = nix::sys::statvfs::fstatvfs(file)?;
    Ok(Bytes::new(
        stat.blocks_available().saturating_mul(stat.fragment_size()),
    ))
}

impl Drop for ImageFile {
    fn drop(&mut self) {
        if self.untouched_new {
            // Nothing was written: leave no trace. If it cannot be removed, an empty sparse file stays.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

impl BlockSource for ImageFile {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let whole = Extent::new(at, Bytes::from(buf.len()));
        if buf.len() >= WORTH_ASKING && self.geometry.whole().contains(whole) && self.is_hole(whole)
        {
            buf.fill(0);
            return Ok(());
        }
        self.file.read_exact_at(buf, at.get())
    }
}

impl ImageFile {
    /// Whether the filesystem says that nothing was ever written here. One that cannot tell calls everything data.
    fn is_hole(&self, extent: Extent) -> bool {
        let Ok(from) = i64::try_from(extent.start.get()) else {
            return false;
        };
        match lseek(&*self.file, from, Whence::SeekData) {
            Ok(data) => u64::try_from(data).is_ok_and(|data| data >= extent.end().get()),
            // No data up to the end of the file, which somebody may have cut off since.
            Err(nix::Error::ENXIO) => {
                let len = self.file.metadata().map(|about| about.len());
                len.is_ok_and(|len| len >= extent.end().get())
            }
            Err(_) => false,
        }
    }
}

impl BlockTarget for ImageFile {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        super::inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.untouched_new = false;
        self.file.write_all_at(buf, at.get())
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        super::inside(self.geometry, extent)?;
        if extent.is_empty() {
            return Ok(());
        }
        self.untouched_new = false;
        let offset = i64::try_from(extent.start.get()).map_err(io::Error::other)?;
        let len = i64::try_from(extent.len.get()).map_err(io::Error::other)?;
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(self.file.as_fd(), hole, offset, len) {
            Ok(()) => Ok(()),
            Err(nix::Error::EOPNOTSUPP | nix::Error::ENOSYS) => super::write_zeros(self, extent),
            Err(error) => Err(error.into()),
        }
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.zero(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn publish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        posix_fadvise(
            self.file.as_fd(),
            0,
            0,
            PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_data_read_as_they_are_and_what_was_cut_off_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let mut image = ImageFile::create(&path, Bytes::mib(8), BlockSize::B512, 512).unwrap();
        let places = [Bytes::mib(1), Bytes::mib(3), Bytes::mib(5)];
        for at in places {
            image.write_all_at(at, b"data").unwrap();
        }
        for len in [512, WORTH_ASKING, 2 * WORTH_ASKING + 512, 1 << 20] {
            let step = Bytes::from(len);
            let mut at = Bytes::ZERO;
            while at.get() + step.get() <= Bytes::mib(8).get() {
                let mut asked = vec![0xff; len];
                image.read_exact_at(at, &mut asked).unwrap();
                let mut plain = vec![0xee; len];
                image.file.read_exact_at(&mut plain, at.get()).unwrap();
                assert!(asked == plain, "{len} bytes at {at:?}");
                at = Bytes::new(at.get() + step.get());
            }
        }
        image.file.set_len(Bytes::mib(4).get()).unwrap();
        let mut buf = vec![0; WORTH_ASKING];
        let error = image.read_exact_at(Bytes::mib(4), &mut buf).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
