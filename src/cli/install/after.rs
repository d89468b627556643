//! Completes and seals what the stock installer laid out.

use std::path::Path;
use std::time::Duration;

use crate::cli::args::Global;
use crate::cli::context::{self, Subject};
use crate::cli::error::Failure;
use crate::cli::install::before::Ready;
use crate::cli::install::{InstallArgs, Stop};
use crate::cli::output::Output;
use crate::cli::{apply, inspect, plan};
use crate::installer::code::Code;
use crate::installer::next_boot::NextBoot;
use crate::partitioner::meta::{self, Meta};
use crate::probe;
use crate::probe::inventory::{Content, UsageKind};
use crate::target::device::{BlockDevice, DeviceError};
use crate::target::{BlockSource as _, BlockTarget as _};

/// How long somebody else may hold the disk. Talos looks at new partitions for moments, and gives up on a disk that
/// is locked after ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Completes the disk and prints the receipt.
///
/// # Errors
/// Code 7, with what the node will do at its next boot.
pub fn complete(
    global: &Global,
    args: &InstallArgs,
    ready: &mut Ready,
    output: &mut Output,
) -> Result<(), Stop> {
    let path = Path::new(&ready.path).to_owned();
    let done = match BlockDevice::open_when_free(&path, ready.diskseq, PATIENCE) {
        Err(DeviceError::Busy(_)) if talos_was_first(global, ready) => {
            let report = inspect::report(&path, None, Some(&ready.spec), uuid(ready))?;
            tracing::warn!(
                disk = ready.path,
                "Talos made STATE itself before it could be sealed here, and has it open: nothing is left to do"
            );
            return Ok(output.print(&report, |colour| inspect::render(&report, colour))?);
        }
        Ok(device) => seal(args, ready, device, output),
        Err(error) => Err(error.into()),
    };
    done.map_err(|failure| unsealed(failure, ready))
}

fn uuid(ready: &Ready) -> Option<&str> {
    let machine = ready.inventory.machine.uuid.as_deref();
    ready.planning.uuid.as_deref().or(machine)
}

/// From the moment at which META is there, a running Talos with a configuration provisions its system disk.
fn talos_was_first(global: &Global, ready: &Ready) -> bool {
    let now = context::live(global);
    let disk = now.disks.iter().find(|disk| disk.id == ready.id);
    disk.is_some_and(|disk| {
        let layout = disk.content.layout();
        let state = layout.is_some_and(|layout| {
            let mut partitions = layout.partitions.iter();
            partitions.any(|p| p.name == "STATE" && !p.signatures.is_empty())
        });
        let is_talos = |kind| matches!(kind, UsageKind::DeviceMapper | UsageKind::Mount);
        state && disk.usage.iter().any(|usage| is_talos(usage.kind))
    })
}

fn seal(
    args: &InstallArgs,
    ready: &mut Ready,
    mut device: BlockDevice,
    output: &mut Output,
) -> Result<(), Failure> {
    // Partitions have caches of their own: what was written through them is not in the disk's.
    if let Err(error) = device.drop_caches() {
        tracing::debug!(%error, "the cache of the disk could not be dropped");
    }
    let (content, fingerprint) = probe::inspect_source(&device);
    if let Some(uuid) = uuid_of_meta(&device, &content) {
        ready.planning.uuid = Some(uuid);
    }
    for disk in ready.inventory.disks.iter_mut() {
        if disk.id == ready.id {
            (disk.content, disk.fingerprint) = (content.clone(), fingerprint.clone());
        }
    }
    let subject = Subject {
        inventory: ready.inventory.clone(),
        selection: ready.selection.clone(),
        only: Some(ready.id.clone()),
        wipe: Vec::new(),
    };
    let plan = plan::make(&ready.spec, &subject, &ready.planning)?;
    let state_dir = args.state_dir.as_deref();
    let receipt = apply::execute_on(&ready.spec, &plan, state_dir, || Ok(vec![Box::new(device)]))?;
    output.print(&receipt, |_| apply::render(&receipt, &plan))
}

/// Talos derives nodeID keys from the UUID that META has, where it has one.
fn uuid_of_meta(device: &BlockDevice, content: &Content) -> Option<String> {
    let layout = content.layout()?;
    let place = layout.partitions.iter().find(|p| p.name == "META")?.extent;
    let bytes = (place.len == meta::PARTITION_SIZE).then(|| device.read_extent(place).ok())??;
    let tags = Meta::decode(&bytes).ok()?;
    let value = tags.get(meta::tag::UUID_OVERRIDE)?.expose();
    String::from_utf8(value.to_vec()).ok()
}

/// The disk is laid out and not sealed: what that means for the node.
fn unsealed(mut failure: Failure, ready: &Ready) -> Stop {
    let path = Path::new(&ready.path);
    failure.causes.insert(0, failure.message);
    failure.message = format!(
        "{} is installed, but STATE and EPHEMERAL are not sealed",
        ready.path
    );
    let next = match inspect::report(path, None, Some(&ready.spec), uuid(ready)) {
        Ok(report) => NextBoot::of(&report).to_string(),
        Err(_) => String::from("it could not be told, for the disk cannot be read now"),
    };
    failure.causes.push(format!("at the next boot: {next}"));
    Stop {
        code: Code::Install,
        failure,
    }
}
