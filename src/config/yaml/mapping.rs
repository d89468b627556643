//! The keys of a mapping while it is read: none twice, and what `<<` brings in after all of them. Pure.

use std::collections::HashMap;
use std::rc::Rc;

use super::fault::{Composed, duplicate, syntax};
use crate::config::node::{Entry, Node, Place, Value};

/// Up to so many keys are compared one by one, which is faster; most mappings have no more.
const FEW: usize = 16;

/// What `<<` is called.
pub(super) const MERGE: &str = "<<";

/// A mapping as far as it was read.
#[derive(Default)]
pub(super) struct Mapping {
    entries: Vec<Entry>,
    /// All keys, once there are more than [`FEW`].
    places: HashMap<Rc<str>, Place>,
    /// Where the `<<` stands, and what it brings.
    merge: Option<(Place, Rc<Node>)>,
}

impl Mapping {
    /// Adds a key that is written out.
    pub fn add(&mut self, entry: Entry) -> Composed<()> {
        if let Some(first) = self.place(&entry.key) {
            return Err(duplicate(entry.at, entry.key, first));
        }
        self.push(entry);
        Ok(())
    }

    /// Adds the `<<` at `at`.
    pub fn add_merge(&mut self, at: Place, from: Rc<Node>) -> Composed<()> {
        if let Some(first) = self.place(MERGE) {
            return Err(duplicate(at, Rc::from(MERGE), first));
        }
        self.merge = Some((at, from));
        Ok(())
    }

    /// The entries, with those that `<<` brings last. `spend` is told how many are looked at, and where.
    pub fn finish(
        mut self,
        spend: &mut impl FnMut(u64, Place) -> Composed<()>,
    ) -> Composed<Vec<Entry>> {
        if let Some((_, from)) = &self.merge {
            let from = Rc::clone(from);
            self.bring(&from, spend)?;
        }
        Ok(self.entries)
    }

    /// Adds what `<<` brings: keys that are written out win, earlier mappings win over later ones.
    fn bring(
        &mut self,
        from: &Node,
        spend: &mut impl FnMut(u64, Place) -> Composed<()>,
    ) -> Composed<()> {
        match &from.value {
            Value::Map(brought) => {
                spend(brought.len() as u64, from.place)?;
                for entry in brought {
                    if self.place(&entry.key).is_none() {
                        self.push(Entry {
                            key: Rc::clone(&entry.key),
                            at: entry.at,
                            value: Rc::clone(&entry.value),
                        });
                    }
                }
                Ok(())
            }
            Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
                items.iter().try_for_each(|item| self.bring(item, spend))
            }
            _ => Err(syntax(
                from.place,
                "a merge needs a mapping, or a list of mappings",
            )),
        }
    }

    /// Where a key stands.
    fn place(&self, key: &str) -> Option<Place> {
        let merge = || self.merge.as_ref().map(|(at, _)| *at);
        let known = match self.entries.len() {
            0..=FEW => self
                .entries
                .iter()
                .find(|entry| &*entry.key == key)
                .map(|entry| entry.at),
            _ => self.places.get(key).copied(),
        };
        known.or_else(|| merge().filter(|_| key == MERGE))
    }

    fn push(&mut self, entry: Entry) {
        match self.entries.len() {
            0..FEW => {}
            FEW => {
                let known = self.entries.iter().chain([&entry]);
                self.places = known.map(|it| (Rc::clone(&it.key), it.at)).collect();
            }
            _ => {
                self.places.insert(Rc::clone(&entry.key), entry.at);
            }
        }
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FaultKind, read};
    use super::*;

    fn text(keys: usize, more: &str) -> String {
        let mut text: String = (0..keys).map(|key| format!("k{key}: {key}\n")).collect();
        text.push_str(more);
        text
    }

    #[test]
    fn a_key_for_the_second_time_is_found_among_few_and_among_many() {
        for keys in [1, FEW - 1, FEW, FEW + 1, FEW + 2, 5 * FEW] {
            assert!(read(&text(keys, ""), 0).fault.is_none(), "{keys}");
            for again in [0, keys / 2, keys - 1] {
                let fault = read(&text(keys, &format!("k{again}: x\n")), 0).fault;
                let Some(FaultKind::DuplicateKey(key, first)) = fault.map(|fault| fault.kind)
                else {
                    panic!("{keys} keys, k{again} again: no fault");
                };
                assert_eq!(
                    (&*key, first.line),
                    (&*format!("k{again}"), u32::try_from(again).unwrap() + 1)
                );
            }
        }
    }

    #[test]
    fn a_merge_stands_once_quoted_or_not() {
        for (text, wrong) in [
            ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", true),
            ("a: &a {x: 1}\nb:\n  <<: *a\n  '<<': 1\n", true),
            ("a: &a {x: 1}\nb:\n  '<<': 1\n  <<: *a\n", true),
            ("a: &a {x: 1}\nb:\n  <<: *a\n  y: 1\n", false),
        ] {
            assert_eq!(read(text, 0).fault.is_some(), wrong, "{text}");
        }
    }

    #[test]
    fn what_is_merged_into_many_keys_does_not_replace_them() {
        let base = "base: &base {k3: no, new: yes}\nnode:\n  <<: *base\n";
        let keys: String = (0..2 * FEW)
            .map(|key| format!("  k{key}: {key}\n"))
            .collect();
        let stream = read(&format!("{base}{keys}"), 0);
        let node = &stream.documents[0].get("node").unwrap().value;
        let of = |key: &str| match &node.get(key).unwrap().value.value {
            Value::Scalar(scalar) => scalar.text.to_string(),
            _ => panic!("{key} is no scalar"),
        };
        assert_eq!((&*of("k3"), &*of("new")), ("3", "yes"));
    }
}
