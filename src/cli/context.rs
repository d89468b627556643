//! From what was typed to what is planned: configuration, machine, selection, and the image that stands for a disk.

use std::path::Path;
use std::time::Duration;

use crate::cli::args::{ConsentArgs, Global, TargetArgs};
use crate::cli::error::Failure;
use crate::cli::image::{look_at, stand_in};
use crate::cli::wait;
use crate::cli::{consent, files};
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::probe;
use crate::probe::inventory::{Content, Disk, Inventory, TalosDisk};
use crate::root::Root;
use crate::selector::selection::{Outcome, Role, Selection};
use crate::selector::{self, Request};
use crate::snapshot::Snapshot;
use crate::snapshot::load::{self, LoadError};
use crate::units::BlockSize;

/// What is planned.
#[derive(Debug)]
pub struct Subject {
    /// The machine; with `--image`, the image stands in the place of a disk.
    pub inventory: Inventory,
    /// Role → disk.
    pub selection: Selection,
    /// Only this disk (by id).
    pub only: Option<String>,
    /// Disks whose foreign data the operator consents to lose.
    pub wipe: Vec<String>,
}

/// The machine: the recorded one, or this one.
///
/// # Errors
/// Exit 2 for a recording that cannot be read.
pub fn inventory(global: &Global) -> Result<Inventory, Failure> {
    match &global.hardware {
        Some(path) => Ok(recorded(path)?.inventory),
        None => Ok(live(global)),
    }
}

/// This machine, even if a recorded one is named.
pub fn live(global: &Global) -> Inventory {
    probe::probe(&root(global))
}

/// Where this machine's files are.
pub fn root(global: &Global) -> Root {
    match &global.root {
        Some(root) => Root::at(root),
        None => Root::live(),
    }
}

/// A recorded machine from a file: a snapshot, or what `probe --format json` prints.
///
/// # Errors
/// Exit 2 if it cannot be read or is none.
pub fn recorded(path: &Path) -> Result<Snapshot, Failure> {
    let text = files::text_up_to(path, load::MOST_BYTES)?;
    parse_recorded(&path.display().to_string(), &text)
}

/// A recorded machine from its text.
///
/// # Errors
/// Exit 2.
pub fn parse_recorded(name: &str, text: &str) -> Result<Snapshot, Failure> {
    load::parse(text).map_err(|error| {
        let hint = match error {
            LoadError::Newer { .. } => {
                "use the keelblock that made it, or record the machine again with this one"
            }
            _ => "record a machine with `keelblock snapshot -o FILE`",
        };
        let failure = Failure::new(Exit::Usage, format!("{name} is not a recorded machine"));
        failure.because(&error).hint(hint)
    })
}

/// What `spec` makes of the machine or of the image.
///
/// # Errors
/// Exit 3 or 4 if a disk that is needed was not selected.
pub fn subject(
    global: &Global,
    spec: &Spec,
    target: &TargetArgs,
    consent: &ConsentArgs,
) -> Result<Subject, Failure> {
    match (&target.image, &global.hardware) {
        (None, _) => on_machine(inventory(global)?, spec, target, consent),
        (Some(image), Some(_)) => image_for_disk(inventory(global)?, spec, image, target, consent),
        (Some(image), None) => image_alone(inventory(global)?, spec, image, target, consent),
    }
}

/// The same, and waits so long for a disk of this machine that is not there yet.
///
/// # Errors
/// As [`subject`]'s.
pub fn subject_in(
    patience: Duration,
    global: &Global,
    spec: &Spec,
    target: &TargetArgs,
    consent: &ConsentArgs,
) -> Result<Subject, Failure> {
    let recorded = target.image.is_some() || global.hardware.is_some();
    let patience = if recorded { Duration::ZERO } else { patience };
    wait::for_disk(global, patience, || subject(global, spec, target, consent))
}

