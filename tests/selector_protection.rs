//! What is never chosen, over random machines, uses, contents, signs of a boot medium and consents.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "support/disks.rs"]
mod disks;

use keelblock::config::spec::{
    DiskSelector, Install, InstallTarget, Location, Provisioning, Spec, Volume, VolumeKind,
};
use keelblock::guid::Guid;
use keelblock::probe::evidence::{BootEvidence, BootSource, Grade, against, weigh};
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, Signature, Table, Usage, UsageKind,
    UsbDevice,
};
use keelblock::selector::cel::{Env, Expression};
use keelblock::selector::ghost::{GhostKind, ghosts};
use keelblock::selector::selection::{CheckKind, Outcome, Selection};
use keelblock::selector::{Request, forbids_writing, select};
use keelblock::units::{Bytes, Extent};
use proptest::prelude::*;

use self::disks::{blank, talos_disk, talos_disks};

/// The disk that is added to a machine.
const ADDED: &str = "/dev/sdzz";

fn sign() -> impl Strategy<Value = BootEvidence> {
    let grades = prop::sample::select(vec![Grade::Weak, Grade::Strong, Grade::Certain]);
    let sources = prop::sample::select(vec![
        BootSource::Mount,
        BootSource::Loop,
        BootSource::CommandLine,
        BootSource::Firmware,
        BootSource::Meta,
        BootSource::DiscImage,
    ]);
    let outweighed = prop::option::of(Just("/ is mounted from elsewhere".to_owned()));
    (grades, sources, outweighed, 0..3u8).prop_map(|(grade, source, outweighed, n)| BootEvidence {
        outweighed,
        ..BootEvidence::new(grade, source, format!("sign {n}"))
    })
}

fn usage() -> impl Strategy<Value = Usage> {
    let kinds = prop::sample::select(vec![
        UsageKind::Mount,
        UsageKind::Swap,
        UsageKind::DeviceMapper,
        UsageKind::Md,
        UsageKind::Loop,
        UsageKind::Holder,
        UsageKind::Claimed,
    ]);
    kinds.prop_map(|kind| Usage {
        kind,
        device: "/dev/x1".into(),
        by: "somebody".into(),
    })
}

fn signature() -> impl Strategy<Value = Signature> {
    let kinds = prop::sample::select(vec![
        "gpt",
        "PMBR",
        "dos",
        "ext4",
        "xfs",
        "apfs",
        "fvault2",
        "LVM2_member",
        "zfs_member",
        "linux_raid_member",
        "ceph_bluestore",
        "bcache",
        "iso9660",
        "unknown-data",
    ]);
    let notes = prop::sample::select(vec![
        "",
        "a header at a place that no table names",
        "a remark",
    ]);
    (kinds, notes, 0..64u64).prop_map(|(kind, note, mib)| Signature {
        kind: kind.into(),
        talos: String::new(),
        label: String::new(),
        uuid: String::new(),
        version: String::new(),
        offset: Bytes::mib(mib),
        extents: vec![Extent::new(Bytes::mib(mib), Bytes::new(4096))],
        note: note.into(),
    })
}

fn partition() -> impl Strategy<Value = Partition> {
    let names = prop::sample::select(vec![
        "",
        "EFI",
        "META",
        "STATE",
        "EPHEMERAL",
        "u-data",
        "r-raw",
    ]);
    let unreadable = prop::option::weighted(0.1, Just("input/output error".to_owned()));
    let inside = prop::collection::vec(signature(), 0..2);
    (names, unreadable, inside, 1..9u32).prop_map(|(name, unreadable, signatures, number)| {
        Partition {
            type_guid: Some(Guid::LINUX_DATA),
            signatures,
            unreadable,
            ..Partition::new(
                number,
                name,
                Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB),
            )
        }
    })
}

fn content() -> impl Strategy<Value = Content> {
    let kinds = prop::sample::select(vec!["gpt", "mbr", "apm"]);
    let defects = prop::sample::select(vec![
        "the primary table is missing",
        "primary and backup table differ",
        "the backup table is not at the end of the disk",
        "a hybrid MBR",
    ]);
    let table = prop::option::of((kinds, prop::option::of(defects)));
    let layout = (
        table,
        prop::collection::vec(partition(), 0..4),
        prop::collection::vec(signature(), 0..3),
    )
        .prop_map(|(table, partitions, signatures)| Layout {
            table: table.map(|(kind, defect)| Table {
                kind: kind.into(),
                guid: None,
                block_size: None,
                usable: None,
                defects: defect.into_iter().map(str::to_owned).collect(),
            }),
            partitions,
            signatures,
            unfinished: None,
        })
        .boxed();
    let reason = "input/output error".to_owned();
    prop_oneof![
        4 => Just(Content::Blank),
        2 => layout.clone().prop_map(Content::Talos),
        3 => layout.prop_map(Content::Foreign),
        1 => Just(Content::Unreadable { reason }),
    ]
}

