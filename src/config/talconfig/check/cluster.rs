//! The fields of the cluster.

use super::super::model::{Talconfig, Text};
use super::super::value::{At, Value};
use super::releases::release;
use super::{Issues, address, kubernetes, quoted, url, version};

/// The first and the last minor version of Talos 1 that talhelper takes although it has no list for it.
const MINORS: std::ops::RangeInclusive<u64> = 2..=14;

pub(super) fn check(config: &Talconfig, issues: &mut Issues) {
    let start = At::default();
    let required = [
        ("clusterName", config.cluster_name.is_empty()),
        ("kubernetesVersion", config.kubernetes_version.is_empty()),
        ("endpoint", config.endpoint.is_empty()),
        ("nodes", config.nodes.is_empty()),
    ];
    for (field, is_empty) in required {
        if is_empty {
            issues.error(start, field, format!("{field} must be there and not empty"));
        }
    }
    talos_version(config, issues);
    kubernetes_version(config, issues);
    let endpoint = &config.endpoint;
    if let Some(why) = url::endpoint(endpoint).filter(|_| !endpoint.is_empty()) {
        let message = format!("{} is no endpoint: {why}", quoted(endpoint));
        issues.error(endpoint.at, "endpoint", message);
    }
    if !config.domain.is_empty() && !address::is_domain(&config.domain) {
        let message = format!("{} is no domain", quoted(&config.domain));
        issues.error(config.domain.at, "domain", message);
    }
    subnets("clusterPodNets", config.cluster_pod_nets.as_deref(), issues);
    subnets("clusterSvcNets", config.cluster_svc_nets.as_deref(), issues);
    if let Some(cni) = &config.cni_config {
        for why in wrong_cni(cni) {
            issues.error(cni.at, "cniConfig", why);
        }
    }
    manifests(config, issues);
}

fn talos_version(config: &Talconfig, issues: &mut Issues) {
    let version = &config.talos_version;
    let tag = config.talos_tag();
    if version.is_empty() || release(&tag).is_some() {
        return;
    }
    if version::major_minor(&tag)
        .is_some_and(|(major, minor)| major == 1 && MINORS.contains(&minor))
    {
        let message = "the version is not in talhelper's list; it may not fit in everything";
        issues.warn(version.at, "talosVersion", message);
    } else {
        let message = format!(
            "{} is no version of Talos from 1.2 to 1.14",
            quoted(version)
        );
        issues.error(version.at, "talosVersion", message);
    }
}

fn kubernetes_version(config: &Talconfig, issues: &mut Issues) {
    let (talos, kubernetes) = (&config.talos_version, &config.kubernetes_version);
    if kubernetes.is_empty() {
        return;
    }
    let why = if talos.is_empty() || version::is_semver(talos) {
        kubernetes::mismatch(&config.talos_tag(), kubernetes)
    } else {
        Some(String::from("talosVersion has to be right first"))
    };
    if let Some(why) = why {
        issues.error(kubernetes.at, "kubernetesVersion", why);
    }
}

fn subnets(field: &str, list: Option<&[Text]>, issues: &mut Issues) {
    let mut list = list.unwrap_or_default().iter();
    if let Some(wrong) = list.find(|subnet| !address::is_cidr(subnet)) {
        let message = format!("{} is no subnet such as 10.244.0.0/16", quoted(wrong));
        issues.error(wrong.at, field, message);
    }
}

/// What is wrong with `cniConfig`.
fn wrong_cni(cni: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let urls = cni.get("urls").map(Value::items).unwrap_or_default();
    let urls: Vec<&Value> = urls.iter().filter(|url| !url.is_null()).collect();
    let name = cni.text_at("name");
    if !matches!(name, "flannel" | "none" | "custom") {
        return vec![String::from("its name must be flannel, custom or none")];
    }
    if name != "custom" && !urls.is_empty() {
        wrong.push(format!("{name} has no urls"));
    }
    if name == "custom" && urls.is_empty() {
        wrong.push(String::from("custom needs urls"));
    }
    let flannel = cni.get("flannel");
    let arguments = flannel.and_then(|it| it.get("extraArgs")).map(Value::items);
    let has_arguments = arguments.is_some_and(|it| it.iter().any(|it| !it.is_null()));
    let has_policies = flannel.is_some_and(|it| it.flag_at("kubeNetworkPoliciesEnabled"));
    if name != "flannel" && (has_arguments || has_policies) {
        wrong.push(format!("{name} has no settings of flannel"));
    }
    if name == "custom" {
        let reasons = urls.iter().filter_map(|it| url::endpoint(it.text()));
        wrong.extend(reasons.map(|why| format!("one of its urls is none: {why}")));
    }
    wrong
}

fn manifests(config: &Talconfig, issues: &mut Issues) {
    let mut seen: Vec<&str> = Vec::new();
    for manifest in config.inline_manifests.as_deref().unwrap_or_default() {
        let name = &manifest.name;
        if name.trim().is_empty() {
            let message = String::from("an inline manifest needs a name");
            issues.error(name.at, "inlineManifests", message);
        }
        if seen.contains(&&**name) {
            let message = format!("two inline manifests are called {}", quoted(name));
            issues.error(name.at, "inlineManifests", message);
        }
        seen.push(name);
    }
}
