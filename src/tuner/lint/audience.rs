//! Which nodes something is for. What is for different nodes is never compared.

use std::collections::BTreeSet;
use std::rc::Rc;

/// Most different sets of files and patches that are gone through; whoever has more has the same findings in them.
const MOST_KINDS: usize = 512;

/// The nodes that a set of rules or a parameter is for.
#[derive(Clone, Debug, Default)]
pub(super) enum Audience {
    /// All of them.
    #[default]
    All,
    /// These, by their position from 0.
    Some(Rc<[usize]>),
}

impl Audience {
    /// These nodes; all of them if there are none to tell apart.
    pub(super) fn of(nodes: Option<&[usize]>) -> Self {
        nodes.map_or(Self::All, |nodes| Self::Some(Rc::from(nodes)))
    }

    /// Those that are among `other` as well.
    pub(super) fn within(self, other: &Self) -> Self {
        match (self, other) {
            (mine, Self::All) => mine,
            (Self::All, other) => other.clone(),
            (Self::Some(mine), Self::Some(other)) => {
                let both = mine.iter().filter(|it| other.contains(it));
                Self::Some(both.copied().collect())
            }
        }
    }

    fn has(&self, node: usize) -> bool {
        match self {
            Self::All => true,
            Self::Some(nodes) => nodes.binary_search(&node).is_ok(),
        }
    }
}

/// The positions of what comes together on some node of `nodes`, each different set of them once.
pub(super) fn together(audiences: &[&Audience], nodes: usize) -> BTreeSet<Vec<usize>> {
    let of = |node: usize| -> Vec<usize> {
        let has = audiences.iter().enumerate().filter(|(_, it)| it.has(node));
        has.map(|(index, _)| index).collect()
    };
    let mut kinds = BTreeSet::new();
    for node in 0..nodes.max(1) {
        if kinds.len() < MOST_KINDS {
            kinds.insert(of(node));
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_with_the_same_things_are_one_kind() {
        let some = |nodes: &[usize]| Audience::of(Some(nodes));
        let (all, workers, first) = (Audience::All, some(&[1, 2, 3]), some(&[0]));
        let kinds = together(&[&all, &workers, &first], 4);
        assert_eq!(kinds, BTreeSet::from([vec![0, 1], vec![0, 2]]));
        assert_eq!(together(&[&all, &all], 0), BTreeSet::from([vec![0, 1]]));
        let both = workers.within(&some(&[0, 3]));
        assert!(both.has(3) && !both.has(1) && !both.has(0));
    }
}
