//! Where something in a rendered node was written: in which of its patches, or in which field of talconfig.yaml.
//!
//! Pure. Follows Talos' merge backwards: a later patch wins over an earlier one, and lists grow. A place is told only where
//! it is certain; values that a variable or a template brings in are taken for what they came to. Says places, no values.

mod trace;

use std::rc::Rc;

use self::trace::{Step, follow, walk};
use super::File;
use super::part::{Part, below, items, text};
use super::talconfig::{self, Inline};
use crate::config::node::{Node, Place};
use crate::config::spec::Location;
use crate::config::talconfig::{absolute, parent};
use crate::config::yaml;

/// Fields of talconfig.yaml that become one value of the old document.
const FIELDS: [(&[&str], &str); 6] = [
    (&["machine", "install", "disk"], "installDisk"),
    (
        &["machine", "install", "diskSelector"],
        "installDiskSelector",
    ),
    (&["machine", "disks"], "machineDisks"),
    (&["machine", "kernel", "modules"], "kernelModules"),
    (&["cluster", "network", "podSubnets"], "clusterPodNets"),
    (&["cluster", "network", "serviceSubnets"], "clusterSvcNets"),
];

/// Fields of talconfig.yaml that become documents with a name, and their kind.
pub(super) const VOLUMES: [(&str, &str); 2] = [
    ("volumes", "VolumeConfig"),
    ("userVolumes", "UserVolumeConfig"),
];

/// What a node is made of, as it stands in the files.
pub(super) struct Layers<'p> {
    talconfig: &'p Part<'p>,
    /// Whose fields count, the first one that has a field: the node, its group, the whole file.
    owners: Vec<&'p Node>,
    /// In the order in which they apply.
    patches: Vec<&'p Part<'p>>,
    /// The node in talconfig.yaml.
    pub at: Location,
}

impl<'p> Layers<'p> {
    /// Of the node that stands at `at` in `talconfig`, a file at `path`; `file` finds the parts of other files.
    pub fn of(
        talconfig: &'p Part<'p>,
        path: &str,
        at: (u32, u32),
        inline: &'p [Inline<'p>],
        file: &dyn Fn(&str) -> Option<&'p Part<'p>>,
    ) -> Self {
        let mut layers = Self {
            talconfig,
            owners: Vec::new(),
            patches: Vec::new(),
            at: talconfig.line_at(at.0, at.1),
        };
        let Some(root) = talconfig.documents.iter().find(|root| !root.is_null()) else {
            return layers;
        };
        let nodes = items(below(root, &["nodes"]));
        let is_it = |node: &&Rc<Node>| (node.place.line, node.place.column) == at;
        let Some(node) = nodes.iter().find(is_it) else {
            return layers;
        };
        let controls = below(node, &["controlPlane"]).and_then(|it| text(it)) == Some("true");
        let group = below(root, &[if controls { "controlPlane" } else { "worker" }]);
        let overrides = below(node, &["overridePatches"]).and_then(|it| text(it)) == Some("true");
        let own = below(node, &["patches"]);
        let shared = group.filter(|_| !overrides || own.is_none());
        let lists = [
            shared.and_then(|group| below(group, &["patches"])),
            own,
            below(root, &["patches"]),
        ];
        for entry in lists.into_iter().flat_map(items) {
            let part = match text(entry).and_then(|it| it.strip_prefix('@')) {
                Some(name) => file(&absolute(name.trim(), parent(path))),
                None => inline
                    .iter()
                    .find(|it| it.start == entry.place.start)
                    .map(|it| &it.part),
            };
            layers.patches.extend(part);
        }
        layers.owners.push(node);
        layers.owners.extend(group.map(|group| &**group));
        layers.owners.push(root);
        layers
    }

    /// The documents of the patches, in the order in which they apply.
    pub fn documents(&self) -> impl Iterator<Item = (&'p Part<'p>, &'p Rc<Node>)> {
        let parts = self.patches.iter().copied();
        parts.flat_map(|part| part.documents.iter().map(move |root| (part, root)))
    }

    /// talconfig.yaml and what it has below `key` for the node.
    pub fn field(&self, key: &str) -> Option<(&'p Part<'p>, &'p Rc<Node>)> {
        let found = self.owners.iter().find_map(|owner| below(owner, &[key]));
        found.map(|node| (self.talconfig, node))
    }

    /// What stands at a line and column of the rendered text whose documents are `rendered`.
    pub fn find(&self, rendered: &[Rc<Node>], line: u32, column: u32) -> Option<Written> {
        let before = |place: Place| (place.line, place.column) <= (line, column);
        let mut roots = rendered.iter().filter(|root| !root.is_null());
        let root = roots.rfind(|root| before(root.place))?;
        let (steps, value) = walk(root, &before);
        let at = self.in_patches(root, &steps, value);
        Some(Written {
            document: called(root),
            at: at.or_else(|| self.in_fields(root, &steps, value)),
        })
    }

    fn in_patches(&self, root: &Node, steps: &[Step<'_>], value: &Node) -> Option<Location> {
        let mut found: Vec<Location> = Vec::new();
        for (part, document) in self.documents() {
            if id(document) != id(root) || document.get("$patch").is_some() {
                continue;
            }
            let mut places = Vec::new();
            follow(document, root, steps, value, document.place, &mut places);
            found.extend(places.into_iter().map(|place| part.at(place)));
        }
        match steps.iter().any(|step| matches!(step, Step::Item(_))) {
            // Later ones win.
            false => found.pop(),
            // Lists grow: which of two equal items it is cannot be told.
            true => found.pop().filter(|_| found.is_empty()),
        }
    }

    fn in_fields(&self, root: &Node, steps: &[Step<'_>], value: &Node) -> Option<Location> {
        let (kind, name) = id(root);
        let mut places = Vec::new();
        if let Some(kind) = kind {
            let (field, _) = VOLUMES.iter().find(|(_, it)| *it == kind)?;
            let (_, list) = self.field(field)?;
            let mut volumes = items(Some(list)).iter();
            let volume = volumes.find(|it| below(it, &["name"]).and_then(|it| text(it)) == name)?;
            follow(volume, root, steps, value, volume.place, &mut places);
        } else {
            let starts = |keys: &&(&[&str], &str)| {
                let mut pairs = keys.0.iter().zip(steps);
                keys.0.len() <= steps.len()
                    && pairs.all(|(key, step)| matches!(step, Step::Key(it) if it == key))
            };
            let (keys, field) = FIELDS.iter().find(starts)?;
            let mut at = root;
            for key in *keys {
                at = &at.get(key)?.value;
            }
            let owner = self.owners.iter().find_map(|owner| owner.get(field))?;
            let rest = &steps[keys.len()..];
            follow(&owner.value, at, rest, value, owner.at, &mut places);
        }
        match places[..] {
            [only] => Some(self.talconfig.at(only)),
            _ => None,
        }
    }
}

/// Where something was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The document that it is in, such as `VolumeConfig STATE`; empty for the old one.
    pub document: String,
    /// The place, if it is certain.
    pub at: Option<Location>,
}

