//! What kinds of files there are, and their rules and parameters with the places in the file.
//!
//! Owns: telling the kinds apart, and joining the entries of `machine.udev.rules` as Talos does. Pure.

use crate::config::spec::Location;
use crate::config::{self, ParameterKind, Scope, Spot, TuningItem, TuningItems};
use crate::tuner::rules::{self, Place, RulesFile};
use crate::tuner::sysctl_file;

use super::Input;
use super::audience::Audience;
use super::code::Code;
use super::finding::{Finding, Sink};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file of udev's rules.d.
    Rules,
    /// A file of sysctl.d.
    Sysctl,
    /// A machine configuration of Talos, a patch of one, or a talconfig.yaml.
    Talos,
}

/// What the file is: by the end of its name, else by what stands in it.
pub fn kind_of(name: &str, text: &str) -> FileKind {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    match end {
        "rules" => return FileKind::Rules,
        "conf" => return FileKind::Sysctl,
        "yaml" | "yml" | "json" => return FileKind::Talos,
        _ => {}
    }
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let first = first.unwrap_or_default();
    let yaml = [
        "---",
        "- op:",
        "[{",
        "machine:",
        "apiVersion:",
        "kind:",
        "version:",
        "cluster:",
    ];
    if yaml.iter().any(|start| first.starts_with(start)) {
        FileKind::Talos
    } else if first.contains("=\"") || first.contains("=e\"") {
        FileKind::Rules
    } else {
        FileKind::Sysctl
    }
}

/// The rules of one rules file, or of all entries of one place in a Talos file.
#[derive(Debug)]
pub(super) struct RuleSet {
    file: String,
    pub(super) rules: RulesFile,
    pub(super) is_talos: bool,
    pub(super) in_document: bool,
    /// The nodes that it is for.
    pub(super) audience: Audience,
    /// For each line of the joined entries: where its entry stands, and which line of it this is.
    lines: Vec<(Spot, u32)>,
    /// The texts of the entries, each with its place.
    pub(super) entries: Entries,
}

impl RuleSet {
    /// Where `at` stands in the file.
    pub(super) fn location(&self, at: Place) -> Location {
        let index = usize::try_from(at.line.max(1) - 1).unwrap_or(usize::MAX);
        let (line, column) = match self.lines.get(index) {
            Some((spot, line)) => spot.at(*line, at.column),
            None => (at.line, at.column),
        };
        Location {
            file: self.file.clone(),
            line,
            column,
        }
    }

    /// Where line `line` of an entry stands in the file.
    pub(super) fn location_in_entry(&self, spot: Spot, line: u32) -> Location {
        let (line, column) = spot.at(line, 1);
        Location {
            file: self.file.clone(),
            line,
            column,
        }
    }
}

/// Where a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    File,
    Machine,
    Document,
}

/// One kernel parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) kind: ParameterKind,
    /// A sysctl with dots, or a path below `/sys`.
    pub(super) key: String,
    pub(super) value: String,
    pub(super) at: Location,
    pub(super) value_at: Location,
    pub(super) origin: Origin,
    /// The nodes that it is for.
    pub(super) audience: Audience,
}

/// An argument of the kernel.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) text: String,
    pub(super) at: Location,
}

/// What all files together say.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) sets: Vec<RuleSet>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) arguments: Vec<Argument>,
    /// Whether one of them makes swap.
    pub(super) has_swap: bool,
    /// How many nodes they tell apart.
    pub(super) nodes: usize,
}

impl Sources {
    /// Adds a file; what cannot be read of it is a finding.
    pub(super) fn add(&mut self, input: &Input<'_>, sink: &mut Sink) {
        let Input { name, text, .. } = *input;
        let last = input.nodes.and_then(|nodes| nodes.last());
        self.nodes = self.nodes.max(last.map_or(0, |last| last + 1));
        match input.kind {
            FileKind::Rules => self.sets.push(RuleSet {
                file: name.to_owned(),
                rules: rules::parse(text),
                is_talos: false,
                in_document: false,
                audience: Audience::All,
                lines: Vec::new(),
                entries: Vec::new(),
            }),
            FileKind::Sysctl => self.sysctls(name, text, sink),
            FileKind::Talos => {
                let file = Audience::of(input.nodes);
                match input.items {
                    Some(known) => self.talos(name, known.clone(), &file, sink),
                    None => self.talos(name, config::tuning_items(text), &file, sink),
                }
            }
        }
    }

    fn sysctls(&mut self, name: &str, text: &str, sink: &mut Sink) {
        let file = sysctl_file::parse(text);
        let place = |at: Place| location(name, at.line, at.column);
        for fault in file.faults {
            let finding = Finding::new(Code::Syntax, place(fault.at), fault.message);
            sink.add(finding.hint("write `KEY = VALUE`, or begin the line with # or ;"));
        }
        for setting in file.settings {
            let Some(value) = setting.value else {
                continue;
            };
            self.parameters.push(Parameter {
                kind: ParameterKind::Sysctl,
                key: setting.key,
                value,
                at: place(setting.at),
                value_at: place(setting.value_at),
                origin: Origin::File,
                audience: Audience::All,
            });
        }
    }

