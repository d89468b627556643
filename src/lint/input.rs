//! What is checked together: files, what a talconfig.yaml among them came to, and recorded machines.
//!
//! Pure data; reading it is the caller's work.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::rendered::RenderedNode;
use crate::config::ConfigError;
use crate::config::talconfig::{Issue, Loaded};
use crate::probe::inventory::Inventory;

/// A file that is checked. Has no `Debug`: it may hold keys.
pub struct File {
    /// As findings name it.
    pub name: String,
    /// Absolute and without links, as [`Loaded::references`] names it; empty for standard input.
    pub path: String,
    /// Its content.
    pub text: Zeroizing<String>,
    /// Whether somebody named it, and not only a folder that it is in.
    pub named: bool,
}

/// A talconfig.yaml, and what reading it as talhelper does came to.
#[derive(Default)]
pub struct Repository {
    /// Its index in the files.
    pub talconfig: usize,
    /// Every file that it names, as [`File::path`].
    pub references: BTreeSet<String>,
    /// Files of patches with the nodes that they are for, by their positions from 0.
    pub patches: BTreeMap<String, Vec<usize>>,
    /// Keys that talhelper drops.
    pub unknown: Vec<Dropped>,
    /// What talhelper accepts with a word.
    pub warnings: Vec<Issue>,
    /// What talhelper refuses: in the file itself, then in what it names.
    pub refused: Vec<ConfigError>,
    /// Its nodes, unless talhelper refuses the file.
    pub nodes: Vec<RenderedNode>,
    /// The names of the nodes' files.
    pub names: Vec<FileName>,
    /// The extensions of its schematics by their ids.
    pub schematics: BTreeMap<String, Vec<String>>,
}

/// The name of a node's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The node.
    pub hostname: String,
    /// Line and column, from 1, of what names it.
    pub at: (u32, u32),
    /// The name, or why there is none.
    pub name: Result<String, String>,
}

/// A key that talhelper drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Line and column, from 1.
    pub at: (u32, u32),
    /// Such as `nodes[0].instalDisk`.
    pub path: String,
    /// Keys that are much like it.
    pub close: Vec<&'static str>,
}

impl Repository {
    /// From what reading the file with index `talconfig` came to.
    pub fn new(talconfig: usize, loaded: Result<&Loaded, ConfigError>) -> Self {
        let mut repository = Self {
            talconfig,
            ..Self::default()
        };
        match loaded {
            Ok(loaded) => {
                repository.references = loaded.references.clone();
                repository.patches = patches(loaded);
                repository.warnings = loaded.warnings.clone();
                let unknown = loaded.unknown.iter().map(|key| Dropped {
                    at: (key.at.line, key.at.column),
                    path: key.path.clone(),
                    close: key.close.clone(),
                });
                repository.unknown = unknown.collect();
            }
            Err(error) => repository.refused.push(error),
        }
        repository
    }
}

/// A recorded machine.
pub struct Machine {
    /// The file as it was named.
    pub name: String,
    /// What it has.
    pub inventory: Inventory,
}

/// What is checked together.
pub struct Input<'i> {
    /// The files.
    pub files: &'i [File],
    /// Those of them that are a talconfig.yaml.
    pub repositories: &'i [Repository],
    /// Machines to try volumes on.
    pub machines: &'i [Machine],
    /// Whether all files of the repository are there, so that one to which nothing refers is found.
    pub whole: bool,
}

/// Files of patches with the nodes that they are for.
fn patches(loaded: &Loaded) -> BTreeMap<String, Vec<usize>> {
    let mut files: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, node) in loaded.config.nodes.iter().enumerate() {
        let all = loaded.config.patches.iter();
        let patches = node.configs.patches.iter().chain(all).flatten();
        for file in patches.filter_map(|patch| patch.strip_prefix('@')) {
            let nodes = files.entry(file.to_owned()).or_default();
            if nodes.last() != Some(&index) {
                nodes.push(index);
            }
        }
    }
    files
}
