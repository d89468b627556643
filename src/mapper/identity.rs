//! By which name and UUID a mapping is known, and which of them are ours. Pure.
//!
//! The name is `keelblock-` and the volume, so that it never collides with Talos' own `luks2-` and the volume. The
//! UUID begins as cryptsetup's does, `CRYPT-LUKS2-` and the header's UUID, so that lsblk, blkdeactivate and
//! `cryptsetup status` know it for what it is. It ends with `-keelblock.` and the volume, where cryptsetup puts the
//! name: so a mapping that somebody opened with cryptsetup is never ours, whatever it is called.

use uuid::Uuid;

const NAME: &str = "keelblock-";
const TYPE: &str = "CRYPT-LUKS2-";
const MARK: &str = "-keelblock.";

/// The most that a volume's id may have; GPT names have 36 characters.
const LONGEST: usize = 64;

/// Name and UUID of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Below `/dev/mapper`.
    pub name: String,
    /// The device mapper's, not the header's.
    pub uuid: String,
}

impl Identity {
    /// Of the volume in a header with the UUID `luks`; `None` if either is not what it should be: both come from disk
    /// and from configurations, and end up in paths.
    pub fn new(volume: &str, luks: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let usable = !volume.is_empty()
            && volume.len() <= LONGEST
            && volume.chars().all(plain)
            && !volume.starts_with('.');
        let luks = Uuid::parse_str(luks).ok().filter(|_| usable)?.simple();
        Some(Self {
            name: format!("{NAME}{volume}"),
            uuid: format!("{TYPE}{luks}{MARK}{volume}"),
        })
    }
}

/// The volume and the header's UUID of one of our mappings, from the mapping's UUID; `None` if it is not ours.
pub fn ours(uuid: &str) -> Option<(&str, Uuid)> {
    let (luks, volume) = uuid.strip_prefix(TYPE)?.split_once(MARK)?;
    let luks = Uuid::try_parse(luks).ok()?;
    let identity = Identity::new(volume, &luks.to_string())?;
    (identity.uuid == uuid).then_some((volume, luks))
}

/// The name of the mapping with which Talos opens a volume.
pub fn name_of_talos(volume: &str) -> String {
    format!("luks2-{volume}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LUKS: &str = "9f3b6c1e-2d47-4a80-b1c6-0e7d5a94c213";

    #[test]
    fn a_mapping_is_known_by_its_uuid_again() {
        for volume in ["STATE", "EPHEMERAL", "u-data", "s-swap.1"] {
            let identity = Identity::new(volume, LUKS).unwrap();
            assert_eq!(identity.name, format!("keelblock-{volume}"));
            assert_ne!(identity.name, name_of_talos(volume));
            let hex = LUKS.replace('-', "");
            assert_eq!(
                identity.uuid,
                format!("CRYPT-LUKS2-{hex}-keelblock.{volume}")
            );
            assert!(identity.uuid.len() < 129);
            let (found, luks) = ours(&identity.uuid).unwrap();
            assert_eq!((found, luks.to_string().as_str()), (volume, LUKS));
        }
    }

    #[test]
    fn what_others_open_is_never_ours() {
        let hex = LUKS.replace('-', "");
        for uuid in [
            // What cryptsetup gives, even to mappings with our names.
            format!("CRYPT-LUKS2-{hex}-luks2-STATE"),
            format!("CRYPT-LUKS2-{hex}-keelblock-STATE"),
            format!("CRYPT-LUKS1-{hex}-keelblock.STATE"),
            format!("CRYPT-LUKS2-{hex}-x-keelblock.STATE"),
            format!("CRYPT-LUKS2-{LUKS}-keelblock.STATE"),
            format!("CRYPT-LUKS2-{hex}-keelblock."),
            format!("CRYPT-LUKS2-{hex}-keelblock.a/b"),
            String::from("LVM-abc"),
            String::new(),
        ] {
            assert_eq!(ours(&uuid), None, "{uuid}");
        }
    }

    #[test]
    fn what_cannot_be_part_of_a_path_gets_no_mapping() {
        let long = "u".repeat(65);
        for volume in ["", "a/b", "..", "a b", "ä", "a\n", long.as_str()] {
            assert_eq!(Identity::new(volume, LUKS), None, "{volume:?}");
        }
        for luks in ["", "../../x", "9f3b"] {
            assert_eq!(Identity::new("STATE", luks), None, "{luks:?}");
        }
    }
}
