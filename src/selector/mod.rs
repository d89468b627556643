//! The selector: which disk for each role, and why. Pure.
//!
//! A rule of the config is read as Talos reads it, so that the disk that is prepared is the disk that
//! Talos takes. Where Talos would take the first of several disks, or one that must not be touched,
//! the answer is a refusal that says what was found and what would allow it.
//! Selection is what keelblock exists for, hence its own code down to the CEL checker.

mod advise;
mod apple;
mod atom;
mod candidate;
pub mod cel;
mod clones;
mod contradiction;
mod decide;
pub mod ghost;
mod guard;
pub mod legacy;
mod lint;
mod matrix;
mod near;
pub mod proof;
mod propose;
mod render;
mod room;
mod rule;
mod score;
pub mod selection;
mod tie;

use std::cell::Cell;

pub use self::advise::advise;
pub use self::contradiction::contradiction;
pub(crate) use self::decide::NO_SYSTEM_DISK;
use self::decide::{Question, decide};
use self::guard::{Guards, Own};
pub use self::lint::Elsewhere;
pub use self::render::{ghosts as render_ghosts, render};
use self::rule::{Rule, SystemDisk};
use self::score::installed;
use self::selection::{Role, Selection};
use crate::config::spec::{
    Install, InstallTarget, LegacyDisk, Location, Provisioning, Spec, Volume, VolumeKind,
};
use crate::probe::inventory::{Disk, Inventory};

/// Steps of expressions that one selection may take beside those that each disk and role may: a tenth of a second.
const MOST_FUEL: u64 = 1_000_000;

/// What the operator asks for beside the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Disks that may be wiped though they hold foreign data: ids, paths or links below `/dev/disk`.
    /// Only one half of the consent; `install.wipe` in the config is the other.
    pub wipe_consent: Vec<String>,
}

/// Decides every role of `spec` on the machine of `inventory`.
///
/// Without an install section, no disk is chosen for the system: the system disk is then the only one that carries
/// META, as for an installed Talos.
///
/// The order of `inventory.disks` does not matter: disks are looked at as Talos does, by kernel name
/// as a string. Roles come in the order `install`, `STATE`, `EPHEMERAL`, volumes, `machine.disks`.
pub fn select(spec: &Spec, inventory: &Inventory, request: &Request) -> Selection {
    choose(spec, inventory, request, true)
}

/// The same decisions with the same reasons, for who looks at very many machines, at a fraction of the work: without
/// proofs, clones and ghosts, and with guards only in the verdicts on disks that the rule matches.
pub fn outcomes(spec: &Spec, inventory: &Inventory, request: &Request) -> Selection {
    choose(spec, inventory, request, false)
}

fn choose(spec: &Spec, inventory: &Inventory, request: &Request, backed: bool) -> Selection {
    let mut disks: Vec<&Disk> = inventory.disks.iter().collect();
    disks.sort_by(|a, b| {
        kernel_name(a)
            .cmp(kernel_name(b))
            .then_with(|| a.path.cmp(&b.path))
    });
    let machine = Machine {
        spec,
        inventory,
        request,
        disks: &disks,
        backed,
        fuel: Cell::new(fuel(spec, disks.len())),
    };
    let install = spec.install.as_ref().map(|_| machine.install());
    let disk = match &install {
        Some(install) => install.disk.clone(),
        None => installed(&disks),
    };
    let system = disk.as_deref();
    // Without an installation, STATE and EPHEMERAL are somebody's concern only if the config speaks of them.
    let asked = |at: &Location| spec.install.is_some() || !at.file.is_empty();
    let notes = install.is_none().then(|| no_install(system));
    let mut roles: Vec<Role> = install.into_iter().collect();
    roles.extend(asked(&spec.state.at).then(|| machine.state(system)));
    roles.extend(asked(&spec.ephemeral.at).then(|| machine.ephemeral(system)));
    let volumes = spec.volumes.iter();
    let partitions = volumes.filter(|volume| volume.kind != VolumeKind::Directory);
    roles.extend(partitions.map(|volume| machine.volume(volume, system)));
    roles.extend(
        spec.legacy_disks
            .iter()
            .map(|disk| machine.legacy_disk(disk, system)),
    );
    let mut selection = Selection {
        notes: notes.into_iter().collect(),
        ..Selection::of(roles)
    };
    if backed {
        selection.clones = clones::clones(&disks);
        selection.ghosts = ghost::ghosts(inventory, &selection.roles);
    }
    selection
}

/// Steps that the expressions of all roles may take together: what a selector that somebody wrote takes for every disk,
/// and some that go to their own limit.
fn fuel(spec: &Spec, disks: usize) -> u64 {
    const EACH: u64 = 500;
    let roles = spec.volumes.len() as u64 + 3;
    EACH.saturating_mul(roles)
        .saturating_mul(disks as u64)
        .saturating_add(MOST_FUEL)
}

