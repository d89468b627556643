//! Why a node cannot be rendered. Names files, places and constructs, never a value.

use thiserror::Error;

use super::template::TemplateError;
use crate::config::ConfigError;
use crate::config::patch;
use crate::config::talconfig::{self, ContentError};

/// Why a node cannot be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The version of Talos is none that a configuration can be made for.
    #[error("no machine configuration can be made for Talos {0}")]
    Contract(String),
    /// What talhelper makes before any patch is none that Talos takes.
    #[error("{what} of {hostname} is nothing that Talos takes")]
    Base {
        /// What was made.
        what: &'static str,
        /// The node.
        hostname: String,
        /// Why.
        source: patch::LoadError,
    },
    /// Two volumes of a list have one name.
    #[error("{field} of {hostname} has two volumes with the name {name}")]
    Twice {
        /// `volumes` or `userVolumes`.
        field: &'static str,
        /// The node.
        hostname: String,
        /// The name.
        name: String,
    },
    /// A rule of the firewall without a protocol, which talhelper writes and cannot read again.
    #[error("a rule of ingressFirewall of {hostname} has no portSelector.protocol")]
    Protocol {
        /// The node.
        hostname: String,
    },
    /// A schematic that has no id here.
    #[error("the id of the schematic of {hostname} cannot be computed: {why}")]
    Schematic {
        /// The node.
        hostname: String,
        /// Why.
        why: &'static str,
    },
    /// Patches that cannot be read.
    #[error("the patches cannot be read")]
    Patches(#[source] ConfigError),
    /// A template that is not rendered here, or has a mistake.
    #[error("the template {place}")]
    Template {
        /// The file, or where in talconfig.yaml it stands.
        place: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// The variables of a rendered patch cannot be replaced.
    #[error("the rendered patch")]
    Rendered(#[source] talconfig::PatchError),
    /// A patch that Talos would take for the name of a file.
    #[error(
        "{place} has neither a blank nor a line break nor a bracket, and talhelper takes such a patch for the name of a file"
    )]
    Name {
        /// Where in talconfig.yaml it stands, or the file.
        place: String,
    },
    /// A patch that does not apply.
    #[error(transparent)]
    Patch(#[from] patch::PatchError),
    /// A file of `extraManifests` that cannot be had.
    #[error("{path}")]
    Manifest {
        /// The file.
        path: String,
        /// Why.
        source: ContentError,
    },
    /// The name of a node's file leads out of the folder, or is none.
    #[error("filenameTmpl makes no name of a file in the folder for {0}")]
    FileName(String),
    /// With the extra manifests it is no machine configuration any more.
    #[error("with its extraManifests, the configuration of {hostname} is none that Talos takes")]
    Whole {
        /// The node.
        hostname: String,
        /// Why.
        source: patch::LoadError,
    },
}
