//! What has to be read beyond the signatures: LUKS2 headers, META. Holds no key material.

use std::collections::BTreeMap;

use crate::config::spec::Key;
use crate::inspect::trial::{Trial, Trying, Volume};
use crate::partitioner::luks2::{self, Kdf, Keyslot, Segment};
use crate::partitioner::meta::{self, Meta, tag};
use crate::probe::inventory::{Content, Partition};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

/// META is one MiB; anything else with that name is not read as META.
const META_SIZE: Bytes = crate::partitioner::layout::META_SIZE;

/// What was read, by partition number.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// LUKS2 volumes.
    pub luks: BTreeMap<u32, Luks>,
    /// META, if there is a partition of that name.
    pub meta: Option<MetaFacts>,
}

/// A LUKS volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Luks {
    /// Cipher of the data; empty if no header is sound.
    pub cipher: String,
    /// Encryption sector size.
    pub sector_size: u32,
    /// Key slots with their KDF, such as `0 argon2id 1 GiB × 4`.
    pub slots: Vec<String>,
    /// Key slot numbers.
    pub numbers: Vec<u32>,
    /// What is wrong with the header copies.
    pub defects: Vec<String>,
    /// What Talos' own header check refuses.
    pub refused: Vec<String>,
    /// For each slot of the configuration: what came of trying its key.
    pub opens: BTreeMap<u32, Trial>,
    /// STATE only: the same with META's own keys, with which Talos opens it before it has a configuration.
    pub meta_opens: BTreeMap<u32, Trial>,
}

/// META.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaFacts {
    /// Nothing is in it.
    Empty,
    /// It is sound.
    Sound {
        /// Its tags.
        tags: Vec<u8>,
        /// Key slots and kinds in tag 0x09, such as `0 nodeID`; `None` if there is no such tag or it is `null`.
        state: Option<Vec<String>>,
    },
    /// It cannot be used.
    Damaged(String),
}

impl Facts {
    /// Reads what the partitions of `content` need; with `trying` also which keys open the volumes. META's override of
    /// the machine's UUID counts, as it does for Talos.
    pub fn read(source: &dyn BlockSource, content: &Content, trying: Option<Trying<'_>>) -> Self {
        let mut facts = Self::default();
        let mut stored = Stored::default();
        let all = || content.layout().into_iter().flat_map(|l| &l.partitions);
        for partition in all().filter(|p| p.name == "META" && p.extent.len == META_SIZE) {
            let (found, keys) = meta(source, partition);
            (facts.meta, stored) = (Some(found), keys);
        }
        for partition in all() {
            let is_luks = partition.signatures.iter().any(|s| s.kind == "crypto_LUKS");
            if is_luks && let Ok(found) = luks2::read(source, partition.extent) {
                let mut luks = luks(source, partition, &found);
                if let Some(trying) = trying {
                    luks.try_keys(source, partition, &found, trying, &stored);
                }
                facts.luks.insert(partition.number, luks);
            }
        }
        facts
    }

    /// One line about a partition, from its facts and its labels.
    pub fn detail(&self, partition: &Partition) -> String {
        if let Some(luks) = self.luks.get(&partition.number) {
            return luks.in_words();
        }
        if partition.name == "META" {
            return self
                .meta
                .as_ref()
                .map(MetaFacts::in_words)
                .unwrap_or_default();
        }
        let label = partition
            .signatures
            .first()
            .map(|s| s.label.clone())
            .unwrap_or_default();
        if label.is_empty() {
            String::new()
        } else {
            format!("label {label}")
        }
    }
}

/// What META holds that opens STATE, or changes how keys are made.
#[derive(Default)]
struct Stored {
    keys: Vec<Key>,
    uuid: Option<String>,
}

fn tried(trials: &BTreeMap<u32, Trial>, whose: &str) -> Vec<String> {
    let words = |(slot, trial): (&u32, &Trial)| match trial {
        Trial::Opens => format!("slot {slot} opens with {whose}"),
        Trial::WrongKey => format!("slot {slot} does NOT open with {whose}"),
        Trial::NoSuchSlot => format!("slot {slot} is not there for {whose}"),
        Trial::Untried(why) => format!("slot {slot} was not tried with {whose}: {why}"),
    };
    trials.iter().map(words).collect()
}

impl Luks {
    /// The slots that are on the disk and none of `trials`. Talos removes them once another slot opens.
    pub fn beyond(&self, trials: &BTreeMap<u32, Trial>) -> Vec<String> {
        let numbers = self.numbers.iter();
        numbers
            .filter(|slot| !trials.contains_key(slot))
            .map(u32::to_string)
            .collect()
    }

    fn try_keys(
        &mut self,
        source: &dyn BlockSource,
        partition: &Partition,
        found: &luks2::Found,
        trying: Trying<'_>,
        stored: &Stored,
    ) {
        let Some(header) = found.header() else { return };
        let name = partition.name.as_str();
        let uuid = stored.uuid.as_deref().or(trying.uuid);
        let mut volume = Volume::new(source, partition.extent, header, name, trying.memory);
        if let Some(encryption) = trying.spec.and_then(|spec| spec.encryption_of(name)) {
            self.opens = volume.try_all(&encryption.keys, uuid);
        }
        if name == "STATE" {
            self.meta_opens = volume.try_all(&stored.keys, uuid);
        }
    }

    fn in_words(&self) -> String {
        let mut words = Vec::new();
        if !self.cipher.is_empty() {
            words.push(format!(
                "{}, {}-byte sectors",
                self.cipher, self.sector_size
            ));
            words.extend(self.slots.iter().map(|slot| format!("slot {slot}")));
        }
        words.extend(tried(&self.opens, "this config's key"));
        if self.meta_opens != self.opens {
            words.extend(tried(&self.meta_opens, "META's own key"));
        }
        words.extend(self.defects.iter().cloned());
        words.join("; ")
    }
}

