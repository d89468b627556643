//! `keelblock reset`.

mod preview;
mod target;

use std::path::PathBuf;

use crate::apply::receipt::{Outcome, Receipt};
use crate::cli::args::{Global, OptionalConfigArgs, PlanningArgs, parse_block_size, parse_size};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{apply, expiry, files, kdf, plan as planning};
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::partitioner::planner::Options;
use crate::partitioner::reset::{self, Request, ResetError, Subject};
use crate::plan::validity::Expiry;
use crate::plan::{Plan, Proof, canonical};
use crate::units::{BlockSize, Bytes};
use target::Targets;

/// What has to be typed.
const WORD: &str = "SAFE-RESET";

const LONG: &str = "\
Wipes STATE and EPHEMERAL, and nothing else.

Without --confirm nothing is written: it shows what would be lost, what is kept, the disk before and after, and the \
line to type. Sealed volumes lose their headers and keyslots, and with them every way to read them; anything else is \
zeroed whole. Their entries leave the table, as after Talos' own reset, and META loses tag 0x09, which opens STATE; \
with --reseal they are made again in the same places. EFI, BIOS, BOOT, all other tags of META and all other volumes \
stay as they are, and the receipt has their digests from before and after.

The volumes are found by their names in the partition tables, on whatever disk they are; with no configuration and on \
a node that does not boot any more, too. A name that two disks carry is refused until --disk says which one is meant.

Power may fail at any time: run the same again.";

/// Arguments of `reset`.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub struct ResetArgs {
    /// The configuration; needed for --reseal only.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// Only this disk (its id or path)
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    pub disk: Option<String>,
    /// Reset this image file, and look at no disk
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Logical block size of the image [default: where its table is]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
    /// Do it. The word is SAFE-RESET
    #[arg(long, value_name = "WORD")]
    pub confirm: Option<String>,
    /// Make the volumes again in the same places, sealed as the configuration says
    #[arg(long, requires = "config")]
    pub reseal: bool,
    /// Wipe these volumes, too: names as in the table, such as u-data; with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub volumes: Vec<String>,
    /// Zero sealed volumes whole, although nothing opens them any more
    #[arg(long)]
    pub zero: bool,
    /// Digest what is kept whole up to this size each, and in samples above
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    pub whole_up_to: Bytes,
    /// What it depends on.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Write the plan to this file, for `apply FILE --confirm SAFE-RESET`
    #[arg(short, long, value_name = "FILE", conflicts_with = "confirm")]
    pub output: Option<PathBuf>,
    /// When that plan expires: a time from now, such as 24h or 7d, or a moment in UTC, such as
    /// 2026-12-01T08:00:00Z [default: never]
    #[arg(long, value_name = "WHEN", requires = "output", value_parser = Expiry::parse)]
    pub expires: Option<Expiry>,
    /// Where journal and receipt go [default: /run/keelblock, or the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

pub fn run(global: &Global, args: &ResetArgs, output: &mut Output) -> Result<Exit, Failure> {
    if args.confirm.is_some() {
        confirmed(args.confirm.as_deref())?;
    }
    for name in &args.volumes {
        user_volume(name)?;
    }
    let spec = match &args.config.config[..] {
        [] => Spec::default(),
        paths => files::config(paths, &args.config.node)?,
    };
    let targets = Targets::find(global, args)?;
    let (plan, lost) = make(&targets, &spec, args)?;
    let plan = expiry::expiring(plan, args.expires)?;
    if let Some(path) = &args.output {
        files::write(path, canonical::file(&plan).as_bytes())?;
    }
    if args.confirm.is_none() {
        output.print(&plan, |colour| preview::render(&plan, lost, colour))?;
        return Ok(Exit::Done);
    }
    let receipt = apply::execute(&spec, &plan, args.state_dir.as_deref())?;
    output.print(&receipt, |_| render(&receipt, &plan))?;
    Ok(Exit::Done)
}

/// Whether the word was given that a reset needs.
///
/// # Errors
/// Exit 4 if it was not.
pub fn confirmed(word: Option<&str>) -> Result<(), Failure> {
    let message = match word {
        Some(WORD) => return Ok(()),
        Some(other) => format!("{other:?} does not confirm a reset"),
        None => String::from("the plan wipes volumes, and that was not confirmed"),
    };
    let failure = Failure::new(Exit::Refused, message);
    Err(failure.hint(format!(
        "look at what will be lost, then give --confirm {WORD}"
    )))
}

/// Only volumes of users can be named; everything else that is Talos' own is never wiped.
fn user_volume(name: &str) -> Result<(), Failure> {
    let named = ["u-", "r-", "s-"].iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    if named {
        return Ok(());
    }
    let failure = Failure::new(
        Exit::Usage,
        format!("{name:?} is no volume that can be named"),
    );
    Err(failure.hint(
        "name user volumes as the table does: u-NAME, r-NAME for raw, s-NAME for swap; STATE and EPHEMERAL go anyway",
    ))
}

/// The plan, and whether there is anything to lose.
fn make(targets: &Targets, spec: &Spec, args: &ResetArgs) -> Result<(Plan, bool), Failure> {
    let machine = &targets.inventory.machine;
    let disks = targets.disks();
    let base = planning::options(spec, machine, &disks, &args.planning);
    let options = if args.reseal {
        let (kdf, kdf_seconds) = kdf::choose(&args.planning, machine)?;
        Options {
            kdf,
            kdf_seconds,
            ..base
        }
    } else {
        Options {
            kdf_seconds: Some(0.0),
            ..base
        }
    };
    let request = Request {
        volumes: args.volumes.clone(),
        zero_sealed: args.zero,
        proof: Proof {
            whole_up_to: args.whole_up_to,
            ..Proof::default()
        },
    };
    let subjects: Vec<Subject<'_>> = targets.subjects(&args.volumes)?;
    let reseal = args.reseal.then_some(spec);
    let plan = reset::plan(machine, &subjects, &request, reseal, &options)?;
    let lost = plan.disks.iter().any(|disk| !disk.erase.is_empty());
    Ok((plan, lost))
}

/// A receipt for people.
fn render(receipt: &Receipt, plan: &Plan) -> String {
    if receipt.outcome == Outcome::Converged {
        return String::from("nothing to wipe: already reset, 0 writes\n");
    }
    let mut text = apply::render(receipt, plan);
    for unproven in &receipt.unproven {
        text.push_str(&preview::note("not proven", unproven));
    }
    text
}

impl From<ResetError> for Failure {
    fn from(error: ResetError) -> Self {
        let hint = match &error {
            ResetError::Disk { source, .. } => {
                return crate::cli::error::disk_failure(&error, source);
            }
            ResetError::Table { .. } | ResetError::Overlap { .. } => {
                "look at it with `keelblock inspect`, and repair the table first"
            }
            ResetError::Meta { .. } => "reset without --reseal, and let Talos seal it",
            ResetError::NotConfigured(_) => {
                "reset without --reseal, or give the configuration that has this volume"
            }
        };
        Self::of(Exit::Refused, &error).hint(hint)
    }
}
