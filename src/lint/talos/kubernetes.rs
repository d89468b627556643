//! Documents of Kubernetes. Pure.

use super::view::{Out, View};
use super::{images, machine, subnets, text, urls};

const REQUIRED: &str = "it is required";

/// Arguments of the API server that documents stand for.
const DENIED: [&str; 6] = [
    "anonymous-auth",
    "oidc-",
    "authentication-config",
    "authorization-config",
    "authorization-mode",
    "authorization-webhook-",
];

/// Checks a document; nothing if it is none of Kubernetes.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    match kind {
        "KubeAdmissionControlConfig" => out.refuse_if(name.is_zero(), &name, REQUIRED),
        "KubeAuthorizerConfig" => {
            authorizer(doc, out);
            let webhook = doc.get("webhook");
            let missing = doc.get("type").text() == "Webhook" && webhook.is_empty();
            out.refuse_if(missing, &webhook, "type Webhook needs it");
        }
        "KubeAggregatorCAConfig" | "KubeAPIServerCAConfig" => {
            let issuing = doc.get("issuingCA");
            let missing = kind == "KubeAggregatorCAConfig" && !issuing.is_set();
            out.refuse_if(missing, &issuing, REQUIRED);
            images::certificate(&issuing, out);
            for accepted in doc.get("acceptedCAs").items() {
                images::certificates(&accepted, out);
            }
        }
        "KubeClusterConfig" => {
            let (cluster, endpoint) = (doc.get("clusterName"), doc.get("endpoint"));
            out.refuse_if(cluster.is_zero(), &cluster, REQUIRED);
            urls::endpoint(&endpoint, out);
        }
        "KubeEtcdEncryptionConfig" => {
            let config = doc.get("config");
            out.refuse_if(config.is_empty(), &config, REQUIRED);
        }
        "KubeNetworkConfig" => subnets::document(doc, out),
        "KubeNodeConfig" => {
            text::filters(&doc.at(&["nodeIP", "validSubnets"]), out);
            let (labels, notes) = (doc.get("labels"), doc.get("annotations"));
            text::of_node(&labels, &notes, &doc.get("taints"), out);
        }
        "KubePrismConfig" => {
            let port = doc.get("port");
            out.refuse_if(
                !(1..=65535).contains(&port.number()),
                &port,
                "from 1 to 65535",
            );
        }
        "KubeServiceAccountConfig" => {
            let issuer = doc.get("issuer");
            let (key, url) = (issuer.get("privateKey"), issuer.get("issuerURL"));
            let fits = !text::pem_blocks(key.text()).is_empty();
            out.refuse_if(!fits, &key, "no key as PEM");
            out.refuse_if(url.is_zero(), &url, REQUIRED);
        }
        "KubeTalosAPIAccessConfig" => machine::roles(&doc.get("allowedRoles"), out),
        _ => {
            pods(kind, doc, out);
            manifests(kind, doc, out);
        }
    }
}

/// Documents of what runs as a pod, or beside it.
fn pods(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let off = doc.get("enabled").is_false();
    match kind {
        "KubeAPIServerConfig" => {
            for (key, argument) in doc.get("extraArgs").entries() {
                let denied = DENIED.iter().any(|it| key.starts_with(it));
                out.refuse_if(denied, &argument, "a document of its own sets this");
            }
        }
        "KubeControllerManagerConfig" | "KubeSchedulerConfig" if !off => {}
        "KubeProxyConfig" if !off => {
            let mode = doc.get("mode");
            let known = matches!(mode.text(), "" | "nftables" | "iptables" | "ipvs");
            out.refuse_if(!known, &mode, "nftables, iptables or ipvs");
        }
        "KubeletConfig" => machine::protected(&doc.get("config"), out),
        "KubeFlannelCNIConfig" => {
            let backend = doc.get("backendType");
            out.refuse_if(backend.is_zero(), &backend, REQUIRED);
            resources(&doc.get("resources"), out);
            return;
        }
        _ => return,
    }
    let image = doc.get("image");
    out.refuse_if(image.is_zero(), &image, REQUIRED);
    resources(&doc.get("resources"), out);
}

fn manifests(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    if !matches!(
        kind,
        "KubeExternalManifestConfig" | "KubeInlineManifestConfig" | "KubeStaticPodConfig"
    ) {
        return;
    }
    let name = doc.get("name");
    let fits = text::is_subdomain(name.text());
    out.refuse_if(
        !fits,
        &name,
        "a name of small letters, digits, - and . is required",
    );
    match kind {
        "KubeExternalManifestConfig" => {
            urls::plain(&doc.get("url"), &["http", "https"], true, out);
        }
        "KubeStaticPodConfig" => {
            let pod = doc.get("pod");
            out.refuse_if(pod.is_empty(), &pod, REQUIRED);
        }
        _ => {}
    }
}

/// What a pod may have.
pub(super) fn resources(resources: &View<'_>, out: &mut Out<'_>) {
    for key in ["requests", "limits"] {
        for (name, value) in resources.get(key).entries() {
            let known = matches!(name, "cpu" | "memory");
            out.refuse_if(!known, &value, "cpu or memory");
        }
    }
}

/// One of the API server's authorizers.
pub(super) fn authorizer(authorizer: &View<'_>, out: &mut Out<'_>) {
    let (kind, name) = (authorizer.get("type"), authorizer.get("name"));
    out.refuse_if(name.is_zero(), &name, REQUIRED);
    let known = matches!(kind.text(), "Node" | "RBAC" | "Webhook");
    out.refuse_if(!known, &kind, "Node, RBAC or Webhook");
}
