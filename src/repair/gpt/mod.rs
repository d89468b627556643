//! The two copies of a partition table and the protective MBR: which copy is good, and the rest from it.
//!
//! Judges; never writes. The order of the stages is the one in which one whole copy stands at every moment: the backup,
//! then the primary's entries, its header, and last the protective MBR, without which the kernel sees no table.
//! Spec: UEFI 2.10, section 5.3.2.

mod change;
mod places;

use super::{Piece, Refusal, Repair, Side, Structure, Urgency, in_the_way};
use crate::partitioner::gpt::raw::{self, RawCopy, RawState, read_raw};
use crate::partitioner::gpt::{Damage, Gpt, GptError, MbrState, protective_mbr};
use crate::probe::inventory::Layout;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent, Geometry, Lba};
use change::{Change, differ};
use places::Wanted;

/// What came of it.
#[derive(Default)]
pub(super) struct Judged {
    /// The table that counts, if it is certain.
    pub(super) table: Option<Gpt>,
    /// What restores the other copy.
    pub(super) repair: Option<Repair>,
    /// Why nothing does.
    pub(super) refusal: Option<Refusal>,
    /// What is unusual.
    pub(super) remarks: Vec<String>,
}

/// What was read.
struct Copies<'a> {
    source: &'a dyn BlockSource,
    geometry: Geometry,
    /// The block where a backup belongs.
    last: Lba,
    first_block: Vec<u8>,
    primary: RawState,
    /// The backup that counts, wherever it is.
    backup: RawState,
    /// What stands in the last block.
    at_end: RawState,
}

/// Judges the table of a disk. `side` decides only where both copies are whole and differ, or where the place of a
/// copy is not certain.
///
/// # Errors
/// [`GptError::Io`].
pub(super) fn judge(
    source: &dyn BlockSource,
    layout: &Layout,
    side: Option<Side>,
) -> Result<Judged, GptError> {
    let Some(last) = raw::last_block(source.geometry()) else {
        return Ok(Judged::default());
    };
    let copies = Copies::read(source, last)?;
    let mbr = raw::mbr_state(&copies.first_block);
    let good = match copies.good(side) {
        Good::Nothing if mbr.marks_gpt() => {
            let why = "there is neither a primary nor a backup table that could be copied";
            return Ok(refused("a protective MBR without a table", why));
        }
        Good::Nothing => return Ok(Judged::default()),
        Good::Refused(refusal) => {
            return Ok(Judged {
                refusal: Some(*refusal),
                ..Judged::default()
            });
        }
        Good::Copy(good) => good,
    };
    let wanted = match copies.wanted(good, side)? {
        Ok(wanted) => wanted,
        Err(nowhere) => {
            return Ok(Judged {
                refusal: Some(refusal(copies.in_words(), nowhere.why, nowhere.choices)),
                ..Judged::default()
            });
        }
    };
    copies.repair(good, &wanted, &mbr, layout)
}

enum Good<'a> {
    Nothing,
    Copy(&'a RawCopy),
    Refused(Box<Refusal>),
}

impl<'a> Copies<'a> {
    fn read(source: &'a dyn BlockSource, last: Lba) -> Result<Self, GptError> {
        let geometry = source.geometry();
        let block = Extent::new(Bytes::ZERO, geometry.logical.bytes());
        let first_block = source.read_extent(block).map_err(|source| GptError::Io {
            extent: block,
            source,
        })?;
        let primary = read_raw(source, Lba(1))?;
        let at_end = read_raw(source, last)?;
        let named = primary.claims().map(|(_, alternate)| alternate);
        let protected = raw::protected_end(&first_block);
        // A sound primary knows best where its backup is; without one, the end of the disk goes first.
        let places = match primary.sound() {
            Some(copy) => [Some(copy.alternate), Some(last), None],
            None => [Some(last), named, protected],
        };
        let mut backup = RawState::Absent;
        for place in places.into_iter().flatten() {
            if place.0 <= 1 || place > last {
                continue;
            }
            let found = read_raw(source, place)?;
            if found.sound().is_some() {
                backup = found;
                break;
            }
            if backup == RawState::Absent {
                backup = found;
            }
        }
        Ok(Self {
            source,
            geometry,
            last,
            first_block,
            primary,
            backup,
            at_end,
        })
    }

