//! What a Mac leaves on a disk: APFS containers, CoreStorage (`FileVault`, Fusion halves), HFS and HFS+.

use std::io;

use super::fields::{be16, be32, field, le16, le64, uuid};
use super::{At, Facts, Rule, Super, View};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "apfs",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 4096,
        magics: &[(0x20, b"NXSB")],
        read: apfs,
    },
    Rule {
        kind: "fvault2",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0x58, b"CS")],
        read: core_storage,
    },
    Rule {
        kind: "hfs",
        talos: "",
        places: &[
            At::Start(0x400),
            At::End {
                back: 1024,
                align: 512,
            },
        ],
        anywhere: false,
        len: 512,
        magics: &[(0, b"BD")],
        read: hfs,
    },
    Rule {
        kind: "hfsplus",
        talos: "",
        places: &[
            At::Start(0x400),
            At::End {
                back: 1024,
                align: 512,
            },
        ],
        anywhere: false,
        len: 512,
        magics: &[(0, b"H+"), (0, b"HX")],
        read: hfs_plus,
    },
];

fn apfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    const FUSION: u64 = 0x100;
    let note = if le64(found.bytes, 0x40) & FUSION == 0 {
        ""
    } else {
        "half of a Fusion drive: wiping one half loses both"
    };
    Ok(Some(Facts {
        uuid: uuid(field(found.bytes, 0x48, 16)),
        note: note.to_owned(),
        ..Facts::default()
    }))
}

fn core_storage(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    // The magic has two bytes; version and block type keep chance hits out.
    let header = le16(found.bytes, 8) == 1 && le16(found.bytes, 10) == 0x10;
    Ok(header.then(|| Facts {
        uuid: uuid(field(found.bytes, 304, 16)),
        note: "CoreStorage: FileVault, or half of a Fusion drive".to_owned(),
        ..Facts::default()
    }))
}

fn hfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let block = be32(found.bytes, 20);
    if block == 0 || !block.is_multiple_of(512) {
        return Ok(None);
    }
    let wraps_plus = matches!(field(found.bytes, 0x7C, 2), b"H+" | b"HX");
    let label_len = usize::from(found.bytes.get(36).copied().unwrap_or(0).min(27));
    Ok(Some(Facts {
        kind: wraps_plus.then_some("hfsplus"),
        label: super::fields::text(field(found.bytes, 37, label_len)),
        ..Facts::default()
    }))
}

fn hfs_plus(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let version = be16(found.bytes, 2);
    let block = be32(found.bytes, 40);
    let sound = matches!(version, 4 | 5) && block.is_power_of_two() && block >= 512;
    Ok(sound.then(|| Facts {
        version: version.to_string(),
        ..Facts::default()
    }))
}
