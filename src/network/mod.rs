//! What is wrong with the network of one node: its rendered configuration alone, or together with its interfaces.
//!
//! ```text
//! files ─wanted─▶ Wanted ─subnets, addresses, links, lldpd─▶ Finding
//! ```
//! Pure: reading files and machines is the caller's work. Says only what is certain: where an address comes from DHCP and
//! no machine was recorded, nothing is said about it. Rules: Talos' `KubeNetworkConfig` and its link, DHCP and VIP
//! documents, <https://docs.siderolabs.com/talos/>, and the flags of kube-apiserver and kube-controller-manager.

mod addresses;
mod code;
#[cfg(test)]
mod coherent;
mod finding;
mod links;
mod lldpd;
pub mod prefix;
mod subnets;
#[cfg(test)]
mod tests;
mod text;
mod wanted;

use std::rc::Rc;

pub use code::Code;
pub use finding::Finding;

use crate::config::node::Node;
use crate::config::{self, Source};
use crate::probe::nic::Nic;
use wanted::Wanted;

/// What is known beside the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine<'a> {
    /// The node's interfaces; `None` if they are not known.
    pub nics: Option<&'a [Nic]>,
    /// Names of the extensions in its image, such as `siderolabs/lldpd`; `None` if they are not known.
    pub extensions: Option<&'a [String]>,
}

/// What is wrong with the network that all `sources` of one node configure, in the order of the files and lines.
///
/// A file is read as far as it is YAML; what is no configuration is passed over, since `config::parse` refuses it.
pub fn check(sources: &[Source<'_>], machine: &Machine<'_>) -> Vec<Finding> {
    let mut documents = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let read = config::documents_of(source.text, index);
        documents.extend(read.into_iter().map(|document| (source.name, document)));
    }
    let mut found = check_documents(&documents, machine);
    let file = |finding: &Finding| {
        let at = finding.at.as_ref();
        at.and_then(|at| sources.iter().position(|source| source.name == at.file))
    };
    found.sort_by(|a, b| (file(a), a.order()).cmp(&(file(b), b.order())));
    found.dedup();
    found
}

/// What is wrong with documents that are in no file: places mean nothing.
pub(crate) fn check_rendered(documents: &[Rc<Node>], machine: &Machine<'_>) -> Vec<Finding> {
    let documents = documents.iter().map(|document| ("", Rc::clone(document)));
    let documents: Vec<_> = documents.collect();
    let mut found = check_documents(&documents, machine);
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    found.dedup();
    found
}

/// The findings as they come, for documents with the name of their file.
fn check_documents(documents: &[(&str, Rc<Node>)], machine: &Machine<'_>) -> Vec<Finding> {
    let wanted = Wanted::read(documents);
    let mut found = Vec::new();
    subnets::check(&wanted, &mut found);
    addresses::check(&wanted, machine, &mut found);
    links::check(&wanted, machine, &mut found);
    lldpd::check(&wanted, machine, &mut found);
    found
}
