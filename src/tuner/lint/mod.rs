//! What is wrong with the tuning that stands in files: rules that never match, settings without effect, values that
//! do harm, and writes that undo each other.
//!
//! ```text
//! text ─source─▶ rules, parameters ─conditions, writes, order, programs─▶ Finding
//! ```
//! Pure: reading files is the caller's work. Says only what is certain from the files alone; no machine is asked.

mod audience;
mod code;
mod conditions;
mod device;
mod finding;
mod order;
mod programs;
pub mod sarif;
mod source;
mod subject;
#[cfg(test)]
mod tests;
mod writes;

pub use code::Code;
pub use finding::{Finding, MOST_FINDINGS};
pub use source::{FileKind, kind_of};

use crate::config::TuningItems;
use crate::tuner::rules::Weight;

use audience::together;
use finding::Sink;
use order::Pairs;
use source::{Origin, Parameter, RuleSet, Sources};
use subject::{Subject, subjects};

/// A file that is checked.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file as it was named, `-` for standard input.
    pub name: &'a str,
    /// Its content; bytes that are not UTF-8 have to be replaced before.
    pub text: &'a str,
    /// What it is.
    pub kind: FileKind,
    /// The nodes that it is for, by their positions from 0 in ascending order; `None` if it is for all of them, or has parts
    /// for single nodes as a talconfig.yaml has.
    pub nodes: Option<&'a [usize]>,
    /// What a [`FileKind::Talos`] has, if it was looked for before.
    pub items: Option<&'a TuningItems>,
}

/// Checks files together: a later one of rules.d or sysctl.d, by its name, wins over an earlier one, and so does a
/// later patch for Talos; a whole configuration begins another node. At most [`MOST_FINDINGS`], in the order of the
/// files and their lines.
pub fn lint(inputs: &[Input<'_>]) -> Vec<Finding> {
    let mut sink = Sink::default();
    for batch in batches(inputs) {
        let mut sources = Sources::default();
        for input in batch {
            sources.add(input, &mut sink);
        }
        check_rules(&sources, &mut sink);
        check_parameters(&sources, &mut sink);
        for argument in &sources.arguments {
            programs::check_argument(argument, &mut sink);
        }
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
    sink.sorted(&names)
}

/// The files that one machine reads, each time in its order: first those of rules.d and sysctl.d.
fn batches<'a>(inputs: &'a [Input<'a>]) -> Vec<Vec<&'a Input<'a>>> {
    let (talos, mut files): (Vec<&Input<'_>>, Vec<&Input<'_>>) = inputs
        .iter()
        .partition(|input| input.kind == FileKind::Talos);
    files.sort_by_key(|input| base_name(input.name));
    let mut batches = vec![files, Vec::new()];
    for input in talos {
        match batches.last_mut() {
            Some(last) if last.is_empty() || !source::is_whole(input.text) => last.push(input),
            _ => batches.push(vec![input]),
        }
    }
    batches
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn check_rules(sources: &Sources, sink: &mut Sink) {
    for set in &sources.sets {
        faults(set, sink);
        programs::check_entries(set, sink);
    }
    let all: Vec<(&RuleSet, Vec<Subject<'_>>)> = sources
        .sets
        .iter()
        .map(|set| (set, subjects(&set.rules)))
        .collect();
    for (set, subjects) in &all {
        for subject in subjects {
            conditions::check(set, subject, sink);
            writes::check_rule(set, subject, sink);
            programs::check_rule(set, subject, sink);
        }
    }
    // What a document takes the place of is not worked through.
    let documents = sources.sets.iter().any(|set| set.in_document);
    let audiences: Vec<_> = sources.sets.iter().map(|set| &set.audience).collect();
    let mut compared = Pairs::default();
    for kind in together(&audiences, sources.nodes) {
        let runs = |set: &RuleSet| set.in_document || !(set.is_talos && documents);
        let some = kind.iter().map(|index| (*index, &all[*index]));
        let some = some.filter(|(_, (set, _))| runs(set));
        order::check_rules(&some.collect::<Vec<_>>(), &mut compared, sink);
    }
    replaced(&sources.sets, sink);
}

/// What udev itself says, without matters of style.
fn faults(set: &RuleSet, sink: &mut Sink) {
    for fault in &set.rules.faults {
        let code = match fault.weight {
            Weight::Style => continue,
            Weight::Warning => Code::DoubtfulSyntax,
            Weight::Error => Code::Syntax,
        };
        let finding = Finding::new(code, set.location(fault.at), fault.message.clone());
        sink.add(finding.hint("see udev(7); `udevadm verify` checks a file"));
    }
}

/// A UdevRulesConfig takes the place of `machine.udev`.
fn replaced(sets: &[RuleSet], sink: &mut Sink) {
    let document = sets.iter().find(|set| set.in_document);
    let Some((_, spot)) = document.and_then(|set| set.entries.first()) else {
        return;
    };
    for set in sets.iter().filter(|set| set.is_talos && !set.in_document) {
        let Some((_, first)) = set.entries.first() else {
            continue;
        };
        let at = set.location_in_entry(*first, 1);
        let also = document.map(|set| set.location_in_entry(*spot, 1));
        let message =
            "a UdevRulesConfig document is there too, and Talos then leaves machine.udev out";
        let mut finding =
            Finding::new(Code::Replaced, at, message).hint("move these rules to the document");
        finding.also = also;
        sink.add(finding);
    }
}

fn check_parameters(sources: &Sources, sink: &mut Sink) {
    for it in &sources.parameters {
        writes::check_parameter(it, sources, sink);
    }
    let audiences: Vec<_> = sources.parameters.iter().map(|it| &it.audience).collect();
    for kind in together(&audiences, sources.nodes) {
        let some = kind.iter().map(|index| &sources.parameters[*index]);
        let mut some: Vec<&Parameter> = some.collect();
        some.sort_by_key(|it| it.origin == Origin::Document);
        order::check_parameters(&some, sink);
    }
}
