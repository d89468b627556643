//! What must be true of a disk before the first write, checked on the open, locked target.

use std::io;

use crate::partitioner::adopt;
use crate::plan::{DiskPlan, Plan};
use crate::probe;
use crate::probe::inventory::Content;
use crate::probe::marker::{self, MARKER_EXTENT};
use crate::target::BlockSource;
use crate::units::{Bytes, Geometry};

/// Why a disk must not be written. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum PreconditionError {
    /// Another disk, or one that was resized.
    #[error(
        "its {field} is not the one of the plan (planned: {planned} bytes, found: {found} bytes)"
    )]
    Geometry {
        /// Which: `size`, `logical block size` or `physical block size`.
        field: &'static str,
        /// In the plan.
        planned: u64,
        /// Now.
        found: u64,
    },
    /// Something else is on it now, as its fingerprint shows.
    #[error("its contents changed since the plan was made (planned: {planned}, found: {found})")]
    Changed {
        /// In words, with the fingerprint where the words are the same.
        planned: String,
        /// Likewise.
        found: String,
    },
    /// Nobody can tell what is on it.
    #[error("its contents cannot be told: {0}")]
    Unreadable(String),
    /// An apply of another plan was interrupted here.
    #[error("an apply of another plan, {0}, was interrupted on it")]
    OtherUnfinished(String),
    /// Something lies where the mark of an unfinished apply would go.
    #[error("the 4 KiB at byte {at} are not zero, and nothing that is known accounts for them")]
    MarkerTaken {
        /// Where.
        at: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
}

impl PreconditionError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Geometry { .. } => {
                "check that the right disk is plugged in, then run `keelblock plan` again"
            }
            Self::Changed { .. } | Self::OtherUnfinished(_) => "run `keelblock plan` again",
            Self::Unreadable(_) | Self::Read(_) => "check cable, port and permissions; run as root",
            Self::MarkerTaken { .. } => {
                "look at these bytes (firmware of some boards lives there); plan with --no-mark to leave them alone"
            }
        }
    }
}

/// How a disk stands towards its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it was when planned.
    AsPlanned,
    /// An apply of this very plan was interrupted.
    Unfinished,
}

/// Checks one disk.
///
/// # Errors
/// [`PreconditionError`].
pub fn check(
    plan: &Plan,
    disk: &DiskPlan,
    source: &dyn BlockSource,
) -> Result<Standing, PreconditionError> {
    same_geometry(disk.geometry, source.geometry())?;
    if read_mark(disk, source)?.as_deref() == Some(plan.id.as_str()) {
        return Ok(Standing::Unfinished);
    }
    let (content, fingerprint) = probe::inspect_source(source);
    if let Content::Unreadable { reason } = content {
        return Err(PreconditionError::Unreadable(reason));
    }
    if fingerprint != disk.before.fingerprint {
        return Err(changed(disk, &content, &fingerprint));
    }
    free_for_mark(disk, source)?;
    Ok(Standing::AsPlanned)
}

fn changed(disk: &DiskPlan, content: &Content, fingerprint: &str) -> PreconditionError {
    let unfinished = content
        .layout()
        .and_then(|layout| layout.unfinished.clone());
    match unfinished {
        Some(other) if disk.before.unfinished.as_ref() != Some(&other) => {
            PreconditionError::OtherUnfinished(other)
        }
        _ => in_words(disk, &adopt::in_words(content), fingerprint),
    }
}

/// The same words for other bytes would say nothing: a filesystem made anew, a GUID.
fn in_words(disk: &DiskPlan, found: &str, fingerprint: &str) -> PreconditionError {
    let planned = disk.before.content.as_str();
    let exact = |words: &str, print: &str| {
        let short: String = print.chars().take(16).collect();
        format!("{words}, fingerprint {short}…")
    };
    let (planned, found) = match planned == found {
        true => (
            exact(planned, &disk.before.fingerprint),
            exact(found, fingerprint),
        ),
        false => (planned.to_owned(), found.to_owned()),
    };
    PreconditionError::Changed { planned, found }
}

fn same_geometry(planned: Geometry, found: Geometry) -> Result<(), PreconditionError> {
    let facts = |g: Geometry| {
        [
            ("size", g.size.get()),
            ("logical block size", u64::from(g.logical.get())),
            ("physical block size", u64::from(g.physical)),
        ]
    };
    // What is no larger than a logical block may as well not have been known.
    let known = if planned.physical > planned.logical.get() {
        3
    } else {
        2
    };
    let mut pairs = facts(planned).into_iter().zip(facts(found)).take(known);
    match pairs.find(|(planned, found)| planned != found) {
        None => Ok(()),
        Some(((field, planned), (_, found))) => Err(PreconditionError::Geometry {
            field,
            planned,
            found,
        }),
    }
}

/// The mark on a disk, if there is a valid one where the plan has it.
pub fn read_mark(disk: &DiskPlan, source: &dyn BlockSource) -> io::Result<Option<String>> {
    match disk.marker {
        Some(at) => Ok(marker::decode(&read_mark_place(at, source)?)),
        None => Ok(None),
    }
}

fn read_mark_place(at: Bytes, source: &dyn BlockSource) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MARKER_EXTENT.len.to_usize()];
    source.read_exact_at(at, &mut bytes)?;
    Ok(bytes)
}

/// On a disk that keeps its table, the place of the mark may hold something that nobody knows.
fn free_for_mark(disk: &DiskPlan, source: &dyn BlockSource) -> Result<(), PreconditionError> {
    let Some(at) = disk.marker.filter(|_| !disk.fresh && disk.changes()) else {
        return Ok(());
    };
    let bytes = read_mark_place(at, source)?;
    if bytes.iter().all(|byte| *byte == 0) || marker::decode(&bytes).is_some() {
        return Ok(());
    }
    Err(PreconditionError::MarkerTaken { at: at.get() })
}
