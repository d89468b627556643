//! The two copies of a LUKS2 header: which one is good, and the other from it. As in cryptsetup the one with the higher
//! sequence id counts. Keyslots are neither read nor written. Judges; never writes.

use super::{
    Piece, Refusal, Repair, Side, Structure, Urgency, Verdict, fields_differ, in_the_way, pieces,
    unreadable,
};
use crate::partitioner::luks2::restore::{self, Which};
use crate::partitioner::luks2::{self, CopyState, Header};
use crate::probe::inventory::Partition;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

/// Judges a partition, if it holds LUKS.
pub(super) fn judge(
    source: &dyn BlockSource,
    partition: &Partition,
    side: Option<Side>,
) -> Result<Verdict, Box<Refusal>> {
    if !partition.signatures.iter().any(|s| s.kind == "crypto_LUKS") {
        return Ok(Verdict::Healthy);
    }
    let extent = partition.extent.intersection(source.geometry().whole());
    let volume = Volume {
        source,
        partition,
        extent: extent.unwrap_or(Extent::new(Bytes::ZERO, Bytes::ZERO)),
    };
    let found = luks2::read(source, volume.extent)
        .map_err(|error| volume.unreadable(&error.to_string()))?;
    if found.is_luks1() {
        return Ok(Verdict::Healthy);
    }
    match (&found.primary, &found.secondary) {
        (CopyState::Valid(primary), CopyState::Valid(secondary)) => {
            volume.both(primary, secondary, side)
        }
        (CopyState::Valid(good), bad) => volume.one(good, bad, Which::Secondary, side),
        (bad, CopyState::Valid(good)) => volume.one(good, bad, Which::Primary, side),
        (primary, secondary) => {
            let what = format!(
                "{}; {}",
                said(Which::Primary, primary),
                said(Which::Secondary, secondary)
            );
            let why = "no copy is left that could be copied; only a backup of the header helps";
            Ok(volume.refused(what, why, Vec::new(), Vec::new()))
        }
    }
}

struct Volume<'a> {
    source: &'a dyn BlockSource,
    partition: &'a Partition,
    extent: Extent,
}

