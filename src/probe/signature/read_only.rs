//! Filesystems of images and discs: ISO 9660, UDF, squashfs, EROFS, romfs, cramfs.

use std::io;

use super::fields::{field, le16, text, utf16_be, uuid};
use super::{At, Facts, Found, Rule, Super, View, magic_alone};

const VOLUME_DESCRIPTORS: u64 = 0x8000;
const DESCRIPTOR: u64 = 2048;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "iso9660",
        talos: "iso9660",
        places: &[At::Start(VOLUME_DESCRIPTORS)],
        anywhere: false,
        len: DESCRIPTOR,
        magics: &[(1, b"CD001"), (9, b"CDROM")],
        read: iso9660,
    },
    Rule {
        kind: "squashfs",
        talos: "squashfs",
        places: &[At::Start(0)],
        anywhere: false,
        len: 96,
        magics: &[(0, b"hsqs"), (0, b"sqsh"), (0, b"hsqt")],
        read: squashfs,
    },
    Rule {
        kind: "erofs",
        talos: "",
        places: &[At::Start(0x400)],
        anywhere: false,
        len: 128,
        magics: &[(0, b"\xE2\xE1\xF5\xE0")],
        read: erofs,
    },
    Rule {
        kind: "romfs",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"-rom1fs-")],
        read: romfs,
    },
    Rule {
        kind: "cramfs",
        talos: "",
        places: &[At::Start(0), At::Start(0x200)],
        anywhere: true,
        len: 76,
        magics: &[(0, b"\x45\x3D\xCD\x28"), (0, b"\x28\xCD\x3D\x45")],
        read: cramfs,
    },
];

fn iso9660(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let modified = iso_date(field(found.bytes, 830, 16));
    let created = iso_date(field(found.bytes, 813, 16));
    let label = match joliet_label(view)? {
        Some(label) if !label.is_empty() => label,
        _ => text(field(found.bytes, 40, 32)),
    };
    Ok(Some(Facts {
        label,
        uuid: modified.or(created).unwrap_or_default(),
        ..Facts::default()
    }))
}

/// The long label of the Joliet descriptor, if there is one.
fn joliet_label(view: &View<'_>) -> io::Result<Option<String>> {
    const SUPPLEMENTARY: u8 = 2;
    const TERMINATOR: u8 = 0xFF;
    for index in 1..16 {
        let at = VOLUME_DESCRIPTORS + index * DESCRIPTOR;
        let Some(descriptor) = view.bytes(at, DESCRIPTOR)? else {
            break;
        };
        let kind = descriptor[0];
        if kind == TERMINATOR || field(&descriptor, 1, 5) != b"CD001" {
            break;
        }
        let escape = field(&descriptor, 88, 3);
        if kind == SUPPLEMENTARY && matches!(escape, b"%/@" | b"%/C" | b"%/E") {
            return Ok(Some(utf16_be(field(&descriptor, 40, 32))));
        }
    }
    Ok(None)
}

/// `YYYYMMDDHHMMSScc` as `YYYY-MM-DD-HH-MM-SS-cc`; all zeros is no date.
fn iso_date(digits: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.len() != 16
        || !text.bytes().all(|b| b.is_ascii_digit())
        || text.bytes().all(|b| b == b'0')
    {
        return None;
    }
    let pairs: Vec<&str> = (4..16).step_by(2).map(|at| &text[at..at + 2]).collect();
    Some(format!("{}-{}", &text[..4], pairs.join("-")))
}

/// UDF: an NSR descriptor in the volume recognition sequence.
pub(super) fn udf(view: &View<'_>) -> io::Result<Option<Found>> {
    const DESCRIPTORS: u64 = 64;
    let Some(bytes) = view.up_to(VOLUME_DESCRIPTORS, DESCRIPTORS * DESCRIPTOR)? else {
        return Ok(None);
    };
    let found = bytes
        .chunks_exact(2048)
        .position(|descriptor| matches!(field(descriptor, 1, 5), b"NSR02" | b"NSR03"));
    Ok(found.map(|index| {
        let at = VOLUME_DESCRIPTORS + index as u64 * DESCRIPTOR;
        Found {
            kind: "udf",
            at: at + 1,
            zero: vec![(VOLUME_DESCRIPTORS, at + DESCRIPTOR - VOLUME_DESCRIPTORS)],
            ..Found::default()
        }
    }))
}

fn squashfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let little = found.bytes.starts_with(b"hsq");
    let number = |at| {
        let value = le16(found.bytes, at);
        if little { value } else { value.swap_bytes() }
    };
    Ok(Some(Facts {
        version: format!("{}.{}", number(28), number(30)),
        ..Facts::default()
    }))
}

fn erofs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 64, 16)),
        uuid: uuid(field(found.bytes, 48, 16)),
        ..Facts::default()
    }))
}

fn romfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 16, 256)),
        ..Facts::default()
    }))
}

fn cramfs(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    if field(found.bytes, 16, 16) != b"Compressed ROMFS" {
        return magic_alone(view, found);
    }
    Ok(Some(Facts {
        label: text(field(found.bytes, 48, 16)),
        ..Facts::default()
    }))
}
