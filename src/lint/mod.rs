//! What is wrong with configurations before any node reads them: rendered ones, patches, talconfig.yaml, and the files of
//! a repository that nothing refers to.
//!
//! ```text
//! texts ─kind─▶ Part ─types, rules─▶ findings ◀─talconfig─ Part of talconfig.yaml and its inline patches
//!                                       ▲
//!         what config::parse, config::talconfig and tuner::lint say, under codes of this module
//! ```
//! Pure: reading files is the caller's work. Every finding has a code of [`rule::Rule`], a place, and what to do. A value
//! that a variable or a template brings in is not judged, and lines that may hold a secret are not quoted.

mod catalogue;
mod deprecated;
mod disks;
mod encryption;
mod extensions;
mod finding;
mod input;
mod keys;
mod kind;
mod made;
mod network;
pub mod origin;
mod part;
mod refused;
mod rendered;
mod report;
pub mod rule;
mod rules;
pub mod sarif;
mod shared;
mod strict;
mod talconfig;
mod talos;
mod tuning;
mod types;
mod unit;
mod version;
mod volumes;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

pub use finding::{Finding, MOST_FINDINGS};
pub use input::{Dropped, File, FileName, Input, Machine, Repository};
pub use kind::Kind;
pub use rendered::RenderedNode;
pub use report::unreadable;

use crate::config::{Source, yaml};
use crate::selector::cel;
use finding::Sink;
use made::Made;
use origin::Layers;
use part::Part;
use rendered::Networks;
use report::Reporter;
use rules::Rules;
use strict::Mistakes;
use tuning::Tuned;
use unit::Facts;

/// What kind of file `text` is. `named` says that somebody named it for this, which decides cases of doubt.
pub fn kind_of(text: &str, named: bool) -> Kind {
    if !named && !kind::may_be_talos(text) {
        return Kind::Other;
    }
    kind::kind_of(text, &yaml::read(text, 0).documents, named)
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The files that were checked; of a folder only those that are for Talos.
    pub checked: Vec<String>,
    /// At most [`MOST_FINDINGS`], in the order of the files and their lines.
    pub findings: Vec<Finding>,
}

/// Checks everything.
pub fn lint(input: &Input<'_>) -> Outcome {
    cel::deep(|| {
        let mut check = Check::new(input);
        for repository in input.repositories {
            check.repository(repository);
        }
        for index in 0..input.files.len() {
            check.remaining(index);
        }
        let names: Vec<&str> = input.files.iter().map(|file| &*file.name).collect();
        Outcome {
            checked: check.checked(),
            findings: check.sink.sorted(&names),
        }
    })
}

struct Check<'i> {
    input: &'i Input<'i>,
    /// The files as YAML; `None` for those that cannot be anything of Talos.
    parts: Rc<Vec<Option<(Part<'i>, Kind)>>>,
    done: Vec<bool>,
    rules: Rules<'i>,
    sink: Sink,
}

