//! Profiles: what a kind of disk wants, each setting with its reason, its cost and its source.
//!
//! Data, not code: the built-in ones are the file `profiles.yaml` beside this module, which also says what the format
//! is, and an operator's file has the same form. Pure: no I/O.

#[cfg(feature = "schemas")]
mod json_schema;
mod parse;

use crate::config::spec::Location;
use crate::selector::cel::glob;

use super::disk::Disk;

#[cfg(feature = "schemas")]
pub use json_schema::json_schema;
pub use parse::{built_in, parse};

/// The built-in profiles.
pub const BUILT_IN: &str = include_str!("../profiles.yaml");

/// What a kind of disk wants.
#[derive(Clone, Debug)]
pub struct Profile {
    /// How messages and `extends` name it.
    pub name: String,
    /// For people.
    pub title: String,
    /// Where it stands.
    pub at: Location,
    /// Which disks it is for; `None` for one that is only there to be extended.
    pub matching: Option<Match>,
    /// What is set, those of the profiles that it extends included.
    pub settings: Vec<Setting>,
    /// What is left alone on purpose: key and reason.
    pub left: Vec<(String, String)>,
}

/// Conditions on a disk; all that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// `idVendor:idProduct`, any of them.
    pub usb: Vec<String>,
    /// [`Disk::driver`], any of them.
    pub driver: Vec<String>,
    /// A pattern with `*`.
    pub model: Option<String>,
    /// Whether it spins, as the kernel has it.
    pub rotational: Option<bool>,
    /// Whether the medium can be taken out.
    pub removable: Option<bool>,
    /// Bytes.
    pub optimal_io_size: Option<u64>,
}

/// One value of one kernel setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// A key of the disk ([`Disk::attribute`]), a sysctl such as `vm.dirty_bytes`, or `module/NAME/PARAMETER`.
    pub key: String,
    /// What to write.
    pub value: String,
    /// Why it differs from what the kernel does by itself.
    pub reason: String,
    /// What it costs.
    pub cost: String,
    /// Where that comes from.
    pub source: String,
    /// Only with a proof of `tune trim-test`.
    pub needs_proof: bool,
}

impl Setting {
    /// Whether it is one of the machine, not of a disk.
    pub fn is_of_machine(&self) -> bool {
        self.key.starts_with("module/") || !self.key.contains('/')
    }
}

impl Match {
    /// Whether it holds for `disk`.
    pub fn holds(&self, disk: &Disk) -> bool {
        let any = |list: &[String], value: &str| {
            list.is_empty() || list.iter().any(|wanted| wanted == value)
        };
        let is = |wanted: Option<bool>, value| wanted.is_none_or(|wanted| wanted == value);
        any(&self.usb, &disk.usb)
            && any(&self.driver, &disk.driver)
            && self
                .model
                .as_ref()
                .is_none_or(|model| glob(model, &disk.model))
            && is(self.rotational, disk.rotational)
            && is(self.removable, disk.removable)
            && self
                .optimal_io_size
                .is_none_or(|size| size == disk.optimal_io_size)
    }
}

/// The first profile that is for `disk`.
pub fn of_disk<'a>(profiles: &'a [Profile], disk: &Disk) -> Option<&'a Profile> {
    profiles.iter().find(|profile| {
        let matching = profile.matching.as_ref();
        matching.is_some_and(|matching| matching.holds(disk))
    })
}

#[cfg(test)]
mod tests;
