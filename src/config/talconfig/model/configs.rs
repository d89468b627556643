//! The fields that a node and a group both have.

use super::{Text, Texts, list, text, text_map, texts};
use crate::config::talconfig::value::{At, Value};

/// What nodes and groups have.
#[derive(Clone, Default)]
pub struct NodeConfigs {
    /// `nodeLabels`.
    pub node_labels: Option<Texts>,
    /// `nodeAnnotations`.
    pub node_annotations: Option<Texts>,
    /// `nodeTaints`: `value:effect`, or the effect alone.
    pub node_taints: Option<Texts>,
    /// `machineDisks`, which `userVolumes` replace.
    pub machine_disks: Option<Value>,
    /// `machineFiles`.
    pub machine_files: Option<Vec<MachineFile>>,
    /// `disableSearchDomain`.
    pub disable_search_domain: bool,
    /// `kernelModules`.
    pub kernel_modules: Option<Value>,
    /// `nameservers`.
    pub nameservers: Option<Vec<Text>>,
    /// `networkInterfaces`.
    pub network_interfaces: Option<Value>,
    /// `extraManifests`: paths with an `@`. `patches` replace it.
    pub extra_manifests: Option<Vec<Text>>,
    /// `certSANs`.
    pub cert_sans: Option<Vec<Text>>,
    /// `patches`.
    pub patches: Option<Vec<Text>>,
    /// `talosImageURL`.
    pub talos_image_url: Text,
    /// `noSchematicValidate`.
    pub no_schematic_validate: bool,
    /// `schematic`.
    pub schematic: Option<Value>,
    /// `imageSchematic`.
    pub image_schematic: Option<Value>,
    /// `machineSpec`.
    pub machine_spec: MachineSpec,
    /// `ingressFirewall`.
    pub ingress_firewall: Option<Value>,
    /// `extensionServices`.
    pub extension_services: Option<Value>,
    /// `volumes`.
    pub volumes: Option<Value>,
    /// `userVolumes`.
    pub user_volumes: Option<Value>,
    /// `filenameTmpl`.
    pub filename_template: Text,
}

impl NodeConfigs {
    pub(super) fn of(value: &Value) -> Self {
        let other = |key| value.get(key).cloned();
        Self {
            node_labels: text_map(value, "nodeLabels"),
            node_annotations: text_map(value, "nodeAnnotations"),
            node_taints: text_map(value, "nodeTaints"),
            machine_disks: other("machineDisks"),
            machine_files: list(value, "machineFiles", MachineFile::of),
            disable_search_domain: value.flag_at("disableSearchDomain"),
            kernel_modules: other("kernelModules"),
            nameservers: texts(value, "nameservers"),
            network_interfaces: other("networkInterfaces"),
            extra_manifests: texts(value, "extraManifests"),
            cert_sans: texts(value, "certSANs"),
            patches: texts(value, "patches"),
            talos_image_url: text(value, "talosImageURL"),
            no_schematic_validate: value.flag_at("noSchematicValidate"),
            schematic: other("schematic"),
            image_schematic: other("imageSchematic"),
            machine_spec: value
                .get("machineSpec")
                .map(MachineSpec::of)
                .unwrap_or_default(),
            ingress_firewall: other("ingressFirewall"),
            extension_services: other("extensionServices"),
            volumes: other("volumes"),
            user_volumes: other("userVolumes"),
            filename_template: text(value, "filenameTmpl"),
        }
    }
}

/// An entry of `machineFiles`.
#[derive(Clone)]
pub struct MachineFile {
    /// `content`; that of the file if it names one.
    pub content: Text,
    /// `permissions`.
    pub permissions: u32,
    /// `path`.
    pub path: Text,
    /// `op`.
    pub op: Text,
    /// `skipEnvsubst`: the file is taken as it is.
    pub skip_envsubst: bool,
}

impl MachineFile {
    pub(super) fn of(value: &Value) -> Self {
        Self {
            content: text(value, "content"),
            permissions: u32::try_from(value.int_at("permissions")).unwrap_or(0),
            path: text(value, "path"),
            op: text(value, "op"),
            skip_envsubst: value.flag_at("skipEnvsubst"),
        }
    }
}

/// `machineSpec`; what is empty has a default.
#[derive(Clone, Default)]
pub struct MachineSpec {
    /// Where it stands.
    pub at: At,
    /// `mode`.
    pub mode: Text,
    /// `arch`.
    pub arch: Text,
    /// `secureboot`.
    pub secureboot: bool,
    /// `useUKI`.
    pub use_uki: bool,
    /// `bootMethod`.
    pub boot_method: Text,
    /// `imageSuffix`.
    pub image_suffix: Text,
}

impl MachineSpec {
    pub(super) fn of(value: &Value) -> Self {
        Self {
            at: value.at,
            mode: text(value, "mode"),
            arch: text(value, "arch"),
            secureboot: value.flag_at("secureboot"),
            use_uki: value.flag_at("useUKI"),
            boot_method: text(value, "bootMethod"),
            image_suffix: text(value, "imageSuffix"),
        }
    }

    /// Whether nothing in it says anything.
    pub(in crate::config::talconfig) fn is_zero(&self) -> bool {
        let texts = [
            &self.mode,
            &self.arch,
            &self.boot_method,
            &self.image_suffix,
        ];
        texts.iter().all(|text| text.is_empty()) && !self.secureboot && !self.use_uki
    }
}
