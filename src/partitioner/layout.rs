//! Which partitions Talos expects, how big, and where they fit. Pure.
//!
//! Sizes and order are those of Talos' installer and volume controllers; free space is handed out as
//! go-blockdevice does it: best fit, 1 MiB alignment, the end of the disk only up to the last aligned byte.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::spec::MaxSize;
use crate::guid::Guid;
use crate::units::{Bytes, Extent, Geometry};

/// Partitions start at multiples of this.
pub const ALIGNMENT: Bytes = Bytes::MIB;
/// Exactly this big, or Talos does not see META.
pub const META_SIZE: Bytes = Bytes::mib(1);
/// STATE.
pub const STATE_SIZE: Bytes = Bytes::mib(100);
/// The least that EPHEMERAL may have.
pub const EPHEMERAL_MIN: Bytes = Bytes::mib(2048);
/// The least that a user, raw or swap volume gets if the config does not say.
pub const VOLUME_MIN: Bytes = Bytes::mib(100);
/// GPT attribute "legacy BIOS bootable", which Talos sets on BIOS.
pub const LEGACY_BIOS_BOOTABLE: u64 = 1 << 2;

/// A Talos minor version, such as `1.10`; it decides sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TalosVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl TalosVersion {
    /// The newest version whose rules are built in.
    pub const NEWEST: Self = Self {
        major: 1,
        minor: 14,
    };
    /// From here on BOOT and the UKI's EFI partition are 1000 MiB bigger.
    pub const BIG_BOOT: Self = Self {
        major: 1,
        minor: 11,
    };
    /// From here on every UEFI install uses systemd-boot.
    pub const UKI_ON_UEFI: Self = Self {
        major: 1,
        minor: 10,
    };
    /// The oldest version whose data partitions are made at boot, as keelblock assumes.
    pub const OLDEST: Self = Self { major: 1, minor: 8 };
}

/// A version that cannot be read or is not supported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Talos version {0:?} is not one of 1.8 and later")]
pub struct InvalidVersion(pub String);

impl FromStr for TalosVersion {
    type Err = InvalidVersion;

    /// `1.10`, `v1.10`, `v1.10.5`, `1.14.0-beta.1`.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.to_owned());
        let mut numbers = text
            .strip_prefix('v')
            .unwrap_or(text)
            .splitn(3, '.')
            .map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (Self { major, minor }) >= Self::OLDEST => {
                Ok(Self { major, minor })
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for TalosVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Which boot partitions a fresh system disk gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Bootloader {
    /// systemd-boot with unified kernel images: EFI.
    Uki,
    /// GRUB: EFI, BIOS, BOOT.
    Grub,
}

/// A partition of fixed size that comes before STATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// GPT name.
    pub name: &'static str,
    /// Size.
    pub size: Bytes,
    /// Partition type.
    pub type_guid: Guid,
    /// GPT attribute bits.
    pub attributes: u64,
}

/// The partitions that Talos' installer makes, in order.
pub fn boot_partitions(bootloader: Bootloader, talos: TalosVersion) -> Vec<Fixed> {
    let fixed = |name, size, type_guid, attributes| Fixed {
        name,
        size: Bytes::mib(size),
        type_guid,
        attributes,
    };
    let boot = if talos >= TalosVersion::BIG_BOOT {
        2000
    } else {
        1000
    };
    let meta = fixed("META", 1, Guid::LINUX_DATA, 0);
    match bootloader {
        Bootloader::Uki => vec![fixed("EFI", 100 + 1 + boot, Guid::EFI_SYSTEM, 0), meta],
        Bootloader::Grub => vec![
            fixed("EFI", 100, Guid::EFI_SYSTEM, 0),
            fixed("BIOS", 1, Guid::BIOS_BOOT, LEGACY_BIOS_BOOTABLE),
            fixed("BOOT", boot, Guid::LINUX_DATA, 0),
            meta,
        ],
    }
}

/// Free space of a disk, from which partitions are cut.
#[derive(Clone, Debug)]
pub struct Space {
    usable: Extent,
    taken: Vec<Extent>,
}

/// Nothing big enough is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} are needed, and the largest free range has {largest}")]
pub struct NoSpace {
    /// The least that was asked for.
    pub wanted: Bytes,
    /// The most that there is in one piece.
    pub largest: Bytes,
}

impl Space {
    /// The space of a new table: from the first MiB to the last aligned byte before the backup table.
    pub fn fresh(geometry: Geometry) -> Self {
        let block = geometry.logical.bytes();
        let entries = Bytes::new(128 * 128).align_up(block).unwrap_or(block);
        let tail = geometry.size.saturating_sub(entries).saturating_sub(block);
        Self {
            usable: Extent::between(ALIGNMENT, tail),
            taken: Vec::new(),
        }
    }

    /// The space that an existing table leaves.
    pub fn existing(usable: Extent, mut taken: Vec<Extent>) -> Self {
        taken.sort();
        Self { usable, taken }
    }

    /// The aligned gaps, in the order of their start.
    pub fn gaps(&self) -> Vec<Extent> {
        let mut gaps = Vec::new();
        let mut from = self.usable.start;
        let last = self.usable.end().align_down(ALIGNMENT);
        for end in self.taken.iter().copied().map(Some).chain([None]) {
            let until = end.map_or(last, |taken| taken.start.min(self.usable.end()));
            if let Some(start) = from.align_up(ALIGNMENT) {
                let gap = Extent::between(start, until);
                if gap.len >= ALIGNMENT {
                    gaps.push(gap);
                }
            }
            from = from.max(end.map_or(from, Extent::end));
        }
        gaps
    }

