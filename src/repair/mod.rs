//! Damaged copies of what a disk keeps twice, and what restores them from the good one: GPT, LUKS2 headers, META.
//!
//! Pure but for bounded reads: [`diagnose`] tells what is damaged and gives every byte that would be written, with the
//! bytes that stand there now. [`execute`] alone writes. A repair is offered only where one copy is good beyond doubt, and
//! only if a disk on which it was done would be found healthy.

pub mod backup;
pub mod execute;
mod gpt;
mod luks2;
mod meta;
mod overlay;
pub mod report;

use serde::Serialize;

use crate::partitioner::gpt::Gpt;
use crate::partitioner::gpt::raw::same_partitions;
use crate::probe;
use crate::probe::inventory::{Content, Layout, Partition, Signature};
use crate::probe::marker::MARKER_EXTENT;
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent, Geometry};

use overlay::Overlay;

/// What a disk keeps twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Structure {
    /// The partition table, with the protective MBR.
    Gpt,
    /// The header of a LUKS2 volume.
    Luks2,
    /// Talos' META.
    Meta,
}

/// Which copy is taken for the good one where both are whole and say different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first copy.
    Primary,
    /// The second copy.
    Backup,
}

impl Side {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

/// A word that names no copy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither primary nor backup")]
pub struct NoSide(String);

impl std::str::FromStr for Side {
    type Err = NoSide;

    fn from_str(text: &str) -> Result<Self, NoSide> {
        match text {
            "primary" => Ok(Self::Primary),
            "backup" => Ok(Self::Backup),
            _ => Err(NoSide(text.to_owned())),
        }
    }
}

/// What it means to leave a thing damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Something does not work now: the kernel sees no partitions, Talos refuses a header.
    Broken,
    /// All works, on the last good copy.
    LastCopy,
}

/// Whole blocks that are written at once: where, what stands there, and what comes. May hold passphrases.
#[derive(Debug)]
pub struct Piece {
    /// Which part, such as `primary GPT header`.
    pub what: String,
    /// First byte on the disk.
    pub start: Bytes,
    /// As it is.
    pub old: Secret,
    /// As it will be; as long as `old`.
    pub new: Secret,
}

impl Piece {
    /// Where it lies.
    pub fn extent(&self) -> Extent {
        Extent::new(self.start, Bytes::from(self.new.len()))
    }
}

/// One thing that can be restored.
#[derive(Debug)]
pub struct Repair {
    /// What kind of thing.
    pub structure: Structure,
    /// GPT name of the partition; empty for the table, and for a volume on the whole disk.
    pub volume: String,
    /// What is wrong, such as `the backup GPT is missing`.
    pub what: String,
    /// From what it is restored.
    pub from: String,
    /// How bad it is.
    pub urgency: Urgency,
    /// What changes, decoded, one line each. No key material.
    pub difference: Vec<String>,
    /// What is written; everything of one stage is durable before the next begins.
    pub stages: Vec<Vec<Piece>>,
}

impl Repair {
    /// Everything that is written, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.stages.iter().flatten()
    }
}

/// Something that is damaged, or not understood, and is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Refusal {
    /// What kind of thing.
    pub structure: Structure,
    /// GPT name of the partition; empty for the table.
    pub volume: String,
    /// What is wrong.
    pub what: String,
    /// Why it is not repaired.
    pub why: String,
    /// The copies between which somebody has to choose with `--from`; empty if that would not help.
    pub choices: Vec<Side>,
    /// How both differ, decoded.
    pub difference: Vec<String>,
}

/// All that is damaged on a disk.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// Why nothing at all may be written, such as an apply that was interrupted.
    pub blocked: Option<Blocked>,
    /// What can be restored, in the order in which it is done.
    pub repairs: Vec<Repair>,
    /// What cannot.
    pub refusals: Vec<Refusal>,
    /// What is unusual and no damage.
    pub remarks: Vec<String>,
}

