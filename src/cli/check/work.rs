//! A fleet node by node: read, judged, and forgotten but for its row. Several nodes at a time, in any order; what comes
//! of it does not depend on that.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use zeroize::Zeroizing;

use super::parallel::parallel;
use super::rendered::{Rendered, Waiting};
use super::walk::Tree;
use crate::cli::error::Failure;
use crate::cli::talconfig::Cluster;
use crate::config::spec::Location;
use crate::config::{Source, plain_snippet};
use crate::fleet::expect::Expect;
use crate::fleet::finding::{Code, Finding};
use crate::fleet::judge::{Case, Hardware, judge};
use crate::fleet::layout::{Arranged, File, Files, Machine, Planned, arrange};
use crate::fleet::report::Node;
use crate::fleet::shard::Shard;
use crate::fleet::sniff;
use crate::probe::inventory::Inventory;
use crate::snapshot::load::{self, LoadError};

/// Largest configuration: what its parser takes.
const CONFIG: u64 = 4 << 20;

/// Largest recorded machine of a fleet; many of them are in memory at a time.
const MACHINE: u64 = 8 << 20;

/// Room for recorded machines that a thread keeps.
const ROOM: usize = 1 << 20;

/// Recorded machines that are kept because another node needs them, too.
const KEPT: usize = 8;

/// What came of a folder.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sorted by name.
    pub nodes: Vec<Node>,
    /// In no order.
    pub findings: Vec<Finding>,
    /// YAML files that are no machine configuration.
    pub passed_over: usize,
    /// Nodes in all shards.
    pub all: usize,
}

/// Reads and judges the nodes of `tree` that are in `shard`.
///
/// # Errors
/// Exit 1 if no thread can be started.
pub fn folder(
    tree: &Tree,
    expect: &Expect,
    shard: Shard,
    excerpts: bool,
) -> Result<Outcome, Failure> {
    let (mut files, unreadable) = look(tree)?;
    let waiting = Waiting::of(&|path| Cluster::load(&tree.path(path)), &mut files);
    let Arranged {
        mut nodes,
        unused,
        passed_over,
        findings,
    } = arrange(&files, expect);
    let all = nodes.len();
    nodes.retain(|node| shard.has(&node.name));
    let mut rendered = waiting.render(&mut nodes, &files, usize::MAX);
    let of_shard = |finding: &Finding| {
        let name = finding.node.as_ref().unwrap_or(&finding.at.file);
        shard.has(name)
    };
    let findings = findings.into_iter().chain(tree.findings.iter().cloned());
    let refused = std::mem::take(&mut rendered.findings);
    let findings = findings.chain(unreadable).chain(refused);
    let findings = findings.filter(of_shard);
    let mut outcome = Outcome {
        nodes: Vec::with_capacity(nodes.len()),
        findings: findings.collect(),
        passed_over: passed_over.saturating_sub(rendered.sources),
        all,
    };
    for index in unused {
        let path = &files.json[index].path;
        if shard.has(path) {
            let message = "no node uses this recorded machine";
            let finding = Finding::of_file(Code::UnusedSnapshot, files.shown(path), message);
            outcome.findings.push(finding.hint(
                "give it the name of a configuration file or of a hostname, or name it in expect.yaml",
            ));
        }
    }
    let fleet = Fleet {
        tree,
        files: &files,
        rendered: &rendered,
        expect,
        excerpts,
        machines: Machines::new(tree, &files, &nodes, excerpts),
    };
    let judged = parallel(nodes.len(), |i, buffer| fleet.node(&nodes[i], buffer))?;
    for (node, findings) in judged {
        outcome.nodes.push(node);
        let findings = findings.into_iter();
        outcome
            .findings
            .extend(findings.map(|finding| rendered.placed(finding, &files.prefix)));
    }
    Ok(outcome)
}

