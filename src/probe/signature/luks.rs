//! LUKS1 and LUKS2 headers: the first one, the second one of LUKS2 at every place it may have, and leftovers.
//!
//! Reads the binary header, its checksum and the offset of the data, no more; the LUKS2 codec reads the rest.
//! Format: LUKS2 on-disk format 1.1.1, sections 2 and 3.

use std::io;

use sha2::{Digest as _, Sha256, Sha512};

use super::fields::{be16, be32, be64, field, text};
use super::{Found, View};

const FIRST_MAGIC: &[u8] = b"LUKS\xBA\xBE";
const SECOND_MAGIC: &[u8] = b"SKUL\xBA\xBE";
const BINARY: u64 = 4096;
const JSON_AT: usize = 4096;
const CHECKSUM: std::ops::Range<usize> = 448..512;

/// Sizes that a LUKS2 header (binary and JSON) may have, and so the places of the second one.
const SIZES: [u64; 9] = [
    16 << 10,
    32 << 10,
    64 << 10,
    128 << 10,
    256 << 10,
    512 << 10,
    1 << 20,
    2 << 20,
    4 << 20,
];

/// The state of one LUKS2 header copy.
enum Copy {
    Absent,
    Damaged(String),
    Sound { json: Vec<u8> },
}

pub(super) fn scan(view: &View<'_>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut own_second = None;
    if let Some(bytes) = view.up_to(0, BINARY)?
        && bytes.starts_with(FIRST_MAGIC)
    {
        match be16(&bytes, 6) {
            2 => {
                let size = be64(&bytes, 8);
                own_second = Some(size);
                found.push(luks2(view, &bytes, size)?);
            }
            version => found.push(luks1(&bytes, version)),
        }
    }
    for at in SIZES.into_iter().filter(|at| Some(*at) != own_second) {
        found.extend(leftover(view, at, found.is_empty())?);
    }
    Ok(found)
}

fn luks1(bytes: &[u8], version: u16) -> Found {
    let payload = u64::from(be32(bytes, 104)) * 512;
    let note = if version == 1 {
        String::new()
    } else {
        format!("unknown version {version}")
    };
    Found {
        kind: "crypto_LUKS",
        uuid: text(field(bytes, 168, 40)),
        version: version.to_string(),
        note,
        // Header and key material, which end where the data begins; 2 MiB is where cryptsetup puts it.
        zero: vec![(0, payload.clamp(BINARY, 2 << 20))],
        ..Found::default()
    }
}

fn luks2(view: &View<'_>, bytes: &[u8], size: u64) -> io::Result<Found> {
    let first = copy(view, 0, FIRST_MAGIC)?;
    let second = if SIZES.contains(&size) {
        copy(view, size, SECOND_MAGIC)?
    } else {
        Copy::Absent
    };
    let mut remarks = Vec::new();
    if let Copy::Damaged(why) = &first {
        remarks.push(format!("the first header is damaged: {why}"));
    }
    match &second {
        Copy::Absent => remarks.push("the second header is missing".to_owned()),
        Copy::Damaged(why) => remarks.push(format!("the second header is damaged: {why}")),
        Copy::Sound { .. } => {}
    }
    if let Copy::Sound { json } = &first
        && is_detached(json)
    {
        remarks.push("a detached header: its data lies on another device".to_owned());
    }
    let len = if SIZES.contains(&size) { size } else { BINARY };
    let mut zero = vec![(0, len)];
    if !matches!(second, Copy::Absent) {
        zero.push((size, len));
    }
    Ok(Found {
        kind: "crypto_LUKS",
        talos: "luks",
        label: text(field(bytes, 24, 48)),
        uuid: text(field(bytes, 168, 40)),
        version: "2".to_owned(),
        note: remarks.join("; "),
        at: 0,
        zero,
    })
}

/// A second header that belongs to no first one.
fn leftover(view: &View<'_>, at: u64, first_is_gone: bool) -> io::Result<Option<Found>> {
    let Some(bytes) = view.bytes(at, 512)? else {
        return Ok(None);
    };
    if !bytes.starts_with(SECOND_MAGIC) {
        return Ok(None);
    }
    let state = match copy(view, at, SECOND_MAGIC)? {
        Copy::Sound { .. } => "sound",
        _ => "damaged",
    };
    let note = if first_is_gone {
        format!(
            "only the second header is left ({state}): cryptsetup may repair the volume from it"
        )
    } else {
        format!("a second header of an older volume ({state})")
    };
    Ok(Some(Found {
        kind: "crypto_LUKS",
        label: text(field(&bytes, 24, 48)),
        uuid: text(field(&bytes, 168, 40)),
        version: "2".to_owned(),
        note,
        at,
        zero: vec![(at, at)],
        ..Found::default()
    }))
}

fn copy(view: &View<'_>, at: u64, magic: &[u8]) -> io::Result<Copy> {
    let Some(binary) = view.bytes(at, BINARY)? else {
        return Ok(Copy::Absent);
    };
    if !binary.starts_with(magic) {
        return Ok(Copy::Absent);
    }
    let damaged = |why: &str| Ok(Copy::Damaged(why.to_owned()));
    let size = be64(&binary, 8);
    if be16(&binary, 6) != 2 {
        return damaged("not version 2");
    }
    if !SIZES.contains(&size) {
        return damaged("impossible size");
    }
    if be64(&binary, 256) != at {
        return damaged("it names another place than its own");
    }
    let Some(whole) = view.bytes(at, size)? else {
        return damaged("it reaches beyond the end");
    };
    match checksum_fits(&whole) {
        Some(true) => Ok(Copy::Sound {
            json: whole[JSON_AT..].to_vec(),
        }),
        Some(false) => damaged("its checksum does not match"),
        None => damaged("its checksum algorithm is not known"),
    }
}

fn checksum_fits(whole: &[u8]) -> Option<bool> {
    let mut zeroed = whole.to_vec();
    zeroed.get_mut(CHECKSUM)?.fill(0);
    let stored = whole.get(CHECKSUM)?;
    match text(field(whole, 72, 32)).as_str() {
        "sha256" => Some(stored.starts_with(&Sha256::digest(&zeroed))),
        "sha512" => Some(stored.starts_with(&Sha512::digest(&zeroed))),
        _ => None,
    }
}

/// Whether the only data segment starts at 0, where a header that is not detached lies itself.
fn is_detached(json: &[u8]) -> bool {
    let end = json.iter().position(|b| *b == 0).unwrap_or(json.len());
    let Ok(tree) = serde_json::from_slice::<serde_json::Value>(&json[..end]) else {
        return false;
    };
    let offset = tree
        .pointer("/segments/0/offset")
        .and_then(serde_json::Value::as_str);
    offset == Some("0")
}
