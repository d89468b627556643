//! The folder of a fleet: which files are there, and their text.
//!
//! Nothing outside of the folder is opened: links are followed to files below it only, folders that are links never,
//! and what a file names is looked up among the files that were found. Hidden files and folders are passed over.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "files below the folder that the user names"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::libc::{ELOOP, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};
use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::exit::Exit;
use crate::fleet::finding::{Code, Finding};

/// Deepest folder.
const DEEPEST: usize = 32;

/// Most entries of all folders together.
const MOST: usize = 4_000_000;

/// The file with the expectations, in the root of the folder.
pub const EXPECT: &str = "expect.yaml";

/// The files of a folder.
#[derive(Debug, Default)]
pub struct Tree {
    root: PathBuf,
    /// What stands before a path where a finding names it.
    pub prefix: String,
    /// YAML files but [`EXPECT`], as sorted paths from the folder.
    pub yaml: Vec<String>,
    /// JSON files, likewise.
    pub json: Vec<String>,
    /// Whether [`EXPECT`] is there.
    pub expect: bool,
    /// What could not be looked at.
    pub findings: Vec<Finding>,
}

impl Tree {
    /// Finds the files below `root`.
    ///
    /// # Errors
    /// Exit 2 if it is no folder, or holds more than any fleet.
    pub fn of(root: &Path) -> Result<Self, Failure> {
        let unusable = |error: &io::Error| {
            Failure::new(Exit::Usage, format!("cannot look into {}", root.display()))
                .because(error)
                .hint("name a folder with node configurations and recorded machines")
        };
        let real = std::fs::canonicalize(root).map_err(|error| unusable(&error))?;
        if !real.is_dir() {
            let message = format!("{} is no folder", root.display());
            return Err(Failure::new(Exit::Usage, message).hint(
                "name the folder with the node configurations; one node is checked with `keelblock select`",
            ));
        }
        std::fs::read_dir(&real).map_err(|error| unusable(&error))?;
        let mut tree = Self {
            root: real,
            prefix: prefix(root),
            ..Self::default()
        };
        let mut open = vec![(String::new(), 0)];
        let mut seen = 0;
        while let Some((folder, depth)) = open.pop() {
            tree.folder(&folder, depth, &mut open, &mut seen);
            if seen > MOST {
                let message = format!("{} has more than {MOST} entries", root.display());
                return Err(Failure::new(Exit::Usage, message).hint("name the fleet's own folder"));
            }
        }
        tree.yaml.sort_unstable();
        tree.json.sort_unstable();
        Ok(tree)
    }

    /// One file as if it were alone in its folder.
    ///
    /// # Errors
    /// Exit 2 if its folder cannot be looked into, or its name is not UTF-8.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let unusable = |why: &dyn std::error::Error| {
            Failure::new(Exit::Usage, format!("cannot read {}", path.display()))
                .because(why)
                .hint("name a node configuration or a talconfig.yaml")
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let root = std::fs::canonicalize(folder).map_err(|error| unusable(&error))?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| unusable(&io::Error::from(io::ErrorKind::InvalidInput)))?;
        Ok(Self {
            root,
            prefix: prefix(folder),
            yaml: vec![name.to_owned()],
            ..Self::default()
        })
    }

    fn folder(
        &mut self,
        folder: &str,
        depth: usize,
        open: &mut Vec<(String, usize)>,
        seen: &mut usize,
    ) {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error.to_string()),
        };
        for entry in entries {
            *seen += 1;
            let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) => (entry, kind),
                Err(error) => {
                    self.unreadable(folder, &error.to_string());
                    continue;
                }
            };
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let lossy = name.to_string_lossy();
                if kind.is_dir() || extension(&lossy).is_some() {
                    self.unreadable(&below(folder, &lossy), "its name is not UTF-8");
                }
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = below(folder, name);
            if kind.is_dir() {
                if depth < DEEPEST {
                    open.push((path, depth + 1));
                } else {
                    self.unreadable(&path, &format!("deeper than {DEEPEST} folders"));
                }
            } else {
                self.file(path, kind.is_symlink());
            }
        }
    }

    fn file(&mut self, path: String, is_link: bool) {
        let Some(extension) = extension(&path) else {
            return;
        };
        if is_link {
            match std::fs::canonicalize(self.root.join(&path)) {
                Ok(real) if !real.starts_with(&self.root) => {
                    return self.unreadable(&path, "it is a link that leads out of the folder");
                }
                Ok(real) if real.is_dir() => return,
                Ok(_) => {}
                Err(error) => return self.unreadable(&path, &error.to_string()),
            }
        }
        match extension {
            _ if path == EXPECT => self.expect = true,
            "json" => self.json.push(path),
            _ => self.yaml.push(path),
        }
    }

    /// Where a file of the folder is, without links in the folder's own path.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn unreadable(&mut self, path: &str, why: &str) {
        let file = format!("{}{path}", self.prefix);
        let message = format!("cannot be read: {why}");
        self.findings
            .push(Finding::of_file(Code::Unreadable, file, message).hint(
            "mend or remove it; what cannot be read is not taken for a file that does not matter",
        ));
    }

    /// The text of a file, of up to `limit` bytes. It may hold passphrases.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn text(&self, path: &str, limit: u64) -> Result<Zeroizing<String>, String> {
        read(self.open(path), limit)
    }

    /// The text of a file without secrets, of up to `limit` bytes, in `buffer`: who reads many files has one for all.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn plain<'b>(
        &self,
        path: &str,
        limit: u64,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b str, String> {
        fill(self.open(path), limit, buffer)?;
        std::str::from_utf8(buffer).map_err(|error| no_text(&error))
    }

    /// The first bytes of a file that are text; as many as `buffer` has room for.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn head<'b>(&self, path: &str, buffer: &'b mut [u8]) -> Result<&'b str, String> {
        let (mut file, _) = self.open(path).map_err(|error| error.to_string())?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let bytes = &buffer[..filled];
        let end = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        std::str::from_utf8(&bytes[..end]).map_err(|error| error.to_string())
    }

    fn open(&self, path: &str) -> io::Result<(File, u64)> {
        let path = self.root.join(path);
        match open(&path, O_NOFOLLOW) {
            // A link was looked at before; it is resolved again, so that it cannot have moved out since.
            Err(error) if error.raw_os_error() == Some(ELOOP) => {
                let real = std::fs::canonicalize(&path)?;
                if !real.starts_with(&self.root) {
                    let why = "it is a link that leads out of the folder";
                    return Err(io::Error::other(why));
                }
                open(&real, O_NOFOLLOW)
            }
            opened => opened,
        }
    }
}

