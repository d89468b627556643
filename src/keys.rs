//! From the configuration's keys to the passphrase bytes that Talos gives to cryptsetup.
//!
//! Pure. `static` is the configured string as it is; `nodeID` is the machine's UUID followed by the volume id.

use std::collections::HashMap;

use crate::config::spec::{Encryption, Key, KeySource, Location, Spec};
use crate::secret::Secret;

/// Why a key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A kind of key that keelblock cannot make.
    #[error("{at}: key slot {slot} of {volume} is a {kind} key, which keelblock cannot make yet")]
    Unsupported {
        /// Where it stands.
        at: Location,
        /// The slot.
        slot: u32,
        /// The volume.
        volume: String,
        /// `kms` or `tpm`.
        kind: &'static str,
    },
    /// `lockToState` needs a salt inside STATE.
    #[error("{at}: key slot {slot} of {volume} has lockToState, which keelblock cannot make yet")]
    LockToState {
        /// Where it stands.
        at: Location,
        /// The slot.
        slot: u32,
        /// The volume.
        volume: String,
    },
    /// A nodeID key without a UUID.
    #[error("{at}: the nodeID key of {volume} needs the machine's UUID, and that is not known")]
    NoUuid {
        /// Where it stands.
        at: Location,
        /// The volume.
        volume: String,
    },
    /// The UUID is one that Talos refuses.
    #[error("{at}: the machine's UUID {uuid} is too uniform for a nodeID key; Talos refuses it")]
    WeakUuid {
        /// Where the key stands.
        at: Location,
        /// The UUID.
        uuid: String,
    },
}

impl KeyError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => {
                "use a static or nodeID key for this volume, or let Talos make the volume"
            }
            Self::LockToState { .. } => "leave lockToState out, or let Talos make the volume",
            Self::NoUuid { .. } => "run on the machine itself, or give its UUID with --uuid",
            Self::WeakUuid { .. } => "set META's UUID override or use another kind of key",
        }
    }
}

/// Passphrases by volume id and slot.
#[derive(Debug, Default)]
pub struct Keys(HashMap<String, Vec<(u32, Secret)>>);

impl Keys {
    /// All keys of `spec` for a machine with this UUID.
    ///
    /// # Errors
    /// [`KeyError`] for the first key that cannot be made.
    pub fn resolve(spec: &Spec, uuid: Option<&str>) -> Result<Self, KeyError> {
        Self::resolve_some(spec, uuid, |_| true)
    }

    /// The keys of the volumes that are `wanted`.
    ///
    /// # Errors
    /// [`KeyError`] for the first key that cannot be made.
    pub fn resolve_some(
        spec: &Spec,
        uuid: Option<&str>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, KeyError> {
        let system = [
            ("STATE", &spec.state.encryption),
            ("EPHEMERAL", &spec.ephemeral.encryption),
        ];
        let others = spec.volumes.iter().map(|v| (v.id.as_str(), &v.encryption));
        let mut keys = Self::default();
        for (volume, encryption) in system
            .into_iter()
            .chain(others)
            .filter(|(volume, _)| wanted(volume))
        {
            if let Some(encryption) = encryption {
                keys.0
                    .insert(volume.to_owned(), passphrases(volume, encryption, uuid)?);
            }
        }
        Ok(keys)
    }

    /// The passphrases of one volume, in the order of the config.
    pub fn of(&self, volume: &str) -> &[(u32, Secret)] {
        self.0.get(volume).map_or(&[], Vec::as_slice)
    }
}

/// Whether all keys of a volume can be made, without keeping any.
///
/// # Errors
/// [`KeyError`] for the first that cannot.
pub fn check(volume: &str, encryption: &Encryption, uuid: Option<&str>) -> Result<(), KeyError> {
    passphrases(volume, encryption, uuid).map(drop)
}

fn passphrases(
    volume: &str,
    encryption: &Encryption,
    uuid: Option<&str>,
) -> Result<Vec<(u32, Secret)>, KeyError> {
    encryption
        .keys
        .iter()
        .map(|key| Ok((key.slot, passphrase(volume, key, uuid, None)?)))
        .collect()
}

/// The passphrase of one key; `salt` is what [`salt`] found in STATE, for keys with `lockToState`.
///
/// # Errors
/// [`KeyError`].
pub fn passphrase(
    volume: &str,
    key: &Key,
    uuid: Option<&str>,
    salt: Option<&Secret>,
) -> Result<Secret, KeyError> {
    if key.lock_to_state != Some(true) {
        return unsalted(volume, key, uuid);
    }
    let salt = salt.ok_or_else(|| KeyError::LockToState {
        at: key.at.clone(),
        slot: key.slot,
        volume: volume.to_owned(),
    })?;
    let front = unsalted(volume, key, uuid)?;
    let mut all = Secret::in_ram(front.len() + salt.len());
    let (left, right) = all.expose_mut().split_at_mut(front.len());
    left.copy_from_slice(front.expose());
    right.copy_from_slice(salt.expose());
    Ok(all)
}

/// The salt in the text of STATE's `encryption-salt.yaml`; `None` if that is not one.
pub fn salt(text: &str) -> Option<Secret> {
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(rename = "diskSalt")]
        salt: Vec<u8>,
    }
    /// Talos makes 32 bytes.
    const LONGEST: usize = 1024;
    let file: File = serde_saphyr::from_str(text).ok()?;
    let salt = Secret::new(file.salt);
    (!salt.is_empty() && salt.len() <= LONGEST).then_some(salt)
}

