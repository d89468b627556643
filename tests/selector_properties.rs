//! What holds for every selection, over random machines.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "support/disks.rs"]
mod disks;

use keelblock::config::spec::{
    DiskSelector, DiskType, Install, InstallTarget, Location, Provisioning, Spec, Volume,
    VolumeKind,
};
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, Signature, Table, Usage, UsageKind,
};
use keelblock::selector::cel::{Env, Expression};
use keelblock::selector::selection::{
    Check, CheckKind, DiskVerdict, Outcome, Role, Score, Selection, Verdict,
};
use keelblock::selector::{self, Request, render, select};
use keelblock::units::{Bytes, Extent};
use proptest::prelude::*;

use self::disks::{blank, talos_disk, talos_disks};

fn layout(names: &[&str], defect: bool) -> Layout {
    let partition = |(number, name): (u32, &&str)| {
        let extent = Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB);
        Partition::new(number, *name, extent)
    };
    Layout {
        table: Some(Table {
            kind: "gpt".into(),
            guid: None,
            block_size: None,
            usable: None,
            defects: defect
                .then(|| "the backup table is missing".into())
                .into_iter()
                .collect(),
        }),
        partitions: (1..).zip(names).map(partition).collect(),
        ..Layout::default()
    }
}

fn content() -> impl Strategy<Value = Content> {
    let ext4 = Layout {
        signatures: vec![Signature {
            kind: "ext4".into(),
            talos: "ext4".into(),
            label: String::new(),
            uuid: String::new(),
            version: String::new(),
            offset: Bytes::new(1080),
            extents: Vec::new(),
            note: String::new(),
        }],
        ..Layout::default()
    };
    prop_oneof![
        8 => Just(Content::Blank),
        2 => Just(Content::Talos(layout(&["EFI", "META", "STATE", "EPHEMERAL"], false))),
        2 => Just(Content::Talos(layout(&["u-data"], false))),
        1 => Just(Content::Foreign(layout(&["Windows"], true))),
        1 => Just(Content::Foreign(ext4)),
        1 => Just(Content::Unreadable { reason: "input/output error".into() }),
    ]
}

/// Adds what the guards look at to a disk.
fn with_facts(disk: impl Strategy<Value = Disk>) -> impl Strategy<Value = Disk> {
    let rare = || prop::bool::weighted(0.08);
    (disk, content(), rare(), rare(), rare()).prop_map(
        |(mut disk, content, boot, used, removable)| {
            disk.content = content;
            disk.removable = removable;
            if boot {
                disk.boot_medium.push("loader partition".into());
            }
            if used {
                disk.usage.push(Usage {
                    kind: UsageKind::Mount,
                    device: disk.path.clone(),
                    by: "/mnt".into(),
                });
            }
            disk
        },
    )
}

fn disks() -> impl Strategy<Value = Vec<Disk>> {
    talos_disks(4).prop_flat_map(|disks| {
        let disks: Vec<_> = disks
            .into_iter()
            .map(|disk| with_facts(Just(blank(disk))))
            .collect();
        disks
    })
}

#[derive(Clone, Debug)]
struct Rules {
    install: u8,
    ephemeral: Option<&'static str>,
    data: &'static str,
    wipe: bool,
}

const RULES: [&str; 6] = [
    "disk.transport == 'usb'",
    "!system_disk",
    "system_disk",
    "glob('APPLE*', disk.model) || disk.size > 500u * GB",
    "!disk.rotational && disk.size >= 64u * GB",
    "'usb' in disk.symlinks",
];

fn rules() -> impl Strategy<Value = Rules> {
    let rule = || prop::sample::select(&RULES[..]);
    let (install, wipe) = (0..6u8, any::<bool>());
    (install, prop::option::of(rule()), rule(), wipe).prop_map(
        |(install, ephemeral, data, wipe)| Rules {
            install,
            ephemeral,
            data,
            wipe,
        },
    )
}

fn spec(rules: &Rules) -> Spec {
    let cel = |text: &str| Expression::parse(text, Env::Disk).unwrap();
    let selector = |selector| Some(InstallTarget::Selector(selector));
    let target = match rules.install {
        0 => selector(DiskSelector {
            model: Some("APPLE*".into()),
            ..DiskSelector::default()
        }),
        1 => selector(DiskSelector {
            disk_type: Some(DiskType::Nvme),
            ..DiskSelector::default()
        }),
        2 => Some(InstallTarget::Disk("/dev/sda".into())),
        3 => Some(InstallTarget::Expression(cel("disk.size > 100u * GB"))),
        4 => Some(InstallTarget::Unnamed),
        _ => None,
    };
    let provisioning = |rule| Provisioning {
        selector: Some(cel(rule)),
        ..Provisioning::default()
    };
    let mut spec = Spec {
        install: target.map(|target| Install {
            at: Location::default(),
            target,
            wipe: rules.wipe,
            wipe_explicit: true,
            image: None,
            legacy_bios: false,
        }),
        ..Spec::default()
    };
    spec.ephemeral.provisioning = rules.ephemeral.map(provisioning).unwrap_or_default();
    spec.volumes.push(Volume {
        at: Location::default(),
        id: "u-data".into(),
        kind: VolumeKind::User,
        provisioning: provisioning(rules.data),
        encryption: None,
        filesystem: None,
    });
    spec
}