/// What the operator has to know of a configuration that only speaks of volumes.
fn no_install(system: Option<&str>) -> String {
    let asked = "the configuration asks for no installation (it has neither machine.install nor \
                 UnattendedInstallConfig), so no disk is chosen for one";
    match system {
        Some(path) => format!("{asked}; the system disk is {path}, which carries META"),
        None => format!("{asked}; no single disk carries META, so none is the system disk"),
    }
}

/// What speaks against writing to `disk` at all, such as `in use: /dev/sda2: /mnt`; empty if nothing does.
pub fn forbids_writing(disk: &Disk) -> Vec<String> {
    let checks = guard::standing(disk).into_iter();
    checks
        .filter(|check| !check.pass)
        .map(|check| format!("{}: {}", check.check, check.found))
        .collect()
}

/// What every role is decided from.
struct Machine<'a> {
    spec: &'a Spec,
    inventory: &'a Inventory,
    request: &'a Request,
    /// In Talos' order.
    disks: &'a [&'a Disk],
    /// Whether decisions come with what backs them.
    backed: bool,
    /// Steps that are left to the expressions of all roles.
    fuel: Cell<u64>,
}

impl<'a> Machine<'a> {
    fn guards(&self, label: &'a str) -> Guards<'a> {
        Guards::new(self.spec, self.inventory, self.request, label)
    }

    fn install(&self) -> Role {
        let install = self.spec.install.as_ref();
        let question = Question {
            role: "install",
            source: install.map_or_else(String::new, |install| source(&install.at)),
            rule: install_rule(install),
            system: SystemDisk::Installing,
            skip_readonly: false,
            backed: self.backed,
            fuel: &self.fuel,
            guards: Guards {
                room: room::system(self.spec),
                ..self.guards("META")
            },
        };
        decide(&question, self.disks)
    }

    fn state(&self, system: Option<&str>) -> Role {
        let at = &self.spec.state.at;
        self.ask("STATE", at, Rule::SystemDisk, system, self.guards("STATE"))
    }

    fn ephemeral(&self, system: Option<&str>) -> Role {
        let volume = &self.spec.ephemeral;
        let rule = volume_rule(&volume.provisioning);
        let guards = Guards {
            room: own_room("EPHEMERAL", rule),
            ..self.guards("EPHEMERAL")
        };
        self.ask("EPHEMERAL", &volume.at, rule, system, guards)
    }

    fn volume(&self, volume: &Volume, system: Option<&str>) -> Role {
        let whole = volume.kind == VolumeKind::UserDisk;
        let rule = volume_rule(&volume.provisioning);
        let guards = Guards {
            room: own_room(&volume.id, rule),
            own: if whole {
                Own::WholeDisk(volume)
            } else {
                Own::None
            },
            not_shared: system.filter(|_| whole),
            ..self.guards(&volume.id)
        };
        self.ask(&volume.id, &volume.at, rule, system, guards)
    }

    fn legacy_disk(&self, disk: &LegacyDisk, system: Option<&str>) -> Role {
        let guards = Guards {
            own: Own::Partitions(disk),
            room: vec![disk.device.clone()],
            not_shared: system,
            ..self.guards("")
        };
        let rule = Rule::Device(&disk.device);
        self.ask(&disk.device, &disk.at, rule, system, guards)
    }

    /// Decides a role other than `install`.
    fn ask(
        &self,
        role: &str,
        at: &Location,
        rule: Rule<'_>,
        system: Option<&str>,
        guards: Guards<'_>,
    ) -> Role {
        let question = Question {
            role,
            source: source(at),
            rule,
            system: system.map_or(SystemDisk::Unknown, SystemDisk::Known),
            skip_readonly: matches!(rule, Rule::Cel(_)),
            backed: self.backed,
            fuel: &self.fuel,
            guards,
        };
        decide(&question, self.disks)
    }
}

fn install_rule(install: Option<&Install>) -> Rule<'_> {
    match install.map(|install| &install.target) {
        Some(InstallTarget::Disk(path)) => Rule::Device(path),
        Some(InstallTarget::Selector(selector)) => Rule::Legacy(selector),
        Some(InstallTarget::Expression(expression)) => Rule::Cel(expression),
        Some(InstallTarget::Unnamed) | None => Rule::Score,
    }
}

fn volume_rule(provisioning: &Provisioning) -> Rule<'_> {
    match &provisioning.selector {
        Some(expression) => Rule::Cel(expression),
        None => Rule::SystemDisk,
    }
}

/// What a disk of its own is asked to have room for; what shares the system disk is counted there.
fn own_room(role: &str, rule: Rule<'_>) -> Vec<String> {
    match rule {
        Rule::SystemDisk => Vec::new(),
        _ => vec![role.to_owned()],
    }
}

/// Where a rule stands; empty for a default.
fn source(at: &Location) -> String {
    if at.file.is_empty() {
        String::new()
    } else {
        at.to_string()
    }
}

/// `sda` for `/dev/sda`.
fn kernel_name(disk: &Disk) -> &str {
    disk.path.rsplit('/').next().unwrap_or(&disk.path)
}
