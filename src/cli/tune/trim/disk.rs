//! A TRIM test on a disk: what may be written there, in which mode, and what of it is kept.

use std::path::{Path, PathBuf};

use super::{Report, TrimArgs, WORD, exit, held, tested, text, troubled};
use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{context, files, inspect, targets};
use crate::clock;
use crate::exit::Exit;
use crate::probe::inspect_source;
use crate::probe::inventory::{Content, Disk, Inventory};
use crate::root::Root;
use crate::selector::forbids_writing;
use crate::sys::signals::Held;
use crate::target::device::BlockDevice;
use crate::target::{BlockSource, BlockTarget as _};
use crate::tuner::trim::proof::{Proof, SCHEMA};
use crate::tuner::trim::provisioning::{ModeError, Provisioning, Switched};
use crate::tuner::trim::range::{self, RangeError};
use crate::tuner::trim::run::save;
use crate::tuner::trim::subject::Subject;
use crate::tuner::trim::{Plan, Verdict, least};
use crate::units::{Bytes, Extent};

pub fn run(
    global: &Global,
    args: &TrimArgs,
    name: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if global.hardware.is_some() {
        let failure = Failure::new(
            Exit::Usage,
            "the disk of a recorded machine cannot be tested",
        );
        return Err(failure.hint("leave --hardware out"));
    }
    let root = context::root(global);
    let inventory = context::live(global);
    let disk = context::named_disk(&inventory, name)?;
    let provisioning = Provisioning::read(&root, disk);
    if args.confirm.is_none() {
        return preview(args, &root, &inventory, disk, provisioning, output);
    }
    allowed(disk)?;
    let held = held()?;
    let device = BlockDevice::open(Path::new(&disk.path), disk.diskseq)?;
    // What the probe saw may have changed since; from here on nobody else can.
    let (content, _) = inspect_source(&device);
    let (free, plan) = place(args, disk, &device, &content, provisioning.granularity)?;
    kernel_agrees(disk, &device, plan.window)?;
    let mut report = report(args, &root, &inventory, disk, &provisioning);
    report.free = free;
    let test = Test {
        args,
        root: &root,
        path: &disk.path,
        id: &disk.id,
        plan: &plan,
        held: &held,
    };
    let failed = test.on(device, provisioning, &mut report);
    if let Some(file) = args.output.as_ref().filter(|_| failed.is_none()) {
        record(file, &report)?;
    }
    let Some(failure) = failed else {
        output.print(&report, |_| text::render(&report))?;
        return Ok(report.verdict.map_or(Exit::Internal, exit));
    };
    if !report.rounds.is_empty() {
        // What was seen before it failed may be the worst news.
        output.print(&report, |_| text::render(&report))?;
    }
    if held.pending().is_some() {
        // The signal that was held back ends the program below: what came of it has to be said before.
        let code = output.fail(&failure);
        drop(held);
        return Ok(code);
    }
    Err(failure)
}

/// What would be done, and that it was not confirmed.
fn preview(
    args: &TrimArgs,
    root: &Root,
    inventory: &Inventory,
    disk: &Disk,
    provisioning: Provisioning,
    output: &mut Output,
) -> Result<Exit, Failure> {
    allowed(disk)?;
    let block = u32::try_from(disk.talos.sector_size).ok();
    let block = block.and_then(|block| block.try_into().ok());
    let source = inspect::open(Path::new(&disk.path), block)?;
    let granularity = provisioning.granularity;
    let (free, plan) = place(args, disk, source.as_ref(), &disk.content, granularity)?;
    let mut report = report(args, root, inventory, disk, &provisioning);
    report.free = free;
    report.planned(&plan);
    output.print(&report, |_| text::render(&report))?;
    let message = format!("the test of {} was not confirmed", disk.path);
    let failure = Failure::new(Exit::Refused, message);
    Err(failure.hint(format!("give --confirm {WORD} to do it")))
}

fn report(
    args: &TrimArgs,
    root: &Root,
    inventory: &Inventory,
    disk: &Disk,
    provisioning: &Provisioning,
) -> Report {
    let mut report = Report::new(disk.path.clone());
    report.disk = Some(Subject::read(root, disk));
    report.kernel.clone_from(&inventory.machine.kernel);
    report.granularity = provisioning.granularity;
    let now = provisioning.mode.clone();
    report.mode = args.mode.clone().unwrap_or_else(|| now.clone());
    report.mode_before = (report.mode != now).then_some(now);
    report
}

