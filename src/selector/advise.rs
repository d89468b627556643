//! What a selection means for the operator: dangers of its rules, and rules that would be sharper. Apart from the
//! decision itself, which does not depend on it.

use super::cel;
use super::clones::shared_id;
use super::lint::{self, Elsewhere, is_same, lint};
use super::proof::{Form, Proposal, Warning, WarningKind};
use super::propose::Wanted;
use super::rule::Rule;
use super::selection::{CheckKind, DiskVerdict, Outcome, Role, Selection, Want};
use super::{install_rule, volume_rule};
use crate::config::spec::{InstallTarget, Spec};
use crate::config::talos_version;
use crate::probe::identity::{is_serial, is_unique};
use crate::probe::inventory::{Disk, Inventory};

/// The first Talos that reads UnattendedInstallConfig.
const UNATTENDED: (u32, u32) = (1, 14);

/// Disks of one role that rules are proposed for, and rules of each form for one of them.
const DISKS: usize = 3;
const RULES: usize = 1;

/// Rules of each form for a disk that was asked for.
const WANTED_RULES: usize = 3;

/// Adds to `selection`, made from `spec` and `inventory`, what is unsafe about its rules and what would be sharper,
/// and rules for `want`. Disks of `elsewhere` must not match a sharper rule unless they are the same disk.
pub fn advise(
    selection: &mut Selection,
    spec: &Spec,
    inventory: &Inventory,
    elsewhere: &[Elsewhere<'_>],
    want: Option<&Disk>,
) {
    let advice = Advice {
        spec,
        inventory,
        elsewhere,
    };
    // Every rule that is proposed is read as a configuration first.
    cel::deep(|| {
        for role in &mut selection.roles {
            advice.role(role);
        }
        selection.want = want.map(|disk| advice.want(disk, selection));
    });
}

struct Advice<'a> {
    spec: &'a Spec,
    inventory: &'a Inventory,
    elsewhere: &'a [Elsewhere<'a>],
}

impl<'a> Advice<'a> {
    fn role(&self, role: &mut Role) {
        let Some(rule) = self.rule(&role.role) else {
            return;
        };
        let disks: Vec<&Disk> = self.inventory.disks.iter().collect();
        let matching: Vec<&Disk> = role
            .verdicts
            .iter()
            .filter(|verdict| matches(verdict))
            .filter_map(|verdict| self.disk(&verdict.disk))
            .collect();
        let scored = matches!(rule, Rule::Score);
        if !scored {
            role.proof.warnings = lint(&lint::Outcome {
                rule,
                disks: &disks,
                matching: &matching,
                elsewhere: self.elsewhere,
            });
        }
        let sure = role.outcome == Outcome::Selected && role.proof.warnings.is_empty();
        if sure || role.proof.fault.is_some() {
            return;
        }
        let nearest = role.proof.near_misses.iter().map(|miss| &*miss.disk);
        let meant: Vec<&str> = if matching.is_empty() {
            nearest.collect()
        } else {
            matching.iter().map(|disk| &*disk.path).collect()
        };
        let usable = meant.into_iter().filter(|path| is_usable(role, path));
        let count = if matching.is_empty() { 1 } else { DISKS };
        let disks: Vec<&Disk> = usable
            .filter_map(|path| self.disk(path))
            .take(count)
            .collect();
        let forms = self.forms(&role.role);
        role.proof.proposals = disks
            .into_iter()
            .flat_map(|disk| self.propose(disk, &forms, RULES))
            .collect();
    }

    fn want(&self, disk: &Disk, selection: &Selection) -> Want {
        let mut warnings = Vec::new();
        let talos = &disk.talos;
        if is_serial(&talos.wwid) && !is_unique(&talos.wwid) {
            warnings.push(shared_id(&talos.wwid, &disk.path));
        }
        if !is_serial(&talos.serial) {
            warnings.push(Warning {
                kind: WarningKind::NoSerial,
                text: format!("Talos reads no serial of {}", disk.path),
            });
        }
        let verdict = selection
            .roles
            .first()
            .and_then(|role| role.verdicts.iter().find(|v| v.disk == disk.path));
        let guards = verdict.into_iter().flat_map(|v| &v.checks);
        warnings.extend(
            guards
                .filter(|c| !c.pass && c.kind == CheckKind::Guard)
                .map(|check| Warning {
                    kind: WarningKind::MustNotBeUsed,
                    text: format!("{}: {}", check.check, check.found),
                }),
        );
        let mut forms = self.forms("install");
        forms.push(Form::Volume);
        Want {
            disk: disk.path.clone(),
            id: disk.id.clone(),
            warnings,
            proposals: self.propose(disk, &forms, WANTED_RULES),
        }
    }

    fn propose(&self, disk: &Disk, forms: &[Form], count: usize) -> Vec<Proposal> {
        let here = self.inventory.disks.iter();
        let there = self.elsewhere.iter().flat_map(|e| &e.inventory.disks);
        let wanted = Wanted {
            disk,
            rivals: here
                .filter(|other| other.path != disk.path)
                .chain(there.filter(|other| !is_same(disk, other)))
                .collect(),
            wipe: self.wipe(),
        };
        forms
            .iter()
            .flat_map(|form| wanted.propose(*form, count))
            .collect()
    }

    fn wipe(&self) -> bool {
        self.spec.install.as_ref().is_some_and(|i| i.wipe)
    }

    /// Which parts of the configuration can name the disk of a role, the one that does it now first.
    fn forms(&self, role: &str) -> Vec<Form> {
        if role != "install" {
            return vec![Form::Volume];
        }
        let version = talos_version(self.spec);
        let target = self.spec.install.as_ref().map(|install| &install.target);
        let unattended = version.is_none_or(|version| version >= UNATTENDED);
        match target {
            Some(InstallTarget::Expression(_)) => {
                vec![Form::Unattended, Form::DiskSelector, Form::Disk]
            }
            _ if unattended => vec![Form::DiskSelector, Form::Disk, Form::Unattended],
            _ => vec![Form::DiskSelector, Form::Disk],
        }
    }

    /// The rule of a role, if the configuration has one that could be sharper.
    fn rule(&self, role: &str) -> Option<Rule<'a>> {
        let volumes = self.spec.volumes.iter();
        let rule = match role {
            "install" => install_rule(self.spec.install.as_ref()),
            "EPHEMERAL" => volume_rule(&self.spec.ephemeral.provisioning),
            _ => volume_rule(&volumes.into_iter().find(|v| v.id == role)?.provisioning),
        };
        (!matches!(rule, Rule::SystemDisk)).then_some(rule)
    }

    fn disk(&self, path: &str) -> Option<&'a Disk> {
        self.inventory.disks.iter().find(|disk| disk.path == path)
    }
}

fn matches(verdict: &DiskVerdict) -> bool {
    let mut checks = verdict.checks.iter();
    checks.all(|check| check.pass || check.kind == CheckKind::Guard)
}

/// Whether nothing but its content speaks against the disk; that is a matter of consent.
fn is_usable(role: &Role, path: &str) -> bool {
    let verdict = role.verdicts.iter().find(|verdict| verdict.disk == path);
    verdict.is_some_and(|verdict| {
        let guards = verdict.checks.iter().filter(|c| c.kind == CheckKind::Guard);
        let mut failing = guards.filter(|check| !check.pass);
        failing.all(|check| check.check == "content")
    })
}
