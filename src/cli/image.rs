//! The image that stands for a disk, and what is in it.

use std::path::Path;

use crate::cli::args::TargetArgs;
use crate::cli::error::Failure;
use crate::cli::files;
use crate::exit::Exit;
use crate::probe;
use crate::probe::inventory::{Content, Disk};
use crate::target::BlockSource;
use crate::target::blank::Blank;
use crate::target::image::{ImageError, ImageFile};
use crate::units::{BlockSize, Bytes, Geometry};

/// What an image is, or will be.
#[derive(Debug)]
pub struct Seen {
    /// Size and block sizes.
    pub geometry: Geometry,
    /// What is on it.
    pub content: Content,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// Looks at the image, or at what it will be before anything is written to it.
///
/// # Errors
/// Exit 2 for a size or a file that is no disk, 4 for a file that is there with another size, 5 if it does not open.
pub fn look_at(
    image: &Path,
    target: &TargetArgs,
    logical: BlockSize,
    physical: u32,
) -> Result<Seen, Failure> {
    let see = |source: &dyn BlockSource| {
        let (content, fingerprint) = probe::inspect_source(source);
        Seen {
            geometry: source.geometry(),
            content,
            fingerprint,
        }
    };
    let Some(size) = target.size else {
        return Ok(see(&ImageFile::open_read_only(image, logical, physical)?));
    };
    let geometry = new_geometry(size, logical, physical)?;
    if !files::exists(image) {
        return Ok(see(&Blank(geometry)));
    }
    // An interrupted run left the image behind: the same command again must find it, not refuse its own work.
    let (path, there) = (
        image.to_owned(),
        ImageFile::open_read_only(image, logical, physical),
    );
    match there {
        Ok(there) if there.geometry().size == size => Ok(see(&there)),
        Ok(there) => {
            let size = there.geometry().size;
            Err(ImageError::Exists { path, size }.into())
        }
        Err(ImageError::Size { size, .. }) => {
            let size = Bytes::new(size);
            Err(ImageError::Exists { path, size }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts the image into the place of `disk`, which keeps its identity.
pub fn stand_in(disk: &mut Disk, image: &Path, seen: Seen) {
    disk.path = image.display().to_string();
    disk.talos.size = seen.geometry.size.get();
    disk.talos.sector_size = u64::from(seen.geometry.logical.get());
    disk.talos.dev_path = disk.path.clone();
    disk.physical_sector_size = seen.geometry.physical;
    (disk.content, disk.fingerprint) = (seen.content, seen.fingerprint);
    disk.diskseq = None;
    disk.boot_medium.clear();
    disk.boot_evidence.clear();
}

fn new_geometry(size: Bytes, logical: BlockSize, physical: u32) -> Result<Geometry, Failure> {
    if size == Bytes::ZERO || !size.is_multiple_of(logical.bytes()) {
        let message = format!(
            "--size {} is no disk of {}-byte blocks",
            size.get(),
            logical.get()
        );
        return Err(Failure::new(Exit::Usage, message).hint("give whole gibibytes, such as 32G"));
    }
    Ok(Geometry {
        size,
        logical,
        physical: physical.max(logical.get()),
    })
}
