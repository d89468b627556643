//! `cluster` of the old document. Pure.

use std::collections::BTreeSet;

use super::super::catalogue::validation as rules;
use super::view::{Out, View};
use super::{Role, kubernetes, text, urls};

/// Checks the section.
pub(super) fn section(doc: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let cluster = doc.get("cluster");
    if !cluster.is_set() {
        out.refuse(&cluster, "the section is required");
        return;
    }
    endpoint(&cluster, out);
    let domain = cluster.at(&["network", "dnsDomain"]);
    let named = domain.is_zero() || text::is_dns_name(domain.text());
    out.refuse_if(!named, &domain, "no name of a domain");
    provider(&cluster.get("externalCloudProvider"), out);
    etcd(&cluster.get("etcd"), role, out);
    let key = cluster.at(&["ca", "key"]);
    let secret = role != Some(Role::ControlPlane) && !key.is_zero();
    out.refuse_if(
        secret,
        &key,
        "only a control plane may have the key of the CA",
    );
    manifests(&cluster.get("inlineManifests"), out);
    discovery(&cluster, out);
    server(&cluster.get("apiServer"), out);
    for part in ["apiServer", "controllerManager", "scheduler"] {
        kubernetes::resources(&cluster.at(&[part, "resources"]), out);
    }
    if role == Some(Role::ControlPlane) && cluster.get("network").is_set() {
        cni(&cluster.at(&["network", "cni"]), out);
    }
}

fn endpoint(cluster: &View<'_>, out: &mut Out<'_>) {
    let plane = cluster.get("controlPlane");
    let endpoint = plane.get("endpoint");
    if endpoint.is_set() {
        urls::endpoint(&endpoint, out);
    } else {
        out.refuse_if(plane.is_set(), &endpoint, "the endpoint is required");
    }
    let account = cluster.get("serviceAccount");
    let alone = account.is_set() && !endpoint.is_set();
    out.refuse_if(
        alone,
        &account,
        "it needs controlPlane.endpoint in the same document",
    );
}

fn provider(provider: &View<'_>, out: &mut Out<'_>) {
    let manifests = provider.get("manifests");
    if !provider.get("enabled").is_true() {
        let off = !manifests.is_empty();
        out.refuse_if(off, &manifests, "the provider is not enabled");
        return;
    }
    for manifest in manifests.items() {
        urls::endpoint(&manifest, out);
    }
}

fn etcd(etcd: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    if !etcd.is_set() {
        return;
    }
    if role != Some(Role::ControlPlane) {
        out.refuse(etcd, "only a control plane runs etcd");
        return;
    }
    let ca = etcd.get("ca");
    out.refuse_if(!ca.is_set(), &ca, "the CA is required");
    let (subnet, advertised) = (etcd.get("subnet"), etcd.get("advertisedSubnets"));
    let both = !subnet.is_zero() && !advertised.is_empty();
    out.refuse_if(both, &subnet, "it excludes advertisedSubnets");
    text::filters(&advertised, out);
    if advertised.is_empty() && !subnet.is_zero() {
        let written = subnet.text().strip_prefix('!').unwrap_or(subnet.text());
        let fits = text::prefix(written).is_some() || text::is_address(written);
        out.refuse_if(!fits, &subnet, "not an address or a network");
    }
    text::filters(&etcd.get("listenSubnets"), out);
}

fn manifests(manifests: &View<'_>, out: &mut Out<'_>) {
    let mut seen = BTreeSet::new();
    for manifest in manifests.items() {
        let name = manifest.get("name");
        out.refuse_if(name.text().trim().is_empty(), &name, "a name is required");
        let twice = !seen.insert(name.text());
        out.refuse_if(twice, &name, "the name is there twice");
    }
}

fn discovery(cluster: &View<'_>, out: &mut Out<'_>) {
    let discovery = cluster.get("discovery");
    let service = discovery.at(&["registries", "service"]);
    if !discovery.get("enabled").is_true() || service.get("disabled").is_true() {
        return;
    }
    let endpoint = service.get("endpoint");
    if !endpoint.is_zero() {
        let url = urls::of(&endpoint);
        let absolute = url.filter(|it| !it.scheme().is_empty() || it.path().starts_with('/'));
        match absolute {
            None => out.refuse(&endpoint, "no URL"),
            Some(url) => {
                let longer = !matches!(url.path(), "" | "/");
                out.refuse_if(longer, &endpoint, "it must not have a path");
            }
        }
    }
    for key in ["id", "secret"] {
        let needed = cluster.get(key);
        out.refuse_if(needed.is_zero(), &needed, "discovery needs it");
    }
}

fn server(server: &View<'_>, out: &mut Out<'_>) {
    let authorizers = server.get("authorizationConfig");
    if authorizers.is_set() {
        for (key, argument) in server.get("extraArgs").entries() {
            let other = key == "authorization-mode" || key.starts_with("authorization-webhook-");
            out.refuse_if(other, &argument, "it excludes authorizationConfig");
        }
    }
    for authorizer in authorizers.items() {
        kubernetes::authorizer(&authorizer, out);
    }
}

fn cni(cni: &View<'_>, out: &mut Out<'_>) {
    if !cni.is_set() {
        return;
    }
    let (name, urls) = (cni.get("name"), cni.get("urls"));
    let flannel = cni.get("flannel");
    match name.text() {
        "flannel" => out.refuse_if(!urls.is_empty(), &urls, "not with flannel"),
        "none" | "custom" => {
            let (arguments, policies) = (
                flannel.get("extraArgs"),
                flannel.get("kubeNetworkPoliciesEnabled"),
            );
            out.refuse_if(!arguments.is_empty(), &arguments, "only with flannel");
            out.refuse_if(policies.is_true(), &policies, "only with flannel");
            if name.text() == "none" {
                out.refuse_if(!urls.is_empty(), &urls, "only with custom");
            } else if urls.is_empty() {
                out.add(&rules::REMARK, &urls, "custom without a manifest is none");
            }
            for url in urls.items().iter().filter(|_| name.text() == "custom") {
                super::urls::endpoint(url, out);
            }
        }
        _ => out.refuse(&name, "flannel, custom or none"),
    }
}
