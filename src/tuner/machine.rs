//! The attributes of a machine, running or recorded, as the tuner reads and writes them.
//!
//! A recorded machine can be read only. Paths are absolute; texts are without the newline at their end.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::root::Root;

/// A machine whose attributes can be read.
pub trait Machine {
    /// Name and directory below `/sys/devices` of every disk, sorted by name.
    fn disks(&self) -> Vec<(String, String)>;

    /// The text of an attribute; `None` if it is not there, or if the kernel has nothing to tell.
    ///
    /// # Errors
    /// It is there and could not be read.
    fn text(&self, path: &str) -> io::Result<Option<String>>;

    /// The names in a directory, sorted; none if it is not there.
    fn names(&self, dir: &str) -> Vec<String>;

    /// The name of the driver that is bound to the device at `dir`.
    fn driver(&self, dir: &str) -> Option<String>;
}

/// A machine whose attributes can be written.
pub trait Kernel: Machine {
    /// Writes an attribute with a single write.
    ///
    /// # Errors
    /// The kernel's.
    fn write(&self, path: &str, text: &str) -> io::Result<()>;
}

impl Machine for Root {
    fn disks(&self) -> Vec<(String, String)> {
        let names = self.read_dir("/sys/block").ok().flatten();
        let disks = names.unwrap_or_default().into_iter().filter_map(|name| {
            let dir = self
                .device_dir(format!("/sys/block/{name}"))
                .ok()
                .flatten()?;
            Some((name, dir.to_str()?.to_owned()))
        });
        disks.collect()
    }

    fn text(&self, path: &str) -> io::Result<Option<String>> {
        let text = self.read_to_string(path)?;
        Ok(text.map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned()))
    }

    fn names(&self, dir: &str) -> Vec<String> {
        self.read_dir(dir).ok().flatten().unwrap_or_default()
    }

    fn driver(&self, dir: &str) -> Option<String> {
        let link = self.read_link(Path::new(dir).join("driver")).ok()??;
        Some(link.file_name()?.to_str()?.to_owned())
    }
}

impl Kernel for Root {
    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        Self::write(self, path, text.as_bytes())
    }
}

/// The attributes of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a>(pub &'a BTreeMap<String, String>);

impl Machine for Recorded<'_> {
    fn disks(&self) -> Vec<(String, String)> {
        let mut disks: Vec<_> = self
            .0
            .keys()
            .filter_map(|path| {
                let dir = path.strip_suffix("/dev")?;
                let (above, name) = dir.rsplit_once('/')?;
                above
                    .ends_with("/block")
                    .then(|| (name.to_owned(), dir.to_owned()))
            })
            .collect();
        // NVMe namespaces lie below their controller, without a directory called block between them.
        disks.extend(self.0.keys().filter_map(|path| {
            let dir = path.strip_suffix("/queue/rotational")?;
            let (above, name) = dir.rsplit_once('/')?;
            (!above.ends_with("/block")).then(|| (name.to_owned(), dir.to_owned()))
        }));
        disks.sort();
        disks
    }

    fn text(&self, path: &str) -> io::Result<Option<String>> {
        Ok(self.0.get(path).cloned())
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let below = format!("{dir}/");
        let mut names: Vec<String> = Vec::new();
        for (path, _) in self.0.range(below.clone()..) {
            let Some(rest) = path.strip_prefix(&below) else {
                break;
            };
            let name = rest.split('/').next().unwrap_or(rest);
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        names.dedup();
        names
    }

    fn driver(&self, dir: &str) -> Option<String> {
        self.0.get(&format!("{dir}/driver")).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_machine_has_the_disks_whose_attributes_were_recorded() {
        let usb = "/sys/devices/pci0/usb2/2-1/2-1:1.0/host2/target2:0:0/2:0:0:0";
        let nvme = "/sys/devices/pci0/nvme/nvme0/nvme0n1";
        let attributes: BTreeMap<String, String> = [
            (format!("{usb}/block/sdb/dev"), "8:16"),
            (format!("{usb}/block/sdb/sdb1/dev"), "8:17"),
            (format!("{usb}/block/sdb/queue/rotational"), "0"),
            (format!("{usb}/scsi_disk/2:0:0:0/provisioning_mode"), "full"),
            (format!("{nvme}/dev"), "259:0"),
            (format!("{nvme}/queue/rotational"), "0"),
        ]
        .into_iter()
        .map(|(path, text)| (path, text.to_owned()))
        .collect();
        let machine = Recorded(&attributes);
        let names: Vec<_> = machine.disks().into_iter().map(|disk| disk.0).collect();
        assert_eq!(names, ["nvme0n1", "sdb"]);
        assert_eq!(machine.names(&format!("{usb}/scsi_disk")), ["2:0:0:0"]);
    }
}
