//! From the names of files to nodes: which files are a node's configuration, and which recorded machine is its own.
//!
//! What `expect.yaml` says comes first; which machine is whose without it is told in `index`.

mod index;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::index::{Index, stem};
use super::expect::Expect;
use super::finding::{Code, Finding};
use super::sniff::{Json, Yaml};
use crate::config::spec::Location;

/// A file of the folder with what it looks like.
#[derive(Clone, Debug)]
pub struct File<L> {
    /// Its path from the folder that is checked, with `/` between names.
    pub path: String,
    /// What it looks like.
    pub look: L,
}

/// The files of a folder, each list sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// What stands before a path where a finding names it.
    pub prefix: String,
    /// `*.yaml` and `*.yml`, without `expect.yaml`.
    pub yaml: Vec<File<Yaml>>,
    /// `*.json`.
    pub json: Vec<File<Json>>,
}

impl Files {
    /// How findings name a file.
    pub fn shown(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// A node before anything of it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name in `expect.yaml`, else its hostname, else the name of its file, else its path: the first that is its
    /// alone.
    pub name: String,
    /// Indices into [`Files::yaml`].
    pub configs: Vec<usize>,
    /// Its recorded machine.
    pub machine: Machine,
}

/// Which recorded machine is a node's, as indices into [`Files::json`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// None that could be found.
    None,
    /// This one.
    One(usize),
    /// Any of these.
    Several(Vec<usize>),
}

/// The nodes of a folder.
#[derive(Clone, Debug, Default)]
pub struct Arranged {
    /// Sorted by name.
    pub nodes: Vec<Planned>,
    /// Recorded machines that no node uses, as indices.
    pub unused: Vec<usize>,
    /// YAML files that are no machine configuration.
    pub passed_over: usize,
    /// What `expect.yaml` names and is not there; the node that it is about is in each.
    pub findings: Vec<Finding>,
}

/// Puts `files` together to nodes.
pub fn arrange(files: &Files, expect: &Expect) -> Arranged {
    let index = Index::new(files);
    let mut findings = Vec::new();
    let mut nodes = named(&index, expect, &mut findings);
    let taken: BTreeSet<usize> = nodes.values().flat_map(|n| &n.configs).copied().collect();
    let found: Vec<usize> = (0..files.yaml.len())
        .filter(|i| !taken.contains(i))
        .filter(|i| index.is_config(&files.yaml[*i]))
        .collect();
    for (name, config) in names(files, &found, &nodes) {
        let own = expect.nodes.get(&name);
        let uuid = own.and_then(|own| own.uuid.as_ref()).map(|uuid| &*uuid.0);
        let planned = Planned {
            machine: index.machine(&files.yaml[config], uuid),
            configs: vec![config],
            name,
        };
        nodes.insert(planned.name.clone(), planned);
    }
    for (name, own) in &expect.nodes {
        let Some(node) = nodes.get_mut(name) else {
            if own.config.is_empty() {
                findings.push(unknown(name, &own.at));
            }
            continue;
        };
        if let Some((path, at)) = &own.hardware {
            node.machine = match index.by_path.get(path.as_str()) {
                Some(i) => Machine::One(*i),
                None => {
                    findings.push(missing(name, at, path));
                    Machine::None
                }
            };
        }
    }
    let nodes: Vec<Planned> = nodes.into_values().collect();
    Arranged {
        unused: unused(files, &nodes),
        passed_over: files.yaml.len() - taken.len() - found.len(),
        nodes,
        findings,
    }
}

