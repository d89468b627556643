//! Which keys open a volume. Reads headers and keyslots; derives one key at a time, within a limit of memory.

use std::collections::BTreeMap;

use crate::config::spec::{Key, Spec};
use crate::keys::{self, KeyError};
use crate::partitioner::luks2::{self, Header, KdfError, Limits, Luks2Error};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

/// What came of trying the key of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It opens.
    Opens,
    /// It does not.
    WrongKey,
    /// The volume has no such slot.
    NoSuchSlot,
    /// It cannot be tried here, and why.
    Untried(String),
}

/// Whose keys are tried, and how much that may take.
#[derive(Clone, Copy, Debug)]
pub struct Trying<'a> {
    /// The configuration.
    pub spec: Option<&'a Spec>,
    /// The machine's UUID, for nodeID keys.
    pub uuid: Option<&'a str>,
    /// The most memory that a derivation may take.
    pub memory: Bytes,
}

/// A volume whose keys are tried. Keeps what was tried, because META and the configuration mostly have the same keys.
#[derive(Debug)]
pub struct Volume<'a> {
    source: &'a dyn BlockSource,
    at: Extent,
    header: &'a Header,
    name: &'a str,
    limits: Limits,
    tried: Vec<(u32, Secret, Trial)>,
}

impl<'a> Volume<'a> {
    /// The volume `name` at `at`.
    pub fn new(
        source: &'a dyn BlockSource,
        at: Extent,
        header: &'a Header,
        name: &'a str,
        memory: Bytes,
    ) -> Self {
        Self {
            source,
            at,
            header,
            name,
            limits: Limits {
                memory,
                ..Limits::default()
            },
            tried: Vec::new(),
        }
    }

    /// Tries every key, each on its own slot as Talos does.
    pub fn try_all(&mut self, keys: &[Key], uuid: Option<&str>) -> BTreeMap<u32, Trial> {
        let mut trials = BTreeMap::new();
        for key in keys {
            let trial = match keys::passphrase(self.name, key, uuid, None) {
                Ok(made) => self.one(key.slot, made),
                Err(error) => Trial::Untried(in_words(&error).to_owned()),
            };
            trials.insert(key.slot, trial);
        }
        trials
    }

    fn one(&mut self, slot: u32, key: Secret) -> Trial {
        let known = |(s, k, _): &&(u32, Secret, Trial)| *s == slot && k.expose() == key.expose();
        if let Some((_, _, trial)) = self.tried.iter().find(known) {
            return trial.clone();
        }
        tracing::info!(volume = self.name, slot, "trying a key; this takes a while");
        let opened = luks2::unlock(self.source, self.at, self.header, slot, &key, &self.limits);
        let trial = match opened {
            Ok(_) => Trial::Opens,
            Err(Luks2Error::WrongPassphrase { .. }) => Trial::WrongKey,
            Err(Luks2Error::NoSuchKeyslot(_)) => Trial::NoSuchSlot,
            Err(Luks2Error::Kdf {
                source: KdfError::Memory { asked, limit },
                ..
            }) => Trial::Untried(format!(
                "it takes {asked} of memory, and {limit} may be used"
            )),
            Err(error) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                Trial::Untried(format!("{error}{cause}"))
            }
        };
        self.tried.push((slot, key, trial.clone()));
        trial
    }
}

/// Why a key cannot be tried, without where it stands.
const fn in_words(error: &KeyError) -> &'static str {
    match error {
        KeyError::Unsupported { kind, .. } => match kind.as_bytes() {
            b"tpm" => "its key is sealed in the TPM, which only Talos itself can ask",
            _ => "its key comes from a KMS server, which is not asked from here",
        },
        KeyError::LockToState { .. } => "its key is locked to STATE, whose salt is not known here",
        KeyError::NoUuid { .. } => {
            "its nodeID key needs the machine's UUID, which is not known: give it with --uuid"
        }
        KeyError::WeakUuid { .. } => "the machine's UUID is too uniform; Talos refuses it, too",
    }
}
