//! Machines for tests: a file tree and its disks from a text that a person can read and git can keep.
//!
//! A line is one of
//!
//! | line | makes |
//! |---|---|
//! | `# …` or nothing | nothing |
//! | `[/dir]` | the directory, and the one that later paths without a leading slash start from |
//! | `path/` | a directory |
//! | `path = text` | a file of `text` and a newline; `\xNN` is a byte, `\n` a newline |
//! | `path -> target` | a symbolic link |
//! | `path @ size` | a disk image of so many bytes, all zero, for the node of a device |
//! | `! path` | removes what earlier lines made there |
//!
//! Indented lines after `path @ size` write into the image: `offset = text`, `gpt block guid` (both copies and the
//! protective MBR), and before it `part number type guid first last name`. Numbers may be hexadecimal (`0x`).

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "builds trees for tests, never part of the shipped binary"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::guid::Guid;

/// A line that is none of the forms, with its number, or a file that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct FixtureError {
    /// From 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// Why a file could not be made, if that was it.
    #[source]
    pub source: Option<io::Error>,
}

/// Makes the tree that `text` describes below `into`. A variant is a second text expanded into the same place.
///
/// # Errors
/// [`FixtureError`] for the first line that does not work.
pub fn expand(text: &str, into: &Path) -> Result<(), FixtureError> {
    let mut builder = Builder {
        into: into.to_owned(),
        base: PathBuf::from("/"),
        image: None,
        entries: Vec::new(),
    };
    for (number, line) in (1..).zip(text.lines()) {
        let result = builder.line(line);
        if !matches!(result, Ok(Some(()))) {
            return Err(FixtureError {
                line: number,
                text: line.to_owned(),
                source: result.err(),
            });
        }
    }
    Ok(())
}

/// One partition of a table that [`gpt`] makes.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Entry number, from 1.
    pub number: usize,
    /// Partition type.
    pub kind: Guid,
    /// Unique GUID.
    pub guid: Guid,
    /// First block.
    pub first: u64,
    /// Last block.
    pub last: u64,
    /// Name, at most 36 UTF-16 units.
    pub name: String,
}

