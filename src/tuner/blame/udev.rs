//! The udev rules that set a knob of a disk.
//!
//! Reads through [`Root`] alone.

use std::path::{Path, PathBuf};

use crate::root::Root;
use crate::tuner::knobs;
use crate::tuner::rules::{self, Key, Rule, Token};

use super::chain::{self, Device};
use super::drop_in::drop_ins;
use super::holds::{Holds, View};
use super::{Evidence, Origin};

/// Most writes that are kept.
const MOST_EVIDENCE: usize = 256;

/// Which device of the disk's chain a rule has to be for, and how it calls the attribute.
struct Target {
    chain: Vec<Device>,
    attributes: Vec<String>,
}

/// Every rule that sets the knob `key` of `disk` and may hold for it, in the order in which udev works through them.
pub(super) fn evidence(root: &Root, disk: &Path, key: &str) -> Vec<Evidence> {
    let Some(target) = target(root, disk, key) else {
        return Vec::new();
    };
    let Some(device) = target.chain.first() else {
        return Vec::new();
    };
    let properties = chain::properties(root, device);
    let view = View {
        root,
        chain: &target.chain,
        properties: &properties,
    };
    let mut found = Vec::new();
    for (file, text) in drop_ins(root, "udev/rules.d", ".rules") {
        // Rules by the hundred have nothing to do with the knob.
        let names = target.attributes.iter().any(|it| mentions(&text, it));
        if names || key.ends_with("/read_ahead_kb") {
            walk(
                &rules::parse(&text).rules,
                &file,
                key,
                &target,
                &view,
                &mut found,
            );
        }
    }
    found
}

/// Rules that are in no folder, such as those of a configuration.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

/// What a rule writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Path of the attribute below the device.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether the rule's conditions hold; never [`Holds::No`].
    pub holds: Holds,
}

impl Rules {
    /// Reads rules; what is no rule is passed over, as udev does.
    pub fn parse(text: &str) -> Self {
        Self(rules::parse(text).rules)
    }

    /// What they write below the block device `disk`, in order. Values that udev would fill in are left out.
    pub fn writes(&self, root: &Root, disk: &Path) -> Vec<Write> {
        let chain = chain::chain(root, disk);
        let Some(device) = chain.first() else {
            return Vec::new();
        };
        let properties = chain::properties(root, device);
        let view = View {
            root,
            chain: &chain,
            properties: &properties,
        };
        let mut found = Vec::new();
        for rule in &self.0 {
            let holds = view.rule(rule);
            let plain = rule
                .writes()
                .filter(|(token, _)| !token.value.contains(['$', '%']));
            if holds != Holds::No {
                found.extend(plain.map(|(token, attribute)| Write {
                    key: attribute.to_owned(),
                    value: token.value.clone(),
                    holds,
                }));
            }
        }
        found
    }
}

fn target(root: &Root, disk: &Path, key: &str) -> Option<Target> {
    let (owner, name) = key.split_once('/')?;
    let of = |path: PathBuf, attributes: Vec<String>| {
        let chain = chain::chain(root, &path);
        Some(Target { chain, attributes })
    };
    match owner {
        "queue" | "bdi" if name == "read_ahead_kb" => {
            let both = ["queue/read_ahead_kb", "bdi/read_ahead_kb"].map(str::to_owned);
            of(disk.to_owned(), both.to_vec())
        }
        "queue" | "bdi" | "device" => of(disk.to_owned(), vec![key.to_owned()]),
        "scsi_disk" => {
            let below = disk.join("device/scsi_disk");
            let names = root.read_dir(&below).ok().flatten()?;
            of(below.join(names.first()?), vec![name.to_owned()])
        }
        "usb" => {
            let all = chain::chain(root, disk);
            let is_usb = |it: &&Device| root.exists(it.path.join("idVendor")).unwrap_or(false);
            let device = all.iter().find(is_usb)?;
            of(device.path.clone(), vec![name.to_owned()])
        }
        _ => None,
    }
}

/// Whether the text has the last part of the attribute's name.
fn mentions(text: &str, attribute: &str) -> bool {
    let last = attribute.rsplit('/').next().unwrap_or(attribute);
    text.contains(last)
}

/// Works through the rules of one file as udev does, jumps included.
fn walk(
    rules: &[Rule],
    file: &str,
    key: &str,
    target: &Target,
    view: &View<'_>,
    found: &mut Vec<Evidence>,
) {
    let mut at = 0;
    // Up to there it is not certain that udev comes along.
    let mut doubtful = 0;
    while let Some(rule) = rules.get(at) {
        let mut holds = view.rule(rule);
        if at < doubtful {
            holds = holds.min(Holds::Unknown);
        }
        at += 1;
        if holds == Holds::No {
            continue;
        }
        for token in &rule.tokens {
            if let Some((from, value)) = sets(token, key, target)
                && found.len() < MOST_EVIDENCE
            {
                found.push(Evidence {
                    from,
                    file: file.to_owned(),
                    line: token.at.line,
                    value,
                    holds,
                });
            }
        }
        let Some(label) = rule.value_of(Key::Goto) else {
            continue;
        };
        let lands = |rule: &Rule| rule.value_of(Key::Label) == Some(label);
        let Some(ahead) = rules.get(at..).and_then(|rest| rest.iter().position(lands)) else {
            continue;
        };
        match holds {
            Holds::Yes => at += ahead,
            _ => doubtful = doubtful.max(at + ahead),
        }
    }
}

/// How the pair changes the knob, and to what.
fn sets(token: &Token, key: &str, target: &Target) -> Option<(Origin, Option<String>)> {
    if let Some(attribute) = token.writes() {
        if target.attributes.iter().any(|it| it == attribute) {
            let plain = !token.value.contains(['$', '%']);
            return Some((Origin::UdevRule, plain.then(|| token.value.clone())));
        }
        let raises = knobs::by_key(attribute).is_some_and(|knob| knob.raises_read_ahead);
        let read_ahead = key.ends_with("/read_ahead_kb");
        return (raises && read_ahead).then_some((Origin::UdevSideEffect, None));
    }
    let runs = token.key == Key::Run && !token.is_match();
    let named = || {
        target
            .attributes
            .iter()
            .any(|it| mentions(&token.value, it))
    };
    (runs && named()).then_some((Origin::UdevProgram, None))
}