fn on_machine(
    inventory: Inventory,
    spec: &Spec,
    target: &TargetArgs,
    consent: &ConsentArgs,
) -> Result<Subject, Failure> {
    consent::check(&inventory, &consent.wipe)?;
    let request = Request {
        wipe_consent: consent.wipe.clone(),
    };
    let selection = selector::select(spec, &inventory, &request);
    let only = match &target.disk {
        None => None,
        Some(name) => Some(named_disk(&inventory, name)?.id.clone()),
    };
    let relevant = |role: &&Role| only.is_none() || role.disk_id == only || role.disk_id.is_none();
    let failed: Vec<&Role> = selection
        .roles
        .iter()
        .filter(|r| r.outcome != Outcome::Selected)
        .filter(relevant)
        .collect();
    if let Some(only) = &only
        && !selection
            .roles
            .iter()
            .any(|role| role.disk_id.as_ref() == Some(only) && role.outcome == Outcome::Selected)
    {
        let message = format!(
            "{} was not selected for any role",
            target.disk.as_deref().unwrap_or_default()
        );
        let failure = Failure::new(worst(&failed).max(Exit::NoDisk), message);
        return Err(because_of(&failed, failure).hint(see_why(&failed)));
    }
    // With one disk named, the others may be missing; without, everything must have its disk.
    if only.is_none() && !failed.is_empty() {
        return Err(not_selected(&failed));
    }
    Ok(Subject {
        inventory,
        selection,
        only,
        wipe: consent.wipe.clone(),
    })
}

/// The disk of `inventory` that an operator means by `name`.
///
/// # Errors
/// Exit 3 if there is none.
pub fn named_disk<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a Disk, Failure> {
    let mut disks = inventory.disks.iter();
    disks.find(|disk| disk.is_named(name)).ok_or_else(|| {
        let known: Vec<&str> = inventory
            .disks
            .iter()
            .map(|disk| disk.path.as_str())
            .collect();
        Failure::new(Exit::NoDisk, format!("there is no disk {name}")).hint(format!(
            "the machine has {}",
            if known.is_empty() {
                "none".into()
            } else {
                known.join(", ")
            }
        ))
    })
}

/// Lays the image out in the place of the disk that the machine would use.
///
/// # Errors
/// As [`subject`]'s.
pub fn image_for_disk(
    mut inventory: Inventory,
    spec: &Spec,
    image: &Path,
    target: &TargetArgs,
    consent: &ConsentArgs,
) -> Result<Subject, Failure> {
    let request = Request {
        wipe_consent: consent.wipe.clone(),
    };
    let id = disk_of_role(&inventory, spec, &request, target)?;
    let Some(disk) = inventory.disks.iter_mut().find(|disk| disk.id == id) else {
        return Err(Failure::new(
            Exit::Internal,
            "the selected disk is not in the inventory",
        ));
    };
    // The image has the disk's place, not its content: what the recorded disk held does not matter here.
    let logical = target
        .sector_size
        .or_else(|| BlockSize::try_from(u32::try_from(disk.talos.sector_size).ok()?).ok());
    let seen = look_at(
        image,
        target,
        logical.unwrap_or(BlockSize::B512),
        disk.physical_sector_size,
    )?;
    (disk.content, disk.fingerprint) = (seen.content.clone(), seen.fingerprint.clone());
    disk.usage.clear();
    disk.unread.clear();
    let mut selection = selector::select(spec, &inventory, &request);
    let needed = |role: &&Role| needed_for(&role.role, &target.role);
    let failed: Vec<&Role> = selection
        .roles
        .iter()
        .filter(needed)
        .filter(|r| r.outcome != Outcome::Selected)
        .collect();
    if !failed.is_empty() {
        return Err(not_selected(&failed));
    }
    let disk = inventory.disks.iter_mut().find(|disk| disk.id == id);
    let disk = disk
        .ok_or_else(|| Failure::new(Exit::Internal, "the selected disk is not in the inventory"))?;
    stand_in(disk, image, seen);
    let path = disk.path.clone();
    consent::check(&inventory, &consent.wipe)?;
    for role in selection
        .roles
        .iter_mut()
        .filter(|role| role.disk_id.as_ref() == Some(&id))
    {
        role.disk = Some(path.clone());
    }
    Ok(Subject {
        inventory,
        selection,
        only: Some(id),
        wipe: consent.wipe.clone(),
    })
}

/// Whether `role` has to have its disk before the disk of `asked` can be laid out.
fn needed_for(role: &str, asked: &str) -> bool {
    role == asked || (asked == "install" && role == "STATE")
}