/// Everything that can speak against a disk, on a disk that is large enough.
fn with_facts(disk: impl Strategy<Value = Disk>) -> impl Strategy<Value = Disk> {
    let facts = (
        content(),
        prop::collection::vec(sign(), 0..2),
        prop::option::weighted(0.15, usage()),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.1, Just("the mounts of 3 processes".to_owned())),
    );
    (disk, facts).prop_map(|(mut disk, facts)| {
        let (content, signs, usage, removable, locked, old, unread) = facts;
        disk.talos.size = disk.talos.size.max(1 << 40);
        disk.content = content;
        disk.boot_evidence = signs;
        disk.usage.extend(usage);
        disk.removable = removable;
        disk.unread.extend(unread);
        if old {
            disk.boot_medium
                .push("a sentence of an older version".into());
        }
        disk.usb = locked.then(|| UsbDevice {
            vendor_id: "04e8".into(),
            product_id: "61f6".into(),
            ..UsbDevice::default()
        });
        disk
    })
}

fn machines() -> impl Strategy<Value = Vec<Disk>> {
    talos_disks(4).prop_flat_map(|disks| {
        let disks: Vec<_> = disks
            .into_iter()
            .map(|disk| with_facts(Just(blank(disk))))
            .collect();
        disks
    })
}

/// Rules that many disks meet, with consent for every disk there is.
fn spec(rule: u8) -> Spec {
    let cel = |text: &str| Expression::parse(text, Env::Disk).unwrap();
    let target = match rule {
        0 => InstallTarget::Expression(cel("disk.size > 0u")),
        1 => InstallTarget::Selector(DiskSelector {
            model: Some("*".into()),
            ..DiskSelector::default()
        }),
        2 => InstallTarget::Disk("/dev/sda".into()),
        3 => InstallTarget::Expression(cel("disk.transport == 'nvme'")),
        _ => InstallTarget::Unnamed,
    };
    let mut spec = Spec {
        install: Some(Install {
            at: Location::default(),
            target,
            wipe: true,
            wipe_explicit: true,
            image: None,
            legacy_bios: false,
        }),
        ..Spec::default()
    };
    spec.volumes.push(Volume {
        at: Location::default(),
        id: "u-data".into(),
        kind: VolumeKind::User,
        provisioning: Provisioning {
            selector: Some(cel("disk.transport == 'usb'")),
            ..Provisioning::default()
        },
        encryption: None,
        filesystem: None,
    });
    spec
}

fn inventory(disks: Vec<Disk>) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks,
        notes: Vec::new(),
    }
}

fn run(rule: u8, disks: &[Disk]) -> Selection {
    let mut wipe_consent: Vec<String> = disks.iter().map(|disk| disk.id.clone()).collect();
    wipe_consent.push(format!("path {ADDED}"));
    select(
        &spec(rule),
        &inventory(disks.to_vec()),
        &Request { wipe_consent },
    )
}

