//! Talos' META partition: bytes to types and back.
//!
//! Owns the tags ([`Meta`]), their place in the partition and the value of the tag that tells Talos how STATE is sealed
//! ([`state_encryption_json`]). Never writes. Values may hold passphrases, so they are [`Secret`](crate::secret::Secret).
//! Spec: siderolabs/go-adv v1.0.0, `adv/talos` and `adv/syslinux`; Talos 1.14, `internal/pkg/meta`.

mod adv;
mod state_encryption;
mod state_read;
mod syslinux;

pub use adv::{AdvCopy, AdvDamage, COPIES, Meta, MetaError, copies};
pub use state_encryption::{NO_STATE_ENCRYPTION, state_encryption_json};
pub use state_read::{StateTagError, read_state_encryption};

use crate::units::Bytes;

/// How big the partition is; Talos does not know it by another size.
pub const PARTITION_SIZE: Bytes = Bytes::MIB;

/// Tags that keelblock knows. All others are kept as they are.
pub mod tag {
    /// How STATE is sealed, as JSON.
    pub const STATE_ENCRYPTION: u8 = 0x09;
    /// The UUID that Talos takes instead of the machine's.
    pub const UUID_OVERRIDE: u8 = 0x0F;
    /// Which bootloader a disk image was made for.
    pub const DISK_IMAGE_BOOTLOADER: u8 = 0x11;

    /// What Talos calls a tag; `unknown` for one that it does not know.
    pub const fn name(tag: u8) -> &'static str {
        match tag {
            0x06 => "Upgrade",
            0x07 => "StagedUpgradeImageRef",
            0x08 => "StagedUpgradeInstallOptions",
            STATE_ENCRYPTION => "StateEncryptionConfig",
            0x0A => "MetalNetworkPlatformConfig",
            0x0B => "DownloadURLCode",
            0x0C => "UserReserved1",
            0x0D => "UserReserved2",
            0x0E => "UserReserved3",
            UUID_OVERRIDE => "UUIDOverride",
            0x10 => "UniqueMachineToken",
            DISK_IMAGE_BOOTLOADER => "DiskImageBootloader",
            _ => "unknown",
        }
    }
}
