//! The versions of Talos that talhelper 3.1.17 knows, with the extensions and overlays that each has.
//!
//! `releases.txt` holds them: `extensions N` and `overlays N` open a set, given as what is added to and removed from the
//! set before it; `release TAG E O` is a version with the numbers of its sets. A test compares it with talhelper's list.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

static LIST: LazyLock<Vec<Release>> = LazyLock::new(|| read(include_str!("releases.txt")));

/// A version of Talos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Such as `v1.13.9`.
    pub tag: &'static str,
    /// Names of the official system extensions.
    pub extensions: Arc<BTreeSet<&'static str>>,
    /// Names and images of the official overlays, in the order in which they are searched.
    pub overlays: Vec<(&'static str, &'static str)>,
}

/// All of them, in talhelper's order.
pub fn releases() -> &'static [Release] {
    &LIST
}

/// The version with this tag.
pub(super) fn release(tag: &str) -> Option<&'static Release> {
    LIST.iter().find(|release| release.tag == tag)
}

fn read(text: &'static str) -> Vec<Release> {
    // Most releases have the set of the one before.
    let mut extensions: Vec<Arc<BTreeSet<&'static str>>> = Vec::new();
    let mut overlays: Vec<Vec<(&'static str, &'static str)>> = Vec::new();
    let mut releases = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or("");
        match next() {
            "extensions" => extensions.push(extensions.last().cloned().unwrap_or_default()),
            "overlays" => overlays.push(Vec::new()),
            "+" => drop(
                extensions
                    .last_mut()
                    .map(|set| Arc::make_mut(set).insert(next())),
            ),
            "-" => drop(
                extensions
                    .last_mut()
                    .map(|set| Arc::make_mut(set).remove(next())),
            ),
            "=" => {
                let pair = (next(), next());
                if let Some(list) = overlays.last_mut() {
                    list.push(pair);
                }
            }
            "release" => {
                let tag = next();
                let (extension, overlay) = (next().parse::<usize>(), next().parse::<usize>());
                releases.push(Release {
                    tag,
                    extensions: set(&extensions, extension),
                    overlays: set(&overlays, overlay),
                });
            }
            _ => {}
        }
    }
    releases
}

fn set<T: Clone + Default>(sets: &[T], number: Result<usize, std::num::ParseIntError>) -> T {
    let found = number.ok().and_then(|number| sets.get(number));
    found.cloned().unwrap_or_default()
}