/// What every file looks like, and those that could not be looked at.
fn look(tree: &Tree) -> Result<(Files, Vec<Finding>), Failure> {
    let unreadable = |path: &str, why: &str| {
        let file = format!("{}{path}", tree.prefix);
        Finding::of_file(Code::Unreadable, file, format!("cannot be read: {why}"))
            .hint("check its permissions and what it is")
    };
    let mut findings = Vec::new();
    let yaml = parallel(tree.yaml.len(), |i, (): &mut ()| {
        let path = &tree.yaml[i];
        let text = tree.text(path, CONFIG);
        let look = text.map(|text| sniff::yaml(&text));
        (path, look)
    })?;
    let json = parallel(tree.json.len(), |i, (): &mut ()| {
        let path = &tree.json[i];
        let mut buffer = [0; sniff::JSON_HEAD];
        let head = tree.head(path, &mut buffer);
        (path, head.map(sniff::json))
    })?;
    let mut files = Files {
        prefix: tree.prefix.clone(),
        ..Files::default()
    };
    for (path, look) in yaml {
        let look = look.unwrap_or_else(|why| {
            findings.push(unreadable(path, &why));
            sniff::Yaml::default()
        });
        let path = path.clone();
        files.yaml.push(File { path, look });
    }
    for (path, look) in json {
        let look = look.unwrap_or_else(|why| {
            findings.push(unreadable(path, &why));
            sniff::Json::default()
        });
        let path = path.clone();
        files.json.push(File { path, look });
    }
    Ok((files, findings))
}

/// What every thread looks at.
struct Fleet<'a> {
    tree: &'a Tree,
    files: &'a Files,
    rendered: &'a Rendered,
    expect: &'a Expect,
    excerpts: bool,
    machines: Machines<'a>,
}

impl Fleet<'_> {
    /// What comes of a node; `buffer` is room for its recorded machine.
    fn node(&self, planned: &Planned, buffer: &mut Vec<u8>) -> (Node, Vec<Finding>) {
        let name = &planned.name;
        let mut findings = Vec::new();
        let mut texts: Vec<(String, Zeroizing<String>)> = Vec::new();
        for index in &planned.configs {
            let path = &self.files.yaml[*index].path;
            let shown = self.files.shown(path);
            let text = match self.rendered.text(path) {
                Some(text) => Ok(text.clone()),
                None => self.tree.text(path, CONFIG),
            };
            match text {
                Ok(text) => texts.push((shown, text)),
                Err(why) => {
                    let message = format!("cannot be read: {why}");
                    let finding = Finding::of_file(Code::Configuration, shown.clone(), message);
                    findings.push(finding.about(name));
                }
            }
        }
        if !findings.is_empty() {
            let names = planned.configs.iter().map(|i| &self.files.yaml[*i].path);
            let node = Node::new(name, names.map(|path| self.files.shown(path)).collect());
            return (node, findings);
        }
        let loaded = self.machine(planned, buffer, &mut findings);
        let hardware = match &loaded {
            None if findings.is_empty() => Hardware::None,
            None => Hardware::Broken(None),
            Some((file, loaded)) => match &**loaded {
                Ok(inventory) => Hardware::Known(file.clone(), inventory),
                Err(finding) => {
                    findings.push((**finding).clone().about(name));
                    Hardware::Broken(Some(file.clone()))
                }
            },
        };
        let configs = texts
            .iter()
            .map(|(name, text)| Source { name, text })
            .collect();
        let (node, more) = judge(&Case {
            name,
            configs,
            hardware,
            own: self.expect.nodes.get(name),
            expect: self.expect,
            excerpts: self.excerpts,
        });
        findings.extend(more);
        (node, findings)
    }

    /// The recorded machine of a node; what is wrong with the choice is a finding.
    fn machine(
        &self,
        planned: &Planned,
        buffer: &mut Vec<u8>,
        findings: &mut Vec<Finding>,
    ) -> Option<(String, Arc<Loaded>)> {
        let index = match &planned.machine {
            Machine::None => return None,
            Machine::One(index) => *index,
            Machine::Several(all) => {
                let paths: Vec<&str> = all
                    .iter()
                    .map(|i| self.files.json[*i].path.as_str())
                    .collect();
                let config = &self.files.yaml[planned.configs[0]].path;
                let message = format!(
                    "several recorded machines could be its own: {}",
                    paths.join(", ")
                );
                let finding =
                    Finding::of_file(Code::SnapshotUnclear, self.files.shown(config), message);
                let hint =
                    "name one with `hardware:` in expect.yaml, or put one beside the configuration";
                findings.push(finding.about(&planned.name).hint(hint));
                return None;
            }
        };
        let shown = self.files.shown(&self.files.json[index].path);
        let loaded = self.machines.get(index, buffer);
        let wanted = self.expect.nodes.get(&planned.name);
        let wanted = wanted.and_then(|own| own.uuid.as_ref());
        if let (Some((uuid, at)), Ok(inventory)) = (wanted, &*loaded)
            && inventory.machine.uuid.as_ref() != Some(uuid)
        {
            let found = inventory.machine.uuid.as_deref().unwrap_or("unknown");
            let message = format!("it is of the machine {found}, not of {uuid}");
            let finding = Finding::of_file(Code::Snapshot, shown.clone(), message);
            findings.push(finding.about(&planned.name).against(at));
            return None;
        }
        Some((shown, loaded))
    }
}

