//! A rehearsal on disks in memory: the example nodes' plans, with cheap keys and small filesystems.

use std::io;

use keelblock::apply::filesystem::{Filesystem, FilesystemError, Mkfs};
use keelblock::apply::journal::NoJournal;
use keelblock::apply::prepare::Means;
use keelblock::apply::receipt::Receipt;
use keelblock::apply::{self, ApplyError, Run};
use keelblock::config::spec::Spec;
use keelblock::config::{self, Source};
use keelblock::entropy::SeededEntropy;
use keelblock::guid::{Guid, Seed};
use keelblock::keys::Keys;
use keelblock::partitioner::content::MkfsFacts;
use keelblock::partitioner::gpt::{self, Entry, Gpt};
use keelblock::partitioner::layout::{Bootloader, TalosVersion};
use keelblock::partitioner::meta;
use keelblock::partitioner::planner::{self, Options};
use keelblock::plan::{FilesystemPlan, KdfCost, Plan};
use keelblock::probe;
use keelblock::probe::inventory::{Content, Disk, Inventory, Machine, TalosDisk};
use keelblock::secret::Secret;
use keelblock::selector::selection::{Outcome, Role, Selection};
use keelblock::target::testing::{Memory, Recorder, Shared};
use keelblock::target::{BlockSource as _, BlockTarget};
use keelblock::units::{BlockSize, Bytes, Extent, Geometry, Lba};

/// A machine UUID that is nobody's.
pub const UUID: &str = "4c4c4544-0042-3510-8054-b7c04f4d3132";

/// What is laid out on which disk.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// For messages.
    pub name: &'static str,
    /// Example configuration below `examples/nodes`.
    pub config: &'static str,
    /// Boot partitions.
    pub bootloader: Bootloader,
    /// Block size.
    pub block: BlockSize,
    /// Roles on the disk.
    pub roles: &'static [&'static str],
    /// What is on the disk before.
    pub before: Before,
}

/// What is on a disk before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Blank,
    /// A table with one ext4 partition, and consent to lose it.
    Foreign,
    /// What Talos' installer leaves: EFI with FAT, META with a tag of its own.
    Installed,
    /// The same with an empty STATE entry.
    InstalledWithState,
    /// An installed disk whose META is all zeros, as of a node that was imaged and never booted.
    InstalledWithoutTags,
}

const SYSTEM: &[&str] = &["install", "STATE", "EPHEMERAL"];

/// Every plan that the crash and fault tests go through.
pub const CASES: &[Case] = &[
    case(
        "uki, 512",
        "talos-1.10/mini01.yaml",
        Bootloader::Uki,
        BlockSize::B512,
        SYSTEM,
        Before::Blank,
    ),
    case(
        "grub, 512",
        "talos-1.10/mini02.yaml",
        Bootloader::Grub,
        BlockSize::B512,
        SYSTEM,
        Before::Blank,
    ),
    case(
        "uki, 4096",
        "talos-1.14/mini03.yaml",
        Bootloader::Uki,
        BlockSize::B4096,
        SYSTEM,
        Before::Blank,
    ),
    case(
        "over foreign data",
        "talos-1.14/mini01.yaml",
        Bootloader::Uki,
        BlockSize::B512,
        SYSTEM,
        Before::Foreign,
    ),
    case(
        "completing an install",
        "talos-1.10/mini03.yaml",
        Bootloader::Uki,
        BlockSize::B512,
        SYSTEM,
        Before::Installed,
    ),
    case(
        "completing with an empty STATE",
        "talos-1.14/mini02.yaml",
        Bootloader::Uki,
        BlockSize::B4096,
        SYSTEM,
        Before::InstalledWithState,
    ),
    case(
        "a data disk",
        "talos-1.10/mini01.yaml",
        Bootloader::Uki,
        BlockSize::B512,
        &["u-longhorn-ssd"],
        Before::Blank,
    ),
];

/// META has no whole copy while its first one is written: only power cuts make anything of that.
pub const EMPTY_META: Case = case(
    "completing with an empty META",
    "talos-1.14/mini03.yaml",
    Bootloader::Uki,
    BlockSize::B512,
    SYSTEM,
    Before::InstalledWithoutTags,
);

const fn case(
    name: &'static str,
    config: &'static str,
    bootloader: Bootloader,
    block: BlockSize,
    roles: &'static [&'static str],
    before: Before,
) -> Case {
    Case {
        name,
        config,
        bootloader,
        block,
        roles,
        before,
    }
}

/// A plan and everything that applying it takes.
#[derive(Debug)]
pub struct Lab {
    /// The plan.
    pub plan: Plan,
    /// The disk before.
    pub before: Memory,
    /// The configuration.
    pub spec: Spec,
    /// Its passphrases.
    pub keys: Keys,
    /// META's tag 0x09 of it.
    pub tag: Option<Secret>,
    /// What the random bytes of every run derive from.
    pub chance: u8,
}

