//! Files of YAML that SOPS encrypted for keys of age, decrypted.
//!
//! ```text
//! text ─yaml─▶ Node ┬─ sops ─metadata─▶ recipients ─age─▶ key of the file ┐
//!                   └─ values ────────────────────────────────leaf────────┴▶ text, if the code over all values is right
//! ```
//! Pure: whoever calls brings the keys. Nothing is given out unless the code over the whole file is right. What comes out
//! means what SOPS writes, without its comments and in another notation. Files for other kinds of keys than age's, for a
//! quorum of several, or with comments that decide what is encrypted are refused with their reason.
//! Spec: <https://github.com/getsops/sops#encryption-protocol>.

mod age;
mod leaf;
mod metadata;

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha512};
use thiserror::Error;
use zeroize::Zeroizing;

use super::node::{self, Node, Scalar};
use super::scalar::Resolved;
use super::talconfig::marshalled;
use super::yaml;
use leaf::{DataKey, Fault, Leaf};
use metadata::Metadata;

pub use age::{AgeError, Identity, IdentityError, identities};

/// What the code starts with when it is over encrypted values only.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Why a file cannot be decrypted. Quotes nothing of it but keys and recipients.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SopsError {
    /// Not YAML, or no mapping.
    #[error("it is not YAML in the form that SOPS writes")]
    Form,
    /// Its metadata lack something.
    #[error("its section `sops` is not complete")]
    Incomplete,
    /// It uses what is not implemented.
    #[error("its section `sops` has {0}, which keelblock cannot follow")]
    Unsupported(&'static str),
    /// It is for keys in a cloud, or of PGP.
    #[error(
        "it is encrypted with SOPS, but not for a key of age, the one kind that keelblock can use"
    )]
    NotForAge,
    /// There is no key.
    #[error("it is encrypted with SOPS for {}, and there is no age key at hand", .0.join(", "))]
    NoKeys(Vec<String>),
    /// There are other keys.
    #[error("it is encrypted with SOPS for {}, and the age keys at hand are {}", .wanted.join(", "), .found.join(", "))]
    OtherKeys {
        /// Recipients of the file.
        wanted: Vec<String>,
        /// Recipients that belong to the keys.
        found: Vec<String>,
    },
    /// The key for the file is damaged.
    #[error("the key in its section `sops` cannot be read")]
    Key(#[source] AgeError),
    /// A value is not what it was.
    #[error("{0} was changed after it was encrypted, or moved")]
    Changed(String),
    /// A value that should be encrypted is not.
    #[error("{0} should be encrypted, and is not in the form that SOPS writes")]
    Plain(String),
    /// The code over all of it is wrong.
    #[error("values of it were added, removed or changed after it was encrypted")]
    Code,
}

/// Whether `text` is a mapping of YAML with metadata of SOPS.
pub fn is_encrypted(text: &str) -> bool {
    let stream = yaml::read(text, 0);
    let sections = stream.documents.iter().filter_map(|root| root.get("sops"));
    let mut maps = sections.filter(
        |entry| matches!(&entry.value.value, node::Value::Map(entries) if !entries.is_empty()),
    );
    maps.next().is_some()
}

/// The text of an encrypted file without its metadata.
///
/// # Errors
/// [`SopsError`].
pub fn decrypt(text: &str, identities: &[Identity]) -> Result<Zeroizing<String>, SopsError> {
    let stream = yaml::read(text, 0);
    let first = stream.documents.first().filter(|_| stream.fault.is_none());
    let section = first
        .and_then(|root| root.get("sops"))
        .ok_or(SopsError::Form)?;
    let metadata = Metadata::read(&section.value)?;
    let key = data_key(&metadata, identities)?;
    let mut reader = Reader {
        metadata: &metadata,
        key: &key,
        code: Sha512::new(),
    };
    if metadata.mac_only_encrypted {
        reader.code.update(ONLY_ENCRYPTED);
    }
    let mut documents = Vec::new();
    for root in &stream.documents {
        documents.push(reader.document(root)?);
    }
    reader.verify()?;
    // In the notation of Go's library, since the reader of talenv files looks at lines.
    let texts = documents.iter().map(marshalled);
    Ok(Zeroizing::new(
        texts
            .map(|text| (*text).clone())
            .collect::<Vec<_>>()
            .join("---\n"),
    ))
}