/// A recorded machine, or what is wrong with it.
type Loaded = Result<Inventory, Box<Finding>>;

/// A place for a recorded machine that one thread fills and others wait for.
type Slot = Arc<OnceLock<Arc<Loaded>>>;

/// Reads recorded machines, and keeps a few that several nodes have.
struct Machines<'a> {
    tree: &'a Tree,
    files: &'a Files,
    excerpts: bool,
    /// How many nodes have a machine, if it is more than one.
    shared: HashMap<usize, usize>,
    kept: Mutex<VecDeque<(usize, Slot)>>,
}

impl<'a> Machines<'a> {
    fn new(tree: &'a Tree, files: &'a Files, nodes: &[Planned], excerpts: bool) -> Self {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for node in nodes {
            if let Machine::One(index) = node.machine {
                *shared.entry(index).or_default() += 1;
            }
        }
        shared.retain(|_, nodes| *nodes > 1);
        Self {
            tree,
            files,
            excerpts,
            shared,
            kept: Mutex::new(VecDeque::new()),
        }
    }

    fn get(&self, index: usize, buffer: &mut Vec<u8>) -> Arc<Loaded> {
        if !self.shared.contains_key(&index) {
            return Arc::new(self.load(index, buffer));
        }
        let slot = {
            // A thread that panicked has left the list as it was: it only ever holds whole entries.
            let mut kept = self
                .kept
                .lock()
                .unwrap_or_else(|broken| broken.into_inner());
            match kept.iter().find(|(kept, _)| *kept == index) {
                Some((_, slot)) => Arc::clone(slot),
                None => {
                    let slot = Arc::new(OnceLock::new());
                    kept.push_back((index, Arc::clone(&slot)));
                    if kept.len() > KEPT {
                        kept.pop_front();
                    }
                    slot
                }
            }
        };
        Arc::clone(slot.get_or_init(|| Arc::new(self.load(index, buffer))))
    }

    fn load(&self, index: usize, buffer: &mut Vec<u8>) -> Loaded {
        // One that is much larger than others does not keep its room.
        if buffer.capacity() > ROOM {
            *buffer = Vec::new();
        }
        let path = &self.files.json[index].path;
        let text = self.tree.plain(path, MACHINE, buffer).map_err(|why| {
            let message = format!("cannot be read: {why}");
            let shown = self.files.shown(path);
            Box::new(Finding::of_file(Code::Snapshot, shown, message))
        })?;
        match load::parse(text) {
            Ok(snapshot) => Ok(snapshot.inventory),
            Err(error) => {
                let shown = self.files.shown(path);
                Err(Box::new(wrong(&shown, text, &error, self.excerpts)))
            }
        }
    }
}

fn wrong(shown: &str, text: &str, error: &LoadError, excerpts: bool) -> Finding {
    let (place, why) = match error {
        LoadError::Json(source) | LoadError::Shape { source, .. } => {
            (at(text, source), format!(": {source}"))
        }
        _ => ((1, 1), String::new()),
    };
    let location = Location {
        file: shown.to_owned(),
        line: place.0,
        column: place.1,
    };
    let message = format!("not a recorded machine: {error}{why}");
    let hint = "record the machine again: keelblock snapshot -o FILE";
    let mut finding = Finding::new(Code::Snapshot, location, message).hint(hint);
    if excerpts {
        finding.excerpt = plain_snippet(text, place.0, place.1);
    }
    finding
}

/// Line and column of a JSON error in characters, from 1. The parser counts bytes, and the last line may be missing.
fn at(text: &str, error: &serde_json::Error) -> (u32, u32) {
    let line = text.lines().nth(error.line().saturating_sub(1));
    let bytes = error.column().saturating_sub(1);
    let column = match line {
        Some(line) => line.char_indices().take_while(|(i, _)| *i < bytes).count() + 1,
        None => error.column(),
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    (number(error.line()), number(column))
}
