//! The configuration of a node as Talos generates it, before anything that a node or a patch asks for.
//!
//! Pure. Makes what `talosctl gen config` of the release makes that talhelper is built on: the old document, and the
//! documents that newer releases have beside it. Spec: Talos' `pkg/machinery/config/generate`.

mod bundle;
mod contract;
mod documents;
mod legacy;
mod links;
mod secrets;

use serde_json::Value;

use super::patch::{LoadError, MachineConfig};

pub use bundle::BundleError;
pub use contract::Contract;
pub(crate) use documents::of_kind;
pub use secrets::{Pair, Secrets};

/// What a cluster's configurations are made of.
#[derive(Clone, Debug)]
pub struct Cluster<'a> {
    /// `clusterName`.
    pub name: &'a str,
    /// Where the control plane is reached, a URL.
    pub endpoint: &'a str,
    /// The name or address in it.
    pub endpoint_host: &'a str,
    /// Release of Kubernetes, without `v`.
    pub kubernetes: &'a str,
    /// What the release of Talos wants.
    pub contract: Contract,
    /// Domain of the cluster.
    pub dns_domain: &'a str,
    /// Networks of pods, in CIDR notation.
    pub pods: &'a [&'a str],
    /// Networks of services.
    pub services: &'a [&'a str],
    /// The installer's image.
    pub installer: &'a str,
    /// More names in the certificates of machines.
    pub machine_sans: &'a [&'a str],
    /// More names in the certificate of the API server.
    pub api_server_sans: &'a [&'a str],
    /// Whether pods may run on the control plane.
    pub schedule_on_control_planes: bool,
    /// Its secrets, or stand-ins.
    pub secrets: &'a Secrets,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It runs etcd and the API server.
    ControlPlane,
    /// It does not.
    Worker,
}

/// The documents that stand for `networkInterfaces` from Talos 1.12 on, ready to be merged with the rest.
///
/// `interfaces` is the list as YAML. Empty if there is nothing to say.
///
/// # Errors
/// [`LoadError`] for what Talos would not take for interfaces, or for the documents that come of them.
pub fn links(interfaces: &str) -> Result<Option<MachineConfig>, LoadError> {
    let documents = link_documents(interfaces)?;
    if documents.is_empty() {
        return Ok(None);
    }
    MachineConfig::of_values(&documents).map(Some)
}

/// The same documents as they come, which may name a thing twice: a patch merges those.
pub(crate) fn link_documents(interfaces: &str) -> Result<Vec<Value>, LoadError> {
    let indented: String = interfaces
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    let whole = MachineConfig::read(&format!(
        "machine:\n  network:\n    interfaces:\n{indented}"
    ))?;
    let values = whole.values();
    let devices = values
        .first()
        .and_then(|document| document.pointer("/machine/network/interfaces"));
    let devices = devices
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    Ok(links::documents(devices))
}

/// The configuration of a node.
///
/// # Errors
/// [`LoadError`] if what the cluster is made of fits no configuration, such as an endpoint that is no URL.
pub fn base(cluster: &Cluster<'_>, role: Role) -> Result<MachineConfig, LoadError> {
    let mut documents = vec![legacy::document(cluster, role)];
    documents.extend(documents::beside(cluster, role));
    // By the types, as if it were read: what is patched later is what Talos reads.
    MachineConfig::of_values(&documents)
}