impl Volume<'_> {
    fn both(
        &self,
        primary: &Header,
        secondary: &Header,
        side: Option<Side>,
    ) -> Result<Verdict, Box<Refusal>> {
        let size = primary.hdr_size;
        let bytes = [self.read(Bytes::ZERO, size)?, self.read(size, size)?];
        if restore::same_content(&bytes[0], &bytes[1]) {
            return Ok(Verdict::Healthy);
        }
        let (older, words) = match primary.seqid.cmp(&secondary.seqid) {
            std::cmp::Ordering::Greater => (
                Which::Secondary,
                "the second LUKS2 header is older than the first",
            ),
            std::cmp::Ordering::Less => (
                Which::Primary,
                "the first LUKS2 header is older than the second",
            ),
            std::cmp::Ordering::Equal => {
                let words = "the two LUKS2 headers differ and are as new as each other";
                match side {
                    Some(Side::Primary) => (Which::Secondary, words),
                    Some(Side::Backup) => (Which::Primary, words),
                    None => {
                        let fields = bytes.each_ref().map(|copy| restore::header_fields(copy));
                        let difference =
                            fields_differ("second header against first", &fields[0], &fields[1]);
                        let why = "both are whole, and nothing tells which one is right";
                        let choices = vec![Side::Primary, Side::Backup];
                        return Ok(self.refused(words.to_owned(), why, choices, difference));
                    }
                }
            }
        };
        let good = if older == Which::Secondary {
            primary
        } else {
            secondary
        };
        self.restore(good, older, words.to_owned())
    }

    fn one(
        &self,
        good: &Header,
        bad: &CopyState,
        which: Which,
        side: Option<Side>,
    ) -> Result<Verdict, Box<Refusal>> {
        let words = said(which, bad);
        if let CopyState::Damaged(damage) = bad
            && !restore::is_surely_damaged(damage)
        {
            let why = "it is not certain that it is damaged: it may be of a kind that is not known";
            return Ok(self.refused(words, why, Vec::new(), Vec::new()));
        }
        let good_side = match which {
            Which::Primary => Side::Backup,
            Which::Secondary => Side::Primary,
        };
        if side.is_some_and(|side| side != good_side) {
            let why = "that is the copy that --from names";
            return Ok(self.refused(words, why, Vec::new(), Vec::new()));
        }
        if which == Which::Primary && side.is_none() && self.is_of_another(good)? {
            let why = "what is left of the first header has another UUID than the second: they may \
                       belong to two volumes";
            return Ok(self.refused(words, why, vec![Side::Backup], Vec::new()));
        }
        self.restore(good, which, words)
    }

    /// Whether the damaged first header still has the shape of one with another UUID.
    fn is_of_another(&self, good: &Header) -> Result<bool, Box<Refusal>> {
        let binary = self.read(Bytes::ZERO, Bytes::new(4096))?;
        let fields = restore::header_fields(&binary);
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| *field == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let uuid = field("UUID");
        let whole = uuid.parse::<crate::guid::Guid>().is_ok();
        Ok(field("magic") == "first copy" && whole && uuid != good.uuid)
    }

    fn restore(&self, good: &Header, which: Which, words: String) -> Result<Verdict, Box<Refusal>> {
        if !good.requirements().is_empty() {
            let why = format!(
                "the good header requires {}: cryptsetup has to finish that first",
                good.requirements().join(", ")
            );
            return Ok(self.refused(words, &why, Vec::new(), Vec::new()));
        }
        let size = good.hdr_size;
        let (to, from) = match which {
            Which::Primary => (Bytes::ZERO, size),
            Which::Secondary => (size, Bytes::ZERO),
        };
        let (stale, good) = (self.read(to, size)?, self.read(from, size)?);
        let good_is = match which {
            Which::Primary => Which::Secondary,
            Which::Secondary => Which::Primary,
        };
        if !restore::is_whole(&good, good_is) {
            let why = "the good header lies where none can be";
            return Ok(self.refused(words, why, Vec::new(), Vec::new()));
        }
        let new = restore::other_copy(&good, which, &stale)
            .map_err(|damage| self.unreadable(&damage.to_string()))?;
        let (name, other) = match which {
            Which::Primary => ("first LUKS2 header", "second LUKS2 header"),
            Which::Secondary => ("second LUKS2 header", "first LUKS2 header"),
        };
        let start = Bytes::new(self.extent.start.get() + to.get());
        let changes = pieces(name, start, &stale, &new, 4096);
        let all: Vec<&Piece> = changes.iter().collect();
        if let Some(thing) = in_the_way(&self.partition.signatures, &["crypto_LUKS"], &all) {
            let why = format!("{} lies there, which would be destroyed", thing.kind);
            return Ok(self.refused(words, &why, Vec::new(), Vec::new()));
        }
        Ok(Verdict::Repair(Repair {
            structure: Structure::Luks2,
            volume: self.partition.name.clone(),
            what: words,
            from: format!("the {other}"),
            urgency: Urgency::LastCopy,
            difference: fields_differ(
                name,
                &restore::header_fields(&stale),
                &restore::header_fields(&new),
            ),
            stages: vec![changes],
        }))
    }

    fn read(&self, at: Bytes, len: Bytes) -> Result<Vec<u8>, Box<Refusal>> {
        let start = Bytes::new(self.extent.start.get().saturating_add(at.get()));
        let extent = Extent::new(start, len);
        if !self.extent.contains(extent) {
            return Err(self.unreadable("the header does not fit into the partition"));
        }
        let read = self.source.read_extent(extent);
        read.map_err(|error| self.unreadable(&error.to_string()))
    }

    fn unreadable(&self, why: &str) -> Box<Refusal> {
        unreadable(
            Structure::Luks2,
            self.partition.name.clone(),
            why.to_owned(),
        )
    }

    fn refused(
        &self,
        what: String,
        why: &str,
        choices: Vec<Side>,
        difference: Vec<String>,
    ) -> Verdict {
        Verdict::Refused(Refusal {
            structure: Structure::Luks2,
            volume: self.partition.name.clone(),
            what,
            why: why.to_owned(),
            choices,
            difference,
        })
    }
}

fn said(which: Which, copy: &CopyState) -> String {
    let name = match which {
        Which::Primary => "first",
        Which::Secondary => "second",
    };
    match copy {
        CopyState::Valid(_) => format!("the {name} LUKS2 header is sound"),
        CopyState::Damaged(damage) => format!("the {name} LUKS2 header is damaged: {damage}"),
        CopyState::Version(version) => format!("the {name} LUKS2 header says version {version}"),
        CopyState::Absent => format!("the {name} LUKS2 header is missing"),
    }
}