/// The nodes whose files `expect.yaml` names.
fn named(
    index: &Index<'_>,
    expect: &Expect,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Planned> {
    let yaml = &index.files.yaml;
    let by_path: HashMap<&str, usize> = yaml
        .iter()
        .enumerate()
        .map(|(i, file)| (file.path.as_str(), i))
        .collect();
    let mut nodes = BTreeMap::new();
    for (name, own) in &expect.nodes {
        let mut configs = Vec::new();
        for (path, at) in &own.config {
            match by_path.get(path.as_str()) {
                Some(i) => configs.push(*i),
                None => findings.push(missing(name, at, path)),
            }
        }
        let Some(first) = configs.first() else {
            continue;
        };
        let uuid = own.uuid.as_ref().map(|uuid| &*uuid.0);
        let machine = match index.machine(&yaml[*first], uuid) {
            Machine::None => index.one_of(index.by_stem.get(name.as_str()), ""),
            found => found,
        };
        let name = name.clone();
        let planned = Planned {
            name: name.clone(),
            configs,
            machine,
        };
        nodes.insert(name, planned);
    }
    nodes
}

/// A name for each configuration that is its alone.
fn names(
    files: &Files,
    found: &[usize],
    taken: &BTreeMap<String, Planned>,
) -> Vec<(String, usize)> {
    let mut hostnames: HashMap<&str, usize> = HashMap::new();
    let mut stems: HashMap<&str, usize> = HashMap::new();
    for i in found {
        let file = &files.yaml[*i];
        if let Some(hostname) = &file.look.hostname {
            *hostnames.entry(hostname).or_default() += 1;
        }
        *stems.entry(stem(&file.path)).or_default() += 1;
    }
    let name = |i: &usize| {
        let file = &files.yaml[*i];
        let hostname = file.look.hostname.as_deref();
        let hostname = hostname.filter(|it| hostnames[it] == 1 && !taken.contains_key(*it));
        let stem = stem(&file.path);
        let alone = stems[stem] == 1 && !hostnames.contains_key(stem) && !taken.contains_key(stem);
        let path = file.path.rsplit_once('.').map_or("", |(path, _)| path);
        let name = hostname.or(alone.then_some(stem));
        // A path with its extension is never a stem or a hostname of another file at the same time.
        let name = name.or((path.contains('/') && !taken.contains_key(path)).then_some(path));
        (name.unwrap_or(&file.path).to_owned(), *i)
    };
    let mut names: Vec<(String, usize)> = found.iter().map(name).collect();
    // `a/b.yaml` and `a/b.yml` have one path without extension.
    let mut count: HashMap<String, usize> = HashMap::new();
    for (name, _) in &names {
        *count.entry(name.clone()).or_default() += 1;
    }
    for (name, i) in &mut names {
        if count[name.as_str()] > 1 {
            name.clone_from(&files.yaml[*i].path);
        }
    }
    names
}

fn missing(node: &str, at: &Location, path: &str) -> Finding {
    let message = format!("there is no file {path:?} below the folder");
    Finding::new(Code::UnknownNode, at.clone(), message)
        .about(node)
        .hint("paths count from the folder that is checked; links out of it and hidden files are not followed")
}

fn unknown(node: &str, at: &Location) -> Finding {
    let message = format!("there is no node {node:?}");
    let hint = "name its files with `config:`, or correct the name; it is the node's hostname, \
                or the name of its file";
    Finding::new(Code::UnknownNode, at.clone(), message)
        .about(node)
        .hint(hint)
}

fn unused(files: &Files, nodes: &[Planned]) -> Vec<usize> {
    let mut used = BTreeSet::new();
    for node in nodes {
        match &node.machine {
            Machine::None => {}
            Machine::One(i) => {
                used.insert(*i);
            }
            Machine::Several(all) => used.extend(all.iter().copied()),
        }
    }
    (0..files.json.len())
        .filter(|i| files.json[*i].look.machine && !used.contains(i))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::expect;
    use super::*;
    use crate::config::Source;

    const UUID: &str = "9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213";

    /// `path` or `path=hostname` for a configuration, `!path` for another YAML file.
    fn files(yaml: &[&str], json: &[&str]) -> Files {
        let yaml = yaml.iter().map(|text| {
            let (path, hostname) = text.split_once('=').unwrap_or((text, ""));
            let config = !path.starts_with('!');
            let hostname = (!hostname.is_empty()).then(|| hostname.to_owned());
            File {
                path: path.trim_start_matches('!').to_owned(),
                look: Yaml {
                    config,
                    hostname,
                    ..Yaml::default()
                },
            }
        });
        let json = json.iter().map(|text| {
            let (path, uuid) = text.split_once('=').unwrap_or((text, ""));
            let machine = !path.starts_with('!');
            let uuid = (!uuid.is_empty()).then(|| uuid.to_owned());
            File {
                path: path.trim_start_matches('!').to_owned(),
                look: Json { machine, uuid },
            }
        });
        Files {
            prefix: String::from("fleet/"),
            yaml: yaml.collect(),
            json: json.collect(),
        }
    }

    fn shown(files: &Files, expected: &str) -> (Vec<String>, Arranged) {
        let text = format!("version: 1\n{expected}");
        let name = "expect.yaml";
        let expect = expect::parse(Source { name, text: &text }).unwrap();
        let arranged = arrange(files, &expect);
        let lines = arranged.nodes.iter().map(|node| {
            let configs: Vec<&str> = node
                .configs
                .iter()
                .map(|i| files.yaml[*i].path.as_str())
                .collect();
            let machine = match &node.machine {
                Machine::None => String::from("none"),
                Machine::One(i) => files.json[*i].path.clone(),
                Machine::Several(all) => format!("{} of them", all.len()),
            };
            format!("{}: {} on {machine}", node.name, configs.join("+"))
        });
        (lines.collect(), arranged)
    }

    #[test]
    fn a_node_finds_its_recorded_machine() {
        for (yaml, json, lines) in [
            // Talhelper's names: by hostname.
            (
                &["clusterconfig/c-a.yaml=a", "clusterconfig/c-b.yaml=b"][..],
                &["hw/a.json", "hw/b.json"][..],
                &[
                    "a: clusterconfig/c-a.yaml on hw/a.json",
                    "b: clusterconfig/c-b.yaml on hw/b.json",
                ][..],
            ),
            // By the file's name, which beats the hostname; the same folder beats another one.
            (
                &["x/a.yaml=h"],
                &["x/a.json", "y/a.json", "h.json"],
                &["h: x/a.yaml on x/a.json"],
            ),
            (
                &["a.yaml=h"],
                &["x/a.json", "y/a.json"],
                &["h: a.yaml on 2 of them"],
            ),
            (
                &["a.yaml"],
                &["x/a.json", "!y/a.json"],
                &["a: a.yaml on x/a.json"],
            ),
            // Broken beyond recognition, but it has the name.
            (&["a.yaml"], &["!a.json"], &["a: a.yaml on a.json"]),
            (&["!a.yaml"], &["a.json"], &["a: a.yaml on a.json"]),
            (
                &["!clusterconfig/c-a.yaml"],
                &[],
                &["c-a: clusterconfig/c-a.yaml on none"],
            ),
            // Two of a name are told apart by their paths.
            (
                &["x/a.yaml=h", "y/a.yaml=h", "y/a.yml=h"],
                &[],
                &[
                    "x/a: x/a.yaml on none",
                    "y/a.yaml: y/a.yaml on none",
                    "y/a.yml: y/a.yml on none",
                ],
            ),
            (&["!patch.yaml"], &["!package.json"], &[]),
        ] {
            let (found, _) = shown(&files(yaml, json), "");
            assert_eq!(found, lines, "{yaml:?} {json:?}");
        }
        let by_uuid = files(
            &[&format!("{UUID}.yaml=a"), "b.yaml=b"],
            &[&format!("x.json={UUID}"), "y.json"],
        );
        let (found, arranged) = shown(&by_uuid, "");
        assert_eq!(found[0], format!("a: {UUID}.yaml on x.json"));
        assert_eq!(arranged.unused, [1]);
    }

    #[test]
    fn what_is_expected_goes_first() {
        let files = files(
            &["a.yaml=a", "!patch.yaml", "b.yaml=b"],
            &["a.json", "z.json"],
        );
        let (found, arranged) = shown(
            &files,
            "nodes:\n  n: {config: [a.yaml, patch.yaml], hardware: z.json}\n  b: {hardware: nowhere.json}\n  \
             c:\n  d: {config: gone.yaml}\n",
        );
        assert_eq!(
            found,
            ["b: b.yaml on none", "n: a.yaml+patch.yaml on z.json"]
        );
        assert_eq!(arranged.passed_over, 0);
        assert_eq!(arranged.unused, [0]);
        let said: Vec<&str> = arranged
            .findings
            .iter()
            .map(|f| f.message.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "there is no file \"gone.yaml\" below the folder",
                "there is no file \"nowhere.json\" below the folder",
                "there is no node \"c\"",
            ]
        );
    }
}
