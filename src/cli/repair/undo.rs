//! `keelblock repair --undo`: puts back what a repair replaced.

use std::path::{Path, PathBuf};

use super::{RepairArgs, failed, open};
use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{ask, files};
use crate::exit::Exit;
use crate::repair::backup::{self, BackupError};
use crate::repair::execute::{self, Written};
use crate::repair::report::{Outcome, Report};
use crate::repair::{Diagnosis, Piece};

pub(super) fn run(
    global: &Global,
    args: &RepairArgs,
    file: &Path,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let text = zeroize::Zeroizing::new(files::text(file)?);
    let cannot = |error: BackupError| unusable(file, &error);
    let kept = backup::decode(text.as_bytes()).map_err(cannot)?;
    let named = args.disk.as_ref().or(args.image.as_ref());
    let path = named.map_or_else(|| PathBuf::from(&kept.path), Clone::clone);
    let mut target = open(&path, kept.block)?;
    let pieces = kept.undo(target.as_ref()).map_err(cannot)?;
    let shown = path.display().to_string();
    let nothing = Diagnosis::default();
    let report = Report::preview(&shown, target.geometry(), &nothing);
    let list = ranges(&pieces);
    if pieces.is_empty() {
        let report = report.done(Outcome::Undone, Written::default(), None);
        output.print(&report, |_| {
            format!("{shown} is as it was before: 0 writes\n")
        })?;
        return Ok(Exit::Done);
    }
    let agreed = args.yes || {
        output.text(&format!("{shown}: would put back\n{list}"))?;
        ask::somebody(global) && ask::confirm("write this?")
    };
    if !agreed {
        let report = report.done(Outcome::Preview, Written::default(), None);
        output.print(&report, |_| {
            String::from("nothing was written; --yes does it\n")
        })?;
        return Ok(Exit::Done);
    }
    let stages: execute::Stages<'_> = pieces.iter().map(|piece| vec![piece]).collect();
    let again = "run the same again to go on";
    let written = execute::execute(&stages, kept.publish, target.as_mut())
        .map_err(|error| failed(&path, &error, again))?;
    let report = report.done(Outcome::Undone, written, None);
    output.print(&report, |_| {
        format!("{shown} is as it was before the repair\n{list}")
    })?;
    Ok(Exit::Done)
}

fn unusable(file: &Path, error: &BackupError) -> Failure {
    let (exit, hint) = match error {
        BackupError::Format(_) | BackupError::Schema(_) | BackupError::Piece(_) => {
            (Exit::Usage, "name the file that `keelblock repair` kept")
        }
        BackupError::Geometry { .. } => {
            (Exit::Refused, "name the disk that was repaired with --disk")
        }
        BackupError::Changed { .. } => (
            Exit::Refused,
            "nothing was written: putting the old bytes back would destroy what came since",
        ),
        BackupError::Read(..) => (Exit::Io, "check cable, port and permissions; run as root"),
    };
    let message = format!("{} cannot be put back", file.display());
    Failure::new(exit, message).because(error).hint(hint)
}

fn ranges(pieces: &[Piece]) -> String {
    let line = |piece: &Piece| {
        let extent = piece.extent();
        let (start, end) = (extent.start.get(), extent.end().get());
        format!(
            "  {:#x}..{:#x}  {} ({})\n",
            start, end, piece.what, extent.len
        )
    };
    pieces.iter().map(line).collect()
}
