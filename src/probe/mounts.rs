//! What is mounted and swapped on, from procfs, in every mount namespace that can be seen.
//!
//! Formats: proc_pid_mountinfo(5), proc_swaps(5). Numbers and paths only; which disk they mean is `usage`'s matter.

use std::collections::BTreeSet;

use super::reader::Reader;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Major and minor number of the device; the kernel's own for filesystems without one.
    pub number: (u64, u64),
    /// Where it is mounted.
    pub point: String,
    /// What was mounted, such as `/dev/sda1` or `overlay`.
    pub source: String,
    /// Seen by this process or by the first one, not only in some container.
    pub own: bool,
    /// Seen by the first process.
    pub first: bool,
    /// Filesystem type, such as `xfs` or `overlay`.
    pub kind: String,
    /// Directories that an overlay lies on, lowest last; empty for everything else.
    pub layers: Vec<String>,
}

/// Who sees a mount.
#[derive(Clone, Copy)]
enum Seen {
    First,
    Own,
    Other,
}

/// Mounts of this process, of the first one, and of every other mount namespace.
pub(super) fn mounts(reader: &Reader<'_>) -> Vec<Mount> {
    let mut seen = BTreeSet::new();
    let mut mounts = Vec::new();
    // The first process comes first: what it sees as well is not listed twice.
    for (process, by) in [("1", Seen::First), ("self", Seen::Own)] {
        seen.extend(namespace(reader, process));
        if let Some(text) = reader.raw(format!("/proc/{process}/mountinfo")) {
            add(&mut mounts, parse(&text, by));
        }
    }
    let mut hidden = 0;
    for process in reader.names("/proc") {
        if !process.bytes().all(|b| b.is_ascii_digit()) || process == "1" {
            continue;
        }
        // A process that ended in the meantime has neither.
        match reader.root.read_link(format!("/proc/{process}/ns/mnt")) {
            Ok(Some(namespace)) if seen.insert(namespace.clone()) => {}
            Ok(_) => continue,
            Err(_) => {
                hidden += 1;
                continue;
            }
        }
        match reader
            .root
            .read_to_string(format!("/proc/{process}/mountinfo"))
        {
            Ok(text) => add(&mut mounts, parse(&text.unwrap_or_default(), Seen::Other)),
            Err(_) => hidden += 1,
        }
    }
    if hidden > 0 {
        reader.say(format!(
            "the mounts of {hidden} processes could not be read; run as root to see them"
        ));
    }
    mounts
}

fn namespace(reader: &Reader<'_>, process: &str) -> Option<std::path::PathBuf> {
    let link = reader.root.read_link(format!("/proc/{process}/ns/mnt"));
    link.ok().flatten()
}

fn add(mounts: &mut Vec<Mount>, more: Vec<Mount>) {
    for mount in more {
        let known = |known: &Mount| {
            let first = known.first || mount.first;
            known.own == mount.own
                && Mount {
                    first,
                    ..known.clone()
                } == Mount {
                    first,
                    ..mount.clone()
                }
        };
        if !mounts.iter().any(known) {
            mounts.push(mount);
        }
    }
}

/// Lines of the form `27 1 8:1 /root /point options … - type source options`.
fn parse(mountinfo: &str, by: Seen) -> Vec<Mount> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            let mut front = front.split(' ').skip(2);
            let (major, minor) = front.next()?.split_once(':')?;
            let point = unescape(front.nth(1)?);
            let mut back = back.splitn(3, ' ');
            let kind = back.next()?.to_owned();
            let source = unescape(back.next()?);
            let layers = if kind == "overlay" {
                layers(back.next().unwrap_or_default())
            } else {
                Vec::new()
            };
            Some(Mount {
                number: (major.parse().ok()?, minor.parse().ok()?),
                point,
                source,
                own: !matches!(by, Seen::Other),
                first: matches!(by, Seen::First),
                kind,
                layers,
            })
        })
        .collect()
}

/// The directories in the options of an overlay; several lower ones stand with colons between them.
fn layers(options: &str) -> Vec<String> {
    let lists = options.split(',').filter_map(|option| {
        let upper = option.strip_prefix("upperdir=");
        upper.or_else(|| option.strip_prefix("lowerdir="))
    });
    let directories = lists.flat_map(|list| list.split(':'));
    directories
        .map(|directory| unescape(directory.trim_end_matches('/')))
        .filter(|directory| directory.starts_with('/'))
        .collect()
}

/// Paths of the devices and files that are swapped on.
pub(super) fn swaps(reader: &Reader<'_>) -> Vec<String> {
    let text = reader.raw("/proc/swaps").unwrap_or_default();
    text.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .map(unescape)
        .collect()
}

/// Blanks, tabs, newlines and backslashes stand as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|d| u8::from_str_radix(d, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_is_read_whatever_its_optional_fields() {
        let text = "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n\
                    31 27 0:40 /sub /mnt/a\\040b rw - btrfs /dev/sdb1 rw,subvol=/sub\n\
                    broken line\n\
                    32 27 x:y / /z rw - tmpfs tmpfs rw\n";
        let mounts = parse(text, Seen::Own);
        assert_eq!(mounts.len(), 2);
        assert_eq!(
            (mounts[0].number, mounts[0].point.as_str()),
            ((254, 0), "/")
        );
        assert_eq!(
            (mounts[1].point.as_str(), mounts[1].source.as_str()),
            ("/mnt/a b", "/dev/sdb1")
        );
    }

    #[test]
    fn the_directories_below_an_overlay_are_told() {
        let text = "27 1 0:25 / / rw - overlay overlay rw,lowerdir=/a/b/:/c\\040d,upperdir=/e,workdir=/f\n\
                    28 1 8:1 / /x rw - ext4 /dev/sda1 rw,lowerdir=/y\n";
        let mounts = parse(text, Seen::First);
        assert_eq!(mounts[0].layers, ["/a/b", "/c d", "/e"]);
        assert!(mounts[0].first && mounts[0].kind == "overlay");
        assert!(mounts[1].layers.is_empty());
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        for (text, plain) in [
            ("a\\040b", "a b"),
            ("\\134", "\\"),
            ("a\\04", "a\\04"),
            ("a\\é99", "a\\é99"),
        ] {
            assert_eq!(unescape(text), plain);
        }
    }
}
