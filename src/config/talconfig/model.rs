//! The fields of talconfig.yaml with their types, as talhelper 3.1.17 has them.
//!
//! Pure data, made from a tree that fits [`super::shape`], so making it cannot fail. An empty text is a field that is not
//! there, as in Go; a list that is there and empty is not the same as none, for a node's own empty list keeps the
//! group's out. What only the rendering looks into stays a [`Value`].
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/config/config.go>.

mod configs;

use std::fmt;

use zeroize::Zeroizing;

pub use configs::{MachineFile, MachineSpec, NodeConfigs};

use super::value::{At, Kind, Value};

/// A text and where it stands.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The text; empty if the field is not there.
    pub text: Zeroizing<String>,
    /// Where it stands.
    pub at: At,
    /// Whether the file has it like that, with no variable replaced in it.
    pub as_written: bool,
}

impl Text {
    fn of(value: &Value) -> Self {
        let as_written = matches!(&value.kind, Kind::Scalar(scalar) if scalar.as_written);
        Self {
            text: Zeroizing::new(value.text().to_owned()),
            at: value.at,
            as_written,
        }
    }

    /// Whether it is not there, or empty, which is the same to Go.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Debug for Text {
    /// Without the text: it may be a key or a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({}:{})", self.at.line, self.at.column)
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Keys and texts in the order of the file.
pub type Texts = Vec<(Text, Text)>;

/// talconfig.yaml.
#[derive(Clone, Default)]
pub struct Talconfig {
    /// `clusterName`.
    pub cluster_name: Text,
    /// `talosVersion`, as it is written; [`Talconfig::talos_tag`] has the default.
    pub talos_version: Text,
    /// `kubernetesVersion`.
    pub kubernetes_version: Text,
    /// `endpoint`.
    pub endpoint: Text,
    /// `domain`.
    pub domain: Text,
    /// `allowSchedulingOnMasters` or its newer name `allowSchedulingOnControlPlanes`: neither wins.
    pub allow_scheduling: bool,
    /// `allowSchedulingOnMasters` alone.
    pub allow_scheduling_on_masters: bool,
    /// `allowSchedulingOnControlPlanes` alone.
    pub allow_scheduling_on_control_planes: bool,
    /// `additionalMachineCertSans`, which `certSANs` of nodes and groups replace.
    pub additional_machine_cert_sans: Option<Vec<Text>>,
    /// `additionalApiServerCertSans`.
    pub additional_api_server_cert_sans: Option<Vec<Text>>,
    /// `inlineManifests`.
    pub inline_manifests: Option<Vec<InlineManifest>>,
    /// `clusterPodNets`.
    pub cluster_pod_nets: Option<Vec<Text>>,
    /// `clusterSvcNets`.
    pub cluster_svc_nets: Option<Vec<Text>>,
    /// `cniConfig`.
    pub cni_config: Option<Value>,
    /// `patches`, for all nodes and after their own.
    pub patches: Option<Vec<Text>>,
    /// `nodes`.
    pub nodes: Vec<Node>,
    /// `imageFactory`.
    pub image_factory: ImageFactory,
    /// `controlPlane`: what nodes of the control plane have unless they say otherwise.
    pub control_plane: NodeConfigs,
    /// `worker`: the same for the others.
    pub worker: NodeConfigs,
}

/// The version that talhelper takes if none is named.
pub const LATEST_TALOS: &str = "v1.13.9";
/// Where images come from unless `imageFactory.registryURL` says otherwise.
pub const OFFICIAL_FACTORY: &str = "factory.talos.dev";

impl Talconfig {
    /// The version of Talos as a tag, with its `v`.
    pub fn talos_tag(&self) -> String {
        match &*self.talos_version {
            "" => LATEST_TALOS.to_owned(),
            tag if tag.starts_with('v') => tag.to_owned(),
            version => format!("v{version}"),
        }
    }

    /// The registry of the images.
    pub fn registry(&self) -> &str {
        match &*self.image_factory.registry_url {
            "" => OFFICIAL_FACTORY,
            named => named,
        }
    }