/// Which disk the role would have if nothing were on any disk.
fn disk_of_role(
    inventory: &Inventory,
    spec: &Spec,
    request: &Request,
    target: &TargetArgs,
) -> Result<String, Failure> {
    let mut empty = inventory.clone();
    for disk in &mut empty.disks {
        disk.content = Content::Blank;
        disk.usage.clear();
    }
    let selection = selector::select(spec, &empty, request);
    let role = selection
        .role(&target.role)
        .ok_or_else(|| unknown_role(&selection, &target.role))?;
    match &role.disk_id {
        Some(id) if role.outcome == Outcome::Selected => Ok(id.clone()),
        _ => Err(not_selected(&[role])),
    }
}

fn image_alone(
    mut inventory: Inventory,
    spec: &Spec,
    image: &Path,
    target: &TargetArgs,
    consent: &ConsentArgs,
) -> Result<Subject, Failure> {
    let mut disk = image_disk();
    let seen = look_at(
        image,
        target,
        target.sector_size.unwrap_or(BlockSize::B512),
        0,
    )?;
    stand_in(&mut disk, image, seen);
    let roles = roles_of_image(spec, &target.role)?;
    let role = |role: String| Role {
        role,
        outcome: Outcome::Selected,
        disk: Some(disk.path.clone()),
        disk_id: Some(disk.id.clone()),
        reason: String::from("named with --image"),
        source: String::new(),
        rule: String::from("--image"),
        verdicts: Vec::new(),
        proof: Default::default(),
    };
    let selection = Selection::of(roles.into_iter().map(role).collect());
    inventory.disks = vec![disk];
    consent::check(&inventory, &consent.wipe)?;
    Ok(Subject {
        inventory,
        selection,
        only: None,
        wipe: consent.wipe.clone(),
    })
}

/// A disk that is nothing but an image, before the image was looked at.
pub fn image_disk() -> Disk {
    Disk {
        path: String::new(),
        id: String::from("image"),
        talos: TalosDisk {
            model: String::from("image file"),
            ..TalosDisk::default()
        },
        udev: std::collections::BTreeMap::new(),
        usb: None,
        vendor: String::new(),
        removable: false,
        physical_sector_size: 0,
        diskseq: None,
        usage: Vec::new(),
        boot_medium: Vec::new(),
        boot_evidence: Vec::new(),
        content: Content::Blank,
        fingerprint: String::new(),
        unread: Vec::new(),
    }
}

/// The roles that an image carries when no machine says where they belong.
fn roles_of_image(spec: &Spec, role: &str) -> Result<Vec<String>, Failure> {
    if role == "install" {
        let mut roles = vec![String::from("install"), String::from("STATE")];
        if spec.ephemeral.provisioning.selector.is_none() {
            roles.push(String::from("EPHEMERAL"));
        }
        return Ok(roles);
    }
    let known = role == "EPHEMERAL" || spec.volumes.iter().any(|v| v.id == role);
    if known || spec.legacy_disks.iter().any(|d| d.device == role) {
        return Ok(vec![role.to_owned()]);
    }
    let mut known = vec!["install", "EPHEMERAL"];
    known.extend(spec.volumes.iter().map(|volume| volume.id.as_str()));
    Err(no_role(role, &known))
}

fn unknown_role(selection: &Selection, role: &str) -> Failure {
    let known: Vec<&str> = selection.roles.iter().map(|r| r.role.as_str()).collect();
    no_role(role, &known)
}

fn no_role(role: &str, known: &[&str]) -> Failure {
    Failure::new(Exit::Usage, format!("the configuration has no role {role}"))
        .hint(format!("it has {}", known.join(", ")))
}

fn worst(failed: &[&Role]) -> Exit {
    let refused = failed.iter().any(|role| role.outcome == Outcome::Refused);
    if refused { Exit::Refused } else { Exit::NoDisk }
}

fn because_of(failed: &[&Role], mut failure: Failure) -> Failure {
    failure.causes.extend(
        failed
            .iter()
            .map(|role| format!("{}: {}", role.role, role.reason)),
    );
    failure
}

fn not_selected(failed: &[&Role]) -> Failure {
    let names: Vec<&str> = failed.iter().map(|role| role.role.as_str()).collect();
    let failure = Failure::new(worst(failed), format!("no disk for {}", names.join(", ")));
    because_of(failed, failure).hint(see_why(failed))
}

fn see_why(failed: &[&Role]) -> &'static str {
    let denied = |role: &&Role| role.reason.contains("Permission denied");
    if failed.iter().any(denied) {
        "run as root: not every disk could be read"
    } else {
        "`keelblock select` shows every disk and every check"
    }
}
