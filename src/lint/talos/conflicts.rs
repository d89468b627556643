//! Documents that repeat what the old document says already. Pure.

use super::view::{Out, View};

/// A kind, and the place of the old document that it excludes if it is set.
const EXCLUDES: [(&str, &[&str]); 31] = [
    ("UnattendedInstallConfig", &["machine", "install"]),
    ("KubeSpanConfig", &["machine", "network", "kubespan"]),
    ("ImageCacheConfig", &["machine", "features", "imageCache"]),
    ("KubeAggregatorCAConfig", &["cluster", "aggregatorCA"]),
    ("KubeAPIServerCAConfig", &["cluster", "ca"]),
    ("KubeAPIServerConfig", &["cluster", "apiServer"]),
    (
        "KubeControllerManagerConfig",
        &["cluster", "controllerManager"],
    ),
    (
        "KubeControllerManagerConfig",
        &["machine", "controlPlane", "controllerManager"],
    ),
    ("KubeCoreDNSConfig", &["cluster", "coreDNS"]),
    ("KubeCredentialProviderConfig", &["machine", "kubelet"]),
    ("KubeFlannelCNIConfig", &["cluster", "network"]),
    ("KubeletConfig", &["machine", "kubelet"]),
    ("KubePrismConfig", &["machine", "features", "kubePrism"]),
    ("KubeNetworkConfig", &["cluster", "network"]),
    (
        "KubeNodeConfig",
        &["cluster", "allowSchedulingOnControlPlanes"],
    ),
    ("KubeNodeConfig", &["cluster", "allowSchedulingOnMasters"]),
    (
        "KubeNodeConfig",
        &["machine", "kubelet", "skipNodeRegistration"],
    ),
    (
        "KubeNodeConfig",
        &["machine", "kubelet", "registerWithFQDN"],
    ),
    ("KubeNodeConfig", &["machine", "kubelet", "nodeIP"]),
    ("KubeNodeConfig", &["machine", "nodeLabels"]),
    ("KubeNodeConfig", &["machine", "nodeAnnotations"]),
    ("KubeNodeConfig", &["machine", "nodeTaints"]),
    ("KubeProxyConfig", &["cluster", "proxy"]),
    ("KubeSchedulerConfig", &["cluster", "scheduler"]),
    (
        "KubeSchedulerConfig",
        &["machine", "controlPlane", "scheduler"],
    ),
    ("KubeServiceAccountConfig", &["cluster", "serviceAccount"]),
    (
        "KubeTalosAPIAccessConfig",
        &["machine", "features", "kubernetesTalosAPIAccess"],
    ),
    ("DiscoveryServiceConfig", &["cluster", "discovery"]),
    (
        "KubeClusterConfig",
        &["cluster", "controlPlane", "endpoint"],
    ),
    ("ResolverConfig", &["machine", "network", "searchDomains"]),
    (
        "CRIBaseRuntimeSpecConfig",
        &["machine", "baseRuntimeSpecOverrides"],
    ),
];

/// The same where a place counts only if it is more than Talos' zero.
const OVERLAPS: [(&str, &[&str]); 15] = [
    ("HostnameConfig", &["machine", "network", "hostname"]),
    ("HostnameConfig", &["machine", "features", "stableHostname"]),
    (
        "ResolverConfig",
        &["machine", "network", "disableSearchDomain"],
    ),
    ("TimeSyncConfig", &["machine", "time", "disabled"]),
    ("TimeSyncConfig", &["machine", "time", "servers"]),
    ("TimeSyncConfig", &["machine", "time", "bootTimeout"]),
    (
        "KubeAPIServerConfig",
        &["cluster", "controlPlane", "localAPIServerPort"],
    ),
    (
        "KubeAdmissionControlConfig",
        &["cluster", "apiServer", "admissionControl"],
    ),
    // Talos asks for the plugins here as well.
    (
        "KubeAuthorizerConfig",
        &["cluster", "apiServer", "admissionControl"],
    ),
    (
        "KubeAuditPolicyConfig",
        &["cluster", "apiServer", "auditPolicy"],
    ),
    ("KubeClusterConfig", &["cluster", "clusterName"]),
    (
        "KubeEtcdEncryptionConfig",
        &["cluster", "secretboxEncryptionSecret"],
    ),
    (
        "KubeEtcdEncryptionConfig",
        &["cluster", "aescbcEncryptionSecret"],
    ),
    ("DiscoveryIdentityConfig", &["cluster", "id"]),
    ("DiscoveryIdentityConfig", &["cluster", "secret"]),
];

/// Checks a document against the old one.
pub(super) fn document(kind: &str, doc: &View<'_>, old: &View<'_>, out: &mut Out<'_>) {
    let of_kind = |it: &&(&str, &[&str])| it.0 == kind;
    for (_, path) in EXCLUDES.iter().filter(of_kind) {
        excluded(old.at(path).is_set(), path, doc, out);
    }
    for (_, path) in OVERLAPS.iter().filter(of_kind) {
        let place = old.at(path);
        let filled = !place.is_zero();
        excluded(filled, path, doc, out);
    }
    match kind {
        "ResolverConfig" => {
            let path = ["machine", "network", "nameservers"];
            let address = |it: &View<'_>| super::text::is_address(it.text());
            excluded(old.at(&path).items().iter().any(address), &path, doc, out);
            let dns = doc.get("hostDNS");
            let path = ["machine", "features", "hostDNS"];
            let set = dns.entries().iter().any(|(_, value)| value.is_set());
            excluded(set && old.at(&path).is_set(), &path, doc, out);
        }
        "VolumeConfig" => {
            let key = doc.get("name").text().to_ascii_lowercase();
            let encrypted = !matches!(doc.at(&["encryption", "provider"]).text(), "" | "none");
            let system = matches!(doc.get("name").text(), "STATE" | "EPHEMERAL");
            let path = ["machine", "systemDiskEncryption", &key];
            let twice = system && encrypted && old.at(&path).is_set();
            excluded(twice, &path, doc, out);
        }
        _ => {}
    }
}

fn excluded(wrong: bool, path: &[&str], doc: &View<'_>, out: &mut Out<'_>) {
    out.refuse_if(wrong, doc, format!("it excludes {}", path.join(".")));
}
