//! Volumes: where they are, how big they get, and what is in them.
//!
//! Spec: Talos 1.14.1 `controllers/block/internal/volumes` (a partition is found by its label, whatever its size and disk;
//! grown only with `grow`; formatted only if nothing is recognised on it), `volume_config.go` (a volume that is not
//! configured any more is closed, and nothing of it removed), and `RuntimeValidate` of VolumeConfig.

use std::collections::BTreeMap;

use super::disks::{role, shown, value, words};
use super::risk::{Change, Risk};
use super::{Chosen, others};
use crate::config::spec::{Filesystem, FilesystemKind, MaxSize, Provisioning, Spec, VolumeKind};
use crate::selector::selection::Outcome;
use crate::units::Bytes;

/// A volume of either form.
struct Volume<'s> {
    /// `None` for STATE and EPHEMERAL.
    kind: Option<VolumeKind>,
    provisioning: &'s Provisioning,
    filesystem: Option<Filesystem>,
    group: Option<Bytes>,
}

impl Volume<'_> {
    const fn is(&self, kind: VolumeKind) -> bool {
        matches!(
            (self.kind, kind),
            (Some(VolumeKind::Directory), VolumeKind::Directory)
                | (Some(VolumeKind::UserDisk), VolumeKind::UserDisk)
                | (Some(VolumeKind::Swap), VolumeKind::Swap)
                | (Some(VolumeKind::System), VolumeKind::System)
        )
    }

    const fn word(&self) -> &'static str {
        match self.kind {
            None | Some(VolumeKind::System) => "system volume",
            Some(VolumeKind::Directory) => "directory",
            Some(VolumeKind::User) => "user volume",
            Some(VolumeKind::UserDisk) => "user volume on a whole disk",
            Some(VolumeKind::Raw) => "raw volume",
            Some(VolumeKind::Swap) => "swap volume",
        }
    }
}

fn all(spec: &Spec) -> BTreeMap<&str, Volume<'_>> {
    let system = [("STATE", &spec.state), ("EPHEMERAL", &spec.ephemeral)];
    let system = system.into_iter().map(|(id, volume)| {
        let volume = Volume {
            kind: None,
            provisioning: &volume.provisioning,
            filesystem: None,
            group: volume.min_allocation_group,
        };
        (id, volume)
    });
    let others = spec.volumes.iter().map(|volume| {
        let filesystem = volume.filesystem;
        let found = Volume {
            kind: Some(volume.kind),
            provisioning: &volume.provisioning,
            filesystem,
            group: filesystem.and_then(|it| it.min_allocation_group),
        };
        (volume.id.as_str(), found)
    });
    system.chain(others).collect()
}

/// The changes from `before` to `after`.
pub(super) fn changes(
    chosen: Option<&Chosen<'_>>,
    before: &Spec,
    after: &Spec,
    found: &mut Vec<Change>,
) {
    let (before_all, after_all) = (all(before), all(after));
    for (id, old) in &before_all {
        match after_all.get(id) {
            Some(new) => changed(chosen, id, old, new, found),
            None => found.push(removed(id, old)),
        }
    }
    for (id, new) in &after_all {
        if !before_all.contains_key(id) {
            found.push(added(chosen, id, new, true));
        }
    }
    others::existing(&before.existing, &after.existing, found);
}

/// The volumes of a node that is new.
pub(super) fn of_new(chosen: Option<&Chosen<'_>>, spec: &Spec, found: &mut Vec<Change>) {
    for (id, volume) in all(spec) {
        if volume.kind.is_some() {
            found.push(added(chosen, id, &volume, false));
        }
    }
}

fn removed(id: &str, old: &Volume<'_>) -> Change {
    let is_system = old.is(VolumeKind::System);
    let (risk, effect) = if is_system {
        (
            Risk::Refused,
            "Talos does not move a system volume off its partition, and refuses the configuration while the node runs.",
        )
    } else if old.is(VolumeKind::Swap) {
        (
            Risk::Online,
            "It is no longer swapped to; the partition stays on the disk.",
        )
    } else if old.is(VolumeKind::Directory) {
        (
            Risk::Strands,
            "It is no longer offered below /var/mnt; what is in the directory stays on EPHEMERAL.",
        )
    } else {
        (
            Risk::Strands,
            "It is closed as soon as nothing uses it. Partition and data stay on the disk, and it is found again by its label.",
        )
    };
    Change::new(risk, id, Some(old.word().to_owned()), None, effect)
}

