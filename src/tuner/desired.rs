//! What a machine should be set to: profiles and the config's own wishes, merged, in the order in which it is written.
//!
//! Pure but for the reading of sysfs names that told the disks apart. The config wins over a profile, and each such
//! conflict is said; a setting that needs a proof is withheld without one.

use serde::Serialize;

use super::disk::Disk;
use super::order;
use super::parameter;
use super::profile::{self, Profile};
use super::value;
use crate::config::spec::{Location, Tuning};

/// One attribute and the value that it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Index of its disk; `None` for one of the machine.
    pub disk: Option<usize>,
    /// Its name: a key of the disk, a sysctl, `module/NAME/PARAMETER`, or a path.
    pub key: String,
    /// The file; `None` if the disk has no such device.
    pub path: Option<String>,
    /// What to write.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Who wants it.
    pub origin: Origin,
    /// The value replaces a list as a whole, where a wish otherwise only adds to it.
    pub whole: bool,
}

impl Wish {
    /// Whether `found`, as [`value::shown`] has it, is what is wanted.
    pub fn is_met_by(&self, found: &str) -> bool {
        match self.whole {
            true => value::shown(&self.key, &self.value) == found,
            false => value::same(&self.key, &self.value, found),
        }
    }
}

/// Who wants a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The profile of this name.
    Profile(String),
    /// The config, at this place.
    Config(String),
    /// The receipt of an earlier run, which is undone.
    Receipt,
}

/// What should be set, and what was decided on the way.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// The disks that were looked at.
    pub disks: Vec<Disk>,
    /// Name of each disk's profile.
    pub profiles: Vec<Option<String>>,
    /// In the order in which they have to be written.
    pub wishes: Vec<Wish>,
    /// Where the config wants something else than a profile, in sentences.
    pub conflicts: Vec<String>,
    /// What is not done and why.
    pub withheld: Vec<Withheld>,
    /// What could not be looked at, in sentences.
    pub notes: Vec<String>,
    /// The only disk that was asked for, by its index.
    pub only: Option<usize>,
}

/// A setting that a profile has and that is not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Withheld {
    /// Device node.
    pub disk: String,
    /// The setting.
    pub key: String,
    /// The value.
    pub value: String,
    /// Why not, and what would allow it.
    pub why: String,
}

/// Why a disk has no proof that it unmaps what it is told to; in words.
pub type NoProof = String;

/// Merges what the profiles say of `disks` with what the config asks.
///
/// `ruled` is what the config's own udev rules write; `proven` tells whether a proof of `tune trim-test` holds for a
/// disk.
pub fn desired(
    disks: Vec<Disk>,
    profiles: &[Profile],
    config: Option<&Tuning>,
    ruled: Vec<Wish>,
    proven: &dyn Fn(&Disk) -> Result<(), NoProof>,
) -> Desired {
    let mut desired = Desired {
        disks,
        ..Desired::default()
    };
    let mut from_config = config.map_or_else(Vec::new, |config| asked(config, &desired.disks));
    for wish in ruled {
        // Talos applies both; udev runs when a disk comes, and so later.
        from_config.retain(|known| known.disk != wish.disk || known.key != wish.key);
        from_config.push(wish);
    }
    for place in 0..desired.disks.len() {
        let profile = profile::of_disk(profiles, &desired.disks[place]);
        desired
            .profiles
            .push(profile.map(|profile| profile.name.clone()));
        if let Some(profile) = profile {
            add_profile(&mut desired, place, profile, &from_config, proven);
        }
    }
    desired.wishes.extend(from_config);
    desired.in_order();
    desired
}

impl Desired {
    /// Puts the wishes into the order in which they have to be written.
    pub fn in_order(&mut self) {
        self.wishes
            .sort_by_key(|wish| (order::rank(&wish.key), wish.disk));
    }

    /// Keeps what is for one disk, by its index.
    pub fn only(&mut self, disk: usize) {
        self.only = Some(disk);
        self.wishes.retain(|wish| wish.disk == Some(disk));
        let path = self.disks[disk].path();
        self.withheld.retain(|withheld| withheld.disk == path);
    }
}

