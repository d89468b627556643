//! What Talos' own validation refuses of a whole configuration: `talosctl validate --mode metal`, as rules over decoded
//! documents.
//!
//! Pure. Spec: `Validate` of `v1alpha1.Config`, of every other document, and of `config/container`, in the release of
//! `pkg/machinery` that [`crate::config::schema`] names. A text that cannot be decoded is not judged here.
//!
//! | Not as Talos has it | Why |
//! |---|---|
//! | a text without `machine`, or with neither `version` nor `machine.type` | it is taken for a patch, which need not be whole |
//! | an empty name in `machine.sysctls` or `machine.sysfs` | refused, for the kernel has none; Talos does so in SysctlConfig alone |
//! | expressions over links, members of groups, and control groups | only those over disks and volumes are known here |
//! | certificates and keys | looked at as PEM; whether X.509 or a key is inside shows when the node uses it |
//! | references of images in ContainerConfig | only that there is one |
//! | overrides of the runtime's specification | any mapping is taken; its types are those of another project |
//!
//! `tests/conformance_validate` holds the rest against Talos' own code.

mod bgp;
mod bond;
mod cluster;
mod conflicts;
mod containers;
mod images;
mod interfaces;
mod kubernetes;
mod links;
mod machine;
mod network;
mod storage;
mod subnets;
mod system;
mod text;
mod together;
mod urls;
mod view;

use serde_json::Value;

use super::catalogue::validation as rules;
use crate::config::one_line;
use crate::config::patch::MachineConfig;
use view::{Out, View};
pub(super) use view::{Refusal, Step};

/// What a machine is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    ControlPlane,
    Worker,
}

/// What refuses in documents of some kinds, and passes over the rest.
type Check = fn(&str, &View<'_>, &mut Out<'_>);

/// The documents of a configuration with their indices.
struct Documents<'v> {
    old: Option<(usize, View<'v>)>,
    others: Vec<(usize, &'static str, View<'v>)>,
}

impl<'v> Documents<'v> {
    fn new(decoded: &'v [(&'static str, Value)]) -> Self {
        let (mut old, mut others) = (None, Vec::new());
        for (index, (kind, value)) in decoded.iter().enumerate() {
            match *kind {
                "v1alpha1" => old = Some((index, View::new(value))),
                kind => others.push((index, kind, View::new(value))),
            }
        }
        Self { old, others }
    }

    /// The first document of a kind.
    fn first(&self, kind: &str) -> Option<(usize, View<'v>)> {
        let found = self.others.iter().find(|it| it.1 == kind);
        found.map(|(index, _, doc)| (*index, doc.clone()))
    }
}

/// Everything that Talos refuses, and what it accepts with a word under [`rules::REMARK`]. Documents are counted as
/// [`MachineConfig::decoded`] has them.
pub(super) fn check(config: &MachineConfig) -> Vec<Refusal> {
    let decoded = config.decoded();
    let names: Vec<String> = decoded
        .iter()
        .map(|(kind, value)| name(kind, value))
        .collect();
    let all = Documents::new(&decoded);
    let mut out = Out::new(&names, &rules::MACHINE);
    let mut role = None;
    if let Some((index, old)) = &all.old {
        role = role_of(old.at(&["machine", "type"]).text());
        out.about(*index, &rules::MACHINE);
        if old.get("machine").is_set() {
            machine::section(old, role, &mut out);
            cluster::section(old, role, &mut out);
            out.about(*index, &rules::STORAGE);
            machine::storage(old, &mut out);
            out.about(*index, &rules::NETWORK);
            interfaces::section(old, role, &mut out);
        } else {
            out.refuse(&old.get("machine"), "the section is required");
        }
    }
    let checks: [(&'static super::rule::Rule, Check); 7] = [
        (&rules::STORAGE, storage::document),
        (&rules::NETWORK, links::document),
        (&rules::NETWORK, network::document),
        (&rules::SYSTEM, system::document),
        (&rules::SYSTEM, images::document),
        (&rules::KUBERNETES, kubernetes::document),
        (&rules::CONTAINERS, containers::document),
    ];
    for (index, kind, doc) in &all.others {
        for (rule, check) in checks {
            out.about(*index, rule);
            check(kind, doc, &mut out);
        }
    }
    together::check(&all, role, &mut out);
    out.found()
}

fn role_of(kind: &str) -> Option<Role> {
    match kind {
        "init" | "controlplane" => Some(Role::ControlPlane),
        "worker" | "join" | "" => Some(Role::Worker),
        _ => None,
    }
}

/// How findings call a document; empty for the old one, whose paths speak for themselves.
fn name(kind: &str, value: &Value) -> String {
    let name = value.get("name").and_then(Value::as_str).unwrap_or("");
    match (kind, name) {
        ("v1alpha1", _) => String::new(),
        (kind, "") => kind.to_owned(),
        (kind, name) => format!("{kind}/{}", one_line(name)),
    }
}

#[cfg(test)]
mod tests;
