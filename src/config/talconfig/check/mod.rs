//! talhelper's own validation of what talconfig.yaml says, field by field.
//!
//! Pure but for the look at files that `extraManifests` names. Finds what talhelper finds, under the names that it gives
//! the fields, so that a configuration which passes here passes there; the words are ours. talhelper crashes on a version
//! of Kubernetes that it cannot read; here that is a finding like any other.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/config/validator.go>.

mod address;
mod cluster;
mod interfaces;
mod kubernetes;
mod names;
mod node;
pub(super) mod releases;
mod schematic;
mod url;
mod version;

pub(crate) use url::hostname;

use super::files::Files;
use super::model::{Talconfig, Text};
use super::value::At;

/// Something that talhelper refuses, or warns about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The field, such as `nodes[0].hostname`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// Where it stands; line 0 if it does not.
    pub at: At,
}

/// What the validation found.
#[derive(Default)]
pub(super) struct Issues {
    /// What is refused.
    pub errors: Vec<Issue>,
    /// What is accepted with a word.
    pub warnings: Vec<Issue>,
}

/// More findings help nobody.
const MAX_ISSUES: usize = 200;

impl Issues {
    fn error(&mut self, at: At, field: &str, message: String) {
        if self.errors.len() < MAX_ISSUES {
            let field = field.to_owned();
            self.errors.push(Issue { field, message, at });
        }
    }

    fn warn(&mut self, at: At, field: &str, message: &str) {
        if self.warnings.len() < MAX_ISSUES {
            self.warnings.push(Issue {
                field: field.to_owned(),
                message: message.to_owned(),
                at,
            });
        }
    }
}

/// Validates the file and every node, which has its group's fields already.
pub(super) fn check(config: &Talconfig, files: &dyn Files) -> Issues {
    let mut issues = Issues::default();
    cluster::check(config, &mut issues);
    for (index, node) in config.nodes.iter().enumerate() {
        node::check(config, node, index, files, &mut issues);
    }
    issues
}

/// The text in quotes for a message; a word for it if a variable brought it in, for that may be a secret.
fn quoted(text: &Text) -> String {
    if text.as_written {
        format!("{:?}", &**text)
    } else {
        String::from("what the variable brings in")
    }
}
