//! What goes into a partition: filesystem and sealing, from the configuration to the plan. Pure.
//!
//! Talos' own mkfs and cryptsetup options are the model. Filesystems other than XFS are left to Talos,
//! which formats an empty partition at boot.

use crate::config::spec::{Cipher, Encryption, Filesystem, FilesystemKind};
use crate::guid::Guid;
use crate::plan::{ContentPlan, FilesystemPlan, KdfCost, SealPlan, SlotPlan};
use crate::units::{BlockSize, Bytes};

/// Where the payload of a LUKS2 volume begins: cryptsetup's default.
pub const DATA_OFFSET: Bytes = Bytes::mib(16);
/// `mkfs.xfs` needs `--unsupported` at or below this size (of the partition, as Talos measures it).
const XFS_SMALL: Bytes = Bytes::mib(300);

/// What the distribution's mkfs can do; read before planning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MkfsFacts {
    /// The configuration file with the features of a long-term kernel, if xfsprogs ships one that is not too new.
    pub xfs_config: Option<String>,
}

/// What a partition should hold, before it is known where it lies.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// How it is sealed.
    pub encryption: Option<&'a Encryption>,
    /// What is inside.
    pub inside: Inside,
}

/// What is inside of a partition or of a sealed volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Something that Talos or somebody else fills: raw, swap, BIOS.
    Nothing,
    /// XFS with this label (empty for none).
    Xfs(&'static str),
    /// FAT32 with this label.
    Vfat(&'static str),
    /// A filesystem that keelblock leaves to Talos.
    Left(&'static str),
}

impl Inside {
    /// What a user volume's `filesystem` means.
    pub const fn of(filesystem: Option<Filesystem>) -> Self {
        match filesystem {
            None => Self::Nothing,
            Some(Filesystem {
                kind: FilesystemKind::Xfs,
                ..
            }) => Self::Xfs(""),
            Some(Filesystem {
                kind: FilesystemKind::Ext4,
                ..
            }) => Self::Left("ext4"),
            Some(Filesystem {
                kind: FilesystemKind::Btrfs,
                ..
            }) => Self::Left("btrfs"),
        }
    }
}

/// What sealing and formatting depend on, besides the configuration.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// Logical block size of the disk.
    pub logical: BlockSize,
    /// Physical block size of the disk, in bytes.
    pub physical: u32,
    /// Size of the partition.
    pub size: Bytes,
    /// UUID for a LUKS header.
    pub uuid: Guid,
    /// UUID for a filesystem, so that the same plan gives the same one.
    pub filesystem_uuid: Guid,
    /// Cost of every keyslot.
    pub kdf: KdfCost,
    /// What mkfs can do.
    pub mkfs: &'a MkfsFacts,
}

impl Wanted<'_> {
    /// The content of a partition that is made.
    pub fn plan(&self, ground: &Ground<'_>) -> ContentPlan {
        let Some(encryption) = self.encryption else {
            return match self.filesystem(ground, ground.size, ground.logical.get()) {
                Some(filesystem) => ContentPlan::Filesystem(filesystem),
                None => ContentPlan::Empty {
                    then: self.left_to(),
                },
            };
        };
        let sector_size = sector_size(encryption, ground);
        let payload = ground.size.saturating_sub(DATA_OFFSET);
        ContentPlan::Sealed(SealPlan {
            uuid: ground.uuid,
            cipher: encryption.cipher.name().to_owned(),
            sector_size,
            data_offset: DATA_OFFSET,
            kdf: ground.kdf,
            slots: encryption
                .keys
                .iter()
                .map(|key| SlotPlan {
                    slot: key.slot,
                    source: key.source.word().to_owned(),
                })
                .collect(),
            filesystem: self.filesystem(ground, payload, sector_size.max(ground.logical.get())),
        })
    }

    fn filesystem(&self, ground: &Ground<'_>, size: Bytes, sector: u32) -> Option<FilesystemPlan> {
        let (kind, label, mkfs) = match self.inside {
            Inside::Nothing | Inside::Left(_) => return None,
            Inside::Xfs(label) => ("xfs", label, mkfs_xfs(label, ground, sector)),
            Inside::Vfat(label) => ("vfat", label, mkfs_vfat(label, ground, sector)),
        };
        Some(FilesystemPlan {
            kind: kind.to_owned(),
            label: label.to_owned(),
            mkfs,
            size,
        })
    }

    fn left_to(&self) -> String {
        match self.inside {
            Inside::Left(kind) => format!("Talos formats it as {kind}"),
            _ => String::from("left empty"),
        }
    }
}

/// cryptsetup's choice where the config leaves it open: 4096 where the disk works in 4096, else 512.
fn sector_size(encryption: &Encryption, ground: &Ground<'_>) -> u32 {
    match encryption.block_size {
        512 => 512,
        4096 => 4096,
        _ if ground.physical == 4096 || ground.logical == BlockSize::B4096 => 4096,
        _ => 512,
    }
}

fn mkfs_xfs(label: &str, ground: &Ground<'_>, sector: u32) -> Vec<String> {
    let mut mkfs = vec![
        String::from("mkfs.xfs"),
        "-q".into(),
        "-n".into(),
        "ftype=1".into(),
    ];
    if let Some(config) = &ground.mkfs.xfs_config {
        mkfs.extend([String::from("-c"), format!("options={config}")]);
    }
    mkfs.extend([
        String::from("-m"),
        format!("uuid={}", ground.filesystem_uuid),
    ]);
    if !label.is_empty() {
        mkfs.extend([String::from("-L"), label.to_owned()]);
    }
    if ground.size <= XFS_SMALL {
        mkfs.push(String::from("--unsupported"));
    }
    // On the real device mkfs would ask the kernel; the sparse file cannot tell it.
    mkfs.extend([String::from("-s"), format!("size={sector}")]);
    mkfs
}

fn mkfs_vfat(label: &str, ground: &Ground<'_>, sector: u32) -> Vec<String> {
    // FAT's volume id has 32 bits.
    let volume_id: String = ground.filesystem_uuid.to_string().chars().take(8).collect();
    let options = [
        "mkfs.vfat",
        "--invariant",
        "-F",
        "32",
        "-n",
        label,
        "-i",
        &volume_id,
        "-S",
    ];
    options
        .into_iter()
        .map(String::from)
        .chain([sector.to_string()])
        .collect()
}

/// The cipher that a plan names; `None` if the plan was written by hand and names another.
pub fn cipher_named(name: &str) -> Option<Cipher> {
    [
        Cipher::AesXts,
        Cipher::XChaCha12Adiantum,
        Cipher::XChaCha20Adiantum,
    ]
    .into_iter()
    .find(|cipher| cipher.name() == name)
}
