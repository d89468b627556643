//! One node: its configuration parsed, its disks chosen on its recorded machine, and everything that speaks against it.

use super::compare::Facts;
use super::expect::{Expect, NodeExpect};
use super::finding::{Code, Finding, Level};
use super::report::{Node, RoleRow, State};
use super::rules::{self, Subject, place_of, start};
use crate::config::spec::Spec;
use crate::config::{self, Source, snippet_at};
use crate::probe::inventory::Inventory;
use crate::selector::selection::{CheckKind, Outcome, Role, Selection};
use crate::selector::{self, NO_SYSTEM_DISK, Request};

/// Most mistakes of one configuration that are shown with their line.
const EXCERPTS: usize = 5;

/// The recorded machine of a node.
#[derive(Debug)]
pub enum Hardware<'a> {
    /// There is none.
    None,
    /// There is one, and it cannot be used, or there is no telling which; the finding says so already.
    Broken(Option<String>),
    /// Its file, and what it says.
    Known(String, &'a Inventory),
}

/// A node as it was read.
#[derive(Debug)]
pub struct Case<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its configuration files, as findings name them. At least one.
    pub configs: Vec<Source<'a>>,
    /// Its machine.
    pub hardware: Hardware<'a>,
    /// What is expected of it alone.
    pub own: Option<&'a NodeExpect>,
    /// What is expected of all.
    pub expect: &'a Expect,
    /// Whether findings have the line that they are about.
    pub excerpts: bool,
}

/// The row of a node, and what speaks against it.
pub fn judge(case: &Case<'_>) -> (Node, Vec<Finding>) {
    let names: Vec<String> = case.configs.iter().map(|s| s.name.to_owned()).collect();
    let mut node = Node::new(case.name, names);
    node.hardware = match &case.hardware {
        Hardware::None => None,
        Hardware::Broken(file) => file.clone(),
        Hardware::Known(file, _) => Some(file.clone()),
    };
    let spec = match config::parse(&case.configs) {
        Ok(spec) => spec,
        Err(error) => {
            node.state = State::Invalid;
            node.facts = Facts::broken();
            return (node, mistakes(case, &error));
        }
    };
    let mut findings: Vec<Finding> = spec
        .warnings
        .iter()
        .map(|(at, text)| Finding::new(Code::Doubtful, at.clone(), text.clone()).about(case.name))
        .collect();
    let inventory = match &case.hardware {
        Hardware::Known(_, inventory) => Some(*inventory),
        _ => None,
    };
    let selection = inventory.map(|inventory| {
        let wipe_consent = case.own.map_or_else(Vec::new, |own| own.wipe.clone());
        selector::outcomes(&spec, inventory, &Request { wipe_consent })
    });
    node.facts = Facts::of(&spec, selection.as_ref());
    let hardware = node.hardware.clone();
    let subject = Subject {
        name: case.name,
        file: case.configs.first().map_or("", |source| source.name),
        hardware: hardware.as_deref(),
        spec: &spec,
        inventory,
        selection: selection.as_ref(),
    };
    match (&selection, inventory) {
        (Some(selection), Some(inventory)) => {
            findings.extend(not_selected(&subject, selection));
            node.roles = rows(selection, inventory);
            node.notes.clone_from(&selection.notes);
        }
        _ => findings.extend(unchecked(&subject, &case.hardware)),
    }
    findings.extend(rules::check(&subject, case.own, case.expect));
    node.state = state(&spec, &findings, &case.hardware);
    if case.excerpts {
        for finding in findings
            .iter_mut()
            .filter(|f| f.code.level() == Level::Error)
        {
            finding.excerpt = snippet_at(&finding.at, &case.configs);
        }
    }
    (node, findings)
}

fn mistakes(case: &Case<'_>, error: &config::ConfigError) -> Vec<Finding> {
    let finding = |(i, diagnostic): (usize, &config::Diagnostic)| {
        let mut said = diagnostic.clone();
        let hint = said.hint.take();
        // The place stands apart.
        let at = said.at.to_string();
        let message = said.to_string();
        let message = message.strip_prefix(&at).unwrap_or(&message);
        let mut finding = Finding::new(
            Code::Configuration,
            said.at,
            message.trim_start_matches(": "),
        )
        .about(case.name);
        finding.hint = hint;
        if case.excerpts && i < EXCERPTS {
            finding.excerpt = config::snippet(diagnostic, &case.configs);
        }
        finding
    };
    error
        .diagnostics()
        .iter()
        .enumerate()
        .map(finding)
        .collect()
}

