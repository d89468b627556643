//! The files to check: those that are named, those of a folder, and those that a talconfig.yaml names.
//!
//! Nothing outside of a named folder or of a repository is read, whatever links and paths in files say.
#![expect(
    clippy::disallowed_methods,
    reason = "files and folders that the user names"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::check::walk::{self, Tree};
use crate::cli::error::{Failure, with_cause};
use crate::cli::files;
use crate::cli::repository::Repository as Files;
use crate::cli::talconfig::environment;
use crate::config::generate::Secrets;
use crate::config::render::{self, Shared};
use crate::config::talconfig::{Files as _, Loaded, Node, Request, Variables, load};
use crate::lint::{
    File, FileName, Finding, Input, Kind, Machine, RenderedNode, Repository, kind_of, unreadable,
};

/// Most bytes of one file; the reader of YAML takes no more either.
const MOST_BYTES: u64 = 4 << 20;

/// What there is to check.
#[derive(Default)]
pub struct Collected {
    pub files: Vec<File>,
    pub unreadable: Vec<Finding>,
    repositories: Vec<Repository>,
    whole: bool,
    known: BTreeSet<String>,
}

impl Collected {
    /// As the linter wants it.
    pub fn input<'i>(&'i self, machines: &'i [Machine]) -> Input<'i> {
        Input {
            files: &self.files,
            repositories: &self.repositories,
            machines,
            whole: self.whole,
        }
    }

    fn add(&mut self, name: String, path: &Path, text: Zeroizing<String>, named: bool) {
        let path = path.to_str().unwrap_or_default().to_owned();
        if path.is_empty() || self.known.insert(path.clone()) {
            self.files.push(File {
                name,
                path,
                text,
                named,
            });
        }
    }

