//! The documents that stand for fields of talconfig.yaml, in talhelper's order.
//!
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/talos/multidocs.go>.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{RenderError, Work};
use crate::config::emit;
use crate::config::generate::{link_documents, of_kind};
use crate::config::talconfig::{Value, typed};

/// All of them; they may name a thing twice, for they are merged like a patch.
pub(super) fn all(work: &Work<'_>) -> Result<Vec<Json>, RenderError> {
    let (node, configs) = (work.node, &work.node.configs);
    let mut documents = Vec::new();
    if work.contract.has_network_documents() {
        documents.extend(resolver(work));
        let keys = match node.ignore_hostname {
            true => json!({"auto": "stable"}),
            false => json!({"hostname": &*node.hostname, "auto": "off"}),
        };
        documents.push(of_kind("HostnameConfig", keys));
    }
    if let Some(firewall) = &configs.ingress_firewall {
        documents.extend(rules(work, firewall)?);
    }
    for (field, kind, given) in [
        (
            "extensionServices",
            "ExtensionServiceConfig",
            &configs.extension_services,
        ),
        ("volumes", "VolumeConfig", &configs.volumes),
        ("userVolumes", "UserVolumeConfig", &configs.user_volumes),
    ] {
        let Some(given) = given else { continue };
        documents.extend(named(work, field, kind, given)?);
    }
    let interfaces = configs.network_interfaces.as_ref();
    if let Some(interfaces) = interfaces.filter(|_| work.contract.has_network_documents()) {
        let interfaces = typed("networkInterfaces", interfaces);
        let interfaces = link_documents(&emit::documents([&interfaces]));
        documents.extend(interfaces.map_err(|source| RenderError::Base {
            what: "networkInterfaces",
            hostname: work.hostname(),
            source,
        })?);
    }
    Ok(documents)
}

fn resolver(work: &Work<'_>) -> Option<Json> {
    let configs = &work.node.configs;
    let servers = configs.nameservers.as_deref().unwrap_or_default();
    if servers.is_empty() && !configs.disable_search_domain {
        return None;
    }
    let servers = servers.iter().map(|it| json!({"address": &**it}));
    let keys = json!({
        "nameservers": servers.collect::<Vec<_>>(),
        "searchDomains": {"disableDefault": configs.disable_search_domain},
    });
    Some(of_kind("ResolverConfig", keys))
}

/// The firewall: what it does by default, and its rules.
fn rules(work: &Work<'_>, firewall: &Value) -> Result<Vec<Json>, RenderError> {
    let firewall = typed("ingressFirewall", firewall);
    // Nothing said is Go's zero, which accepts.
    let action = firewall.get("defaultAction").and_then(Json::as_str);
    let action = json!({"ingress": action.unwrap_or("accept")});
    let mut documents = vec![of_kind("NetworkDefaultActionConfig", action)];
    let rules = firewall.get("rules").and_then(Json::as_array);
    for rule in rules.into_iter().flatten() {
        if rule.pointer("/portSelector/protocol").is_none() {
            let hostname = work.hostname();
            return Err(RenderError::Protocol { hostname });
        }
        documents.push(of_kind("NetworkRuleConfig", rule.clone()));
    }
    Ok(documents)
}

/// A document for each item, whose keys are those of the item.
fn named(
    work: &Work<'_>,
    field: &'static str,
    kind: &str,
    given: &Value,
) -> Result<Vec<Json>, RenderError> {
    let Json::Array(items) = typed(field, given) else {
        return Ok(Vec::new());
    };
    let mut seen = BTreeSet::new();
    for item in &items {
        let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
        if !seen.insert(name) && field != "extensionServices" {
            return Err(RenderError::Twice {
                field,
                hostname: work.hostname(),
                name: name.to_owned(),
            });
        }
    }
    Ok(items.into_iter().map(|item| of_kind(kind, item)).collect())
}
