//! The value of the tag that tells Talos how to open STATE, read back. Never prints it: passphrases stand in it in clear.
//!
//! As Talos reads it: the form of volume documents, or the old one, in which the provider may be empty. Spec: Talos
//! 1.14, `internal/app/machined/pkg/controllers/block/internal/volumes/encryption_meta.go`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::config::spec::{Cipher, Encryption, EncryptionForm, Key, KeySource, Location};
use crate::secret::Secret;

/// The value cannot be read. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateTagError {
    /// Not the JSON that Talos writes.
    #[error("META's tag 0x09 is not what Talos writes there")]
    Json,
    /// Not LUKS2.
    #[error("META's tag 0x09 names a provider that is not luks2")]
    Provider,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shape {
    encryption_provider: String,
    encryption_keys: Vec<KeyShape>,
    #[serde(default)]
    encryption_cipher: String,
    #[serde(default)]
    encryption_key_size: u32,
    #[serde(default)]
    encryption_block_size: u64,
    #[serde(default)]
    encryption_perf_options: Option<Vec<String>>,
    #[serde(default)]
    encryption_allow_discards: Option<bool>,
}

#[derive(serde::Deserialize)]
struct KeyShape {
    #[serde(rename = "KeySlot")]
    slot: u32,
    #[serde(rename = "KeyStatic", default)]
    passphrase: Option<StaticShape>,
    #[serde(rename = "KeyNodeID", default)]
    node_id: Option<Empty>,
    #[serde(rename = "KeyKMS", default)]
    kms: Option<KmsShape>,
    #[serde(rename = "KeyTPM", default)]
    tpm: Option<Empty>,
    #[serde(rename = "KeyLockToSTATE", default)]
    lock_to_state: Option<bool>,
}

#[derive(serde::Deserialize)]
struct StaticShape {
    #[serde(rename = "KeyData")]
    data: Passphrase,
}

#[derive(serde::Deserialize)]
struct KmsShape {
    #[serde(rename = "KMSEndpoint", default)]
    endpoint: String,
}

/// An object of which only the presence counts.
#[derive(serde::Deserialize)]
struct Empty {}

struct Passphrase(Secret);

