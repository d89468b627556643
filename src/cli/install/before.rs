//! Everything that can be wrong, found out before the stock installer may discard the disk. Nothing is written.

use std::str;

use crate::apply::filesystem::{Distribution, FilesystemError, Mkfs as _};
use crate::cli::args::{Global, PlanningArgs};
use crate::cli::context::Subject;
use crate::cli::error::Failure;
use crate::cli::install::{InstallArgs, Stop, WIPE_VARIABLE, wipe_consent};
use crate::cli::{apply, context, plan, targets};
use crate::config::spec::{Install as InstallSpec, InstallTarget, Location, Spec};
use crate::config::{self, Source};
use crate::exit::Exit;
use crate::installer::arguments::Install;
use crate::installer::code::Code;
use crate::installer::leftover;
use crate::keys::Keys;
use crate::partitioner::layout::{Bootloader, TalosVersion, boot_partitions};
use crate::partitioner::planner;
use crate::plan::{ContentPlan, FilesystemPlan, Plan};
use crate::probe;
use crate::probe::evidence;
use crate::probe::inventory::{Content, Disk, Inventory};
use crate::probe::memory;
use crate::root::Root;
use crate::selector::selection::{Outcome, Selection};
use crate::selector::{self, Request};

/// What was found out, for the time after the stock installer.
#[derive(Debug)]
pub struct Ready {
    /// The configuration.
    pub spec: Spec,
    /// The machine as it was before.
    pub inventory: Inventory,
    /// The disk that was told carries these roles; others are not touched.
    pub selection: Selection,
    /// Id of the disk that was told.
    pub id: String,
    /// Its path.
    pub path: String,
    /// Its sequence number.
    pub diskseq: Option<u64>,
    /// Disks whose foreign data may be lost.
    pub wipe: Vec<String>,
    /// How it is planned.
    pub planning: PlanningArgs,
}

/// Checks configuration, disk, keys, memory and tools.
///
/// # Errors
/// [`Stop`]; nothing was written.
pub fn check(
    global: &Global,
    args: &InstallArgs,
    install: &Install,
    input: &[u8],
) -> Result<Ready, Stop> {
    let mut spec = parse(input)?;
    let told = install.disk.as_deref().ok_or_else(|| {
        Failure::new(Exit::Usage, "the installer was not told a disk")
            .hint("give --disk, as Talos does")
    })?;
    let mut inventory = context::live(global);
    let disk = told_disk(&inventory, told)?;
    let (id, path) = (disk.id.clone(), disk.path.clone());
    let (diskseq, title) = (disk.diskseq, planner::title(disk));
    name_the_disk(&mut spec, &path);
    forget_own_meta(&mut inventory, &id);
    let wipe = wipe_consent(args);
    let request = Request {
        wipe_consent: wipe.clone(),
    };
    let selection = selector::select(&spec, &inventory, &request);
    is_selected(&selection, &id, &title)?;
    nothing_is_lost(&spec, &inventory, &id, &wipe)?;
    let mut planning = args.planning.clone();
    let environment = std::env::var("INSTALLER_META_BASE64").ok();
    planning.uuid = planning
        .uuid
        .or_else(|| install.uuid_override(environment.as_deref()));
    let ready = Ready {
        spec,
        inventory,
        selection,
        id,
        path,
        diskseq,
        wipe,
        planning,
    };
    rehearse(&ready, args)?;
    tracing::info!(
        disk = title,
        "the disk is the configuration's own choice, and free to be used"
    );
    Ok(ready)
}

fn parse(input: &[u8]) -> Result<Spec, Failure> {
    let text = str::from_utf8(input).map_err(|error| {
        let message = format!(
            "standard input is not text: byte {} is not UTF-8",
            error.valid_up_to()
        );
        Failure::new(Exit::Usage, message)
            .hint("the installer reads the machine configuration there")
    })?;
    let spec = config::parse(&[Source { name: "-", text }])?;
    for (place, warning) in &spec.warnings {
        tracing::warn!("{place}: {warning}");
    }
    Ok(spec)
}

fn told_disk<'a>(inventory: &'a Inventory, told: &str) -> Result<&'a Disk, Failure> {
    let mut disks = inventory.disks.iter();
    disks.find(|disk| disk.is_named(told)).ok_or_else(|| {
        let known: Vec<&str> = inventory.disks.iter().map(|d| d.path.as_str()).collect();
        let message = format!("the installer was told {told}, and there is no such disk");
        Failure::new(Exit::NoDisk, message).hint(format!("the machine has {}", known.join(", ")))
    })
}

