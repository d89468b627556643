//! The old document, `machine` and `cluster`, of a node that nobody has changed yet.

use serde_json::{Map, Value, json};

use super::{Cluster, Role};

/// Images of which Kubernetes' release is the tag.
const KUBELET: &str = "ghcr.io/siderolabs/kubelet";
pub(super) const API_SERVER: &str = "registry.k8s.io/kube-apiserver";
pub(super) const CONTROLLER_MANAGER: &str = "registry.k8s.io/kube-controller-manager";
pub(super) const PROXY: &str = "registry.k8s.io/kube-proxy";
pub(super) const SCHEDULER: &str = "registry.k8s.io/kube-scheduler";

/// Keeps nodes of the control plane out of load balancers of clouds.
const NOT_BALANCED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Port of KubePrism.
const KUBE_PRISM: u16 = 7445;

/// An image with Kubernetes' release.
pub(super) fn image(cluster: &Cluster<'_>, name: &str) -> Value {
    Value::from(format!("{name}:v{}", cluster.kubernetes))
}

pub(super) fn document(cluster: &Cluster<'_>, role: Role) -> Value {
    json!({
        "version": "v1alpha1",
        "debug": false,
        "persist": true,
        "machine": machine(cluster, role),
        "cluster": of_cluster(cluster, role),
    })
}

/// Adds `value` where `holds`.
fn put(map: &mut Map<String, Value>, holds: bool, key: &str, value: Value) {
    if holds {
        map.insert(key.to_owned(), value);
    }
}

fn machine(cluster: &Cluster<'_>, role: Role) -> Value {
    let (contract, secrets) = (cluster.contract, cluster.secrets);
    let mut machine = Map::new();
    let kind = match role {
        Role::ControlPlane => "controlplane",
        Role::Worker => "worker",
    };
    let ca = match role {
        Role::ControlPlane => secrets.os.both(),
        Role::Worker => secrets.os.public(),
    };
    put(&mut machine, true, "type", kind.into());
    put(&mut machine, true, "token", (*secrets.token).clone().into());
    put(&mut machine, true, "ca", ca);
    put(&mut machine, true, "certSANs", cluster.machine_sans.into());
    let mut kubelet = Map::new();
    put(&mut kubelet, true, "image", image(cluster, KUBELET));
    put(
        &mut kubelet,
        contract.from(2),
        "defaultRuntimeSeccompProfileEnabled",
        true.into(),
    );
    put(
        &mut kubelet,
        contract.from(3),
        "disableManifestsDirectory",
        true.into(),
    );
    put(&mut machine, true, "kubelet", kubelet.into());
    put(&mut machine, !contract.from(13), "network", json!({}));
    let mut install = Map::new();
    put(&mut install, true, "image", cluster.installer.into());
    put(&mut install, true, "wipe", false.into());
    put(
        &mut install,
        contract.from(12),
        "grubUseUKICmdline",
        true.into(),
    );
    put(&mut machine, true, "install", install.into());
    // Kubernetes' images moved in the days of 1.2.
    let moved = contract.from(2) && !contract.from(3);
    let mirrors =
        json!({"k8s.gcr.io": {"endpoints": ["https://registry.k8s.io", "https://k8s.gcr.io"]}});
    put(
        &mut machine,
        moved,
        "registries",
        json!({ "mirrors": mirrors }),
    );
    put(&mut machine, true, "features", features(cluster));
    let labelled = role == Role::ControlPlane && contract.from(8);
    put(
        &mut machine,
        labelled,
        "nodeLabels",
        json!({ NOT_BALANCED: "" }),
    );
    machine.into()
}

fn features(cluster: &Cluster<'_>) -> Value {
    let contract = cluster.contract;
    let mut features = Map::new();
    put(&mut features, !contract.from(12), "rbac", true.into());
    let named = contract.from(2) && !contract.has_network_documents();
    put(&mut features, named, "stableHostname", true.into());
    let checked = contract.from(3) && !contract.from(12);
    put(&mut features, checked, "apidCheckExtKeyUsage", true.into());
    put(
        &mut features,
        contract.from(5),
        "diskQuotaSupport",
        true.into(),
    );
    let prism = json!({"enabled": true, "port": KUBE_PRISM});
    put(&mut features, contract.from(6), "kubePrism", prism);
    let mut dns = Map::new();
    put(&mut dns, true, "enabled", true.into());
    put(
        &mut dns,
        contract.from(8),
        "forwardKubeDNSToHost",
        true.into(),
    );
    let in_here = contract.from(7) && !contract.from(14);
    put(&mut features, in_here, "hostDNS", dns.into());
    features.into()
}