impl Lab {
    /// Plans `case`.
    pub fn new(case: &Case) -> Self {
        let path = format!(
            "{}/examples/nodes/{}",
            env!("CARGO_MANIFEST_DIR"),
            case.config
        );
        let text = std::fs::read_to_string(&path).expect("an example");
        let spec = config::parse(&[Source {
            name: case.config,
            text: &text,
        }])
        .expect("a valid example");
        let before = disk_before(case);
        let plan = plan(case, &spec, &before);
        let keys = Keys::resolve(&spec, Some(UUID)).expect("keys");
        let tag = spec
            .state
            .encryption
            .as_ref()
            .map(meta::state_encryption_json);
        Self {
            plan,
            before,
            spec,
            keys,
            tag,
            chance: 7,
        }
    }

    /// Applies the plan to `target`, always with the same random bytes.
    pub fn apply(&self, target: impl BlockTarget + 'static) -> Result<Receipt, ApplyError> {
        self.apply_plan(&self.plan, target)
    }

    /// Applies another plan with the same keys.
    pub fn apply_plan(
        &self,
        plan: &Plan,
        target: impl BlockTarget + 'static,
    ) -> Result<Receipt, ApplyError> {
        let mut entropy = SeededEntropy::new(self.chance);
        let means = Means {
            keys: &self.keys,
            state_tag: self.tag.as_ref(),
            mkfs: &Small,
            entropy: &mut entropy,
        };
        let mut journal = NoJournal;
        let run = Run {
            plan,
            means,
            memory_limit: Bytes::GIB,
            journal: &mut journal,
        };
        apply::apply(run, &mut [Box::new(target)])
    }

    /// An uninterrupted run: the disk afterwards, and everything that was done to it.
    pub fn record(&self, plan: &Plan) -> (Memory, Vec<keelblock::target::testing::Event>) {
        let shared = Shared::new(Recorder::new(self.before.clone()));
        self.apply_plan(plan, shared.handle())
            .expect("an uninterrupted run");
        shared.into_inner().expect("the only handle").into_parts()
    }
}

/// Filesystems of a few blocks that carry the right magic.
#[derive(Debug)]
struct Small;

#[derive(Debug)]
struct SmallFilesystem {
    kind: String,
    extents: Vec<Extent>,
}

impl Mkfs for Small {
    fn make(&self, plan: &FilesystemPlan) -> Result<Box<dyn Filesystem>, FilesystemError> {
        let middle = Bytes::new(plan.size.get() / 2).align_down(Bytes::new(4096));
        let extents = vec![
            Extent::new(Bytes::ZERO, Bytes::new(8192)),
            Extent::new(middle, Bytes::new(4096)),
            Extent::between(Bytes::new(plan.size.get() - 4096), plan.size),
        ];
        Ok(Box::new(SmallFilesystem {
            kind: plan.kind.clone(),
            extents,
        }))
    }
}

impl Filesystem for SmallFilesystem {
    fn extents(&self) -> &[Extent] {
        &self.extents
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let tag = at.get().to_le_bytes();
        for (index, byte) in buf.iter_mut().enumerate() {
            *byte = tag[index % 8] ^ 0x5a;
        }
        if at == Bytes::ZERO && self.kind == "xfs" {
            buf[..4].copy_from_slice(b"XFSB");
        }
        if at == Bytes::ZERO && self.kind == "vfat" {
            buf[82..90].copy_from_slice(b"FAT32   ");
            buf[510..512].copy_from_slice(&[0x55, 0xaa]);
        }
        Ok(())
    }
}

fn geometry(block: BlockSize) -> Geometry {
    Geometry {
        size: Bytes::new(8 << 30),
        logical: block,
        physical: 4096,
    }
}

