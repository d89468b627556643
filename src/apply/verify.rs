//! Whether a disk already is what its plan wants, so that nothing has to be written.
//!
//! Reads only. Every keyslot is opened with the configuration's key, because a volume that looks right and
//! does not open is the worst outcome there is.

use crate::apply::tables::Tables;
use crate::apply::{erase, precondition};
use crate::keys::Keys;
use crate::partitioner::gpt;
use crate::partitioner::luks2::{self, SectorCipher};
use crate::partitioner::meta::{self as meta_codec, Meta};
use crate::plan::{
    Action, ContentPlan, DiskPlan, Erase, FilesystemPlan, PartitionPlan, Proof, SealPlan, StateTag,
};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

use super::prepare;

/// What is not as planned. For a fresh disk that is the normal case.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// In words.
    #[error("{0}")]
    Words(String),
    /// A kept volume does not open with the configuration's key: Talos would not open it either.
    #[error("{volume} does not open with key slot {slot} of the configuration")]
    Locked {
        /// The volume.
        volume: String,
        /// The slot.
        slot: u32,
        /// Why.
        #[source]
        source: luks2::Luks2Error,
    },
}

fn words(text: impl Into<String>) -> Difference {
    Difference::Words(text.into())
}

/// What a check needs.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Passphrases.
    pub keys: &'a Keys,
    /// META's tag 0x09 for STATE, if STATE is sealed.
    pub state_tag: Option<&'a Secret>,
    /// The most memory that opening a keyslot may take.
    pub memory_limit: Bytes,
    /// How much of what a reset zeroed is read.
    pub proof: Proof,
}

/// Checks everything on one disk.
///
/// # Errors
/// The first [`Difference`].
pub fn verify(
    disk: &DiskPlan,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    let unreadable = |error: std::io::Error| words(format!("the disk cannot be read: {error}"));
    if precondition::read_mark(disk, source)
        .map_err(unreadable)?
        .is_some()
    {
        return Err(words("an apply was interrupted here"));
    }
    table(disk, source)?;
    for (index, partition) in disk.partitions.iter().enumerate() {
        match (partition.action, disk.erased(index)) {
            (Action::Wipe, Some(erase)) => erased(partition, erase, source, expected)?,
            _ => content(partition, source, expected)?,
        }
    }
    Ok(())
}

fn erased(
    partition: &PartitionPlan,
    erase: &Erase,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    let left = erase::left_over(erase, expected.proof, source);
    match left.map_err(|error| words(format!("the disk cannot be read: {error}")))? {
        None => Ok(()),
        Some(at) => Err(words(format!(
            "{} is not wiped: byte {} of the disk is not zero",
            partition.name,
            at.get()
        ))),
    }
}

fn table(disk: &DiskPlan, source: &dyn BlockSource) -> Result<(), Difference> {
    let found = gpt::read(source).map_err(|error| words(error.to_string()))?;
    if let Some(defect) = found.defects().first() {
        return Err(words(format!("the partition table has a defect: {defect}")));
    }
    let table = found
        .table()
        .ok_or_else(|| words("there is no partition table"))?;
    let wanted = Tables::build(disk, Some(table)).map_err(|error| words(error.to_string()))?;
    if wanted.table == *table {
        Ok(())
    } else {
        Err(words("the partition table is not the planned one"))
    }
}

fn content(
    partition: &PartitionPlan,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    match &partition.content {
        ContentPlan::Meta { state } => meta(partition, *state, source, expected),
        ContentPlan::Sealed(plan) => sealed(partition, plan, source, expected),
        ContentPlan::Filesystem(plan) => plain(partition, plan, source),
        ContentPlan::AsIs { found } if found == "luks" => opens(partition, source, expected),
        ContentPlan::AsIs { .. } | ContentPlan::Empty { .. } => Ok(()),
    }
}

fn meta(
    partition: &PartitionPlan,
    state: Option<StateTag>,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    let bytes = read(source, partition.extent())?;
    let meta = Meta::decode(&bytes).map_err(|error| words(format!("META: {error}")))?;
    if state.is_some() && !Meta::copies_agree(&bytes) {
        return Err(words("the copies of META differ"));
    }
    let tag = meta
        .get(meta_codec::tag::STATE_ENCRYPTION)
        .map(Secret::expose);
    let wanted = match state {
        Some(StateTag::Encryption) => expected.state_tag.map(Secret::expose),
        Some(StateTag::Absent) => return no_encryption(tag),
        None => return Ok(()),
    };
    if tag == wanted {
        Ok(())
    } else {
        Err(words("META does not hold the encryption of STATE"))
    }
}

