//! The kernel's command line: what the system was started from, as far as it says so. Pure but for one read.
//!
//! Parameters: bootparam(7), dracut.cmdline(7), live-boot(7), those of the Talos, Arch and Anaconda initramfs.

use super::{partitions, signatures};
use crate::probe::inventory::Disk;
use crate::probe::reader::Reader;

/// What the kernel's command line says about the boot.
#[derive(Debug, Default)]
pub(in crate::probe) struct CommandLine {
    /// Values of `root=` and its like, such as `/dev/sda1`, `UUID=…`, `LABEL=…`.
    pub(super) sources: Vec<String>,
    /// The running system is Talos.
    pub(super) talos: bool,
}

impl CommandLine {
    pub(in crate::probe) fn read(reader: &Reader<'_>) -> Self {
        Self::parse(&reader.text("/proc/cmdline"))
    }

    fn parse(text: &str) -> Self {
        let mut line = Self::default();
        for word in text.split_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            match key {
                "root" | "usr" | "mount.usr" | "archisodevice" | "live-media" | "img_dev"
                | "boot" => {
                    let value = value.strip_prefix("live:").unwrap_or(value);
                    line.sources.push(value.to_owned());
                }
                "archisolabel" | "cdlabel" => line.sources.push(format!("LABEL={value}")),
                "inst.stage2" | "inst.repo" => line.sources.extend(on_disk(value)),
                "talos.platform" => line.talos = true,
                _ => {}
            }
        }
        line
    }
}

/// `hd:LABEL=X:/path` names a disk, an address of the network does not.
fn on_disk(value: &str) -> Option<String> {
    let rest = value.strip_prefix("hd:")?;
    let source = rest.split(':').next().unwrap_or(rest);
    Some(source.to_owned())
}

/// Whether `source` names `disk` or a part of it.
pub(super) fn names(source: &str, disk: &Disk) -> bool {
    let (key, value) = source.split_once('=').unwrap_or(("", source));
    let value = value.trim_matches('"');
    if value.is_empty() {
        return false;
    }
    match key.to_uppercase().as_str() {
        "" => is_path(value, disk),
        "UUID" => signatures(&disk.content).any(|s| s.uuid.eq_ignore_ascii_case(value)),
        "LABEL" | "CDLABEL" => signatures(&disk.content).any(|s| s.label == value),
        "PARTUUID" => {
            let value = value.split('/').next().unwrap_or(value);
            is_partition(value, disk)
        }
        "PARTLABEL" => partitions(&disk.content).any(|partition| partition.name == value),
        _ => false,
    }
}

fn is_path(value: &str, disk: &Disk) -> bool {
    let is_part = |rest: &str| {
        let digits = rest.strip_prefix('p').unwrap_or(rest);
        digits.bytes().all(|b| b.is_ascii_digit())
    };
    value.strip_prefix(&disk.path).is_some_and(is_part)
        || disk.talos.symlinks.iter().any(|link| {
            let rest = value.strip_prefix(link.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("-part"))
        })
}

/// A GPT partition's GUID, or the MBR's disk id with the number of the partition, such as `1f2e3d4c-02`.
fn is_partition(value: &str, disk: &Disk) -> bool {
    let by_guid = partitions(&disk.content).any(|partition| {
        let guid = partition.guid.map(|guid| guid.to_string());
        guid.is_some_and(|guid| guid.eq_ignore_ascii_case(value))
    });
    let by_number = value.split_once('-').is_some_and(|(id, number)| {
        let hexadecimal = number.len() == 2 && number.bytes().all(|b| b.is_ascii_hexdigit());
        let mut tables = signatures(&disk.content).filter(|s| s.kind == "dos");
        hexadecimal && !id.is_empty() && tables.any(|s| s.uuid.eq_ignore_ascii_case(id))
    });
    by_guid || by_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_searched_for_what_the_system_was_started_from() {
        let line = CommandLine::parse(
            "BOOT_IMAGE=/vmlinuz root=live:CDLABEL=RESCUE quiet archisolabel=ARCH talos.platform=metal \
             inst.stage2=hd:LABEL=Fedora:/images inst.repo=nfs:server:/x mount.usr=PARTUUID=1f2e3d4c-02",
        );
        assert_eq!(
            line.sources,
            [
                "CDLABEL=RESCUE",
                "LABEL=ARCH",
                "LABEL=Fedora",
                "PARTUUID=1f2e3d4c-02"
            ]
        );
        assert!(line.talos);
    }
}