/// In use, unreadable, or what the system came from: by the facts alone, without the guards' own words.
fn is_ineligible(disk: &Disk) -> bool {
    let layout = disk.content.layout();
    let torn =
        layout.is_some_and(|layout| layout.partitions.iter().any(|p| p.unreadable.is_some()));
    let mut signs = disk.boot_evidence.iter();
    !disk.usage.is_empty()
        || !disk.boot_medium.is_empty()
        || signs.any(|s| s.grade > Grade::Weak || s.outweighed.is_none())
        || matches!(disk.content, Content::Unreadable { .. })
        || torn
        || !disk.unread.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, max_global_rejects: 40_000, ..ProptestConfig::default() })]

    #[test]
    fn a_disk_in_use_unreadable_or_booted_from_is_never_chosen_whatever_was_consented_to(
        disks in machines(),
        rule in 0..5u8,
    ) {
        let selection = run(rule, &disks);
        for role in &selection.roles {
            prop_assert_eq!(role.disk.is_some(), role.outcome == Outcome::Selected);
            let chosen = disks.iter().find(|disk| Some(&disk.path) == role.disk.as_ref());
            if let Some(disk) = chosen {
                prop_assert!(!is_ineligible(disk), "{:#?}", disk);
                prop_assert!(!disk.removable && !disk.talos.readonly && !disk.talos.cdrom);
                prop_assert!(disk.usb.is_none(), "a locked T5");
                prop_assert!(forbids_writing(disk).is_empty());
            }
        }
    }

    #[test]
    fn what_is_ineligible_forbids_writing(disks in machines()) {
        for disk in &disks {
            prop_assert!(!is_ineligible(disk) || !forbids_writing(disk).is_empty(), "{:#?}", disk);
        }
    }

    #[test]
    fn permuting_the_disks_changes_neither_choice_nor_ghosts_nor_what_counts(
        (disks, shuffled) in machines().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        rule in 0..5u8,
    ) {
        prop_assert_eq!(run(rule, &disks), run(rule, &shuffled));
        prop_assert_eq!(ghosts(&inventory(disks.clone()), &[]), ghosts(&inventory(shuffled.clone()), &[]));
        let by_path = |mut disks: Vec<Disk>| {
            weigh(&mut disks);
            disks.sort_by(|a, b| a.path.cmp(&b.path));
            disks
        };
        prop_assert_eq!(by_path(disks), by_path(shuffled));
    }

    #[test]
    fn adding_an_ineligible_disk_that_no_rule_names_changes_nothing(
        disks in machines(),
        extra in with_facts(talos_disk(ADDED.into()).prop_map(blank)),
        rule in 0..5u8,
    ) {
        prop_assume!(is_ineligible(&extra));
        // A name that Talos goes by is a claim of its own, wherever it stands.
        prop_assume!(extra.content.layout().is_none_or(|l| l.partitions.iter().all(|p| p.name != "META" && p.name != "STATE" && p.name != "EPHEMERAL" && p.name != "u-data")));
        // The other half of a Fusion drive is what speaks against the first.
        let apple = |s: &Signature| matches!(&*s.kind, "apfs" | "fvault2");
        prop_assume!(extra.content.layout().is_none_or(|l| {
            let mut inside = l.partitions.iter().flat_map(|p| &p.signatures);
            !l.signatures.iter().any(apple) && !inside.any(apple)
        }));
        let mut more = disks.clone();
        more.push(extra);
        let (before, after) = (run(rule, &disks), run(rule, &more));
        let named = after.roles.iter().any(|role| {
            let row = role.verdicts.iter().find(|v| v.disk == ADDED).unwrap();
            row.checks.iter().filter(|c| c.kind == CheckKind::Match).all(|c| c.pass)
        });
        prop_assume!(!named);
        for (before, after) in before.roles.iter().zip(&after.roles) {
            prop_assert_eq!(before.outcome, after.outcome);
            prop_assert_eq!(&before.disk, &after.disk);
            let others: Vec<_> = after.verdicts.iter().filter(|v| v.disk != ADDED).collect();
            prop_assert_eq!(before.verdicts.iter().collect::<Vec<_>>(), others);
        }
    }

    #[test]
    fn a_weak_sign_counts_unless_a_certain_one_lies_on_a_real_disk(mut disks in machines(), virtual_disk in any::<bool>()) {
        for disk in &mut disks {
            disk.boot_medium.clear();
            if virtual_disk {
                disk.talos.bus_path = "/virtual".into();
            }
        }
        weigh(&mut disks);
        let certain = |disk: &Disk| disk.boot_evidence.iter().any(|s| s.grade == Grade::Certain);
        let settled = !virtual_disk && disks.iter().any(certain);
        for disk in &disks {
            let counting: Vec<&BootEvidence> = disk
                .boot_evidence
                .iter()
                .filter(|s| s.grade > Grade::Weak || !settled)
                .collect();
            let texts: Vec<String> = counting.iter().map(|s| s.text.clone()).collect();
            prop_assert_eq!(&disk.boot_medium, &texts);
            prop_assert_eq!(against(disk).is_empty(), counting.is_empty());
        }
        let once = disks.clone();
        weigh(&mut disks);
        prop_assert_eq!(once, disks, "it is idempotent");
    }

    #[test]
    fn a_ghost_names_a_disk_and_a_way_out_and_never_the_chosen_one(disks in machines(), rule in 0..5u8) {
        let selection = run(rule, &disks);
        let system = selection.role("install").and_then(|role| role.disk.clone());
        for ghost in &selection.ghosts {
            prop_assert!(disks.iter().any(|disk| disk.path == ghost.disk && disk.id == ghost.id));
            // Where EPHEMERAL belongs elsewhere, or nowhere yet, one on the system disk is in the way, too.
            if ghost.kind != GhostKind::Label || ghost.what.contains("named META") {
                prop_assert_ne!(Some(&ghost.disk), system.as_ref());
            }
            prop_assert!(!ghost.cleanup.is_empty() && !ghost.talos.is_empty(), "{:#?}", ghost);
        }
        // Whoever Talos could take for the system disk stops the choice.
        let refusing = selection.ghosts.iter().filter(|ghost| ghost.refuses);
        for ghost in refusing {
            let role = if ghost.what.contains("named META") { "install" } else if ghost.what.contains("named STATE") { "STATE" } else { "EPHEMERAL" };
            prop_assert_ne!(selection.role(role).unwrap().outcome, Outcome::Selected, "{:#?}", ghost);
        }
    }
}