    pub(super) fn of(value: &Value) -> Self {
        let masters = value.flag_at("allowSchedulingOnMasters");
        let control_planes = value.flag_at("allowSchedulingOnControlPlanes");
        let group = |key| value.get(key).map(NodeConfigs::of).unwrap_or_default();
        let factory = value.get("imageFactory");
        Self {
            cluster_name: text(value, "clusterName"),
            talos_version: text(value, "talosVersion"),
            kubernetes_version: text(value, "kubernetesVersion"),
            endpoint: text(value, "endpoint"),
            domain: text(value, "domain"),
            allow_scheduling: masters || control_planes,
            allow_scheduling_on_masters: masters,
            allow_scheduling_on_control_planes: control_planes,
            additional_machine_cert_sans: texts(value, "additionalMachineCertSans"),
            additional_api_server_cert_sans: texts(value, "additionalApiServerCertSans"),
            inline_manifests: list(value, "inlineManifests", InlineManifest::of),
            cluster_pod_nets: texts(value, "clusterPodNets"),
            cluster_svc_nets: texts(value, "clusterSvcNets"),
            cni_config: value.get("cniConfig").cloned(),
            patches: texts(value, "patches"),
            nodes: list(value, "nodes", Node::of).unwrap_or_default(),
            image_factory: factory.map(ImageFactory::of).unwrap_or_default(),
            control_plane: group("controlPlane"),
            worker: group("worker"),
        }
    }
}

/// An entry of `inlineManifests`.
#[derive(Clone)]
pub struct InlineManifest {
    /// `name`.
    pub name: Text,
    /// `contents`; those of the file if it names one.
    pub contents: Text,
    /// `skipEnvsubst`: the file is taken as it is.
    pub skip_envsubst: bool,
}

impl InlineManifest {
    fn of(value: &Value) -> Self {
        Self {
            name: text(value, "name"),
            contents: text(value, "contents"),
            skip_envsubst: value.flag_at("skipEnvsubst"),
        }
    }
}

/// `imageFactory`; what is empty has a default.
#[derive(Clone, Default)]
pub struct ImageFactory {
    /// `registryURL`.
    pub registry_url: Text,
    /// `schematicEndpoint`.
    pub schematic_endpoint: Text,
    /// `protocol`.
    pub protocol: Text,
    /// `installerURLTmpl`.
    pub installer_url_template: Text,
    /// `ISOURLTmpl`.
    pub image_url_template: Text,
}

impl ImageFactory {
    fn of(value: &Value) -> Self {
        Self {
            registry_url: text(value, "registryURL"),
            schematic_endpoint: text(value, "schematicEndpoint"),
            protocol: text(value, "protocol"),
            installer_url_template: text(value, "installerURLTmpl"),
            image_url_template: text(value, "ISOURLTmpl"),
        }
    }
}

/// An entry of `nodes`.
#[derive(Clone, Default)]
pub struct Node {
    /// Where it stands.
    pub at: At,
    /// `hostname`.
    pub hostname: Text,
    /// `ipAddress`: addresses or names with commas between them.
    pub ip_address: Text,
    /// `controlPlane`: which group the node is in.
    pub control_plane: bool,
    /// `installDisk`.
    pub install_disk: Text,
    /// `installDiskSelector`.
    pub install_disk_selector: Option<Value>,
    /// `ignoreHostname`.
    pub ignore_hostname: bool,
    /// `overridePatches`: the group's patches are left out.
    pub override_patches: bool,
    /// `overrideExtraManifests`.
    pub override_extra_manifests: bool,
    /// `overrideMachineCertSANs`.
    pub override_machine_cert_sans: bool,
    /// What the group may have as well; once the file is loaded, with what it has.
    pub configs: NodeConfigs,
    /// How many of `configs.patches` are the group's; they come first.
    pub group_patches: usize,
}

impl Node {
    fn of(value: &Value) -> Self {
        Self {
            at: value.at,
            hostname: text(value, "hostname"),
            ip_address: text(value, "ipAddress"),
            control_plane: value.flag_at("controlPlane"),
            install_disk: text(value, "installDisk"),
            install_disk_selector: value.get("installDiskSelector").cloned(),
            ignore_hostname: value.flag_at("ignoreHostname"),
            override_patches: value.flag_at("overridePatches"),
            override_extra_manifests: value.flag_at("overrideExtraManifests"),
            override_machine_cert_sans: value.flag_at("overrideMachineCertSANs"),
            configs: NodeConfigs::of(value),
            group_patches: 0,
        }
    }
}

fn text(value: &Value, key: &str) -> Text {
    value.get(key).map(Text::of).unwrap_or_default()
}

/// A list without its nulls, as Go drops them from lists of what is no pointer.
fn list<T>(value: &Value, key: &str, item: impl Fn(&Value) -> T) -> Option<Vec<T>> {
    let items = value.get(key)?.items().iter();
    Some(items.filter(|value| !value.is_null()).map(item).collect())
}

fn texts(value: &Value, key: &str) -> Option<Vec<Text>> {
    list(value, key, Text::of)
}

/// A mapping of texts. A null is an empty text, and a null for a key is dropped.
fn text_map(value: &Value, key: &str) -> Option<Texts> {
    let pairs = value.get(key)?.pairs().iter();
    let pairs = pairs.map(|pair| {
        let key = Text {
            text: Zeroizing::new(pair.key.to_string()),
            at: pair.at,
            as_written: true,
        };
        (key, Text::of(&pair.value))
    });
    Some(pairs.collect())
}
