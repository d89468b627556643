//! The secrets that a base configuration holds, or what stands in their places.
//!
//! Never shown: `Debug` names the kind alone. Spec: Talos' `pkg/machinery/config/generate/secrets`.

use std::fmt;

use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A certificate and its key, each as the configuration has them: PEM in base64.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: Zeroizing<String>,
    /// Its key.
    pub key: Zeroizing<String>,
}

/// The secrets of a cluster.
#[derive(Clone)]
pub struct Secrets {
    /// Whether these are stand-ins, with which nothing boots.
    pub are_placeholders: bool,
    /// `Cluster.Id`.
    pub cluster_id: Zeroizing<String>,
    /// `Cluster.Secret`.
    pub cluster_secret: Zeroizing<String>,
    /// `Secrets.BootstrapToken`.
    pub bootstrap_token: Zeroizing<String>,
    /// `Secrets.AESCBCEncryptionSecret`; empty if there is none.
    pub aescbc: Zeroizing<String>,
    /// `Secrets.SecretboxEncryptionSecret`; empty if there is none.
    pub secretbox: Zeroizing<String>,
    /// `TrustdInfo.Token`.
    pub token: Zeroizing<String>,
    /// `Certs.Etcd`.
    pub etcd: Pair,
    /// `Certs.K8s`.
    pub kubernetes: Pair,
    /// `Certs.K8sAggregator`.
    pub aggregator: Pair,
    /// `Certs.K8sServiceAccount`, a key alone.
    pub service_account: Zeroizing<String>,
    /// `Certs.OS`.
    pub os: Pair,
}

/// `placeholder: made without a talsecret file` in base64, so that everybody who decodes it sees what it is.
const PLACEHOLDER: &str = "cGxhY2Vob2xkZXI6IG1hZGUgd2l0aG91dCBhIHRhbHNlY3JldCBmaWxl";

impl Pair {
    fn placeholder() -> Self {
        Self {
            certificate: Zeroizing::new(PLACEHOLDER.to_owned()),
            key: Zeroizing::new(PLACEHOLDER.to_owned()),
        }
    }

    /// Both, as `ca` and its like want them.
    pub(super) fn both(&self) -> Value {
        json!({"crt": *self.certificate, "key": *self.key})
    }

    /// The certificate without the key, for workers.
    pub(super) fn public(&self) -> Value {
        json!({"crt": *self.certificate, "key": ""})
    }
}

impl Secrets {
    /// Stand-ins: enough for every decision about disks and tuning, and never enough to boot.
    pub fn placeholders() -> Self {
        let text = || Zeroizing::new(PLACEHOLDER.to_owned());
        Self {
            are_placeholders: true,
            cluster_id: text(),
            cluster_secret: text(),
            bootstrap_token: text(),
            aescbc: Zeroizing::default(),
            secretbox: text(),
            token: text(),
            etcd: Pair::placeholder(),
            kubernetes: Pair::placeholder(),
            aggregator: Pair::placeholder(),
            service_account: text(),
            os: Pair::placeholder(),
        }
    }
}

impl fmt::Debug for Secrets {
    /// Whether they are real, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.are_placeholders {
            true => "Secrets(placeholders)",
            false => "Secrets(real)",
        })
    }
}
