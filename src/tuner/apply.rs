//! Writes what differs, reads every value back, and looks at all of them once more at the end.
//!
//! What cannot be set is reported, and the rest is set all the same. Before each write the disk is looked at again: a
//! name that another disk has taken over is left alone.

use std::io;

use nix::errno::Errno;

use super::desired::{Desired, Wish};
use super::disk::Disk;
use super::knobs::{Judgement, Likeness};
use super::machine::{Kernel, Machine};
use super::report::{Mode, Outcome, Report, SCHEMA, Setting, Tuned};
use super::{order, quirks, value};

/// Compares, and writes nothing.
pub fn compare(machine: &dyn Machine, desired: &Desired, mode: Mode) -> Report {
    let settings = desired.wishes.iter().map(|wish| {
        let now = read(machine, desired, wish);
        setting(desired, wish, &now, &now, Outcome::Differs)
    });
    report(desired, settings.collect(), mode)
}

/// Makes the machine as it should be.
pub fn apply(kernel: &dyn Kernel, desired: &Desired, mode: Mode) -> Report {
    let before: Vec<Found> = desired
        .wishes
        .iter()
        .map(|wish| read(kernel, desired, wish))
        .collect();
    let written: Vec<Written> = desired
        .wishes
        .iter()
        .map(|wish| write(kernel, desired, wish))
        .collect();
    let mut settings = Vec::new();
    for ((wish, before), written) in desired.wishes.iter().zip(&before).zip(written) {
        let now = read(kernel, desired, wish);
        let mut done = setting(desired, wish, before, &now, written.outcome);
        if done.result == Outcome::AsWanted && done.before != done.now {
            // An earlier write of this run had changed it, or this one did.
            done.result = Outcome::Set;
        }
        if done.detail.is_none() {
            done.detail = written.detail;
        }
        settings.push(done);
    }
    report(desired, settings, mode)
}

/// What reading a setting gave.
#[derive(Clone, Debug)]
enum Found {
    Value(String),
    Missing,
    Gone,
    Failed(String),
}

struct Written {
    outcome: Outcome,
    detail: Option<String>,
}

fn read(machine: &dyn Machine, desired: &Desired, wish: &Wish) -> Found {
    let Some(path) = &wish.path else {
        return Found::Missing;
    };
    match machine.text(path) {
        Ok(Some(text)) => Found::Value(value::shown(&wish.key, &text)),
        Ok(None) if is_gone(machine, desired, wish) => Found::Gone,
        Ok(None) => Found::Missing,
        Err(error) => Found::Failed(format!("reading {path}: {error}")),
    }
}

/// Whether the disk of a setting is no longer the one that was looked at.
fn is_gone(machine: &dyn Machine, desired: &Desired, wish: &Wish) -> bool {
    let Some(disk) = wish.disk.map(|place| &desired.disks[place]) else {
        return false;
    };
    diskseq(machine, disk).as_deref() != Some(&disk.diskseq)
}

/// Empty on kernels without one; `None` if the disk is not there.
fn diskseq(machine: &dyn Machine, disk: &Disk) -> Option<String> {
    machine.text(&format!("{}/dev", disk.dir)).ok()??;
    let text = machine.text(&format!("{}/diskseq", disk.dir)).ok()?;
    Some(text.unwrap_or_default().trim().to_owned())
}

fn write(kernel: &dyn Kernel, desired: &Desired, wish: &Wish) -> Written {
    let outcome = |outcome| Written {
        outcome,
        detail: None,
    };
    let Some(path) = &wish.path else {
        return outcome(Outcome::Missing);
    };
    let now = match read(kernel, desired, wish) {
        Found::Value(now) if wish.is_met_by(&now) => {
            return outcome(Outcome::AsWanted);
        }
        Found::Value(now) => now,
        Found::Missing => return outcome(Outcome::Missing),
        Found::Gone => return outcome(Outcome::Gone),
        Found::Failed(_) => return outcome(Outcome::Failed),
    };
    if is_gone(kernel, desired, wish) {
        return outcome(Outcome::Gone);
    }
    let text = match quirks::is_list(&wish.key) && !wish.whole {
        // An empty write would change nothing.
        false if wish.value.is_empty() => "\n".to_owned(),
        false => wish.value.clone(),
        true => match quirks::merged(&now, &wish.value) {
            Some(list) => list,
            None => {
                return Written {
                    outcome: Outcome::Refused,
                    detail: Some("the list would be longer than the kernel takes".to_owned()),
                };
            }
        },
    };
    tracing::debug!(key = wish.key, value = text, "writing");
    match kernel.write(path, &text) {
        Ok(()) => after(read(kernel, desired, wish), wish, &now),
        Err(error) => {
            let mut written = refused(&error, is_gone(kernel, desired, wish));
            if written.outcome == Outcome::Refused
                && let Some(Judgement::Rejected(why)) =
                    order::knob(&wish.key).map(|it| it.judge(&text))
            {
                written.detail = Some(format!("{why} ({error})"));
            }
            written
        }
    }
}

