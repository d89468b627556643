//! Whether a volume may be opened, given what the kernel has open already. Pure.

use uuid::Uuid;

use super::identity::{name_of_talos, ours};

/// A mapping that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Below `/dev/mapper`.
    pub name: String,
    /// The device mapper's.
    pub uuid: String,
    /// Kernel name, such as `dm-0`.
    pub device: String,
}

/// What to do about a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Open it.
    Open,
    /// It is open, by this mapping of ours.
    AlreadyOpen(Existing),
}

/// Why a volume is not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Talos has it open.
    #[error("Talos has {volume} open as /dev/mapper/{name}")]
    Talos {
        /// The volume.
        volume: String,
        /// Talos' mapping.
        name: String,
    },
    /// Something else is stacked upon it.
    #[error("{volume} is in use by {by}")]
    InUse {
        /// The volume.
        volume: String,
        /// By what.
        by: String,
    },
    /// Our name for it is taken by the same volume of another disk, or by somebody else.
    #[error("/dev/mapper/{name} is open already, for another disk")]
    Elsewhere {
        /// The volume.
        volume: String,
        /// The mapping.
        name: String,
    },
}

impl Conflict {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Talos { name, .. } => format!(
                "use what is there: a second mapping of one disk would not see what Talos writes; \
                 `cryptsetup close {name}` closes it where Talos does not run"
            ),
            Self::InUse { .. } => {
                String::from("`keelblock probe` shows who uses it; stop that first")
            }
            Self::Elsewhere { volume, .. } => {
                format!("close that one first: keelblock lock {volume}")
            }
        }
    }
}

/// What to do about `volume` with the header's UUID `luks`, whose device has `holders`, in a kernel that has `all` these
/// mappings. `shared` is set where the device is a whole disk or image, which the mappings of other volumes hold as well.
///
/// # Errors
/// [`Conflict`].
pub fn decide(
    volume: &str,
    luks: &str,
    holders: &[Existing],
    shared: bool,
    all: &[Existing],
) -> Result<Decision, Conflict> {
    let luks = Uuid::parse_str(luks).ok();
    let named = volume.to_owned();
    for holder in holders {
        match ours(&holder.uuid) {
            Some((other, uuid)) if other == volume && Some(uuid) == luks => {
                return Ok(Decision::AlreadyOpen(holder.clone()));
            }
            Some((other, _)) if shared && other != volume => {}
            None if holder.name == name_of_talos(volume) => {
                return Err(Conflict::Talos {
                    volume: named,
                    name: holder.name.clone(),
                });
            }
            _ => {
                return Err(Conflict::InUse {
                    volume: named,
                    by: describe(holder),
                });
            }
        }
    }
    let name = format!("keelblock-{volume}");
    let taken = |existing: &&Existing| {
        existing.name == name || ours(&existing.uuid).is_some_and(|(other, _)| other == volume)
    };
    match all.iter().find(taken) {
        None => Ok(Decision::Open),
        Some(existing) => Err(Conflict::Elsewhere {
            volume: named,
            name: existing.name.clone(),
        }),
    }
}

fn describe(holder: &Existing) -> String {
    if holder.name.is_empty() {
        format!("/dev/{}", holder.device)
    } else {
        format!("/dev/{} ({})", holder.device, holder.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapper::identity::Identity;
    use std::slice::from_ref;

    const LUKS: &str = "9f3b6c1e-2d47-4a80-b1c6-0e7d5a94c213";
    const OTHER: &str = "00000000-2d47-4a80-b1c6-0e7d5a94c213";

    fn mapping(volume: &str, luks: &str) -> Existing {
        let Identity { name, uuid } = Identity::new(volume, luks).unwrap();
        let device = String::from("dm-0");
        Existing { name, uuid, device }
    }

    fn foreign(name: &str) -> Existing {
        let hex = LUKS.replace('-', "");
        Existing {
            name: name.to_owned(),
            uuid: format!("CRYPT-LUKS2-{hex}-{name}"),
            device: String::from("dm-7"),
        }
    }

    #[test]
    fn a_free_volume_is_opened_whatever_else_is_open() {
        let all = [mapping("EPHEMERAL", OTHER), foreign("luks2-STATE")];
        assert_eq!(decide("STATE", LUKS, &[], false, &all), Ok(Decision::Open));
        let beside = [mapping("EPHEMERAL", OTHER)];
        assert_eq!(
            decide("STATE", LUKS, &beside, true, &beside),
            Ok(Decision::Open)
        );
    }

    #[test]
    fn what_is_open_by_us_already_is_fine() {
        let own = mapping("STATE", LUKS);
        let got = decide("STATE", LUKS, from_ref(&own), false, from_ref(&own));
        assert_eq!(got, Ok(Decision::AlreadyOpen(own)));
    }

    #[test]
    fn what_talos_or_somebody_else_has_open_is_refused_by_name() {
        let of_talos = foreign("luks2-STATE");
        let got = decide(
            "STATE",
            LUKS,
            from_ref(&of_talos),
            false,
            from_ref(&of_talos),
        );
        let error = got.unwrap_err();
        assert!(matches!(error, Conflict::Talos { .. }), "{error:?}");
        assert!(error.to_string().contains("luks2-STATE"));
        // The name alone makes nothing ours.
        for name in ["mine", "keelblock-STATE"] {
            let holder = foreign(name);
            let got = decide("STATE", LUKS, from_ref(&holder), false, from_ref(&holder));
            assert!(matches!(got, Err(Conflict::InUse { .. })), "{got:?}");
        }
    }

    #[test]
    fn the_volume_of_another_disk_under_our_name_is_not_taken_for_this_one() {
        for existing in [
            mapping("STATE", OTHER),
            mapping("STATE", LUKS),
            foreign("keelblock-STATE"),
        ] {
            let got = decide("STATE", LUKS, &[], false, &[existing]);
            assert!(matches!(got, Err(Conflict::Elsewhere { .. })), "{got:?}");
        }
        // The header was replaced under an open mapping.
        let stale = mapping("STATE", OTHER);
        let got = decide("STATE", LUKS, from_ref(&stale), true, from_ref(&stale));
        assert!(matches!(got, Err(Conflict::InUse { .. })), "{got:?}");
    }
}
