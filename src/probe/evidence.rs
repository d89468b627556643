//! What speaks for a disk being the one that the running system came from, graded, and the one rule by which it counts.
//!
//! | grade | means | counts |
//! |---|---|---|
//! | certain | the first process runs from it: `/`, `/usr` or a live medium is mounted from it | always |
//! | strong | the kernel's command line, the firmware or a boot partition names it; a later kexec may have changed that | always |
//! | weak | it looks like what one starts from | unless a certain sign lies on a real disk |
//!
//! A disk with a sign that counts is never chosen. Pure; the probe collects the signs.

use serde::{Deserialize, Serialize};

use super::inventory::Disk;

/// One sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BootEvidence {
    /// How much it proves.
    pub grade: Grade,
    /// Where it was seen.
    pub source: BootSource,
    /// What was seen, in a sentence for people.
    pub text: String,
    /// The certain sign beside which this weak one does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outweighed: Option<String>,
}

/// How much a sign proves, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The disk looks like a boot medium; nothing says that this boot used it.
    Weak,
    /// Something that belongs to this boot names the disk.
    Strong,
    /// The first process has its files from the disk.
    Certain,
}

impl Grade {
    /// `weak`, `strong`, `certain`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
            Self::Certain => "certain",
        }
    }
}

/// Where a sign was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BootSource {
    /// A mount of the running system (proc_pid_mountinfo(5)), through whatever is stacked on the disk.
    Mount,
    /// The same through a loop device, whose file lies on the disk.
    Loop,
    /// The kernel's command line (bootparam(7)).
    CommandLine,
    /// A variable of the firmware: BootCurrent and Boot####, or LoaderDevicePartUUID.
    Firmware,
    /// The META partition of a Talos that runs.
    Meta,
    /// An image of a disc.
    DiscImage,
}

impl BootEvidence {
    /// A sign that nothing outweighs yet.
    pub const fn new(grade: Grade, source: BootSource, text: String) -> Self {
        Self {
            grade,
            source,
            text,
            outweighed: None,
        }
    }

    /// Whether the disk must not be chosen for it. Only a weak sign can be outweighed, whatever a file says.
    pub const fn counts(&self) -> bool {
        !matches!(self.grade, Grade::Weak) || self.outweighed.is_none()
    }
}

/// Decides which weak signs count, and puts the texts of all that do into [`Disk::boot_medium`].
///
/// A loop device that a root filesystem lies on proves nothing by itself (its file may have come with the kernel), so
/// only a certain sign on a disk with hardware below it outweighs.
pub fn weigh(disks: &mut [Disk]) {
    let certain = disks
        .iter()
        .filter(|disk| !disk.talos.bus_path.starts_with("/virtual"))
        .flat_map(|disk| disk.boot_evidence.iter().map(move |sign| (disk, sign)))
        .filter(|(_, sign)| sign.grade == Grade::Certain)
        .map(|(disk, sign)| format!("{} ({})", sign.text, disk.path))
        .min();
    for disk in disks {
        for sign in &mut disk.boot_evidence {
            let weak = sign.grade == Grade::Weak;
            sign.outweighed = certain.clone().filter(|_| weak);
        }
        let counting = disk.boot_evidence.iter().filter(|sign| sign.counts());
        disk.boot_medium = counting.map(|sign| sign.text.clone()).collect();
    }
}

/// What forbids to choose `disk` as a boot medium, with the grade where it is known; empty if nothing does.
///
/// Recorded machines of older versions have sentences only; each of them counts.
pub fn against(disk: &Disk) -> Vec<String> {
    let graded = disk.boot_evidence.iter().filter(|sign| sign.counts());
    let mut found: Vec<String> = graded
        .map(|sign| format!("{} ({})", sign.text, sign.grade.word()))
        .collect();
    let is_graded = |text: &&String| disk.boot_evidence.iter().any(|sign| sign.text == **text);
    let plain = disk.boot_medium.iter().filter(|text| !is_graded(text));
    found.extend(plain.cloned());
    found
}

/// Takes back every sign of this text: the caller knows better.
pub fn forget(disk: &mut Disk, text: &str) {
    disk.boot_medium.retain(|found| found != text);
    disk.boot_evidence.retain(|sign| sign.text != text);
}
