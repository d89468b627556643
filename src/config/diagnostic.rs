//! What is wrong with a configuration: a list of places, each with what stands there and what may.
//!
//! Owns the error type of the config part. Never holds a passphrase: what is quoted comes through
//! [`super::context`], which leaves out whatever stands where a secret may stand.

use std::fmt;

use super::spec::Location;

/// Why a configuration is not acceptable: at least one diagnostic, in the order of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    diagnostics: Vec<Diagnostic>,
}

impl ConfigError {
    pub(super) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// The same with every diagnostic as `change` makes it.
    pub(crate) fn map(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Self::new(self.diagnostics.into_iter().map(change).collect())
    }

    /// Every diagnostic, at least one.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// One line for each diagnostic.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of mistake it is.
    pub kind: DiagnosticKind,
    /// Where it stands.
    pub at: Location,
    /// The field, such as `machine.install.diskSelector.size`; empty where there is none.
    pub path: String,
    /// What is wrong, lower case.
    pub message: String,
    /// The text that stands there, shortened to one line; `None` where a secret may stand.
    pub found: Option<String>,
    /// What may stand there.
    pub allowed: Option<String>,
    /// What was probably meant.
    pub hint: Option<String>,
    /// The other place of a conflict or a repetition.
    pub also: Option<Location>,
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiagnosticKind {
    /// Not valid YAML, or not text at all.
    Syntax,
    /// Larger or deeper than a configuration can be.
    Limit,
    /// No document in any of the files.
    Empty,
    /// A document that is not a mapping, or without `kind` or `apiVersion`.
    NotADocument,
    /// A kind of document that Talos does not have.
    UnknownKind,
    /// A key that Talos does not have in this place.
    UnknownKey,
    /// A scalar where a mapping must stand, and the like.
    WrongType,
    /// A value that is not allowed.
    BadValue,
    /// Something required is not there.
    Missing,
    /// The same key or document twice.
    Duplicate,
    /// Two places that exclude each other.
    Conflict,
}

impl DiagnosticKind {
    /// The word for machine-readable output, such as `unknown-key`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Limit => "limit",
            Self::Empty => "empty",
            Self::NotADocument => "not-a-document",
            Self::UnknownKind => "unknown-kind",
            Self::UnknownKey => "unknown-key",
            Self::WrongType => "wrong-type",
            Self::BadValue => "bad-value",
            Self::Missing => "missing",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: path: message: found; also at …; allowed: …; hint: …`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(f, ": `{found}`")?;
        }
        if let Some(also) = &self.also {
            write!(f, "; also at {also}")?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, "; allowed: {allowed}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

/// Longest quotation, in characters.
const MAX_QUOTE: usize = 120;

/// Printable, on one line, and short.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == MAX_QUOTE {
            line.push('…');
            break;
        }
        match c {
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}