/// What a write that the kernel took has led to.
fn after(found: Found, wish: &Wish, before: &str) -> Written {
    let outcome = match found {
        Found::Value(now) if wish.is_met_by(&now) => Outcome::Set,
        Found::Value(now) if is_clamped(wish, &now) => Outcome::Clamped,
        Found::Value(now) if now == before => Outcome::Ignored,
        Found::Value(_) => Outcome::Clamped,
        Found::Missing => Outcome::Missing,
        Found::Gone => Outcome::Gone,
        Found::Failed(_) => Outcome::Failed,
    };
    Written {
        outcome,
        detail: None,
    }
}

/// Whether `now` is what a limit of the hardware leaves of the wish, be it what was there before.
fn is_clamped(wish: &Wish, now: &str) -> bool {
    let knob = order::knob(&wish.key);
    knob.is_some_and(|knob| knob.compare(&wish.value, now) == Likeness::Clamped)
}

fn refused(error: &io::Error, is_gone: bool) -> Written {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let outcome = match errno {
        _ if is_gone => Outcome::Gone,
        Some(Errno::EINVAL | Errno::ERANGE | Errno::EOPNOTSUPP | Errno::EBUSY | Errno::E2BIG) => {
            Outcome::Refused
        }
        Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => Outcome::ReadOnly,
        Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => Outcome::Missing,
        _ => Outcome::Failed,
    };
    let detail = match errno {
        Some(Errno::EACCES | Errno::EPERM) if !nix::unistd::geteuid().is_root() => {
            format!("{error}; only root may write it")
        }
        _ => error.to_string(),
    };
    Written {
        outcome,
        detail: Some(detail),
    }
}

/// `otherwise` is the result of a setting whose value is there and is not as wanted.
fn setting(
    desired: &Desired,
    wish: &Wish,
    before: &Found,
    now: &Found,
    otherwise: Outcome,
) -> Setting {
    let value = |found: &Found| match found {
        Found::Value(text) => Some(text.clone()),
        _ => None,
    };
    let (result, detail) = match now {
        Found::Value(now) if wish.is_met_by(now) => (Outcome::AsWanted, None),
        Found::Value(_) if otherwise.is_good() => (Outcome::SetBack, None),
        Found::Value(_) => (otherwise, None),
        Found::Missing if otherwise == Outcome::Refused => (otherwise, None),
        Found::Missing => (Outcome::Missing, None),
        Found::Gone => (Outcome::Gone, None),
        Found::Failed(why) => (Outcome::Failed, Some(why.clone())),
    };
    let (before, now) = (value(before), value(now));
    Setting {
        disk: wish.disk.map(|place| desired.disks[place].path()),
        key: wish.key.clone(),
        file: wish.path.clone(),
        wanted: wish.value.clone(),
        before,
        now,
        result,
        detail,
        blame: None,
        reason: wish.reason.clone(),
        origin: wish.origin.clone(),
    }
}

fn report(desired: &Desired, settings: Vec<Setting>, mode: Mode) -> Report {
    let disks = desired.disks.iter().zip(&desired.profiles).enumerate();
    let disks = disks.filter(|(place, _)| desired.only.is_none_or(|only| only == *place));
    Report {
        schema: SCHEMA,
        mode,
        disks: disks
            .map(|(_, (disk, profile))| Tuned {
                path: disk.path(),
                disk: disk.clone(),
                profile: profile.clone(),
            })
            .collect(),
        settings,
        conflicts: desired.conflicts.clone(),
        withheld: desired.withheld.clone(),
        notes: desired.notes.clone(),
    }
}
