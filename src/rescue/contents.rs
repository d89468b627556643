//! What is in META, decoded, without anything that could be a secret; and whether it agrees with the configuration.

use serde::Serialize;

use crate::config::spec::{Encryption, Key, KeySource, Spec};
use crate::partitioner::meta::{self, AdvCopy, Meta, PARTITION_SIZE, read_state_encryption, tag};
use crate::probe::inventory::{Content, Partition};
use crate::secret::Secret;
use crate::target::BlockSource;

/// One META partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MetaContents {
    /// Path of the disk or image.
    pub disk: String,
    /// Entry number.
    pub partition: u32,
    /// State of the first and the second copy.
    pub copies: Vec<String>,
    /// The tags in ascending order.
    pub tags: Vec<Tag>,
    /// Whether it opens STATE as the configuration does.
    pub agreement: Agreement,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Tag {
    /// Its number, such as `0x09`.
    pub tag: String,
    /// What Talos calls it.
    pub name: &'static str,
    /// Its value in words; secrets, and what may be one, only by their length.
    pub value: String,
}

/// How META's tag 0x09 stands towards the configuration's STATE encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Agreement {
    /// There is no configuration to compare with, or META cannot be read.
    Unknown,
    /// Both open STATE with the same keys, or both leave it plain.
    Same,
    /// They do not.
    Differs {
        /// In words.
        how: String,
    },
}

/// Reads every META of a disk.
pub fn read(
    source: &dyn BlockSource,
    path: &str,
    content: &Content,
    spec: Option<&Spec>,
) -> Vec<MetaContents> {
    let all = content.layout().into_iter().flat_map(|l| &l.partitions);
    all.filter(|p| p.name == "META" && p.extent.len == PARTITION_SIZE)
        .map(|partition| one(source, path, partition, spec))
        .collect()
}

fn one(
    source: &dyn BlockSource,
    path: &str,
    partition: &Partition,
    spec: Option<&Spec>,
) -> MetaContents {
    let mut contents = MetaContents {
        disk: path.to_owned(),
        partition: partition.number,
        copies: Vec::new(),
        tags: Vec::new(),
        agreement: Agreement::Unknown,
    };
    let bytes = match source.read_extent(partition.extent) {
        Ok(bytes) => Secret::new(bytes),
        Err(error) => {
            contents.copies = vec![format!("cannot be read: {error}")];
            return contents;
        }
    };
    let copies = meta::copies(bytes.expose());
    contents.copies = copies.iter().flatten().map(copy_in_words).collect();
    let Ok(meta) = Meta::decode(bytes.expose()) else {
        return contents;
    };
    contents.tags = meta
        .tags()
        .filter_map(|tag| Some(shown(tag, meta.get(tag)?)))
        .collect();
    contents.agreement = agreement(&meta, spec);
    contents
}

fn copy_in_words(copy: &AdvCopy) -> String {
    match copy {
        AdvCopy::Sound => String::from("sound"),
        AdvCopy::Zero => String::from("empty"),
        AdvCopy::Damaged(damage) => format!("damaged: {damage}"),
    }
}

fn shown(number: u8, value: &Secret) -> Tag {
    let value = match number {
        tag::STATE_ENCRYPTION => encryption_in_words(value),
        // What Talos puts there is no secret: a boot entry, an image, its options, a UUID, a boot loader.
        0x06..=0x08 | tag::UUID_OVERRIDE | tag::DISK_IMAGE_BOOTLOADER => {
            let text = String::from_utf8_lossy(value.expose());
            text.escape_debug().take(200).collect()
        }
        _ => format!("{} bytes, not shown", value.len()),
    };
    Tag {
        tag: format!("{number:#04x}"),
        name: tag::name(number),
        value,
    }
}

fn encryption_in_words(value: &Secret) -> String {
    match read_state_encryption(value) {
        Ok(None) => String::from("STATE is plain"),
        Ok(Some(encryption)) => {
            let keys: Vec<String> = encryption.keys.iter().map(key_in_words).collect();
            format!("STATE opens with {}", keys.join(", "))
        }
        Err(error) => error.to_string(),
    }
}

fn key_in_words(key: &Key) -> String {
    let redacted = match &key.source {
        KeySource::Static(_) => " (passphrase not shown)",
        KeySource::NodeId | KeySource::Kms { .. } | KeySource::Tpm { .. } => "",
    };
    format!("slot {} {}{redacted}", key.slot, key.source.word())
}

fn agreement(meta: &Meta, spec: Option<&Spec>) -> Agreement {
    let Some(spec) = spec else {
        return Agreement::Unknown;
    };
    let differs = |how: &str| Agreement::Differs {
        how: how.to_owned(),
    };
    let stored = match meta.get(tag::STATE_ENCRYPTION).map(read_state_encryption) {
        None => None,
        Some(Ok(stored)) => stored,
        Some(Err(error)) => return differs(&error.to_string()),
    };
    match (&stored, &spec.state.encryption) {
        (None, None) => Agreement::Same,
        (None, Some(_)) => {
            differs("META says that STATE is plain, the configuration that it is sealed")
        }
        (Some(_), None) => {
            differs("META says that STATE is sealed, the configuration that it is plain")
        }
        (Some(stored), Some(wanted)) => compare(stored, wanted),
    }
}

fn compare(stored: &Encryption, wanted: &Encryption) -> Agreement {
    let mut ways = Vec::new();
    let key = |encryption: &Encryption, slot: u32| {
        encryption.keys.iter().position(|key| key.slot == slot)
    };
    for kept in &stored.keys {
        let Some(index) = key(wanted, kept.slot) else {
            ways.push(format!("only META has slot {}", kept.slot));
            continue;
        };
        let theirs = &wanted.keys[index];
        match (&kept.source, &theirs.source) {
            (KeySource::Static(a), KeySource::Static(b)) if a.expose() != b.expose() => {
                ways.push(format!("slot {} has another passphrase in META", kept.slot));
            }
            (a, b) if a.word() != b.word() => ways.push(format!(
                "slot {} is {} in META and {} in the configuration",
                kept.slot,
                a.word(),
                b.word()
            )),
            _ => {}
        }
    }
    let missing = wanted.keys.iter().filter(|k| key(stored, k.slot).is_none());
    ways.extend(missing.map(|k| format!("only the configuration has slot {}", k.slot)));
    if ways.is_empty() {
        Agreement::Same
    } else {
        Agreement::Differs {
            how: ways.join("; "),
        }
    }
}
