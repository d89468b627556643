//! The udev database and the links that udev makes. Read, never written; no udevd has to run.
//!
//! Format of `/run/udev/data/b<major>:<minor>`: one record a line, `E:KEY=VALUE` a property, `S:path` a link below `/dev`,
//! `I:usec` the time of the first initialisation. A record without `I:` was never finished, and without
//! `/run/udev/control` no udevd keeps the database true: both are left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::reader::Reader;

/// More links than this are not followed.
const MOST_LINKS: usize = 16_384;
/// `/dev/disk/by-path/<path>-part/by-uuid/<uuid>` is the deepest.
const DEEPEST: usize = 4;

/// One device's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `E:` properties.
    pub properties: BTreeMap<String, String>,
    /// `S:` links, absolute, in the order of the file.
    pub links: Vec<String>,
    /// There is an `I:` line.
    pub initialised: bool,
}

impl Record {
    /// Reads a record. Lines of other kinds, and lines without the expected form, are passed over.
    pub fn parse(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some(("E", property)) => {
                    if let Some((key, value)) = property.split_once('=') {
                        record.properties.insert(key.to_owned(), value.to_owned());
                    }
                }
                Some(("S", link)) => record.links.push(format!("/dev/{link}")),
                Some(("I", _)) => record.initialised = true,
                _ => {}
            }
        }
        record
    }
}

/// Whether a udevd runs on the machine.
pub(super) fn is_running(reader: &Reader<'_>) -> bool {
    reader.exists("/run/udev/control")
}

/// The properties of a device; none if the record is missing or not to be trusted.
pub(super) fn properties(
    reader: &Reader<'_>,
    running: bool,
    number: (u64, u64),
) -> BTreeMap<String, String> {
    let path = format!("/run/udev/data/b{}:{}", number.0, number.1);
    let Some(text) = reader.raw(&path) else {
        return BTreeMap::new();
    };
    let record = Record::parse(&text);
    if running && record.initialised {
        return record.properties;
    }
    let why = if running {
        "it was never finished"
    } else {
        "no udevd runs"
    };
    reader.say(format!("{path} is not trusted: {why}"));
    BTreeMap::new()
}

/// Every link below `/dev/disk`: device path → links to it, sorted. Names that start with `.#` are udev's temporary ones.
pub(super) fn links(reader: &Reader<'_>) -> BTreeMap<PathBuf, Vec<String>> {
    let mut links: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    let mut dirs = vec![(PathBuf::from("/dev/disk"), 0)];
    let mut count = 0;
    while let Some((dir, depth)) = dirs.pop() {
        for name in reader.names(&dir) {
            count += 1;
            if count > MOST_LINKS {
                reader.say(format!("more than {MOST_LINKS} links below /dev/disk"));
                return sorted(links);
            }
            let path = dir.join(&name);
            match reader.link(&path) {
                _ if name.starts_with(".#") => {}
                Some(target) => links
                    .entry(target)
                    .or_default()
                    .push(path.to_string_lossy().into_owned()),
                None if depth < DEEPEST => dirs.push((path, depth + 1)),
                None => {}
            }
        }
    }
    sorted(links)
}

fn sorted(mut links: BTreeMap<PathBuf, Vec<String>>) -> BTreeMap<PathBuf, Vec<String>> {
    links.values_mut().for_each(|paths| paths.sort());
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_line_by_line() {
        let record = Record::parse(
            "S:disk/by-id/ata-A\nL:10\nI:42\nE:ID_MODEL=A=B\nE:EMPTY=\nE:broken\nG:systemd\nQ:systemd\nV:1\n",
        );
        assert!(record.initialised);
        assert_eq!(record.links, ["/dev/disk/by-id/ata-A"]);
        assert_eq!(record.properties["ID_MODEL"], "A=B");
        assert_eq!(record.properties["EMPTY"], "");
        assert_eq!(record.properties.len(), 2);
        assert_eq!(Record::parse(""), Record::default());
    }
}
