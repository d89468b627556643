//! The patches of a node in the order in which they apply, each with where it comes from.
//!
//! Group, node, then the whole file: the last one wins. Files are read and their variables replaced here, unless the file
//! is a template: variables come after rendering, so its text waits in [`PatchText::Template`] until the machine
//! configuration is there that a template may look into.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/patcher/patcher.go>.

use std::cell::RefCell;
use std::collections::HashMap;

use thiserror::Error;
use zeroize::Zeroizing;

use super::envsubst::Env;
use super::files::{FileError, Files};
use super::model::{Node, Talconfig, Text};
use super::paths::{self, PathError};
use super::reencode::ReencodeError;
use super::sops::{self, SopsError};
use super::value::At;
use super::{SubstError, substituted};

/// Which list a patch is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `controlPlane.patches` or `worker.patches`.
    Group,
    /// `nodes[].patches`.
    Node,
    /// `patches` of the file.
    Cluster,
}

/// A patch.
#[derive(Clone)]
pub struct Patch {
    /// The list it is in. Templates look into the configuration as it was before the list; the group's and the node's
    /// are one list for that.
    pub list: List,
    /// Where its entry stands in talconfig.yaml.
    pub at: At,
    /// The file, if it is one.
    pub file: Option<String>,
    /// Its text.
    pub text: PatchText,
}

/// The text of a patch as far as it can be known without a machine configuration.
#[derive(Clone)]
pub enum PatchText {
    /// Ready to apply.
    Ready(Zeroizing<String>),
    /// A template of Go, to be rendered first; the variables of one from a file come after that.
    Template(Zeroizing<String>),
    /// A file of blanks, which talhelper passes over.
    Empty,
}

/// Why a patch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatchError {
    /// It is not one of the files of the repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It cannot be read.
    #[error("{path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: FileError,
    },
    /// It is encrypted.
    #[error("{path}")]
    Sops {
        /// The file.
        path: String,
        /// Why.
        source: SopsError,
    },
    /// It is no YAML.
    #[error("{path}")]
    Yaml {
        /// The file.
        path: String,
        /// Why.
        source: ReencodeError,
    },
    /// A variable of it cannot be replaced.
    #[error("{path}")]
    Variable {
        /// The file.
        path: String,
        /// Why.
        source: SubstError,
    },
}

/// The texts of files of patches that were read, so that a file which many nodes name is read once. For one talconfig.yaml
/// and one source of files. Has no `Debug`: it may hold keys.
#[derive(Default)]
pub struct PatchTexts(RefCell<HashMap<String, Result<PatchText, PatchError>>>);

/// What reading patches needs besides their entries.
pub(super) struct Reader<'r> {
    pub files: &'r dyn Files,
    pub env: &'r Env,
    /// The path of talconfig.yaml.
    pub talconfig: &'r str,
    /// The top of the repository.
    pub root: &'r str,
    /// What was read before.
    pub texts: &'r PatchTexts,
}

impl Reader<'_> {
    /// All patches of `node`, and the entries that cannot be read.
    pub fn all(&self, config: &Talconfig, node: &Node) -> (Vec<Patch>, Vec<(At, PatchError)>) {
        let own = node.configs.patches.as_deref().unwrap_or_default();
        let (shared, own) = own.split_at(node.group_patches.min(own.len()));
        let cluster = config.patches.as_deref().unwrap_or_default();
        let entries = [
            (List::Group, shared),
            (List::Node, own),
            (List::Cluster, cluster),
        ];
        let (mut patches, mut errors) = (Vec::new(), Vec::new());
        for (list, entry) in entries
            .iter()
            .flat_map(|(list, it)| it.iter().map(|it| (*list, it)))
        {
            match self.patch(list, entry) {
                Ok(patch) => patches.push(patch),
                Err(error) => errors.push((entry.at, error)),
            }
        }
        (patches, errors)
    }

    fn patch(&self, list: List, entry: &Text) -> Result<Patch, PatchError> {
        let file = entry.strip_prefix('@').map(str::to_owned);
        let text = match &file {
            Some(path) => self.file(path)?,
            None if entry.contains("{{") => PatchText::Template(entry.text.clone()),
            None => PatchText::Ready(entry.text.clone()),
        };
        let at = entry.at;
        Ok(Patch {
            list,
            at,
            file,
            text,
        })
    }

    /// The text of the file, read if it is not known.
    fn file(&self, path: &str) -> Result<PatchText, PatchError> {
        if let Some(known) = self.texts.0.borrow().get(path) {
            return known.clone();
        }
        let text = self.unread(path);
        let known = (path.to_owned(), text.clone());
        self.texts.0.borrow_mut().extend([known]);
        text
    }

    fn unread(&self, path: &str) -> Result<PatchText, PatchError> {
        paths::permit(path, self.talconfig, self.root)?;
        let owned = || path.to_owned();
        let text = self.files.read(path).map_err(|source| PatchError::File {
            path: owned(),
            source,
        })?;
        if text.trim().is_empty() {
            return Ok(PatchText::Empty);
        }
        // A patch that is no mapping is none of SOPS' files; talhelper takes it as it is.
        if sops::is_named(&text)
            && let Err(source @ SopsError::Encrypted) = sops::check_mapping(&text)
        {
            return Err(PatchError::Sops {
                path: owned(),
                source,
            });
        }
        if text.contains("{{") {
            return Ok(PatchText::Template(text));
        }
        substitute(path, &text, self.env).map(PatchText::Ready)
    }
}

/// Replaces the variables of a patch of the file `path`, which has been rendered if it is a template.
pub(crate) fn substitute(
    path: &str,
    text: &str,
    env: &Env,
) -> Result<Zeroizing<String>, PatchError> {
    let path = || path.to_owned();
    match substituted(text, env) {
        Ok(text) => Ok(text),
        Err(super::TextError::Yaml(source)) => Err(PatchError::Yaml {
            path: path(),
            source,
        }),
        Err(super::TextError::Variable(source)) => Err(PatchError::Variable {
            path: path(),
            source,
        }),
    }
}
