//! Who set a knob to what it is: a udev rule, a file of sysctl.d, an argument of the kernel, the kernel itself.
//!
//! ```text
//! folders ─drop_in─▶ files ─rules, sysctl_file─▶ candidates ─chain, holds─▶ Blame
//! ```
//! Reads through [`Root`] alone and changes nothing. A guess with its evidence: that a rule's conditions hold now is
//! no proof that they held then, and what udev has forgotten is `unknown`, never `fails`.
//! Spec: udev(7), sysctl.d(5), modprobe.d(5), the kernel's `Documentation/admin-guide/kernel-parameters.txt`.

mod chain;
mod drop_in;
mod holds;
mod machine;
#[cfg(test)]
mod tests;
mod udev;

use std::fmt;
use std::path::PathBuf;

use crate::root::Root;
use crate::tuner::knobs::{self, Attachment, Judgement, Knob, Likeness};

pub use drop_in::drop_ins;
pub use holds::Holds;
pub use udev::{Rules, Write};

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The knob's name, as in [`knobs::by_key`].
    pub key: String,
    /// The disk's directory in sysfs, such as `/sys/class/block/sda`; `None` for a sysctl or a module parameter.
    pub disk: Option<PathBuf>,
}

/// Something that sets the knob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is.
    pub from: Origin,
    /// The file, or `/proc/cmdline`.
    pub file: String,
    /// The line of the file, from 1.
    pub line: u32,
    /// What it sets the knob to; `None` if that cannot be told, as with a program.
    pub value: Option<String>,
    /// Whether its conditions hold for the device.
    pub holds: Holds,
}

/// What kind of file sets a knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A rule that writes it.
    UdevRule,
    /// A rule that starts a program which names it.
    UdevProgram,
    /// A rule that writes another knob, with which the kernel raises this one.
    UdevSideEffect,
    /// A line of sysctl.d or sysctl.conf.
    Sysctl,
    /// An argument of the kernel.
    KernelArgument,
    /// A line of modprobe.d.
    ModuleOptions,
}

/// Who it was, most likely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This sets it to what it is.
    SetBy(Evidence),
    /// This sets the other form of the same limit, which zeroes this one.
    ZeroedBy {
        /// The other form.
        key: String,
        /// Where it is set.
        by: Evidence,
    },
    /// The kernel raised read-ahead to twice the optimal size that the disk reports.
    RaisedByKernel {
        /// `queue/optimal_io_size`, in bytes.
        optimal_io_size: u64,
        /// The write after which it did, where one is known.
        after: Option<Evidence>,
    },
    /// The kernel keeps the value within a limit or a step of its own.
    Clamped {
        /// Why.
        why: String,
    },
    /// The kernel refuses the wanted value, or the file cannot be written.
    Refused {
        /// Why.
        why: String,
    },
    /// It is the default: nothing has set it.
    Default,
    /// There is no such file.
    Missing {
        /// What is not there.
        what: String,
    },
    /// None of the files says this value: a later write by an unknown program.
    Unknown,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The knob's name.
    pub key: String,
    /// What was found; `None` if it is not there.
    pub found: Option<String>,
    /// Who it was, most likely.
    pub likely: Cause,
    /// Everything that sets the knob and may hold for the device, in the order in which it takes effect.
    pub evidence: Vec<Evidence>,
}

/// Who set the knob to `found` (`None`: it is not there), where `wanted` was expected.
pub fn blame(root: &Root, what: &Subject, found: Option<&str>, wanted: &str) -> Blame {
    let knob = knobs::by_key(&what.key);
    let evidence = match &what.disk {
        Some(disk) => udev::evidence(root, disk, &what.key),
        None => machine::evidence(root, &what.key),
    };
    let found = found.map(|found| found.trim().to_owned());
    let likely = match &found {
        None => missing(root, what),
        Some(found) => {
            let case = Case {
                root,
                what,
                knob,
                found,
                wanted,
            };
            case.cause(&evidence)
        }
    };
    Blame {
        key: what.key.clone(),
        found,
        likely,
        evidence,
    }
}

struct Case<'c> {
    root: &'c Root,
    what: &'c Subject,
    knob: Option<&'static Knob>,
    found: &'c str,
    wanted: &'c str,
}

