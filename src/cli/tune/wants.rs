//! What a run of `tune` goes by, read once: the configuration, the profiles and the proofs that were named.

use std::path::Path;

use crate::cli::error::Failure;
use crate::cli::files;
use crate::config::spec::{Spec, Tuning};
use crate::config::{ConfigError, Source};
use crate::root::Root;
use crate::tuner::desired::{Desired, desired};
use crate::tuner::disk::{self, Disk};
use crate::tuner::machine::Machine;
use crate::tuner::profile::{self, Profile};
use crate::tuner::ruled;

use super::TuneArgs;
use super::proofs::Proofs;

/// What the operator wants of any machine.
pub(super) struct Wants {
    spec: Option<Spec>,
    profiles: Vec<Profile>,
    proofs: Proofs,
}

impl Wants {
    /// Reads the files that `args` names.
    pub(super) fn read(args: &TuneArgs) -> Result<Self, Failure> {
        let spec = match args.config.config.as_slice() {
            [] => None,
            paths => Some(files::config(paths, &args.config.node)?),
        };
        Ok(Self {
            spec,
            profiles: profiles(args.profiles.as_deref())?,
            proofs: Proofs::read(&args.proof)?,
        })
    }

    /// What that is for the disks that `machine` has now; `root` is its file tree, if it is more than a record.
    pub(super) fn of(&self, machine: &dyn Machine, root: Option<&Root>) -> Desired {
        let tuning = self.spec.as_ref().map(|spec| &spec.tuning);
        with(tuning, &self.profiles, &self.proofs, machine, root)
    }
}

/// What a configuration and the built-in profiles want, without any proof.
pub(super) fn plain(spec: Option<&Spec>, machine: &dyn Machine, root: Option<&Root>) -> Desired {
    let tuning = spec.map(|spec| &spec.tuning);
    with(tuning, &profile::built_in(), &Proofs::none(), machine, root)
}

fn with(
    tuning: Option<&Tuning>,
    profiles: &[Profile],
    proofs: &Proofs,
    machine: &dyn Machine,
    root: Option<&Root>,
) -> Desired {
    let disks = disk::disks(machine);
    let (ruled, notes) = match (root, tuning) {
        (Some(root), Some(tuning)) => ruled::ruled(root, tuning, &disks),
        (None, Some(tuning)) if !tuning.udev_rules.is_empty() => {
            let note =
                "the udev rules of the config: a recorded machine does not tell whether they hold";
            (Vec::new(), vec![note.to_owned()])
        }
        _ => (Vec::new(), Vec::new()),
    };
    let drives = proofs.drives(root);
    let proven = |disk: &Disk| proofs.hold_for(disk, &drives);
    let mut desired = desired(disks, profiles, tuning, ruled, &proven);
    desired.notes = notes;
    desired
}

/// Those of the file, if one is named, before the built-in ones.
pub(super) fn profiles(path: Option<&Path>) -> Result<Vec<Profile>, Failure> {
    let built_in = profile::built_in();
    let Some(path) = path else {
        return Ok(built_in);
    };
    let text = files::text(path)?;
    let name = path.display().to_string();
    let source = Source {
        name: &name,
        text: &text,
    };
    let parsed = profile::parse(source, &built_in).map_err(|error: ConfigError| {
        Failure::from(error).hint("`keelblock tune --print-profiles` shows the format")
    })?;
    Ok(parsed.into_iter().chain(built_in).collect())
}
