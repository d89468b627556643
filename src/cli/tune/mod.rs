//! `keelblock tune`: sets, compares or puts back the settings of disks and of the machine.

pub(super) mod export;
pub(super) mod lint;
mod proofs;
mod render;
mod state;
pub(super) mod trim;
mod wants;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::cli::args::{Global, OptionalConfigArgs};
use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::root::Root;
use crate::tuner::desired::Desired;
use crate::tuner::disk::Disk;
use crate::tuner::machine::{Machine, Recorded};
use crate::tuner::profile;
use crate::tuner::receipt::Receipt;
use crate::tuner::report::{Mode, Outcome, Report};
use crate::tuner::{apply, blame, order};

use wants::Wants;

const ABOUT: &str = "\
Sets what the profile of each disk says, and what the configuration itself asks with machine.sysctls, machine.sysfs and \
their documents; where both speak of one setting, the configuration wins and the conflict is said. Every value is read \
back, and all of them once more at the end: the kernel rounds, clamps and ignores values, and some writes set others \
back. What cannot be set is reported, and the rest is set all the same.

Settings of sysfs last until the disk is plugged in again or the machine boots. Until then, what was there before the \
first run can be put back with --undo.

See what it would do:     keelblock tune --dry-run
Rehearse it elsewhere:    keelblock tune --dry-run --hardware mini01.json
Do it:                    keelblock tune -c mini01.yaml
Is all still as wanted:   keelblock tune -c mini01.yaml --check
Keep it so:               keelblock tune -c mini01.yaml --watch --metrics 9723

A file of profiles has the form of the built-in one, which --print-profiles shows; its profiles come first.

Exit codes: 0 all is as wanted; 6 something is not; 5 something could not be read or written at all.";

