//! Which partitions the configuration wants on a disk, in the order in which Talos provisions them. Pure.

use crate::config::spec::{MaxSize, Provisioning, Spec, Volume, VolumeKind};
use crate::guid::Guid;
use crate::partitioner::content::{Inside, Wanted};
use crate::partitioner::layout::{self, Bootloader, TalosVersion};
use crate::units::Bytes;

/// A partition that the configuration wants.
#[derive(Clone, Debug)]
pub struct WantedPartition<'a> {
    /// GPT name; empty for `machine.disks`.
    pub name: String,
    /// Entry number, where that and not the name is how Talos finds it (`machine.disks`).
    pub number: Option<u32>,
    /// Partition type.
    pub type_guid: Guid,
    /// GPT attribute bits.
    pub attributes: u64,
    /// How big.
    pub size: WantedSize,
    /// What goes in.
    pub content: Wanted<'a>,
    /// Whether it is META, whose content is not a filesystem.
    pub meta: bool,
}

/// How big a partition is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedSize {
    /// Exactly this.
    Exact(Bytes),
    /// Out of the largest gap.
    Range {
        /// At least.
        min: Bytes,
        /// At most; `None` for all of the gap.
        max: Option<MaxSize>,
    },
}

/// What the planner was told about making a fresh system disk.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Sizes.
    pub talos: TalosVersion,
    /// Boot partitions.
    pub bootloader: Bootloader,
    /// Whether EPHEMERAL gets its filesystem here, or from Talos.
    pub ephemeral_filesystem: bool,
}

/// Everything that `roles` want on one disk. `fresh` adds the partitions of Talos' installer.
pub fn partitions<'a>(
    spec: &'a Spec,
    roles: &[String],
    style: Style,
    fresh: bool,
) -> Vec<WantedPartition<'a>> {
    let has = |role: &str| roles.iter().any(|r| r == role);
    let mut wanted = Vec::new();
    if fresh && has("install") {
        wanted.extend(
            layout::boot_partitions(style.bootloader, style.talos)
                .iter()
                .map(boot),
        );
    }
    if has("STATE") {
        let content = Wanted {
            encryption: spec.state.encryption.as_ref(),
            inside: Inside::Xfs("STATE"),
        };
        wanted.push(data(
            "STATE".into(),
            WantedSize::Exact(layout::STATE_SIZE),
            content,
        ));
    }
    let mut grown: Vec<(SortKey, WantedPartition<'a>)> = Vec::new();
    if has("EPHEMERAL") {
        grown.push(ephemeral(spec, style));
    }
    grown.extend(
        spec.volumes
            .iter()
            .filter(|v| has(&v.id) && is_partition(v))
            .map(volume),
    );
    grown.sort_by(|a, b| a.0.cmp(&b.0));
    wanted.extend(grown.into_iter().map(|(_, partition)| partition));
    for disk in spec.legacy_disks.iter().filter(|d| has(&d.device)) {
        wanted.extend((1..).zip(&disk.partitions).map(|(number, p)| {
            let size = match p.size {
                Bytes::ZERO => WantedSize::Range {
                    min: layout::VOLUME_MIN,
                    max: None,
                },
                size => WantedSize::Exact(size),
            };
            let content = Wanted {
                encryption: None,
                inside: Inside::Xfs(""),
            };
            WantedPartition {
                number: Some(number),
                ..data(String::new(), size, content)
            }
        }));
    }
    wanted
}

/// Talos' order: wave, non-growing before growing, smaller maximum before larger (none is largest), id.
type SortKey = (i32, bool, u64, String);

fn ephemeral(spec: &Spec, style: Style) -> (SortKey, WantedPartition<'_>) {
    let inside = if style.ephemeral_filesystem {
        Inside::Xfs("EPHEMERAL")
    } else {
        Inside::Left("xfs")
    };
    let provisioning = &spec.ephemeral.provisioning;
    let content = Wanted {
        encryption: spec.ephemeral.encryption.as_ref(),
        inside,
    };
    let key = (
        -1,
        provisioning.grow.unwrap_or(true),
        max_key(provisioning),
        String::from("EPHEMERAL"),
    );
    (
        key,
        data(
            "EPHEMERAL".into(),
            range(provisioning, layout::EPHEMERAL_MIN),
            content,
        ),
    )
}

fn volume(volume: &Volume) -> (SortKey, WantedPartition<'_>) {
    let provisioning = &volume.provisioning;
    let (wave, min) = match volume.kind {
        VolumeKind::System => (-1, layout::EPHEMERAL_MIN),
        _ => (0, layout::VOLUME_MIN),
    };
    let content = Wanted {
        encryption: volume.encryption.as_ref(),
        inside: Inside::of(volume.filesystem),
    };
    let mut partition = data(volume.id.clone(), range(provisioning, min), content);
    if volume.kind == VolumeKind::Swap {
        partition.type_guid = Guid::LINUX_SWAP;
        partition.content.inside = Inside::Left("swap");
    }
    let key = (
        wave,
        provisioning.grow.unwrap_or(false),
        max_key(provisioning),
        volume.id.clone(),
    );
    (key, partition)
}

/// Whether anything is laid out for `role`: whole-disk and directory volumes are Talos' to make.
pub fn is_laid_out(spec: &Spec, role: &str) -> bool {
    spec.volumes
        .iter()
        .find(|v| v.id == role)
        .is_none_or(is_partition)
}

/// Whether the volume is a partition; whole disks and directories are Talos' to make.
pub const fn is_partition(volume: &Volume) -> bool {
    matches!(
        volume.kind,
        VolumeKind::System | VolumeKind::User | VolumeKind::Raw | VolumeKind::Swap
    )
}

fn range(provisioning: &Provisioning, min: Bytes) -> WantedSize {
    WantedSize::Range {
        min: provisioning.min_size.unwrap_or(min),
        max: provisioning.max_size,
    }
}

fn max_key(provisioning: &Provisioning) -> u64 {
    match provisioning.max_size {
        Some(MaxSize::Absolute(max)) if max != Bytes::ZERO => max.get(),
        _ => u64::MAX,
    }
}

fn data(name: String, size: WantedSize, content: Wanted<'_>) -> WantedPartition<'_> {
    WantedPartition {
        name,
        number: None,
        type_guid: Guid::LINUX_DATA,
        attributes: 0,
        size,
        content,
        meta: false,
    }
}

fn boot<'a>(fixed: &layout::Fixed) -> WantedPartition<'a> {
    let inside = match fixed.name {
        "EFI" => Inside::Vfat("EFI"),
        "BOOT" => Inside::Xfs("BOOT"),
        _ => Inside::Nothing,
    };
    WantedPartition {
        name: fixed.name.to_owned(),
        number: None,
        type_guid: fixed.type_guid,
        attributes: fixed.attributes,
        size: WantedSize::Exact(fixed.size),
        content: Wanted {
            encryption: None,
            inside,
        },
        meta: fixed.name == "META",
    }
}