fn added(chosen: Option<&Chosen<'_>>, id: &str, new: &Volume<'_>, is_running: bool) -> Change {
    let word = Some(new.word().to_owned());
    if new.is(VolumeKind::Directory) {
        let effect = "A directory of EPHEMERAL; no disk is touched.";
        return Change::new(Risk::Online, id, None, word, effect);
    }
    if new.is(VolumeKind::System) && is_running {
        let effect = "A node that runs has it as a directory of EPHEMERAL, and Talos refuses to move it; the node must be made anew.";
        return Change::new(Risk::Refused, id, None, word, effect);
    }
    let (risk, effect) = match (place(chosen, id), role(chosen, |it| it.after.as_ref(), id)) {
        (Some(disk), _) => (
            Risk::Online,
            format!("A partition of this name is on {disk}: it is taken with what is in it."),
        ),
        (None, None) => {
            let what = match new.is(VolumeKind::UserDisk) {
                true => "The disk that matches is formatted, if nothing is recognised on it.",
                false => {
                    "A partition is made in free space of the first disk that matches; no other one is touched."
                }
            };
            (Risk::Online, what.to_owned())
        }
        (None, Some(role)) if role.outcome == Outcome::Selected => (
            Risk::Online,
            format!(
                "On the recorded machine it is made on {}.",
                shown(chosen, role)
            ),
        ),
        (None, Some(role)) => (
            Risk::Refused,
            format!("On the recorded machine: {}.", role.reason),
        ),
    };
    Change::new(risk, id, None, word, effect)
}

/// The disk of the recorded machine that has a partition of this name.
fn place(chosen: Option<&Chosen<'_>>, id: &str) -> Option<String> {
    let holds = |disk: &&crate::probe::inventory::Disk| {
        let layout = disk.content.layout();
        layout.is_some_and(|layout| layout.partitions.iter().any(|it| it.name == id))
    };
    chosen?.inventory.disks.iter().find(holds).map(words)
}

fn changed(
    chosen: Option<&Chosen<'_>>,
    id: &str,
    old: &Volume<'_>,
    new: &Volume<'_>,
    found: &mut Vec<Change>,
) {
    if old.kind != new.kind {
        let of_system = [old, new].iter().any(|it| it.is(VolumeKind::System));
        let (risk, effect) = match of_system {
            true => (
                Risk::Refused,
                "Talos does not move a system volume to or from a partition of its own, and refuses the configuration while the node runs.",
            ),
            false => (
                Risk::Strands,
                "What was written stays where it is, and a new, empty volume takes its place.",
            ),
        };
        found.push(value(risk, id, &old.word(), &new.word(), effect));
        return;
    }
    selector(chosen, id, old, new, found);
    sizes(id, old.provisioning, new.provisioning, found);
    if let (Some(a), Some(b)) = (old.filesystem, new.filesystem)
        && a.kind != b.kind
    {
        let effect = "Talos does not format a volume that has a filesystem: from the next boot on it is not mounted (filesystem type mismatch) until it is wiped.";
        let subject = format!("{id} filesystem");
        found.push(value(
            Risk::LocksOut,
            &subject,
            &name(a.kind),
            &name(b.kind),
            effect,
        ));
    }
    if old.group != new.group {
        let subject = format!("{id} minAllocationGroupSize");
        let size = |it: Option<Bytes>| it.map(|it| it.to_string());
        let effect = "It counts when the filesystem is made.";
        found.push(Change::new(
            Risk::Remake,
            subject,
            size(old.group),
            size(new.group),
            effect,
        ));
    }
}

const fn name(kind: FilesystemKind) -> &'static str {
    match kind {
        FilesystemKind::Xfs => "xfs",
        FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Btrfs => "btrfs",
    }
}

