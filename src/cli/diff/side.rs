//! One side: its nodes with their configurations and recorded machines, from a folder, a file or a revision.
//!
//! Which files are nodes, and which recorded machine is whose, is told as `check` tells it, with one difference: what
//! talhelper rendered beside a talconfig.yaml does not count, for it may be older, and git seldom has it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::folder::Folder;
use super::spelling::Place;
use crate::cli::check::rendered::{Rendered, Waiting};
use crate::cli::check::walk::{EXPECT, Tree};
use crate::cli::error::Failure;
use crate::config::Source;
use crate::diff::{Broken, Config, Side as Which};
use crate::exit::Exit;
use crate::fleet::expect::{self, Expect};
use crate::fleet::layout::{File, Files, Machine, Planned, arrange};
use crate::fleet::sniff;
use crate::probe::inventory::Inventory;
use crate::snapshot::load;

/// Largest configuration: what its parser takes.
const CONFIG: u64 = 4 << 20;

/// Most bytes of all nodes of a side, both of which are kept whole.
const MOST: usize = 32 << 20;

/// Largest recorded machine of a fleet.
const MACHINE: u64 = 8 << 20;

/// The folder in which talhelper writes one file a node.
const TALHELPER: &str = "clusterconfig";

/// A recorded machine with its name.
pub type Recorded = (String, Inventory);

/// A node of one side.
pub struct Node {
    /// Its configuration; `None` if it cannot be read, which [`Side::broken`] says.
    pub config: Option<Config>,
    /// Its recorded machine.
    pub machine: Option<Recorded>,
    /// Disks that `expect.yaml` lets be wiped.
    pub wipe: Vec<String>,
}

/// One side.
pub struct Side {
    /// Its nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// What cannot be read. What names no node may hide some.
    pub broken: Vec<Broken>,
    /// The files of secrets as they are stored, by the talconfig.yaml that they lie beside.
    pub secrets: BTreeMap<String, Option<Zeroizing<Vec<u8>>>>,
    /// Whether it is one configuration in a file, whatever its node is called.
    pub is_file: bool,
}

impl Side {
    /// Reads the side.
    ///
    /// # Errors
    /// Exit 2 for what cannot be looked into at all, and for an `expect.yaml` that is wrong.
    pub fn read(place: &Place, which: Which) -> Result<Self, Failure> {
        let (folder, is_single) = Folder::of(place)?;
        let expect = expectations(&folder)?;
        let mut side = Self {
            nodes: BTreeMap::new(),
            broken: Vec::new(),
            secrets: BTreeMap::new(),
            is_file: false,
        };
        let mut files = side.look(&folder, is_single, which);
        side.is_file = is_single && files.yaml.iter().all(|file| file.look.config);
        let secrets = RefCell::new(BTreeMap::new());
        let load = |path: &str| {
            let cluster = folder.cluster(path)?;
            let stored = cluster.stored_secrets();
            secrets.borrow_mut().insert(path.to_owned(), stored);
            Ok(cluster)
        };
        let waiting = Waiting::of(&load, &mut files);
        side.secrets = secrets.into_inner();
        let mut arranged = arrange(&files, &expect);
        let mut rendered = waiting.render(&mut arranged.nodes, &files, MOST);
        let refused = std::mem::take(&mut rendered.findings).into_iter();
        let missing = arranged.findings.into_iter().filter(|it| it.node.is_some());
        let on_disk = match &folder {
            Folder::Tree(tree) => tree.findings.clone(),
            Folder::Revision { .. } => Vec::new(),
        };
        for finding in refused.chain(missing).chain(on_disk) {
            let node = finding.node.clone();
            let message = format!("{}: {}", finding.place(), finding.message);
            let message = folder.named(&message);
            side.broken.push(Broken {
                side: which,
                node,
                message,
                hint: finding.hint,
            });
        }
        let mut total = 0;
        for planned in arranged.nodes {
            total += side.node(&folder, &files, &rendered, &expect, &planned, which);
            if total > MOST {
                let (name, size) = (folder.prefix(), MOST >> 20);
                let message = format!("the nodes of {name:?} come to more than {size} MiB");
                let hint = "name folders with fewer nodes";
                return Err(Failure::new(Exit::Usage, message).hint(hint));
            }
        }
        Ok(side)
    }

    /// What every file looks like.
    fn look(&mut self, folder: &Folder, is_single: bool, which: Which) -> Files {
        let mut files = Files {
            prefix: folder.prefix(),
            ..Files::default()
        };
        for path in folder.yaml() {
            let look = match folder.text(path, CONFIG) {
                Ok(text) => sniff::yaml(&text),
                Err(why) => {
                    self.broken
                        .push(unreadable(which, None, &files.shown(path), &why));
                    continue;
                }
            };
            let path = path.clone();
            files.yaml.push(File { path, look });
        }
        if let ([only], true) = (&mut files.yaml[..], is_single) {
            // Who names a file means it.
            only.look.config = !only.look.talconfig;
        }
        without_output(&mut files);
        for path in folder.json() {
            let Ok(text) = folder.text(path, MACHINE) else {
                continue;
            };
            let end = text.floor_char_boundary(sniff::JSON_HEAD);
            let look = sniff::json(&text[..end]);
            let path = path.clone();
            files.json.push(File { path, look });
        }
        files
    }

