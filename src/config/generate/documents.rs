//! The documents that newer releases of Talos have beside the old one.

use serde_json::{Map, Value, json};

use super::legacy::{self, image};
use super::{Cluster, Role};

/// A week.
const TRIM: &str = "168h0m0s";

pub(super) fn beside(cluster: &Cluster<'_>, role: Role) -> Vec<Value> {
    let contract = cluster.contract;
    let mut documents = Vec::new();
    if contract.from(14) {
        let endpoint = "https://discovery.talos.dev/";
        let discovery = json!({"name": "default", "endpoint": endpoint});
        documents.push(of_kind("DiscoveryServiceConfig", discovery));
        let dns = json!({"hostDNS": {"enabled": true, "forwardKubeDNSToHost": true}});
        documents.push(of_kind("ResolverConfig", dns));
        documents.push(of_kind("FilesystemTrimConfig", json!({"interval": TRIM})));
    }
    if contract.has_network_documents() {
        documents.push(of_kind("HostnameConfig", json!({"auto": "stable"})));
    }
    if contract.has_kubernetes_documents() {
        let network = json!({
            "dnsDomain": cluster.dns_domain,
            "podSubnets": cluster.pods,
            "serviceSubnets": cluster.services,
        });
        documents.push(of_kind("KubeNetworkConfig", network));
        if role == Role::ControlPlane {
            documents.extend(control_plane(cluster));
        }
    }
    documents
}

fn control_plane(cluster: &Cluster<'_>) -> Vec<Value> {
    let key = json!({"name": "key1", "secret": *cluster.secrets.secretbox});
    let providers = json!([{"secretbox": {"keys": [key]}}]);
    let encryption = json!({"resources": [{"providers": providers, "resources": ["secrets"]}]});
    let pod_security = json!({"name": "PodSecurity", "configuration": legacy::pod_security()});
    let open = ["/livez", "/readyz", "/healthz"].map(|path| json!({"path": path}));
    let anonymous = json!({"conditions": open, "enabled": true});
    let authentication = json!({"anonymous": anonymous, "jwt": []});
    let of_image = |name: &str| json!({"image": image(cluster, name)});
    vec![
        of_kind("KubeAdmissionControlConfig", pod_security),
        of_kind(
            "KubeAuditPolicyConfig",
            json!({"configuration": legacy::audit_policy()}),
        ),
        of_kind(
            "KubeAuthenticationConfig",
            json!({"configuration": authentication}),
        ),
        of_kind(
            "KubeAuthorizerConfig",
            json!({"name": "node", "type": "Node"}),
        ),
        of_kind(
            "KubeAuthorizerConfig",
            json!({"name": "rbac", "type": "RBAC"}),
        ),
        of_kind("KubeEtcdEncryptionConfig", json!({"config": encryption})),
        of_kind("KubeAPIServerConfig", of_image(legacy::API_SERVER)),
        of_kind(
            "KubeControllerManagerConfig",
            of_image(legacy::CONTROLLER_MANAGER),
        ),
        of_kind("KubeSchedulerConfig", of_image(legacy::SCHEDULER)),
        of_kind("KubeProxyConfig", of_image(legacy::PROXY)),
        of_kind(
            "KubeFlannelCNIConfig",
            json!({"backendType": "vxlan", "backendPort": 4789}),
        ),
    ]
}

/// A document with its head.
pub(crate) fn of_kind(kind: &str, keys: Value) -> Value {
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), "v1alpha1".into());
    document.insert("kind".to_owned(), kind.into());
    if let Value::Object(keys) = keys {
        document.extend(keys);
    }
    document.into()
}