/// The bytes of a GPT with 128 entries and of its protective MBR: offset and content of each part.
pub fn gpt(size: u64, block: u64, guid: Guid, entries: &[Entry]) -> Vec<(u64, Vec<u8>)> {
    const ARRAY: u64 = 16_384;
    let last = size / block - 1;
    let blocks = ARRAY / block;
    let array = array(entries);
    let mut parts = Vec::new();
    for (mine, other, array_at) in [(1, last, 2), (last, 1, last - blocks)] {
        let mut header = vec![0; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[8..12].copy_from_slice(&0x0001_0000u32.to_le_bytes());
        header[12..16].copy_from_slice(&92u32.to_le_bytes());
        header[24..32].copy_from_slice(&u64::to_le_bytes(mine));
        header[32..40].copy_from_slice(&u64::to_le_bytes(other));
        header[40..48].copy_from_slice(&(2 + blocks).to_le_bytes());
        header[48..56].copy_from_slice(&(last - blocks - 1).to_le_bytes());
        header[56..72].copy_from_slice(&guid.to_gpt_bytes());
        header[72..80].copy_from_slice(&u64::to_le_bytes(array_at));
        header[80..84].copy_from_slice(&128u32.to_le_bytes());
        header[84..88].copy_from_slice(&128u32.to_le_bytes());
        header[88..92].copy_from_slice(&crc32fast::hash(&array).to_le_bytes());
        let crc = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
        parts.push((mine * block, header));
        parts.push((array_at * block, array.clone()));
    }
    let mut mbr = vec![0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0];
    mbr.extend(u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
    parts.push((446, mbr));
    parts.push((510, vec![0x55, 0xAA]));
    parts
}

fn array(entries: &[Entry]) -> Vec<u8> {
    let mut array = vec![0; 16_384];
    for entry in entries {
        let at = (entry.number - 1) * 128;
        let bytes = &mut array[at..at + 128];
        bytes[..16].copy_from_slice(&entry.kind.to_gpt_bytes());
        bytes[16..32].copy_from_slice(&entry.guid.to_gpt_bytes());
        bytes[32..40].copy_from_slice(&entry.first.to_le_bytes());
        bytes[40..48].copy_from_slice(&entry.last.to_le_bytes());
        for (unit, at) in entry.name.encode_utf16().zip((56..128).step_by(2)) {
            bytes[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
    }
    array
}

struct Builder {
    into: PathBuf,
    base: PathBuf,
    image: Option<(File, u64)>,
    entries: Vec<Entry>,
}

impl Builder {
    /// `None` if the line has no known form.
    fn line(&mut self, line: &str) -> io::Result<Option<()>> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(Some(()));
        }
        if let Some(line) = line.strip_prefix("  ") {
            return self.image_line(line.trim());
        }
        let line = line.trim_end();
        if let Some(base) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            self.base = PathBuf::from(base);
            let dir = self.outside(base);
            return fs::create_dir_all(dir).map(Some);
        }
        if let Some(path) = line.strip_prefix("! ") {
            return self.remove(path).map(Some);
        }
        if let Some((path, text)) = line.split_once(" = ") {
            let mut bytes = unescape(text);
            bytes.push(b'\n');
            return fs::write(self.place(path)?, bytes).map(Some);
        }
        if let Some((path, target)) = line.split_once(" -> ") {
            let at = self.place(path)?;
            if at.is_symlink() {
                fs::remove_file(&at)?;
            }
            return symlink(target, at).map(Some);
        }
        if let Some((path, size)) = line.split_once(" @ ") {
            return match number(size) {
                Some(size) => self.start_image(path, size).map(Some),
                None => Ok(None),
            };
        }
        match line.strip_suffix('/') {
            Some(path) => fs::create_dir_all(self.outside(path)).map(Some),
            None => Ok(None),
        }
    }

    fn image_line(&mut self, line: &str) -> io::Result<Option<()>> {
        let Some((image, size)) = &self.image else {
            return Ok(None);
        };
        if let Some((at, text)) = line.split_once(" = ") {
            let Some(at) = number(at) else {
                return Ok(None);
            };
            return image.write_all_at(&unescape(text), at).map(Some);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["part", rest @ ..] => {
                let entry = entry(rest);
                let found = entry.is_some().then_some(());
                self.entries.extend(entry);
                Ok(found)
            }
            ["gpt", block, guid] => {
                let (Some(block), Ok(guid)) = (number(block), guid.parse()) else {
                    return Ok(None);
                };
                for (at, bytes) in gpt(*size, block, guid, &self.entries) {
                    image.write_all_at(&bytes, at)?;
                }
                self.entries.clear();
                Ok(Some(()))
            }
            _ => Ok(None),
        }
    }

    fn start_image(&mut self, path: &str, size: u64) -> io::Result<()> {
        let at = self.place(path)?;
        let file = File::create(at)?;
        file.set_len(size)?;
        self.image = Some((file, size));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let at = self.outside(path);
        if at.is_dir() && !at.is_symlink() {
            fs::remove_dir_all(at)
        } else {
            fs::remove_file(at)
        }
    }

    fn outside(&self, path: &str) -> PathBuf {
        let inside = self.base.join(path);
        self.into.join(inside.strip_prefix("/").unwrap_or(&inside))
    }

    /// Where a file goes; its directory is made.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let at = self.outside(path);
        if let Some(dir) = at.parent() {
            fs::create_dir_all(dir)?;
        }
        Ok(at)
    }
}

fn entry(words: &[&str]) -> Option<Entry> {
    let [entry_number, kind, guid, first, last, name @ ..] = words else {
        return None;
    };
    Some(Entry {
        number: entry_number
            .parse()
            .ok()
            .filter(|n| (1..=128).contains(n))?,
        kind: kind.parse().ok()?,
        guid: guid.parse().ok()?,
        first: number(first)?,
        last: number(last)?,
        name: name.join(" "),
    })
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        let hex = after.strip_prefix('x').and_then(|h| h.get(..2));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else if let Some(after) = after.strip_prefix('n') {
            bytes.push(b'\n');
            rest = after;
        } else {
            bytes.push(b'\\');
            rest = after;
        }
    }
    bytes.extend(rest.as_bytes());
    bytes
}