impl<'de> Deserialize<'de> for Passphrase {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Passphrase;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a passphrase")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Passphrase, E> {
                Ok(Passphrase(Secret::new(text.as_bytes().to_vec())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// How STATE is sealed, according to META; `None` if it is not.
///
/// # Errors
/// [`StateTagError`].
pub fn read_state_encryption(value: &Secret) -> Result<Option<Encryption>, StateTagError> {
    // The library's message may quote what it did not expect.
    let shape: Option<Shape> =
        serde_json::from_slice(value.expose()).map_err(|_| StateTagError::Json)?;
    let Some(shape) = shape else {
        return Ok(None);
    };
    let (provider, form) = match shape.encryption_provider.as_str() {
        "" => (String::new(), EncryptionForm::Legacy),
        "luks2" => (String::from("luks2"), EncryptionForm::Document),
        "none" => return Ok(None),
        _ => return Err(StateTagError::Provider),
    };
    let cipher = [
        Cipher::XChaCha12Adiantum,
        Cipher::XChaCha20Adiantum,
        Cipher::AesXts,
    ];
    let cipher = cipher
        .into_iter()
        .find(|cipher| cipher.name() == shape.encryption_cipher);
    let keys = shape.encryption_keys.into_iter().map(key);
    Ok(Some(Encryption {
        at: at(),
        form,
        provider,
        // Only the header's own cipher opens anything.
        cipher: cipher.unwrap_or(Cipher::AesXts),
        cipher_text: shape.encryption_cipher,
        key_size: shape.encryption_key_size,
        block_size: shape.encryption_block_size,
        options: shape.encryption_perf_options,
        allow_discards: shape.encryption_allow_discards,
        keys: keys.collect::<Result<_, _>>()?,
    }))
}

fn key(shape: KeyShape) -> Result<Key, StateTagError> {
    let source = if let Some(passphrase) = shape.passphrase {
        KeySource::Static(passphrase.data.0)
    } else if shape.node_id.is_some() {
        KeySource::NodeId
    } else if let Some(kms) = shape.kms {
        KeySource::Kms {
            endpoint: kms.endpoint,
        }
    } else if shape.tpm.is_some() {
        KeySource::Tpm {
            pcrs: None,
            check_secureboot: None,
        }
    } else {
        return Err(StateTagError::Json);
    };
    Ok(Key {
        at: at(),
        slot: shape.slot,
        source,
        lock_to_state: shape.lock_to_state,
    })
}

fn at() -> Location {
    Location {
        file: String::from("META tag 0x09"),
        line: 1,
        column: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partitioner::meta::state_encryption_json;

    fn read(json: &str) -> Result<Option<Encryption>, StateTagError> {
        read_state_encryption(&Secret::from(json.to_owned()))
    }

    /// The samples are those of Talos' own test, `encryption_meta_test.go`.
    #[test]
    fn what_talos_writes_is_read() {
        let modern = r#"{"EncryptionProvider":"luks2","EncryptionKeys":[{"KeySlot":0,"KeyStatic":{"KeyData":"secret"},"KeyNodeID":null,"KeyKMS":null,"KeyTPM":null,"KeyLockToSTATE":null},{"KeySlot":1,"KeyStatic":null,"KeyNodeID":{},"KeyKMS":null,"KeyTPM":null,"KeyLockToSTATE":null}],"EncryptionCipher":"aes-xts-plain64","EncryptionKeySize":0,"EncryptionBlockSize":0,"EncryptionPerfOptions":["no_read_workqueue"],"EncryptionAllowDiscards":true}"#;
        let found = read(modern).unwrap().unwrap();
        let kinds: Vec<_> = found
            .keys
            .iter()
            .map(|k| (k.slot, k.source.word()))
            .collect();
        assert_eq!(kinds, [(0, "static"), (1, "nodeID")]);
        assert!(matches!(&found.keys[0].source, KeySource::Static(s) if s.expose() == b"secret"));
        assert_eq!(found.options, Some(vec![String::from("no_read_workqueue")]));
        assert_eq!(found.allow_discards, Some(true));
        assert_eq!(state_encryption_json(&found).expose(), modern.as_bytes());
        let legacy = r#"{"EncryptionProvider":"","EncryptionKeys":[{"KeyStatic":null,"KeyNodeID":null,"KeyKMS":{"KMSEndpoint":"a"},"KeySlot":3,"KeyTPM":null}],"EncryptionCipher":"","EncryptionKeySize":0,"EncryptionBlockSize":0,"EncryptionPerfOptions":null}"#;
        let found = read(legacy).unwrap().unwrap();
        assert_eq!(
            (found.keys[0].slot, found.keys[0].source.word()),
            (3, "kms")
        );
        assert_eq!(state_encryption_json(&found).expose(), legacy.as_bytes());
    }

    #[test]
    fn a_state_that_is_not_sealed_has_no_encryption() {
        assert!(read("null").unwrap().is_none());
    }

    #[test]
    fn what_talos_does_not_write_is_refused_without_a_word_of_it() {
        for json in [
            "",
            "{",
            "[]",
            r#"{"EncryptionProvider":"luks2"}"#,
            r#"{"EncryptionProvider":"luks2","EncryptionKeys":[{"KeySlot":0}]}"#,
            r#"{"EncryptionProvider":"luks2","EncryptionKeys":[{"KeySlot":0,"KeyStatic":{"KeyData":77777}}]}"#,
            r#"{"EncryptionProvider":"luks2","EncryptionKeys":[{"KeySlot":-1,"KeyNodeID":{}}]}"#,
        ] {
            let error = read(json).map(drop).unwrap_err();
            assert_eq!(error, StateTagError::Json, "{json}");
            assert!(!error.to_string().contains("77777"));
        }
        let other = r#"{"EncryptionProvider":"zfs","EncryptionKeys":[]}"#;
        assert_eq!(read(other).map(drop), Err(StateTagError::Provider));
    }
}
