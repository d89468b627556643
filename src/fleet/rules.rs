//! What a decided node breaks of what is expected of it.

use std::cell::Cell;

use super::expect::{DiskMatch, Expect, Never, NodeExpect, Require};
use super::finding::{Code, Finding};
use crate::config::spec::{Encryption, Location, Spec};
use crate::probe::inventory::{Disk, Inventory};
use crate::selector::cel::glob;
use crate::selector::selection::{Outcome, Role, Selection};

/// Steps that all expressions of `expect.yaml` may take for one node: what comes to their limit takes a tenth of this.
const MOST_FUEL: u64 = 1_000_000;

/// The same for each role: what all expressions take that a file may hold and that loop over nothing.
const FUEL_OF_ROLE: u64 = 20_000;

/// Whether `name` has the shape of one of `patterns`.
pub fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, name))
}

impl DiskMatch {
    /// The conditions that are set, each in words with what `disk` has, and whether it holds; `None` if there is no
    /// telling.
    fn conditions(
        &self,
        disk: &Disk,
        system: bool,
        fuel: &Cell<u64>,
    ) -> Vec<(Option<bool>, String)> {
        let found = &disk.talos;
        let mut all = Vec::new();
        let mut add = |holds: Option<bool>, words: String| all.push((holds, words));
        if let Some(id) = &self.id {
            add(
                Some(disk.is_named(id)),
                format!("id {id:?}, found {:?}", disk.id),
            );
        }
        let texts = [
            ("wwid", &self.wwid, &found.wwid),
            ("serial", &self.serial, &found.serial),
            ("transport", &self.transport, &found.transport),
        ];
        for (name, wanted, found) in texts {
            if let Some(wanted) = wanted {
                let words = format!("{name} {wanted:?}, found {found:?}");
                add(Some(wanted == found), words);
            }
        }
        if let Some(model) = &self.model {
            let words = format!("model {model:?}, found {:?}", found.model);
            add(Some(glob(model, &found.model)), words);
        }
        if let Some(rotational) = self.rotational {
            let words = format!("rotational {rotational}, found {}", found.rotational);
            add(Some(rotational == found.rotational), words);
        }
        if let Some(size) = &self.size {
            let words = format!("size {}, found {} bytes", size.text, found.size);
            add(Some(size.op.holds(found.size, size.size.get())), words);
        }
        if let Some(expression) = &self.expression {
            let text = expression.text().split_whitespace().collect::<Vec<_>>();
            let words = text.join(" ");
            match expression.matches_disk_for(found, Some(system), fuel) {
                Ok(holds) => add(Some(holds), words),
                Err(error) => add(None, format!("{words}, which has no value: {error}")),
            }
        }
        all
    }
}

/// What the rules are about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its first configuration file as findings name it.
    pub file: &'a str,
    /// The file of its recorded machine.
    pub hardware: Option<&'a str>,
    /// Its configuration.
    pub spec: &'a Spec,
    /// Its machine, if there is one.
    pub inventory: Option<&'a Inventory>,
    /// What was selected; without a machine, nothing.
    pub selection: Option<&'a Selection>,
}

impl Subject<'_> {
    fn finding(&self, code: Code, at: Location, message: String, rule: &Location) -> Finding {
        let at = if at.file.is_empty() {
            start(self.file)
        } else {
            at
        };
        Finding::new(code, at, message)
            .about(self.name)
            .against(rule)
    }
}

/// The start of a file.
pub fn start(file: &str) -> Location {
    Location {
        file: file.to_owned(),
        line: 1,
        column: 1,
    }
}

/// Where the rule of a role stands; the default place if it has none.
pub fn place_of(role: &Role) -> Location {
    let mut parts = role.source.rsplitn(3, ':');
    let mut number = || parts.next().and_then(|text| text.parse().ok());
    match (number(), number()) {
        (Some(column), Some(line)) => Location {
            file: parts.next().unwrap_or_default().to_owned(),
            line,
            column,
        },
        _ => Location::default(),
    }
}

/// Everything that `subject` breaks.
pub fn check(subject: &Subject<'_>, own: Option<&NodeExpect>, expect: &Expect) -> Vec<Finding> {
    let mut findings = Vec::new();
    let roles = subject.selection.map_or(0, |all| all.roles.len()) as u64;
    let fuel = &Cell::new(MOST_FUEL.saturating_add(FUEL_OF_ROLE.saturating_mul(roles)));
    for (role, wanted) in own.iter().flat_map(|own| &own.disks) {
        findings.extend(expected(subject, role, wanted, fuel));
    }
    for rule in expect.never.iter().filter(|r| any(&r.nodes, subject.name)) {
        findings.extend(never(subject, rule, fuel));
    }
    for rule in expect
        .require
        .iter()
        .filter(|r| any(&r.nodes, subject.name))
    {
        require(subject, rule, &mut findings);
    }
    findings
}

/// The disk that a role got.
fn chosen<'a>(subject: &Subject<'a>, role: &Role) -> Option<&'a Disk> {
    let id = role.disk_id.as_ref()?;
    let selected = role.outcome == Outcome::Selected;
    let mut disks = subject.inventory?.disks.iter();
    disks.find(|disk| selected && disk.id == *id)
}

fn is_system(subject: &Subject<'_>, disk: &Disk) -> bool {
    let install = subject.selection.and_then(|all| all.role("install"));
    install.is_some_and(|role| role.disk_id.as_ref() == Some(&disk.id))
}

