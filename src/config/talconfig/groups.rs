//! A node with what its group has: field by field, the node's own unless it has none.
//!
//! Pure. There is no merge below a field: a node's `schematic` replaces the group's completely, and a `false` cannot undo
//! a `true`. Only three lists are joined, patches with the group's first and the others with the node's first.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/config/nodeconfigs.go>.

use super::model::{Node, NodeConfigs, Text};

/// Fills `node` up from `group`.
pub(super) fn merge(node: &mut Node, group: &NodeConfigs) {
    let own = std::mem::take(&mut node.configs);
    let shared = group
        .patches
        .clone()
        .filter(|_| !node.override_patches || own.patches.is_none());
    node.group_patches = shared.as_ref().map_or(0, Vec::len);
    let patches = match (shared, own.patches) {
        (Some(first), Some(then)) => Some([first, then].concat()),
        (first, then) => first.or(then),
    };
    node.configs = NodeConfigs {
        patches,
        extra_manifests: joined(
            own.extra_manifests,
            group.extra_manifests.as_ref(),
            node.override_extra_manifests,
        ),
        cert_sans: joined(
            own.cert_sans,
            group.cert_sans.as_ref(),
            node.override_machine_cert_sans,
        ),
        node_labels: own.node_labels.or_else(|| group.node_labels.clone()),
        node_annotations: own
            .node_annotations
            .or_else(|| group.node_annotations.clone()),
        node_taints: own.node_taints.or_else(|| group.node_taints.clone()),
        machine_disks: own.machine_disks.or_else(|| group.machine_disks.clone()),
        machine_files: own.machine_files.or_else(|| group.machine_files.clone()),
        disable_search_domain: own.disable_search_domain || group.disable_search_domain,
        kernel_modules: own.kernel_modules.or_else(|| group.kernel_modules.clone()),
        nameservers: own.nameservers.or_else(|| group.nameservers.clone()),
        network_interfaces: own
            .network_interfaces
            .or_else(|| group.network_interfaces.clone()),
        talos_image_url: text(own.talos_image_url, &group.talos_image_url),
        no_schematic_validate: own.no_schematic_validate || group.no_schematic_validate,
        schematic: own.schematic.or_else(|| group.schematic.clone()),
        image_schematic: own
            .image_schematic
            .or_else(|| group.image_schematic.clone()),
        machine_spec: match own.machine_spec.is_zero() {
            true => group.machine_spec.clone(),
            false => own.machine_spec,
        },
        ingress_firewall: own
            .ingress_firewall
            .or_else(|| group.ingress_firewall.clone()),
        extension_services: own
            .extension_services
            .or_else(|| group.extension_services.clone()),
        volumes: own.volumes.or_else(|| group.volumes.clone()),
        user_volumes: own.user_volumes.or_else(|| group.user_volumes.clone()),
        filename_template: text(own.filename_template, &group.filename_template),
    };
}

fn text(own: Text, group: &Text) -> Text {
    if own.is_empty() { group.clone() } else { own }
}

/// The node's list and then the group's. A node that overrides with a list that is not there gets the group's after all.
fn joined(own: Option<Vec<Text>>, group: Option<&Vec<Text>>, overrides: bool) -> Option<Vec<Text>> {
    match group {
        Some(group) if !overrides && !group.is_empty() => {
            Some([own.unwrap_or_default(), group.clone()].concat())
        }
        _ => own.or_else(|| group.cloned()),
    }
}
