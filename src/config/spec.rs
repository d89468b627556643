//! The validated configuration. Nothing later can reject it.
//!
//! A [`Spec`] holds passphrases, so it has no `Serialize`; `Debug` is safe because that of [`Secret`](crate::secret::Secret) is.

mod encryption;

use std::collections::BTreeMap;
use std::fmt;

use crate::selector::cel::Expression;
use crate::units::Bytes;

pub use encryption::{Cipher, Encryption, EncryptionForm, Key, KeySource};

/// Where something stands in a configuration file. Lines and columns count from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file as it was named, `-` for standard input.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            return f.write_str("default");
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Everything keelblock takes from a node's rendered machine configuration.
#[derive(Debug, Default)]
pub struct Spec {
    /// `machine.network.hostname` or `HostnameConfig`; only for display.
    pub hostname: Option<String>,
    /// `controlplane`, `worker`, …; only for display.
    pub machine_type: Option<String>,
    /// Where Talos goes; `None` if the config has no install section.
    pub install: Option<Install>,
    /// Encryption, provisioning and filesystem of STATE.
    pub state: SystemVolume,
    /// Encryption, provisioning and filesystem of EPHEMERAL.
    pub ephemeral: SystemVolume,
    /// All other volumes that become partitions or whole disks, in the order of the documents.
    pub volumes: Vec<Volume>,
    /// `ExistingVolumeConfig`: adopted, never made.
    pub existing: Vec<ExistingVolume>,
    /// `machine.disks`.
    pub legacy_disks: Vec<LegacyDisk>,
    /// Kernel parameters and udev rules.
    pub tuning: Tuning,
    /// Whole documents and sections that were passed over, such as `v1alpha1/KubeletConfig`.
    pub ignored: Vec<String>,
    /// What is accepted but deserves a word, each with its place.
    pub warnings: Vec<(Location, String)>,
}

impl Spec {
    /// How the volume with this id is sealed; `None` for plain or unknown volumes.
    pub fn encryption_of(&self, volume: &str) -> Option<&Encryption> {
        match volume {
            "STATE" => self.state.encryption.as_ref(),
            "EPHEMERAL" => self.ephemeral.encryption.as_ref(),
            other => self
                .volumes
                .iter()
                .find(|v| v.id == other)?
                .encryption
                .as_ref(),
        }
    }
}

/// The install target and its conditions.
#[derive(Debug)]
pub struct Install {
    /// Where this stands.
    pub at: Location,
    /// How the disk is named.
    pub target: InstallTarget,
    /// Whether the config allows to wipe (`machine.install.wipe`: false when absent;
    /// `UnattendedInstallConfig.provisioning.wipe`: true when absent, as Talos reads them).
    pub wipe: bool,
    /// Whether `wipe` was written in the config, and not a default.
    pub wipe_explicit: bool,
    /// Installer image, if named; its tag tells the Talos version.
    pub image: Option<String>,
    /// `machine.install.legacyBIOSSupport`.
    pub legacy_bios: bool,
}

/// How the install disk is named.
#[derive(Debug)]
pub enum InstallTarget {
    /// `machine.install.disk`: a device path or a link to one.
    Disk(String),
    /// `machine.install.diskSelector`; it beats `disk` when both are there.
    Selector(DiskSelector),
    /// `UnattendedInstallConfig.provisioning.diskSelector.match`.
    Expression(Expression),
    /// An install section that names no disk: scoring decides.
    Unnamed,
}

/// `machine.install.diskSelector`: all matchers that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskSelector {
    /// Size condition.
    pub size: Option<SizeMatcher>,
    /// Glob for the UUID.
    pub uuid: Option<String>,
    /// Glob for the wwid.
    pub wwid: Option<String>,
    /// Glob for the model.
    pub model: Option<String>,
    /// Glob for the serial.
    pub serial: Option<String>,
    /// Glob for the modalias.
    pub modalias: Option<String>,
    /// Disk type.
    pub disk_type: Option<DiskType>,
    /// Glob for the bus path.
    pub bus_path: Option<String>,
}

/// `type` of a disk selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskType {
    /// `ssd`: not rotational.
    Ssd,
    /// `hdd`: rotational.
    Hdd,
    /// `nvme`: transport nvme.
    Nvme,
    /// `sd`: transport mmc.
    Sd,
}

/// A size condition such as `>= 100GB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeMatcher {
    /// The operator.
    pub op: SizeOp,
    /// The size that it compares with.
    pub size: Bytes,
    /// As it was written.
    pub text: String,
}

