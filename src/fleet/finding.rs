//! What is wrong with a node, or with the fleet: a code, a place, a sentence, and what to do.
//!
//! Codes are stable: CI settings and suppressions name them.

use serde::{Serialize, Serializer};

use crate::config::spec::Location;
use crate::exit::Exit;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; exit 0.
    Note,
    /// Something could not be checked; exit 0.
    Warning,
    /// It fails the run, with the exit code of its [`Code`].
    Error,
}

impl Level {
    /// The word, which is also SARIF's: `note`, `warning`, `error`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A file or a folder that cannot be read, or a name that is no text.
    Unreadable,
    /// `expect.yaml` is wrong.
    Expectations,
    /// `expect.yaml` speaks of a node or file that is not there.
    UnknownNode,
    /// A configuration that `keelblock validate` refuses.
    Configuration,
    /// A recorded machine that cannot be used.
    Snapshot,
    /// Several recorded machines could be the node's.
    SnapshotUnclear,
    /// Several disks match.
    Ambiguous,
    /// A disk matches, but must not be used.
    Refused,
    /// Not the disk that `expect.yaml` names.
    UnexpectedDisk,
    /// A disk that a rule under `never` forbids.
    Never,
    /// Something that a rule under `require` asks for is missing.
    Require,
    /// No disk matches.
    NoDisk,
    /// Another outcome than in the base.
    Changed,
    /// A node of the base is gone.
    Removed,
    /// A node has no recorded machine, so no disk was chosen.
    NoSnapshot,
    /// The configuration is accepted, but deserves a word.
    Doubtful,
    /// A node that the base does not have.
    Added,
    /// A recorded machine that no node uses.
    UnusedSnapshot,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::Unreadable,
        Self::Expectations,
        Self::UnknownNode,
        Self::Configuration,
        Self::Snapshot,
        Self::SnapshotUnclear,
        Self::Ambiguous,
        Self::Refused,
        Self::UnexpectedDisk,
        Self::Never,
        Self::Require,
        Self::NoDisk,
        Self::Changed,
        Self::Removed,
        Self::NoSnapshot,
        Self::Doubtful,
        Self::Added,
        Self::UnusedSnapshot,
    ];

    /// Its name in every output, such as `no-disk`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Expectations => "expectations",
            Self::UnknownNode => "unknown-node",
            Self::Configuration => "configuration",
            Self::Snapshot => "snapshot",
            Self::SnapshotUnclear => "snapshot-unclear",
            Self::Ambiguous => "ambiguous",
            Self::Refused => "refused",
            Self::UnexpectedDisk => "unexpected-disk",
            Self::Never => "never",
            Self::Require => "require",
            Self::NoDisk => "no-disk",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::NoSnapshot => "no-snapshot",
            Self::Doubtful => "doubtful",
            Self::Added => "added",
            Self::UnusedSnapshot => "unused-snapshot",
        }
    }

    /// What it means, in one sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Unreadable => "A file cannot be read, or has a name that is no text.",
            Self::Expectations => "expect.yaml does not keep to its format.",
            Self::UnknownNode => "expect.yaml speaks of a node or a file that is not there.",
            Self::Configuration => "The machine configuration is not acceptable.",
            Self::Snapshot => "The recorded machine cannot be used.",
            Self::SnapshotUnclear => "Several recorded machines could be this node's.",
            Self::Ambiguous => "Several disks match, so none is chosen.",
            Self::Refused => "The disk that matches must not be used.",
            Self::UnexpectedDisk => "The chosen disk is not the one that expect.yaml names.",
            Self::Never => "The chosen disk is one that a rule of expect.yaml forbids.",
            Self::Require => "Something that a rule of expect.yaml requires is missing.",
            Self::NoDisk => "No disk matches.",
            Self::Changed => "The outcome is another one than in the base.",
            Self::Removed => "The base has this node, the checked folder does not.",
            Self::NoSnapshot => "There is no recorded machine, so only the file was checked.",
            Self::Doubtful => "The configuration is accepted, but deserves a word.",
            Self::Added => "The base does not have this node.",
            Self::UnusedSnapshot => "No node uses this recorded machine.",
        }
    }

    /// How much it weighs.
    pub const fn level(self) -> Level {
        match self {
            Self::NoSnapshot | Self::Doubtful => Level::Warning,
            Self::Added | Self::UnusedSnapshot => Level::Note,
            _ => Level::Error,
        }
    }

    /// How a run with it ends if nothing worse is found.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Unreadable
            | Self::Expectations
            | Self::UnknownNode
            | Self::Configuration
            | Self::Snapshot
            | Self::SnapshotUnclear => Exit::Usage,
            Self::Ambiguous
            | Self::Refused
            | Self::UnexpectedDisk
            | Self::Never
            | Self::Require => Exit::Refused,
            Self::NoDisk => Exit::NoDisk,
            Self::Changed | Self::Removed => Exit::Drift,
            Self::NoSnapshot | Self::Doubtful | Self::Added | Self::UnusedSnapshot => Exit::Done,
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(from = "Written<'static>", into = "Written<'static>")
)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// The node that it is about; `None` for the fleet.
    pub node: Option<String>,
    /// Where: the file, line and column that has to change. Line 0 means the file as a whole.
    pub at: Location,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The other place: the rule that is broken.
    pub also: Option<Location>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line with a caret below the place; only for people at a terminal.
    pub excerpt: Option<String>,
}

