//! What a rule asks of one property, where it is that simple: a bound for the size, or a text. From this it is told
//! how near a disk comes, and what makes a rule unsafe.

use super::cel::glob;
use crate::config::spec::SizeOp;
use crate::probe::inventory::{Disk, TalosDisk};
use crate::units::Bytes;

/// Characters of a model that the kernel shows for disks behind SCSI.
pub(super) const SCSI_MODEL: usize = 16;

/// A whole predicate, in the thousandths that distances count in.
pub(super) const WHOLE: u32 = 1000;

/// What is asked of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    /// `disk.size` compared with a constant.
    Size { op: SizeOp, bound: u64 },
    /// A text property equal to, or shaped like, a constant; `symlinks` if one of them has to be.
    Text {
        field: String,
        pattern: String,
        glob: bool,
    },
    /// Anything else.
    Other,
}

impl Atom {
    /// How far `disk` is from it, in thousandths, and why in words, given that it does not hold.
    pub(super) fn miss(&self, disk: &Disk) -> (u32, Option<String>) {
        match self {
            Self::Size { bound, .. } => size_miss(*bound, disk.talos.size),
            Self::Text { field, pattern, .. } => {
                let found = text(&disk.talos, field);
                if self.holds_folded(&disk.talos) {
                    let why = format!("{found:?} differs in upper and lower case only");
                    return (10, Some(why));
                }
                if field == "model" && self.is_cut(disk) {
                    let why = format!(
                        "the kernel shows {SCSI_MODEL} characters of a model: {found:?} is all of {pattern:?} that there is"
                    );
                    return (20, Some(why));
                }
                if field == "serial" && found.is_empty() {
                    let why = "Talos reads no serial of this disk".to_owned();
                    return (WHOLE, Some(why));
                }
                (WHOLE, None)
            }
            Self::Other => (WHOLE, None),
        }
    }

    /// Whether a text would hold if case did not count.
    pub(super) fn holds_folded(&self, disk: &TalosDisk) -> bool {
        let Self::Text {
            field,
            pattern,
            glob: globbed,
        } = self
        else {
            return false;
        };
        let (pattern, found) = (pattern.to_lowercase(), text(disk, field).to_lowercase());
        if *globbed {
            glob(&pattern, &found)
        } else {
            pattern == found
        }
    }

    /// Whether it asks for more of a model than the kernel shows of this disk, as udev names it.
    pub(super) fn is_cut(&self, disk: &Disk) -> bool {
        let Self::Text { pattern, .. } = self else {
            return false;
        };
        let found = &disk.talos.model;
        let literal = pattern.trim_end_matches('*');
        let full = disk.talos.transport != "nvme" && found.chars().count() == SCSI_MODEL;
        full && literal.chars().count() > SCSI_MODEL && literal.starts_with(found.as_str())
    }
}

/// The property of that name, if it is a text.
pub(super) fn text<'d>(disk: &'d TalosDisk, field: &str) -> &'d str {
    match field {
        "model" => &disk.model,
        "serial" => &disk.serial,
        "wwid" => &disk.wwid,
        "uuid" => &disk.uuid,
        "modalias" => &disk.modalias,
        "bus_path" => &disk.bus_path,
        "transport" => &disk.transport,
        "dev_path" => &disk.dev_path,
        "sub_system" => &disk.sub_system,
        "pretty_size" => &disk.pretty_size,
        "firmware_version" => &disk.firmware_version,
        _ => "",
    }
}

fn size_miss(bound: u64, found: u64) -> (u32, Option<String>) {
    let off = bound.abs_diff(found);
    let share = thousandths(off, bound.max(found));
    let side = if found < bound { "small" } else { "large" };
    let why = format!(
        "too {side} by {}, {}.{} %",
        Bytes::new(off),
        share / 10,
        share % 10
    );
    (share, Some(why))
}

/// `part` of `whole` in thousandths, at most [`WHOLE`].
pub(super) fn thousandths(part: u64, whole: u64) -> u32 {
    let share = u128::from(part) * u128::from(WHOLE) / u128::from(whole.max(1));
    u32::try_from(share).map_or(WHOLE, |share| share.min(WHOLE))
}
