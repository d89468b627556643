//! Which disk the running system came from, as far as it shows: collects the signs and grades them, and gives no verdict;
//! [`super::evidence`] says which of them count.
//!
//! Network boots have no boot medium, and a system that copied itself into memory may leave no trace but the medium
//! itself, so a disc image on a medium that can be taken out counts.

mod efi;
mod line;

use super::evidence::{BootEvidence, BootSource, Grade};
use super::inventory::{Content, Disk, Machine, Partition, Signature};
use super::reader::Reader;
use super::usage::OwnMount;
use line::CommandLine;

/// Mount points of what a running system consists of.
const ROOTS: [&str; 4] = ["/", "/usr", "/run/initramfs/live", "/run/archiso/bootmnt"];

/// Mount points of what a system is started with, and of a running Talos' own state.
const STARTERS: [&str; 5] = ["/boot", "/efi", "/cdrom", "/isodevice", "/system/state"];

/// Evidence that a running Talos has its META partition on a disk. An installer's run leaves it, too.
pub const META_OF_RUNNING_TALOS: &str = "Talos runs, and its META partition lies here";

/// What is the same for all disks: the command line, the firmware's variables, where the root lies.
#[derive(Debug)]
pub(super) struct Boot {
    line: CommandLine,
    started: Vec<efi::Started>,
    /// The root filesystem came with the kernel, or from the network.
    in_memory: bool,
}

impl Boot {
    /// Reads it once; `in_memory` is whether no disk carries the root filesystem.
    pub(super) fn read(reader: &Reader<'_>, machine: &Machine, in_memory: bool) -> Self {
        Self {
            line: CommandLine::read(reader),
            started: efi::read(reader, machine),
            in_memory,
        }
    }

    /// What speaks for `disk` being the boot medium; `mounts` are those of the disk's stack.
    pub(super) fn evidence(&self, disk: &Disk, mounts: &[OwnMount]) -> Vec<BootEvidence> {
        let mut signs: Vec<BootEvidence> = mounts.iter().filter_map(mounted).collect();
        let strong = |source, text| BootEvidence::new(Grade::Strong, source, text);
        for source in &self.line.sources {
            if line::names(source, disk) {
                let text = format!("the kernel was started with {source}");
                signs.push(strong(BootSource::CommandLine, text));
            }
        }
        let started = self.started.iter().filter_map(|started| started.from(disk));
        signs.extend(started.map(|text| strong(BootSource::Firmware, text)));
        if self.line.talos && partitions(&disk.content).any(|partition| partition.name == "META") {
            let text = META_OF_RUNNING_TALOS.to_owned();
            signs.push(strong(BootSource::Meta, text));
        }
        signs.extend(self.disc_image(disk));
        let mut known: Vec<String> = Vec::new();
        signs.retain(|sign| {
            let new = !known.contains(&sign.text);
            known.push(sign.text.clone());
            new
        });
        signs
    }

    /// An ISO 9660 image, plain or hybrid, on what can be plugged in and out. A disk in the case is not judged by it.
    fn disc_image(&self, disk: &Disk) -> Option<BootEvidence> {
        let pluggable = disk.removable
            || disk.talos.cdrom
            || disk.usb.is_some()
            || matches!(&*disk.talos.transport, "usb" | "mmc");
        let image = signatures(&disk.content).find(|s| pluggable && s.kind == "iso9660")?;
        let hybrid = disk.content.layout().is_some_and(|l| l.table.is_some());
        let kind = if hybrid { "a hybrid" } else { "an" };
        let medium = if disk.removable || disk.talos.cdrom {
            "removable"
        } else {
            "pluggable"
        };
        let mut text = format!(
            "a {medium} medium that holds {kind} ISO 9660 image {:?}",
            image.label
        );
        let fits = self.in_memory && self.line.talos && image.label.starts_with("TALOS");
        let grade = if fits {
            text.push_str(", as the Talos that runs from memory would have come from");
            Grade::Strong
        } else {
            Grade::Weak
        };
        Some(BootEvidence::new(grade, BootSource::DiscImage, text))
    }
}

/// A mount as a sign: certain only where the first process sees it, for a chroot has a `/` of its own.
fn mounted(mount: &OwnMount) -> Option<BootEvidence> {
    let point = mount.point.as_str();
    let root = ROOTS.contains(&point) || point.starts_with("/run/live");
    let starter = STARTERS.contains(&point) || point.starts_with("/boot/");
    let grade = match (root, starter) {
        (true, _) if mount.first => Grade::Certain,
        (true, _) | (_, true) => Grade::Strong,
        _ => return None,
    };
    let (device, source) = match &mount.through {
        Some(through) => (through, BootSource::Loop),
        None => (&mount.device, BootSource::Mount),
    };
    let text = match &mount.layer {
        None => format!("{point} is mounted from {device}"),
        Some(layer) => format!("{point} is an overlay on {layer}, which is mounted from {device}"),
    };
    Some(BootEvidence::new(grade, source, text))
}

fn partitions(content: &Content) -> impl Iterator<Item = &Partition> {
    content.layout().into_iter().flat_map(|l| &l.partitions)
}

fn signatures(content: &Content) -> impl Iterator<Item = &Signature> {
    let outside = content.layout().into_iter().flat_map(|l| &l.signatures);
    outside.chain(partitions(content).flat_map(|p| &p.signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mount_points_of_a_system_count_and_only_those_of_the_first_process_are_certain() {
        for (point, first, grade) in [
            ("/", true, Some(Grade::Certain)),
            ("/", false, Some(Grade::Strong)),
            ("/usr", true, Some(Grade::Certain)),
            ("/boot/efi", true, Some(Grade::Strong)),
            ("/run/live/medium", true, Some(Grade::Certain)),
            ("/system/state", true, Some(Grade::Strong)),
            ("/media/stick", true, None),
            ("/var/lib/longhorn", true, None),
        ] {
            let mount = OwnMount {
                point: point.to_owned(),
                device: "/dev/sda1".to_owned(),
                first,
                ..OwnMount::default()
            };
            assert_eq!(mounted(&mount).map(|sign| sign.grade), grade, "{point}");
        }
    }
}
