//! A rehearsal of resets: nodes in memory that an apply made, with something in every partition.

use keelblock::partitioner::planner::Options;
use keelblock::partitioner::reset::choose::goes;
use keelblock::partitioner::reset::held::Facts;
use keelblock::partitioner::reset::{self, Request, ResetError, Subject};
use keelblock::plan::{ContentPlan, PartitionPlan, Plan, Proof};
use keelblock::probe;
use keelblock::probe::inventory::Machine;
use keelblock::target::BlockSource as _;
use keelblock::target::testing::Memory;
use keelblock::units::{Bytes, Extent};

use super::lab::{self, CASES, Case, Lab};

/// Read in small samples: thousands of runs are made.
pub const PROOF: Proof = Proof {
    whole_up_to: Bytes::MIB,
    samples: 8,
    sample: Bytes::new(4096),
};

/// Where the payload of the lab's volumes begins, so that keys take one MiB.
pub const HEAD: Bytes = Bytes::MIB;

/// What a file of the node would hold.
pub const MARKER: &[u8] = b"machine configuration and a token of this very node";

/// What is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// For messages.
    pub name: &'static str,
    /// Which of [`CASES`] laid the node out.
    pub case: usize,
    /// Whether STATE and EPHEMERAL were replaced by plain filesystems.
    pub plain: bool,
    /// Whether they are sealed again.
    pub reseal: bool,
    /// Which copy of the table is damaged.
    pub damaged: Damaged,
}

/// What is wrong with the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    Nothing,
    Primary,
    Backup,
}

const fn reset(name: &'static str, case: usize, plain: bool, reseal: bool) -> Reset {
    Reset {
        name,
        case,
        plain,
        reseal,
        damaged: Damaged::Nothing,
    }
}

/// Every reset that the crash and fault tests go through.
pub const RESETS: &[Reset] = &[
    reset("sealed, uki, 512", 0, false, false),
    reset("sealed, grub, 512", 1, false, false),
    reset("sealed, uki, 4096", 2, false, false),
    reset("plain, uki, 512", 0, true, false),
    reset("plain, grub, 512", 1, true, false),
    reset("sealed again, uki, 512", 0, false, true),
    reset("sealed again, grub, 512", 1, false, true),
    reset("sealed again, uki, 4096", 2, false, true),
    reset("plain to sealed, uki, 512", 0, true, true),
    Reset {
        damaged: Damaged::Primary,
        ..reset("sealed, damaged primary table", 0, false, false)
    },
    Reset {
        damaged: Damaged::Backup,
        ..reset("sealed again, damaged backup table", 0, false, true)
    },
];

/// A node, and the plan to reset it.
pub fn new(reset: &Reset) -> Lab {
    let mut lab = node(&CASES[reset.case]);
    if reset.plain {
        make_plain(&mut lab);
    }
    damage(&mut lab.before, reset.damaged);
    lab.plan = plan(&lab, &lab.before, reset.reseal).expect("a plan");
    lab
}

/// The node of `case`: its plan is the one that made it.
pub fn node(case: &Case) -> Lab {
    let mut lab = Lab::new(case);
    for partition in &mut lab.plan.disks[0].partitions {
        if let ContentPlan::Sealed(seal) = &mut partition.content {
            seal.data_offset = HEAD;
            if let Some(filesystem) = &mut seal.filesystem {
                filesystem.size = partition.size.saturating_sub(HEAD);
            }
        }
    }
    lab.plan = lab.plan.clone().sealed();
    (lab.before, _) = lab.record(&lab.plan);
    // Whatever is sealed again has keys of its own.
    lab.chance += 1;
    fill(&mut lab);
    lab
}

