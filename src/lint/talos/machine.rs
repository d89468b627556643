//! `machine` of the old document, but for its network. Pure.

use std::collections::BTreeSet;

use super::super::catalogue::validation as rules;
use super::view::{Out, View};
use super::{Role, storage, text, urls};

/// Settings of the kubelet that belong to Talos.
pub(super) const PROTECTED: [&str; 13] = [
    "apiVersion",
    "authentication",
    "authorization",
    "cgroupRoot",
    "kind",
    "kubeletCgroups",
    "port",
    "protectKernelDefaults",
    "resolvConf",
    "rotateCertificates",
    "systemCgroups",
    "staticPodPath",
    "seccompDefault",
];

/// Roles of Talos' own API.
pub(super) const ROLES: [&str; 7] = [
    "os:admin",
    "os:operator",
    "os:reader",
    "os:etcd:backup",
    "os:image:verifier",
    "os:meta:writer",
    "os:impersonator",
];

/// Checks the section, and the root beside it.
pub(super) fn section(doc: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let machine = doc.get("machine");
    let persist = doc.get("persist");
    out.refuse_if(persist.is_false(), &persist, "it cannot be switched off");
    trust(&machine, role, out);
    let kind = machine.get("type");
    match role {
        None => out.refuse(&kind, "controlplane or worker"),
        Some(_) if matches!(kind.text(), "" | "join") => {
            out.add(&rules::REMARK, &kind, "write worker");
        }
        Some(_) => {}
    }
    kubelet(&machine.get("kubelet"), out);
    features(&machine.get("features"), role, out);
    logging(&machine.get("logging"), out);
    let (labels, notes) = (machine.get("nodeLabels"), machine.get("nodeAnnotations"));
    text::of_node(&labels, &notes, &machine.get("nodeTaints"), out);
    for (key, instead) in [
        ("files", "a document of its own kind"),
        ("baseRuntimeSpecOverrides", "CRIBaseRuntimeSpecConfig"),
    ] {
        let old = machine.get(key);
        if !old.is_empty() {
            out.add(
                &rules::REMARK,
                &old,
                &format!("deprecated: write {instead}"),
            );
        }
    }
}

/// Installation and disks.
pub(super) fn storage(doc: &View<'_>, out: &mut Out<'_>) {
    let machine = doc.get("machine");
    let install = machine.get("install");
    if install.is_set() {
        let (disk, selector) = (install.get("disk"), install.get("diskSelector"));
        let chosen = !disk.is_zero() || names_a_disk(&selector);
        out.refuse_if(!chosen, &install, "disk or diskSelector is required");
        let (arguments, uki) = (
            install.get("extraKernelArgs"),
            install.get("grubUseUKICmdline"),
        );
        let both = !arguments.is_empty() && uki.is_true();
        out.refuse_if(both, &arguments, "it excludes grubUseUKICmdline");
        let mut seen = BTreeSet::new();
        for extension in install.get("extensions").items() {
            let image = extension.get("image");
            let twice = !seen.insert(image.text());
            out.refuse_if(twice, &image, "the extension is there twice");
        }
        if !seen.is_empty() {
            let message = "deprecated: put the extensions into the installer's image";
            out.add(&rules::REMARK, &install.get("extensions"), message);
        }
    }
    for disk in machine.get("disks").items() {
        let partitions = disk.get("partitions").items();
        let last = partitions.len().saturating_sub(1);
        for partition in &partitions[..last] {
            let size = partition.get("size");
            let message = "without a size it takes the whole disk, and it is not the last";
            out.refuse_if(size.number() == 0, &size, message);
        }
    }
    for key in ["state", "ephemeral"] {
        let encrypt = machine.at(&["systemDiskEncryption", key]);
        if encrypt.is_set() {
            storage::keys(&encrypt, out);
        }
    }
}

/// Whether an old disk selector says anything.
fn names_a_disk(selector: &View<'_>) -> bool {
    selector.entries().iter().any(|(_, value)| !value.is_zero())
}

fn trust(machine: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let (ca, accepted) = (machine.get("ca"), machine.get("acceptedCAs"));
    let none = !ca.is_set() && accepted.is_empty();
    out.refuse_if(none, &ca, "the issuing CA or accepted CAs are required");
    let (key, certificate) = (ca.get("key"), ca.get("crt"));
    match role {
        Some(Role::ControlPlane) => {
            out.refuse_if(
                key.is_zero(),
                &key,
                "a control plane needs the CA with its key",
            );
        }
        Some(Role::Worker) if ca.is_set() => {
            out.refuse_if(
                !key.is_zero(),
                &key,
                "a worker must not have the key of the CA",
            );
            let trusts = !certificate.is_zero() || !accepted.is_empty();
            out.refuse_if(!trusts, &certificate, "a worker needs a CA that it trusts");
        }
        _ => {}
    }
}

fn kubelet(kubelet: &View<'_>, out: &mut Out<'_>) {
    text::filters(&kubelet.at(&["nodeIP", "validSubnets"]), out);
    protected(&kubelet.get("extraConfig"), out);
}

/// Settings that may not be overridden.
pub(super) fn protected(config: &View<'_>, out: &mut Out<'_>) {
    for (key, value) in config.entries() {
        let own = PROTECTED.contains(&key);
        out.refuse_if(own, &value, "Talos sets it itself");
    }
}

fn features(features: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let dns = features.get("hostDNS");
    let forward = dns.get("forwardKubeDNSToHost");
    let off = forward.is_true() && !dns.get("enabled").is_true();
    out.refuse_if(off, &forward, "it needs hostDNS.enabled");
    let access = features.get("kubernetesTalosAPIAccess");
    if access.get("enabled").is_true() {
        let worker = role != Some(Role::ControlPlane);
        out.refuse_if(worker, &access, "only on a control plane");
        roles(&access.get("allowedRoles"), out);
    }
    let order = features.get("nodeAddressSortAlgorithm");
    let known = matches!(order.text().to_ascii_lowercase().as_str(), "" | "v1" | "v2");
    out.refuse_if(!known, &order, "v1 or v2");
}

/// Roles that do not exist.
pub(super) fn roles(list: &View<'_>, out: &mut Out<'_>) {
    for role in list.items() {
        let known = ROLES.contains(&role.text());
        out.refuse_if(!known, &role, format!("one of {}", ROLES.join(", ")));
    }
}

fn logging(logging: &View<'_>, out: &mut Out<'_>) {
    for destination in logging.get("destinations").items() {
        let endpoint = destination.get("endpoint");
        match urls::of(&endpoint) {
            Some(url) if endpoint.is_set() => {
                out.refuse_if(url.host().is_empty(), &endpoint, "it has no host");
                let known = matches!(url.scheme(), "tcp" | "udp");
                out.refuse_if(!known, &endpoint, "tcp:// or udp://");
            }
            _ => out.refuse(&endpoint, "an endpoint is required"),
        }
        let format = destination.get("format");
        out.refuse_if(format.text() != "json_lines", &format, "json_lines");
    }
}
