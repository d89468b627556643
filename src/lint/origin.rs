//! Where something in a rendered node was written: in which of its patches, or in which field of talconfig.yaml.
//!
//! Pure. Follows Talos' merge backwards: a later patch wins over an earlier one, and lists grow. A place is told only where
//! it is certain; values that a variable or a template brings in are taken for what they came to. Says places, no values.

use std::rc::Rc;

use super::File;
use super::part::{Part, below, items, text};
use super::talconfig::{self, Inline};
use crate::config::node::{Entry, Node, Place, Value};
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

/// A step from a value to one in it.
enum Step<'n> {
    Key(&'n str),
    Item(usize),
}

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

/// The way from `root` to the last thing that begins no later than the place, and what it is.
fn walk<'n>(root: &'n Node, before: &dyn Fn(Place) -> bool) -> (Vec<Step<'n>>, &'n Node) {
    let (mut steps, mut node) = (Vec::new(), root);
    loop {
        let next = match &node.value {
            Value::Map(entries) => {
                let entry: Option<&Entry> = entries.iter().rfind(|entry| before(entry.at));
                entry.map(|entry| (Step::Key(&entry.key), &entry.value))
            }
            Value::List(list) => {
                let index = list.iter().rposition(|item| before(item.place));
                index.map(|index| (Step::Item(index), &list[index]))
            }
            Value::Scalar(_) => None,
        };
        let Some((step, value)) = next else {
            return (steps, node);
        };
        steps.push(step);
        // The place is that of the key.
        if !before(value.place) {
            return (steps, value);
        }
        node = value;
    }
}

/// The places in `layer` that are at the end of `steps`, which lead from `rendered` to `value`.
fn follow(
    layer: &Node,
    rendered: &Node,
    steps: &[Step<'_>],
    value: &Node,
    at: Place,
    places: &mut Vec<Place>,
) {
    match steps.split_first() {
        None => {
            if agrees(layer, value) {
                places.push(at);
            }
        }
        Some((Step::Key(key), rest)) => {
            if let (Some(entry), Some(of)) = (layer.get(key), rendered.get(key)) {
                follow(&entry.value, &of.value, rest, value, entry.at, places);
            }
        }
        Some((Step::Item(index), rest)) => {
            let Value::List(all) = &rendered.value else {
                return;
            };
            let Some(of) = all.get(*index) else { return };
            let Value::List(list) = &layer.value else {
                return;
            };
            for item in list.iter().filter(|item| agrees(item, of)) {
                follow(item, of, rest, value, item.place, places);
            }
        }
    }
}

/// Whether all of `layer` is in `rendered`.
fn agrees(layer: &Node, rendered: &Node) -> bool {
    match (&layer.value, &rendered.value) {
        _ if layer.is_null() => true,
        (Value::Scalar(layer), Value::Scalar(rendered)) => {
            layer.text == rendered.text || layer.text.contains('$') || layer.text.contains("{{")
        }
        (Value::Map(layer), Value::Map(_)) => layer.iter().all(|entry| {
            let of = rendered.get(&entry.key);
            of.is_some_and(|of| agrees(&entry.value, &of.value))
        }),
        (Value::List(layer), Value::List(rendered)) => {
            let is_there = |item: &Rc<Node>| rendered.iter().any(|it| agrees(item, it));
            layer.len() <= rendered.len() && layer.iter().all(is_there)
        }
        _ => false,
    }
}

fn called(root: &Node) -> String {
    match id(root) {
        (Some(kind), Some(name)) => crate::config::one_line(&format!("{kind} {name}")),
        (kind, _) => crate::config::one_line(kind.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn file(name: &str, text: &str) -> File {
        File {
            name: name.to_owned(),
            path: format!("/r/{name}"),
            text: Zeroizing::new(text.to_owned()),
            named: true,
        }
    }

    const TALCONFIG: &str = "\
nodes:
  - hostname: a
    controlPlane: true
    installDisk: /dev/sda
    patches:
      - '@own.yaml'
  - hostname: b
    controlPlane: true
    overridePatches: true
    patches:
      - |
        machine:
          sysctls: {a: '1', b: '2'}
  - hostname: c
controlPlane:
  patches:
    - '@group.yaml'
worker:
  patches:
    - '@group.yaml'
  userVolumes:
    - name: data
      provisioning: {minSize: 1GiB}
patches:
  - 'machine: {certSANs: [z]}'
";
    const GROUP: &str = "machine:\n  sysctls:\n    a: '1'\n    b: '1'\n  certSANs: [x, y]\n";
    const OWN: &str = "machine:\n  sysctls:\n    b: ${B}\n  certSANs:\n    - x\n";

    /// The document and place of what stands at a line and column.
    fn asked(node: (u32, u32), rendered: &str, line: u32, column: u32) -> (String, String) {
        let files = [
            file("group.yaml", GROUP),
            file("talconfig.yaml", TALCONFIG),
            file("own.yaml", OWN),
        ];
        let origins = Origins::of(&files, 1, node, rendered);
        let found = origins.find(line, column).unwrap();
        let at = found.at.map_or(String::new(), |at| at.to_string());
        (found.document, at)
    }

    #[test]
    fn a_value_is_traced_to_the_last_patch_that_has_it() {
        let a = "machine:\n  install:\n    disk: /dev/sda\n  sysctls:\n    a: '1'\n    b: '7'\n  certSANs:\n    - x\n    - y\n    - x\n    - z\n";
        for (line, column, at) in [
            (3, 5, "talconfig.yaml:4:5"),
            (3, 11, "talconfig.yaml:4:5"),
            (5, 5, "group.yaml:3:5"),
            (6, 8, "own.yaml:3:5"),
            // Both patches have an x.
            (8, 7, ""),
            (9, 7, "group.yaml:5:17"),
            (11, 7, "talconfig.yaml:25:27"),
        ] {
            let wanted = (String::new(), at.to_owned());
            assert_eq!(asked((2, 5), a, line, column), wanted, "{line}:{column}");
        }
    }

    #[test]
    fn a_node_that_overrides_has_not_the_patches_of_its_group() {
        let b = "machine:\n  sysctls:\n    a: '1'\n    b: '1'\n---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  minSize: 1GiB\n  maxSize: 2GiB\n";
        for (line, document, at) in [
            (3, "", "talconfig.yaml:13:21"),
            // Only the patch of the group has this value.
            (4, "", ""),
            (10, "UserVolumeConfig data", ""),
        ] {
            let wanted = (document.to_owned(), at.to_owned());
            assert_eq!(asked((7, 5), b, line, 6), wanted, "{line}");
        }
    }

    #[test]
    fn documents_come_from_the_fields_of_the_group() {
        let c = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  minSize: 1GiB\n  maxSize: 2GiB\n";
        for (line, at) in [(5, "talconfig.yaml:23:22"), (6, "")] {
            let wanted = ("UserVolumeConfig data".to_owned(), at.to_owned());
            assert_eq!(asked((14, 5), c, line, 6), wanted, "{line}");
        }
    }
}
