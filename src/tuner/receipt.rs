//! What was there before the tuner wrote, so that it can be put back. Pure but for reading the values.
//!
//! Values of sysfs live until the next boot or plug. A receipt of an earlier boot, or of a disk that was plugged in
//! again, has nothing to put back: the kernel's own values are there already.

use std::io;

use serde::{Deserialize, Serialize};

use super::desired::{Desired, Origin, Wish};
use super::disk::{self, Disk};
use super::machine::Machine;
use super::report::{Outcome, Report};
use super::{order, parameter, value};

/// The name and version that a [`Receipt`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/tune-receipt/v1";

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: String,
    /// The kernel's id of this boot.
    pub boot: String,
    /// The values.
    pub values: Vec<Value>,
}

/// One value as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Value {
    /// Kernel name of its disk; `None` for one of the machine.
    pub disk: Option<String>,
    /// The kernel's number of the disk instance.
    #[serde(default)]
    pub diskseq: String,
    /// Its name.
    pub key: String,
    /// Its file.
    pub file: String,
    /// What was there.
    pub before: String,
}

impl Receipt {
    /// What is there now of all that `desired` may write or set back.
    ///
    /// # Errors
    /// The kernel's id of this boot cannot be read.
    pub fn before(machine: &dyn Machine, desired: &Desired) -> io::Result<Self> {
        let mut values = Vec::new();
        for wish in &desired.wishes {
            let disk = wish.disk.map(|place| &desired.disks[place]);
            let twin = order::displaces(&wish.key);
            let twin = twin.map(|key| (key.to_owned(), parameter::machine_path(key)));
            for (key, file) in [(wish.key.clone(), wish.path.clone())]
                .into_iter()
                .chain(twin)
            {
                let Some(file) = file else { continue };
                if let Ok(Some(text)) = machine.text(&file) {
                    values.push(Value {
                        disk: disk.map(|disk| disk.name.clone()),
                        diskseq: disk.map_or_else(String::new, |disk| disk.diskseq.clone()),
                        before: value::shown(&key, &text),
                        key,
                        file,
                    });
                }
            }
        }
        Ok(Self {
            schema: SCHEMA.to_owned(),
            boot: boot(machine)?,
            values,
        })
    }

    /// Puts what an earlier run of this boot found in front of what this one found: the first value is the one from
    /// before the tuner.
    pub fn after(mut self, earlier: Self) -> Self {
        if earlier.boot != self.boot {
            return self;
        }
        let known = |value: &Value| {
            let mut values = earlier.values.iter();
            values.any(|old| old.file == value.file && old.diskseq == value.diskseq)
        };
        self.values.retain(|value| !known(value));
        self.values.splice(0..0, earlier.values);
        self
    }

    /// Forgets the disks that are no longer there, so that a disk that comes and goes leaves no trail.
    pub fn prune(&mut self, disks: &[Disk]) {
        let is_there = |value: &Value| {
            let Some(name) = &value.disk else { return true };
            let mut disks = disks.iter();
            disks.any(|disk| disk.name == *name && disk.diskseq == value.diskseq)
        };
        self.values.retain(is_there);
    }

    /// Forgets what was never written by this run, nor by an earlier one whose receipt is `earlier`.
    pub fn settle(&mut self, report: &Report, earlier: Option<&Self>) {
        let wrote = |key: &str, file: &str| {
            report.settings.iter().any(|setting| {
                let was_written = matches!(
                    setting.result,
                    Outcome::Set | Outcome::Clamped | Outcome::SetBack | Outcome::Failed
                );
                let touches = setting.file.as_deref() == Some(file)
                    || order::displaces(&setting.key) == Some(key);
                was_written && touches
            })
        };
        let known = |value: &Value| earlier.is_some_and(|receipt| receipt.values.contains(value));
        self.values
            .retain(|value| known(value) || wrote(&value.key, &value.file));
    }

    /// What has to be set for everything to be as before.
    ///
    /// # Errors
    /// The kernel's id of this boot cannot be read.
    pub fn undo(&self, machine: &dyn Machine) -> io::Result<Desired> {
        let mut desired = Desired {
            disks: disk::disks(machine),
            ..Desired::default()
        };
        desired.profiles = vec![None; desired.disks.len()];
        if boot(machine)? != self.boot {
            return Ok(desired);
        }
        for kept in &self.values {
            let place = match &kept.disk {
                None => None,
                Some(name) => {
                    let mut disks = desired.disks.iter();
                    match disks.position(|it| it.name == *name && it.diskseq == kept.diskseq) {
                        Some(place) => Some(place),
                        None => continue,
                    }
                }
            };
            // The form that was not in use reads 0, which nobody can write; the other one sets it.
            if order::displaces(&kept.key).is_some() && kept.before == "0" {
                continue;
            }
            desired.wishes.push(Wish {
                disk: place,
                key: kept.key.clone(),
                path: Some(kept.file.clone()),
                value: kept.before.clone(),
                reason: "it was so before".to_owned(),
                origin: Origin::Receipt,
                whole: true,
            });
        }
        desired.in_order();
        Ok(desired)
    }

    /// Forgets what was put back.
    pub fn forget(&mut self, report: &Report) {
        let is_back = |value: &Value| {
            let mut settings = report.settings.iter();
            let of_file = settings.find(|it| it.file.as_deref() == Some(value.file.as_str()));
            of_file.is_none_or(|setting| setting.result.is_good())
        };
        self.values.retain(|value| !is_back(value));
    }
}

fn boot(machine: &dyn Machine) -> io::Result<String> {
    let text = machine.text(BOOT_ID)?;
    Ok(text.unwrap_or_default().trim().to_owned())
}
