//! What the volumes that go hold: sealed, so that destroying the keys destroys the data, or anything else. Reads only.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::erasing;
use crate::partitioner::content::cipher_named;
use crate::partitioner::luks2::{self, Header, Segment, SegmentSize};
use crate::partitioner::meta::{self, Meta, NO_STATE_ENCRYPTION};
use crate::probe::inventory::{Layout, Partition};
use crate::target::BlockSource;
use crate::units::Bytes;

/// What has to be read of a disk before a reset can be planned. Holds no key material.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// By partition number: every volume that may go.
    pub volumes: BTreeMap<u32, Held>,
    /// META.
    pub meta: MetaHeld,
}

/// What one volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Ciphertext behind a LUKS2 header, and nothing else.
    Sealed {
        /// Where the ciphertext begins; every key lies before it.
        data_offset: Bytes,
        /// For people.
        words: String,
    },
    /// Anything else, or something that nobody can tell.
    Plain {
        /// For people.
        words: String,
        /// Whether anything hints at key material at its start.
        keys: bool,
    },
}

impl Held {
    /// For people.
    pub fn words(&self) -> &str {
        match self {
            Self::Sealed { words, .. } | Self::Plain { words, .. } => words,
        }
    }
}

/// What META says about STATE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MetaHeld {
    /// There is no META.
    #[default]
    Missing,
    /// No tag 0x09, or one that says that STATE is plain.
    NoTag,
    /// Tag 0x09 says how to open STATE, or may do so in a copy that a write left torn.
    Tag,
    /// It cannot be used, for this reason. Talos takes it for empty.
    Damaged(String),
}

impl Facts {
    /// Reads the volumes of `layout` for which `goes`, and META.
    pub fn read(
        source: &dyn BlockSource,
        layout: &Layout,
        goes: impl Fn(&Partition) -> bool,
    ) -> Self {
        let volumes = layout.partitions.iter().filter(|p| goes(p));
        let meta = layout
            .partitions
            .iter()
            .find(|p| p.name == "META" && p.extent.len == meta::PARTITION_SIZE);
        Self {
            volumes: volumes.map(|p| (p.number, held(source, p))).collect(),
            meta: meta.map_or(MetaHeld::Missing, |p| meta_held(source, p)),
        }
    }
}

fn meta_held(source: &dyn BlockSource, partition: &Partition) -> MetaHeld {
    let bytes = match source.read_extent(partition.extent) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) => return MetaHeld::Damaged(error.to_string()),
    };
    match Meta::decode(&bytes) {
        Err(error) => MetaHeld::Damaged(error.to_string()),
        Ok(tags) => match tags.get(meta::tag::STATE_ENCRYPTION) {
            Some(value) if value.expose() != NO_STATE_ENCRYPTION => MetaHeld::Tag,
            _ if !Meta::copies_agree(&bytes) => MetaHeld::Tag,
            _ => MetaHeld::NoTag,
        },
    }
}

fn held(source: &dyn BlockSource, partition: &Partition) -> Held {
    if erasing::is_erasing(partition) {
        return left_over(partition);
    }
    let kinds: Vec<&str> = partition
        .signatures
        .iter()
        .map(|signature| signature.kind.as_str())
        .collect();
    let plain = |words: &str, keys| Held::Plain {
        words: words.to_owned(),
        keys,
    };
    if let Some(why) = &partition.unreadable {
        return plain(&format!("something unreadable: {why}"), true);
    }
    let found = match luks2::read(source, partition.extent) {
        Ok(found) => found,
        Err(error) => return plain(&format!("something unreadable: {error}"), true),
    };
    if found.is_absent() {
        return match &kinds[..] {
            [] => plain("nothing that is known", false),
            kinds => plain(&kinds.join(", "), kinds.contains(&"crypto_LUKS")),
        };
    }
    if found.is_luks1() {
        return plain("LUKS1", true);
    }
    let Some(header) = found.header() else {
        return plain("LUKS2 without a sound header", true);
    };
    let alone = kinds.iter().all(|kind| *kind == "crypto_LUKS");
    match data_offset(header, partition) {
        Some(data_offset) if alone => {
            let slots = header.metadata.keyslots.len();
            let plural = if slots == 1 { "" } else { "s" };
            let copies = match (found.primary.header(), found.secondary.header()) {
                (Some(_), Some(_)) => "",
                _ => ", one header copy damaged",
            };
            Held::Sealed {
                data_offset,
                words: format!("LUKS2, {slots} keyslot{plural}{copies}"),
            }
        }
        Some(_) => plain(&format!("{} and a LUKS2 header", kinds.join(", ")), true),
        None => plain("LUKS2 of a kind that Talos does not make", true),
    }
}

/// What an interrupted reset left; the table remembers whether it was sealed.
fn left_over(partition: &Partition) -> Held {
    match erasing::head(partition) {
        Some(data_offset) => Held::Sealed {
            data_offset,
            words: String::from("a sealed volume, half destroyed"),
        },
        None => Held::Plain {
            words: String::from("a volume, half destroyed"),
            keys: true,
        },
    }
}

/// Where the ciphertext begins; `None` unless all of the partition behind that place is encrypted.
fn data_offset(header: &Header, partition: &Partition) -> Option<Bytes> {
    let mut segments = header.metadata.segments.values();
    let (Some(Segment::Crypt(segment)), None) = (segments.next(), segments.next()) else {
        return None;
    };
    let all = segment.size == SegmentSize::Dynamic
        && segment.integrity.is_none()
        && segment.flags.is_empty()
        && header.metadata.config.requirements.is_none();
    let inside = segment.offset > Bytes::ZERO && segment.offset <= partition.extent.len;
    let encrypted = cipher_named(&segment.encryption).is_some();
    (all && inside && encrypted).then_some(segment.offset)
}
