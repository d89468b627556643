//! One digest of what is on a disk, so that `apply` sees whether it changed since `plan`.
//!
//! SHA-256 over, in this order, each variable part with its length as u64 big-endian before it:
//! the text `keelblock fingerprint 1`, size and logical block size, the table, every partition (number, range,
//! type, GUID, attributes, name, its signatures), the signatures outside of them, and the first and last MiB.
//! Remarks for people are not part of it. A filesystem that changes only inside a partition does not change it;
//! one that is made, removed or made anew does.

use sha2::{Digest as _, Sha256};

use super::View;
use crate::hex;
use crate::probe::inventory::{Layout, Partition, Signature};
use crate::units::Extent;

/// The digest as 64 hexadecimal digits in lower case.
pub(super) fn fingerprint(view: &View<'_>, layout: &Layout) -> String {
    let mut digest = Recipe(Sha256::new());
    digest.bytes(b"keelblock fingerprint 1");
    digest.number(view.size());
    digest.number(view.block());
    match &layout.table {
        None => digest.number(0),
        Some(table) => {
            digest.number(1);
            digest.bytes(table.kind.as_bytes());
            digest.optional(table.guid.map(|guid| guid.to_string()));
            digest.number(table.block_size.map_or(0, |size| u64::from(size.get())));
            if let Some(usable) = table.usable {
                digest.extent(usable);
            }
        }
    }
    digest.number(layout.partitions.len() as u64);
    for partition in &layout.partitions {
        digest.partition(partition);
    }
    digest.signatures(&layout.signatures);
    digest.bytes(view.head());
    digest.bytes(view.tail());
    hex::lower(&digest.0.finalize())
}

struct Recipe(Sha256);

impl Recipe {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn optional(&mut self, text: Option<String>) {
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn extent(&mut self, extent: Extent) {
        self.number(extent.start.get());
        self.number(extent.len.get());
    }

    fn partition(&mut self, partition: &Partition) {
        self.number(u64::from(partition.number));
        self.extent(partition.extent);
        self.optional(partition.type_guid.map(|guid| guid.to_string()));
        self.number(u64::from(partition.mbr_type.unwrap_or(0)));
        self.optional(partition.guid.map(|guid| guid.to_string()));
        self.number(partition.attributes);
        self.bytes(partition.name.as_bytes());
        self.signatures(&partition.signatures);
    }

    fn signatures(&mut self, signatures: &[Signature]) {
        self.number(signatures.len() as u64);
        for signature in signatures {
            self.bytes(signature.kind.as_bytes());
            self.bytes(signature.version.as_bytes());
            self.number(signature.offset.get());
            self.bytes(signature.uuid.as_bytes());
            self.bytes(signature.label.as_bytes());
        }
    }
}
