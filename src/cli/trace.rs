//! Mistakes in the rendered node of a talconfig.yaml, told where somebody can mend them: at the line of the patch or field.
//!
//! The rendered text is in no file, so its lines help nobody. Where the place cannot be told for certain, the node's own
//! line is named, and the rendered line is shown.

use std::path::Path;

use crate::cli::error::Failure;
use crate::cli::talconfig::Cluster;
use crate::config::spec::Location;
use crate::config::{self, ConfigError, Diagnostic, Source};
use crate::lint::File;
use crate::lint::origin::{Origins, Written};

/// A node that was rendered.
pub struct Node<'n> {
    /// The talconfig.yaml.
    pub path: &'n Path,
    /// The node.
    pub host: &'n str,
    /// What the text is called in places.
    pub name: &'n str,
    /// What it was rendered to.
    pub text: &'n str,
}

/// The failure that `error` is.
pub fn failure(error: ConfigError, node: &Node<'_>) -> Failure {
    let is_here = |diagnostic: &&Diagnostic| diagnostic.at.file == node.name;
    let Some(first) = error.diagnostics().iter().find(is_here).cloned() else {
        return Failure::from(error);
    };
    let rendered = Source {
        name: node.name,
        text: node.text,
    };
    let of_rendered = || config::snippet(&first, &[rendered]);
    let (error, snippet) = match Tracer::of(node) {
        Some(tracer) => {
            let origins = tracer.origins();
            let at = origins.find(first.at.line, first.at.column);
            let sources: Vec<Source<'_>> = tracer.files.iter().map(source).collect();
            let snippet = match at.and_then(|it| it.at) {
                Some(at) => config::snippet_at(&at, &sources),
                None => of_rendered(),
            };
            (tracer.trace(error, &origins), snippet)
        }
        None => (error, of_rendered()),
    };
    let failure = Failure::from(error);
    let see = format!(
        "`keelblock render {} --node {}` prints what the node comes to",
        node.path.display(),
        node.host
    );
    let hint = match &failure.hint {
        Some(hint) => format!("{hint}; {see}"),
        None => see,
    };
    Failure {
        snippet,
        ..failure.hint(hint)
    }
}

fn source(file: &File) -> Source<'_> {
    Source {
        name: &file.name,
        text: &file.text,
    }
}

/// The files that a node is made of; the talconfig.yaml is the first.
struct Tracer<'n> {
    node: &'n Node<'n>,
    files: Vec<File>,
    at: (u32, u32),
}

impl<'n> Tracer<'n> {
    /// Reads them again; `None` if they are gone meanwhile.
    fn of(node: &'n Node<'n>) -> Option<Self> {
        let cluster = Cluster::load(node.path).ok()?;
        let nodes = &cluster.loaded.config.nodes;
        let found = nodes.iter().find(|it| &*it.hostname == node.host)?;
        let at = (found.at.line.max(1), found.at.column.max(1));
        let folder = cluster
            .loaded
            .path()
            .rsplit_once('/')
            .map(|(folder, _)| folder);
        let beside = node.path.parent().unwrap_or(Path::new(""));
        let paths = std::iter::once(cluster.loaded.path());
        let references = cluster.loaded.references.iter().map(String::as_str);
        let file = |path: &str| {
            let own = folder.and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
            let name = own.map_or(path.into(), |own| beside.join(own));
            Some(File {
                name: name.display().to_string(),
                path: path.to_owned(),
                text: cluster.text(path)?,
                named: false,
            })
        };
        let files: Vec<File> = paths.chain(references).filter_map(file).collect();
        let is_there = files.first()?.path == cluster.loaded.path();
        is_there.then_some(Self { node, files, at })
    }

    fn origins(&self) -> Origins<'_> {
        Origins::of(&self.files, 0, self.at, self.node.text)
    }

    fn trace(&self, error: ConfigError, origins: &Origins<'_>) -> ConfigError {
        error.map(|mut diagnostic| {
            if diagnostic.at.file != self.node.name {
                return diagnostic;
            }
            let found = origins.find(diagnostic.at.line, diagnostic.at.column);
            let Written { document, at } = found.unwrap_or_default();
            if !document.is_empty() {
                diagnostic.path = match diagnostic.path.is_empty() {
                    true => document,
                    false => format!("{document}: {}", diagnostic.path),
                };
            }
            diagnostic.at = at.unwrap_or_else(|| {
                let host = self.node.host;
                diagnostic.message = format!("{} (as rendered for {host})", diagnostic.message);
                self.own()
            });
            let also = diagnostic.also.take();
            diagnostic.also = also.and_then(|also| match also.file == self.node.name {
                true => origins.find(also.line, also.column)?.at,
                false => Some(also),
            });
            diagnostic
        })
    }

    /// The node in talconfig.yaml.
    fn own(&self) -> Location {
        Location {
            file: self.node.path.display().to_string(),
            line: self.at.0,
            column: self.at.1,
        }
    }
}