fn unsalted(volume: &str, key: &Key, uuid: Option<&str>) -> Result<Secret, KeyError> {
    let at = key.at.clone();
    match &key.source {
        KeySource::Static(secret) => Ok(secret.duplicate()),
        KeySource::NodeId => {
            let uuid = uuid.filter(|uuid| !uuid.is_empty());
            let uuid = uuid.ok_or_else(|| KeyError::NoUuid {
                at: at.clone(),
                volume: volume.to_owned(),
            })?;
            node_id(uuid, volume).ok_or_else(|| KeyError::WeakUuid {
                at,
                uuid: uuid.to_owned(),
            })
        }
        KeySource::Kms { .. } | KeySource::Tpm { .. } => Err(KeyError::Unsupported {
            at,
            slot: key.slot,
            volume: volume.to_owned(),
            kind: key.source.word(),
        }),
    }
}

/// Whether a nodeID key can be made of this UUID: Talos refuses one that is mostly one character.
pub fn is_node_id(uuid: &str) -> bool {
    node_id(uuid, "").is_some()
}

/// UUID ‖ volume id; `None` if one character makes up more than half of the UUID, as Talos checks it.
fn node_id(uuid: &str, volume: &str) -> Option<Secret> {
    let uuid = uuid.to_ascii_lowercase();
    let uniform = uuid
        .bytes()
        .any(|c| uuid.bytes().filter(|d| *d == c).count() > uuid.len() / 2);
    (!uniform).then(|| Secret::from(format!("{uuid}{volume}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_key_is_the_uuid_and_the_volume_id_without_a_separator() {
        let key = node_id("12345678-1234-5678-1234-567812345678", "STATE").unwrap();
        assert_eq!(key.expose(), b"12345678-1234-5678-1234-567812345678STATE");
    }

    /// The shape is that of the sample in Talos' own test, `encryption_salt_test.go`.
    #[test]
    fn a_key_locked_to_state_ends_with_the_salt_that_state_holds() {
        let list: String = (1..=32).map(|n| format!("    - {n}\n")).collect();
        let salt = salt(&format!("diskSalt:\n{list}")).unwrap();
        let key = Key {
            at: Location::default(),
            slot: 1,
            source: KeySource::Static(Secret::from(String::from("secret"))),
            lock_to_state: Some(true),
        };
        let made = passphrase("EPHEMERAL", &key, None, Some(&salt)).unwrap();
        let want: Vec<u8> = b"secret".iter().copied().chain(1..=32).collect();
        assert_eq!(made.expose(), want);
        let error = passphrase("EPHEMERAL", &key, None, None).unwrap_err();
        assert!(matches!(error, KeyError::LockToState { slot: 1, .. }));
    }

    #[test]
    fn what_is_no_salt_is_none() {
        for text in [
            "",
            "diskSalt:",
            "diskSalt: []",
            "diskSalt: [256]",
            "other: [1]",
            "- 1",
        ] {
            assert!(salt(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_uuid_of_mostly_one_character_is_refused_as_talos_does() {
        assert!(node_id("ffffffff-ffff-ffff-ffff-ffffffffffff", "STATE").is_none());
        assert!(node_id("00000000-0000-0000-0000-000000000001", "STATE").is_none());
        assert!(node_id("00000000-0000-4000-9234-123456789abc", "STATE").is_some());
    }
}
