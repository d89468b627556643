//! The files of a revision, read from git's objects: nothing is checked out, and nothing written.
//!
//! Links are followed as far as they stay in the revision. Paths are absolute below a made-up folder with the name of
//! the revision, so that a message says where a file is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use zeroize::Zeroizing;

use super::git::{self, Entry, Kind};
use crate::cli::error::Failure;
use crate::cli::repository::{MIB, Store, decoded};
use crate::config::talconfig::{FileError, Files};
use crate::exec::ExecError;
use crate::exit::Exit;

/// Most links on the way to a file.
const LINKS: usize = 40;

/// Most bytes that are read ahead, and kept.
const AHEAD: u64 = 64 << 20;

/// Most bytes that git is asked for at once, where more than one file is.
const AT_ONCE: u64 = 8 << 20;

/// Longest way of a link.
const LONGEST_LINK: u64 = 4096;

/// What stands at a path.
enum Found<'r> {
    File(&'r Entry),
    Folder,
}

/// A revision.
pub struct Revision {
    /// As it was typed.
    pub name: String,
    entries: BTreeMap<Box<str>, Entry>,
    read: RefCell<Kept>,
}

/// What git said of objects.
#[derive(Default)]
struct Kept {
    /// Bytes of each that was looked for; `None` if it is not there.
    sizes: HashMap<Box<str>, Option<u64>>,
    contents: HashMap<Box<str>, Rc<Zeroizing<Vec<u8>>>>,
    /// The size of the contents.
    total: u64,
}

impl Kept {
    /// Asks git for the sizes that are not known yet.
    fn look(&mut self, objects: &BTreeSet<&str>) -> Result<(), ExecError> {
        let new = objects.iter().copied();
        let new: Vec<&str> = new.filter(|it| !self.sizes.contains_key(*it)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let found = git::sizes(&new)?;
        for object in new {
            self.sizes.insert(object.into(), found.get(object).copied());
        }
        Ok(())
    }

    /// Reads objects whose sizes come to `sum`.
    fn fetch(&mut self, objects: &[&str], sum: u64) -> Result<(), ExecError> {
        if objects.is_empty() {
            return Ok(());
        }
        for (object, bytes) in git::contents(objects, sum)? {
            self.keep(object, &Rc::new(bytes));
        }
        Ok(())
    }

    fn keep(&mut self, object: Box<str>, bytes: &Rc<Zeroizing<Vec<u8>>>) {
        let size = bytes.len() as u64;
        if self.total.saturating_add(size) <= AHEAD {
            self.total += size;
            self.contents.insert(object, Rc::clone(bytes));
        }
    }
}

impl Revision {
    /// Lists the files of the commit.
    ///
    /// # Errors
    /// Exit 2 if git cannot.
    pub fn of(name: &str, commit: &str) -> Result<Self, Failure> {
        let doing = format!("the files of {name} cannot be listed");
        let entries = git::list(commit).map_err(|error| git::failure(&doing, &error))?;
        Ok(Self {
            name: name.to_owned(),
            entries,
            read: RefCell::default(),
        })
    }

    /// The made-up folder that its files are in.
    pub fn root(&self) -> String {
        let plain =
            !self.name.contains("//") && !self.name.split('/').any(|it| it == ".." || it == ".");
        match plain && !self.name.starts_with('/') {
            true => format!("/{}:", self.name),
            false => String::from("/revision:"),
        }
    }

    /// Whether there is a file at `path`, and no folder; `None` if nothing is.
    pub fn is_file(&self, path: &str) -> Option<bool> {
        match self.find(path) {
            Ok(Found::File(_)) => Some(true),
            Ok(Found::Folder) => Some(false),
            Err(_) => None,
        }
    }