fn no_encryption(tag: Option<&[u8]>) -> Result<(), Difference> {
    match tag {
        None => Ok(()),
        Some(value) if value == meta_codec::NO_STATE_ENCRYPTION => Ok(()),
        Some(_) => Err(words(
            "META holds an encryption of STATE, and STATE is plain",
        )),
    }
}

fn sealed(
    partition: &PartitionPlan,
    plan: &SealPlan,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    let volume = &partition.name;
    let found = luks2::read(source, partition.extent())
        .map_err(|error| words(format!("{volume}: {error}")))?;
    let (Some(header), Some(_)) = (found.primary.header(), found.secondary.header()) else {
        return Err(words(format!("{volume} has not two sound LUKS2 headers")));
    };
    let slots: Vec<u32> = plan.slots.iter().map(|slot| slot.slot).collect();
    let mut sorted = slots.clone();
    sorted.sort_unstable();
    let there: Vec<u32> = header.metadata.keyslots.keys().copied().collect();
    if header.uuid != plan.uuid.to_string() || there != sorted {
        return Err(words(format!(
            "{volume} is another LUKS2 volume than the planned one"
        )));
    }
    let mut volume_key = None;
    for slot in slots {
        volume_key = Some(open(partition, header, slot, source, expected)?);
    }
    let (Some(filesystem), Some(key)) = (&plan.filesystem, volume_key) else {
        return Ok(());
    };
    let cipher = prepare::cipher(volume, plan).map_err(|error| words(error.to_string()))?;
    let cipher = SectorCipher::new(cipher, &key, plan.sector_size)
        .map_err(|error| words(error.to_string()))?;
    let start = Bytes::new(partition.start.get() + plan.data_offset.get());
    let mut block = read(source, Extent::new(start, Bytes::new(4096)))?;
    cipher.decrypt(Bytes::ZERO, &mut block);
    magic(volume, filesystem, &block)
}

/// A kept volume: every slot of the configuration opens it.
fn opens(
    partition: &PartitionPlan,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<(), Difference> {
    let keys = expected.keys.of(&partition.name);
    if keys.is_empty() {
        return Ok(());
    }
    let found = luks2::read(source, partition.extent());
    let found = found.map_err(|error| words(format!("{}: {error}", partition.name)))?;
    let header = found
        .header()
        .ok_or_else(|| words(format!("{} has no sound LUKS2 header", partition.name)))?;
    for (slot, _) in keys {
        open(partition, header, *slot, source, expected)?;
    }
    Ok(())
}

fn open(
    partition: &PartitionPlan,
    header: &luks2::Header,
    slot: u32,
    source: &dyn BlockSource,
    expected: &Expected<'_>,
) -> Result<Secret, Difference> {
    let volume = partition.name.clone();
    let key = expected
        .keys
        .of(&volume)
        .iter()
        .find(|(number, _)| *number == slot);
    let (_, passphrase) = key.ok_or_else(|| {
        words(format!(
            "the configuration has no key for slot {slot} of {volume}"
        ))
    })?;
    tracing::info!(volume, slot, "opening with the configuration's key");
    let limits = luks2::Limits {
        memory: expected.memory_limit,
        ..luks2::Limits::default()
    };
    luks2::unlock(
        source,
        partition.extent(),
        header,
        slot,
        passphrase,
        &limits,
    )
    .map_err(|source| Difference::Locked {
        volume,
        slot,
        source,
    })
}

fn plain(
    partition: &PartitionPlan,
    plan: &FilesystemPlan,
    source: &dyn BlockSource,
) -> Result<(), Difference> {
    let block = read(source, Extent::new(partition.start, Bytes::new(4096)))?;
    magic(&partition.name, plan, &block)
}

fn magic(volume: &str, plan: &FilesystemPlan, block: &[u8]) -> Result<(), Difference> {
    let (at, magic): (usize, &[u8]) = match plan.kind.as_str() {
        "xfs" => (0, b"XFSB"),
        _ => (82, b"FAT32   "),
    };
    if block.get(at..at + magic.len()) == Some(magic) {
        Ok(())
    } else {
        Err(words(format!("{volume} holds no {}", plan.kind)))
    }
}

fn read(source: &dyn BlockSource, extent: Extent) -> Result<Vec<u8>, Difference> {
    source
        .read_extent(extent)
        .map_err(|error| words(format!("the disk cannot be read: {error}")))
}

/// Whether a difference on a disk that the plan keeps means that Talos would hang on it.
pub fn is_lockout(disk: &DiskPlan, difference: &Difference) -> bool {
    let Difference::Locked { volume, .. } = difference else {
        return false;
    };
    disk.partitions
        .iter()
        .any(|p| p.name == *volume && p.action == Action::Keep)
}
