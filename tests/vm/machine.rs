//! A machine as data: what its file below `machines/` says, checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::tools::{Fallible, failed};

/// Hardware that QEMU can stand in for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// SMBIOS type 1, as `/sys/class/dmi/id` shows it.
    pub vendor: String,
    pub product: String,
    pub uuid: String,
    pub cpus: u32,
    /// MiB.
    pub memory: u32,
    /// A TPM 2.0, emulated by swtpm.
    #[serde(default)]
    pub tpm: bool,
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// More kernel modules with their parameters, such as `scsi_debug dev_size_mb=64`.
    #[serde(default)]
    pub modules: Vec<String>,
}

/// One disk. A guest finds it by its size, so no two of a machine have the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub name: String,
    pub attach: Attach,
    /// Size. A CD-ROM has that of its medium.
    #[serde(default)]
    pub bytes: u64,
    /// Logical block size.
    #[serde(default = "block")]
    pub block: u32,
    /// Physical block size, if it is another.
    pub physical: Option<u32>,
    /// Optimal transfer size in bytes that it reports.
    #[serde(default)]
    pub optimal: u32,
    /// SCSI INQUIRY; AHCI and NVMe have none.
    #[serde(default)]
    pub vendor: String,
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    pub firmware: String,
    #[serde(default)]
    pub serial: String,
    #[serde(default)]
    pub removable: bool,
    /// No more writes a second than this, so that a scenario can meet it in any of them.
    pub writes_per_second: Option<u32>,
    /// Label of a small ISO 9660 image that the rig puts on it.
    pub iso: Option<String>,
}

fn block() -> u32 {
    512
}

/// How a disk is attached.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Attach {
    Ahci,
    AhciCdrom,
    Nvme,
    Uas,
    Bot,
}

impl Machine {
    /// The machine that `machines/NAME.yaml` describes.
    pub fn load(name: &str) -> Fallible<Self> {
        let path = folder().join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).map_err(failed(path.display()))?;
        Self::parse(&text).map_err(failed(path.display()))
    }

    fn parse(text: &str) -> Fallible<Self> {
        let machine: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let mut names = BTreeSet::new();
        let mut sizes = BTreeSet::new();
        for disk in &machine.disks {
            let Disk { name, bytes, .. } = disk;
            if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric()) {
                return Err(format!("{name:?} is no name of letters and digits"));
            }
            if !names.insert(name) {
                return Err(format!("two disks are called {name}"));
            }
            if disk.attach == Attach::AhciCdrom {
                disk.iso.as_ref().ok_or("a CD-ROM needs `iso`")?;
                continue;
            }
            if *bytes == 0 || bytes % u64::from(disk.block) != 0 {
                return Err(format!(
                    "{bytes} bytes are no whole number of blocks of {name}"
                ));
            }
            if !sizes.insert(bytes) {
                return Err(format!(
                    "{name} has the size of another disk, and a guest could not tell them apart"
                ));
            }
        }
        Ok(machine)
    }

    /// Kernel modules for what it has, each with its parameters.
    pub fn modules(&self) -> Vec<String> {
        let mut modules = Vec::new();
        let mut add = |names: &[&str]| modules.extend(names.iter().map(|name| (*name).to_owned()));
        for disk in &self.disks {
            match disk.attach {
                Attach::Ahci => add(&["sd_mod", "ahci"]),
                Attach::AhciCdrom => add(&["sr_mod", "ahci", "isofs"]),
                Attach::Nvme => add(&["nvme"]),
                Attach::Uas => add(&["sd_mod", "uas", "xhci_pci"]),
                // Its wait before it looks at a stick is for real ones.
                Attach::Bot => add(&["sd_mod", "usb_storage delay_use=0", "xhci_pci"]),
            }
        }
        modules.extend(self.modules.iter().cloned());
        modules
    }
}

/// Where the machines are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/machines")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_of_the_repository_is_read() {
        let mut count = 0;
        for entry in fs::read_dir(folder()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let machine = Machine::load(name).unwrap();
            assert!(machine.cpus > 0 && machine.memory >= 512, "{name}");
            count += 1;
        }
        assert!(count > 0);
    }

    #[test]
    fn a_machine_that_a_guest_would_misread_is_refused() {
        let machine = |disks: &str| {
            let head = "{vendor: a, product: b, uuid: c, cpus: 1, memory: 512, disks:";
            Machine::parse(&format!("{head} {disks}}}"))
        };
        machine("[{name: a, attach: nvme, bytes: 4096}]").unwrap();
        for (disks, word) in [
            (
                "[{name: a, attach: nvme, bytes: 512}, {name: b, attach: uas, bytes: 512}]",
                "size",
            ),
            (
                "[{name: a, attach: nvme, bytes: 512}, {name: a, attach: uas, bytes: 1024}]",
                "two",
            ),
            (
                "[{name: a, attach: nvme, bytes: 512, block: 4096}]",
                "whole number",
            ),
            ("[{name: a b, attach: nvme, bytes: 512}]", "letters"),
            ("[{name: a, attach: ahci-cdrom}]", "iso"),
            ("[{name: a, attach: floppy, bytes: 512}]", "floppy"),
        ] {
            let error = machine(disks).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
