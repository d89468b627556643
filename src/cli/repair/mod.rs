//! `keelblock repair`: shows what restores damaged copies, and on a yes writes it.

mod text;
mod undo;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::cli::args::{Global, parse_block_size};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{ask, files, inspect, targets};
use crate::exit::Exit;
use crate::hex;
use crate::repair::backup;
use crate::repair::execute::{self, ExecuteError, Written};
use crate::repair::report::{Outcome, Report};
use crate::repair::{Blocked, Diagnosis, Piece, Refusal, Repair, Side, diagnose};
use crate::target::BlockTarget;
use crate::target::device::BlockDevice;
use crate::target::image::ImageFile;
use crate::units::{BlockSize, Bytes, Geometry};
use text::{prefix, render};

const ABOUT: &str = "\
Talos keeps three things twice on a disk: the partition table (GPT), the header of every LUKS2 volume, and META. This \
looks for damaged copies, shows what would restore them from the good one, and writes nothing until the operator \
says so: with --yes, or with a yes at a terminal.

It refuses where no copy is good, where both are good and differ (--from decides then), where something else lies, and \
where an apply or a reset was interrupted: finish that first. The bytes from before are kept in a file first; --undo \
puts them back.";

/// Arguments of `repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub struct RepairArgs {
    /// The disk
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    #[arg(required_unless_present_any = ["image", "undo"])]
    pub disk: Option<PathBuf>,
    /// The image
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Write; without it only what would be written is shown
    #[arg(long)]
    pub yes: bool,
    /// Which copy is right where both are whole and differ: primary (the first) or backup
    #[arg(long, value_name = "COPY", conflicts_with = "undo")]
    pub from: Option<Side>,
    /// Keep the bytes from before in this new file [default: one in the state folder]
    #[arg(long, value_name = "FILE", conflicts_with = "undo")]
    pub backup: Option<PathBuf>,
    /// Put back what a repair replaced, from the file that it kept
    #[arg(long, value_name = "FILE")]
    pub undo: Option<PathBuf>,
    /// Where the bytes from before and the receipt go [default: /run/keelblock, or the
    /// temporary folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Logical block size of an image [default: where its table is]
    #[arg(long, value_name = "BYTES", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
}

pub fn run(global: &Global, args: &RepairArgs, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(file) = &args.undo {
        return undo::run(global, args, file, output);
    }
    let path = args.disk.as_ref().or(args.image.as_ref());
    let path = path.ok_or_else(|| {
        Failure::new(Exit::Usage, "there is nothing to repair")
            .hint("name it with --disk or --image")
    })?;
    let source = inspect::open(path, args.sector_size)?;
    let geometry = source.geometry();
    let diagnosis = diagnose(source.as_ref(), args.from);
    drop(source);
    allowed(path, &diagnosis)?;
    let shown = path.display().to_string();
    let report = Report::preview(&shown, geometry, &diagnosis);
    if diagnosis.repairs.is_empty() {
        output.print(&report, |_| render(&report, args))?;
        return match diagnosis.refusals.is_empty() {
            true => Ok(Exit::Done),
            false => Err(left_alone(path, &diagnosis.refusals)),
        };
    }
    if !args.yes {
        if !ask::somebody(global) {
            output.print(&report, |_| render(&report, args))?;
            return Ok(Exit::Done);
        }
        output.text(&render(&report, args))?;
        if !ask::confirm("write this?") {
            output.text("nothing was written\n")?;
            return Ok(Exit::Done);
        }
    }
    let (written, backup) = write(path, args, geometry, &diagnosis)?;
    let report = report.done(
        Outcome::Repaired,
        written,
        Some(backup.display().to_string()),
    );
    keep(&report, &backup);
    output.print(&report, |_| render(&report, args))?;
    match diagnosis.refusals.is_empty() {
        true => Ok(Exit::Done),
        false => Err(left_alone(path, &diagnosis.refusals)),
    }
}

