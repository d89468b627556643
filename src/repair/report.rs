//! What a repair did, or would do, as plain data. No bytes of the disk stand in it, and no digest of META.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::execute::Written;
use super::{Diagnosis, Piece, Refusal, Repair, Structure, Urgency};
use crate::hex;
use crate::units::{Extent, Geometry};

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/repair/v1";

/// What a repair did, or would do.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// keelblock's version.
    pub version: &'static str,
    /// The disk or image.
    pub path: String,
    /// Its size and block sizes.
    pub geometry: Geometry,
    /// What came of it.
    pub outcome: Outcome,
    /// The file with the bytes from before; `repair --undo` reads it.
    pub backup: Option<String>,
    /// Number of writes.
    pub writes: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// What is, or would be, restored.
    pub repairs: Vec<Item>,
    /// What is left alone.
    pub refused: Vec<Refusal>,
    /// What is unusual and no damage.
    pub remarks: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No copy is damaged; nothing was written.
    Healthy,
    /// Nothing was written; this is what would be.
    Preview,
    /// It is done and was read back.
    Repaired,
    /// Nothing can be done.
    Refused,
    /// The bytes from before are back.
    Undone,
}

/// One thing that is restored.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Item {
    /// What kind of thing.
    pub structure: Structure,
    /// GPT name of the partition; empty for the table.
    pub volume: String,
    /// What is wrong.
    pub what: String,
    /// From what it is restored.
    pub from: String,
    /// How bad it is.
    pub urgency: Urgency,
    /// What changes, decoded.
    pub difference: Vec<String>,
    /// What is written, in order.
    pub ranges: Vec<Range>,
}

/// Blocks that are written.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Range {
    /// Part of what.
    pub what: String,
    /// Where.
    #[serde(flatten)]
    pub extent: Extent,
    /// `sha256:…` of what comes there; absent for META, whose content could be guessed from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Report {
    /// What `diagnosis` means for the disk at `path`, before anything was written.
    pub fn preview(path: &str, geometry: Geometry, diagnosis: &Diagnosis) -> Self {
        let outcome = match (diagnosis.repairs.is_empty(), diagnosis.refusals.is_empty()) {
            (true, true) => Outcome::Healthy,
            (true, false) => Outcome::Refused,
            (false, _) => Outcome::Preview,
        };
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            path: path.to_owned(),
            geometry,
            outcome,
            backup: None,
            writes: 0,
            bytes_written: 0,
            repairs: diagnosis.repairs.iter().map(item).collect(),
            refused: diagnosis.refusals.clone(),
            remarks: diagnosis.remarks.clone(),
        }
    }

    /// The same after everything was written.
    pub fn done(mut self, outcome: Outcome, written: Written, backup: Option<String>) -> Self {
        self.outcome = outcome;
        self.writes = written.writes;
        self.bytes_written = written.bytes;
        self.backup = backup;
        self
    }
}

fn item(repair: &Repair) -> Item {
    let secret = repair.structure == Structure::Meta;
    Item {
        structure: repair.structure,
        volume: repair.volume.clone(),
        what: repair.what.clone(),
        from: repair.from.clone(),
        urgency: repair.urgency,
        difference: repair.difference.clone(),
        ranges: repair.pieces().map(|piece| range(piece, secret)).collect(),
    }
}

/// A range without or with a digest.
pub fn range(piece: &Piece, secret: bool) -> Range {
    let digest = || hex::sha256(&Sha256::digest(piece.new.expose()));
    Range {
        what: piece.what.clone(),
        extent: piece.extent(),
        digest: (!secret).then(digest),
    }
}