/// The text of a file anywhere.
///
/// # Errors
/// Why not, in words.
pub fn text(path: &Path, limit: u64) -> Result<Zeroizing<String>, String> {
    read(open(path, 0), limit)
}

/// A file and how many bytes it has. A pipe is not waited for, and a device not read.
fn open(path: &Path, flags: i32) -> io::Result<(File, u64)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags | O_NONBLOCK | O_NOCTTY)
        .open(path)?;
    let found = file.metadata()?;
    if found.is_file() {
        Ok((file, found.len()))
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

fn read(opened: io::Result<(File, u64)>, limit: u64) -> Result<Zeroizing<String>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    fill(opened, limit, &mut bytes)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            let why = no_text(&error.utf8_error());
            drop(Zeroizing::new(error.into_bytes()));
            Err(why)
        }
    }
}

/// The bytes of a file in the place of those in `buffer`, which gets its room at once and does not move while it fills.
fn fill(opened: io::Result<(File, u64)>, limit: u64, buffer: &mut Vec<u8>) -> Result<(), String> {
    let (file, size) = opened.map_err(|error| error.to_string())?;
    let too_large = || format!("it is larger than {} MiB", limit >> 20);
    if size > limit {
        return Err(too_large());
    }
    buffer.clear();
    buffer.reserve(usize::try_from(size).unwrap_or(0).saturating_add(1));
    let read = file.take(limit + 1).read_to_end(buffer);
    read.map_err(|error| error.to_string())?;
    if buffer.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(())
}

fn no_text(error: &std::str::Utf8Error) -> String {
    let at = error.valid_up_to();
    format!("it is not text: byte {at} is not UTF-8")
}

fn below(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn extension(path: &str) -> Option<&'static str> {
    let known = [".yaml", ".yml", ".json"];
    let extension = known.iter().find(|extension| path.ends_with(**extension))?;
    extension.strip_prefix('.')
}

/// A folder that was named from here keeps its name in findings, so that they can be followed from here; of any
/// other one, they are told from the folder.
fn prefix(root: &Path) -> String {
    use std::path::Component;
    let mut prefix = String::new();
    for component in root.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => match name.to_str() {
                Some(name) => prefix = format!("{prefix}{name}/"),
                None => return String::new(),
            },
            _ => return String::new(),
        }
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_can_be_followed_from_where_the_command_was_typed() {
        for (root, wanted) in [
            (".", ""),
            ("fleet", "fleet/"),
            ("./a/./b/", "a/b/"),
            ("/srv/fleet", ""),
            ("../fleet", ""),
        ] {
            assert_eq!(prefix(Path::new(root)), wanted, "{root}");
        }
    }
}