/// Arguments of `tune`.
#[derive(Debug, Args)]
#[command(after_help = ABOUT, args_conflicts_with_subcommands = true)]
pub struct TuneArgs {
    /// Something else than setting.
    #[command(subcommand)]
    pub command: Option<TuneCommand>,
    /// The configuration.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// Only this disk (its path or kernel name), and nothing of the machine
    #[arg(long, value_name = "PATH", conflicts_with = "watch")]
    pub disk: Option<String>,
    /// Compare only; drift is exit 6
    #[arg(long, group = "way")]
    pub check: bool,
    /// Show what would be written, and write nothing
    #[arg(long, group = "way")]
    pub dry_run: bool,
    /// Go on following the kernel: set what is plugged in, and what drifts
    #[arg(long, group = "way")]
    pub watch: bool,
    /// Serve metrics for Prometheus here; a port alone is on the loopback device
    #[arg(long, value_name = "ADDRESS", requires = "watch")]
    pub metrics: Option<String>,
    /// Write the metrics to a file, for node_exporter
    #[arg(long, value_name = "FILE", requires = "watch")]
    pub textfile: Option<PathBuf>,
    /// Put back what was there before
    #[arg(long, group = "way", conflicts_with_all = ["config", "profiles"])]
    pub undo: bool,
    /// Print the built-in profiles
    #[arg(long, group = "way", conflicts_with_all = ["config", "profiles", "disk"])]
    pub print_profiles: bool,
    /// A file of profiles that are tried before the built-in ones
    #[arg(long, value_name = "FILE")]
    pub profiles: Option<PathBuf>,
    /// A proof of `tune trim-test` that a disk unmaps what it is told to; may be given several times
    #[arg(long, value_name = "FILE")]
    pub proof: Vec<PathBuf>,
    /// Folder for the receipt that --undo reads [default: /run/keelblock]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// What `tune` can be asked for by name.
#[derive(Debug, Subcommand)]
pub enum TuneCommand {
    /// Print the profiles as a udev rule, a sysctl or modprobe file, or a Talos patch
    Export(export::ExportArgs),
    /// Find rules and settings in files that do nothing, do harm or undo each other
    Lint(lint::LintArgs),
    /// Find out whether a disk's TRIM does what it says, on free space or in a new file
    TrimTest(trim::TrimArgs),
}

impl TuneArgs {
    const fn mode(&self) -> Mode {
        match (self.check, self.dry_run, self.undo) {
            (true, ..) => Mode::Check,
            (_, true, _) => Mode::DryRun,
            (.., true) => Mode::Undo,
            _ => Mode::Apply,
        }
    }
}

pub fn run(global: &Global, args: &TuneArgs, output: &mut Output) -> Result<Exit, Failure> {
    match &args.command {
        Some(TuneCommand::Export(args)) => return export::run(global, args, output),
        Some(TuneCommand::Lint(args)) => return lint::run(args, output),
        Some(TuneCommand::TrimTest(args)) => return trim::run(global, args, output),
        None => {}
    }
    if args.print_profiles {
        output.text(profile::BUILT_IN)?;
        return Ok(Exit::Done);
    }
    let mode = args.mode();
    if args.watch && global.hardware.is_none() {
        return watch::run(&context::root(global), args);
    }
    let report = match (&global.hardware, mode) {
        (Some(path), Mode::Check | Mode::DryRun) => {
            let snapshot = context::recorded(path)?;
            if snapshot.attributes.is_empty() {
                let message = format!("{} records no attributes of sysfs", path.display());
                let failure = Failure::new(Exit::Usage, message);
                return Err(failure.hint("record the machine with `keelblock snapshot -o FILE`"));
            }
            let machine = Recorded(&snapshot.attributes);
            apply::compare(&machine, &wanted(args, &machine, None)?, mode)
        }
        (Some(_), _) => {
            let failure = Failure::new(Exit::Usage, "a recorded machine cannot be set");
            return Err(failure.hint("add --dry-run or --check, or leave --hardware out"));
        }
        (None, _) => here(&context::root(global), args, mode)?,
    };
    output.print(&report, |_| render::render(&report))?;
    Ok(exit(&report))
}

/// What `--check` without further arguments says of the machine under `root`.
pub fn compared(root: &Root, spec: Option<&Spec>) -> Report {
    apply::compare(root, &wants::plain(spec, root, Some(root)), Mode::Check)
}

/// The same of the attributes of a recorded machine.
pub fn compared_record(attributes: &BTreeMap<String, String>, spec: Option<&Spec>) -> Report {
    let machine = Recorded(attributes);
    apply::compare(&machine, &wants::plain(spec, &machine, None), Mode::Check)
}

/// On this machine.
fn here(root: &Root, args: &TuneArgs, mode: Mode) -> Result<Report, Failure> {
    match mode {
        Mode::Check | Mode::DryRun => {
            let mut report = apply::compare(root, &wanted(args, root, Some(root))?, mode);
            blamed(root, &mut report);
            Ok(report)
        }
        Mode::Apply => set(
            root,
            &wanted(args, root, Some(root))?,
            &state::Store::open(args.state_dir.as_deref())?,
        ),
        Mode::Undo => undo(root, args),
    }
}

/// Makes the machine as it should be, and keeps what was there before.
fn set(root: &Root, desired: &Desired, store: &state::Store) -> Result<Report, Failure> {
    let found = apply::compare(root, desired, Mode::Apply);
    let earlier = store.load()?.map(|mut receipt| {
        receipt.prune(&desired.disks);
        receipt
    });
    if found.drift().next().is_none() {
        return Ok(found);
    }
    let before = Receipt::before(root, desired)
        .map_err(|error| Failure::internal("the id of this boot cannot be read", error))?;
    let mut receipt = match &earlier {
        Some(earlier) => before.after(earlier.clone()),
        None => before,
    };
    // Kept before anything is written: a run that is killed can be undone.
    store.save(&receipt)?;
    let mut report = apply::apply(root, desired, Mode::Apply);
    blamed(root, &mut report);
    receipt.settle(&report, earlier.as_ref());
    store.save(&receipt)?;
    Ok(report)
}

/// Says who set what is not as wanted.
fn blamed(root: &Root, report: &mut Report) {
    for setting in report.settings.iter_mut().filter(|it| !it.result.is_good()) {
        if matches!(setting.result, Outcome::Gone | Outcome::Failed) {
            continue;
        }
        let known = order::knob(&setting.key).map(|knob| knob.key.to_owned());
        let name = setting
            .disk
            .as_ref()
            .map(|path| path.trim_start_matches("/dev/").replace('/', "!"));
        let subject = blame::Subject {
            key: known.unwrap_or_else(|| setting.key.clone()),
            disk: name.map(|name| Path::new("/sys/class/block").join(name)),
        };
        let blame = blame::blame(root, &subject, setting.now.as_deref(), &setting.wanted);
        setting.blame = Some(blame.to_string());
    }
}

fn undo(root: &Root, args: &TuneArgs) -> Result<Report, Failure> {
    let store = state::Store::open(args.state_dir.as_deref())?;
    let Some(mut receipt) = store.load()? else {
        return Err(store.nothing_to_undo());
    };
    let mut desired = receipt
        .undo(root)
        .map_err(|error| Failure::internal("the id of this boot cannot be read", error))?;
    if let Some(name) = &args.disk {
        desired.only(named(&desired.disks, name, Some(root))?);
    }
    let report = apply::apply(root, &desired, Mode::Undo);
    if args.disk.is_none() {
        receipt.forget(&report);
        store.save(&receipt)?;
    }
    Ok(report)
}

/// What is wanted of `machine`, or of the one disk of it that was named.
fn wanted(args: &TuneArgs, machine: &dyn Machine, root: Option<&Root>) -> Result<Desired, Failure> {
    let mut desired = Wants::read(args)?.of(machine, root);
    if let Some(name) = &args.disk {
        desired.only(named(&desired.disks, name, root)?);
    }
    Ok(desired)
}

/// The disk of this path or kernel name; links below `/dev` are followed on a machine that is there.
fn named(disks: &[Disk], name: &str, root: Option<&Root>) -> Result<usize, Failure> {
    let resolved = root.and_then(|root| root.canonical(name).ok().flatten());
    let is_it = |disk: &Disk| {
        let path = disk.path();
        path == name || disk.name == name || resolved.as_deref() == Some(Path::new(&path))
    };
    disks.iter().position(is_it).ok_or_else(|| {
        let known: Vec<String> = disks.iter().map(Disk::path).collect();
        Failure::new(Exit::NoDisk, format!("there is no disk {name}")).hint(
            match known.is_empty() {
                true => "this machine has no disk that could be tuned".to_owned(),
                false => format!("disks that are there: {}", known.join(", ")),
            },
        )
    })
}

/// Drift is exit 6; what the kernel could not read or write is an I/O failure.
fn exit(report: &Report) -> Exit {
    let failed = |outcome: Outcome| report.drift().any(|setting| setting.result == outcome);
    match report.mode {
        Mode::DryRun => Exit::Done,
        _ if failed(Outcome::Failed) => Exit::Io,
        _ if report.drift().next().is_some() => Exit::Drift,
        _ => Exit::Done,
    }
}
