//! From configuration, machine and selection to the plan. Pure: the same input gives the same plan.

use crate::config::spec::Spec;
use crate::guid::Seed;
use crate::keys::KeyError;
use crate::partitioner::content::MkfsFacts;
use crate::partitioner::disk::{self, DiskError};
use crate::partitioner::layout::{Bootloader, TalosVersion};
use crate::partitioner::wanted::{self, Style};
use crate::partitioner::{cost, remarks, steps};
use crate::plan::{Cost, DiskPlan, Host, KdfCost, MachineBinding, Plan, Proof, Purpose, SCHEMA};
use crate::probe::inventory::{Disk, Inventory, Machine};
use crate::selector::selection::{Outcome, Selection};
use crate::units::Bytes;

/// What planning needs besides configuration and machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all GUIDs derive from.
    pub seed: Seed,
    /// Whose sizes apply.
    pub talos: TalosVersion,
    /// Which boot partitions a fresh system disk gets.
    pub bootloader: Bootloader,
    /// Cost of every keyslot.
    pub kdf: KdfCost,
    /// Seconds that one derivation with `kdf` takes on this machine, if it was measured.
    pub kdf_seconds: Option<f64>,
    /// Whether EPHEMERAL gets its filesystem here, or from Talos.
    pub ephemeral_filesystem: bool,
    /// Whether a disk is marked while it is unfinished.
    pub mark: bool,
    /// What mkfs can do.
    pub mkfs: MkfsFacts,
    /// UUID of the machine, where it is known.
    pub uuid: Option<String>,
    /// Disks (by id or path) whose foreign data the operator consents to lose; the configuration has to agree.
    pub wipe: Vec<String>,
    /// Only this disk (by id), although the selection names more.
    pub only: Option<String>,
    /// Digest of the configuration without its secrets.
    pub config_digest: String,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A disk cannot be laid out.
    #[error("cannot lay out {disk}")]
    Disk {
        /// The disk, for people.
        disk: String,
        /// Why.
        #[source]
        source: DiskError,
    },
    /// A key cannot be made.
    #[error("a volume cannot be sealed")]
    Key(#[from] KeyError),
    /// The selection names a disk that the inventory does not have.
    #[error("the selection names disk {0}, which the inventory does not have")]
    UnknownDisk(String),
}

/// The plan for everything that `selection` selected.
///
/// # Errors
/// [`PlanError`] when a disk cannot be laid out as wanted; nothing was written.
pub fn plan(
    spec: &Spec,
    inventory: &Inventory,
    selection: &Selection,
    options: &Options,
) -> Result<Plan, PlanError> {
    let style = Style {
        talos: options.talos,
        bootloader: options.bootloader,
        ephemeral_filesystem: options.ephemeral_filesystem,
    };
    let mut disks = Vec::new();
    for (disk, roles) in assignments(spec, inventory, selection, options)? {
        let planned =
            disk::plan(spec, disk, &roles, style, options).map_err(|source| PlanError::Disk {
                disk: title(disk),
                source,
            })?;
        disks.push(planned);
    }
    let aim = Aim {
        purpose: Purpose::Apply,
        proof: Proof::default(),
        remarks: [
            remarks::remarks(spec, &disks, options),
            remarks::ghosts(&selection.ghosts),
        ]
        .concat(),
    };
    Ok(assemble(aim, &inventory.machine, disks, options))
}

/// What tells a plan from another one of the same disks.
pub(super) struct Aim {
    pub purpose: Purpose,
    pub proof: Proof,
    pub remarks: Vec<String>,
}

