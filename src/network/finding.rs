//! One finding about a node's network. Owns its JSON shape. Pure.

use serde::{Serialize, Serializer};

use super::code::Code;
use super::text::Text;
use crate::config::spec::Location;
use crate::fleet::finding::Level;

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(from = "Written<'static>", into = "Written<'static>")
)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// How much it weighs here.
    pub level: Level,
    /// Where it stands; `None` if it is something that stands nowhere.
    pub at: Option<Location>,
    /// The field, such as `cluster.network.podSubnets[1]` or `KubeNetworkConfig.podSubnets[1]`.
    pub path: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What would be right here; [`Code::fix`] says it in general.
    pub hint: String,
}

impl Finding {
    /// A finding of `code` at `text`, with the fix of its code.
    pub(super) fn at(code: Code, text: &Text, message: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level(),
            at: Some(text.at.clone()),
            path: text.path.clone(),
            message: message.into(),
            hint: code.fix().to_owned(),
        }
    }

    /// The same with another fix.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with another weight.
    pub(super) fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// What findings are sorted by: line, then code and words.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        let at = self.at.as_ref().map(|at| (at.line, at.column));
        (at, self.code, &self.message)
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
    /// The file; null if no file is to blame.
    file: Option<&'a str>,
    /// Its line, from 1.
    line: Option<u32>,
    /// Its column, from 1.
    column: Option<u32>,
    /// The field, such as `cluster.network.podSubnets[1]`.
    path: &'a str,
    /// What is wrong.
    message: &'a str,
    /// What to do.
    hint: &'a str,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            code: self.code.word(),
            level: self.level,
            file: self.at.as_ref().map(|at| at.file.as_str()),
            line: self.at.as_ref().map(|at| at.line),
            column: self.at.as_ref().map(|at| at.column),
            path: &self.path,
            message: &self.message,
            hint: &self.hint,
        };
        written.serialize(to)
    }
}
