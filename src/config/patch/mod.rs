//! Talos' configuration patches, applied to a machine configuration as Talos applies them.
//!
//! ```text
//! text ─documents─▶ MachineConfig          text ─load─▶ Patch ─┬─ Strategic: delete, merge
//!        (tree, schema)                                        └─ Json: json6902
//! ```
//! Pure: reading files is the caller's work. Mirrors `config/configpatcher`, `config/merge` and
//! `config/configloader` of Talos' `pkg/machinery` at the release that [`super::schema`] names: what it refuses at load
//! is refused, and what it accepts comes out the same. It does not validate; a result may still be no valid
//! configuration. Values never reach a message.

mod delete;
mod documents;
mod error;
mod json6902;
mod load;
mod merge;
mod strategic;

pub use documents::MachineConfig;
pub use error::{DeleteError, LoadError, MergeError, OperationError, PatchError};
pub use load::Patch;

pub use super::tree::{Problem, Wrong};