    fn folder(&mut self, path: &Path) -> Result<(), Failure> {
        let tree = Tree::of(path)?;
        self.whole = true;
        for finding in &tree.findings {
            self.unreadable
                .push(unreadable(&finding.at.file, &finding.message));
        }
        for file in tree.yaml.iter().chain(&tree.json) {
            let name = format!("{}{file}", tree.prefix);
            match tree.text(file, MOST_BYTES) {
                Ok(text) => {
                    // A recorded machine and the like; a patch in JSON is a list.
                    if !file.ends_with(".json") || text.trim_start().starts_with('[') {
                        self.add(name, &tree.path(file), text, false);
                    }
                }
                // Large and binary files of other programs are not ours to judge.
                Err(_) if file.ends_with(".json") => {}
                Err(why) => self.unreadable.push(unreadable(&name, &why)),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match walk::text(path, MOST_BYTES) {
            Ok(text) => {
                let real = std::fs::canonicalize(path).unwrap_or_default();
                self.add(name, &real, text, true);
            }
            Err(why) => self.unreadable.push(unreadable(&name, &why)),
        }
    }

    /// Reads a talconfig.yaml as talhelper does, and the patches that it names.
    fn repository(&mut self, index: usize, env: &Variables) {
        let file = &self.files[index];
        // Standard input has no folder that its patches could be in.
        let around = (!file.path.is_empty()).then(|| Files::around(Path::new(&file.path)));
        let Some(Ok(files)) = around else {
            return self.repositories.push(Repository {
                talconfig: index,
                ..Repository::default()
            });
        };
        let request = Request {
            path: files.talconfig(),
            root: files.top(),
            env,
        };
        let loaded = match load(request, &files) {
            Ok(loaded) => loaded,
            Err(error) => {
                return self.repositories.push(Repository::new(index, Err(error)));
            }
        };
        let mut repository = Repository::new(index, Ok(&loaded));
        let shared = Shared::default();
        repository.refused = refused_patches(&loaded, &files, &shared);
        repository.names = file_names(&loaded);
        repository.schematics = render::schematics(&loaded.config.nodes);
        if repository.refused.is_empty() {
            let (nodes, rest) = rendered(&loaded, &files, &shared, &repository.schematics);
            repository.nodes = nodes;
            let rest = rest.map(|why| unreadable(&file.name, &why));
            self.unreadable.extend(rest);
        }
        let (name, path) = (file.name.clone(), file.path.clone());
        for reference in &repository.references {
            if self.known.contains(reference) {
                continue;
            }
            // What cannot be read was refused above.
            if let Ok(text) = files.read(reference) {
                self.add(
                    beside(&name, &path, reference),
                    Path::new(reference),
                    text,
                    false,
                );
            }
        }
        self.repositories.push(repository);
    }
}

/// What is wrong with patches as files: once for each group, and for each node with patches of its own.
fn refused_patches(
    loaded: &Loaded,
    files: &Files,
    shared: &Shared,
) -> Vec<crate::config::ConfigError> {
    let mut errors = Vec::new();
    let mut groups = BTreeSet::new();
    for (index, node) in loaded.config.nodes.iter().enumerate() {
        let own = node.configs.patches.as_ref().map_or(0, Vec::len) > node.group_patches;
        if groups.insert(node.control_plane) || own {
            errors.extend(loaded.patches(index, files, &shared.texts).err());
        }
    }
    errors
}

/// How the files of the nodes are called.
fn file_names(loaded: &Loaded) -> Vec<FileName> {
    let name = |node: &Node| {
        let template = &node.configs.filename_template;
        let at = match template.is_empty() {
            true => node.at,
            false => template.at,
        };
        FileName {
            hostname: node.hostname.to_string(),
            at: (at.line.max(1), at.column.max(1)),
            name: render::file_name(loaded, node).map_err(|error| with_cause(&error)),
        }
    };
    loaded.config.nodes.iter().map(name).collect()
}

/// Most bytes of all nodes that are looked into; in memory they are ten times as much.
const MOST_RENDERED: usize = 16 << 20;

/// Every node with stand-ins for its secrets, and why there are no more of them, if they are too many; `known` are the
/// extensions of schematics by their ids.
fn rendered(
    loaded: &Loaded,
    files: &Files,
    shared: &Shared,
    known: &BTreeMap<String, Vec<String>>,
) -> (Vec<RenderedNode>, Option<String>) {
    let secrets = Secrets::placeholders();
    let mut total = 0;
    let mut nodes = Vec::new();
    for (index, node) in loaded.config.nodes.iter().enumerate() {
        if total > MOST_RENDERED {
            let why = format!(
                "the nodes before {} come to more than {} MiB, so it and those after it are not looked into; validate what `keelblock render` writes of them",
                &*node.hostname,
                MOST_RENDERED >> 20
            );
            return (nodes, Some(why));
        }
        let config = render::node(loaded, index, &secrets, files, shared);
        let config = config.map(Option::unwrap_or_default);
        let config = config.map_err(|error| with_cause(&error));
        let mut extensions = None;
        if let Ok(config) = &config {
            total += config.weight();
            extensions = match render::installer_image(config) {
                Some(image) => render::extensions_of(&image, known),
                None => Some(render::extensions(node)),
            };
        }
        nodes.push(RenderedNode {
            hostname: node.hostname.to_string(),
            at: (node.at.line.max(1), node.at.column.max(1)),
            extensions,
            config,
        });
    }
    (nodes, None)
}

/// The name of a file beside talconfig.yaml, so that it can be followed from where the command was typed.
fn beside(name: &str, path: &str, reference: &str) -> String {
    let folder = |path: &str| {
        path.rsplit_once('/')
            .map_or(String::new(), |(folder, _)| format!("{folder}/"))
    };
    match reference.strip_prefix(&folder(path)) {
        Some(rest) => format!("{}{rest}", folder(name)),
        None => reference.to_owned(),
    }
}

/// Reads what is named on the command line.
///
/// # Errors
/// Exit 2 for a folder that cannot be looked into, and for standard input that is no text. A file that cannot be read is a
/// finding.
pub fn collect(paths: &[PathBuf]) -> Result<Collected, Failure> {
    let mut collected = Collected::default();
    for path in paths {
        if path == Path::new("-") {
            let text = Zeroizing::new(files::text(path)?);
            collected.add("-".to_owned(), Path::new(""), text, true);
        } else if path.is_dir() {
            collected.folder(path)?;
        } else {
            collected.file(path);
        }
    }
    let env = environment();
    for index in 0..collected.files.len() {
        let file = &collected.files[index];
        let may_be = file.text.contains("clusterName") || file.text.contains("nodes");
        if may_be && kind_of(&file.text, file.named) == Kind::Talconfig {
            collected.repository(index, &env);
        }
    }
    Ok(collected)
}