impl<'i> Check<'i> {
    fn new(input: &'i Input<'i>) -> Self {
        let part = |file: &'i File| {
            if !file.named && !kind::may_be_talos(&file.text) {
                return None;
            }
            let part = Part::whole(&file.name, &file.text);
            let kind = kind::kind_of(&file.text, &part.documents, file.named);
            Some((part, kind))
        };
        Self {
            input,
            parts: Rc::new(input.files.iter().map(part).collect()),
            done: vec![false; input.files.len()],
            rules: Rules::new(input.machines),
            sink: Sink::default(),
        }
    }

    fn checked(&self) -> Vec<String> {
        let files = self.input.files.iter().zip(&*self.parts);
        let are = files.filter(|(file, part)| {
            let is_other = matches!(part, None | Some((_, Kind::Other)));
            file.named || !is_other
        });
        are.map(|(file, _)| file.name.clone()).collect()
    }

    /// talconfig.yaml with the patches that it refers to.
    fn repository(&mut self, repository: &Repository) {
        let reporter = Reporter::new(self.input.files, repository.talconfig);
        self.done[repository.talconfig] = true;
        reporter.loaded(repository, &mut self.sink);
        let parts = Rc::clone(&self.parts);
        let Some((part, _)) = &parts[repository.talconfig] else {
            return;
        };
        if reporter.fault(part, &mut self.sink) {
            return;
        }
        let Some(root) = part.documents.iter().find(|root| !root.is_null()) else {
            return;
        };
        let mut facts = Facts::of_talconfig(root);
        let patches = talconfig::inline(part);
        let files = self.referenced(repository);
        let more = files.iter().filter_map(|index| parts[*index].as_ref());
        let own = patches.iter().map(|it| &it.part);
        for patch in own.chain(more.map(|(part, _)| part)) {
            facts.add(patch);
        }
        talconfig::check(part, root, &facts, &mut self.rules, &mut self.sink);
        for patch in patches.iter().map(|it| &it.part) {
            if !reporter.fault(patch, &mut self.sink) {
                self.rules.part(patch, &facts, &mut self.sink);
            }
        }
        let mut tuned = vec![repository.talconfig];
        for index in files {
            if self.patch(index, &facts) {
                tuned.push(index);
            }
        }
        talconfig::file_names(part, &repository.names, &mut self.sink);
        let path = &self.input.files[repository.talconfig].path;
        let files = self.input.files.iter().zip(parts.iter());
        let known = files.filter_map(|(file, part)| Some((&*file.path, &part.as_ref()?.0)));
        // The first one, as findings name it.
        let known: HashMap<&str, &Part<'_>> = known.rev().collect();
        let file = |path: &str| known.get(path).copied();
        let nodes = repository.nodes.iter();
        let (mut networks, mut mistakes) = (Networks::default(), Mistakes::default());
        let make = |node| Made::new(node, Layers::of(part, path, node.at, &patches, &file));
        for node in nodes {
            let made = make(node);
            networks.add(&made, self.input.machines, &mut self.sink);
            mistakes.add(&made);
        }
        networks.finish(&mut self.sink);
        mistakes.finish(&mut self.sink);
        // What was refused where it is written is refused in the nodes as well.
        if !self.sink.has_error() {
            refused::nodes(&repository.nodes, &make, &mut self.sink);
        }
        self.tuning(&tuned, &repository.patches);
    }

    /// The files that talconfig.yaml names as patches.
    fn referenced(&self, repository: &Repository) -> Vec<usize> {
        let files = self.input.files.iter().enumerate();
        let named = files.filter(|(_, file)| repository.references.contains(&file.path));
        let is_patch = |index: &usize| {
            let kind = self.parts[*index].as_ref().map(|(_, kind)| *kind);
            matches!(kind, Some(Kind::Patch | Kind::JsonPatch | Kind::Encrypted))
        };
        named.map(|(index, _)| index).filter(is_patch).collect()
    }

    /// A patch in a file; whether it could be read.
    fn patch(&mut self, index: usize, facts: &Facts) -> bool {
        self.done[index] = true;
        let Some((part, kind)) = &self.parts[index] else {
            return false;
        };
        let reporter = Reporter::new(self.input.files, index);
        if *kind == Kind::Encrypted {
            reporter.encrypted(&mut self.sink);
            return false;
        }
        if reporter.fault(part, &mut self.sink) {
            return false;
        }
        self.rules.part(part, facts, &mut self.sink);
        true
    }

    /// A file that no talconfig.yaml refers to.
    fn remaining(&mut self, index: usize) {
        if std::mem::replace(&mut self.done[index], true) {
            return;
        }
        let file = &self.input.files[index];
        let reporter = Reporter::new(self.input.files, index);
        let Some((part, kind)) = &self.parts[index] else {
            return;
        };
        match kind {
            Kind::Config => self.config(index),
            Kind::Patch | Kind::JsonPatch => {
                if self.input.whole && !self.input.repositories.is_empty() {
                    reporter.unreferenced(&mut self.sink);
                }
                let facts = self.facts();
                if self.patch(index, &facts) {
                    self.tuning(&[index], &BTreeMap::new());
                }
            }
            Kind::Encrypted if file.named => reporter.encrypted(&mut self.sink),
            Kind::Other if file.named && !reporter.fault(part, &mut self.sink) => {
                reporter.not_talos(&mut self.sink);
            }
            _ => {}
        }
    }

    /// What is known of the nodes that a patch may be for: what the only talconfig.yaml says.
    fn facts(&self) -> Facts {
        let [only] = self.input.repositories else {
            return Facts::default();
        };
        let part = self.parts[only.talconfig].as_ref().map(|(part, _)| part);
        let root = part.and_then(|part| part.documents.first());
        root.map_or_else(Facts::default, |root| Facts {
            version: Facts::of_talconfig(root).version,
            ..Facts::default()
        })
    }

    /// A rendered configuration.
    fn config(&mut self, index: usize) {
        let Some((part, _)) = &self.parts[index] else {
            return;
        };
        let reporter = Reporter::new(self.input.files, index);
        if reporter.fault(part, &mut self.sink) {
            return;
        }
        let facts = Facts::of_config(part);
        self.rules.part(part, &facts, &mut self.sink);
        reporter.config(&mut self.sink);
        refused::config(part, &mut self.sink);
        let file = &self.input.files[index];
        let extensions = extensions::of_image(part, self.input.repositories, &mut self.sink);
        let source = Source {
            name: &file.name,
            text: &file.text,
        };
        let machines = self.input.machines;
        rendered::check(source, extensions.as_deref(), machines, &mut self.sink);
        self.tuning(&[index], &BTreeMap::new());
    }

    fn tuning(&mut self, indices: &[usize], nodes: &BTreeMap<String, Vec<usize>>) {
        let file = |index: &usize| {
            let file = &self.input.files[*index];
            Tuned {
                name: &file.name,
                text: &file.text,
                nodes: nodes.get(&file.path).map(Vec::as_slice),
                part: self.parts[*index].as_ref().map(|(part, _)| part),
            }
        };
        let files: Vec<Tuned<'_>> = indices.iter().map(file).collect();
        tuning::check(&files, &mut self.sink);
    }
}