/// Refuses a disk that must not be written at all: in use, write-protected, a boot medium, unreadable.
fn allowed(disk: &Disk) -> Result<(), Failure> {
    let against = forbids_writing(disk);
    if against.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new(Exit::Refused, format!("refusing to test {}", disk.path));
    failure.causes = against;
    Err(failure
        .hint("unmount or stop what uses it; `keelblock probe` shows what speaks against a disk"))
}

/// Where the test is done, and with `--free` the range that this is the middle of.
fn place(
    args: &TrimArgs,
    disk: &Disk,
    source: &dyn BlockSource,
    content: &Content,
    granularity: u64,
) -> Result<(Option<Extent>, Plan), Failure> {
    let geometry = source.geometry();
    let granularity = Bytes::new(granularity);
    let refused = |error: RangeError| refused(&disk.path, &error);
    let (free, window) = match args.range {
        Some(window) => {
            range::check(content, geometry, window).map_err(refused)?;
            (None, window)
        }
        None => {
            let len = args.size.max(least(granularity)?);
            let (free, window) = range::pick(content, geometry, len).map_err(refused)?;
            (Some(free), window)
        }
    };
    let plan = Plan::new(window, geometry, granularity, clock::now().seconds())?;
    Ok((free, plan))
}

fn refused(path: &str, error: &RangeError) -> Failure {
    let (exit, hint) = match error {
        RangeError::Partition { .. } | RangeError::Edge { .. } => (
            Exit::Refused,
            "`keelblock inspect` shows the partitions; --free finds a free range",
        ),
        RangeError::Full { .. } => (
            Exit::Refused,
            "test another disk of the same model and firmware, or before this one is laid out",
        ),
        RangeError::Unreadable(_) => (Exit::Refused, "run as root, and check cable and port"),
        RangeError::Unfinished(_) => (Exit::Refused, "finish the apply or reset first"),
        RangeError::Table(_) => (
            Exit::Refused,
            "`keelblock repair` shows what can be restored",
        ),
        RangeError::Foreign(_) => (
            Exit::Refused,
            "without a table nobody can tell which part of it is free",
        ),
    };
    Failure::new(exit, format!("refusing to test {path}"))
        .because(error)
        .hint(hint)
}

/// The running kernel may have partitions that the table on the disk does not show.
fn kernel_agrees(disk: &Disk, device: &BlockDevice, window: Extent) -> Result<(), Failure> {
    let slots = device.kernel_partitions().map_err(|error| {
        Failure::new(
            Exit::Io,
            format!("cannot tell which partitions of {} are in use", disk.path),
        )
        .because(&error)
        .hint("check that the disk is still plugged in")
    })?;
    let mut slots = slots.unwrap_or_default().into_iter();
    match slots.find(|slot| slot.extent.overlaps(window)) {
        None => Ok(()),
        Some(slot) => {
            let message = format!(
                "refusing to test {}: the kernel has partition {} ({}) there, and the table has not",
                disk.path, slot.number, slot.extent
            );
            Err(Failure::new(Exit::Refused, message)
                .hint("have the table read again: blockdev --rereadpt"))
        }
    }
}

/// Everything that a test on an open disk needs.
struct Test<'a> {
    args: &'a TrimArgs,
    root: &'a Root,
    path: &'a str,
    id: &'a str,
    plan: &'a Plan,
    held: &'a Held,
}

