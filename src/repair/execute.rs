//! Writes repairs: everything of one stage durable before the next begins, then read back from the medium.
//!
//! Decides nothing. After the first error nothing more is attempted; whatever point was reached, the good copy was not
//! touched, and diagnosing again finds what is left to do.

use std::io;

use super::{Piece, Repair, Structure};
use crate::target::latched::Latched;
use crate::target::{BlockSource as _, BlockTarget};
use crate::units::{Bytes, Extent};

/// Why a repair did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// What was to be replaced is not what was diagnosed. Nothing was written.
    #[error("{what} changed since it was looked at; nothing was written")]
    Changed {
        /// The piece.
        what: String,
    },
    /// The disk failed.
    #[error("cannot {verb} {what} ({extent})")]
    Io {
        /// `read`, `write`, `sync`, `publish` or `read back`.
        verb: &'static str,
        /// The piece.
        what: String,
        /// Where.
        extent: Extent,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("{what} is not what was written ({extent})")]
    Differs {
        /// The piece.
        what: String,
        /// Where.
        extent: Extent,
    },
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Number of writes.
    pub writes: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// Stages of pieces, in order.
pub type Stages<'a> = Vec<Vec<&'a Piece>>;

/// The stages of all repairs, in order.
pub fn stages(repairs: &[Repair]) -> Stages<'_> {
    let all = repairs.iter().flat_map(|repair| &repair.stages);
    all.map(|stage| stage.iter().collect()).collect()
}

/// Whether the kernel has to read the partition table again afterwards.
pub fn touches_table(repairs: &[Repair]) -> bool {
    repairs.iter().any(|r| r.structure == Structure::Gpt)
}

/// Writes `stages` to `target`, which still has to hold what they were made from, and reads everything back.
///
/// # Errors
/// [`ExecuteError`] at the first thing that fails.
pub fn execute(
    stages: &Stages<'_>,
    publish: bool,
    target: &mut dyn BlockTarget,
) -> Result<Written, ExecuteError> {
    let mut target = Latched::new(target);
    for piece in stages.iter().flatten() {
        let read = target.read_extent(piece.extent());
        let found = read.map_err(|source| failed("read", piece, source))?;
        if found != piece.old.expose() {
            let what = piece.what.clone();
            return Err(ExecuteError::Changed { what });
        }
    }
    let mut bytes = 0;
    for stage in stages {
        for piece in stage {
            tracing::info!(what = piece.what, at = piece.start.get(), "writing");
            let written = target.write_all_at(piece.start, piece.new.expose());
            written.map_err(|source| failed("write", piece, source))?;
            bytes += piece.new.len() as u64;
        }
        if let Some(last) = stage.last() {
            let synced = target.sync();
            synced.map_err(|source| failed("sync", last, source))?;
        }
    }
    if let Some(last) = stages.iter().flatten().next_back() {
        if publish {
            let published = target.publish();
            published.map_err(|source| failed("publish", last, source))?;
        }
        let dropped = target.drop_caches();
        dropped.map_err(|source| failed("read back", last, source))?;
    }
    for piece in stages.iter().flatten() {
        let read = target.read_extent(piece.extent());
        let found = read.map_err(|source| failed("read back", piece, source))?;
        if found != piece.new.expose() {
            return Err(ExecuteError::Differs {
                what: piece.what.clone(),
                extent: piece.extent(),
            });
        }
    }
    Ok(Written {
        writes: target.writes(),
        bytes,
    })
}

fn failed(verb: &'static str, piece: &Piece, source: io::Error) -> ExecuteError {
    ExecuteError::Io {
        verb,
        what: piece.what.clone(),
        extent: Extent::new(piece.start, Bytes::from(piece.new.len())),
        source,
    }
}
