//! Which device a volume is reached by: its partition, or a loop device on its image.

use crate::cli::error::Failure;
use crate::cli::unlock::media::Candidate;
use crate::cli::unlock::opener::Opener;
use crate::exit::Exit;
use crate::mapper::image;
use crate::mapper::kernel::{self, Place};
use crate::root::Root;
use crate::units::Bytes;

impl Opener<'_> {
    /// Number and path of the disk, if it is one.
    pub(super) fn disk(
        &self,
        candidate: &Candidate,
    ) -> Result<Option<(String, kernel::Number)>, Failure> {
        let medium = &self.disks[candidate.medium];
        if medium.is_image {
            return Ok(None);
        }
        let path = medium.path.display().to_string();
        let device = Root::live().open_device(&medium.path).map_err(|error| {
            Failure::new(Exit::Io, format!("cannot open {path}"))
                .because(&error)
                .hint("run as root, and check that the disk is still plugged in")
        })?;
        Ok(device.number().map(|number| (path, number)))
    }

    /// Every device on which the volume can be reached already.
    pub(super) fn places(&self, candidate: &Candidate) -> Result<Vec<Place>, Failure> {
        let root = Root::live();
        let medium = &self.disks[candidate.medium];
        let Some((path, number)) = self.disk(candidate)? else {
            let loops = kernel::loops_on(&root, &medium.path)?;
            let place = |device: kernel::LoopDevice| Place {
                number: device.number,
                path: device.path,
                start: candidate.extent.start,
                shared: true,
            };
            return Ok(loops.into_iter().map(place).collect());
        };
        let place = match candidate.number {
            Some(partition) => {
                kernel::partition(&root, &path, number, partition, candidate.extent)?
            }
            None => Place {
                number,
                path,
                start: Bytes::ZERO,
                shared: false,
            },
        };
        Ok(vec![place])
    }

    /// The device to map: the partition, or a loop device for an image.
    pub(super) fn place(&mut self, candidate: &Candidate) -> Result<Place, Failure> {
        let medium = &self.disks[candidate.medium];
        if !medium.is_image {
            let mut places = self.places(candidate)?;
            return places.pop().ok_or_else(|| {
                Failure::new(Exit::Internal, "there is no device")
                    .hint("this is a bug in keelblock")
            });
        }
        let known = self.loops.iter().any(|(image, _)| *image == medium.path);
        if !known {
            let block = medium.source.geometry().logical;
            let device = image::attach(&medium.path, block, !self.args.write)?;
            self.loops.push((medium.path.clone(), device));
        }
        let device = self.loops.iter().find(|(image, _)| *image == medium.path);
        let path = device
            .map(|(_, device)| device.path.clone())
            .unwrap_or_default();
        let opened = Root::live().open_device(&path).ok();
        let number = opened.and_then(|device| device.number());
        let number = number.ok_or_else(|| {
            Failure::new(Exit::Io, format!("cannot open {}", path.display())).hint("run as root")
        })?;
        Ok(Place {
            number,
            path: path.display().to_string(),
            start: candidate.extent.start,
            shared: true,
        })
    }
}