impl Test<'_> {
    /// Sets the mode, tests, and sets it back, whatever came of it.
    fn on(
        &self,
        mut device: BlockDevice,
        provisioning: Provisioning,
        report: &mut Report,
    ) -> Option<Failure> {
        let switched = match &self.args.mode {
            None => None,
            Some(mode) => match Switched::to(self.root, provisioning.clone(), mode) {
                Ok(switched) => Some(switched),
                Err(error) => return Some(mode_failed(self.path, &error)),
            },
        };
        let now = provisioning.again(self.root);
        report.granularity = now.granularity;
        let mut failed = match unsupported(&now) {
            Some(why) => {
                report.decided(Verdict::Unsupported, why);
                None
            }
            None => self
                .tested(&mut device, now.granularity, report)
                .unwrap_or_else(Some),
        };
        let after = provisioning.again(self.root);
        // The kernel takes the command away from a drive that rejected it, and tells nobody who asks.
        if failed.is_none()
            && report.verdict == Some(Verdict::Ineffective)
            && after.max_bytes == Some(0)
        {
            let why = String::from(
                "the drive rejected the command, and the kernel has switched it off since",
            );
            report.decided(Verdict::Unsupported, why);
        }
        if let Some(Err(error)) = switched.map(Switched::back) {
            let unrestored = mode_failed(self.path, &error);
            failed = Some(match failed {
                None => unrestored,
                Some(failure) => failure.also(unrestored.message).because(&error),
            });
        }
        failed
    }

    fn tested(
        &self,
        device: &mut BlockDevice,
        granularity: u64,
        report: &mut Report,
    ) -> Result<Option<Failure>, Failure> {
        // A disk on which TRIM was off has no granularity until it is on.
        let (path, planned, unit) = (self.path, self.plan, Bytes::new(granularity));
        let plan = &Plan::new(planned.window, device.geometry(), unit, planned.seed)?;
        report.planned(plan);
        let before = save(device, plan).map_err(|error| {
            Failure::new(Exit::Io, format!("cannot test {path}: nothing was written"))
                .because(&error)
                .hint("check cable, port and power")
        })?;
        let folder = targets::state_dir(self.args.state_dir.as_deref())?;
        let kept = kept_file(&folder, self.id, plan.window);
        if files::exists(&kept) {
            return Err(left_over(path, &kept, plan.window));
        }
        files::write(&kept, &before.window)?;
        let ran = tested(device, plan, &before, self.held);
        let hint = put_back(path, &kept, plan.window);
        let failure = troubled(path, plan, &ran, Some(&hint));
        let restored = ran.unrestored.is_empty();
        report.ran(ran);
        if restored {
            files::remove(&kept)?;
        }
        Ok(failure)
    }
}

/// The file with the bytes from before; the same for the same disk and range, so that it is found again.
fn kept_file(folder: &Path, id: &str, window: Extent) -> PathBuf {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let id: String = id.chars().map(plain).take(100).collect();
    folder.join(format!("trim-test-{id}-{}.bytes", window.start.get()))
}

fn left_over(path: &str, kept: &Path, window: Extent) -> Failure {
    let message = format!(
        "refusing to test {path}: a test was interrupted, and {} has what {} held before",
        kept.display(),
        text::bytes(window)
    );
    let hint = format!("{}; then remove the file", put_back(path, kept, window));
    Failure::new(Exit::Refused, message).hint(hint)
}

fn put_back(path: &str, kept: &Path, window: Extent) -> String {
    format!(
        "this puts the old bytes back: dd if={} of={path} bs=1M seek={} oflag=seek_bytes conv=fsync",
        kept.display(),
        window.start.get()
    )
}

/// Why the kernel would refuse, as it stands; nothing has to be written to know that.
fn unsupported(now: &Provisioning) -> Option<String> {
    if now.max_bytes.is_some_and(|most| most > 0) {
        return None;
    }
    let why = "the kernel does not unmap on this disk (discard_max_bytes is 0)";
    Some(match now.mode.as_str() {
        "full" => format!(
            "{why}: it found no sign of TRIM (provisioning_mode full). A drive behind uas may still have it: run the \
             same with --mode unmap"
        ),
        "disabled" => format!(
            "{why}: it was switched off, or the drive rejected it (provisioning_mode disabled)"
        ),
        "" => why.to_owned(),
        mode => format!("{why}, although provisioning_mode is {mode}"),
    })
}

fn mode_failed(path: &str, error: &ModeError) -> Failure {
    let (exit, hint) = match error {
        ModeError::None => (Exit::Refused, "leave --mode out"),
        ModeError::Write { .. } => (Exit::Io, "run as root, where /sys can be written"),
        ModeError::Other { .. } => (Exit::Io, "look at it, and write it by hand"),
    };
    let message = format!("the mode of {path} cannot be set");
    Failure::new(exit, message).because(error).hint(hint)
}

fn record(file: &Path, report: &Report) -> Result<(), Failure> {
    let (Some(disk), Some(verdict)) = (&report.disk, report.verdict) else {
        return Ok(());
    };
    let proof = Proof {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: clock::now(),
        disk: disk.clone(),
        kernel: report.kernel.clone(),
        mode: report.mode.clone(),
        range: report
            .window
            .unwrap_or(Extent::new(Bytes::ZERO, Bytes::ZERO)),
        reads: report.rounds.first().and_then(|round| round.reads),
        verdict,
    };
    let text = crate::cli::output::document(&proof)?;
    files::write(file, text.as_bytes())
}
