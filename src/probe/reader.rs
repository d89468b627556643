//! Attributes of sysfs and procfs as the probe wants them: trimmed text, or nothing. What was there and could not be
//! read is remembered, to be said.

use std::cell::RefCell;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::root::Root;

/// Reads through a [`Root`] and keeps book of what failed.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) root: &'a Root,
    unread: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(root: &'a Root) -> Self {
        Self {
            root,
            unread: RefCell::new(Vec::new()),
        }
    }

    /// What could not be read so far, as sentences; forgotten by this.
    pub(super) fn take_unread(&self) -> Vec<String> {
        self.unread.take()
    }

    /// Adds a sentence to what could not be read.
    pub(super) fn say(&self, sentence: String) {
        self.unread.borrow_mut().push(sentence);
    }

    /// The text of a file without blanks and NULs around it; empty if it is not there.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> String {
        let path = path.as_ref();
        let text = self.kept(path, self.root.read_to_string(path));
        text.unwrap_or_default()
            .trim_matches(|c: char| c.is_whitespace() || c == '\0')
            .chars()
            .map(|c| {
                if c.is_control() && c != '\n' {
                    '\u{FFFD}'
                } else {
                    c
                }
            })
            .collect()
    }

    /// The text of the first of these files that has any.
    pub(super) fn first_text(&self, dir: &Path, names: &[&str]) -> String {
        let mut texts = names.iter().map(|name| self.text(dir.join(name)));
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// A file as it is; `None` if it is not there.
    pub(super) fn raw(&self, path: impl AsRef<Path>) -> Option<String> {
        let path = path.as_ref();
        self.kept(path, self.root.read_to_string(path))
    }

    /// The bytes of a file; `None` if it is not there.
    pub(super) fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let path = path.as_ref();
        self.kept(path, self.root.read(path))
    }

    /// A decimal number; `None` if the file is not there or holds none.
    pub(super) fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path).parse().ok()
    }

    /// Names in a directory, sorted; none if it is not there.
    pub(super) fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let path = path.as_ref();
        let names = self.kept(path, self.root.read_dir(path));
        names.unwrap_or_default()
    }

    pub(super) fn exists(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let found = self.root.exists(path).map(|found| found.then_some(()));
        self.kept(path, found).is_some()
    }

    /// Where a link points, as an absolute path; `None` if it is no link. Links in the target are not followed.
    pub(super) fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        let path = path.as_ref();
        let target = self.kept(path, self.root.read_link(path))?;
        let base = path.parent().unwrap_or(path);
        Some(without_dots(&base.join(target)))
    }

    /// The last component of where a link points.
    pub(super) fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = self.link(path)?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    fn kept<T>(&self, path: &Path, result: io::Result<Option<T>>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.say(format!("{}: {error}", path.display()));
            None
        })
    }
}

/// `/a/b/../c` as `/a/c`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