fn of_cluster(cluster: &Cluster<'_>, role: Role) -> Value {
    let (contract, secrets) = (cluster.contract, cluster.secrets);
    let is_control_plane = role == Role::ControlPlane;
    let old = !contract.has_kubernetes_documents();
    let mut map = Map::new();
    let text = |secret: &str| Value::from(secret);
    put(&mut map, true, "id", text(&secrets.cluster_id));
    put(&mut map, true, "secret", text(&secrets.cluster_secret));
    put(
        &mut map,
        true,
        "controlPlane",
        json!({"endpoint": cluster.endpoint}),
    );
    let named = is_control_plane || contract.from(8);
    put(&mut map, named, "clusterName", cluster.name.into());
    let network = json!({
        "dnsDomain": cluster.dns_domain,
        "podSubnets": cluster.pods,
        "serviceSubnets": cluster.services,
    });
    put(&mut map, old, "network", network);
    put(&mut map, true, "token", text(&secrets.bootstrap_token));
    let ca = match role {
        Role::ControlPlane => secrets.kubernetes.both(),
        Role::Worker => secrets.kubernetes.public(),
    };
    put(&mut map, true, "ca", ca);
    let mut discovery = Map::new();
    put(&mut discovery, true, "enabled", true.into());
    let registries = json!({"kubernetes": {"disabled": true}, "service": {}});
    put(&mut discovery, contract.from(2), "registries", registries);
    put(&mut map, old, "discovery", discovery.into());
    if is_control_plane {
        control_plane(cluster, &mut map, old);
    }
    // talhelper keeps the older secret of a cluster that has one, on every node.
    let kept = old && contract.from(3) && !secrets.aescbc.is_empty();
    put(
        &mut map,
        kept,
        "aescbcEncryptionSecret",
        text(&secrets.aescbc),
    );
    map.into()
}

/// What only nodes of the control plane have.
fn control_plane(cluster: &Cluster<'_>, map: &mut Map<String, Value>, old: bool) {
    let (contract, secrets) = (cluster.contract, cluster.secrets);
    let text = |secret: &str| Value::from(secret);
    put(map, true, "aggregatorCA", secrets.aggregator.both());
    put(
        map,
        true,
        "serviceAccount",
        json!({"key": *secrets.service_account}),
    );
    put(map, true, "etcd", json!({"ca": secrets.etcd.both()}));
    put(map, true, "extraManifests", json!([]));
    put(map, true, "inlineManifests", json!([]));
    let key = match contract.from(2) {
        true => "allowSchedulingOnControlPlanes",
        false => "allowSchedulingOnMasters",
    };
    put(map, cluster.schedule_on_control_planes, key, true.into());
    if !old {
        return;
    }
    put(map, true, "apiServer", api_server(cluster));
    put(
        map,
        true,
        "controllerManager",
        json!({"image": image(cluster, CONTROLLER_MANAGER)}),
    );
    put(map, true, "proxy", json!({"image": image(cluster, PROXY)}));
    put(
        map,
        true,
        "scheduler",
        json!({"image": image(cluster, SCHEDULER)}),
    );
    let boxed = contract.from(3);
    put(
        map,
        boxed,
        "secretboxEncryptionSecret",
        text(&secrets.secretbox),
    );
    // Before 1.3 there was only the older one.
    let older = text(&secrets.aescbc);
    put(map, !boxed, "aescbcEncryptionSecret", older);
}

fn api_server(cluster: &Cluster<'_>) -> Value {
    let contract = cluster.contract;
    // Up to 1.11 the endpoint's own name is filled in here, later when certificates are made.
    let own = (!contract.from(12)).then_some(cluster.endpoint_host);
    let names: Vec<&str> = own
        .into_iter()
        .chain(cluster.api_server_sans.iter().copied())
        .collect();
    let mut server = Map::new();
    put(&mut server, true, "image", image(cluster, API_SERVER));
    put(&mut server, true, "certSANs", names.into());
    put(
        &mut server,
        !contract.from(12),
        "disablePodSecurityPolicy",
        true.into(),
    );
    let plugins = json!([{"name": "PodSecurity", "configuration": pod_security()}]);
    put(&mut server, contract.from(1), "admissionControl", plugins);
    put(&mut server, contract.from(3), "auditPolicy", audit_policy());
    server.into()
}

/// The defaults of Pod Security admission.
pub(super) fn pod_security() -> Value {
    json!({
        "apiVersion": "pod-security.admission.config.k8s.io/v1alpha1",
        "kind": "PodSecurityConfiguration",
        "defaults": {
            "enforce": "baseline",
            "enforce-version": "latest",
            "audit": "restricted",
            "audit-version": "latest",
            "warn": "restricted",
            "warn-version": "latest",
        },
        "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": ["kube-system"]},
    })
}

/// Who did what, without the contents.
pub(super) fn audit_policy() -> Value {
    json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]})
}