/// The partition of this name in the plan.
pub fn part<'a>(plan: &'a Plan, name: &str) -> &'a PartitionPlan {
    let found = plan.disks[0].partitions.iter().find(|p| p.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Data of their own in the partitions that stay, a tag of its own in META, and something between the partitions.
fn fill(lab: &mut Lab) {
    for name in ["EFI", "BIOS", "BOOT"] {
        let places = lab.plan.disks[0].partitions.clone();
        for p in places.iter().filter(|p| p.name == name) {
            for quarter in 0..4 {
                let at = p.start.get() + p.size.get() / 4 * quarter + 65536;
                lab.before.put(Bytes::new(at), &noise(at));
            }
        }
    }
    let meta = part(&lab.plan, "META").extent();
    let bytes = lab.before.read_extent(meta).expect("memory");
    let mut tags = keelblock::partitioner::meta::Meta::decode(&bytes).expect("META");
    tags.set(0x0a, String::from("a network platform").into())
        .expect("room in META");
    let bytes = tags.encode_over(&bytes).expect("room in META");
    lab.before.put(meta.start, bytes.expose());
    // Unused bytes of META, behind its copies; the first block's boot code; a gap before the first partition.
    lab.before
        .put(Bytes::new(meta.start.get() + (600 << 10)), &noise(7));
    lab.before.put(Bytes::ZERO, &[0xfa; 440]);
    lab.before.put(Bytes::new(200 << 10), &noise(9));
}

/// Bytes that differ from place to place.
pub fn noise(seed: u64) -> Vec<u8> {
    (seed..seed + 4096)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

/// STATE and EPHEMERAL as a node without encryption has them.
fn make_plain(lab: &mut Lab) {
    for name in ["STATE", "EPHEMERAL"] {
        let place = part(&lab.plan, name).extent();
        lab.before.clear(place);
        let mut superblock = vec![0; 4096];
        superblock[..4].copy_from_slice(b"XFSB");
        superblock[4..8].copy_from_slice(&4096u32.to_be_bytes());
        superblock[102..104].copy_from_slice(&512u16.to_be_bytes());
        lab.before.put(place.start, &superblock);
        for part in 1..7 {
            let at = Bytes::new(place.start.get() + place.len.get() / 7 * part);
            lab.before.put(at, MARKER);
        }
    }
}

fn damage(disk: &mut Memory, damaged: Damaged) {
    let geometry = disk.geometry();
    let block = geometry.logical.bytes();
    let at = match damaged {
        Damaged::Nothing => return,
        Damaged::Primary => block,
        Damaged::Backup => geometry.size.saturating_sub(block),
    };
    disk.put(Bytes::new(at.get() + 20), &[0xff; 4]);
}

/// The plan to reset what is on `disk` now.
pub fn plan(lab: &Lab, disk: &Memory, reseal: bool) -> Result<Plan, ResetError> {
    plan_with(
        lab,
        disk,
        reseal,
        &Request {
            proof: PROOF,
            ..Request::default()
        },
    )
}

/// The same with a request of its own.
pub fn plan_with(
    lab: &Lab,
    disk: &Memory,
    reseal: bool,
    request: &Request,
) -> Result<Plan, ResetError> {
    let (content, fingerprint) = probe::inspect_source(disk);
    let layout = content.layout().cloned().unwrap_or_default();
    let facts = Facts::read(disk, &layout, |p| goes(p, &request.volumes));
    let found = lab::disk(disk.geometry(), content, fingerprint);
    let options = Options {
        seed: "5eed2".parse().expect("a seed"),
        wipe: Vec::new(),
        ..lab::options(keelblock::partitioner::layout::Bootloader::Uki)
    };
    let subject = Subject {
        disk: &found,
        facts,
    };
    let spec = reseal.then_some(&lab.spec);
    reset::plan(&Machine::default(), &[subject], request, spec, &options)
}

/// Where `needle` is in what the disk shows.
pub fn find(disk: &Memory, place: Extent, needle: &[u8]) -> Option<Bytes> {
    let bytes = disk.read_extent(place).expect("memory");
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|at| Bytes::new(place.start.get() + at as u64))
}