impl Case<'_> {
    fn cause(&self, evidence: &[Evidence]) -> Cause {
        if let Some(why) = self.refused() {
            return Cause::Refused { why };
        }
        if let Some(raised) = self.raised(evidence) {
            return raised;
        }
        let sets = |it: &&Evidence| {
            let value = it.value.as_deref();
            value.is_some_and(|value| self.same(value)) && it.holds != Holds::No
        };
        if let Some(by) = evidence.iter().rev().find(sets) {
            return Cause::SetBy(by.clone());
        }
        if let Some(zeroed) = self.zeroed() {
            return zeroed;
        }
        if let Some(why) = self.clamped() {
            return Cause::Clamped { why };
        }
        // What a program writes cannot be read from the rule that starts it.
        let program = |it: &&Evidence| it.value.is_none() && it.holds != Holds::No;
        let later = evidence.iter().rev().find(program);
        match later.filter(|it| it.from == Origin::UdevProgram) {
            Some(by) => Cause::SetBy(by.clone()),
            None if self.is_default() => Cause::Default,
            None => Cause::Unknown,
        }
    }

    fn same(&self, value: &str) -> bool {
        match self.knob {
            Some(knob) => knob.same(value, self.found),
            None => value.trim() == self.found,
        }
    }

    fn refused(&self) -> Option<String> {
        match self.knob?.judge(self.wanted) {
            Judgement::Rejected(why) => Some(why),
            Judgement::ReadOnly => Some("it can only be read".to_owned()),
            Judgement::Ignored(why) => Some(why.to_owned()),
            Judgement::Accepted | Judgement::Rounded(_) => None,
        }
    }

    /// Read-ahead that is what the kernel makes of the disk's optimal size.
    fn raised(&self, evidence: &[Evidence]) -> Option<Cause> {
        let disk = self.what.disk.as_ref()?;
        if !self.what.key.ends_with("/read_ahead_kb") {
            return None;
        }
        let size = self.root.read_to_string(disk.join("queue/optimal_io_size"));
        let optimal_io_size: u64 = size.ok()??.trim().parse().ok()?;
        let computed = knobs::read_ahead_of(optimal_io_size);
        if optimal_io_size == 0 || self.found != computed.to_string() {
            return None;
        }
        let last = evidence.iter().rev().find(|it| it.holds != Holds::No);
        let after = last.filter(|it| it.from == Origin::UdevSideEffect);
        Some(Cause::RaisedByKernel {
            optimal_io_size,
            after: after.cloned(),
        })
    }

    fn zeroed(&self) -> Option<Cause> {
        let other = self.knob?.zeroes.filter(|_| self.found == "0")?;
        let by = machine::evidence(self.root, other).pop()?;
        Some(Cause::ZeroedBy {
            key: other.to_owned(),
            by,
        })
    }

    fn clamped(&self) -> Option<String> {
        match self.knob?.compare(self.wanted, self.found) {
            Likeness::Clamped => Some("the hardware's limit is lower".to_owned()),
            Likeness::Rounded => Some("the kernel keeps it in steps of its own".to_owned()),
            Likeness::Same | Likeness::Different => None,
        }
    }

    fn is_default(&self) -> bool {
        let Some(knob) = self.knob else {
            return false;
        };
        let disk = self.what.disk.as_deref();
        let attachment = disk.and_then(|disk| chain::attachment(self.root, disk));
        let default = match attachment {
            Some(attachment) => knob.default_on(attachment),
            None => knob.default,
        };
        default.is_some_and(|default| knob.same(default, self.found))
    }
}

fn missing(root: &Root, what: &Subject) -> Cause {
    let there = |path: &std::path::Path| root.exists(path).unwrap_or(true);
    let what_is_not = match &what.disk {
        Some(disk) if !there(disk) => format!("the disk {}", disk.display()),
        Some(disk) if there(&disk.join("partition")) => {
            format!(
                "{} is a partition, and only the whole disk has it",
                disk.display()
            )
        }
        Some(_) => format!("{}: this kernel or driver does not have it", what.key),
        None => machine::missing(root, &what.key),
    };
    Cause::Missing { what: what_is_not }
}

impl fmt::Display for Evidence {
    /// `the udev rule /etc/udev/rules.d/60-x.rules:3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.from {
            Origin::UdevRule | Origin::UdevSideEffect => "the udev rule",
            Origin::UdevProgram => "the program that the udev rule starts at",
            Origin::Sysctl => "the sysctl file",
            Origin::KernelArgument => {
                return write!(f, "the kernel's command line");
            }
            Origin::ModuleOptions => "the module options",
        };
        write!(f, "{what} {}:{}", self.file, self.line)?;
        if self.holds == Holds::Unknown {
            f.write_str(" (whether it holds for this disk cannot be told)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Blame {
    /// One sentence, lower case, without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.likely {
            Cause::SetBy(by) => write!(f, "{key} was set by {by}"),
            Cause::ZeroedBy { key: other, by } => {
                write!(f, "{key} was zeroed when {other} was set by {by}")
            }
            Cause::RaisedByKernel {
                optimal_io_size,
                after,
            } => {
                write!(
                    f,
                    "the kernel raised {key} to twice optimal_io_size ({optimal_io_size} bytes)"
                )?;
                match after {
                    Some(after) => write!(f, " after a write by {after}"),
                    None => Ok(()),
                }
            }
            Cause::Clamped { why } => write!(f, "the kernel changed the value of {key}: {why}"),
            Cause::Refused { why } => write!(f, "{key} cannot have the wanted value: {why}"),
            Cause::Default => write!(f, "{key} has the kernel's default: nothing has set it"),
            Cause::Missing { what } => write!(f, "not there: {what}"),
            Cause::Unknown => write!(
                f,
                "{key} was changed by a later write of an unknown program"
            ),
        }
    }
}

/// How the disk hangs on the machine, as [`knobs`] asks for it.
pub fn attachment(root: &Root, disk: &std::path::Path) -> Option<Attachment> {
    chain::attachment(root, disk)
}
