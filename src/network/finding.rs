//! One finding about a node's network. Owns its JSON shape. Pure.

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::code::Code;
use super::text::Text;
use crate::config::spec::Location;
use crate::fleet::finding::Level;

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Finding", 8)?;
        fields.serialize_field("code", self.code.word())?;
        fields.serialize_field("level", self.level.word())?;
        fields.serialize_field("file", &self.at.as_ref().map(|at| &at.file))?;
        fields.serialize_field("line", &self.at.as_ref().map(|at| at.line))?;
        fields.serialize_field("column", &self.at.as_ref().map(|at| at.column))?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}