/// The plan that writes `disks`, with its steps, its cost, what it is bound to, and its id.
pub(super) fn assemble(
    aim: Aim,
    machine: &Machine,
    disks: Vec<DiskPlan>,
    options: &Options,
) -> Plan {
    let steps = disks
        .iter()
        .enumerate()
        .flat_map(|(index, disk)| steps::steps(index, disk))
        .collect();
    let plan = Plan {
        schema: SCHEMA.to_owned(),
        id: String::new(),
        digest: String::new(),
        valid: None,
        purpose: aim.purpose,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: options.seed,
        machine: binding(machine, &disks, options),
        config: options.config_digest.clone(),
        talos: options.talos.to_string(),
        cost: estimate(&disks, options),
        proof: aim.proof,
        remarks: aim.remarks,
        disks,
        steps,
        checks: std::collections::BTreeMap::new(),
    };
    plan.sealed()
}

/// What the plan has to find again of the machine: all of it where one of its own disks is written.
fn binding(machine: &Machine, disks: &[DiskPlan], options: &Options) -> MachineBinding {
    let on_device = disks.iter().any(|disk| disk.path.starts_with("/dev/"));
    MachineBinding {
        uuid: options.uuid.clone(),
        product: machine.product.clone(),
        host: on_device.then(|| Host {
            uuid: machine.uuid.clone(),
            product: machine.product.clone(),
        }),
    }
}

/// Disk → roles, system disk first, then in the order of the roles.
fn assignments<'a>(
    spec: &Spec,
    inventory: &'a Inventory,
    selection: &Selection,
    options: &Options,
) -> Result<Vec<(&'a Disk, Vec<String>)>, PlanError> {
    let mut assigned: Vec<(&Disk, Vec<String>)> = Vec::new();
    for role in selection
        .roles
        .iter()
        .filter(|role| role.outcome == Outcome::Selected)
    {
        if !wanted::is_laid_out(spec, &role.role) {
            continue;
        }
        let id = role.disk_id.clone().unwrap_or_default();
        if options.only.as_ref().is_some_and(|only| *only != id) {
            continue;
        }
        let disk = inventory
            .disks
            .iter()
            .find(|disk| disk.id == id)
            .ok_or(PlanError::UnknownDisk(id))?;
        match assigned.iter_mut().find(|(known, _)| known.id == disk.id) {
            Some((_, roles)) => roles.push(role.role.clone()),
            None => assigned.push((disk, vec![role.role.clone()])),
        }
    }
    Ok(assigned)
}

/// A disk for people: path, model and size.
pub fn title(disk: &Disk) -> String {
    let model = if disk.talos.model.is_empty() {
        "no model"
    } else {
        &disk.talos.model
    };
    format!("{} ({model}, {})", disk.path, Bytes::new(disk.talos.size))
}

fn estimate(disks: &[DiskPlan], options: &Options) -> Cost {
    let slots: usize = disks
        .iter()
        .flat_map(|disk| &disk.partitions)
        .map(crate::plan::PartitionPlan::slot_count)
        .sum();
    let bytes: u64 = disks
        .iter()
        .map(|disk| cost::bytes_written(disk).get())
        .sum();
    let zeroed: u64 = disks.iter().map(|d| cost::bytes_zeroed(d).get()).sum();
    let memory = if slots == 0 {
        Bytes::ZERO
    } else {
        options.kdf.memory
    };
    // The rest of the process: buffers, headers, the plan itself.
    let memory = memory.checked_add(Bytes::mib(16)).unwrap_or(memory);
    let seconds = options.kdf_seconds.map(|per_slot| {
        let deriving = per_slot * f64::from(u32::try_from(slots).unwrap_or(u32::MAX));
        whole_seconds(deriving).saturating_add((bytes + zeroed) / (200 << 20))
    });
    Cost {
        bytes_written: Bytes::new(bytes),
        bytes_zeroed: Bytes::new(zeroed),
        memory,
        seconds,
    }
}

/// The next whole number above, within a day: no plan takes longer to derive keys.
fn whole_seconds(seconds: f64) -> u64 {
    let above = (0..86_400_u32).find(|whole| f64::from(*whole) >= seconds);
    u64::from(above.unwrap_or(86_400))
}