    fn good(&self, side: Option<Side>) -> Good<'_> {
        match (self.primary.sound(), self.backup.sound()) {
            (Some(primary), Some(backup)) if primary.agrees_with(backup) => Good::Copy(primary),
            (Some(primary), Some(backup)) => match side {
                Some(Side::Primary) => Good::Copy(primary),
                Some(Side::Backup) => Good::Copy(backup),
                None => Good::Refused(Box::new(differ(primary, backup))),
            },
            (Some(primary), None) => self.only(primary, &self.backup, side, Side::Primary),
            (None, Some(backup)) => self.only(backup, &self.primary, side, Side::Backup),
            (None, None) if self.is_absent() => Good::Nothing,
            (None, None) => {
                let why = "no copy is left that could be copied";
                Good::Refused(Box::new(refusal(self.in_words(), why, Vec::new())))
            }
        }
    }

    fn is_absent(&self) -> bool {
        self.primary == RawState::Absent && self.backup == RawState::Absent
    }

    /// The one copy that is whole, if the other is damaged beyond doubt.
    fn only<'b>(
        &self,
        good: &'b RawCopy,
        bad: &RawState,
        side: Option<Side>,
        is: Side,
    ) -> Good<'b> {
        let refuse =
            |why: &str, choices| Good::Refused(Box::new(refusal(self.in_words(), why, choices)));
        if side.is_some_and(|side| side != is) {
            return refuse("that is the copy that --from names", Vec::new());
        }
        if let RawState::Damaged { damage, .. } = bad
            && side.is_none()
            && !is_surely_damaged(damage)
        {
            let why = "its checksum is right: it may be a table of a kind that is not known";
            return refuse(why, vec![is]);
        }
        Good::Copy(good)
    }

    fn repair(
        &self,
        good: &RawCopy,
        wanted: &Wanted,
        mbr: &MbrState,
        layout: &Layout,
    ) -> Result<Judged, GptError> {
        let table = Some(good.table.clone());
        let mut change = self.copies_differ(good, wanted)?;
        match self.first_block(mbr) {
            Ok(None) => {}
            Ok(Some(new)) => {
                change.add(
                    "protective MBR",
                    Bytes::ZERO,
                    &self.first_block,
                    &new,
                    self.geometry,
                );
            }
            Err(types) => {
                let what = format!("the MBR has partitions of its own (types {types:02x?})");
                return Ok(refused(&what, "they and the GPT contradict each other"));
            }
        }
        let remarks = match mbr {
            MbrState::Hybrid { types } => vec![format!(
                "the MBR is hybrid (types {types:02x?} beside the protective entry); it is left alone"
            )],
            _ => Vec::new(),
        };
        let all: Vec<&Piece> = change.stages.iter().flatten().collect();
        if let Some(thing) = in_the_way(&layout.signatures, &["gpt", "PMBR", "dos"], &all) {
            let (kind, at) = (&thing.kind, thing.offset.get());
            let why = format!("{kind} was found at byte {at}, where the table would be written");
            return Ok(refused(&self.damage_in_words(good, wanted, mbr), &why));
        }
        let visible = self.primary.sound().is_some() && mbr.marks_gpt();
        let from = if good.at == Lba(1) {
            "the primary GPT"
        } else {
            "the backup GPT"
        };
        let repair = Repair {
            structure: Structure::Gpt,
            volume: String::new(),
            what: self.damage_in_words(good, wanted, mbr),
            from: from.to_owned(),
            urgency: if visible {
                Urgency::LastCopy
            } else {
                Urgency::Broken
            },
            difference: change.difference,
            stages: change.stages,
        };
        Ok(Judged {
            table,
            repair: Some(repair).filter(|repair| !repair.stages.is_empty()),
            refusal: None,
            remarks,
        })
    }

    /// What changes in both copies, in the order in which it is written.
    fn copies_differ(&self, good: &RawCopy, wanted: &Wanted) -> Result<Change, GptError> {
        let mut change = Change::default();
        let parts: [(&str, Lba, Vec<u8>); 4] = [
            (
                "backup GPT entries",
                wanted.backup.entries,
                good.entries.clone(),
            ),
            (
                "backup GPT header",
                self.last,
                good.header_at(wanted.backup),
            ),
            (
                "primary GPT entries",
                wanted.primary.entries,
                good.entries.clone(),
            ),
            ("primary GPT header", Lba(1), good.header_at(wanted.primary)),
        ];
        for (name, lba, new) in parts {
            let Some(extent) = raw::extent_of(lba, &new, self.geometry) else {
                continue;
            };
            let old = self
                .source
                .read_extent(extent)
                .map_err(|source| GptError::Io { extent, source })?;
            // What follows a header in its block means nothing.
            let header = name.ends_with("header").then(|| raw::header_len(&new));
            if header.is_some_and(|len| old[..len] == new[..len]) {
                continue;
            }
            change.add(name, extent.start, &old, &new, self.geometry);
        }
        Ok(change)
    }

    /// The first block as it should be, if it has to change; the types of its partitions, if it must not.
    fn first_block(&self, mbr: &MbrState) -> Result<Option<Vec<u8>>, Vec<u8>> {
        let protected = raw::protected_end(&self.first_block);
        let length = u32::try_from(self.last.0).unwrap_or(u32::MAX);
        let whole = Lba(u64::from(length));
        match mbr {
            MbrState::None | MbrState::Empty => {
                // Boot code stays. Entries without the signature are rubbish that it would bring to life.
                let mut block = self.first_block.clone();
                block[446..510].fill(0);
                Ok(Some(protective_mbr(&block, self.geometry)))
            }
            MbrState::Other { types } => Err(types.clone()),
            // The entry spanned the disk when that was smaller or larger.
            MbrState::Protective if protected.is_some_and(|end| end != whole) => {
                let mut block = self.first_block.clone();
                block[458..462].copy_from_slice(&length.to_le_bytes());
                Ok(Some(block))
            }
            MbrState::Protective | MbrState::Hybrid { .. } => Ok(None),
        }
    }

    fn in_words(&self) -> String {
        let words = |name: &str, copy: &RawState| match copy {
            RawState::Sound(_) => None,
            RawState::Damaged { damage, .. } => {
                Some(format!("the {name} GPT is damaged: {damage}"))
            }
            RawState::Absent => Some(format!("the {name} GPT is missing")),
        };
        let both = [
            words("primary", &self.primary),
            words("backup", &self.backup),
        ];
        both.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn damage_in_words(&self, good: &RawCopy, wanted: &Wanted, mbr: &MbrState) -> String {
        let mut words = Vec::new();
        let copies = self.in_words();
        if !copies.is_empty() {
            words.push(copies);
        }
        if let (Some(primary), Some(backup)) = (self.primary.sound(), self.backup.sound())
            && !primary.agrees_with(backup)
        {
            words.push(String::from("the primary and the backup GPT differ"));
        }
        if wanted.moved {
            let at = if good.at == Lba(1) {
                good.alternate
            } else {
                good.at
            };
            words.push(format!(
                "the backup GPT belongs at block {}, the end of the disk, and was last at block {}",
                self.last.0, at.0
            ));
        }
        if matches!(mbr, MbrState::None | MbrState::Empty) {
            words.push(String::from(
                "there is no protective MBR: the kernel sees no partitions",
            ));
        }
        if words.is_empty() && raw::protected_end(&self.first_block) != Some(self.last) {
            words.push(String::from(
                "the protective MBR is for a disk of another size",
            ));
        }
        if words.is_empty() {
            words.push(String::from("the headers of the two copies do not match"));
        }
        words.join("; ")
    }
}

fn is_surely_damaged(damage: &Damage) -> bool {
    match damage {
        Damage::HeaderSize(_)
        | Damage::HeaderChecksum
        | Damage::Misplaced { .. }
        | Damage::EntriesChecksum => true,
        Damage::Revision(_)
        | Damage::EntrySize(_)
        | Damage::EntryCount(_)
        | Damage::Layout { .. } => false,
    }
}

fn refusal(what: String, why: &str, choices: Vec<Side>) -> Refusal {
    Refusal {
        structure: Structure::Gpt,
        volume: String::new(),
        what,
        why: why.to_owned(),
        choices,
        difference: Vec::new(),
    }
}

fn refused(what: &str, why: &str) -> Judged {
    Judged {
        refusal: Some(refusal(what.to_owned(), why, Vec::new())),
        ..Judged::default()
    }
}