    /// Reads a node, and says how many bytes its texts have.
    fn node(
        &mut self,
        folder: &Folder,
        files: &Files,
        rendered: &Rendered,
        expect: &Expect,
        planned: &Planned,
        which: Which,
    ) -> usize {
        let name = planned.name.clone();
        let mut texts = Vec::new();
        let mut node = Node {
            config: None,
            machine: None,
            wipe: expect
                .nodes
                .get(&name)
                .map_or_else(Vec::new, |own| own.wipe.clone()),
        };
        for index in &planned.configs {
            let path = &files.yaml[*index].path;
            let text = match rendered.text(path) {
                Some(text) => Ok(text.clone()),
                None => folder.text(path, CONFIG),
            };
            match text {
                Ok(text) => texts.push((files.shown(path), text)),
                Err(why) => {
                    self.broken
                        .push(unreadable(which, Some(&name), &files.shown(path), &why))
                }
            }
        }
        let size = texts.iter().map(|(_, text)| text.len()).sum();
        if texts.len() == planned.configs.len() {
            match Config::read(texts) {
                Ok(config) => node.config = Some(config),
                Err(error) => {
                    for failure in error.diagnostics() {
                        let mut said = failure.clone();
                        let hint = said.hint.take();
                        let (node, message) = (Some(name.clone()), said.to_string());
                        self.broken.push(Broken {
                            side: which,
                            node,
                            message,
                            hint,
                        });
                    }
                }
            }
        }
        if let Machine::One(index) = planned.machine {
            let path = &files.json[index].path;
            match machine(folder.text(path, MACHINE)) {
                Ok(inventory) => node.machine = Some((files.shown(path), inventory)),
                Err(why) => {
                    self.broken
                        .push(unreadable(which, Some(&name), &files.shown(path), &why))
                }
            }
        }
        self.nodes.insert(name, node);
        size
    }

    /// The configuration of a node, if it can be read.
    pub fn config(&self, name: &str) -> Option<&Config> {
        self.nodes.get(name)?.config.as_ref()
    }

    /// Whether a node of this name may be there and cannot be seen.
    pub fn may_hide(&self, name: &str) -> bool {
        let mut all = self.broken.iter();
        all.any(|it| it.node.as_deref().is_none_or(|node| node == name))
    }
}

fn unreadable(side: Which, node: Option<&str>, file: &str, why: &str) -> Broken {
    Broken {
        side,
        node: node.map(str::to_owned),
        message: format!("{file}: cannot be read: {why}"),
        hint: None,
    }
}

fn machine(text: Result<Zeroizing<String>, String>) -> Result<Inventory, String> {
    let snapshot = load::parse(&text?).map_err(|error| error.to_string())?;
    Ok(snapshot.inventory)
}

/// Takes out what talhelper rendered beside a talconfig.yaml.
fn without_output(files: &mut Files) {
    let folder = |path: &str| {
        path.rsplit_once('/')
            .map_or("", |(folder, _)| folder)
            .to_owned()
    };
    let sources = files.yaml.iter().filter(|file| file.look.talconfig);
    let outputs: Vec<String> = sources
        .map(|file| match folder(&file.path).as_str() {
            "" => String::from(TALHELPER),
            folder => format!("{folder}/{TALHELPER}"),
        })
        .collect();
    files
        .yaml
        .retain(|file| !outputs.contains(&folder(&file.path)));
}

fn expectations(folder: &Folder) -> Result<Expect, Failure> {
    if !folder.has_expect() {
        return Ok(Expect::default());
    }
    let name = format!("{}{EXPECT}", folder.prefix());
    let text = folder.text(EXPECT, expect::MOST_BYTES).map_err(|why| {
        let message = format!("{name} cannot be read: {why}");
        Failure::new(Exit::Usage, message).hint("mend or remove it")
    })?;
    let source = Source {
        name: &name,
        text: &text,
    };
    Ok(expect::parse(source)?)
}

/// Recorded machines of a folder, by the names of their files.
///
/// # Errors
/// Exit 2 for a folder that cannot be looked into, and a file in it that is no recorded machine.
pub fn machines(folder: &Path) -> Result<BTreeMap<String, Recorded>, Failure> {
    let tree = Tree::of(folder)?;
    let mut found = BTreeMap::new();
    for path in &tree.json {
        let shown = format!("{}{path}", tree.prefix);
        let name = path
            .rsplit('/')
            .next()
            .unwrap_or(path)
            .trim_end_matches(".json");
        let inventory = machine(tree.text(path, MACHINE)).map_err(|why| {
            let message = format!("{shown} is not a recorded machine: {why}");
            Failure::new(Exit::Usage, message)
                .hint("record a machine with `keelblock snapshot -o FILE`")
        })?;
        found.insert(name.to_owned(), (shown, inventory));
    }
    Ok(found)
}
