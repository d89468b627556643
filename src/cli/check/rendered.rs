//! The nodes that a talconfig.yaml below the folder stands for: rendered here, and checked like those in files.
//!
//! Beside the folder, files of its git repository are read, as far as talconfig.yaml names them. Secrets are not.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::cli::talconfig::Cluster;
use crate::config::spec::Location;
use crate::fleet::finding::{Code, Finding};
use crate::fleet::layout::{File, Files};
use crate::fleet::sniff;

/// Configurations that are in no file, by the path that stands for them.
#[derive(Default)]
pub struct Rendered {
    nodes: HashMap<String, Node>,
    /// What stands in the way of rendering.
    pub findings: Vec<Finding>,
    /// How many talconfig.yaml there are.
    pub sources: usize,
}

struct Node {
    text: Zeroizing<String>,
    /// The node in its talconfig.yaml.
    at: Location,
}

impl Rendered {
    /// Renders the nodes of every talconfig.yaml among `files`, which `load` reads, and puts them there; but for those that talhelper has
    /// rendered into the folder, which are what the operator applies.
    pub fn of(load: &dyn Fn(&str) -> Result<Cluster, Failure>, files: &mut Files) -> Self {
        let mut rendered = Self::default();
        let paths = files.yaml.iter().filter(|file| file.look.talconfig);
        let paths: Vec<String> = paths.map(|file| file.path.clone()).collect();
        rendered.sources = paths.len();
        for path in paths {
            let shown = files.shown(&path);
            match load(&path) {
                Ok(cluster) => rendered.cluster(&cluster, &path, &shown, files),
                Err(failure) => rendered.findings.push(refused(&shown, &failure)),
            }
        }
        files.yaml.sort_by(|a, b| a.path.cmp(&b.path));
        rendered
    }

    fn cluster(&mut self, cluster: &Cluster, path: &str, shown: &str, files: &mut Files) {
        for (index, node) in cluster.loaded.config.nodes.iter().enumerate() {
            let host = node.hostname.to_string();
            let is_there = |file: &File<sniff::Yaml>| {
                file.look.config && file.look.hostname.as_deref() == Some(&*host)
            };
            if files.yaml.iter().any(is_there) {
                continue;
            }
            let at = Location {
                file: shown.to_owned(),
                line: node.at.line.max(1),
                column: node.at.column.max(1),
            };
            let text = match cluster.render(index) {
                Ok(text) => text,
                Err(failure) => {
                    let mut finding = refused(shown, &failure);
                    finding.at = at;
                    self.findings.push(finding.about(&host));
                    continue;
                }
            };
            let path = beside(path, &host);
            let look = sniff::Yaml {
                config: true,
                hostname: Some(host),
                ..sniff::yaml(&text)
            };
            self.nodes.insert(path.clone(), Node { text, at });
            files.yaml.push(File { path, look });
        }
    }

    /// The text that `path` stands for.
    pub fn text(&self, path: &str) -> Option<&Zeroizing<String>> {
        self.nodes.get(path).map(|node| &node.text)
    }

    /// The same finding where somebody can look: at the node in talconfig.yaml.
    pub fn placed(&self, mut finding: Finding, prefix: &str) -> Finding {
        let path = finding.at.file.strip_prefix(prefix);
        if let Some(node) = path.and_then(|path| self.nodes.get(path)) {
            finding.message = format!(
                "{} (line {} of what `keelblock render` shows)",
                finding.message, finding.at.line
            );
            finding.at = node.at.clone();
            finding.excerpt = None;
        }
        finding
    }
}

/// A path that no file has where a talconfig.yaml is, and that reads well.
fn beside(talconfig: &str, host: &str) -> String {
    match talconfig.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{host} of {name}"),
        None => format!("{host} of {talconfig}"),
    }
}

fn refused(shown: &str, failure: &Failure) -> Finding {
    let mut message = failure.message.clone();
    for cause in &failure.causes {
        message.push_str(": ");
        message.push_str(cause);
    }
    let finding = Finding::of_file(Code::Configuration, shown.to_owned(), message);
    match &failure.hint {
        Some(hint) => finding.hint(hint.clone()),
        None => finding,
    }
}
