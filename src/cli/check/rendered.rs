//! The nodes that a talconfig.yaml below the folder stands for: rendered here, and checked like those in files.
//!
//! Beside the folder, files of its git repository are read, as far as talconfig.yaml names them. Secrets are not.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::cli::talconfig::Cluster;
use crate::config::spec::Location;
use crate::exit::Exit;
use crate::fleet::finding::{Code, Finding};
use crate::fleet::layout::{File, Files, Planned};
use crate::fleet::sniff;

/// Nodes that can be rendered, by the path that stands for each.
#[derive(Default)]
pub struct Waiting {
    nodes: HashMap<String, Source>,
    clusters: Vec<Cluster>,
    findings: Vec<Finding>,
    sources: usize,
}

struct Source {
    /// Its index in the clusters.
    cluster: usize,
    /// Its index there.
    index: usize,
    /// The node in its talconfig.yaml.
    at: Location,
}

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

impl Waiting {
    /// Puts the nodes of every talconfig.yaml among `files`, which `load` reads, there, not rendered yet; but for those that
    /// talhelper has rendered into the folder, which are what the operator applies.
    pub fn of(load: &dyn Fn(&str) -> Result<Cluster, Failure>, files: &mut Files) -> Self {
        let mut waiting = Self::default();
        let paths = files.yaml.iter().filter(|file| file.look.talconfig);
        let paths: Vec<String> = paths.map(|file| file.path.clone()).collect();
        waiting.sources = paths.len();
        for path in paths {
            let shown = files.shown(&path);
            match load(&path) {
                Ok(cluster) => waiting.cluster(cluster, &path, &shown, files),
                Err(failure) => waiting.findings.push(refused(&shown, &failure)),
            }
        }
        files.yaml.sort_by(|a, b| a.path.cmp(&b.path));
        waiting
    }

    fn cluster(&mut self, cluster: Cluster, path: &str, shown: &str, files: &mut Files) {
        let there = files.yaml.iter().filter(|file| file.look.config);
        let mut there: HashSet<String> = there
            .filter_map(|file| file.look.hostname.clone())
            .collect();
        for (index, node) in cluster.loaded.config.nodes.iter().enumerate() {
            let host = node.hostname.to_string();
            if !there.insert(host.clone()) {
                continue;
            }
            let at = Location {
                file: shown.to_owned(),
                line: node.at.line.max(1),
                column: node.at.column.max(1),
            };
            let path = beside(path, &host);
            let cluster = self.clusters.len();
            self.nodes
                .insert(path.clone(), Source { cluster, index, at });
            let look = sniff::Yaml {
                config: true,
                hostname: Some(host),
                ..sniff::Yaml::default()
            };
            files.yaml.push(File { path, look });
        }
        self.clusters.push(cluster);
    }

    /// Renders what `planned` needs and nothing else, up to `most` bytes, and takes out of it what cannot be rendered.
    pub fn render(self, planned: &mut Vec<Planned>, files: &Files, most: usize) -> Rendered {
        let mut total = 0;
        let mut rendered = Rendered {
            findings: self.findings,
            sources: self.sources,
            ..Rendered::default()
        };
        planned.retain(|plan| {
            let before = rendered.findings.len();
            for path in plan.configs.iter().map(|index| &files.yaml[*index].path) {
                let Some(source) = self.nodes.get(path) else {
                    continue;
                };
                let at = source.at.clone();
                let text = match total > most {
                    true => Err(too_much(most)),
                    false => self.clusters[source.cluster].render(source.index),
                };
                match text {
                    Ok(text) => {
                        total += text.len();
                        rendered.nodes.insert(path.clone(), Node { text, at });
                    }
                    Err(failure) => {
                        let mut finding = refused(&at.file, &failure);
                        finding.at = at;
                        rendered.findings.push(finding.about(&plan.name));
                    }
                }
            }
            rendered.findings.len() == before
        });
        rendered
    }
}

impl Rendered {
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

fn too_much(most: usize) -> Failure {
    let message = format!(
        "the nodes before this one come to more than {} MiB",
        most >> 20
    );
    Failure::new(Exit::Usage, message).hint("look at fewer nodes at once")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::expect::Expect;
    use crate::fleet::layout::arrange;
    use crate::fleet::shard::Shard;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
    fn only_the_nodes_of_the_shard_are_rendered() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from(
            "clusterName: home\ntalosVersion: v1.10.5\nkubernetesVersion: v1.31.1\nendpoint: https://10.0.0.10:6443\nnodes:\n",
        );
        for host in 1..9 {
            text.push_str(&format!(
                "  - hostname: n{host}\n    ipAddress: 10.0.0.{host}\n    controlPlane: true\n    installDisk: /dev/sda\n"
            ));
        }
        std::fs::write(folder.path().join("talconfig.yaml"), &text).unwrap();
        let mut files = Files::default();
        let (path, look) = (String::from("talconfig.yaml"), sniff::yaml(&text));
        files.yaml.push(File { path, look });
        let load = |path: &str| Cluster::load(&folder.path().join(path));
        let waiting = Waiting::of(&load, &mut files);
        let mut planned = arrange(&files, &Expect::default()).nodes;
        assert_eq!(planned.len(), 8);
        let shard: Shard = "0/2".parse().unwrap();
        planned.retain(|node| shard.has(&node.name));
        let rendered = waiting.render(&mut planned, &files, usize::MAX);
        assert!((1..8).contains(&planned.len()) && rendered.findings.is_empty());
        for file in files.yaml.iter().filter(|file| file.look.config) {
            let host = file.look.hostname.as_deref().unwrap();
            assert_eq!(
                rendered.text(&file.path).is_some(),
                shard.has(host),
                "{host}"
            );
        }
    }
}