/// Why nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// An apply (its plan's id) or a reset was interrupted, and may have removed a copy on purpose.
    Unfinished(Option<String>),
    /// Nobody can tell what is on the disk.
    Unreadable(String),
}

impl Diagnosis {
    /// Whether every copy that is there is good.
    pub fn is_healthy(&self) -> bool {
        self.repairs.is_empty() && self.refusals.is_empty() && self.blocked.is_none()
    }
}

/// Looks at everything on `source` that is kept twice. `side` decides between copies that are whole and differ, and
/// only there.
pub fn diagnose(source: &dyn BlockSource, side: Option<Side>) -> Diagnosis {
    let (content, _) = probe::inspect_source(source);
    let mut diagnosis = Diagnosis::default();
    let layout = match &content {
        Content::Unreadable { reason } => {
            diagnosis.blocked = Some(Blocked::Unreadable(reason.clone()));
            return diagnosis;
        }
        Content::Blank => Layout::default(),
        Content::Talos(layout) | Content::Foreign(layout) => layout.clone(),
    };
    diagnosis.blocked = unfinished(source, &layout);
    let table = diagnosis.table(source, &layout, side);
    if diagnosis.refusals.is_empty() {
        // Behind a table that is to be restored the partitions are where they will be then.
        let after = Overlay::new(source, diagnosis.repairs.iter().flat_map(Repair::pieces));
        let (then, _) = probe::inspect_source(&after);
        let layout = then.layout().cloned().unwrap_or_default();
        let places = partitions(&layout, table.as_ref(), source.geometry());
        for partition in &places {
            diagnosis.volume(source, partition, side);
        }
    } else {
        let left = "partitions were not looked into, because it is not certain where they are";
        diagnosis.remarks.push(left.to_owned());
    }
    diagnosis
}

impl Diagnosis {
    fn table(
        &mut self,
        source: &dyn BlockSource,
        layout: &Layout,
        side: Option<Side>,
    ) -> Option<Gpt> {
        let judged = match gpt::judge(source, layout, side) {
            Ok(judged) => judged,
            Err(error) => {
                let why = error.to_string();
                let refusal = unreadable(Structure::Gpt, String::new(), why);
                self.refusals.push(*refusal);
                return None;
            }
        };
        self.remarks.extend(judged.remarks);
        self.refusals.extend(judged.refusal);
        if let Some(repair) = judged.repair {
            let healed = |overlay: &Overlay<'_>| match gpt::judge(overlay, layout, None) {
                Ok(after) => {
                    let same = match (&after.table, &judged.table) {
                        (Some(after), Some(good)) => same_partitions(after, good),
                        _ => false,
                    };
                    after.repair.is_none() && after.refusal.is_none() && same
                }
                Err(_) => false,
            };
            self.offer(source, repair, healed);
        }
        judged.table
    }

    fn volume(&mut self, source: &dyn BlockSource, partition: &Partition, side: Option<Side>) {
        for judge in [luks2::judge, meta::judge] {
            match judge(source, partition, side) {
                Ok(Verdict::Healthy) => {}
                Ok(Verdict::Refused(refusal)) => self.refusals.push(refusal),
                Ok(Verdict::Repair(repair)) => {
                    let healed = |overlay: &Overlay<'_>| {
                        matches!(judge(overlay, partition, None), Ok(Verdict::Healthy))
                    };
                    self.offer(source, repair, healed);
                }
                Err(refusal) => self.refusals.push(*refusal),
            }
        }
    }

    /// A repair after which the same eyes would still find damage is none.
    fn offer(
        &mut self,
        source: &dyn BlockSource,
        repair: Repair,
        healed: impl Fn(&Overlay<'_>) -> bool,
    ) {
        if healed(&Overlay::new(source, repair.pieces())) {
            self.repairs.push(repair);
        } else {
            self.refusals.push(Refusal {
                structure: repair.structure,
                volume: repair.volume,
                what: repair.what,
                why: String::from("what would be written would not be sound either"),
                choices: Vec::new(),
                difference: repair.difference,
            });
        }
    }
}

