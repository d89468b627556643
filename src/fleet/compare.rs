//! What of a node's outcome is worth comparing, and how two outcomes differ.
//!
//! A disk counts by its identity and never by its kernel name, which changes between boots.

use std::collections::BTreeMap;

use crate::config::spec::{Encryption, Spec};
use crate::selector::selection::{Outcome, Selection};

/// What decides about the disks of a node: name → value, both in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// The facts of a node whose configuration cannot be read.
    pub fn broken() -> Self {
        let fact = (String::from("configuration"), String::from("not valid"));
        Self(BTreeMap::from([fact]))
    }

    /// The facts of a node.
    pub fn of(spec: &Spec, selection: Option<&Selection>) -> Self {
        let mut facts = BTreeMap::new();
        for role in selection.iter().flat_map(|selection| &selection.roles) {
            let value = match (role.outcome, &role.disk_id) {
                (Outcome::Selected, Some(id)) => id.clone(),
                (Outcome::Refused, _) => String::from("refused"),
                _ => String::from("no disk"),
            };
            facts.insert(format!("{} disk", role.role), value);
        }
        if selection.is_none() {
            facts.insert(String::from("recorded machine"), String::from("none"));
        }
        if let Some(install) = &spec.install {
            facts.insert(String::from("wipe"), install.wipe.to_string());
        }
        let system = [("STATE", &spec.state), ("EPHEMERAL", &spec.ephemeral)];
        for (name, volume) in system {
            facts.insert(format!("{name} keys"), keys(volume.encryption.as_ref()));
        }
        for volume in &spec.volumes {
            let value = keys(volume.encryption.as_ref());
            facts.insert(format!("{} keys", volume.id), value);
        }
        Self(facts)
    }

    /// What changed from `base` to this, one sentence each.
    pub fn since(&self, base: &Self) -> Vec<String> {
        let none = String::from("none");
        let mut names: Vec<&String> = base.0.keys().chain(self.0.keys()).collect();
        names.sort();
        names.dedup();
        let value = |facts: &Self, name: &String| facts.0.get(name).unwrap_or(&none).clone();
        names
            .into_iter()
            .map(|name| (name, value(base, name), value(self, name)))
            .filter(|(_, before, after)| before != after)
            .map(|(name, before, after)| format!("{name}: {before} → {after}"))
            .collect()
    }
}

/// Cipher and kinds of keys; never a key.
fn keys(encryption: Option<&Encryption>) -> String {
    let Some(encryption) = encryption else {
        return String::from("not sealed");
    };
    let slot = |key: &crate::config::spec::Key| {
        let lock = match key.lock_to_state {
            Some(true) => " locked to STATE",
            _ => "",
        };
        format!("slot {} {}{lock}", key.slot, key.source.word())
    };
    let slots: Vec<String> = encryption.keys.iter().map(slot).collect();
    format!("{}, {}", encryption.cipher.name(), slots.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_in_the_order_of_its_names() {
        let facts = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            Facts(owned.collect())
        };
        let before = facts(&[
            ("install disk", "wwid a"),
            ("wipe", "true"),
            ("u-x disk", "b"),
        ]);
        let after = facts(&[
            ("install disk", "wwid c"),
            ("wipe", "true"),
            ("s-y disk", "d"),
        ]);
        assert_eq!(
            after.since(&before),
            [
                "install disk: wwid a → wwid c",
                "s-y disk: none → d",
                "u-x disk: b → none"
            ]
        );
        assert!(after.since(&after).is_empty());
    }
}
