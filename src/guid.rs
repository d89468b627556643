//! GUIDs: the partition types that Talos uses, and GUIDs that derive from a seed.
//!
//! On disk a GPT GUID is mixed-endian ([`Guid::to_gpt_bytes`]); in text it is the usual big-endian form.
//! Derived GUIDs are RFC 9562 version 8, as Talos makes them for images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A GUID as GPT and LUKS2 use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Guid(Uuid);

impl Guid {
    /// All zero: an unused GPT entry.
    pub const NIL: Self = Self(Uuid::nil());
    /// EFI system partition.
    pub const EFI_SYSTEM: Self = Self(Uuid::from_u128(0xC12A7328_F81F_11D2_BA4B_00A0C93EC93B));
    /// GRUB's BIOS boot partition.
    pub const BIOS_BOOT: Self = Self(Uuid::from_u128(0x21686148_6449_6E6F_744E_656564454649));
    /// Linux filesystem data: every Talos partition but EFI, BIOS and swap.
    pub const LINUX_DATA: Self = Self(Uuid::from_u128(0x0FC63DAF_8483_4772_8E79_3D69D8477DE4));
    /// Linux swap.
    pub const LINUX_SWAP: Self = Self(Uuid::from_u128(0x0657FD6D_A4AB_43C4_84E5_0933C84B4F4F));
    /// keelblock's own: a volume that is being destroyed. Such an entry never outlives a reset that ends.
    pub const KEELBLOCK_ERASING: Self =
        Self(Uuid::from_u128(0x6B5A3E0C_9D17_4C42_8E61_52A7F0B4D933));
    /// APFS container.
    pub const APPLE_APFS: Self = Self(Uuid::from_u128(0x7C3457EF_0000_11AA_AA11_00306543ECAC));
    /// CoreStorage volume: FileVault, or half of a Fusion drive.
    pub const APPLE_CORE_STORAGE: Self =
        Self(Uuid::from_u128(0x53746F72_6167_11AA_AA11_00306543ECAC));
    /// HFS+.
    pub const APPLE_HFS: Self = Self(Uuid::from_u128(0x48465300_0000_11AA_AA11_00306543ECAC));
    /// Apple Boot (Recovery HD).
    pub const APPLE_BOOT: Self = Self(Uuid::from_u128(0x426F6F74_0000_11AA_AA11_00306543ECAC));
    /// Apple software RAID, online.
    pub const APPLE_RAID: Self = Self(Uuid::from_u128(0x52414944_0000_11AA_AA11_00306543ECAC));
    /// Apple software RAID, offline.
    pub const APPLE_RAID_OFFLINE: Self =
        Self(Uuid::from_u128(0x52414944_5F4F_11AA_AA11_00306543ECAC));

    /// From the mixed-endian bytes of a GPT structure.
    pub const fn from_gpt_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes_le(bytes))
    }

    /// The mixed-endian bytes of a GPT structure.
    pub const fn to_gpt_bytes(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }

    /// A version 8 GUID from 16 bytes of a hash.
    pub fn from_hash(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for Guid {
    /// Lower case with hyphens, as Talos and the kernel print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for Guid {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

/// What all GUIDs of a plan derive from. Not a secret: it stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Seed([u8; 16]);

/// A seed that is not 1 to 32 hexadecimal digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seed is 1 to 32 hexadecimal digits, not {0:?}")]
pub struct InvalidSeed(pub String);

impl Seed {
    /// From 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The first 16 bytes of SHA-256 over these inputs, each with its length before it: the same for the same inputs.
    pub fn derive<'a>(inputs: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for input in ["keelblock seed 1"].into_iter().chain(inputs) {
            hash.update((input.len() as u64).to_be_bytes());
            hash.update(input);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(bytes)
    }

    /// The GUID for `purpose` (such as `disk` or `partition STATE`) on the disk `disk`.
    ///
    /// The first 16 bytes of SHA-256 over seed, disk and purpose, each with its length before it.
    pub fn guid(&self, disk: &str, purpose: &str) -> Guid {
        let mut hash = Sha256::new();
        for part in [&self.0[..], disk.as_bytes(), purpose.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Guid::from_hash(bytes)
    }
}

impl FromStr for Seed {
    type Err = InvalidSeed;

    /// Hexadecimal; shorter than 32 digits means leading zeros.
    fn from_str(text: &str) -> Result<Self, InvalidSeed> {
        let invalid = || InvalidSeed(text.to_owned());
        if text.is_empty() || text.len() > 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| invalid())?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl TryFrom<String> for Seed {
    type Error = InvalidSeed;

    fn try_from(text: String) -> Result<Self, InvalidSeed> {
        text.parse()
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        format!("{:032x}", u128::from_be_bytes(seed.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpt_guid_is_mixed_endian_on_disk() {
        assert_eq!(
            Guid::EFI_SYSTEM.to_gpt_bytes()[..4],
            [0x28, 0x73, 0x2A, 0xC1]
        );
        assert_eq!(
            Guid::from_gpt_bytes(Guid::LINUX_DATA.to_gpt_bytes()),
            Guid::LINUX_DATA
        );
    }

    #[test]
    fn a_seed_gives_the_same_guid_for_the_same_purpose_and_another_for_another() {
        let seed: Seed = "2a".parse().unwrap();
        assert_eq!(seed.guid("d", "disk"), seed.guid("d", "disk"));
        assert_ne!(seed.guid("d", "disk"), seed.guid("d", "STATE"));
        assert_ne!(seed.guid("ab", "c"), seed.guid("a", "bc"));
    }

    #[test]
    fn a_derived_seed_depends_on_every_input_and_where_it_ends() {
        let seed = Seed::derive(["ab", "c"]);
        assert_eq!(seed, Seed::derive(["ab", "c"]));
        for other in [
            &["a", "bc"][..],
            &["ab"],
            &["ab", "c", ""],
            &["c", "ab"],
            &[],
        ] {
            assert_ne!(seed, Seed::derive(other.iter().copied()), "{other:?}");
        }
    }

    #[test]
    fn a_seed_survives_its_text_form() {
        let seed: Seed = "deadbeef".parse().unwrap();
        assert_eq!(String::from(seed).parse::<Seed>(), Ok(seed));
        assert!("xyz".parse::<Seed>().is_err());
        assert!("".parse::<Seed>().is_err());
    }
}
