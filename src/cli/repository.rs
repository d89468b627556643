//! The folder tree that talconfig.yaml and the files that it names are in: the top of its git repository, or its own folder.
//!
//! Reads nothing outside of it, whatever links say, and nothing but files of text of a bounded size. What SOPS encrypted
//! comes out decrypted, if it is YAML and one of the operator's keys of age is for it.
#![expect(clippy::disallowed_types, reason = "files that a configuration names")]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::age_keys;
use crate::cli::error::with_cause;
use crate::config::sops;
use crate::config::talconfig::{FileError, Files};

/// The most that one file may have; the reader of YAML takes no more either.
pub const MIB: u64 = 4;

/// A folder tree.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Without links.
    top: PathBuf,
    /// The path of talconfig.yaml, without links in its folder.
    talconfig: PathBuf,
}

impl Repository {
    /// The tree around `talconfig`: up to the first folder that has a `.git`.
    ///
    /// # Errors
    /// The system's, if there is no such folder, and [`io::ErrorKind::InvalidInput`] for a path that is no text.
    pub fn around(talconfig: &Path) -> io::Result<Self> {
        let folder = match talconfig.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize()?;
        let name = talconfig.file_name().unwrap_or_default();
        let talconfig = folder.join(name);
        if talconfig.to_str().is_none() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let is_top = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
        let top = folder.ancestors().find(is_top).unwrap_or(&folder);
        let top = top.to_path_buf();
        Ok(Self { top, talconfig })
    }

    /// The path of talconfig.yaml, absolute and clean.
    pub fn talconfig(&self) -> &str {
        self.talconfig.to_str().unwrap_or_default()
    }

    /// The folder that no file may be outside of.
    pub fn top(&self) -> &str {
        self.top.to_str().unwrap_or_default()
    }

    /// Where `path` leads, if that is inside.
    fn inside(&self, path: &str) -> Result<PathBuf, FileError> {
        let real = Path::new(path).canonicalize().map_err(of_system)?;
        if real.starts_with(&self.top) {
            Ok(real)
        } else {
            Err(FileError::Outside(self.top().to_owned()))
        }
    }
}

fn of_system(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        _ => FileError::Unreadable(error.to_string()),
    }
}

/// Files with a way to their bytes as they are stored.
pub trait Store: Files {
    /// The bytes of a file, of up to [`MIB`] MiB, whatever they are.
    ///
    /// # Errors
    /// [`FileError`].
    fn stored(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, FileError>;
}

/// The text that the bytes of a file stand for: decrypted, if it is YAML that SOPS encrypted.
///
/// # Errors
/// [`FileError`].
pub fn decoded(bytes: &[u8]) -> Result<Zeroizing<String>, FileError> {
    if bytes.len() as u64 > MIB << 20 {
        return Err(FileError::TooLarge(MIB));
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| FileError::NotText(error.valid_up_to()))?;
    if has_section(text) && sops::is_encrypted(text) {
        return decrypted(text);
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Whether a line starts as the section of SOPS does, without which no file need be looked at twice.
fn has_section(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("sops:") || line.starts_with("\"sops\":"))
}

fn decrypted(text: &str) -> Result<Zeroizing<String>, FileError> {
    let refused = |error: &dyn std::error::Error| FileError::Encrypted(with_cause(error));
    let keys = age_keys::load(&|name| std::env::var(name).ok()).map_err(|error| refused(&error))?;
    sops::decrypt(text, &keys).map_err(|error| refused(&error))
}

impl Store for Repository {
    fn stored(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let path = self.inside(path)?;
        let is_file = path.metadata().map_err(of_system)?.is_file();
        if !is_file {
            return Err(FileError::Unreadable(String::from("it is no file")));
        }
        let file = File::open(path).map_err(of_system)?;
        let mut bytes = Zeroizing::new(Vec::new());
        let mut limited = file.take((MIB << 20) + 1);
        limited.read_to_end(&mut bytes).map_err(of_system)?;
        if bytes.len() as u64 > MIB << 20 {
            return Err(FileError::TooLarge(MIB));
        }
        Ok(bytes)
    }
}

impl Files for Repository {
    fn read(&self, path: &str) -> Result<Zeroizing<String>, FileError> {
        decoded(&self.stored(path)?)
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        match self.inside(path) {
            Ok(_) => Ok(true),
            Err(FileError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_texts_of_the_tree_are_read() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let tree = tempfile::tempdir().unwrap();
        let top = tree.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("talos/patches")).unwrap();
        fs::create_dir(top.join(".git")).unwrap();
        fs::write(top.join("shared.yaml"), "a: 1\n").unwrap();
        fs::write(top.join("talos/binary"), [b'a', 0xff]).unwrap();
        fs::write(top.join("talos/large"), vec![b'#'; (4 << 20) + 1]).unwrap();
        symlink(outside.path().join("secret"), top.join("talos/link")).unwrap();
        symlink("loop", top.join("talos/loop")).unwrap();
        let files = Repository::around(&top.join("talos/talconfig.yaml")).unwrap();
        assert_eq!(Path::new(files.top()), top);
        let read = |name: &str| files.read(top.join(name).to_str().unwrap());
        assert_eq!(read("shared.yaml").unwrap().as_str(), "a: 1\n");
        assert_eq!(read("none").unwrap_err(), FileError::Missing);
        assert_eq!(read("talos/binary").unwrap_err(), FileError::NotText(1));
        assert_eq!(read("talos/large").unwrap_err(), FileError::TooLarge(4));
        assert!(matches!(read("talos/link"), Err(FileError::Outside(_))));
        assert!(matches!(read("talos/loop"), Err(FileError::Unreadable(_))));
        assert!(matches!(read("talos"), Err(FileError::Unreadable(_))));
        let inside = top.join("talos/link");
        assert!(files.exists(inside.to_str().unwrap()).is_err());
    }
}
