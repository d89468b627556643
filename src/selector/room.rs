//! Whether a disk has room for the layout that a role would give it, by the planner's own arithmetic. Pure.

use super::selection::{Check, CheckKind};
use crate::config::spec::{Spec, VolumeKind};
use crate::config::talos_version;
use crate::partitioner::layout::{Bootloader, NoSpace, Space, TalosVersion};
use crate::partitioner::wanted::{self, Style, WantedSize};
use crate::probe::inventory::Disk;
use crate::units::{BlockSize, Bytes, Geometry};

/// Everything that the configuration puts on a new system disk.
pub(super) fn system(spec: &Spec) -> Vec<String> {
    let mut roles = vec!["install".to_owned(), "STATE".to_owned()];
    if spec.ephemeral.provisioning.selector.is_none() {
        roles.push("EPHEMERAL".to_owned());
    }
    let volumes = spec.volumes.iter();
    let here =
        volumes.filter(|v| v.kind != VolumeKind::Directory && v.provisioning.selector.is_none());
    roles.extend(here.map(|volume| volume.id.clone()));
    roles
}

/// The check that an empty `disk` has room for `roles`.
pub(super) fn check(spec: &Spec, disk: &Disk, roles: &[String]) -> Check {
    let sector = u32::try_from(disk.talos.sector_size).unwrap_or(u32::MAX);
    let logical = BlockSize::try_from(sector).unwrap_or(BlockSize::B512);
    let geometry = Geometry {
        size: Bytes::new(disk.talos.size),
        logical,
        physical: disk.physical_sector_size.max(logical.get()),
    };
    let shortage = shortage(spec, geometry, roles);
    let size = geometry.size;
    Check {
        check: "room".into(),
        wanted: "enough for the layout".into(),
        found: match &shortage {
            None => format!("{size} are enough"),
            Some((volume, lack)) => format!(
                "{size}: there is no room for {volume} ({lack}); choose a larger disk or smaller volumes"
            ),
        }
        .into(),
        pass: shortage.is_none(),
        kind: CheckKind::Guard,
    }
}

/// The first partition that does not fit, the others laid out as the planner would.
fn shortage(spec: &Spec, geometry: Geometry, roles: &[String]) -> Option<(String, NoSpace)> {
    let version = talos_version(spec).map(|(major, minor)| TalosVersion { major, minor });
    let style = Style {
        talos: version.unwrap_or(TalosVersion::NEWEST),
        // Both layouts have the same size.
        bootloader: Bootloader::Uki,
        ephemeral_filesystem: true,
    };
    let mut space = Space::fresh(geometry);
    let wanted = wanted::partitions(spec, roles, style, true);
    wanted.into_iter().find_map(|want| {
        let taken = match want.size {
            WantedSize::Exact(size) => space.take(size),
            WantedSize::Range { min, max } => space.take_up_to(min, max, geometry.logical.bytes()),
        };
        taken.err().map(|lack| {
            let unnamed = || format!("partition {}", want.number.unwrap_or_default());
            let name = if want.name.is_empty() {
                unnamed()
            } else {
                want.name
            };
            (name, lack)
        })
    })
}