/// Operator of a size condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeOp {
    /// `==`, or none.
    Equal,
    /// `>=`.
    AtLeast,
    /// `<=`.
    AtMost,
    /// `>`.
    Above,
    /// `<`.
    Below,
}

impl SizeOp {
    /// As CEL writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::Below => "<",
        }
    }

    /// Whether `found op wanted` holds.
    pub const fn holds(self, found: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::AtLeast => found >= wanted,
            Self::AtMost => found <= wanted,
            Self::Above => found > wanted,
            Self::Below => found < wanted,
        }
    }
}

/// STATE or EPHEMERAL.
#[derive(Debug, Default)]
pub struct SystemVolume {
    /// Where a document for it stands; the default if there is none.
    pub at: Location,
    /// Where it goes and how big it gets. Never set for STATE.
    pub provisioning: Provisioning,
    /// How it is sealed; `None` means plain.
    pub encryption: Option<Encryption>,
    /// `filesystem.xfs.minAllocationGroupSize`.
    pub min_allocation_group: Option<Bytes>,
}

/// `provisioning` of a volume.
#[derive(Debug, Default)]
pub struct Provisioning {
    /// `diskSelector.match`.
    pub selector: Option<Expression>,
    /// `grow`.
    pub grow: Option<bool>,
    /// `minSize`.
    pub min_size: Option<Bytes>,
    /// `maxSize`.
    pub max_size: Option<MaxSize>,
}

/// `maxSize` of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxSize {
    /// At most this much.
    Absolute(Bytes),
    /// At most this share of the largest gap (0 to 100).
    Percent(u8),
    /// Leave this much free.
    LeaveFree(Bytes),
    /// Leave this share of the largest gap free (0 to 100).
    LeaveFreePercent(u8),
}

/// A volume other than STATE and EPHEMERAL.
#[derive(Debug)]
pub struct Volume {
    /// Where its document stands.
    pub at: Location,
    /// GPT name and Talos' volume id: `u-<name>`, `r-<name>`, `s-<name>`, or `ETCD`, `CRI`, `KUBELET`, `LOG`, `IMAGECACHE`.
    pub id: String,
    /// What becomes of it.
    pub kind: VolumeKind,
    /// Where it goes and how big it gets.
    pub provisioning: Provisioning,
    /// How it is sealed; `None` means plain.
    pub encryption: Option<Encryption>,
    /// Filesystem inside; `None` for raw and swap volumes.
    pub filesystem: Option<Filesystem>,
}

/// What a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// `VolumeConfig` of a promotable volume with provisioning: a partition of its own.
    System,
    /// `VolumeConfig` of a promotable volume without provisioning, or `volumeType: directory`: nothing to lay out.
    Directory,
    /// `UserVolumeConfig`, a partition.
    User,
    /// `UserVolumeConfig` with `volumeType: disk`: a whole disk without a table.
    UserDisk,
    /// `RawVolumeConfig`.
    Raw,
    /// `SwapVolumeConfig`.
    Swap,
}

/// A filesystem to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// Which one.
    pub kind: FilesystemKind,
    /// `filesystem.xfs.minAllocationGroupSize`.
    pub min_allocation_group: Option<Bytes>,
}

/// Filesystems that Talos makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesystemKind {
    /// XFS, the default.
    Xfs,
    /// ext4.
    Ext4,
    /// btrfs.
    Btrfs,
}

/// `ExistingVolumeConfig`.
#[derive(Debug)]
pub struct ExistingVolume {
    /// Where its document stands.
    pub at: Location,
    /// Name without the prefix `e-`.
    pub name: String,
    /// `discovery.volumeSelector.match`.
    pub selector: Expression,
}

/// One entry of `machine.disks`.
#[derive(Debug)]
pub struct LegacyDisk {
    /// Where it stands.
    pub at: Location,
    /// Device path or link.
    pub device: String,
    /// Its partitions, all XFS without a GPT name; size 0 fills the disk.
    pub partitions: Vec<LegacyPartition>,
}

/// One partition of [`LegacyDisk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyPartition {
    /// Size; 0 for the rest of the disk.
    pub size: Bytes,
    /// Mount point.
    pub mountpoint: String,
}

/// What the config itself asks of the kernel. Documents win over the old sections, key by key;
/// udev rules of a document replace the old list.
#[derive(Debug, Default)]
pub struct Tuning {
    /// `machine.sysctls` and `SysctlConfig`, with where each was set last.
    pub sysctls: BTreeMap<String, (String, Location)>,
    /// `machine.sysfs` and `SysfsConfig`.
    pub sysfs: BTreeMap<String, (String, Location)>,
    /// `machine.udev.rules` or `UdevRulesConfig`.
    pub udev_rules: Vec<(String, Location)>,
}
