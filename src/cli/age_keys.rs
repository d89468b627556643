//! The operator's keys of age, from where SOPS looks for them: `SOPS_AGE_KEY`, the file that `SOPS_AGE_KEY_FILE` names, and
//! `sops/age/keys.txt` in the folder of the user's configuration.
//!
//! Keys of SSH and commands that print keys are not asked for; `SOPS_AGE_KEY` takes the key for those. What cannot be read
//! is an error, since the key that is missed would be the one that was needed.
#![expect(clippy::disallowed_types, reason = "files of keys")]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::sops::{self, Identity, IdentityError};

/// The most that a file of keys may have.
const LIMIT: u64 = 1 << 20;

/// Why keys cannot be read.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the age keys of {path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("the age keys of {place} cannot be used")]
    Key {
        /// The file or the variable.
        place: String,
        /// Why.
        source: IdentityError,
    },
}

/// All keys that are there, by the environment that `variable` gives.
///
/// # Errors
/// [`KeyError`].
pub fn load(variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Identity>, KeyError> {
    let mut keys = Vec::new();
    if let Some(text) = variable("SOPS_AGE_KEY").map(Zeroizing::new) {
        keys.extend(parse("SOPS_AGE_KEY", &text)?);
    }
    if let Some(path) = variable("SOPS_AGE_KEY_FILE") {
        keys.extend(file(Path::new(&path))?);
    }
    if let Some(path) = default_file(variable)
        && path.exists()
    {
        keys.extend(file(&path)?);
    }
    Ok(keys)
}

fn default_file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let of = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = of("XDG_CONFIG_HOME").or_else(|| of("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("sops/age/keys.txt"))
}

fn file(path: &Path) -> Result<Vec<Identity>, KeyError> {
    let mut text = Zeroizing::new(String::new());
    let place = || path.display().to_string();
    let opened = File::open(path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    opened.map_err(|source| KeyError::File {
        path: place(),
        source,
    })?;
    parse(&place(), &text)
}

fn parse(place: &str, text: &str) -> Result<Vec<Identity>, KeyError> {
    sops::identities(text).map_err(|source| KeyError::Key {
        place: place.to_owned(),
        source,
    })
}
