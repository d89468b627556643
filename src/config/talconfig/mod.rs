//! talconfig.yaml as talhelper 3.1.17 reads it, up to the merged and validated model of every node.
//!
//! ```text
//! talenv ─envfile─▶ Env ┐
//! text ─reencode─▶ text ┴envsubst─▶ text ─yaml─▶ Node ─value─▶ Value ─shape, model─▶ Talconfig ─groups, contents, check─▶ Loaded
//! ```
//! Pure but for the seam [`Files`]. What talhelper refuses is refused, what it takes is taken with the values that it takes,
//! its corners included: comments go before variables are replaced, `1.10` without quotes is `1.1`. keelblock adds refusals
//! of its own: files outside of the repository, files that are encrypted, and what talhelper crashes on.
//! Nothing is rendered here, and Go templates are not looked into.

mod check;
mod contents;
mod envfile;
mod envsubst;
mod files;
mod groups;
mod load;
mod model;
mod patches;
mod paths;
mod recognize;
mod reencode;
mod secrets;
mod shape;
mod sops;
mod timestamp;
mod value;

use thiserror::Error;
use zeroize::Zeroizing;

pub use check::Issue;
pub(crate) use check::hostname;
pub use check::releases::{Release, releases};
pub use contents::ContentError;
pub use envsubst::SubstError;
pub use files::{FileError, Files};
pub use load::{Loaded, Request, load};
pub use model::{
    ImageFactory, InlineManifest, LATEST_TALOS, MachineFile, MachineSpec, Node, NodeConfigs,
    OFFICIAL_FACTORY, Talconfig, Text, Texts,
};
pub use patches::{List, Patch, PatchError, PatchText, PatchTexts};
pub use paths::PathError;
pub(crate) use paths::{absolute, parent};
pub use recognize::is_talconfig;
pub use reencode::ReencodeError;
pub(crate) use reencode::marshalled;
pub use secrets::SecretsError;
pub use shape::UnknownKey;
#[cfg(feature = "schemas")]
pub use shape::json_schema::json_schema;
pub(crate) use shape::typed;
pub use sops::SopsError;
pub use value::{At, Kind, Meaning, Pair, Plain, Value};

/// Why the variables of a text cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// It cannot be written anew.
    #[error(transparent)]
    Yaml(#[from] ReencodeError),
    /// A variable is missing, or a brace.
    #[error(transparent)]
    Variable(#[from] SubstError),
}

/// Variables by name.
pub type Variables = std::collections::BTreeMap<String, Zeroizing<String>>;

/// Drops the comments of a text of YAML, writes it anew and replaces its variables, as talhelper does to talconfig.yaml, to
/// patches and to contents.
///
/// # Errors
/// [`TextError`].
pub fn substituted(text: &str, env: &Variables) -> Result<Zeroizing<String>, TextError> {
    let text = reencode::reencode(text)?;
    Ok(envsubst::substitute(&text, env)?)
}

/// Replaces the variables of a text alone.
///
/// # Errors
/// [`SubstError`].
pub fn substitute(text: &str, env: &Variables) -> Result<Zeroizing<String>, SubstError> {
    envsubst::substitute(text, env)
}

/// Reads the text of a talenv file into `env`, where its variables win. `false` if it cannot be read: talhelper then goes
/// on without a word, and without its variables.
///
/// # Errors
/// [`SopsError`] for one that is encrypted or no mapping.
pub fn read_env(text: &str, env: &mut Variables) -> Result<bool, SopsError> {
    sops::check_mapping(text)?;
    Ok(envfile::read_into(text, env).is_ok())
}