/// Where the configuration leaves the disk open, the one that Talos tells is the one; the guards hold for it all the
/// same.
fn name_the_disk(spec: &mut Spec, path: &str) {
    let install = spec.install.get_or_insert_with(|| InstallSpec {
        at: Location::default(),
        target: InstallTarget::Unnamed,
        wipe: false,
        wipe_explicit: false,
        image: None,
        legacy_bios: false,
    });
    if matches!(install.target, InstallTarget::Unnamed) {
        install.target = InstallTarget::Disk(path.to_owned());
    }
}

/// An install that failed after the stock installer leaves META behind: Talos did not start from it.
fn forget_own_meta(inventory: &mut Inventory, id: &str) {
    for disk in inventory.disks.iter_mut().filter(|disk| disk.id == id) {
        if leftover::is_bare(&disk.content) {
            evidence::forget(disk, probe::META_OF_RUNNING_TALOS);
        }
    }
}

/// Whether the configuration selects the disk that was told, for the system and for what has to be on it.
fn is_selected(selection: &Selection, id: &str, title: &str) -> Result<(), Failure> {
    for name in ["install", "STATE", "EPHEMERAL"] {
        let Some(role) = selection.role(name) else {
            continue;
        };
        let is_install = name == "install";
        let refused = match role.outcome {
            Outcome::Selected => is_install && role.disk_id.as_deref() != Some(id),
            Outcome::Refused => true,
            // Talos waits for a disk of EPHEMERAL that is not there yet.
            Outcome::None => is_install,
        };
        if refused {
            let message = format!("refusing to let {title} be wiped for an install");
            let mut failure = Failure::new(Exit::Refused, message);
            failure.causes = vec![format!("{name}: {}", role.reason)];
            return Err(failure.hint(hint(role.outcome, &role.reason, id)));
        }
    }
    Ok(())
}

fn hint(outcome: Outcome, reason: &str, id: &str) -> String {
    if reason.contains("install.wipe") {
        return consent(id);
    }
    match outcome {
        Outcome::Selected | Outcome::None => String::from(
            "Talos was told another disk than the configuration selects: correct machine.install or \
             UnattendedInstallConfig",
        ),
        Outcome::Refused => {
            String::from("`keelblock select` shows every disk and every check; nothing was written")
        }
    }
}

/// Both halves of the consent, where there is no command line to give one on.
fn consent(id: &str) -> String {
    format!(
        "to lose that, set `wipe: true` in the configuration and {WIPE_VARIABLE}: \"{id}\" in machine.env, or wipe the \
         disk first with `talosctl wipe disk`"
    )
}

/// The stock installer discards a Talos disk as it discards any other.
fn nothing_is_lost(
    spec: &Spec,
    inventory: &Inventory,
    id: &str,
    wipe: &[String],
) -> Result<(), Failure> {
    let Some(disk) = inventory.disks.iter().find(|disk| disk.id == id) else {
        return Ok(());
    };
    let lost = leftover::lost(&disk.content);
    let configured = spec.install.as_ref().is_some_and(|install| install.wipe);
    let consented = configured && wipe.iter().any(|name| disk.is_named(name));
    if lost.is_empty() || consented {
        return Ok(());
    }
    let title = planner::title(disk);
    let mut failure = Failure::new(
        Exit::Refused,
        format!("refusing to let {title} be wiped for an install"),
    );
    failure.causes = vec![format!("it holds {}", lost.join(", "))];
    Err(failure.hint(consent(id)))
}

/// Plans the disk as if it were blank, and tries what sealing will need.
fn rehearse(ready: &Ready, args: &InstallArgs) -> Result<(), Stop> {
    let mut inventory = ready.inventory.clone();
    for disk in inventory.disks.iter_mut().filter(|d| d.id == ready.id) {
        disk.content = Content::Blank;
    }
    let uuid = ready.planning.uuid.clone();
    let uuid = uuid.or_else(|| inventory.machine.uuid.clone());
    let on_it = |role: &str| {
        let role = ready.selection.role(role);
        role.is_some_and(|role| role.disk_id.as_deref() == Some(&ready.id))
    };
    if let Err(error) = Keys::resolve_some(&ready.spec, uuid.as_deref(), on_it) {
        return Err(Stop {
            code: Code::from(&error),
            failure: error.into(),
        });
    }
    let subject = Subject {
        inventory,
        selection: ready.selection.clone(),
        only: Some(ready.id.clone()),
        wipe: ready.wipe.clone(),
    };
    let plan = plan::make(&ready.spec, &subject, &ready.planning)?;
    apply::affordable(&plan, memory::available(&Root::live()))?;
    let mkfs = Distribution {
        scratch: targets::state_dir(args.state_dir.as_deref())?,
    };
    for filesystem in filesystems(&plan) {
        mkfs.make(filesystem).map_err(no_filesystem)?;
    }
    Ok(())
}

