//! What is known about the nodes that a file is for, beside the file itself.
//!
//! Pure. Told from talconfig.yaml for its patches, and from the configuration itself for a rendered one.

use super::part::{Part, below, items, text};
use super::version;
use crate::config::node::Node;
use crate::config::talconfig::LATEST_TALOS;

/// Major and minor.
pub(super) type Version = (u32, u32);

/// Extensions whose service does not start without an ExtensionServiceConfig.
pub(super) const WAITING: [&str; 1] = ["lldpd"];

/// What is known; nothing by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The release of Talos.
    pub version: Option<Version>,
    /// Whether the nodes boot an image for SecureBoot.
    pub secureboot: Option<bool>,
    /// Whether talhelper applies the patch.
    pub talhelper: bool,
    /// Why talhelper writes several documents.
    pub many: Option<String>,
    /// The extensions that have a configuration.
    pub configured: Vec<String>,
}

impl Facts {
    /// What talconfig.yaml says for all of its nodes.
    pub fn of_talconfig(root: &Node) -> Self {
        let version = match below(root, &["talosVersion"]).and_then(|node| text(node)) {
            Some(written) => version::parse(written),
            None => version::parse(LATEST_TALOS),
        };
        let mut facts = Self {
            version,
            secureboot: Some(false),
            talhelper: true,
            ..Self::default()
        };
        if version.is_some_and(|version| version >= (1, 12)) {
            facts.many = Some("talhelper writes a HostnameConfig from Talos v1.12 on".to_owned());
        }
        for owner in owners(root) {
            if below(owner, &["machineSpec", "secureboot"]).and_then(|it| text(it)) == Some("true")
                || below(owner, &["talosImageURL"])
                    .and_then(|it| text(it))
                    .is_some_and(|url| url.contains("secureboot") || url.contains('$'))
            {
                facts.secureboot = Some(true);
            }
            for key in [
                "volumes",
                "userVolumes",
                "extensionServices",
                "ingressFirewall",
            ] {
                if below(owner, &[key]).is_some() && facts.many.is_none() {
                    facts.many = Some(format!("{key} makes a document of its own"));
                }
            }
            for service in items(below(owner, &["extensionServices"])) {
                let name = below(service, &["name"]).and_then(|it| text(it));
                facts.configured.extend(name.map(str::to_owned));
            }
        }
        facts
    }

    /// What a rendered configuration says.
    pub fn of_config(part: &Part<'_>) -> Self {
        let Some(image) = image(part).and_then(|node| text(node)) else {
            return Self::default();
        };
        let name = image.split_once('@').map_or(image, |(name, _)| name);
        let tag = name
            .rsplit_once('/')
            .unwrap_or(("", name))
            .1
            .split_once(':');
        Self {
            version: tag.and_then(|(_, tag)| version::parse(tag)),
            secureboot: Some(image.contains("secureboot")),
            ..Self::default()
        }
    }

    /// Adds what a patch brings in.
    pub fn add(&mut self, part: &Part<'_>) {
        for root in &part.documents {
            let kind = below(root, &["kind"]).and_then(|it| text(it));
            if kind == Some("ExtensionServiceConfig") {
                let name = below(root, &["name"]).and_then(|it| text(it));
                self.configured.extend(name.map(str::to_owned));
            }
        }
    }
}

/// The installer's image in a rendered configuration.
pub(super) fn image<'p>(part: &'p Part<'_>) -> Option<&'p Node> {
    let mut roots = part.documents.iter();
    let image = roots.find_map(|root| below(root, &["machine", "install", "image"]));
    image.map(|node| &**node)
}

/// talconfig.yaml itself, its groups and its nodes: whatever can have patches.
pub(super) fn owners(root: &Node) -> Vec<&Node> {
    let mut owners = vec![root];
    for group in ["controlPlane", "worker"] {
        owners.extend(below(root, &[group]).map(|node| &**node));
    }
    owners.extend(items(below(root, &["nodes"])).iter().map(|node| &**node));
    owners
}