/// The same for a single node, from files that nothing was read of yet. Has no `Debug`: it may hold keys.
pub struct Origins<'f> {
    files: &'f [File],
    parts: Vec<Part<'f>>,
    inline: Vec<Inline<'f>>,
    talconfig: usize,
    node: (u32, u32),
    rendered: Vec<Rc<Node>>,
}

impl<'f> Origins<'f> {
    /// Of the node that stands at `node`, line and column, in the talconfig.yaml with index `talconfig` in `files`, and
    /// comes to the text `rendered`.
    pub fn of(files: &'f [File], talconfig: usize, node: (u32, u32), rendered: &str) -> Self {
        let parts = files.iter().map(|file| Part::whole(&file.name, &file.text));
        let parts: Vec<Part<'_>> = parts.collect();
        Self {
            inline: parts.get(talconfig).map_or(Vec::new(), talconfig::inline),
            files,
            parts,
            talconfig,
            node,
            rendered: yaml::read(rendered, 0).documents,
        }
    }

    /// What stands at a line and column of the rendered text.
    pub fn find(&self, line: u32, column: u32) -> Option<Written> {
        let file = |path: &str| {
            let index = self.files.iter().position(|file| file.path == path)?;
            self.parts.get(index)
        };
        let (part, path) = (
            self.parts.get(self.talconfig)?,
            &self.files[self.talconfig].path,
        );
        let layers = Layers::of(part, path, self.node, &self.inline, &file);
        layers.find(&self.rendered, line, column)
    }
}

/// The kind and the name of a document; the old one has neither.
fn id(root: &Node) -> (Option<&str>, Option<&str>) {
    let of = |key| below(root, &[key]).and_then(|it| text(it));
    (of("kind"), of("kind").and_then(|_| of("name")))
}

fn called(root: &Node) -> String {
    match id(root) {
        (Some(kind), Some(name)) => crate::config::one_line(&format!("{kind} {name}")),
        (kind, _) => crate::config::one_line(kind.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
