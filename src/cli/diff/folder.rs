//! Where the files of a side are: a folder on disk, or one of a revision.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::git;
use super::revision::{Around, Revision, not_there};
use super::spelling::Place;
use crate::cli::check::walk::{EXPECT, Tree};
use crate::cli::error::Failure;
use crate::cli::talconfig::Cluster;

/// Where the files of a side are.
pub enum Folder {
    Tree(Tree),
    Revision {
        files: Rc<Revision>,
        /// The folder from the top of the repository.
        base: String,
        yaml: Vec<String>,
        json: Vec<String>,
    },
}

impl Folder {
    /// The folder, and whether a single file was named.
    pub fn of(place: &Place) -> Result<(Self, bool), Failure> {
        match place {
            Place::Path(path) if path.is_dir() => Ok((Self::Tree(Tree::of(path)?), false)),
            Place::Path(path) => Ok((Self::Tree(Tree::of_file(path)?), true)),
            Place::Revision { name, commit, path } => {
                let files = Rc::new(Revision::of(name, commit)?);
                Self::of_revision(files, path)
            }
        }
    }

    fn of_revision(files: Rc<Revision>, path: &str) -> Result<(Self, bool), Failure> {
        let is_file = match (path, files.is_file(path)) {
            ("", _) => false,
            (_, Some(is_file)) => is_file,
            (_, None) => {
                let prefix = git::prefix().unwrap_or_default();
                let near = format!("{prefix}{path}");
                let hint = match files.is_file(&near) {
                    Some(_) => format!(
                        "paths begin at the top of the repository: {}:./{path}",
                        files.name
                    ),
                    None => format!(
                        "`git ls-tree -r --name-only {}` shows what it has",
                        files.name
                    ),
                };
                return Err(not_there(&files.name, path, hint));
            }
        };
        let (base, yaml, json) = if is_file {
            let (base, name) = path.rsplit_once('/').unwrap_or(("", path));
            (base.to_owned(), vec![name.to_owned()], Vec::new())
        } else {
            let yaml = files.below(path, &[".yaml", ".yml"]);
            (path.to_owned(), yaml, files.below(path, &[".json"]))
        };
        let folder = Self::Revision {
            files,
            base,
            yaml,
            json,
        };
        if let Self::Revision {
            files, yaml, json, ..
        } = &folder
        {
            let all = yaml.iter().chain(json).map(|path| folder.path(path));
            files.read_ahead(&all.collect::<Vec<_>>())?;
        }
        Ok((folder, is_file))
    }

    /// The path of a file from the top of the repository; of a folder on disk, where it is.
    pub fn path(&self, path: &str) -> String {
        match self {
            Self::Tree(tree) => tree.path(path).display().to_string(),
            Self::Revision { base, .. } if base.is_empty() => path.to_owned(),
            Self::Revision { base, .. } => format!("{base}/{path}"),
        }
    }

    pub fn yaml(&self) -> Vec<&String> {
        match self {
            Self::Tree(tree) => tree.yaml.iter().collect(),
            Self::Revision { yaml, .. } => yaml.iter().filter(|it| *it != EXPECT).collect(),
        }
    }

    pub fn json(&self) -> &[String] {
        match self {
            Self::Tree(tree) => &tree.json,
            Self::Revision { json, .. } => json,
        }
    }

    pub fn has_expect(&self) -> bool {
        match self {
            Self::Tree(tree) => tree.expect,
            Self::Revision { yaml, .. } => yaml.len() > 1 && yaml.iter().any(|it| it == EXPECT),
        }
    }

    pub fn text(&self, path: &str, limit: u64) -> Result<Zeroizing<String>, String> {
        match self {
            Self::Tree(tree) => tree.text(path, limit),
            Self::Revision { files, .. } => {
                let bytes = files
                    .bytes(&self.path(path), limit)
                    .map_err(|error| error.to_string())?;
                let text = std::str::from_utf8(&bytes);
                let text = text.map_err(|error| format!("it is not text: {error}"))?;
                Ok(Zeroizing::new(text.to_owned()))
            }
        }
    }

    /// How messages name a file: as it was typed.
    pub fn prefix(&self) -> String {
        match self {
            Self::Tree(tree) => tree.prefix.clone(),
            Self::Revision { files, base, .. } if base.is_empty() => format!("{}:", files.name),
            Self::Revision { files, base, .. } => format!("{}:{base}/", files.name),
        }
    }

    pub fn cluster(&self, path: &str) -> Result<Cluster, Failure> {
        match self {
            Self::Tree(tree) => Cluster::load(&tree.path(path)),
            Self::Revision { files, .. } => {
                let name = format!("{}{path}", self.prefix());
                let root = files.root();
                let path = format!("{root}/{}", self.path(path));
                Cluster::of(name, &path, &root, Box::new(Around(Rc::clone(files))))
            }
        }
    }

    /// Files as messages name them, where they have the made-up folder of a revision.
    pub fn named(&self, message: &str) -> String {
        match self {
            Self::Tree(_) => message.to_owned(),
            Self::Revision { files, .. } => {
                message.replace(&format!("{}/", files.root()), &format!("{}:", files.name))
            }
        }
    }
}
