//! Where the two may differ: the table of `src/lint/talos/mod.rs`, what shows that a case is one of its rows, and an example.

use keelblock::lint::Kind;
use serde_json::{Value, json};

use crate::generate::Case;

pub struct Listed {
    /// How its row begins.
    pub what: &'static str,
    sign: Sign,
    /// A patch with which a worker's configuration shows it.
    pub example: &'static str,
}

enum Sign {
    /// It is taken for a patch.
    Patch,
    /// Nothing else is refused than by a message of the own reader with this text.
    Own(&'static str),
    /// Talos says one of these, and the case has a document of one of these kinds.
    Error(&'static [&'static str], &'static [&'static str]),
}

impl Listed {
    /// A configuration that its example is put on.
    pub fn config(&self, worker: Vec<Value>) -> Vec<Value> {
        match self.sign {
            Sign::Patch => {
                let kind = "FilesystemTrimConfig";
                vec![json!({"apiVersion": "v1alpha1", "kind": kind, "interval": "168h0m0s"})]
            }
            _ => worker,
        }
    }

    pub fn is(&self, case: &Case, error: &str, kind: Option<Kind>, own: &[&str]) -> bool {
        match self.sign {
            Sign::Patch => kind == Some(Kind::Patch),
            Sign::Own(text) => !own.is_empty() && own.iter().all(|it| it.contains(text)),
            Sign::Error(texts, kinds) => {
                let has = |document: &Value| {
                    let kind = document["kind"].as_str().unwrap_or_default();
                    kinds.contains(&kind)
                };
                let mut documents = case.patches.iter().flatten().chain(&case.config);
                texts.iter().any(|it| error.contains(it)) && documents.any(has)
            }
        }
    }
}

pub const LISTED: [Listed; 6] = [
    Listed {
        what: "a text without `machine`, or with neither `version` nor `machine.type`",
        sign: Sign::Patch,
        example: r#"{"apiVersion": "v1alpha1", "kind": "FilesystemScrubConfig", "interval": "5s"}"#,
    },
    Listed {
        what: "an empty name in `machine.sysctls` or `machine.sysfs`",
        sign: Sign::Own("the key is empty"),
        example: r#"{"machine": {"sysctls": {"": "1"}}}"#,
    },
    Listed {
        what: "expressions over links, members of groups, and control groups",
        sign: Sign::Error(
            &["link selector is invalid", "volumeSelector.match", "OOM"],
            &[
                "LinkAliasConfig",
                "LVMVolumeGroupConfig",
                "RAIDArrayConfig",
                "OOMConfig",
            ],
        ),
        example: r#"{"apiVersion": "v1alpha1", "kind": "LinkAliasConfig", "name": "net0", "selector": {"match": "link.nothing"}}"#,
    },
    Listed {
        what: "certificates and keys",
        sign: Sign::Error(
            &["is invalid", "valid PEM"],
            &[
                "KubeAPIServerCAConfig",
                "KubeAggregatorCAConfig",
                "KubeServiceAccountConfig",
                "RegistryTLSConfig",
            ],
        ),
        example: r#"{"apiVersion": "v1alpha1", "kind": "RegistryTLSConfig", "name": "a.example", "ca": "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"}"#,
    },
    Listed {
        what: "references of images in ContainerConfig",
        sign: Sign::Error(&["invalid image reference"], &["ContainerConfig"]),
        example: r#"{"apiVersion": "v1alpha1", "kind": "ContainerConfig", "name": "agent", "image": "Not An Image"}"#,
    },
    Listed {
        what: "overrides of the runtime's specification",
        sign: Sign::Error(
            &["base runtime spec overrides"],
            &["CRIBaseRuntimeSpecConfig", ""],
        ),
        example: r#"{"apiVersion": "v1alpha1", "kind": "CRIBaseRuntimeSpecConfig", "overrides": {"process": "x"}}"#,
    },
];
