//! Which disk the running system came from, as far as it shows. Evidence in words, no verdict.
//!
//! Network boots have no boot medium, and a system that copied itself into memory may leave no trace but the medium
//! itself, so a removable disc image counts. EFI variables are not read: on Macs with a T2 that can fault.

use super::inventory::{Content, Disk, Partition, Signature};
use super::reader::Reader;

/// Mount points of a running system and of live systems.
const POINTS: [&str; 8] = [
    "/",
    "/boot",
    "/efi",
    "/usr",
    "/cdrom",
    "/system/state",
    "/run/initramfs/live",
    "/run/archiso/bootmnt",
];

/// Evidence that a running Talos has its META partition on a disk. An installer's run leaves it, too.
pub const META_OF_RUNNING_TALOS: &str = "Talos runs, and its META partition lies here";

/// What the kernel's command line says about the boot.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    /// Values of `root=` and its like, such as `/dev/sda1`, `UUID=…`, `LABEL=…`.
    sources: Vec<String>,
    /// The running system is Talos.
    pub(super) talos: bool,
}

impl CommandLine {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self::parse(&reader.text("/proc/cmdline"))
    }

    fn parse(text: &str) -> Self {
        let mut line = Self::default();
        for word in text.split_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            match key {
                "root" | "archisodevice" | "live-media" | "boot" => {
                    let value = value.strip_prefix("live:").unwrap_or(value);
                    line.sources.push(value.to_owned());
                }
                "archisolabel" | "cdlabel" => line.sources.push(format!("LABEL={value}")),
                "talos.platform" => line.talos = true,
                _ => {}
            }
        }
        line
    }
}

/// What speaks for `disk` being the boot medium; `mounts` are mount points and devices of the disk's stack.
pub(super) fn evidence(
    disk: &Disk,
    mounts: &[(String, String)],
    line: &CommandLine,
) -> Vec<String> {
    let mut evidence: Vec<String> = mounts
        .iter()
        .filter(|(point, _)| is_boot_point(point))
        .map(|(point, device)| format!("{point} is mounted from {device}"))
        .collect();
    for source in &line.sources {
        if names(source, disk) {
            evidence.push(format!("the kernel was started with {source}"));
        }
    }
    if line.talos && partitions(&disk.content).any(|partition| partition.name == "META") {
        evidence.push(META_OF_RUNNING_TALOS.to_owned());
    }
    if disk.removable || disk.talos.cdrom {
        let image = signatures(&disk.content).find(|s| s.kind == "iso9660");
        evidence.extend(image.map(|image| {
            format!(
                "a removable medium that holds an ISO 9660 image {:?}",
                image.label
            )
        }));
    }
    evidence
}

fn is_boot_point(point: &str) -> bool {
    POINTS.contains(&point) || point.starts_with("/boot/") || point.starts_with("/run/live")
}

fn names(source: &str, disk: &Disk) -> bool {
    let (key, value) = source.split_once('=').unwrap_or(("", source));
    let value = value.trim_matches('"');
    match key.to_uppercase().as_str() {
        "" => {
            let rest = value.strip_prefix(&disk.path);
            let is_part = |rest: &str| {
                let digits = rest.strip_prefix('p').unwrap_or(rest);
                digits.bytes().all(|b| b.is_ascii_digit())
            };
            rest.is_some_and(is_part)
                || disk.talos.symlinks.iter().any(|link| {
                    let rest = value.strip_prefix(link.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("-part"))
                })
        }
        "UUID" => signatures(&disk.content).any(|s| s.uuid.eq_ignore_ascii_case(value)),
        "LABEL" | "CDLABEL" => signatures(&disk.content).any(|s| s.label == value),
        "PARTUUID" => partitions(&disk.content).any(|partition| {
            let guid = partition.guid.map(|guid| guid.to_string());
            guid.is_some_and(|guid| guid.eq_ignore_ascii_case(value))
        }),
        "PARTLABEL" => partitions(&disk.content).any(|partition| partition.name == value),
        _ => false,
    }
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
    fn the_command_line_is_searched_for_what_the_system_was_started_from() {
        let line = CommandLine::parse(
            "BOOT_IMAGE=/vmlinuz root=live:CDLABEL=RESCUE quiet archisolabel=ARCH talos.platform=metal",
        );
        assert_eq!(line.sources, ["CDLABEL=RESCUE", "LABEL=ARCH"]);
        assert!(line.talos);
    }

    #[test]
    fn only_mount_points_of_a_system_count() {
        for (point, counts) in [
            ("/", true),
            ("/boot/efi", true),
            ("/run/live/medium", true),
            ("/media/stick", false),
            ("/var/lib/longhorn", false),
        ] {
            assert_eq!(is_boot_point(point), counts, "{point}");
        }
    }
}