/// What was found of one thing.
enum Verdict {
    Healthy,
    Repair(Repair),
    Refused(Refusal),
}

fn unreadable(structure: Structure, volume: String, why: String) -> Box<Refusal> {
    Box::new(Refusal {
        structure,
        volume,
        what: String::from("it cannot be read"),
        why,
        choices: Vec::new(),
        difference: Vec::new(),
    })
}

/// The mark of an apply that was interrupted, and anything that looks like one of ours and cannot be read.
fn unfinished(source: &dyn BlockSource, layout: &Layout) -> Option<Blocked> {
    if let Some(plan) = &layout.unfinished {
        return Some(Blocked::Unfinished(Some(plan.clone())));
    }
    if !source.geometry().whole().contains(MARKER_EXTENT) {
        return None;
    }
    match source.read_extent(MARKER_EXTENT) {
        Ok(bytes) if bytes.starts_with(b"KEELBLOCK") => Some(Blocked::Unfinished(None)),
        Ok(_) => None,
        Err(error) => Some(Blocked::Unreadable(error.to_string())),
    }
}

/// The partitions that both the probe and the good table know, or the whole disk where there is no table.
fn partitions(layout: &Layout, table: Option<&Gpt>, geometry: Geometry) -> Vec<Partition> {
    let Some(table) = table else {
        let sealed = layout.signatures.iter().any(|s| s.kind == "crypto_LUKS");
        let whole = Partition {
            signatures: layout.signatures.clone(),
            ..Partition::new(0, "", geometry.whole())
        };
        let alone = sealed && layout.table.is_none();
        return Some(whole).filter(|_| alone).into_iter().collect();
    };
    let block = table.geometry().logical;
    let known = |partition: &&Partition| {
        table.get(partition.number).is_some_and(|entry| {
            entry.extent(block) == Some(partition.extent) && Some(entry.guid) == partition.guid
        })
    };
    layout.partitions.iter().filter(known).cloned().collect()
}

/// What differs between the blocks at `start`, in runs of blocks.
fn pieces(what: &str, start: Bytes, old: &[u8], new: &[u8], block: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut run: Option<(usize, usize)> = None;
    let mut end_run = |run: &mut Option<(usize, usize)>| {
        if let Some((from, to)) = run.take() {
            pieces.push(Piece {
                what: what.to_owned(),
                start: Bytes::new(start.get() + from as u64),
                old: Secret::new(old[from..to].to_vec()),
                new: Secret::new(new[from..to].to_vec()),
            });
        }
    };
    let blocks = old.chunks(block).zip(new.chunks(block));
    for (index, (was, becomes)) in blocks.enumerate() {
        let (from, to) = (index * block, index * block + was.len());
        if was == becomes {
            end_run(&mut run);
        } else {
            run = Some((run.map_or(from, |(first, _)| first), to));
        }
    }
    end_run(&mut run);
    pieces
}

/// The first signature of something else that a write would destroy.
fn in_the_way<'a>(
    signatures: &'a [Signature],
    own: &[&str],
    pieces: &[&Piece],
) -> Option<&'a Signature> {
    signatures.iter().find(|signature| {
        let hit = |extent: &Extent| pieces.iter().any(|piece| piece.extent().overlaps(*extent));
        !own.contains(&signature.kind.as_str()) && signature.extents.iter().any(hit)
    })
}

/// What differs between two lists of fields, as `name: was → becomes`.
fn fields_differ(
    of: &str,
    old: &[(&'static str, String)],
    new: &[(&'static str, String)],
) -> Vec<String> {
    let was = |name: &str| {
        let found = old.iter().find(|(field, _)| *field == name);
        found.map_or("nothing", |(_, value)| value.as_str())
    };
    new.iter()
        .filter(|(name, value)| was(name) != value)
        .map(|(name, value)| format!("{of}, {name}: {} → {value}", was(name)))
        .collect()
}
