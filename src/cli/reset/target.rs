//! The disks that a reset is about, and what has to be read of them.

use std::path::Path;

use crate::cli::args::{Global, TargetArgs};
use crate::cli::error::Failure;
use crate::cli::image::{look_at, stand_in};
use crate::cli::reset::ResetArgs;
use crate::cli::{context, inspect};
use crate::exit::Exit;
use crate::partitioner::reset::Subject;
use crate::partitioner::reset::choose::{self, ChooseError};
use crate::partitioner::reset::held::Facts;
use crate::probe::inventory::{Disk, Inventory};

/// The machine, and which of its disks are meant.
#[derive(Debug)]
pub struct Targets {
    /// The machine; with `--image`, the image is its only disk.
    pub inventory: Inventory,
    chosen: Vec<usize>,
}

impl Targets {
    /// Finds them.
    ///
    /// # Errors
    /// Exit 2 for a recorded machine, 3 if there is nothing of Talos, 4 if it is ambiguous or must not be written.
    pub fn find(global: &Global, args: &ResetArgs) -> Result<Self, Failure> {
        let inventory = inventory(global, args)?;
        let only = match (&args.image, &args.disk) {
            (Some(_), _) => inventory.disks.first(),
            (None, Some(name)) => Some(context::named_disk(&inventory, name)?),
            (None, None) => None,
        };
        let chosen = choose::choose(&inventory, only, &args.volumes)?;
        let place = |disk: &&Disk| inventory.disks.iter().position(|d| d.path == disk.path);
        let chosen = chosen.iter().filter_map(place).collect();
        Ok(Self { inventory, chosen })
    }

    /// The disks, system disk first.
    pub fn disks(&self) -> Vec<&Disk> {
        self.chosen
            .iter()
            .filter_map(|index| self.inventory.disks.get(*index))
            .collect()
    }

    /// The disks with what was read of them.
    ///
    /// # Errors
    /// Exit 4 or 5 if one cannot be opened.
    pub fn subjects(&self, volumes: &[String]) -> Result<Vec<Subject<'_>>, Failure> {
        self.disks()
            .into_iter()
            .map(|disk| {
                let block = u32::try_from(disk.talos.sector_size).ok();
                let block = block.and_then(|block| block.try_into().ok());
                let source = inspect::open(Path::new(&disk.path), block)?;
                let facts = disk.content.layout().map(|layout| {
                    Facts::read(source.as_ref(), layout, |p| choose::goes(p, volumes))
                });
                Ok(Subject {
                    disk,
                    facts: facts.unwrap_or_default(),
                })
            })
            .collect()
    }
}

fn inventory(global: &Global, args: &ResetArgs) -> Result<Inventory, Failure> {
    if global.hardware.is_some() {
        let failure = Failure::new(Exit::Usage, "a recorded machine cannot be reset");
        return Err(failure.hint("leave --hardware out; --image FILE works on an image"));
    }
    let mut inventory = context::live(global);
    let Some(image) = &args.image else {
        return Ok(inventory);
    };
    let geometry = inspect::open(image, args.sector_size)?.geometry();
    let target = TargetArgs {
        image: Some(image.clone()),
        ..TargetArgs::default()
    };
    let seen = look_at(image, &target, geometry.logical, geometry.physical)?;
    let mut disk = context::image_disk();
    stand_in(&mut disk, image, seen);
    inventory.disks = vec![disk];
    Ok(inventory)
}

impl From<ChooseError> for Failure {
    fn from(error: ChooseError) -> Self {
        let exit = match &error {
            ChooseError::Nothing(_) | ChooseError::NoVolume(_) => Exit::NoDisk,
            ChooseError::Ambiguous { .. }
            | ChooseError::NotTalos { .. }
            | ChooseError::Forbidden { .. }
            | ChooseError::Unreadable { .. } => Exit::Refused,
        };
        let hint = match &error {
            ChooseError::Nothing(_) => {
                "`keelblock probe` shows what there is; plug the disk in, or name an image with --image"
            }
            ChooseError::NoVolume(_) => "`keelblock probe` shows the names that there are",
            ChooseError::Ambiguous { .. } => {
                "unplug the one that is not meant, or name the other with --disk"
            }
            ChooseError::NotTalos { .. } => "name the disk with --disk, if it is Talos'",
            ChooseError::Forbidden { .. } => {
                "boot a rescue system, and see that nothing uses the disk: `keelblock probe` shows who does"
            }
            ChooseError::Unreadable { .. } => {
                "run as root, and check cable and port; or name the disk that is meant with --disk"
            }
        };
        let mut failure = Self::new(exit, error.to_string()).hint(hint);
        if let ChooseError::Forbidden { against, .. } = error {
            failure.causes = against;
        }
        failure
    }
}
