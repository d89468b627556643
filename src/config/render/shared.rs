//! What the nodes of one talconfig.yaml have in common, made once for all of them: a hundred nodes have two base
//! configurations, and most patches are for many nodes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::config::generate::Role;
use crate::config::patch::{LoadError, MachineConfig, Patch, PatchError};
use crate::config::talconfig::{At, PatchTexts};

/// A patch and the text that it was read from.
type Known = (Zeroizing<String>, Rc<Patch>);

/// Made for one talconfig.yaml, its secrets and its source of files; of no use for others. Has no `Debug`: it holds keys.
#[derive(Default)]
pub struct Shared {
    /// The files of patches.
    pub texts: PatchTexts,
    /// The base configurations: of the control plane, of workers.
    bases: RefCell<[Option<Rc<Vec<Json>>>; 2]>,
    patches: RefCell<HashMap<(String, At), Known>>,
}

impl Shared {
    /// The documents of the base configuration of nodes with this role.
    pub(super) fn base(
        &self,
        role: Role,
        make: impl FnOnce() -> Result<MachineConfig, LoadError>,
    ) -> Result<Rc<Vec<Json>>, LoadError> {
        let index = usize::from(role == Role::Worker);
        if let Some(known) = &self.bases.borrow()[index] {
            return Ok(Rc::clone(known));
        }
        let made = Rc::new(make()?.values());
        self.bases.borrow_mut()[index] = Some(Rc::clone(&made));
        Ok(made)
    }

    /// The patch whose entry stands at `at`, read from `text`. What a template made differs from node to node, so the text
    /// decides whether a patch is the known one.
    pub(super) fn patch(&self, place: &str, at: At, text: &str) -> Result<Rc<Patch>, PatchError> {
        let key = (place.to_owned(), at);
        if let Some((known, patch)) = self.patches.borrow().get(&key)
            && **known == text
        {
            return Ok(Rc::clone(patch));
        }
        let patch = Rc::new(Patch::load(place, text)?);
        let made = (Zeroizing::new(text.to_owned()), Rc::clone(&patch));
        self.patches.borrow_mut().insert(key, made);
        Ok(patch)
    }
}