/// Diagnoses again on the open, locked disk, keeps the bytes from before, and writes.
fn write(
    path: &Path,
    args: &RepairArgs,
    geometry: Geometry,
    shown: &Diagnosis,
) -> Result<(Written, PathBuf), Failure> {
    let mut target = open(path, geometry.logical)?;
    let now = diagnose(target.as_ref(), args.from);
    allowed(path, &now)?;
    if !same(&shown.repairs, &now.repairs) {
        let message = format!(
            "refusing to write {}: it changed since it was looked at",
            path.display()
        );
        return Err(
            Failure::new(Exit::Refused, message).hint("run the same again, and read what it shows")
        );
    }
    let text = backup::encode(&path.display().to_string(), geometry, &now.repairs);
    let file = match &args.backup {
        Some(file) if files::exists(file) => {
            let message = format!("{} exists already", file.display());
            let failure = Failure::new(Exit::Refused, message);
            return Err(failure.hint("it may be what another repair kept: name a new file"));
        }
        Some(file) => file.clone(),
        None => {
            let short = hex::lower(&Sha256::digest(&*text)[..8]);
            let folder = targets::state_dir(args.state_dir.as_deref())?;
            folder.join(format!("repair-{short}.backup.json"))
        }
    };
    files::write(&file, &text)?;
    let publish = execute::touches_table(&now.repairs);
    let written = execute::execute(&execute::stages(&now.repairs), publish, target.as_mut());
    let undo = format!(
        "`keelblock repair --undo {} --yes` puts everything back",
        file.display()
    );
    let written = written.map_err(|error| failed(path, &error, &undo))?;
    Ok((written, file))
}

fn open(path: &Path, block: BlockSize) -> Result<Box<dyn BlockTarget>, Failure> {
    if files::is_block_device(path)? {
        return Ok(Box::new(BlockDevice::open(path, None)?));
    }
    Ok(Box::new(ImageFile::open(path, block, 0)?))
}

/// Whether the same bytes go to the same places.
fn same(a: &[Repair], b: &[Repair]) -> bool {
    let pieces = |repairs: &[Repair]| -> Vec<(Bytes, Vec<u8>)> {
        let digest = |piece: &Piece| {
            let hash = Sha256::new().chain_update(piece.old.expose());
            (
                piece.start,
                hash.chain_update(piece.new.expose()).finalize().to_vec(),
            )
        };
        repairs
            .iter()
            .flat_map(Repair::pieces)
            .map(digest)
            .collect()
    };
    pieces(a) == pieces(b)
}

fn allowed(path: &Path, diagnosis: &Diagnosis) -> Result<(), Failure> {
    let Some(blocked) = &diagnosis.blocked else {
        return Ok(());
    };
    let mut failure = Failure::new(
        Exit::Refused,
        format!("refusing to repair {}", path.display()),
    );
    let hint = match blocked {
        Blocked::Unfinished(plan) => {
            let whose = plan.as_ref().map_or_else(
                || String::from("an apply or a reset was interrupted on it"),
                |plan| format!("an apply of plan {plan} was interrupted on it"),
            );
            failure.causes = vec![format!("{whose}, and may have removed a copy on purpose")];
            "run the same apply or reset again first, which finishes it"
        }
        Blocked::Unreadable(why) => {
            failure.causes = vec![format!("it cannot be told what is on it: {why}")];
            "check cable, port and permissions; run as root"
        }
    };
    Err(failure.hint(hint))
}

fn left_alone(path: &Path, refusals: &[Refusal]) -> Failure {
    let message = format!("not everything on {} can be repaired", path.display());
    let mut failure = Failure::new(Exit::Refused, message);
    failure.causes = refusals
        .iter()
        .map(|refusal| {
            format!(
                "{}{}: {}",
                prefix(&refusal.volume),
                refusal.what,
                refusal.why
            )
        })
        .collect();
    let choices = refusals.iter().flat_map(|refusal| &refusal.choices).next();
    failure.hint(match choices {
        Some(_) => "look at both copies and say with --from which one is right",
        None => "`keelblock rescue` shows what is left",
    })
}

fn failed(path: &Path, error: &ExecuteError, way_back: &str) -> Failure {
    let (exit, hint) = match error {
        ExecuteError::Changed { .. } => (Exit::Refused, String::from("run the same again")),
        ExecuteError::Io { .. } => (
            Exit::Io,
            format!("check cable, port and power, then run the same again; {way_back}"),
        ),
        ExecuteError::Differs { .. } => (
            Exit::Drift,
            format!(
                "the disk does not keep what it is given: try another cable and port; {way_back}"
            ),
        ),
    };
    let message = format!("the repair of {} did not finish", path.display());
    Failure::new(exit, message).because(error).hint(hint)
}

/// The receipt is printed; a copy stays beside the bytes from before.
fn keep(report: &Report, backup: &Path) {
    let path = backup.with_extension("receipt.json");
    let written = serde_json::to_vec_pretty(report)
        .map_err(|error| Failure::internal("the receipt cannot be written as JSON", error))
        .and_then(|json| files::write(&path, &json));
    if let Err(failure) = written {
        tracing::warn!(error = failure.message, "the receipt was not kept");
    }
}