/// What will be made here; the boot partitions are the stock installer's.
fn filesystems(plan: &Plan) -> impl Iterator<Item = &FilesystemPlan> {
    let stock = boot_partitions(Bootloader::Grub, TalosVersion::NEWEST);
    let partitions = plan.disks.iter().flat_map(|disk| &disk.partitions);
    let ours = partitions.filter(move |p| stock.iter().all(|fixed| fixed.name != p.name));
    ours.filter_map(|partition| match &partition.content {
        ContentPlan::Filesystem(filesystem) => Some(filesystem),
        ContentPlan::Sealed(seal) => seal.filesystem.as_ref(),
        _ => None,
    })
}

fn no_filesystem(error: FilesystemError) -> Stop {
    let (code, hint) = match &error {
        FilesystemError::Mkfs { source, .. } => (Code::from(source), source.hint()),
        _ => (
            Code::Io,
            String::from("name a folder with more room with --state-dir"),
        ),
    };
    let failure = Failure::new(Exit::Io, "nothing could be sealed after the install")
        .because(&error)
        .hint(format!("{hint}; nothing was written"));
    Stop { code, failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::inventory::{Layout, Partition};
    use crate::units::{Bytes, Extent};

    const MACHINE: &str = include_str!("../../../examples/hardware/macmini-2014.json");

    /// The machine after the stock installer, under a Talos that runs, with these partitions on its internal disk.
    fn machine(names: &[&str]) -> (Inventory, String) {
        let mut inventory: Inventory = serde_json::from_str(MACHINE).unwrap();
        let disk = inventory.disks.iter_mut().find(|d| d.path == "/dev/sda");
        let disk = disk.unwrap();
        let partition = |(number, name): (u32, &&str)| {
            let extent = Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB);
            Partition::new(number, *name, extent)
        };
        disk.content = Content::Talos(Layout {
            partitions: (1..).zip(names).map(partition).collect(),
            ..Layout::default()
        });
        disk.boot_medium = vec![probe::META_OF_RUNNING_TALOS.to_owned()];
        let id = disk.id.clone();
        (inventory, id)
    }

    fn evidence(inventory: &Inventory, id: &str) -> usize {
        let disk = inventory.disks.iter().find(|disk| disk.id == id);
        disk.unwrap().boot_medium.len()
    }

    #[test]
    fn meta_of_an_install_that_failed_does_not_make_a_boot_medium() {
        let (mut inventory, id) = machine(&["EFI", "META", "STATE"]);
        forget_own_meta(&mut inventory, &id);
        assert_eq!(evidence(&inventory, &id), 0);
    }

    #[test]
    fn other_evidence_other_disks_and_disks_that_hold_something_stay_boot_media() {
        let (mut inventory, id) = machine(&["EFI", "META"]);
        let disk = inventory.disks.iter_mut().find(|disk| disk.id == id);
        let more = String::from("/boot is mounted from /dev/sda1");
        disk.unwrap().boot_medium.push(more);
        forget_own_meta(&mut inventory, &id);
        assert_eq!(evidence(&inventory, &id), 1);

        let (mut inventory, id) = machine(&["EFI", "META", "data"]);
        forget_own_meta(&mut inventory, &id);
        assert_eq!(evidence(&inventory, &id), 1);

        let (mut inventory, id) = machine(&["EFI", "META"]);
        forget_own_meta(&mut inventory, "another");
        assert_eq!(evidence(&inventory, &id), 1);
    }

    #[test]
    fn a_configuration_that_names_a_disk_keeps_its_say() {
        let named = b"machine:\n  type: worker\n  install:\n    disk: /dev/sdb\n";
        let mut spec = parse(named).unwrap();
        name_the_disk(&mut spec, "/dev/sda");
        let target = &spec.install.as_ref().unwrap().target;
        assert!(matches!(target, InstallTarget::Disk(path) if path == "/dev/sdb"));
        for open in [
            "machine:\n  type: worker\n",
            "machine:\n  install:\n    wipe: true\n",
        ] {
            let mut spec = parse(open.as_bytes()).unwrap();
            let wipe = spec.install.as_ref().is_some_and(|install| install.wipe);
            name_the_disk(&mut spec, "/dev/sda");
            let install = spec.install.unwrap();
            assert!(matches!(&install.target, InstallTarget::Disk(path) if path == "/dev/sda"));
            assert_eq!(install.wipe, wipe, "consent is not given for the config");
        }
    }
}
