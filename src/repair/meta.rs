//! META's two copies: which one is good, and the other from it. As in Talos the first counts where both can be read.
//! Judges; never writes.

use super::{
    Piece, Refusal, Repair, Side, Structure, Urgency, Verdict, in_the_way, pieces, unreadable,
};
use crate::partitioner::meta::{self, AdvCopy, AdvDamage, COPIES, Meta, PARTITION_SIZE, tag};
use crate::probe::inventory::Partition;
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::Bytes;

/// Judges a partition, if it is META.
pub(super) fn judge(
    source: &dyn BlockSource,
    partition: &Partition,
    _side: Option<Side>,
) -> Result<Verdict, Box<Refusal>> {
    if partition.name != "META" || partition.extent.len != PARTITION_SIZE {
        return Ok(Verdict::Healthy);
    }
    let failed = |why: String| unreadable(Structure::Meta, partition.name.clone(), why);
    let bytes = source
        .read_extent(partition.extent)
        .map_err(|error| failed(error.to_string()))?;
    let bytes = Secret::new(bytes);
    let copies = meta::copies(bytes.expose()).map_err(|error| failed(error.to_string()))?;
    let halves = COPIES.map(|at| &bytes.expose()[at.start.to_usize()..at.end().to_usize()]);
    let (good, words) = match copies {
        [AdvCopy::Zero, AdvCopy::Zero] => return Ok(Verdict::Healthy),
        [AdvCopy::Sound, AdvCopy::Sound] if halves[0] == halves[1] => return Ok(Verdict::Healthy),
        [AdvCopy::Sound, AdvCopy::Sound] => (0, String::from("the two copies of META differ")),
        [AdvCopy::Sound, bad] => (0, said("second", bad)),
        [bad, AdvCopy::Sound] => (1, said("first", bad)),
        [first, second] => {
            let what = format!("{}; {}", said("first", first), said("second", second));
            return Ok(refused(what, "no copy is left that could be copied"));
        }
    };
    let bad = 1 - good;
    if let AdvCopy::Damaged(AdvDamage::Truncated(_) | AdvDamage::Tag(_)) = copies[bad] {
        let why = "its checksum is right, so it is not damaged but of a kind that is not known";
        return Ok(refused(words, why));
    }
    let start = Bytes::new(partition.extent.start.get() + COPIES[bad].start.get());
    let block = source.geometry().logical.bytes().to_usize().max(4096);
    let name = ["first copy of META", "second copy of META"];
    let changes = pieces(name[bad], start, halves[bad], halves[good], block);
    let all: Vec<&Piece> = changes.iter().collect();
    if let Some(other) = in_the_way(&partition.signatures, &["talosmeta"], &all) {
        let why = format!("{} lies there, which would be destroyed", other.kind);
        return Ok(refused(words, &why));
    }
    Ok(Verdict::Repair(Repair {
        structure: Structure::Meta,
        volume: partition.name.clone(),
        what: words,
        from: format!("the {}", name[good]),
        urgency: Urgency::LastCopy,
        difference: difference(halves[bad], halves[good], name[bad]),
        stages: vec![changes],
    }))
}

fn said(which: &str, copy: AdvCopy) -> String {
    match copy {
        AdvCopy::Sound => format!("the {which} copy of META is sound"),
        AdvCopy::Zero => format!("the {which} copy of META is empty"),
        AdvCopy::Damaged(damage) => format!("the {which} copy of META is damaged: {damage}"),
    }
}

fn refused(what: String, why: &str) -> Verdict {
    Verdict::Refused(Refusal {
        structure: Structure::Meta,
        volume: String::from("META"),
        what,
        why: why.to_owned(),
        choices: Vec::new(),
        difference: Vec::new(),
    })
}

/// Which tags come, go or change; never their values.
fn difference(old: &[u8], new: &[u8], name: &str) -> Vec<String> {
    let alone = |copy: &[u8]| {
        let mut whole = vec![0; PARTITION_SIZE.to_usize()];
        whole[..copy.len()].copy_from_slice(copy);
        let whole = Secret::new(whole);
        Meta::decode(whole.expose()).ok()
    };
    let (Some(new), old) = (alone(new), alone(old)) else {
        return Vec::new();
    };
    let was = |tag| old.as_ref().and_then(|old| old.get(tag));
    let mut lines: Vec<String> = new
        .tags()
        .map(|tag| {
            let same = was(tag).map(Secret::expose) == new.get(tag).map(Secret::expose);
            let change = match was(tag) {
                None => "comes back",
                Some(_) if same => "stays",
                Some(_) => "changes",
            };
            format!("{name}, tag {tag:#04x} ({}): {change}", tag::name(tag))
        })
        .collect();
    let gone = old
        .iter()
        .flat_map(Meta::tags)
        .filter(|tag| new.get(*tag).is_none());
    lines.extend(gone.map(|tag| format!("{name}, tag {tag:#04x} ({}): goes", tag::name(tag))));
    lines
}
