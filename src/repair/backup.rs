//! What a repair replaces, kept in a file, so that it can be put back byte for byte.
//!
//! JSON, `keelblock/repair-backup/v1`: geometry of the disk, and the pieces in the order in which they were written, each
//! with its place and, in base64, the bytes before and after. META may hold passphrases, so the text is kept in memory
//! that is wiped, and whoever writes the file lets nobody but its owner read it. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Piece, Repair};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{BlockSize, Bytes, Extent, Geometry};

/// The name and version of the file.
pub const SCHEMA: &str = "keelblock/repair-backup/v1";

/// What holds together when power goes: a smaller part of a write is never torn.
const SECTOR: usize = 512;

/// Why a file cannot be used, or must not be for this disk.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is no such file, or of another version.
    #[error("it is not a backup of a repair")]
    Format(#[source] serde_json::Error),
    /// The schema is another one.
    #[error("its schema is {0:?}, not {SCHEMA}")]
    Schema(String),
    /// The bytes of a piece are no base64, are not whole blocks, or do not lie on the disk.
    #[error("piece {0} of it makes no sense")]
    Piece(usize),
    /// Another disk.
    #[error("it was made from a disk of {was} bytes, and this one has {found}")]
    Geometry {
        /// Bytes in the file.
        was: u64,
        /// Bytes of the disk.
        found: u64,
    },
    /// The disk is not as the repair left it.
    #[error("{what} is neither as the repair left it nor as it was before (near byte {at})")]
    Changed {
        /// The piece.
        what: String,
        /// Where.
        at: u64,
    },
    /// The disk cannot be read.
    #[error("{0} cannot be read")]
    Read(String, #[source] std::io::Error),
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct File {
    schema: String,
    version: String,
    path: String,
    size: u64,
    block_size: BlockSize,
    publish: bool,
    pieces: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Kept {
    what: String,
    start: u64,
    #[serde(with = "text")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    old: Zeroizing<String>,
    #[serde(with = "text")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    new: Zeroizing<String>,
}

/// The JSON Schema of the file.
#[cfg(feature = "schemas")]
pub fn json_schema() -> serde_json::Value {
    crate::schemas::make::read::<File>()
}

mod text {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// The text of the file for `repairs` of the disk at `path`.
pub fn encode(path: &str, geometry: Geometry, repairs: &[Repair]) -> Zeroizing<Vec<u8>> {
    let kept = |piece: &Piece| Kept {
        what: piece.what.clone(),
        start: piece.start.get(),
        old: Zeroizing::new(STANDARD.encode(piece.old.expose())),
        new: Zeroizing::new(STANDARD.encode(piece.new.expose())),
    };
    let file = File {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        path: path.to_owned(),
        size: geometry.size.get(),
        block_size: geometry.logical,
        publish: super::execute::touches_table(repairs),
        pieces: repairs.iter().flat_map(Repair::pieces).map(kept).collect(),
    };
    let room = file
        .pieces
        .iter()
        .map(|p| p.old.len() + p.new.len() + 256)
        .sum::<usize>();
    // Writing into room that suffices leaves no copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(room + path.len() * 6 + 512));
    serde_json::to_writer(&mut *out, &file).expect("strings and numbers");
    out.push(b'\n');
    out
}

/// What a file says.
#[derive(Debug)]
pub struct Backup {
    /// The disk that was repaired, as it was named then.
    pub path: String,
    /// Block size of the disk.
    pub block: BlockSize,
    /// Whether the kernel has to read the partition table again.
    pub publish: bool,
    size: Bytes,
    pieces: Vec<Piece>,
}

/// Reads the text of a file.
///
/// # Errors
/// [`BackupError`].
pub fn decode(text: &[u8]) -> Result<Backup, BackupError> {
    let file: File = serde_json::from_slice(text).map_err(BackupError::Format)?;
    if file.schema != SCHEMA {
        return Err(BackupError::Schema(file.schema));
    }
    let block = file.block_size.bytes();
    let bytes = |text: &str| STANDARD.decode(text).map(Secret::new).ok();
    let mut pieces = Vec::new();
    for (index, kept) in file.pieces.into_iter().enumerate() {
        let (Some(old), Some(new)) = (bytes(&kept.old), bytes(&kept.new)) else {
            return Err(BackupError::Piece(index));
        };
        let piece = Piece {
            what: kept.what,
            start: Bytes::new(kept.start),
            old,
            new,
        };
        let extent = piece.extent();
        let whole = extent.start.is_multiple_of(block) && extent.len.is_multiple_of(block);
        let disk = Extent::new(Bytes::ZERO, Bytes::new(file.size));
        if piece.old.len() != piece.new.len()
            || extent.is_empty()
            || !whole
            || !disk.contains(extent)
        {
            return Err(BackupError::Piece(index));
        }
        pieces.push(piece);
    }
    Ok(Backup {
        path: file.path,
        block: file.block_size,
        publish: file.publish,
        size: Bytes::new(file.size),
        pieces,
    })
}

impl Backup {
    /// What puts everything back that is not back already, the last change first. A repair that was interrupted left
    /// sectors of both kinds; anything else means that somebody wrote there since.
    ///
    /// # Errors
    /// [`BackupError`]; nothing may be written then.
    pub fn undo(&self, source: &dyn BlockSource) -> Result<Vec<Piece>, BackupError> {
        let geometry = source.geometry();
        if geometry.size != self.size || geometry.logical != self.block {
            return Err(BackupError::Geometry {
                was: self.size.get(),
                found: geometry.size.get(),
            });
        }
        let mut back = Vec::new();
        for piece in self.pieces.iter().rev() {
            let read = source.read_extent(piece.extent());
            let now = read.map_err(|error| BackupError::Read(piece.what.clone(), error))?;
            let now = Secret::new(now);
            let sectors = now.expose().chunks(SECTOR).enumerate();
            let of = |bytes: &Secret, index: usize| {
                let from = index * SECTOR;
                bytes
                    .expose()
                    .get(from..(from + SECTOR).min(bytes.len()))
                    .map(<[u8]>::to_vec)
            };
            for (index, sector) in sectors {
                let known = [&piece.old, &piece.new]
                    .into_iter()
                    .any(|bytes| of(bytes, index).as_deref() == Some(sector));
                if !known {
                    let what = piece.what.clone();
                    let at = piece.start.get() + (index * SECTOR) as u64;
                    return Err(BackupError::Changed { what, at });
                }
            }
            if now.expose() != piece.old.expose() {
                back.push(Piece {
                    what: piece.what.clone(),
                    start: piece.start,
                    old: now,
                    new: piece.old.duplicate(),
                });
            }
        }
        Ok(back)
    }
}
