//! A rendered node with what it is made of, and its configuration as the checks of nodes want it.
//!
//! Pure. Trees and text are made once for all checks, and the text only for a node with something to be placed: most have
//! nothing.

use std::cell::OnceCell;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::origin::{Layers, Written};
use super::rendered::RenderedNode;
use crate::config::node::Node;
use crate::config::patch::MachineConfig;
use crate::config::{Source, yaml};

/// A node of a talconfig.yaml. Has no `Debug`: it may hold keys.
pub(super) struct Made<'n> {
    pub node: &'n RenderedNode,
    pub layers: Layers<'n>,
    trees: OnceCell<Vec<Rc<Node>>>,
    text: OnceCell<Text>,
}

/// A configuration as text, and the documents that were read from it.
struct Text {
    text: Zeroizing<String>,
    documents: Vec<Rc<Node>>,
}

impl<'n> Made<'n> {
    pub fn new(node: &'n RenderedNode, layers: Layers<'n>) -> Self {
        Self {
            node,
            layers,
            trees: OnceCell::new(),
            text: OnceCell::new(),
        }
    }

    /// The documents, which have no places; none if it could not be rendered.
    pub fn trees(&self) -> &[Rc<Node>] {
        let make = || {
            let config = self.node.config.as_ref().ok();
            config.map_or_else(Vec::new, |config| config.trees().collect())
        };
        self.trees.get_or_init(make)
    }

    /// The configuration as a text that is in no file.
    pub fn source(&self) -> Source<'_> {
        let text = &self.written().text;
        Source { name: "", text }
    }

    /// What stands at this line and column of [`Self::source`], and where it was written.
    pub fn find(&self, line: u32, column: u32) -> Option<Written> {
        self.layers.find(self.documents(), line, column)
    }

    /// The documents of [`Self::source`].
    pub fn documents(&self) -> &[Rc<Node>] {
        &self.written().documents
    }

    fn written(&self) -> &Text {
        self.text.get_or_init(|| {
            let config = self.node.config.as_ref().ok();
            let text = Zeroizing::new(config.map_or_else(String::new, MachineConfig::to_text));
            let documents = yaml::read(&text, 0).documents;
            Text { text, documents }
        })
    }
}