    fn talos(&mut self, name: &str, found: TuningItems, file: &Audience, sink: &mut Sink) {
        let place = |spot: Spot| location(name, spot.line, spot.column);
        if let Some((spot, message)) = found.fault {
            sink.add(Finding::new(Code::Syntax, place(spot), message));
        }
        let mut part = 0;
        let mut audience = file.clone();
        let mut sets = Parts::default();
        for item in found.items {
            match item {
                TuningItem::Rule {
                    text,
                    spot,
                    in_document,
                } => sets.add((part, in_document), &audience, (text, spot)),
                TuningItem::Parameter {
                    kind,
                    key,
                    key_spot,
                    value,
                    spot,
                    in_document,
                } => self.parameters.push(Parameter {
                    kind,
                    key: match kind {
                        ParameterKind::Sysctl => sysctl_file::dotted(&key),
                        ParameterKind::Sysfs => sysfs_path(&key),
                    },
                    value,
                    at: place(key_spot),
                    value_at: place(spot),
                    origin: match in_document {
                        true => Origin::Document,
                        false => Origin::Machine,
                    },
                    audience: audience.clone(),
                }),
                TuningItem::Argument { text, spot } => self.arguments.push(Argument {
                    text,
                    at: place(spot),
                }),
                TuningItem::Swap => self.has_swap = true,
                TuningItem::For(scope) => {
                    part += 1;
                    audience = of_scope(scope, &found.control_plane).within(file);
                }
            }
        }
        self.nodes = self.nodes.max(found.control_plane.len());
        for ((_, in_document), audience, entries) in sets.0 {
            let set = joined(name, entries, in_document);
            self.sets.push(RuleSet { audience, ..set });
        }
    }
}

/// The entries of udev rules by the part of the file that they are in, and whether that is a document: those of one part
/// are one file on the node.
#[derive(Default)]
struct Parts(Vec<((u32, bool), Audience, Entries)>);

impl Parts {
    fn add(&mut self, part: (u32, bool), audience: &Audience, entry: (String, Spot)) {
        match self.0.iter_mut().rev().find(|it| it.0 == part) {
            Some((.., entries)) => entries.push(entry),
            None => self.0.push((part, audience.clone(), vec![entry])),
        }
    }
}

/// Texts of entries, each with its place.
type Entries = Vec<(String, Spot)>;

fn of_scope(scope: Scope, control_plane: &[bool]) -> Audience {
    let role = |wanted: bool| -> Vec<usize> {
        let nodes = control_plane.iter().enumerate();
        let nodes = nodes.filter(|(_, role)| **role == wanted);
        nodes.map(|(index, _)| index).collect()
    };
    match scope {
        Scope::All => Audience::All,
        Scope::Role { control_plane } => Audience::of(Some(&role(control_plane))),
        Scope::Node(index) => Audience::of(Some(&[index])),
    }
}

/// Whether the file is the whole configuration of a node rather than a part of one.
pub(super) fn is_whole(text: &str) -> bool {
    let has = |start: &str| text.lines().any(|line| line.starts_with(start));
    has("machine:") && has("cluster:")
}

/// The entries as Talos writes them to its rules file: a newline within one continues the rule.
fn joined(name: &str, entries: Entries, in_document: bool) -> RuleSet {
    let mut text = String::new();
    let mut lines = Vec::new();
    for (entry, spot) in &entries {
        for (number, line) in (1..).zip(entry.split('\n')) {
            if number > 1 {
                text.push_str("\\\n");
            }
            text.push_str(line);
            lines.push((*spot, number));
        }
        text.push('\n');
    }
    RuleSet {
        file: name.to_owned(),
        rules: rules::parse(&text),
        is_talos: true,
        in_document,
        audience: Audience::All,
        lines,
        entries,
    }
}

/// The path below `/sys` of a key of `machine.sysfs`, whose dots are slashes.
fn sysfs_path(key: &str) -> String {
    let swap = |char| match char {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    match key.find(['.', '/']).and_then(|at| key.get(at..at + 1)) {
        Some(".") => key.chars().map(swap).collect(),
        _ => key.to_owned(),
    }
}

fn location(file: &str, line: u32, column: u32) -> Location {
    Location {
        file: file.to_owned(),
        line,
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_name_or_what_stands_in_them() {
        for (name, text, kind) in [
            ("60-x.rules", "", FileKind::Rules),
            ("60-x.conf", "", FileKind::Sysctl),
            ("a.yaml", "", FileKind::Talos),
            ("-", "# x\nACTION==\"add\"\n", FileKind::Rules),
            ("-", "machine:\n", FileKind::Talos),
            ("-", "vm.swappiness = 1\n", FileKind::Sysctl),
            ("noend", "", FileKind::Sysctl),
        ] {
            assert_eq!(kind_of(name, text), kind, "{name} {text}");
        }
    }

    #[test]
    fn a_dot_in_a_sysfs_key_is_written_as_a_slash() {
        assert_eq!(
            sysfs_path("block.sda.queue.scheduler"),
            "block/sda/queue/scheduler"
        );
        assert_eq!(sysfs_path("class.net.eth0/1.mtu"), "class/net/eth0.1/mtu");
        assert_eq!(
            sysfs_path("block/sda/queue/scheduler"),
            "block/sda/queue/scheduler"
        );
    }
}