    /// The paths of the files below `folder` that end with one of `ends`, from there; hidden ones are passed over.
    pub fn below(&self, folder: &str, ends: &[&str]) -> Vec<String> {
        let start = match folder {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let entries = self.entries.range(Box::from(&*start)..);
        let entries = entries.map_while(|(path, entry)| Some((path.strip_prefix(&start)?, entry)));
        let wanted = |path: &&str| {
            !path.split('/').any(|name| name.starts_with('.'))
                && ends.iter().any(|end| path.ends_with(end))
        };
        // A link to a folder is passed over, as in a folder on disk.
        let is_folder = |path: &str, entry: &Entry| {
            entry.kind == Kind::Link && self.is_file(&format!("{start}{path}")) == Some(false)
        };
        entries
            .filter(|(path, entry)| wanted(path) && !is_folder(path, entry))
            .map(|(path, _)| path.to_owned())
            .collect()
    }

    /// Reads the files at `paths` at once, for the sake of time; who cannot be read says so when it is asked for.
    ///
    /// # Errors
    /// Exit 2 if git cannot.
    pub fn read_ahead(&self, paths: &[String]) -> Result<(), Failure> {
        let objects = paths.iter().filter_map(|path| match self.find(path) {
            Ok(Found::File(entry)) => Some(&*entry.object),
            _ => None,
        });
        let objects: BTreeSet<&str> = objects.collect();
        let doing = format!("the files of {} cannot be read", self.name);
        let read = self.read_all(&objects);
        read.map_err(|error| git::failure(&doing, &error))
    }

    /// Reads objects of a bounded size into what is kept, and as many as may be kept.
    fn read_all(&self, objects: &BTreeSet<&str>) -> Result<(), ExecError> {
        let mut kept = self.read.borrow_mut();
        kept.look(objects)?;
        let (mut total, mut sum, mut batch) = (kept.total, 0, Vec::new());
        for object in objects {
            let size = match kept.sizes.get(*object) {
                Some(Some(size)) if *size <= (2 * MIB) << 20 => *size,
                _ => continue,
            };
            total += size;
            if total > AHEAD {
                break;
            }
            if sum + size > AT_ONCE {
                kept.fetch(&std::mem::take(&mut batch), sum)?;
                sum = 0;
            }
            sum += size;
            batch.push(*object);
        }
        kept.fetch(&batch, sum)
    }

    /// The bytes of a file of up to `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn bytes(&self, path: &str, limit: u64) -> Result<Rc<Zeroizing<Vec<u8>>>, FileError> {
        match self.find(path)? {
            Found::File(entry) => self.object(entry, limit),
            Found::Folder => Err(FileError::Unreadable(String::from("it is no file"))),
        }
    }

    fn object(&self, entry: &Entry, limit: u64) -> Result<Rc<Zeroizing<Vec<u8>>>, FileError> {
        let failed = |error: ExecError| FileError::Unreadable(error.to_string());
        let missing = || FileError::Unreadable(String::from("git does not have its content"));
        let mut kept = self.read.borrow_mut();
        let found = kept.contents.get(&entry.object).map(Rc::clone);
        let bytes = match found {
            Some(bytes) => bytes,
            None => {
                kept.look(&BTreeSet::from([&*entry.object]))
                    .map_err(failed)?;
                let size = kept.sizes.get(&entry.object).copied().flatten();
                let size = size.ok_or_else(missing)?;
                if size > limit {
                    return Err(FileError::TooLarge(limit >> 20));
                }
                let found = git::contents(&[&entry.object], size).map_err(failed)?;
                let (object, bytes) = found.into_iter().next().ok_or_else(missing)?;
                let bytes = Rc::new(bytes);
                kept.keep(object, &bytes);
                bytes
            }
        };
        match bytes.len() as u64 > limit {
            true => Err(FileError::TooLarge(limit >> 20)),
            false => Ok(bytes),
        }
    }

    /// What stands at `path`, links followed.
    fn find(&self, path: &str) -> Result<Found<'_>, FileError> {
        let outside = || FileError::Outside(self.name.clone());
        let mut open: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        let mut last = None;
        while let Some(part) = open.pop() {
            match &*part {
                "" | "." => continue,
                ".." => {
                    done.pop().ok_or_else(outside)?;
                    last = None;
                    continue;
                }
                _ if last.is_some() => return Err(FileError::Missing),
                _ => done.push(part),
            }
            let here = done.join("/");
            match self.entries.get(&*here) {
                None if self.is_folder(&here) => {}
                None => return Err(FileError::Missing),
                Some(entry) if entry.kind == Kind::Link => {
                    links += 1;
                    if links > LINKS {
                        return Err(FileError::Unreadable(String::from("too many links")));
                    }
                    let target = self.object(entry, LONGEST_LINK);
                    let target = target.map_err(|error| match error {
                        FileError::TooLarge(_) => FileError::Unreadable(String::from(
                            "it is a link of more than 4096 bytes",
                        )),
                        error => error,
                    })?;
                    let target = String::from_utf8_lossy(&target).into_owned();
                    if target.starts_with('/') {
                        return Err(outside());
                    }
                    done.pop();
                    open.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(entry) if entry.kind == Kind::Submodule => {
                    return Err(FileError::Unreadable(String::from("it is in a submodule")));
                }
                Some(entry) => last = Some(entry),
            }
        }
        Ok(last.map_or(Found::Folder, Found::File))
    }