    /// The largest gap; empty if the disk is full.
    pub fn largest(&self) -> Bytes {
        self.gaps()
            .iter()
            .map(|gap| gap.len)
            .max()
            .unwrap_or(Bytes::ZERO)
    }

    /// Cuts `size` out of the smallest gap that is large enough.
    ///
    /// # Errors
    /// [`NoSpace`] if there is none.
    pub fn take(&mut self, size: Bytes) -> Result<Extent, NoSpace> {
        let fitting = self
            .gaps()
            .into_iter()
            .filter(|gap| gap.len >= size)
            .min_by_key(|gap| gap.len);
        let gap = fitting.ok_or(NoSpace {
            wanted: size,
            largest: self.largest(),
        })?;
        let extent = Extent::new(gap.start, size);
        self.taken.push(extent);
        self.taken.sort();
        Ok(extent)
    }

    /// Cuts as much as `max` allows out of the largest gap, at least `min`, in whole blocks of `block`.
    ///
    /// # Errors
    /// [`NoSpace`] if the largest gap is smaller than `min`.
    pub fn take_up_to(
        &mut self,
        min: Bytes,
        max: Option<MaxSize>,
        block: Bytes,
    ) -> Result<Extent, NoSpace> {
        let gap = self.largest();
        let none = NoSpace {
            wanted: min.max(ALIGNMENT),
            largest: gap,
        };
        if gap < min.max(ALIGNMENT) {
            return Err(none);
        }
        // Encryption sectors of 4096 bytes need a whole number of them, whatever the disk's blocks are.
        let size = resolve(max, gap).align_down(block.max(Bytes::new(4096)));
        if size.get() == 0 || size < min {
            return Err(none);
        }
        self.take(size)
    }
}

/// What `max` means for a gap of this size.
fn resolve(max: Option<MaxSize>, gap: Bytes) -> Bytes {
    let share = |percent: u8| {
        let bytes = u128::from(gap.get()) * u128::from(percent) / 100;
        Bytes::new(u64::try_from(bytes).unwrap_or(u64::MAX))
    };
    match max {
        None => gap,
        Some(MaxSize::Absolute(max)) if max == Bytes::ZERO || max >= gap => gap,
        Some(MaxSize::Absolute(max)) => max,
        Some(MaxSize::Percent(percent)) => share(percent),
        Some(MaxSize::LeaveFree(free)) => gap.saturating_sub(free),
        Some(MaxSize::LeaveFreePercent(percent)) => gap.saturating_sub(share(percent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::BlockSize;

    fn disk(size: Bytes, logical: BlockSize) -> Geometry {
        Geometry {
            size,
            logical,
            physical: logical.get(),
        }
    }

    #[test]
    fn the_two_layouts_put_meta_at_the_same_place() {
        for talos in ["1.10", "1.14"] {
            let talos = talos.parse().unwrap();
            let before_meta = |bootloader| -> u64 {
                boot_partitions(bootloader, talos)
                    .iter()
                    .rev()
                    .skip(1)
                    .map(|p| p.size.get())
                    .sum()
            };
            assert_eq!(before_meta(Bootloader::Uki), before_meta(Bootloader::Grub));
        }
    }

    #[test]
    fn talos_1_11_made_the_boot_partitions_bigger() {
        let efi = |v: &str| boot_partitions(Bootloader::Uki, v.parse().unwrap())[0].size;
        assert_eq!(efi("v1.10.5"), Bytes::mib(1101));
        assert_eq!(efi("1.11"), Bytes::mib(2101));
    }

    #[test]
    fn a_version_below_1_8_or_no_version_is_refused() {
        for text in ["1.7", "v1.7.6", "latest", "", "1", "2"] {
            assert_eq!(
                text.parse::<TalosVersion>(),
                Err(InvalidVersion(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn the_biggest_partition_of_an_empty_disk_is_two_mib_less_than_the_disk() {
        for block in [BlockSize::B512, BlockSize::B4096] {
            let mut space = Space::fresh(disk(Bytes::GIB, block));
            let extent = space.take_up_to(Bytes::ZERO, None, block.bytes()).unwrap();
            assert_eq!(extent, Extent::new(Bytes::MIB, Bytes::mib(1022)));
            assert!(space.gaps().is_empty());
        }
    }

    #[test]
    fn a_hole_that_fits_exactly_is_used_before_a_larger_one() {
        let usable = Extent::between(Bytes::MIB, Bytes::mib(1000));
        let taken = vec![
            Extent::new(Bytes::mib(1), Bytes::mib(100)),
            Extent::new(Bytes::mib(201), Bytes::mib(1)),
        ];
        let mut space = Space::existing(usable, taken);
        assert_eq!(
            space.take(Bytes::mib(100)),
            Ok(Extent::new(Bytes::mib(101), Bytes::mib(100)))
        );
        assert_eq!(
            space.take(Bytes::mib(900)),
            Err(NoSpace {
                wanted: Bytes::mib(900),
                largest: Bytes::mib(798)
            })
        );
    }

    #[test]
    fn max_size_is_resolved_against_the_largest_gap() {
        let gap = Bytes::mib(1000);
        for (max, want) in [
            (None, 1000),
            (Some(MaxSize::Absolute(Bytes::mib(10))), 10),
            (Some(MaxSize::Absolute(Bytes::mib(5000))), 1000),
            (Some(MaxSize::Percent(25)), 250),
            (Some(MaxSize::LeaveFree(Bytes::mib(100))), 900),
            (Some(MaxSize::LeaveFreePercent(10)), 900),
        ] {
            assert_eq!(resolve(max, gap), Bytes::mib(want), "{max:?}");
        }
    }
}
