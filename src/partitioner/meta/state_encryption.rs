//! The value of the tag that tells Talos how to open STATE before it has a configuration.
//!
//! Byte for byte what Go's `encoding/json` makes of Talos' own structs, so that Talos finds it unchanged: the names of Go's
//! fields in their order, `null` for what is absent, and `<`, `>`, `&`, U+2028 and U+2029 escaped.
//! Spec: Talos 1.14, `internal/app/machined/pkg/controllers/block/internal/volumes/encryption_meta.go`.

use zeroize::Zeroizing;

use crate::config::spec::{Encryption, EncryptionForm, Key, KeySource};
use crate::secret::Secret;

/// The value for a STATE that is not sealed, as Talos writes it.
pub const NO_STATE_ENCRYPTION: &[u8] = b"null";

/// The value for a sealed STATE. Static passphrases stand in it in clear.
pub fn state_encryption_json(encryption: &Encryption) -> Secret {
    let mut json = Json::with_room_for(encryption);
    json.raw("{\"EncryptionProvider\":");
    json.text(encryption.provider.as_bytes());
    json.raw(",\"EncryptionKeys\":[");
    for (index, key) in encryption.keys.iter().enumerate() {
        if index > 0 {
            json.raw(",");
        }
        match encryption.form {
            EncryptionForm::Document => document_key(&mut json, key),
            EncryptionForm::Legacy => legacy_key(&mut json, key),
        }
    }
    json.raw("],\"EncryptionCipher\":");
    json.text(encryption.cipher_text.as_bytes());
    json.raw(&format!(
        ",\"EncryptionKeySize\":{},\"EncryptionBlockSize\":{},\"EncryptionPerfOptions\":",
        encryption.key_size, encryption.block_size
    ));
    match &encryption.options {
        None => json.raw("null"),
        Some(options) => json.list(options.iter(), |json, option| json.text(option.as_bytes())),
    }
    if encryption.form == EncryptionForm::Document {
        json.raw(",\"EncryptionAllowDiscards\":");
        json.flag(encryption.allow_discards);
    }
    json.raw("}");
    json.finish()
}

fn document_key(json: &mut Json, key: &Key) {
    json.raw(&format!("{{\"KeySlot\":{},", key.slot));
    common_sources(json, key);
    json.raw(",\"KeyTPM\":");
    match &key.source {
        KeySource::Tpm {
            pcrs,
            check_secureboot,
        } => {
            json.raw("{\"TPMOptions\":");
            match pcrs {
                None => json.raw("null"),
                Some(pcrs) => {
                    json.raw("{\"PCRs\":");
                    json.list(pcrs.iter(), |json, pcr| json.raw(&pcr.to_string()));
                    json.raw("}");
                }
            }
            json.raw(",\"TPMCheckSecurebootStatusOnEnroll\":");
            json.flag(*check_secureboot);
            json.raw("}");
        }
        KeySource::Static(_) | KeySource::NodeId | KeySource::Kms { .. } => json.raw("null"),
    }
    json.raw(",\"KeyLockToSTATE\":");
    json.flag(key.lock_to_state);
    json.raw("}");
}

fn legacy_key(json: &mut Json, key: &Key) {
    json.raw("{");
    common_sources(json, key);
    json.raw(&format!(",\"KeySlot\":{},\"KeyTPM\":", key.slot));
    match &key.source {
        KeySource::Tpm {
            check_secureboot, ..
        } => {
            json.raw("{\"TPMCheckSecurebootStatusOnEnroll\":");
            json.flag(*check_secureboot);
            json.raw("}");
        }
        KeySource::Static(_) | KeySource::NodeId | KeySource::Kms { .. } => json.raw("null"),
    }
    json.raw("}");
}

/// The three members that both forms have in a row.
fn common_sources(json: &mut Json, key: &Key) {
    json.raw("\"KeyStatic\":");
    match &key.source {
        KeySource::Static(passphrase) => {
            json.raw("{\"KeyData\":");
            json.text(passphrase.expose());
            json.raw("}");
        }
        KeySource::NodeId | KeySource::Kms { .. } | KeySource::Tpm { .. } => json.raw("null"),
    }
    json.raw(",\"KeyNodeID\":");
    json.raw(match &key.source {
        KeySource::NodeId => "{}",
        KeySource::Static(_) | KeySource::Kms { .. } | KeySource::Tpm { .. } => "null",
    });
    json.raw(",\"KeyKMS\":");
    match &key.source {
        KeySource::Kms { endpoint } => {
            json.raw("{\"KMSEndpoint\":");
            json.text(endpoint.as_bytes());
            json.raw("}");
        }
        KeySource::Static(_) | KeySource::NodeId | KeySource::Tpm { .. } => json.raw("null"),
    }
}

/// JSON text as Go writes it, in a buffer that never moves, so that no copy of a passphrase is left behind.
struct Json(Zeroizing<Vec<u8>>);

impl Json {
    fn with_room_for(encryption: &Encryption) -> Self {
        /// No character takes more than six when escaped.
        const ESCAPED: usize = 6;
        const MEMBERS: usize = 512;
        let key = |key: &Key| match &key.source {
            KeySource::Static(passphrase) => passphrase.len(),
            KeySource::Kms { endpoint } => endpoint.len(),
            KeySource::Tpm { pcrs, .. } => pcrs.as_ref().map_or(0, Vec::len),
            KeySource::NodeId => 0,
        };
        let keys: usize = (encryption.keys.iter())
            .map(|k| MEMBERS + ESCAPED * key(k))
            .sum();
        let options: usize = (encryption.options.iter().flatten())
            .map(|option| 8 + ESCAPED * option.len())
            .sum();
        let rest = ESCAPED * (encryption.provider.len() + encryption.cipher_text.len());
        let room = MEMBERS + keys + options + rest;
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn flag(&mut self, flag: Option<bool>) {
        self.raw(match flag {
            None => "null",
            Some(true) => "true",
            Some(false) => "false",
        });
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.raw("[");
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.raw(",");
            }
            each(self, item);
        }
        self.raw("]");
    }

    /// A string; bytes that are not UTF-8 become `\ufffd`, as in Go.
    fn text(&mut self, bytes: &[u8]) {
        self.raw("\"");
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            for _ in chunk.invalid() {
                self.raw("\\ufffd");
            }
        }
        self.raw("\"");
    }

    fn character(&mut self, character: char) {
        match character {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\n' => self.raw("\\n"),
            '\r' => self.raw("\\r"),
            '\t' => self.raw("\\t"),
            '\u{8}' => self.raw("\\b"),
            '\u{C}' => self.raw("\\f"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                self.raw(&format!("\\u{:04x}", u32::from(character)));
            }
            other => self.raw(other.encode_utf8(&mut [0; 4])),
        }
    }

    fn finish(mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.0))
    }
}
