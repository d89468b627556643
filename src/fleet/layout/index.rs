//! Recorded machines by name, place and UUID, and which of them is a configuration's.
//!
//! It is the one with the name of the configuration file, in the same folder or as the only one; else the one with the
//! node's hostname as its name; else that of the machine with the UUID that `expect.yaml` gives or that is the
//! configuration's name. Two that fit equally well are none.

use std::collections::{BTreeSet, HashMap};

use super::{File, Files, Machine};
use crate::fleet::sniff::{Yaml, as_uuid};

/// The folder in which talhelper writes one file a node: everything there is a configuration, whatever it looks like.
const TALHELPER: &str = "clusterconfig";

/// File name without its extension.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Recorded machines by what they can be found by.
pub(super) struct Index<'f> {
    pub files: &'f Files,
    pub by_stem: HashMap<&'f str, Vec<usize>>,
    by_uuid: HashMap<&'f str, Vec<usize>>,
    pub by_path: HashMap<&'f str, usize>,
    beside: BTreeSet<(&'f str, &'f str)>,
}

impl<'f> Index<'f> {
    pub fn new(files: &'f Files) -> Self {
        let mut index = Self {
            files,
            by_stem: HashMap::new(),
            by_uuid: HashMap::new(),
            by_path: HashMap::new(),
            beside: BTreeSet::new(),
        };
        for (i, file) in files.json.iter().enumerate() {
            let (folder, stem) = (folder(&file.path), stem(&file.path));
            index.by_stem.entry(stem).or_default().push(i);
            index.by_path.insert(&file.path, i);
            if let Some(uuid) = &file.look.uuid {
                index.by_uuid.entry(uuid).or_default().push(i);
            }
            if file.look.machine {
                index.beside.insert((folder, stem));
            }
        }
        index
    }

    pub fn is_config(&self, file: &File<Yaml>) -> bool {
        let folder = folder(&file.path);
        file.look.config
            || folder.rsplit('/').next() == Some(TALHELPER)
            || self.beside.contains(&(folder, stem(&file.path)))
    }

    /// Of several, the only one that lies beside the configuration, or the only one that says what it is.
    pub fn one_of(&self, found: Option<&Vec<usize>>, beside: &str) -> Machine {
        let Some(found) = found else {
            return Machine::None;
        };
        let json = &self.files.json;
        let near: Vec<usize> = found
            .iter()
            .copied()
            .filter(|i| folder(&json[*i].path) == beside)
            .collect();
        let said: Vec<usize> = found
            .iter()
            .copied()
            .filter(|i| json[*i].look.machine)
            .collect();
        match (&near[..], &said[..], &found[..]) {
            ([one], ..) | ([], [one], _) | ([], [], [one]) => Machine::One(*one),
            ([], [], _) => Machine::None,
            _ => Machine::Several(said),
        }
    }

    pub fn machine(&self, file: &File<Yaml>, uuid: Option<&str>) -> Machine {
        let near = folder(&file.path);
        let stem = stem(&file.path);
        let hostname = file.look.hostname.as_deref();
        let named = as_uuid(stem);
        let mut found = self.one_of(self.by_stem.get(stem), near);
        if found == Machine::None
            && let Some(hostname) = hostname
        {
            found = self.one_of(self.by_stem.get(hostname), near);
        }
        if found == Machine::None
            && let Some(uuid) = uuid.or(named.as_deref())
        {
            found = self.one_of(self.by_uuid.get(uuid), near);
        }
        found
    }
}
