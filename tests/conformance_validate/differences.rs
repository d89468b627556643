//! Where the two may differ: the table of `src/lint/talos/mod.rs`, and what shows that a case is one of its rows.

use serde_json::Value;

use crate::generate::Case;

pub struct Listed {
    /// How its row begins.
    pub what: &'static str,
    /// A part of what Talos says.
    error: &'static [&'static str],
    /// Kinds of documents that the case has.
    kinds: &'static [&'static str],
}

impl Listed {
    pub fn is(&self, case: &Case, error: &str) -> bool {
        let has = |document: &Value| {
            let kind = document["kind"].as_str().unwrap_or_default();
            self.kinds.contains(&kind)
        };
        let said = self.error.iter().any(|it| error.contains(it));
        said && case.patches.iter().flatten().chain(&case.config).any(has)
    }
}

pub const LISTED: [Listed; 4] = [
    Listed {
        what: "expressions over links, members of groups, and control groups",
        error: &["link selector is invalid", "volumeSelector.match", "OOM"],
        kinds: &[
            "LinkAliasConfig",
            "LVMVolumeGroupConfig",
            "RAIDArrayConfig",
            "OOMConfig",
        ],
    },
    Listed {
        what: "certificates and keys",
        error: &["is invalid", "valid PEM"],
        kinds: &[
            "KubeAPIServerCAConfig",
            "KubeAggregatorCAConfig",
            "KubeServiceAccountConfig",
            "RegistryTLSConfig",
        ],
    },
    Listed {
        what: "references of images in ContainerConfig",
        error: &["invalid image reference"],
        kinds: &["ContainerConfig"],
    },
    Listed {
        what: "overrides of the runtime's specification",
        error: &["base runtime spec overrides"],
        kinds: &["CRIBaseRuntimeSpecConfig", ""],
    },
];
