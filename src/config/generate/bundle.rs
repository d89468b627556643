//! The file of a cluster's secrets, as `talosctl gen secrets` and talhelper write it.
//!
//! Pure. Unknown keys and repeated ones are refused, as talhelper refuses them; so is what it goes on without and crashes at later.
//! Values never reach a message. Spec: `Bundle` of Talos' `pkg/machinery/config/generate/secrets`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::secrets::{Pair, Secrets};
use crate::config::node::{Node, Value};
use crate::config::yaml;

/// Why a file is no file of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// Not YAML.
    #[error("line {line}: {message}")]
    Yaml {
        /// From 1.
        line: u32,
        /// What the parser says.
        message: String,
    },
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// A key that does not belong there.
    #[error("line {line}: {path} is no key of a file of secrets")]
    Unknown {
        /// From 1.
        line: u32,
        /// Such as `certs.etcd.crt`.
        path: String,
    },
    /// Something is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// Something else stands there.
    #[error("line {line}: {path} is not {wanted}")]
    Shape {
        /// From 1.
        line: u32,
        /// Such as `certs.etcd.crt`.
        path: String,
        /// What must stand there.
        wanted: &'static str,
    },
}

/// Every key there is; sections end in a dot.
const KEYS: [&str; 24] = [
    "cluster.",
    "cluster.id",
    "cluster.secret",
    "secrets.",
    "secrets.bootstraptoken",
    "secrets.aescbcencryptionsecret",
    "secrets.secretboxencryptionsecret",
    "trustdinfo.",
    "trustdinfo.token",
    "certs.",
    "certs.etcd.",
    "certs.etcd.crt",
    "certs.etcd.key",
    "certs.k8s.",
    "certs.k8s.crt",
    "certs.k8s.key",
    "certs.k8saggregator.",
    "certs.k8saggregator.crt",
    "certs.k8saggregator.key",
    "certs.k8sserviceaccount.",
    "certs.k8sserviceaccount.key",
    "certs.os.",
    "certs.os.crt",
    "certs.os.key",
];

impl Secrets {
    /// Reads a file of secrets.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn read(text: &str) -> Result<Self, BundleError> {
        let stream = yaml::read(text, 0);
        if let Some(fault) = stream.fault {
            return Err(BundleError::Yaml {
                line: fault.at.line,
                message: fault.message,
            });
        }
        let root = stream.documents.first().filter(|root| !root.is_null());
        let root = root.ok_or(BundleError::Empty)?;
        known(root, "")?;
        let bundle = Bundle(root);
        Ok(Self {
            are_placeholders: false,
            cluster_id: bundle.text("cluster.id")?,
            cluster_secret: bundle.text("cluster.secret")?,
            bootstrap_token: bundle.text("secrets.bootstraptoken")?,
            aescbc: bundle.or_empty("secrets.aescbcencryptionsecret")?,
            secretbox: bundle.or_empty("secrets.secretboxencryptionsecret")?,
            token: bundle.text("trustdinfo.token")?,
            etcd: bundle.pair("certs.etcd")?,
            kubernetes: bundle.pair("certs.k8s")?,
            aggregator: bundle.pair("certs.k8saggregator")?,
            service_account: bundle.base64("certs.k8sserviceaccount.key")?,
            os: bundle.pair("certs.os")?,
        })
    }
}

/// Refuses the first key that does not belong.
fn known(node: &Node, path: &str) -> Result<(), BundleError> {
    let line = node.place.line;
    let Value::Map(entries) = &node.value else {
        let path = path.trim_end_matches('.').to_owned();
        let wanted = "a mapping";
        return Err(match path.is_empty() {
            true => BundleError::Empty,
            false => BundleError::Shape { line, path, wanted },
        });
    };
    for entry in entries {
        let full = format!("{path}{}", entry.key);
        let section = format!("{full}.");
        if KEYS.contains(&&*section) {
            // Null is what is missing, and is found to be.
            if !entry.value.is_null() {
                known(&entry.value, &section)?;
            }
        } else if !KEYS.contains(&&*full) {
            let line = entry.at.line;
            return Err(BundleError::Unknown { line, path: full });
        }
    }
    Ok(())
}