fn machine(disks: Vec<Disk>) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks,
        notes: Vec::new(),
    }
}

fn run(rules: &Rules, disks: &[Disk]) -> Selection {
    let request = Request {
        wipe_consent: vec!["/dev/sda".into()],
    };
    select(&spec(rules), &machine(disks.to_vec()), &request)
}

fn outcomes(selection: &Selection) -> Vec<(String, Outcome, Option<String>)> {
    let roles = selection.roles.iter();
    roles
        .map(|r| (r.role.clone(), r.outcome, r.disk.clone()))
        .collect()
}

/// A verdict with what the rule asked; guards are for disks that it matches.
fn verdict(of: &DiskVerdict) -> (String, Verdict, Option<Score>, Vec<Check>) {
    let asked = of
        .checks
        .iter()
        .filter(|check| check.kind == CheckKind::Match);
    let matched = asked.clone().all(|check| check.pass);
    let kept = of
        .checks
        .iter()
        .filter(|check| matched || check.kind == CheckKind::Match);
    (
        of.disk.clone(),
        of.verdict,
        of.score.clone(),
        kept.cloned().collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_inventory_does_not_matter(
        (disks, shuffled) in disks().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        rules in rules(),
    ) {
        prop_assert_eq!(run(&rules, &disks), run(&rules, &shuffled));
    }

    #[test]
    fn who_asks_for_the_outcomes_alone_gets_the_same_ones(disks in disks(), rules in rules()) {
        let request = Request { wipe_consent: vec!["/dev/sda".into()] };
        let alone = selector::outcomes(&spec(&rules), &machine(disks.clone()), &request);
        let whole = run(&rules, &disks);
        prop_assert_eq!(&alone.notes, &whole.notes);
        prop_assert_eq!(alone.roles.len(), whole.roles.len());
        for (alone, whole) in alone.roles.iter().zip(&whole.roles) {
            let told = |role: &Role| {
                let texts = [&role.role, &role.reason, &role.source, &role.rule].map(String::clone);
                let verdicts: Vec<_> = role.verdicts.iter().map(verdict).collect();
                let disk = (role.outcome, role.disk.clone(), role.disk_id.clone());
                (texts, disk, role.proof.fault.clone(), verdicts)
            };
            prop_assert_eq!(told(alone), told(whole));
        }
    }

    #[test]
    fn a_disk_that_no_rule_names_changes_no_outcome(
        disks in disks(),
        extra in with_facts(talos_disk("/dev/sdzz".into()).prop_map(blank)),
        rules in rules(),
    ) {
        let mut more = disks.clone();
        more.push(extra);
        let (before, after) = (run(&rules, &disks), run(&rules, &more));
        let mut matches = after.roles.iter().map(|role| {
            let row = role.verdicts.iter().find(|v| v.disk == "/dev/sdzz").unwrap();
            row.checks.iter().filter(|c| c.kind == CheckKind::Match).all(|c| c.pass)
        });
        prop_assume!(!matches.any(|m| m));
        // A label is a claim of its own: Talos would look there whatever the rules say.
        prop_assume!(!matches!(more.last().unwrap().content, Content::Talos(_)));
        prop_assert_eq!(outcomes(&before), outcomes(&after));
    }

    #[test]
    fn every_disk_has_a_verdict_and_only_sound_ones_are_selected(disks in disks(), rules in rules()) {
        let selection = run(&rules, &disks);
        for role in &selection.roles {
            prop_assert_eq!(role.verdicts.len(), disks.len());
            prop_assert_eq!(role.disk.is_some(), role.outcome == Outcome::Selected);
            let selected = role.verdicts.iter().filter(|v| v.verdict == Verdict::Selected);
            prop_assert_eq!(selected.count(), usize::from(role.disk.is_some()));
            for row in &role.verdicts {
                let sound = row.checks.iter().all(|check| check.pass);
                prop_assert_eq!(sound, row.verdict != Verdict::Excluded);
            }
            let disk = disks.iter().find(|d| Some(&d.path) == role.disk.as_ref());
            if let Some(disk) = disk {
                prop_assert!(disk.usage.is_empty() && disk.boot_medium.is_empty());
                prop_assert!(!disk.removable && !disk.talos.readonly && !disk.talos.cdrom);
                let consent = rules.wipe && rules.install != 5 && disk.path == "/dev/sda";
                let known = match disk.content {
                    Content::Blank | Content::Talos(_) => true,
                    Content::Foreign(_) => consent,
                    Content::Unreadable { .. } => false,
                };
                prop_assert!(known);
            }
        }
    }

    #[test]
    fn a_selection_survives_json_and_prints_in_80_columns(disks in disks(), rules in rules()) {
        let selection = run(&rules, &disks);
        let text = serde_json::to_string(&selection).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Selection>(&text).unwrap(), &selection);
        let printed = render(&selection, &machine(disks));
        // A word of the config that is longer than a line is not torn, nor is what is to be pasted.
        let fits = |line: &str| {
            let long = line.chars().count() > 80;
            !long || line.starts_with("      ") || line.trim().split(' ').count() <= 2
        };
        prop_assert!(printed.lines().all(fits), "{}", printed);
    }
}
