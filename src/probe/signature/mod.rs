//! Which superblocks and headers lie in a disk or partition.
//!
//! One table of [`Rule`]s (places, magics, a function that reads label and UUID), and functions of their own
//! for what does not fit a table: LUKS, ZFS, UDF, an XFS log. Kinds carry libblkid's names. Where a magic is strong, a
//! superblock with broken fields is reported all the same: what looks like a filesystem is not empty space.
//! Never writes, reads a bounded number of bytes, and an unreadable range is an error, never "nothing there".

use std::io;

use crate::probe::content::View;
use crate::probe::inventory::Signature;

mod apple;
pub(crate) mod fields;
mod filesystem;
mod linux;
mod luks;
mod member;
mod read_only;
mod windows;
mod zfs;

pub(crate) use windows::is_fat;

/// The names of Talos' own probe in the order in which it asks; the first that answers is `volume.name`.
const TALOS_ORDER: [&str; 18] = [
    "linux_raid_member",
    "xfs",
    "ext4",
    "ext3",
    "ext2",
    "btrfs",
    "vfat",
    "iso9660",
    "squashfs",
    "talosmeta",
    "gpt",
    "bluestore",
    "luks",
    "swap",
    "lvm2-pv",
    "zfs",
    "vmfs_volume_member",
    "vmfs",
];

/// Where a superblock starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// So many bytes from the start.
    Start(u64),
    /// So many bytes before the end, the end first rounded down to a multiple.
    End {
        /// Bytes before the rounded end.
        back: u64,
        /// What the end is rounded down to.
        align: u64,
    },
}

impl At {
    const fn resolve(self, size: u64) -> Option<u64> {
        match self {
            Self::Start(at) if at < size => Some(at),
            Self::Start(_) => None,
            Self::End { back, align } => (size / align * align).checked_sub(back),
        }
    }
}

/// How one kind of superblock is recognised.
pub(super) struct Rule {
    /// libblkid's name.
    kind: &'static str,
    /// Talos' name, if its probe knows it.
    talos: &'static str,
    /// Where the superblock starts: the first place and those of its copies.
    places: &'static [At],
    /// The places are not copies; each is as good as the first.
    anywhere: bool,
    /// Length of the superblock: what is read, and what is zeroed to be rid of it.
    len: u64,
    /// Any of these bytes at these offsets in the superblock.
    magics: &'static [(usize, &'static [u8])],
    /// Reads the rest; `None` if it is not one after all.
    read: fn(&View<'_>, &Super<'_>) -> io::Result<Option<Facts>>,
}

/// A candidate.
pub(super) struct Super<'a> {
    /// The superblock, shorter where the view ends.
    bytes: &'a [u8],
    /// Where it starts in the view.
    at: u64,
}

/// What a superblock says about itself.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Another name than the rule's.
    kind: Option<&'static str>,
    /// Another Talos name than the rule's.
    talos: Option<&'static str>,
    label: String,
    uuid: String,
    version: String,
    note: String,
    /// Another length to zero than the rule's.
    len: Option<u64>,
}

/// Something that was recognised, with offsets from the start of the view.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) kind: &'static str,
    pub(crate) talos: &'static str,
    pub(crate) label: String,
    pub(crate) uuid: String,
    pub(crate) version: String,
    pub(crate) note: String,
    pub(crate) at: u64,
    pub(crate) zero: Vec<(u64, u64)>,
}

impl Found {
    /// The same with offsets from the start of the disk.
    pub(crate) fn on_disk(self, view: &View<'_>) -> Signature {
        Signature {
            kind: self.kind.to_owned(),
            talos: self.talos.to_owned(),
            label: self.label,
            uuid: self.uuid,
            version: self.version,
            offset: view.on_disk(self.at),
            extents: self
                .zero
                .iter()
                .map(|(at, len)| view.extent_to_zero(*at, *len))
                .filter(|extent| !extent.is_empty())
                .collect(),
            note: self.note,
        }
    }
}

/// Everything that is recognised in `view`, tables excepted, in no special order.
///
/// # Errors
/// The source's; then nothing is known.
pub(crate) fn scan(view: &View<'_>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for rule in rules() {
        found.extend(apply(rule, view)?);
    }
    found.extend(luks::scan(view)?);
    found.extend(zfs::scan(view)?);
    found.extend(read_only::udf(view)?);
    found.extend(linux::xfs_log(view)?);
    Ok(found)
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    let tables = [
        linux::RULES,
        filesystem::RULES,
        windows::RULES,
        apple::RULES,
        read_only::RULES,
        member::RULES,
    ];
    tables.into_iter().flatten()
}

