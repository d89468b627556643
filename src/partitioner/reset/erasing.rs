//! How the table names a volume while it is destroyed: under a type and a name that nobody looks for. Pure.
//!
//! The entry keeps its number, its GUID and its place, so that whoever finds the disk after a power cut knows which
//! ranges are half destroyed. The type-specific attribute bits 48 to 63 (UEFI 2.10, table 5.8) of a volume that was
//! sealed hold how many MiB at its start can hold keys, so that the next run need not zero terabytes of ciphertext
//! only because their header is gone.

use crate::guid::Guid;
use crate::plan::{Erase, EraseMethod, PartitionPlan};
use crate::probe::inventory::Partition;
use crate::units::Bytes;

/// What stands before the old name.
const PREFIX: &str = "erasing ";
/// What a GPT name can hold, in UTF-16 units.
const UNITS: usize = 36;
/// Where the type-specific attributes begin.
const SHIFT: u32 = 48;

/// The name while it is destroyed; cut to what fits, and the same if it is one already.
pub fn name(old: &str) -> String {
    if old.starts_with(PREFIX) {
        return old.to_owned();
    }
    let mut name = String::from(PREFIX);
    for letter in old.chars() {
        if name.encode_utf16().count() + letter.len_utf16() > UNITS {
            break;
        }
        name.push(letter);
    }
    name
}

/// The name that it had; a long one may have been cut.
pub fn old_name(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// Whether `name` is one that a volume has while it is destroyed.
pub fn is_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The entry while it is destroyed.
pub fn entry(partition: &PartitionPlan, erase: &Erase) -> PartitionPlan {
    let head = match erase.method {
        EraseMethod::CryptoErase => erase.overwritten().get().div_ceil(Bytes::MIB.get()),
        EraseMethod::Zero => 0,
    };
    PartitionPlan {
        name: name(&partition.name),
        type_guid: Guid::KEELBLOCK_ERASING,
        // More than 65535 MiB of header is not remembered: the next run then zeroes everything.
        attributes: u64::from(u16::try_from(head).unwrap_or(0)) << SHIFT,
        ..partition.clone()
    }
}

/// Whether a reset that was interrupted left this partition half destroyed.
pub fn is_erasing(partition: &Partition) -> bool {
    partition.type_guid == Some(Guid::KEELBLOCK_ERASING)
}

/// How much at its start could hold keys, if it was sealed.
pub fn head(partition: &Partition) -> Option<Bytes> {
    let head = partition.attributes >> SHIFT;
    (is_erasing(partition) && head > 0).then(|| Bytes::mib(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_marked_once_and_fits() {
        assert_eq!(name("STATE"), "erasing STATE");
        assert_eq!(name(&name("STATE")), "erasing STATE");
        assert_eq!(old_name(&name("EPHEMERAL")), "EPHEMERAL");
        let long = format!("u-{}", "d".repeat(34));
        assert_eq!(name(&long).encode_utf16().count(), UNITS);
        assert!(long.starts_with(old_name(&name(&long))));
        assert_eq!(name(&"𝄞".repeat(18)).encode_utf16().count(), UNITS);
    }
}
