//! Opens the disks of a plan for writing, exclusively, before anything else is done.

use std::path::{Path, PathBuf};

use crate::apply::binding::{self, Mismatch};
use crate::apply::journal::{Journal, Lines, NoJournal};
use crate::cli::error::Failure;
use crate::cli::files;
use crate::exit::Exit;
use crate::partitioner::gpt;
use crate::plan::{DiskPlan, Plan};
use crate::probe::inventory::Inventory;
use crate::target::device::BlockDevice;
use crate::target::image::ImageFile;
use crate::target::{BlockSource, BlockTarget};
use crate::units::Bytes;

/// Opens every disk of `plan`.
///
/// # Errors
/// Exit 4 if another run has a disk, 5 if one cannot be opened or has no room.
pub fn open(plan: &Plan) -> Result<Vec<Box<dyn BlockTarget>>, Failure> {
    plan.disks.iter().map(|disk| open_one(plan, disk)).collect()
}

fn open_one(plan: &Plan, disk: &DiskPlan) -> Result<Box<dyn BlockTarget>, Failure> {
    let path = Path::new(&disk.path);
    let (logical, physical) = (disk.geometry.logical, disk.geometry.physical);
    let is_new = disk.fresh
        && disk.before.content == "blank"
        && !path.starts_with("/dev")
        && !files::exists(path);
    if is_new {
        let image = ImageFile::create(path, disk.geometry.size, logical, physical)?;
        enough_room(plan, disk, &image)?;
        return Ok(Box::new(image));
    }
    if files::is_block_device(path)? {
        let device = BlockDevice::open(path, disk.before.diskseq)?;
        if disk.fresh && !has_planned_table(disk, &device) {
            device.check_partitions_free(path)?;
        }
        return Ok(Box::new(device));
    }
    let image = ImageFile::open(path, logical, physical)?;
    enough_room(plan, disk, &image)?;
    Ok(Box::new(image))
}

/// Whether the table of the plan is there already: its partitions may well be open.
fn has_planned_table(disk: &DiskPlan, source: &dyn BlockSource) -> bool {
    let found = gpt::read(source).ok();
    let guid = found.and_then(|found| Some(found.table()?.disk_guid()));
    guid == Some(disk.table)
}

/// Checks that every device of a plan from elsewhere is the disk that was planned, in the machine that was planned:
/// after a reboot another disk may have its name, and a blank one of the same size would look the same.
///
/// # Errors
/// Exit 3 if the machine does not have it, 4 with every fact that differs.
pub fn same_disks(plan: &Plan, machine: impl FnOnce() -> Inventory) -> Result<(), Failure> {
    let is_device = |disk: &&DiskPlan| {
        let path = Path::new(&disk.path);
        path.starts_with("/dev") || files::is_block_device(path).unwrap_or(false)
    };
    let devices: Vec<&DiskPlan> = plan.disks.iter().filter(is_device).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let machine = machine();
    let elsewhere = binding::machine(plan, &machine.machine);
    for planned in devices {
        let found = machine.disks.iter().find(|disk| disk.path == planned.path);
        let differences = match found {
            Some(disk) => binding::disk(planned, disk),
            None if !elsewhere.is_empty() => Vec::new(),
            None if is_nowhere(planned, &machine) => return Err(no_disk(planned)),
            None => vec![Mismatch {
                field: "disk id",
                planned: planned.id.clone(),
                found: String::from("unknown"),
            }],
        };
        if !differences.is_empty() {
            let all = [differences, elsewhere].concat();
            return Err(another_disk(planned, &all, &machine));
        }
    }
    match elsewhere.is_empty() {
        true => Ok(()),
        false => Err(another_machine(&elsewhere)),
    }
}

/// Whether neither the planned disk nor any other of its name is there.
fn is_nowhere(planned: &DiskPlan, machine: &Inventory) -> bool {
    !machine.disks.iter().any(|disk| disk.id == planned.id)
        && !files::exists(Path::new(&planned.path))
}

fn no_disk(planned: &DiskPlan) -> Failure {
    let message = format!("there is no disk {} ({})", planned.id, planned.title);
    Failure::new(Exit::NoDisk, message)
        .hint("plug the planned disk in; `keelblock probe` lists those that are there")
}

fn another_machine(differences: &[Mismatch]) -> Failure {
    let message = "refusing to write: it is another machine than the planned one";
    let mut failure = Failure::new(Exit::Refused, message);
    failure.causes = differences.iter().map(ToString::to_string).collect();
    failure.hint("apply it on the planned machine, or run `keelblock plan` again on this one")
}

fn another_disk(planned: &DiskPlan, differences: &[Mismatch], machine: &Inventory) -> Failure {
    let message = format!(
        "refusing to write {}: it is another disk than the planned one",
        planned.path
    );
    let mut failure = Failure::new(Exit::Refused, message);
    failure.causes = differences.iter().map(ToString::to_string).collect();
    let now = machine.disks.iter().find(|disk| disk.id == planned.id);
    failure.hint(match now {
        Some(disk) if disk.path != planned.path => format!(
            "the planned disk is {} now: run `keelblock plan` again",
            disk.path
        ),
        Some(_) => String::from(
            "if nothing but the port changed, put it back; otherwise run `keelblock plan` again",
        ),
        None => String::from("plug the planned disk in, or run `keelblock plan` again"),
    })
}

/// A sparse image grows while it is written: its filesystem must have room for all of it.
fn enough_room(plan: &Plan, disk: &DiskPlan, image: &ImageFile) -> Result<(), Failure> {
    let wanted = plan.cost.bytes_written;
    let free = image.free_space().unwrap_or(Bytes::ZERO);
    if !disk.changes() || free >= wanted {
        return Ok(());
    }
    let message = format!(
        "no room for {}: {wanted} will be written, and its filesystem has {free} free",
        disk.path
    );
    Err(Failure::new(Exit::Io, message)
        .hint("free some space, or put the image on another filesystem"))
}

/// Where scratch files, journal and receipt go: the first of the usual places that can be written.
///
/// # Errors
/// Exit 5 if none can.
pub fn state_dir(wished: Option<&Path>) -> Result<PathBuf, Failure> {
    let usual = [
        Path::new("/run/keelblock").to_owned(),
        std::env::temp_dir().join(format!("keelblock-{}", nix::unistd::geteuid())),
    ];
    if let Some(path) = wished {
        return match files::private_folder(path) {
            Ok(()) => Ok(path.to_owned()),
            Err(error) => Err(no_place(path, &error)),
        };
    }
    let mut failure = Failure::new(Exit::Internal, "there is no place for scratch files");
    for path in usual {
        match files::own_folder(&path) {
            Ok(()) => return Ok(path),
            Err(error) => failure = no_place(&path, &error),
        }
    }
    Err(failure)
}

fn no_place(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Io,
        format!(
            "cannot keep journal and scratch files in {}",
            path.display()
        ),
    )
    .because(error)
    .hint("name a folder that can be written with --state-dir")
}

/// The journal of a plan; without one the apply goes on, with a warning.
pub fn journal(plan: &Plan, state: &Path) -> Box<dyn Journal> {
    let path = state.join(format!("{}.journal", plan.id));
    match files::journal(&path) {
        Ok(file) => Box::new(Lines(file)),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "there is no journal");
            Box::new(NoJournal)
        }
    }
}