struct Bundle<'n>(&'n Node);

impl Bundle<'_> {
    fn find(&self, path: &str) -> Option<&Node> {
        let mut node = self.0;
        for key in path.split('.') {
            node = &node.get(key)?.value;
        }
        (!node.is_null()).then_some(node)
    }

    fn or_empty(&self, path: &str) -> Result<Zeroizing<String>, BundleError> {
        let Some(node) = self.find(path) else {
            return Ok(Zeroizing::default());
        };
        let text = match &node.value {
            Value::Scalar(scalar) => scalar.as_text(),
            _ => None,
        };
        text.ok_or_else(|| BundleError::Shape {
            line: node.place.line,
            path: path.to_owned(),
            wanted: "text",
        })
    }

    fn text(&self, path: &str) -> Result<Zeroizing<String>, BundleError> {
        let text = self.or_empty(path)?;
        if text.is_empty() {
            return Err(BundleError::Missing(path.to_owned()));
        }
        Ok(text)
    }

    /// Text that is base64, which is written anew as Go writes it.
    fn base64(&self, path: &str) -> Result<Zeroizing<String>, BundleError> {
        let text = self.text(path)?;
        // Go's decoder passes over the ends of lines.
        let joined: Zeroizing<String> = Zeroizing::new(text.split(['\n', '\r']).collect());
        match STANDARD.decode(joined.as_bytes()) {
            Ok(bytes) => Ok(Zeroizing::new(STANDARD.encode(Zeroizing::new(bytes)))),
            Err(_) => Err(BundleError::Shape {
                line: self.find(path).map_or(0, |node| node.place.line),
                path: path.to_owned(),
                wanted: "base64",
            }),
        }
    }

    fn pair(&self, path: &str) -> Result<Pair, BundleError> {
        Ok(Pair {
            certificate: self.base64(&format!("{path}.crt"))?,
            key: self.base64(&format!("{path}.key"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
cluster:\n    id: aWQ=\n    secret: c2VjcmV0\n\
secrets:\n    bootstraptoken: abcdef.0123456789abcdef\n    secretboxencryptionsecret: Ym94\n\
trustdinfo:\n    token: uvwxyz.0123456789abcdef\n\
certs:\n    etcd: {crt: YQ==, key: Yg==}\n    k8s: {crt: YQ==, key: Yg==}\n    k8saggregator: {crt: YQ==, key: Yg==}\n    \
k8sserviceaccount: {key: Yg==}\n    os: {crt: YQ==, key: Yg==}\n";

    #[test]
    fn a_whole_file_is_read() {
        let secrets = Secrets::read(WHOLE).unwrap();
        assert!(!secrets.are_placeholders);
        assert_eq!(*secrets.cluster_id, "aWQ=");
        assert_eq!(*secrets.secretbox, "Ym94");
        assert_eq!(*secrets.aescbc, "");
        assert_eq!(*secrets.os.key, "Yg==");
    }

    #[test]
    fn what_is_wrong_is_named_and_never_quoted() {
        for (from, to, wanted) in [
            ("id: aWQ=", "id:", "cluster.id is missing"),
            ("    secret: c2VjcmV0\n", "", "cluster.secret is missing"),
            (
                "token: uvw",
                "tokn: uvw",
                "line 8: trustdinfo.tokn is no key of a file of secrets",
            ),
            (
                "{key: Yg==}",
                "{key: hidden!}",
                "line 13: certs.k8sserviceaccount.key is not base64",
            ),
            (
                "{key: Yg==}",
                "hidden",
                "line 13: certs.k8sserviceaccount is not a mapping",
            ),
            ("id: aWQ=", "id: [hidden]", "line 2: cluster.id is not text"),
            (
                "id: aWQ=",
                "id: a\n    id: b",
                "line 3: the key is there twice",
            ),
        ] {
            let text = WHOLE.replacen(from, to, 1);
            let said = Secrets::read(&text).unwrap_err().to_string();
            assert_eq!(said, wanted);
        }
        assert_eq!(Secrets::read("").unwrap_err(), BundleError::Empty);
        assert_eq!(Secrets::read("- a\n").unwrap_err(), BundleError::Empty);
    }
}