impl MetaFacts {
    fn in_words(&self) -> String {
        match self {
            Self::Empty => String::from("empty"),
            Self::Damaged(why) => format!("damaged: {why}"),
            Self::Sound { tags, state } => {
                let tags: Vec<String> = tags.iter().map(|tag| format!("0x{tag:02x}")).collect();
                match state {
                    Some(slots) => format!(
                        "tags {}; opens STATE with {}",
                        tags.join(" "),
                        slots.join(", ")
                    ),
                    None => format!("tags {}", tags.join(" ")),
                }
            }
        }
    }
}

fn luks(source: &dyn BlockSource, partition: &Partition, found: &luks2::Found) -> Luks {
    let mut facts = Luks::default();
    for (copy, name) in [(&found.primary, "first"), (&found.secondary, "second")] {
        match copy {
            luks2::CopyState::Valid(_) => {}
            luks2::CopyState::Damaged(damage) => facts
                .defects
                .push(format!("{name} header damaged: {damage}")),
            luks2::CopyState::Version(version) => {
                facts.defects.push(format!("LUKS version {version}"))
            }
            luks2::CopyState::Absent => facts.defects.push(format!("no {name} header")),
        }
    }
    let Some(header) = found.header() else {
        return facts;
    };
    if header.is_detached() {
        facts
            .defects
            .push(String::from("a detached header: its data is elsewhere"));
    }
    if let Some(Segment::Crypt(segment)) = header.metadata.segments.values().next() {
        facts.cipher = segment.encryption.clone();
        facts.sector_size = segment.sector_size;
    }
    facts.numbers = header.metadata.keyslots.keys().copied().collect();
    facts.slots = header
        .metadata
        .keyslots
        .iter()
        .map(|(number, slot)| slot_in_words(*number, slot))
        .collect();
    facts.refused = luks2::talos_header_check(header);
    if !facts.defects.is_empty() && copies_differ(source, partition.extent) == Some(true) {
        facts.refused.push(String::from(
            "its two copies differ and are as new as each other",
        ));
    }
    facts
}

/// Whether Talos' reader, which looks at no checksum, finds two texts under one sequence number; `None` if the
/// first copy does not say where the second one is.
fn copies_differ(source: &dyn BlockSource, at: Extent) -> Option<bool> {
    const BINARY: usize = 4096;
    let read = |start: u64, len: u64| {
        let start = Bytes::new(at.start.get().checked_add(start)?);
        let extent = Extent::new(start, Bytes::new(len));
        let inside = extent.end() <= at.end();
        inside.then(|| source.read_extent(extent).ok()).flatten()
    };
    let number = |bytes: &[u8], from: usize| {
        let field = bytes.get(from..from + 8)?;
        Some(u64::from_be_bytes(field.try_into().ok()?))
    };
    let size = number(&read(0, 4096)?, 8)?;
    if !(16 << 10..=4 << 20).contains(&size) {
        return None;
    }
    let (first, second) = (read(0, size)?, read(size, size)?);
    let same_age = number(&first, 16)? == number(&second, 16)?;
    let text = |bytes: &[u8]| bytes.get(BINARY..).map(|json| json.trim_ascii().to_vec());
    Some(same_age && text(&first)? != text(&second)?)
}

fn slot_in_words(number: u32, slot: &Keyslot) -> String {
    let Keyslot::Luks2(slot) = slot else {
        return format!("{number} of another type");
    };
    match &slot.kdf {
        Kdf::Argon2id(cost) => format!("{number} argon2id {} × {}", kib(cost.memory), cost.time),
        Kdf::Argon2i(cost) => format!("{number} argon2i {} × {}", kib(cost.memory), cost.time),
        Kdf::Pbkdf2 { iterations, .. } => format!("{number} pbkdf2 × {iterations}"),
        Kdf::Other => format!("{number} with a KDF that is not known"),
    }
}

fn kib(kib: u32) -> Bytes {
    Bytes::new(u64::from(kib) << 10)
}

fn meta(source: &dyn BlockSource, partition: &Partition) -> (MetaFacts, Stored) {
    let damaged = |why: String| (MetaFacts::Damaged(why), Stored::default());
    let bytes = match source.read_extent(partition.extent) {
        Ok(bytes) => Secret::new(bytes),
        Err(error) => return damaged(error.to_string()),
    };
    if bytes.expose().iter().all(|byte| *byte == 0) {
        return (MetaFacts::Empty, Stored::default());
    }
    let meta = match Meta::decode(bytes.expose()) {
        Ok(meta) => meta,
        Err(error) => return damaged(error.to_string()),
    };
    let value = meta.get(tag::STATE_ENCRYPTION);
    let keys = value.and_then(|value| meta::read_state_encryption(value).ok().flatten());
    let keys = keys.map(|encryption| encryption.keys);
    let kind = |key: &Key| format!("{} {}", key.slot, key.source.word());
    let uuid = meta.get(tag::UUID_OVERRIDE);
    let uuid = uuid.map(|uuid| String::from_utf8_lossy(uuid.expose()).into_owned());
    let sound = MetaFacts::Sound {
        tags: meta.tags().collect(),
        state: keys.as_deref().map(|keys| keys.iter().map(kind).collect()),
    };
    let stored = Stored {
        keys: keys.unwrap_or_default(),
        uuid: uuid.filter(|uuid| !uuid.is_empty()),
    };
    (sound, stored)
}