fn expected(
    subject: &Subject<'_>,
    name: &str,
    wanted: &DiskMatch,
    fuel: &Cell<u64>,
) -> Option<Finding> {
    let selection = subject.selection?;
    let Some(role) = selection.role(name) else {
        let known: Vec<&str> = selection.roles.iter().map(|r| r.role.as_str()).collect();
        let message = format!("the configuration has no role {name}, for which a disk is expected");
        let finding = subject.finding(
            Code::UnexpectedDisk,
            Location::default(),
            message,
            &wanted.at,
        );
        return Some(finding.hint(format!("it has {}", known.join(", "))));
    };
    // A role without a disk has a finding already.
    let disk = chosen(subject, role)?;
    let wrong: Vec<String> = wanted
        .conditions(disk, is_system(subject, disk), fuel)
        .into_iter()
        .filter(|(holds, _)| *holds != Some(true))
        .map(|(_, words)| words)
        .collect();
    (!wrong.is_empty()).then(|| {
        let message = format!(
            "{name} gets {} ({}), another disk than expected: {}",
            disk.path,
            disk.id,
            wrong.join("; ")
        );
        let hint = "correct the rule that chooses the disk, or what is expected";
        let finding = subject.finding(Code::UnexpectedDisk, place_of(role), message, &wanted.at);
        finding.hint(hint)
    })
}

/// One finding a rule: the roles that share a disk share it.
fn never(subject: &Subject<'_>, rule: &Never, fuel: &Cell<u64>) -> Option<Finding> {
    let mut roles: Vec<&Role> = Vec::new();
    let mut words = Vec::new();
    for role in subject.selection.iter().flat_map(|all| &all.roles) {
        let Some(disk) = chosen(subject, role).filter(|_| any(&rule.roles, &role.role)) else {
            continue;
        };
        let conditions = rule.disk.conditions(disk, is_system(subject, disk), fuel);
        // What cannot be told is not allowed, either.
        if conditions.iter().all(|(holds, _)| *holds != Some(false)) {
            if words.is_empty() {
                let all: Vec<String> = conditions.into_iter().map(|(_, words)| words).collect();
                words = vec![format!("{} ({})", disk.path, disk.id), all.join("; ")];
            }
            roles.push(role);
        }
    }
    let first = roles.first()?;
    let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    let names = names.join(", ");
    let message = format!(
        "{:?} forbids {} for {names}: {}",
        rule.name, words[0], words[1]
    );
    Some(subject.finding(Code::Never, place_of(first), message, &rule.disk.at))
}

fn require(subject: &Subject<'_>, rule: &Require, findings: &mut Vec<Finding>) {
    let broken = |at: &Location, what: String| {
        let message = format!("{:?}: {what}", rule.name);
        subject.finding(Code::Require, at.clone(), message, &rule.at)
    };
    if rule.slots.is_some() || !rule.keys.is_empty() {
        for (volume, encryption, at) in volumes(subject.spec) {
            if any(&rule.volumes, &volume) {
                let lacks = lacks(rule, encryption);
                findings.extend(lacks.map(|what| broken(at, format!("{volume} {what}"))));
            }
        }
        for volume in rule.volumes.iter().filter(|volume| !volume.contains('*')) {
            let known = volumes(subject.spec).any(|(id, ..)| id == *volume);
            if !known {
                let what = format!("the configuration has no volume {volume}");
                findings.push(broken(&Location::default(), what));
            }
        }
    }
    if let (Some(wipe), Some(install)) = (rule.wipe, &subject.spec.install)
        && install.wipe != wipe
    {
        let what = format!("wipe is {}, must be {wipe}", install.wipe);
        findings.push(broken(&install.at, what));
    }
    let Some(inventory) = subject.inventory else {
        if rule.snapshot {
            let what = String::from("there is no usable recorded machine of this node");
            findings.push(broken(&Location::default(), what));
        }
        return;
    };
    let disks = inventory.disks.len() as u64;
    if rule.min_disks.is_some_and(|least| disks < least) {
        let what = format!(
            "{disks} disks, {} are required",
            rule.min_disks.unwrap_or(0)
        );
        findings.push(broken(&Location::default(), what));
    }
    if rule.max_disks.is_some_and(|most| disks > most) {
        let what = format!(
            "{disks} disks, {} are the most",
            rule.max_disks.unwrap_or(0)
        );
        findings.push(broken(&Location::default(), what));
    }
}

/// Every volume that could be sealed, with where it is told how.
fn volumes(spec: &Spec) -> impl Iterator<Item = (String, Option<&Encryption>, &Location)> {
    let system = [("STATE", &spec.state), ("EPHEMERAL", &spec.ephemeral)];
    let system = system.into_iter().map(|(name, volume)| {
        let encryption = volume.encryption.as_ref();
        let at = encryption.map_or(&volume.at, |encryption| &encryption.at);
        (name.to_owned(), encryption, at)
    });
    let others = spec.volumes.iter().map(|volume| {
        let encryption = volume.encryption.as_ref();
        let at = encryption.map_or(&volume.at, |encryption| &encryption.at);
        (volume.id.clone(), encryption, at)
    });
    system.chain(others)
}

/// What `encryption` lacks of what `rule` asks for.
fn lacks(rule: &Require, encryption: Option<&Encryption>) -> Option<String> {
    let Some(encryption) = encryption else {
        return Some(String::from("is not encrypted, so it has no key slots"));
    };
    let count = encryption.keys.len() as u64;
    let mut missing = Vec::new();
    if rule.slots.is_some_and(|least| count < least) {
        let least = rule.slots.unwrap_or(0);
        missing.push(format!("has {count} of {least} key slots"));
    }
    for kind in &rule.keys {
        let has = |key: &crate::config::spec::Key| key.source.word() == kind;
        if !encryption.keys.iter().any(has) {
            missing.push(format!("has no {kind} key"));
        }
    }
    (!missing.is_empty()).then(|| missing.join(" and "))
}
