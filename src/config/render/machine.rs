//! What a node and the cluster say in the old document.
//!
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/talos/nodeconfig.go>.

use serde_json::{Map, Value as Json, json};

use super::template::{self, Data, Datum};
use super::{RenderError, Work, image, list};
use crate::config::generate::of_kind;
use crate::config::talconfig::{Text, Texts, typed};

/// The kind of the document that a cluster of another network does without.
const FLANNEL: &str = "KubeFlannelCNIConfig";

/// Changes the documents, of which the first is the old one.
pub(super) fn change(work: &Work<'_>, documents: &mut Vec<Json>) -> Result<(), RenderError> {
    let image = image::installer(work)?;
    if let Some(old) = documents.first_mut() {
        let machine = &mut old["machine"];
        network(work, machine);
        storage(work, machine);
        names(work, machine);
        machine["install"]["image"] = image.into();
        templates(work, old)?;
    }
    container_network(work, documents);
    let manifests = work.loaded.config.inline_manifests.as_deref();
    if let (Some(manifests @ [_, ..]), Some(old)) = (manifests, documents.first_mut()) {
        let manifest = |it: &crate::config::talconfig::InlineManifest| json!({"name": &*it.name, "contents": &*it.contents});
        let manifests: Vec<Json> = manifests.iter().map(manifest).collect();
        old["cluster"]["inlineManifests"] = manifests.into();
    }
    Ok(())
}

/// Up to 1.11, names and interfaces stand in the old document.
fn network(work: &Work<'_>, machine: &mut Json) {
    if work.contract.has_network_documents() {
        return;
    }
    let (node, configs) = (work.node, &work.node.configs);
    let network = &mut machine["network"];
    if !node.ignore_hostname {
        network["hostname"] = (*node.hostname).into();
    }
    if let Some(servers @ [_, ..]) = configs.nameservers.as_deref() {
        network["nameservers"] = list(servers);
    }
    if configs.disable_search_domain {
        network["disableSearchDomain"] = true.into();
    }
    let interfaces = configs.network_interfaces.as_ref();
    if let Some(interfaces) = interfaces.filter(|it| !it.items().is_empty()) {
        let interfaces = typed("networkInterfaces", interfaces);
        network["interfaces"] = interfaces;
    }
}

/// Disks, files, modules, kernel arguments.
fn storage(work: &Work<'_>, machine: &mut Json) {
    let (node, configs) = (work.node, &work.node.configs);
    let install = &mut machine["install"];
    if !node.install_disk.is_empty() {
        install["disk"] = (*node.install_disk).into();
    }
    if let Some(selector) = &node.install_disk_selector {
        let selector = typed("installDiskSelector", selector);
        install["diskSelector"] = selector;
    }
    // From 1.12 on they are in the image alone.
    if !work.contract.from(12) && !configs.machine_spec.use_uki {
        let schematic = configs.schematic.as_ref();
        let schematic = schematic.map(|schematic| typed("schematic", schematic));
        let arguments =
            schematic.and_then(|it| it.pointer("/customization/extraKernelArgs").cloned());
        if let Some(Json::Array(arguments)) = arguments.filter(|it| it != &json!([])) {
            append(&mut install["extraKernelArgs"], arguments);
        }
    }
    if let Some(disks) = configs
        .machine_disks
        .as_ref()
        .filter(|it| !it.items().is_empty())
    {
        machine["disks"] = typed("machineDisks", disks);
    }
    if let Some(modules) = configs
        .kernel_modules
        .as_ref()
        .filter(|it| !it.items().is_empty())
    {
        let modules = typed("kernelModules", modules);
        machine["kernel"] = json!({ "modules": modules });
    }
    if let Some(files @ [_, ..]) = configs.machine_files.as_deref() {
        let file = |it: &crate::config::talconfig::MachineFile| {
            json!({
                "content": &*it.content,
                "permissions": it.permissions,
                "path": &*it.path,
                "op": &*it.op,
            })
        };
        let files: Vec<Json> = files.iter().map(file).collect();
        machine["files"] = files.into();
    }
}

/// Labels, annotations, taints and names in certificates. What is a template waits for [`templates`].
fn names(work: &Work<'_>, machine: &mut Json) {
    let configs = &work.node.configs;
    for (key, given, is_templated) in [
        ("nodeAnnotations", &configs.node_annotations, true),
        ("nodeLabels", &configs.node_labels, true),
        ("nodeTaints", &configs.node_taints, false),
    ] {
        let Some(given) = given else { continue };
        let kept = given
            .iter()
            .filter(|(_, text)| !(is_templated && is_template(text)));
        let kept: Map<String, Json> = kept
            .map(|(key, text)| (key.to_string(), (**text).into()))
            .collect();
        machine[key] = kept.into();
    }
    if let Some(names @ [_, ..]) = configs.cert_sans.as_deref() {
        append(
            &mut machine["certSANs"],
            names.iter().map(|name| (**name).into()),
        );
    }
}

fn append(list: &mut Json, more: impl IntoIterator<Item = Json>) {
    if !list.is_array() {
        *list = json!([]);
    }
    if let Json::Array(items) = list {
        items.extend(more);
    }
}

fn is_template(text: &Text) -> bool {
    text.contains("{{") || text.contains("}}")
}

/// Renders labels and annotations over the document as it is without them.
fn templates(work: &Work<'_>, old: &mut Json) -> Result<(), RenderError> {
    let configs = &work.node.configs;
    let data = old.clone();
    let data = Data {
        root: Datum::config(&data),
        env: &work.loaded.env,
    };
    let sources = [
        ("nodeLabels", &configs.node_labels),
        ("nodeAnnotations", &configs.node_annotations),
    ];
    let mut rendered = Vec::new();
    for (field, given) in sources {
        let given: &Texts = match given {
            Some(given) => given,
            None => continue,
        };
        for (key, text) in given.iter().filter(|(_, text)| is_template(text)) {
            let value = template::render(text, &data).map_err(|source| RenderError::Template {
                place: format!("of {field}, line {} of talconfig.yaml", text.at.line),
                source,
            })?;
            rendered.push((field, key.to_string(), value));
        }
    }
    for (field, key, value) in rendered {
        old["machine"][field][key] = value.as_str().into();
    }
    Ok(())
}

/// The network of the containers.
fn container_network(work: &Work<'_>, documents: &mut Vec<Json>) {
    let Some(given) = &work.loaded.config.cni_config else {
        return;
    };
    let given = typed("cniConfig", given);
    if !work.contract.has_kubernetes_documents() {
        if let Some(old) = documents.first_mut() {
            old["cluster"]["network"]["cni"] = given;
        }
        return;
    }
    documents.retain(|it| it.get("kind").and_then(Json::as_str) != Some(FLANNEL));
    match given.get("name").and_then(Json::as_str) {
        Some("flannel") => {
            let mut keys = json!({"backendType": "vxlan", "backendPort": 4789});
            for key in ["extraArgs", "kubeNetworkPoliciesEnabled"] {
                if let Some(value) = given.get("flannel").and_then(|it| it.get(key)) {
                    keys[key] = value.clone();
                }
            }
            documents.push(of_kind(FLANNEL, keys));
        }
        Some("custom") => {
            let urls = given.get("urls").and_then(Json::as_array);
            if let (Some(urls), Some(old)) = (urls, documents.first_mut()) {
                append(&mut old["cluster"]["extraManifests"], urls.iter().cloned());
            }
        }
        _ => {}
    }
}