/// Sorts by Talos' order (what its probe would name comes first), then by place.
pub(crate) fn sort(signatures: &mut [Signature]) {
    signatures.sort_by_key(|signature| (talos_rank(&signature.talos), signature.offset));
}

fn talos_rank(name: &str) -> usize {
    TALOS_ORDER
        .iter()
        .position(|known| *known == name)
        .unwrap_or(TALOS_ORDER.len())
}

fn apply(rule: &Rule, view: &View<'_>) -> io::Result<Option<Found>> {
    let mut found: Option<Found> = None;
    for (copy, place) in rule.places.iter().enumerate() {
        let Some(at) = place.resolve(view.size()) else {
            continue;
        };
        let Some((magic_at, facts)) = look(rule, view, at)? else {
            continue;
        };
        let range = (at, facts.len.unwrap_or(rule.len));
        match &mut found {
            Some(found) => {
                if !found.zero.contains(&range) {
                    found.zero.push(range);
                }
            }
            None => found = Some(describe(rule, facts, at + magic_at, range, copy)),
        }
    }
    Ok(found)
}

fn look(rule: &Rule, view: &View<'_>, at: u64) -> io::Result<Option<(u64, Facts)>> {
    let Some(bytes) = view.up_to(at, rule.len)? else {
        return Ok(None);
    };
    let hit = rule
        .magics
        .iter()
        .find(|(offset, magic)| fields::field(&bytes, *offset, magic.len()) == *magic);
    let Some((offset, _)) = hit else {
        return Ok(None);
    };
    let candidate = Super { bytes: &bytes, at };
    let facts = (rule.read)(view, &candidate)?;
    Ok(facts.map(|facts| (*offset as u64, facts)))
}

fn describe(rule: &Rule, facts: Facts, at: u64, range: (u64, u64), copy: usize) -> Found {
    let mut note = facts.note;
    let only_copy = copy > 0 && !rule.anywhere;
    if only_copy {
        note = join("only a copy; the first superblock is gone", &note);
    }
    // A copy alone is nothing to Talos: it looks at the first place only.
    let talos = if only_copy { "" } else { rule.talos };
    Found {
        kind: facts.kind.unwrap_or(rule.kind),
        talos: facts.talos.unwrap_or(talos),
        label: facts.label,
        uuid: facts.uuid,
        version: facts.version,
        note,
        at,
        zero: vec![range],
    }
}

/// Two remarks as one; either may be empty.
fn join(first: &str, second: &str) -> String {
    match (first, second) {
        ("", only) | (only, "") => only.to_owned(),
        (first, second) => format!("{first}; {second}"),
    }
}

/// For rules whose magic says everything.
#[expect(clippy::unnecessary_wraps, reason = "the type of Rule::read")]
fn magic_alone(_: &View<'_>, _: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts::default()))
}

/// Every place at which some magic may stand on a disk of `size` bytes, for tests that plant them.
#[cfg(test)]
pub(crate) fn places_of_magics(size: u64) -> Vec<(u64, &'static [u8])> {
    let mut places: Vec<(u64, &'static [u8])> = vec![
        (512, b"EFI PART\0\0\x01\0\x5c\0\0\0"),
        (4096, b"EFI PART\0\0\x01\0\x5c\0\0\0"),
        (size.saturating_sub(512), b"EFI PART"),
        (510, b"\x55\xAA"),
        (0, b"ER\x02\x00"),
        (512, b"PM\0\0\0\0\0\xff"),
        (0, b"LUKS\xBA\xBE\0\x02\0\0\0\0\0\0\x40\0"),
        (0x4000, b"SKUL\xBA\xBE\0\x02\0\0\0\0\0\0\x40\0"),
        (0x4000, b"\x01\x01\0\0"),
        (0x8801, b"NSR03"),
        (1024, b"\xFE\xED\xBA\xBE\0\0\0\x01"),
    ];
    for rule in rules() {
        for at in rule.places.iter().filter_map(|place| place.resolve(size)) {
            places.extend(
                rule.magics
                    .iter()
                    .map(|(offset, magic)| (at + *offset as u64, *magic)),
            );
        }
    }
    places
}

#[cfg(test)]
mod tests;
