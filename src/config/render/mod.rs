//! A node of talconfig.yaml as the machine configuration that `talhelper genconfig --offline-mode` writes for it.
//!
//! ```text
//! Loaded ─generate─▶ base ─machine, image─▶ overrides ─documents─▶ merged ─patches─▶ patched ─manifests─▶ MachineConfig
//! ```
//! Pure but for the seam [`Files`]. The order is talhelper's, and it matters: later steps see what earlier ones made, and
//! the patches of the whole file come last. Secrets come in from outside.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/generate/config.go>.
//!
//! Known differences from talhelper 3.1.17, beside those of [`talconfig`] and of `patch`:
//!
//! | what | here | talhelper | why |
//! |---|---|---|---|
//! | Talos' validation of the result and of single documents | not made by `render` | refuses | a node can be looked at before it is right; `validate` makes it and names the node (KB801 to KB807) |
//! | Go templates beyond fields, pipelines, `if`, `range`, `with` and some functions | refused by name | rendered | a template is rendered right or not at all |
//! | options of an overlay with fractions, or with keys of more than letters | refused | taken | the id depends on how Go's library sorts and writes them |
//! | an inline patch without blank, line break and bracket | refused | the name of a file | only files of the repository count, and those have an `@` |

mod documents;
mod error;
mod file_name;
mod image;
mod machine;
mod patches;
mod schematic;
mod shared;
mod template;

use serde_json::Value as Json;

use super::generate::{self, Cluster, Contract, Role, Secrets};
use super::patch::{MachineConfig, Patch};
use super::talconfig::{self, Files, Loaded, Node, Text};

pub use error::RenderError;
pub use file_name::file_name;
pub use schematic::{extensions, extensions_of, schematic_of, schematics};
pub use shared::Shared;
pub use template::TemplateError;

/// Networks that a cluster has if it names none.
const PODS: &str = "10.244.0.0/16";
/// The same for services.
const SERVICES: &str = "10.96.0.0/12";
/// The domain of a cluster that names none.
const DOMAIN: &str = "cluster.local";

/// What rendering a node looks at.
struct Work<'w> {
    loaded: &'w Loaded,
    index: usize,
    node: &'w Node,
    contract: Contract,
    /// The version of Talos, with its `v`.
    tag: String,
    files: &'w dyn Files,
    shared: &'w Shared,
}

/// The machine configuration of the node with this index. `shared` keeps what the next node has as well.
///
/// # Errors
/// [`RenderError`], the first one that is met.
pub fn node(
    loaded: &Loaded,
    index: usize,
    secrets: &Secrets,
    files: &dyn Files,
    shared: &Shared,
) -> Result<Option<MachineConfig>, RenderError> {
    let Some(node) = loaded.config.nodes.get(index) else {
        return Ok(None);
    };
    let tag = loaded.config.talos_tag();
    let contract = Contract::of(&tag).ok_or_else(|| RenderError::Contract(tag.clone()))?;
    let work = Work {
        loaded,
        index,
        node,
        contract,
        tag,
        files,
        shared,
    };
    let config = work.base(secrets)?;
    let config = work.with_documents(config)?;
    let config = patches::apply(&work, config)?;
    patches::append_manifests(&work, config).map(Some)
}

/// The installer's image that a configuration names.
pub fn installer_image(config: &MachineConfig) -> Option<String> {
    let image = |section: &str, keys: &str| {
        let named = |it: &Json| Some(it.pointer(keys)?.as_str()?.to_owned());
        let mut sections = config.sections(section);
        sections.find_map(|it| named(it).filter(|image| !image.is_empty()))
    };
    image("machine", "/install/image").or_else(|| image("installer", "/image"))
}

impl Work<'_> {
    fn hostname(&self) -> String {
        self.node.hostname.to_string()
    }

    /// The old document with what the node says, and the documents that Talos generates beside it.
    fn base(&self, secrets: &Secrets) -> Result<MachineConfig, RenderError> {
        let config = &self.loaded.config;
        let refused = |what| {
            move |source| RenderError::Base {
                what,
                hostname: self.hostname(),
                source,
            }
        };
        let kubernetes = &*config.kubernetes_version;
        let installer = format!("ghcr.io/siderolabs/installer:{}", self.tag);
        let cluster = Cluster {
            name: &config.cluster_name,
            endpoint: &config.endpoint,
            endpoint_host: &talconfig::hostname(&config.endpoint),
            kubernetes: kubernetes.strip_prefix('v').unwrap_or(kubernetes),
            contract: self.contract,
            dns_domain: match &*config.domain {
                "" => DOMAIN,
                domain => domain,
            },
            pods: &texts_or(config.cluster_pod_nets.as_deref(), Some(PODS)),
            services: &texts_or(config.cluster_svc_nets.as_deref(), Some(SERVICES)),
            installer: &installer,
            machine_sans: &texts_or(config.additional_machine_cert_sans.as_deref(), None),
            api_server_sans: &texts_or(config.additional_api_server_cert_sans.as_deref(), None),
            schedule_on_control_planes: config.allow_scheduling,
            secrets,
        };
        let role = match self.node.control_plane {
            true => Role::ControlPlane,
            false => Role::Worker,
        };
        let base = || generate::base(&cluster, role);
        let base = self.shared.base(role, base);
        let base = base.map_err(refused("the base configuration"))?;
        let mut documents = (*base).clone();
        machine::change(self, &mut documents)?;
        MachineConfig::of_values(&documents).map_err(refused("the configuration"))
    }

    /// With the documents that stand for fields of talconfig.yaml, merged like a patch.
    fn with_documents(&self, config: MachineConfig) -> Result<MachineConfig, RenderError> {
        let documents = documents::all(self)?;
        if documents.is_empty() {
            return Ok(config);
        }
        let name = format!("what talconfig.yaml says of {}", self.hostname());
        let patch = Patch::of_values(&name, &documents)?;
        Ok(config.apply(&[patch])?)
    }
}

/// The texts, or the usual one if there are none.
fn texts_or<'t>(texts: Option<&'t [Text]>, usual: Option<&'t str>) -> Vec<&'t str> {
    match texts {
        Some(texts) if !texts.is_empty() => texts.iter().map(|text| &**text).collect(),
        _ => usual.into_iter().collect(),
    }
}

/// The texts as a list.
fn list(texts: &[Text]) -> Json {
    texts.iter().map(|text| Json::from(&**text)).collect()
}