fn add_profile(
    desired: &mut Desired,
    place: usize,
    profile: &Profile,
    from_config: &[Wish],
    proven: &dyn Fn(&Disk) -> Result<(), NoProof>,
) {
    for setting in &profile.settings {
        let disk = &desired.disks[place];
        let of_machine = setting.is_of_machine();
        let path = match of_machine {
            true => parameter::machine_path(&setting.key),
            false => disk.attribute(&setting.key),
        };
        let wish = Wish {
            disk: (!of_machine).then_some(place),
            key: setting.key.clone(),
            path,
            value: setting.value.clone(),
            reason: setting.reason.clone(),
            origin: Origin::Profile(profile.name.clone()),
            whole: false,
        };
        if let Some(asked) = from_config.iter().find(|asked| rivals(asked, &wish)) {
            let sentence = conflict(desired, asked, &wish);
            if let Some(sentence) = sentence.filter(|it| !desired.conflicts.contains(it)) {
                desired.conflicts.push(sentence);
            }
            continue;
        }
        if setting.needs_proof
            && let Err(why) = proven(disk)
        {
            desired.withheld.push(Withheld {
                disk: disk.path(),
                key: wish.key,
                value: wish.value,
                why,
            });
            continue;
        }
        let twice = |known: &Wish| known.disk == wish.disk && known.key == wish.key;
        if !desired.wishes.iter().any(twice) {
            desired.wishes.push(wish);
        }
    }
}

/// Whether two wishes are about the same value: the same setting, or one that sets the other back.
fn rivals(one: &Wish, other: &Wish) -> bool {
    one.disk == other.disk
        && (one.key == other.key || order::displaces(&one.key) == Some(&other.key))
}

/// `None` if both want the same.
fn conflict(desired: &Desired, asked: &Wish, wish: &Wish) -> Option<String> {
    if asked.key == wish.key && asked.value == wish.value {
        return None;
    }
    let disk = wish.disk.map(|place| desired.disks[place].path());
    let on = disk.map_or_else(String::new, |disk| format!(" on {disk}"));
    let (Origin::Config(origin), Origin::Profile(profile)) = (&asked.origin, &wish.origin) else {
        return None;
    };
    let instead = match asked.key == wish.key {
        true => String::new(),
        false => format!(", which would set {} back", asked.key),
    };
    Some(format!(
        "{origin} wants {} = {}{on}; the profile {profile} would have {} = {}{instead}. The config wins",
        asked.key, asked.value, wish.key, wish.value
    ))
}

/// What the config asks, its sysctls and sysfs attributes; later ones of the same file replace earlier ones.
fn asked(config: &Tuning, disks: &[Disk]) -> Vec<Wish> {
    let sysctls = config.sysctls.iter().map(|(name, (value, at))| {
        let path = parameter::sysctl_path(name);
        (name, path, value, at)
    });
    let sysfs = config.sysfs.iter().map(|(name, (value, at))| {
        let path = parameter::sysfs_path(name);
        (name, path, value, at)
    });
    let mut wishes: Vec<Wish> = Vec::new();
    for (name, path, value, at) in sysctls.chain(sysfs) {
        let found = path
            .as_deref()
            .and_then(|path| parameter::of_disk(path, disks));
        let (disk, key) = match (&path, found) {
            (_, Some((disk, key))) => (Some(disk), key),
            (Some(path), None) => (None, parameter::machine_key(path)),
            (None, None) => (None, name.clone()),
        };
        wishes.retain(|known| known.disk != disk || known.key != key);
        wishes.push(Wish {
            path: disk.map_or(path, |disk| disks[disk].attribute(&key)),
            disk,
            key,
            value: value.clone(),
            reason: "the config asks for it".to_owned(),
            origin: Origin::Config(place(at)),
            whole: false,
        });
    }
    wishes
}

/// How a wish names where it stands.
pub(super) fn place(at: &Location) -> String {
    format!("{}:{}", at.file, at.line)
}
