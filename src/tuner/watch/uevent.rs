//! What the kernel says of a device. Pure: bytes to [`Uevent`], and nothing of what cannot be one.
//!
//! `ACTION@DEVPATH`, a NUL, then `KEY=VALUE` with a NUL each; see `lib/kobject_uevent.c` of the kernel. Messages of udevd
//! start with `libudev` and are none.

use std::fmt;

/// A device below `/sys`, such as `/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0`. Whoever gets one as work is to
/// look at every disk that it is or that lies below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevPath(String);

/// Longer paths are none: the kernel's own limit.
const LONGEST_PATH: usize = 4096;

/// More values than the kernel ever gives to a message.
const MOST_VALUES: usize = 64;

impl DevPath {
    /// A path as the kernel spells it; `None` for what is no path of a device.
    pub fn new(text: &str) -> Option<Self> {
        let plain = !text.contains(|c: char| c.is_control());
        let steps = text.strip_prefix("/devices/")?.split('/');
        let steps = steps
            .into_iter()
            .all(|step| !matches!(step, "" | "." | ".."));
        (steps && plain && text.len() < LONGEST_PATH).then(|| Self(text.to_owned()))
    }

    /// The text, starting with `/devices/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this device or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        let rest = other.0.strip_prefix(&self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for DevPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is there.
    Add,
    /// It is gone.
    Remove,
    /// Something about it changed.
    Change,
    /// A driver took it.
    Bind,
    /// Anything else: `move`, `online`, `offline`, `unbind`.
    Other,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// What happened.
    pub action: Action,
    /// To what.
    pub path: DevPath,
    /// Its `SUBSYSTEM`, such as `block`.
    pub subsystem: String,
    /// Its `DEVTYPE`, such as `disk` or `usb_interface`; empty where there is none.
    pub kind: String,
}

/// The message in `bytes`, if it is one.
pub fn parse(bytes: &[u8]) -> Option<Uevent> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\0')?;
    let mut parts = text.split('\0');
    let (head_action, head_path) = parts.next()?.split_once('@')?;
    let (mut action, mut path, mut subsystem, mut kind) = (None, None, None, None);
    for (count, part) in parts.enumerate() {
        if count == MOST_VALUES {
            return None;
        }
        let (key, value) = part.split_once('=')?;
        let place = match key {
            "ACTION" => &mut action,
            "DEVPATH" => &mut path,
            "SUBSYSTEM" => &mut subsystem,
            "DEVTYPE" => &mut kind,
            _ => continue,
        };
        // Two values for one key are no message of the kernel.
        if place.replace(value).is_some() {
            return None;
        }
    }
    if action? != head_action || path? != head_path {
        return None;
    }
    let action = match head_action {
        "add" => Action::Add,
        "remove" => Action::Remove,
        "change" => Action::Change,
        "bind" => Action::Bind,
        _ => Action::Other,
    };
    Some(Uevent {
        action,
        path: DevPath::new(head_path)?,
        subsystem: subsystem?.to_owned(),
        kind: kind.unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    const SDA: &str =
        "/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0/block/sda";

    fn message(parts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    fn usual(action: &str) -> Vec<u8> {
        message(&[
            &format!("{action}@{SDA}"),
            &format!("ACTION={action}"),
            &format!("DEVPATH={SDA}"),
            "SUBSYSTEM=block",
            "MAJOR=8",
            "MINOR=0",
            "DEVNAME=sda",
            "DEVTYPE=disk",
            "DISKSEQ=11",
            "SEQNUM=1234",
        ])
    }

    #[test]
    fn a_message_of_the_kernel_is_read() {
        for (word, action) in [
            ("add", Action::Add),
            ("remove", Action::Remove),
            ("change", Action::Change),
            ("bind", Action::Bind),
            ("offline", Action::Other),
        ] {
            let event = parse(&usual(word)).unwrap();
            assert_eq!(event.action, action);
            assert_eq!(
                (event.subsystem.as_str(), event.kind.as_str()),
                ("block", "disk")
            );
            assert_eq!(event.path.as_str(), SDA);
        }
    }

    #[test]
    fn what_cannot_be_the_kernels_is_nothing() {
        let path = format!("DEVPATH={SDA}");
        let head = format!("add@{SDA}");
        for parts in [
            &[][..],
            &["libudev", "ACTION=add"],
            &[&head],
            &[&head, "ACTION=add", &path],
            &[&head, "ACTION=remove", &path, "SUBSYSTEM=block"],
            &[&head, "ACTION=add", "DEVPATH=/devices/x", "SUBSYSTEM=block"],
            &[
                &head,
                "ACTION=add",
                &path,
                "SUBSYSTEM=block",
                "SUBSYSTEM=usb",
            ],
            &[&head, "ACTION=add", &path, "SUBSYSTEM=block", "novalue"],
            &[
                "add@/devices/../etc",
                "ACTION=add",
                "DEVPATH=/devices/../etc",
                "SUBSYSTEM=block",
            ],
            &[
                "add@/etc/passwd",
                "ACTION=add",
                "DEVPATH=/etc/passwd",
                "SUBSYSTEM=block",
            ],
        ] {
            assert_eq!(parse(&message(parts)), None, "{parts:?}");
        }
        let mut cut = usual("add");
        cut.pop();
        assert_eq!(parse(&cut), None);
        let mut many = vec![head.as_str(), "ACTION=add", &path, "SUBSYSTEM=block"];
        many.resize(MOST_VALUES + 2, "X=1");
        assert_eq!(parse(&message(&many)), None);
        let long = format!("/devices/{}", "a".repeat(LONGEST_PATH));
        assert_eq!(DevPath::new(&long), None);
    }

    #[test]
    fn a_path_covers_itself_and_what_lies_below_it() {
        let path = |text: &str| DevPath::new(text).unwrap();
        let port = path("/devices/usb2/2-3");
        assert!(port.covers(&port) && port.covers(&path("/devices/usb2/2-3/2-3:1.0")));
        assert!(!port.covers(&path("/devices/usb2/2-31")) && !port.covers(&path("/devices/usb2")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes);
        }

        #[test]
        fn no_change_of_a_message_makes_it_panic(at in 0_usize..200, byte: u8, cut in 0_usize..250) {
            let mut bytes = usual("add");
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.truncate(cut);
            parse(&bytes);
        }
    }
}