fn data_key(metadata: &Metadata, identities: &[Identity]) -> Result<DataKey, SopsError> {
    let wanted = || metadata.age.iter().map(|it| it.name.clone()).collect();
    if identities.is_empty() {
        return Err(SopsError::NoKeys(wanted()));
    }
    for recipient in &metadata.age {
        match age::decrypt(&recipient.sealed, identities) {
            Ok(key) => {
                let key =
                    <[u8; 32]>::try_from(&key[..]).map_err(|_| SopsError::Key(AgeError::Form))?;
                return Ok(Zeroizing::new(key));
            }
            Err(AgeError::NoKey) => {}
            Err(error) => return Err(SopsError::Key(error)),
        }
    }
    Err(SopsError::OtherKeys {
        wanted: wanted(),
        found: identities.iter().map(Identity::recipient).collect(),
    })
}

struct Reader<'m> {
    metadata: &'m Metadata,
    key: &'m DataKey,
    code: Sha512,
}

impl Reader<'_> {
    fn document(&mut self, root: &Node) -> Result<Value, SopsError> {
        let node::Value::Map(entries) = &root.value else {
            return if root.is_null() {
                Ok(Value::Null)
            } else {
                Err(SopsError::Form)
            };
        };
        let mut map = Map::new();
        for entry in entries.iter().filter(|entry| &*entry.key != "sops") {
            let mut path = vec![&*entry.key];
            if let Some(value) = self.value(&entry.value, &mut path)? {
                map.insert(entry.key.to_string(), value);
            }
        }
        Ok(Value::Object(map))
    }

    /// `None` for a comment in a list.
    fn value<'n>(
        &mut self,
        node: &'n Node,
        path: &mut Vec<&'n str>,
    ) -> Result<Option<Value>, SopsError> {
        Ok(Some(match &node.value {
            node::Value::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    path.push(&entry.key);
                    if let Some(value) = self.value(&entry.value, path)? {
                        map.insert(entry.key.to_string(), value);
                    }
                    path.pop();
                }
                Value::Object(map)
            }
            // An element has the path of its list.
            node::Value::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(self.value(item, path)?);
                }
                Value::Array(list)
            }
            node::Value::Scalar(scalar) if scalar.is_null() => Value::Null,
            node::Value::Scalar(scalar) => return self.leaf(scalar, path),
        }))
    }

    fn leaf(&mut self, scalar: &Scalar, path: &[&str]) -> Result<Option<Value>, SopsError> {
        let encrypted = self.metadata.encrypts(path);
        let leaf = if encrypted {
            let place = format!("{}:", path.join(":"));
            leaf::decrypt(&scalar.text, self.key, &place).map_err(|fault| match fault {
                Fault::Form => SopsError::Plain(path.join(".")),
                Fault::Changed => SopsError::Changed(path.join(".")),
            })?
        } else {
            plain(scalar).ok_or(SopsError::Form)?
        };
        if encrypted || !self.metadata.mac_only_encrypted {
            self.code.update(leaf.bytes().unwrap_or_default());
        }
        Ok(match leaf {
            Leaf::Text(text) => Some(Value::String((*text).clone())),
            Leaf::Int(value) => Some(Value::from(value)),
            Leaf::Float(value) => Some(Number::from_f64(value).map_or(Value::Null, Value::Number)),
            Leaf::Flag(flag) => Some(Value::Bool(flag)),
            Leaf::Comment => None,
        })
    }

    fn verify(self) -> Result<(), SopsError> {
        let modified = &self.metadata.modified;
        let mac =
            leaf::decrypt(&self.metadata.mac, self.key, modified).map_err(|_| SopsError::Code)?;
        let found: String = self
            .code
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        match mac {
            Leaf::Text(mac) if *mac == found => Ok(()),
            _ => Err(SopsError::Code),
        }
    }
}

/// A value that is not encrypted.
fn plain(scalar: &Scalar) -> Option<Leaf> {
    Some(match scalar.resolve() {
        Resolved::Null | Resolved::Mismatch => return None,
        Resolved::Bool(flag) => Leaf::Flag(flag),
        Resolved::Int(value) => Leaf::Int(value.try_into().ok()?),
        Resolved::Float(value) => Leaf::Float(value),
        Resolved::Text => Leaf::Text(scalar.text.clone()),
    })
}