    fn is_folder(&self, path: &str) -> bool {
        let start = format!("{path}/");
        let next = self.entries.range(Box::from(&*start)..).next();
        next.is_some_and(|(path, _)| path.starts_with(&start))
    }
}

/// A revision as the files around a talconfig.yaml.
pub struct Around(pub Rc<Revision>);

impl Around {
    /// The path from the top of the repository.
    fn inside<'p>(&self, path: &'p str) -> Result<&'p str, FileError> {
        let root = self.0.root();
        let inside = path
            .strip_prefix(&root)
            .filter(|it| it.is_empty() || it.starts_with('/'));
        inside.ok_or_else(|| FileError::Outside(self.0.name.clone()))
    }
}

impl Store for Around {
    fn stored(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let bytes = self.0.bytes(self.inside(path)?, MIB << 20)?;
        Ok(Zeroizing::clone(&bytes))
    }
}

impl Files for Around {
    fn read(&self, path: &str) -> Result<Zeroizing<String>, FileError> {
        decoded(&self.0.bytes(self.inside(path)?, MIB << 20)?)
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        match self.0.find(self.inside(path)?) {
            Ok(_) => Ok(true),
            Err(FileError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The failure of a path that is not in the revision.
pub fn not_there(revision: &str, path: &str, hint: String) -> Failure {
    Failure::new(Exit::Usage, format!("{revision} has no {path}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(files: &[(&str, Kind, &str)]) -> Revision {
        let mut entries = BTreeMap::new();
        let mut read = Kept::default();
        for (path, kind, body) in files {
            let object = format!("object of {path}").into_boxed_str();
            let entry = Entry {
                kind: *kind,
                object: object.clone(),
            };
            entries.insert((*path).into(), entry);
            read.keep(object, &Rc::new(Zeroizing::new(body.as_bytes().to_vec())));
        }
        Revision {
            name: String::from("main"),
            entries,
            read: RefCell::new(read),
        }
    }

    #[test]
    fn links_lead_to_files_of_the_revision_only() {
        let revision = revision(&[
            ("a/b.yaml", Kind::File, "b"),
            ("a/link", Kind::Link, "b.yaml"),
            ("up", Kind::Link, "a/../a/link"),
            ("folder", Kind::Link, "a"),
            ("out", Kind::Link, "../b"),
            ("absolute", Kind::Link, "/etc/passwd"),
            ("loop", Kind::Link, "loop"),
            ("other", Kind::Submodule, ""),
        ]);
        let read = |path: &str| revision.bytes(path, 99).map(|it| it.to_vec());
        for path in [
            "a/b.yaml",
            "a/link",
            "up",
            "folder/b.yaml",
            "folder/link",
            "./a//b.yaml",
        ] {
            assert_eq!(read(path).unwrap(), b"b", "{path}");
        }
        for path in ["out", "absolute", "../a", "a/../../x"] {
            assert!(matches!(read(path), Err(FileError::Outside(_))), "{path}");
        }
        for path in ["none", "a/b.yaml/c", "a/none"] {
            assert_eq!(read(path).unwrap_err(), FileError::Missing, "{path}");
        }
        for path in ["loop", "other", "other/x", "a", ""] {
            assert!(
                matches!(read(path), Err(FileError::Unreadable(_))),
                "{path}"
            );
        }
        assert_eq!(revision.is_file("folder"), Some(false));
        assert_eq!(revision.below("", &[".yaml"]), ["a/b.yaml"]);
        assert_eq!(revision.below("a", &["link", ".yaml"]), ["b.yaml", "link"]);
    }

    #[test]
    fn files_are_found_below_the_made_up_folder_only() {
        let revision = Rc::new(revision(&[("a.yaml", Kind::File, "a: 1\n")]));
        let around = Around(Rc::clone(&revision));
        assert_eq!(around.read("/main:/a.yaml").unwrap().as_str(), "a: 1\n");
        assert_eq!(around.exists("/main:/b.yaml"), Ok(false));
        for path in ["/a.yaml", "/main:a.yaml", "/etc/passwd"] {
            assert!(
                matches!(around.read(path), Err(FileError::Outside(_))),
                "{path}"
            );
        }
    }
}