impl Finding {
    /// A finding of `code` at `at`.
    pub fn new(code: Code, at: Location, message: impl Into<String>) -> Self {
        Self {
            code,
            node: None,
            at,
            message: message.into(),
            also: None,
            hint: None,
            excerpt: None,
        }
    }

    /// The same about a file as a whole.
    pub fn of_file(code: Code, file: impl Into<String>, message: impl Into<String>) -> Self {
        let at = Location {
            file: file.into(),
            ..Location::default()
        };
        Self::new(code, at, message)
    }

    /// The same about a node.
    pub fn about(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// The same with the rule that is broken.
    pub fn against(mut self, rule: &Location) -> Self {
        self.also = Some(rule.clone());
        self
    }

    /// The same with what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The place for people: `file:line:column`, or the file alone.
    pub fn place(&self) -> String {
        if self.at.line == 0 {
            self.at.file.clone()
        } else {
            self.at.to_string()
        }
    }

    /// What findings are sorted by: node, place, code, words.
    pub fn order(&self) -> impl Ord + use<'_> {
        let at = &self.at;
        let place = (&at.file, at.line, at.column);
        (&self.node, place, self.code, &self.message)
    }
}

/// A [`Finding`] as JSON has it.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(rename = "Finding"))]
pub(crate) struct Written<'a> {
    /// Which kind of finding it is; see the list of codes.
    code: &'a str,
    /// How bad it is.
    level: Level,
    /// The exit code that it stands for; 0 if it does not fail the run.
    exit: u8,
    /// The node that it is about; null for the fleet.
    node: Option<&'a str>,
    /// The file.
    file: &'a str,
    /// Its line, from 1.
    line: u32,
    /// Its column, from 1.
    column: u32,
    /// What is wrong.
    message: &'a str,
    /// What to do.
    hint: Option<&'a str>,
    /// Where the rule stands that is broken.
    rule: Option<String>,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            code: self.code.word(),
            level: self.code.level(),
            exit: self.code.exit().code(),
            node: self.node.as_deref(),
            file: &self.at.file,
            line: self.at.line.max(1),
            column: self.at.column.max(1),
            message: &self.message,
            hint: self.hint.as_deref(),
            rule: self.also.as_ref().map(ToString::to_string),
        };
        written.serialize(to)
    }
}

/// How bad a way to end is; the worst one wins. Where the files themselves are wrong, nothing else is certain; a
/// disk that must not be used weighs more than none, and a change weighs least.
const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::Drift => 1,
        Exit::NoDisk => 2,
        Exit::Refused => 3,
        Exit::Usage => 4,
        Exit::Io => 5,
        Exit::Internal => 6,
    }
}

/// How a run with these findings ends, and the first finding that makes it so.
pub fn worst(findings: &[Finding]) -> (Exit, Option<&Finding>) {
    let mut worst: (Exit, Option<&Finding>) = (Exit::Done, None);
    for finding in findings {
        if rank(finding.code.exit()) > rank(worst.0) {
            worst = (finding.code.exit(), Some(finding));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_fails_the_run_if_it_is_an_error() {
        for (i, code) in Code::ALL.into_iter().enumerate() {
            assert!(
                !Code::ALL[..i]
                    .iter()
                    .any(|other| other.word() == code.word())
            );
            assert_eq!(
                code.level() == Level::Error,
                code.exit() != Exit::Done,
                "{code:?}"
            );
            assert!(code.meaning().ends_with('.'));
        }
    }

    #[test]
    fn the_worst_finding_decides_wherever_it_stands() {
        let of = |codes: &[Code]| {
            let findings: Vec<Finding> = codes
                .iter()
                .map(|code| Finding::of_file(*code, "f", "m"))
                .collect();
            worst(&findings).0
        };
        for (codes, exit) in [
            (&[][..], Exit::Done),
            (&[Code::Added, Code::NoSnapshot], Exit::Done),
            (&[Code::Changed], Exit::Drift),
            (&[Code::NoDisk, Code::Changed], Exit::NoDisk),
            (&[Code::NoDisk, Code::Refused, Code::Changed], Exit::Refused),
            (
                &[Code::Refused, Code::Configuration, Code::NoDisk],
                Exit::Usage,
            ),
        ] {
            assert_eq!(of(codes), exit, "{codes:?}");
        }
    }
}
