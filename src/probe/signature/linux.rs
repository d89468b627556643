//! Filesystems that Linux writes: ext, XFS, btrfs, f2fs, NILFS, JFS, ReiserFS, bcachefs, zonefs.

use std::io;

use super::fields::{be32, field, le16, le32, le64, text, utf16, uuid};
use super::{At, Facts, Found, Rule, Super, View, magic_alone};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "xfs",
        talos: "xfs",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"XFSB")],
        read: xfs,
    },
    Rule {
        kind: "ext2",
        talos: "ext2",
        places: &[At::Start(0x400)],
        anywhere: false,
        len: 1024,
        magics: &[(0x38, b"\x53\xEF")],
        read: ext,
    },
    Rule {
        kind: "btrfs",
        talos: "btrfs",
        places: &[
            At::Start(64 << 10),
            At::Start(64 << 20),
            At::Start(256 << 30),
        ],
        anywhere: false,
        len: 4096,
        magics: &[(0x40, b"_BHRfS_M")],
        read: btrfs,
    },
    Rule {
        kind: "f2fs",
        talos: "",
        places: &[At::Start(0x400), At::Start(0x1400)],
        anywhere: false,
        len: 3072,
        magics: &[(0, b"\x10\x20\xF5\xF2")],
        read: f2fs,
    },
    Rule {
        kind: "nilfs2",
        talos: "",
        places: &[
            At::Start(0x400),
            At::End {
                back: 4096,
                align: 512,
            },
        ],
        anywhere: false,
        len: 1024,
        magics: &[(6, b"\x34\x34")],
        read: nilfs2,
    },
    Rule {
        kind: "jfs",
        talos: "",
        places: &[At::Start(0x8000), At::Start(0xF000)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"JFS1")],
        read: jfs,
    },
    Rule {
        kind: "reiserfs",
        talos: "",
        places: &[At::Start(0x2000), At::Start(0x1_0000)],
        anywhere: true,
        len: 512,
        magics: &[
            (0x34, b"ReIsErFs"),
            (0x34, b"ReIsEr2Fs"),
            (0x34, b"ReIsEr3Fs"),
            (0x14, b"ReIsErFs"),
        ],
        read: reiserfs,
    },
    Rule {
        kind: "reiser4",
        talos: "",
        places: &[At::Start(0x1_0000)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"ReIsEr4")],
        read: magic_alone,
    },
    Rule {
        kind: "bcachefs",
        talos: "",
        places: &[
            At::Start(0x1000),
            At::Start(2 << 20),
            At::End {
                back: 1 << 20,
                align: 4096,
            },
        ],
        anywhere: false,
        len: 4096,
        magics: &[
            (
                0x18,
                b"\xC6\x85\x73\xF6\x66\xCE\x90\xA9\xD9\x6A\x60\xCF\x80\x3D\xF7\xEF",
            ),
            (0x18, super::member::BCACHE_MAGIC),
        ],
        read: bcachefs,
    },
    Rule {
        kind: "zonefs",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"SFOZ")],
        read: magic_alone,
    },
];

fn xfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x6C, 12)),
        uuid: uuid(field(found.bytes, 0x20, 16)),
        ..Facts::default()
    }))
}

/// A log of XFS on a device of its own: a record header somewhere in the first 256 KiB.
pub(super) fn xfs_log(view: &View<'_>) -> io::Result<Option<Found>> {
    let Some(bytes) = view.up_to(0, 256 << 10)? else {
        return Ok(None);
    };
    if bytes.starts_with(b"XFSB") {
        return Ok(None);
    }
    let header = bytes.chunks_exact(512).position(|block| {
        let version = be32(block, 8);
        let format = be32(block, 300);
        block.starts_with(b"\xFE\xED\xBA\xBE")
            && matches!(version, 1 | 2)
            && matches!(format, 1..=3)
    });
    Ok(header.map(|block| Found {
        kind: "xfs_external_log",
        at: (block * 512) as u64,
        zero: vec![((block * 512) as u64, 512)],
        ..Found::default()
    }))
}

/// Which of the ext family it is follows from its feature bits, as libblkid reads them.
fn ext(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    const HAS_JOURNAL: u32 = 0x4;
    const JOURNAL_DEVICE: u32 = 0x8;
    const RO_COMPAT_OF_EXT3: u32 = 0x7;
    const INCOMPAT_OF_EXT2: u32 = 0x12;
    const INCOMPAT_OF_EXT3: u32 = 0x16;
    let block_size_log = le32(found.bytes, 0x18);
    let blocks = le32(found.bytes, 0x4);
    if block_size_log > 6 || blocks == 0 {
        return Ok(None);
    }
    let compat = le32(found.bytes, 0x5C);
    let incompat = le32(found.bytes, 0x60);
    let ro_compat = le32(found.bytes, 0x64);
    let journal = compat & HAS_JOURNAL != 0;
    let old = ro_compat & !RO_COMPAT_OF_EXT3 == 0;
    let (kind, talos) = if incompat & JOURNAL_DEVICE != 0 {
        ("jbd", "")
    } else if !journal && old && incompat & !INCOMPAT_OF_EXT2 == 0 {
        ("ext2", "ext2")
    } else if journal && old && incompat & !INCOMPAT_OF_EXT3 == 0 {
        ("ext3", "ext3")
    } else {
        ("ext4", "ext4")
    };
    Ok(Some(Facts {
        kind: Some(kind),
        talos: Some(talos),
        label: text(field(found.bytes, 0x78, 16)),
        uuid: uuid(field(found.bytes, 0x68, 16)),
        version: format!("{}.{}", le32(found.bytes, 0x4C), le16(found.bytes, 0x3E)),
        ..Facts::default()
    }))
}

fn btrfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let devices = le64(found.bytes, 0x88);
    let note = if devices > 1 {
        format!("one of {devices} devices of the filesystem")
    } else {
        String::new()
    };
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x12B, 256)),
        uuid: uuid(field(found.bytes, 0x20, 16)),
        note,
        ..Facts::default()
    }))
}

fn f2fs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: utf16(field(found.bytes, 0x7C, 1024)),
        uuid: uuid(field(found.bytes, 0x6C, 16)),
        version: format!("{}.{}", le16(found.bytes, 4), le16(found.bytes, 6)),
        ..Facts::default()
    }))
}

fn nilfs2(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    // The magic has two bytes; the revision has been 2 from the first release.
    Ok((le32(found.bytes, 0) == 2).then(|| Facts {
        label: text(field(found.bytes, 0xA8, 80)),
        uuid: uuid(field(found.bytes, 0x98, 16)),
        ..Facts::default()
    }))
}

fn jfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x98, 16)),
        uuid: uuid(field(found.bytes, 0x88, 16)),
        ..Facts::default()
    }))
}

fn reiserfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x64, 16)),
        uuid: uuid(field(found.bytes, 0x54, 16)),
        ..Facts::default()
    }))
}

fn bcachefs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let devices = field(found.bytes, 0x7B, 1).first().copied().unwrap_or(0);
    let note = if devices > 1 {
        format!("one of {devices} devices of the filesystem")
    } else {
        String::new()
    };
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x48, 32)),
        uuid: uuid(field(found.bytes, 0x38, 16)),
        note,
        ..Facts::default()
    }))
}