fn unchecked(subject: &Subject<'_>, hardware: &Hardware<'_>) -> Option<Finding> {
    let Hardware::None = hardware else {
        return None;
    };
    let message = "there is no recorded machine of this node, so its disks were not chosen";
    let hint = format!(
        "record it: keelblock snapshot -o {}.json",
        subject.name.rsplit('/').next().unwrap_or(subject.name)
    );
    let finding = Finding::new(Code::NoSnapshot, start(subject.file), message);
    Some(finding.about(subject.name).hint(hint))
}

/// A finding for each reason why roles have no disk; roles that fail for the same reason share it, and those that
/// only wait for the system disk have none of their own.
fn not_selected(subject: &Subject<'_>, selection: &Selection) -> Vec<Finding> {
    let mut groups: Vec<(Code, &Role, Vec<&str>)> = Vec::new();
    let install = selection.role("install");
    let no_install = install.is_some_and(|role| role.outcome != Outcome::Selected);
    let waits = |role: &Role| no_install && role.reason == NO_SYSTEM_DISK;
    let failed = |role: &&Role| role.outcome != Outcome::Selected && !waits(role);
    for role in selection.roles.iter().filter(failed) {
        let code = code(role);
        let same = |group: &&mut (Code, &Role, Vec<&str>)| {
            group.0 == code && group.1.reason == role.reason
        };
        match groups.iter_mut().find(same) {
            Some((.., roles)) => roles.push(&role.role),
            None => groups.push((code, role, vec![&role.role])),
        }
    }
    let waiting = selection.roles.iter().filter(|role| waits(role));
    let waiting: Vec<&str> = waiting.map(|role| role.role.as_str()).collect();
    let finding = |(code, role, roles): (Code, &Role, Vec<&str>)| {
        let mut at = place_of(role);
        if at.file.is_empty() {
            at = start(subject.file);
        }
        let mut message = format!("{}: {}", roles.join(", "), role.reason);
        if role.role == "install" && !waiting.is_empty() {
            message = format!("{message}; {} wait for it", waiting.join(", "));
        }
        let finding = Finding::new(code, at, message).about(subject.name);
        match (code, subject.hardware) {
            (Code::Ambiguous | Code::NoDisk, Some(hardware)) => finding.hint(format!(
                "every disk, and rules that match one: keelblock select -c {} --hardware {hardware}",
                subject.file
            )),
            _ => finding,
        }
    };
    groups.into_iter().map(finding).collect()
}

/// Several disks that match are ambiguous; one that matches is refused by a guard.
fn code(role: &Role) -> Code {
    if role.outcome == Outcome::None {
        return Code::NoDisk;
    }
    let matching = role.verdicts.iter().filter(|verdict| {
        let asked = |check: &&selector::selection::Check| check.kind == CheckKind::Match;
        verdict.checks.iter().filter(asked).all(|check| check.pass)
    });
    let several = matching.count() > 1 && role.proof.fault.is_none();
    // One of several that holds the role's label or has the best score was chosen, and then refused.
    if several && !role.reason.contains("but must not be used") {
        Code::Ambiguous
    } else {
        Code::Refused
    }
}

fn rows(selection: &Selection, inventory: &Inventory) -> Vec<RoleRow> {
    let row = |role: &Role| {
        let mut disks = inventory.disks.iter();
        let disk = disks.find(|disk| Some(&disk.id) == role.disk_id.as_ref());
        RoleRow {
            role: role.role.clone(),
            outcome: role.outcome,
            disk: role.disk.clone(),
            disk_id: role.disk_id.clone(),
            model: disk.map(|disk| disk.talos.model.clone()),
            size: disk.map(|disk| disk.talos.size),
            reason: role.reason.clone(),
            source: role.source.clone(),
        }
    };
    selection.roles.iter().map(row).collect()
}

fn state(spec: &Spec, findings: &[Finding], hardware: &Hardware<'_>) -> State {
    let has = |codes: &[Code]| findings.iter().any(|finding| codes.contains(&finding.code));
    if has(&[Code::Ambiguous]) {
        State::Ambiguous
    } else if has(&[Code::Refused]) {
        State::Refused
    } else if has(&[Code::NoDisk]) {
        State::NoDisk
    } else if has(&[Code::UnexpectedDisk, Code::Never, Code::Require]) {
        State::RuleBroken
    } else {
        match hardware {
            Hardware::Broken(_) => State::Invalid,
            Hardware::None => State::Unchecked,
            Hardware::Known(..) if spec.install.is_none() => State::NoInstall,
            Hardware::Known(..) => State::Ok,
        }
    }
}
