//! Where the files come from that talconfig.yaml names: a seam, so that everything behind it is pure.
//!
//! Paths are absolute and clean, as [`super::paths`] makes them; what is behind them, links above all, is the business of
//! whoever implements [`Files`].

use thiserror::Error;
use zeroize::Zeroizing;

/// Why a file is not there to be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It leads out of the folder that holds the configuration, by way of a link.
    #[error("it leads out of {0}")]
    Outside(String),
    /// It is larger than a configuration can be.
    #[error("it has more than {0} MiB")]
    TooLarge(u64),
    /// It is not UTF-8.
    #[error("it is not text: byte {0} is not UTF-8")]
    NotText(usize),
    /// SOPS encrypted it, and it cannot be decrypted here: why.
    #[error("{0}")]
    Encrypted(String),
    /// A folder, a device, or what the system did not want to open.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Reads files by their absolute paths, and decrypts those of YAML that SOPS encrypted.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// [`FileError`]; [`FileError::Missing`] only if nothing has this name.
    fn read(&self, path: &str) -> Result<Zeroizing<String>, FileError>;

    /// Whether something has this name, whatever it is.
    ///
    /// # Errors
    /// [`FileError`] if that cannot be told.
    fn exists(&self, path: &str) -> Result<bool, FileError> {
        match self.read(path) {
            Ok(_)
            | Err(FileError::TooLarge(_) | FileError::NotText(_) | FileError::Encrypted(_)) => {
                Ok(true)
            }
            Err(FileError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
