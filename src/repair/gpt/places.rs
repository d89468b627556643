//! Where the two copies of a table belong on this disk. Never over a partition, and never over what may be firmware.

use super::Copies;
use crate::partitioner::gpt::GptError;
use crate::partitioner::gpt::raw::{self, Place, RawCopy, RawState};
use crate::repair::Side;
use crate::units::Lba;

/// Where both copies belong.
pub(super) struct Wanted {
    pub(super) primary: Place,
    pub(super) backup: Place,
    /// Whether the backup was elsewhere before.
    pub(super) moved: bool,
}

/// Why a copy cannot go where it belongs.
pub(super) struct Nowhere {
    pub(super) why: &'static str,
    /// The copies that somebody may name with `--from` all the same.
    pub(super) choices: Vec<Side>,
}

impl Nowhere {
    const fn never(why: &'static str) -> Self {
        let choices = Vec::new();
        Self { why, choices }
    }
}

impl Copies<'_> {
    /// Where both copies belong, or why that cannot be.
    pub(super) fn wanted(
        &self,
        good: &RawCopy,
        side: Option<Side>,
    ) -> Result<Result<Wanted, Nowhere>, GptError> {
        let blocks = good.entries.len() as u64 / u64::from(self.geometry.logical.get());
        let is_primary = good.at == Lba(1);
        let was_at = if is_primary { good.alternate } else { good.at };
        let moved = was_at != self.last;
        let sane =
            |lba: &Lba| lba.0 + blocks == self.last.0 || self.is_behind_everything(good, *lba);
        let at_end = match &self.at_end {
            RawState::Sound(copy) => Some(copy.entries_lba),
            RawState::Damaged { says, .. } => says.map(|(entries, _)| entries),
            RawState::Absent => None,
        };
        let backup_entries = at_end.filter(sane).unwrap_or(Lba(self.last.0 - blocks));
        let beyond = |lba: Lba| good.table.partitions().any(|(_, entry)| entry.last >= lba);
        if beyond(backup_entries) {
            let why =
                "a partition reaches to where the backup belongs, or beyond the end of the disk";
            return Ok(Err(Nowhere::never(why)));
        }
        let Some(primary_entries) = self.primary_entries(good, side)? else {
            let why = "the blocks where the primary's entries belong hold neither zeros nor what is \
                       left of a table";
            let choices = vec![Side::Backup];
            return Ok(Err(Nowhere { why, choices }));
        };
        let before = |lba: Lba| good.table.partitions().any(|(_, entry)| entry.first < lba);
        let end = Lba(primary_entries.0 + blocks);
        if end > good.table.first_usable() || before(end) {
            let why = "a partition lies where the primary's entries belong";
            return Ok(Err(Nowhere::never(why)));
        }
        let last_usable = if moved {
            Lba(backup_entries.0 - 1)
        } else {
            good.last_usable
        };
        let place = |at, alternate, entries| Place {
            at,
            alternate,
            entries,
            last_usable,
        };
        Ok(Ok(Wanted {
            primary: place(Lba(1), self.last, primary_entries),
            backup: place(self.last, Lba(1), backup_entries),
            moved,
        }))
    }

    /// Whether entries at `lba` would lie behind the last usable block and before the last one.
    fn is_behind_everything(&self, good: &RawCopy, lba: Lba) -> bool {
        let blocks = good.entries.len() as u64 / u64::from(self.geometry.logical.get());
        let end = lba.0.checked_add(blocks);
        lba > good.last_usable && end.is_some_and(|end| end <= self.last.0)
    }

    /// Where the primary's entries belong: where its own header puts them, where they still stand, or else block 2,
    /// unless something else stands there.
    fn primary_entries(&self, good: &RawCopy, side: Option<Side>) -> Result<Option<Lba>, GptError> {
        if good.at == Lba(1) {
            return Ok(Some(good.entries_lba));
        }
        match &self.primary {
            RawState::Sound(copy) => return Ok(Some(copy.entries_lba)),
            RawState::Damaged {
                says: Some((entries, _)),
                ..
            } => return Ok(Some(*entries)),
            RawState::Damaged { .. } | RawState::Absent => {}
        }
        let claimed = self.primary.claims().map(|(entries, _)| entries);
        for lba in [Some(Lba(2)), claimed].into_iter().flatten() {
            if self
                .blocks_at(lba, good)?
                .is_some_and(|found| found == good.entries)
            {
                return Ok(Some(lba));
            }
        }
        let found = self.blocks_at(Lba(2), good)?;
        let plausible = found.is_some_and(|found| raw::resembles(&found, &good.entries));
        Ok((plausible || side == Some(Side::Backup)).then_some(Lba(2)))
    }

    /// What stands at `lba`, as long as the entries; `None` off the disk or before block 2.
    fn blocks_at(&self, lba: Lba, good: &RawCopy) -> Result<Option<Vec<u8>>, GptError> {
        let extent = raw::extent_of(lba, &good.entries, self.geometry);
        let Some(extent) = extent.filter(|e| lba.0 >= 2 && self.geometry.whole().contains(*e))
        else {
            return Ok(None);
        };
        let read = self.source.read_extent(extent);
        read.map(Some)
            .map_err(|source| GptError::Io { extent, source })
    }
}