fn selector(
    chosen: Option<&Chosen<'_>>,
    id: &str,
    old: &Volume<'_>,
    new: &Volume<'_>,
    found: &mut Vec<Change>,
) {
    let text = |it: &Volume<'_>| {
        let selector = it.provisioning.selector.as_ref();
        selector.map(|it| it.text().to_owned())
    };
    if text(old) != text(new) {
        let (risk, effect) = stays(chosen, id, new);
        let subject = format!("{id} selector");
        found.push(Change::new(risk, subject, text(old), text(new), effect));
    }
}

/// Where a volume is whose selector is another one.
fn stays(chosen: Option<&Chosen<'_>>, id: &str, new: &Volume<'_>) -> (Risk, String) {
    let (before, after) = (
        role(chosen, |it| it.before.as_ref(), id),
        role(chosen, |it| it.after.as_ref(), id),
    );
    let same = match (before, after) {
        (Some(a), Some(b)) => a.disk_id.is_some() && a.disk_id == b.disk_id,
        _ => false,
    };
    let there = place(chosen, id);
    match after {
        Some(role) if same => (
            Risk::None,
            format!(
                "On the recorded machine that is the same disk: {}.",
                shown(chosen, role)
            ),
        ),
        _ if new.is(VolumeKind::UserDisk) => {
            let effect = "Talos takes the disk that matches now, and formats it if nothing is recognised on it; the data stays on the other one.";
            (Risk::Strands, effect.to_owned())
        }
        _ if there.is_some() => {
            let disk = there.unwrap_or_default();
            (
                Risk::Remake,
                format!(
                    "Talos finds it by its label: it stays on {disk}. The selector counts when it is made anew."
                ),
            )
        }
        Some(role) if role.outcome == Outcome::Selected => (
            Risk::Remake,
            format!(
                "Made anew, it comes to {}; one that is there is found by its label, and stays.",
                shown(chosen, role)
            ),
        ),
        Some(role) => (
            Risk::Refused,
            format!(
                "Made anew, it finds no disk on the recorded machine: {}.",
                role.reason
            ),
        ),
        None => (
            Risk::Remake,
            String::from(
                "Talos finds a volume that is there by its label: it stays. The selector counts when it is made anew.",
            ),
        ),
    }
}

fn sizes(id: &str, old: &Provisioning, new: &Provisioning, found: &mut Vec<Change>) {
    let size = |it: Option<Bytes>| it.map(|it| it.to_string());
    let grow = new.grow.unwrap_or(id == "EPHEMERAL");
    if old.min_size != new.min_size {
        let subject = format!("{id} minSize");
        let effect =
            "It counts when the partition is made; one that is there is taken with any size.";
        found.push(Change::new(
            Risk::Remake,
            subject,
            size(old.min_size),
            size(new.min_size),
            effect,
        ));
    }
    if old.max_size != new.max_size {
        let (risk, effect) = match grow {
            true => (
                Risk::Reboot,
                "A partition that is there is never shrunk. It grows to this size at the next boot, as far as free space follows it.",
            ),
            false => (
                Risk::Remake,
                "A partition that is there keeps its size: it is never shrunk, and grows only with `grow: true`.",
            ),
        };
        let max = |it: Option<MaxSize>| it.map(max);
        found.push(Change::new(
            risk,
            format!("{id} maxSize"),
            max(old.max_size),
            max(new.max_size),
            effect,
        ));
    }
    if old.grow != new.grow {
        let (risk, effect) = match grow {
            true => (
                Risk::Reboot,
                "At the next boot partition and filesystem grow into free space behind it, up to maxSize.",
            ),
            false => (Risk::Reboot, "It keeps the size that it has."),
        };
        let flag = |it: Option<bool>| it.map(|it| it.to_string());
        found.push(Change::new(
            risk,
            format!("{id} grow"),
            flag(old.grow),
            flag(new.grow),
            effect,
        ));
    }
}

fn max(size: MaxSize) -> String {
    match size {
        MaxSize::Absolute(size) => size.to_string(),
        MaxSize::Percent(share) => format!("{share}% of the free space"),
        MaxSize::LeaveFree(size) => format!("all but {size}"),
        MaxSize::LeaveFreePercent(share) => format!("all but {share}% of the free space"),
    }
}
