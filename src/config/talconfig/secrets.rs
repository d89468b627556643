//! The cluster's secrets, read as talhelper reads them: decrypted, variables replaced, no key too many. Pure but for [`Files`].

use thiserror::Error;

use super::load::Loaded;
use super::{FileError, Files, TextError, substituted};
use crate::config::generate::{BundleError, Secrets};

/// Why the file of secrets cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretsError {
    /// It cannot be read.
    #[error("{path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: FileError,
    },
    /// A variable of it cannot be replaced, or it is no YAML.
    #[error("{path}")]
    Text {
        /// The file.
        path: String,
        /// Why.
        source: TextError,
    },
    /// It holds something else, or not everything.
    #[error("{path}")]
    Bundle {
        /// The file.
        path: String,
        /// Why.
        source: BundleError,
    },
}

impl Loaded {
    /// What the file of secrets holds; `None` if there is no such file, for which talhelper makes new secrets each time.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn read_secrets(&self, files: &dyn Files) -> Result<Option<Secrets>, SecretsError> {
        let Some(path) = &self.secrets else {
            return Ok(None);
        };
        let path = || path.clone();
        let text = files.read(&path()).map_err(|source| SecretsError::File {
            path: path(),
            source,
        })?;
        if text.trim().is_empty() {
            let source = BundleError::Empty;
            return Err(SecretsError::Bundle {
                path: path(),
                source,
            });
        }
        let text = substituted(&text, &self.env).map_err(|source| SecretsError::Text {
            path: path(),
            source,
        })?;
        let secrets = Secrets::read(&text).map_err(|source| SecretsError::Bundle {
            path: path(),
            source,
        })?;
        Ok(Some(secrets))
    }
}
