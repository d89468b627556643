//! Everything that will be written, made before the first write: filesystems by mkfs, headers in memory.
//!
//! Whatever can fail for a reason other than the disk fails here: mkfs, memory for the KDF, random numbers.

use crate::apply::filesystem::{Filesystem, FilesystemError, Mkfs};
use crate::config::spec::Cipher;
use crate::entropy::{Entropy, EntropyError};
use crate::keys::Keys;
use crate::partitioner::content;
use crate::partitioner::luks2::{
    self, Argon2Cost, CipherError, Luks2Error, SealParams, Sealed, SectorCipher,
};
use crate::plan::{ContentPlan, DiskPlan, PartitionPlan, SealPlan};
use crate::secret::Secret;

/// PBKDF2 iterations of the digest that tells the right volume key. The key is 256 bits or more of chance, so
/// the count protects nothing; this is the least that cryptsetup uses.
const DIGEST_ITERATIONS: u32 = 1000;

/// Why something could not be made. No disk was touched.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// mkfs failed.
    #[error("cannot make the filesystem of {volume}")]
    Filesystem {
        /// The partition.
        volume: String,
        /// Why.
        #[source]
        source: FilesystemError,
    },
    /// Sealing failed.
    #[error("cannot seal {volume}")]
    Seal {
        /// The partition.
        volume: String,
        /// Why.
        #[source]
        source: Luks2Error,
    },
    /// The cipher cannot be set up.
    #[error("cannot set up the cipher of {volume}")]
    SectorCipher {
        /// The partition.
        volume: String,
        /// Why.
        #[source]
        source: CipherError,
    },
    /// The plan names a cipher that is not known.
    #[error("the plan seals {volume} with {cipher:?}, which is not a cipher that Talos allows")]
    Cipher {
        /// The partition.
        volume: String,
        /// The name.
        cipher: String,
    },
    /// The configuration has no key for a slot of the plan.
    #[error("the configuration has no {kind} key for slot {slot} of {volume}")]
    NoKey {
        /// The partition.
        volume: String,
        /// The slot.
        slot: u32,
        /// Where the plan says it comes from.
        kind: String,
    },
    /// META has to hold STATE's encryption, and the configuration has none.
    #[error("the plan puts the encryption of STATE into META, and the configuration has none")]
    NoStateEncryption,
    /// There is no key for the fingerprints of what is written.
    #[error("cannot draw a key for comparing what is read back")]
    Fingerprint(#[source] EntropyError),
}

/// The content of one partition, ready to be written.
#[derive(Debug, Default)]
pub struct Prepared {
    /// LUKS2 header and keyslots, and what encrypts the payload.
    pub seal: Option<(Sealed, SectorCipher)>,
    /// The filesystem.
    pub filesystem: Option<Box<dyn Filesystem>>,
}

/// What preparing needs.
#[expect(
    missing_debug_implementations,
    reason = "holds trait objects without Debug"
)]
pub struct Means<'a> {
    /// Passphrases.
    pub keys: &'a Keys,
    /// META's tag 0x09 for STATE, if STATE is sealed.
    pub state_tag: Option<&'a Secret>,
    /// Makes filesystems.
    pub mkfs: &'a dyn Mkfs,
    /// Random bytes for keys and salts.
    pub entropy: &'a mut dyn Entropy,
}

/// Makes the content of every partition of `disk` that is made; the others get an empty entry.
///
/// # Errors
/// [`PrepareError`]; no disk was touched.
pub fn prepare(disk: &DiskPlan, means: &mut Means<'_>) -> Result<Vec<Prepared>, PrepareError> {
    let needs_tag = |p: &PartitionPlan| {
        matches!(
            p.content,
            ContentPlan::Meta {
                state: Some(crate::plan::StateTag::Encryption)
            }
        )
    };
    if disk.partitions.iter().any(needs_tag) && means.state_tag.is_none() {
        return Err(PrepareError::NoStateEncryption);
    }
    disk.partitions
        .iter()
        .map(|partition| one(partition, means))
        .collect()
}

fn one(partition: &PartitionPlan, means: &mut Means<'_>) -> Result<Prepared, PrepareError> {
    if !partition.is_made() {
        return Ok(Prepared::default());
    }
    let volume = &partition.name;
    let make = |plan: &crate::plan::FilesystemPlan| {
        tracing::debug!(volume, kind = plan.kind, size = %plan.size, "making a filesystem");
        let made = means.mkfs.make(plan);
        made.map_err(|source| PrepareError::Filesystem {
            volume: volume.clone(),
            source,
        })
    };
    match &partition.content {
        ContentPlan::Filesystem(plan) => Ok(Prepared {
            seal: None,
            filesystem: Some(make(plan)?),
        }),
        ContentPlan::Sealed(plan) => {
            let filesystem = plan.filesystem.as_ref().map(make).transpose()?;
            Ok(Prepared {
                seal: Some(seal(partition, plan, means)?),
                filesystem,
            })
        }
        ContentPlan::AsIs { .. } | ContentPlan::Empty { .. } | ContentPlan::Meta { .. } => {
            Ok(Prepared::default())
        }
    }
}

fn seal(
    partition: &PartitionPlan,
    plan: &SealPlan,
    means: &mut Means<'_>,
) -> Result<(Sealed, SectorCipher), PrepareError> {
    let volume = partition.name.clone();
    let cipher = cipher(&volume, plan)?;
    let keys = means.keys.of(&volume);
    let mut passphrases = Vec::new();
    for slot in &plan.slots {
        let key = keys
            .iter()
            .find(|(number, _)| *number == slot.slot)
            .ok_or_else(|| PrepareError::NoKey {
                volume: volume.clone(),
                slot: slot.slot,
                kind: slot.source.clone(),
            })?;
        passphrases.push((slot.slot, &key.1));
    }
    tracing::info!(volume, slots = plan.slots.len(), memory = %plan.kdf.memory, "deriving keys");
    let params = SealParams {
        uuid: plan.uuid,
        cipher,
        sector_size: plan.sector_size,
        data_offset: plan.data_offset,
        partition_size: partition.size,
        kdf: Argon2Cost {
            time: plan.kdf.time,
            memory_kib: u32::try_from(plan.kdf.memory.get() >> 10).unwrap_or(u32::MAX),
            lanes: plan.kdf.lanes,
        },
        digest_iterations: DIGEST_ITERATIONS,
        tokens: std::collections::BTreeMap::new(),
    };
    let failed = |source| PrepareError::Seal {
        volume: volume.clone(),
        source,
    };
    let sealed = luks2::seal(&params, &passphrases, means.entropy).map_err(failed)?;
    let sectors =
        SectorCipher::new(cipher, &sealed.volume_key, plan.sector_size).map_err(|source| {
            PrepareError::SectorCipher {
                volume: volume.clone(),
                source,
            }
        })?;
    Ok((sealed, sectors))
}

/// The cipher that the plan names.
///
/// # Errors
/// [`PrepareError::Cipher`].
pub fn cipher(volume: &str, plan: &SealPlan) -> Result<Cipher, PrepareError> {
    content::cipher_named(&plan.cipher).ok_or_else(|| PrepareError::Cipher {
        volume: volume.to_owned(),
        cipher: plan.cipher.clone(),
    })
}
