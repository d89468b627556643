//! What only shows over all documents of a configuration. Pure.

use super::super::catalogue::validation as rules;
use super::view::{Out, View};
use super::{Documents, Role, conflicts, containers};

/// Kinds that only a control plane may have.
const CONTROL_PLANE: [&str; 14] = [
    "KubeAPIServerConfig",
    "KubeAdmissionControlConfig",
    "KubeAggregatorCAConfig",
    "KubeAuditPolicyConfig",
    "KubeAuthenticationConfig",
    "KubeAuthorizerConfig",
    "KubeControllerManagerConfig",
    "KubeCoreDNSConfig",
    "KubeEtcdEncryptionConfig",
    "KubeFlannelCNIConfig",
    "KubeProxyConfig",
    "KubeSchedulerConfig",
    "KubeServiceAccountConfig",
    "KubeTalosAPIAccessConfig",
];

/// Checks the documents against each other.
pub(super) fn check(all: &Documents<'_>, role: Option<Role>, out: &mut Out<'_>) {
    for (index, kind, doc) in &all.others {
        out.about(*index, &rules::TOGETHER);
        if let Some((_, old)) = &all.old {
            conflicts::document(kind, doc, old, out);
        }
        let misplaced = role != Some(Role::ControlPlane) && CONTROL_PLANE.contains(kind);
        out.refuse_if(misplaced, doc, "only on a control plane");
    }
    resolvers(all, out);
    discovery(all, out);
    authority(all, role, out);
    let of_kind = |it: &&(usize, &str, View<'_>)| it.1 == "ContainerConfig";
    let containers = all.others.iter().filter(of_kind);
    let own: Vec<_> = containers
        .map(|(index, _, doc)| (*index, doc.clone()))
        .collect();
    containers::order(&own, out);
}

fn old<'v>(all: &Documents<'v>, path: &[&str]) -> Option<View<'v>> {
    all.old.as_ref().map(|(_, old)| old.at(path))
}

fn old_filled(all: &Documents<'_>, path: &[&str]) -> bool {
    old(all, path).is_some_and(|it| !it.is_zero())
}

/// Resolvers that encrypt need Talos' own in front.
fn resolvers(all: &Documents<'_>, out: &mut Out<'_>) {
    let Some((index, doc)) = all.first("ResolverConfig") else {
        return;
    };
    let enabled = doc.at(&["hostDNS", "enabled"]).is_true()
        || old_filled(all, &["machine", "features", "hostDNS", "enabled"]);
    let servers = doc.get("nameservers");
    let encrypted = |it: &View<'_>| matches!(it.get("protocol").text(), "DoT" | "DoH");
    let needed = servers.items().iter().any(encrypted);
    out.about(index, &rules::TOGETHER);
    out.refuse_if(
        needed && !enabled,
        &servers,
        "DoT and DoH need hostDNS.enabled",
    );
}

fn discovery(all: &Documents<'_>, out: &mut Out<'_>) {
    let service = ["cluster", "discovery", "registries", "service", "disabled"];
    let legacy =
        old_filled(all, &["cluster", "discovery", "enabled"]) && !old_filled(all, &service);
    let document = all.first("DiscoveryServiceConfig");
    let root = all.old.clone();
    if legacy || document.is_some() {
        let by_old = old_filled(all, &["cluster", "id"]) || old_filled(all, &["cluster", "secret"]);
        let identity = all.first("DiscoveryIdentityConfig");
        for (key, own) in [("id", "clusterID"), ("secret", "clusterSecret")] {
            let known = match &identity {
                _ if by_old => old_filled(all, &["cluster", key]),
                Some((_, doc)) => !doc.get(own).is_zero(),
                None => false,
            };
            if let Some((index, at)) = document.as_ref().or(root.as_ref()) {
                out.about(*index, &rules::TOGETHER);
                let message = format!("discovery needs cluster.{key} or DiscoveryIdentityConfig");
                out.refuse_if(!known, at, message);
            }
        }
        return;
    }
    let span = all.first("KubeSpanConfig");
    let legacy = || {
        let (index, old) = root?;
        Some((index, old.at(&["machine", "network", "kubespan"])))
    };
    if let Some((index, span)) = span.or_else(legacy) {
        out.about(index, &rules::TOGETHER);
        let on = span.get("enabled").is_true();
        out.refuse_if(on, &span, "KubeSpan needs discovery");
    }
}

/// What a certificate authority of Kubernetes brings with it.
fn authority(all: &Documents<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let set = |path: &[&str]| old(all, path).is_some_and(|it| it.is_set());
    let document = all.first("KubeAPIServerCAConfig");
    if document.is_none() && !set(&["cluster", "ca"]) && !set(&["cluster", "acceptedCAs"]) {
        return;
    }
    let Some((index, at)) = document.or_else(|| all.old.clone()) else {
        return;
    };
    out.about(index, &rules::TOGETHER);
    let encrypted = old_filled(all, &["cluster", "secretboxEncryptionSecret"])
        || old_filled(all, &["cluster", "aescbcEncryptionSecret"])
        || all.first("KubeEtcdEncryptionConfig").is_some();
    let open = role == Some(Role::ControlPlane) && !encrypted;
    let message =
        "a control plane needs cluster.secretboxEncryptionSecret or KubeEtcdEncryptionConfig";
    out.refuse_if(open, &at, message);
    let named =
        set(&["cluster", "controlPlane", "endpoint"]) || all.first("KubeClusterConfig").is_some();
    let message = "Kubernetes needs cluster.controlPlane.endpoint or KubeClusterConfig";
    out.refuse_if(!named, &at, message);
}