fn disk_before(case: &Case) -> Memory {
    let size = geometry(case.block).size;
    let mut disk = Memory::new(size, case.block);
    let mib = |start, len| Extent::new(Bytes::mib(start), Bytes::mib(len));
    match case.before {
        Before::Blank => {}
        Before::Foreign => {
            partition(&mut disk, &[("data", Guid::LINUX_DATA, mib(1, 4000))]);
            // An ext4 superblock: magic, revision 1, extents feature, some blocks.
            let mut superblock = vec![0; 1024];
            superblock[0x04..0x08].copy_from_slice(&1_024_000u32.to_le_bytes());
            superblock[0x18..0x1c].copy_from_slice(&2u32.to_le_bytes());
            superblock[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
            superblock[0x4c] = 1;
            superblock[0x60] = 0x42;
            disk.put(Bytes::new((1 << 20) + 1024), &superblock);
            disk.put(Bytes::mib(3000), &[0xab; 4096]);
        }
        Before::Installed | Before::InstalledWithState | Before::InstalledWithoutTags => {
            installed(case, &mut disk)
        }
    }
    disk
}

fn installed(case: &Case, disk: &mut Memory) {
    let mib = |start, len| Extent::new(Bytes::mib(start), Bytes::mib(len));
    let mut partitions = vec![
        ("EFI", Guid::EFI_SYSTEM, mib(1, 1101)),
        ("META", Guid::LINUX_DATA, mib(1102, 1)),
    ];
    if case.before == Before::InstalledWithState {
        partitions.push(("STATE", Guid::LINUX_DATA, mib(1103, 100)));
    }
    partition(disk, &partitions);
    let mut boot = vec![0; 512];
    boot[..3].copy_from_slice(&[0xeb, 0x58, 0x90]);
    boot[11..13].copy_from_slice(&512u16.to_le_bytes());
    boot[13] = 8;
    boot[14..16].copy_from_slice(&32u16.to_le_bytes());
    boot[16] = 2;
    boot[21] = 0xf8;
    boot[32..36].copy_from_slice(&2_254_848u32.to_le_bytes());
    boot[36..40].copy_from_slice(&2200u32.to_le_bytes());
    boot[44..48].copy_from_slice(&2u32.to_le_bytes());
    boot[66] = 0x29;
    boot[71..82].copy_from_slice(b"EFI        ");
    boot[82..90].copy_from_slice(b"FAT32   ");
    boot[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk.put(Bytes::MIB, &boot);
    disk.put(Bytes::mib(500), &[0xcd; 8192]);
    if case.before == Before::InstalledWithoutTags {
        return;
    }
    let mut meta = meta::Meta::default();
    meta.set(0x0a, Secret::from(String::from("a network platform")))
        .expect("room in META");
    disk.put(
        Bytes::mib(1102),
        meta.encode().expect("room in META").expose(),
    );
}

fn partition(disk: &mut Memory, partitions: &[(&str, Guid, Extent)]) {
    let geometry = disk.geometry();
    let seed: Seed = "beef".parse().expect("a seed");
    let mut table = Gpt::new(geometry, seed.guid("before", "disk")).expect("room for a table");
    let block = u64::from(geometry.logical.get());
    for (number, (name, type_guid, extent)) in (1..).zip(partitions) {
        let entry = Entry {
            type_guid: *type_guid,
            guid: seed.guid("before", name),
            first: Lba(extent.start.get() / block),
            last: Lba(extent.end().get() / block - 1),
            attributes: 0,
            name: name.parse().expect("a short name"),
        };
        table.insert(number, entry).expect("a place in the table");
    }
    let encoded = table.encode();
    for (at, bytes) in [
        encoded.backup_entries,
        encoded.backup_header,
        encoded.primary_entries,
        encoded.primary_header,
    ] {
        disk.put(at, &bytes);
    }
    disk.put(Bytes::ZERO, &gpt::protective_mbr(&[], geometry));
}

fn plan(case: &Case, spec: &Spec, before: &Memory) -> Plan {
    let (content, fingerprint) = probe::inspect_source(before);
    let is_blank = matches!(content, Content::Blank);
    assert_eq!(
        is_blank,
        case.before == Before::Blank,
        "{}: {content:?}",
        case.name
    );
    let disk = disk(before.geometry(), content, fingerprint);
    let selection = selection(case, &disk);
    let inventory = Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: vec![disk],
        notes: Vec::new(),
    };
    let options = options(case.bootloader);
    planner::plan(spec, &inventory, &selection, &options).expect("a plan")
}

/// What planning depends on: cheap keys, always the same GUIDs.
pub fn options(bootloader: Bootloader) -> Options {
    Options {
        seed: "5eed".parse().expect("a seed"),
        talos: TalosVersion {
            major: 1,
            minor: 10,
        },
        bootloader,
        kdf: KdfCost {
            memory: Bytes::new(64 << 10),
            time: 1,
            lanes: 1,
        },
        kdf_seconds: None,
        ephemeral_filesystem: true,
        mark: true,
        mkfs: MkfsFacts::default(),
        uuid: Some(UUID.to_owned()),
        wipe: vec![String::from("serial LAB")],
        only: None,
        config_digest: String::from("lab"),
    }
}

/// A disk with this content.
pub fn disk(geometry: Geometry, content: Content, fingerprint: String) -> Disk {
    Disk {
        path: String::from("/dev/lab"),
        id: String::from("serial LAB"),
        talos: TalosDisk {
            size: geometry.size.get(),
            sector_size: u64::from(geometry.logical.get()),
            model: String::from("LAB"),
            ..TalosDisk::default()
        },
        udev: std::collections::BTreeMap::new(),
        usb: None,
        vendor: String::new(),
        removable: false,
        physical_sector_size: geometry.logical.get(),
        diskseq: None,
        usage: Vec::new(),
        boot_medium: Vec::new(),
        boot_evidence: Vec::new(),
        content,
        fingerprint,
        unread: Vec::new(),
    }
}

fn selection(case: &Case, disk: &Disk) -> Selection {
    let role = |role: &&str| Role {
        role: (*role).to_owned(),
        outcome: Outcome::Selected,
        disk: Some(disk.path.clone()),
        disk_id: Some(disk.id.clone()),
        reason: String::new(),
        source: String::new(),
        rule: String::new(),
        verdicts: Vec::new(),
        proof: Default::default(),
    };
    Selection::of(case.roles.iter().map(role).collect())
}
