//! Rules that are proposed match the wanted disk and no other, and a disk that must not be used is never chosen.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests"
)]

#[path = "support/disks.rs"]
mod disks;

use keelblock::config;
use keelblock::config::spec::Spec;
use keelblock::probe::inventory::{Content, Disk, Inventory, Machine, TalosDisk, Usage, UsageKind};
use keelblock::selector::proof::{Form, Lasting, Proposal, WarningKind};
use keelblock::selector::selection::{Outcome, Selection};
use keelblock::selector::{Elsewhere, Request, advise, select};
use proptest::prelude::*;

use self::disks::{blank, talos_disk, talos_disks};

fn machine(disks: &[Disk]) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: disks.to_vec(),
        notes: Vec::new(),
    }
}

fn parse(text: &str) -> Spec {
    let name = "node.yaml";
    config::parse(&[config::Source { name, text }]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn proven(
    text: &str,
    here: &Inventory,
    there: Option<&Inventory>,
    want: Option<&Disk>,
) -> Selection {
    let spec = if text.is_empty() {
        Spec::default()
    } else {
        parse(text)
    };
    let mut selection = select(&spec, here, &Request::default());
    let elsewhere: Vec<Elsewhere<'_>> = there
        .map(|inventory| Elsewhere {
            name: "other.json",
            inventory,
        })
        .into_iter()
        .collect();
    advise(&mut selection, &spec, here, &elsewhere, want);
    selection
}

/// The disks that a proposal matches when it stands in a configuration.
fn matched(proposal: &Proposal, inventory: &Inventory) -> Vec<String> {
    let (text, role) = match proposal.form {
        Form::Volume => (
            format!(
                "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: x\n{}  minSize: 1GB\n",
                proposal.yaml
            ),
            "u-x",
        ),
        _ => (proposal.yaml.clone(), "install"),
    };
    let selection = select(&parse(&text), inventory, &Request::default());
    let role = selection.role(role).unwrap();
    let mut matching = Vec::new();
    for (i, verdict) in role.verdicts.iter().enumerate() {
        let top = role.proof.predicates.iter().filter(|p| p.depth == 0);
        if top
            .map(|p| p.cells[i].holds)
            .all(|holds| holds == Some(true))
        {
            matching.push(verdict.disk.clone());
        }
    }
    matching
}

fn t5(path: &str, port: &str, serial: &str) -> Disk {
    let mut disk = blank(TalosDisk {
        size: 1_000_204_886_016,
        model: "Portable SSD T5".into(),
        wwid: "naa.5002538d00000000".into(),
        transport: "usb".into(),
        dev_path: path.into(),
        bus_path: format!(
            "/pci0000:00/0000:00:14.0/usb2/{port}/{port}:1.0/host0/target0:0:0/0:0:0:0"
        ),
        symlinks: vec![
            "/dev/disk/by-diskseq/4".into(),
            format!("/dev/disk/by-id/usb-Samsung_Portable_SSD_T5_{serial}-0:0"),
            "/dev/disk/by-id/wwn-0x5002538d00000000".into(),
        ],
        ..TalosDisk::default()
    });
    disk.id = format!("usb 04e8:61f5 {serial}");
    disk
}

/// What must keep a disk from being chosen.
fn spoilt(disk: impl Strategy<Value = Disk>) -> impl Strategy<Value = Disk> {
    (disk, 0..3u8).prop_map(|(mut disk, how)| {
        match how {
            0 => disk.boot_medium.push("loader partition".into()),
            1 => disk.usage.push(Usage {
                kind: UsageKind::Mount,
                device: disk.path.clone(),
                by: "/mnt".into(),
            }),
            _ => {
                disk.content = Content::Unreadable {
                    reason: "input/output error".into(),
                }
            }
        }
        disk
    })
}

const RULES: [&str; 5] = [
    "machine: {install: {diskSelector: {type: ssd}}}",
    "machine: {install: {diskSelector: {model: 'APPLE*', size: '> 60GB'}}}",
    "machine: {install: {disk: /dev/sdz}}",
    "machine: {install: {wipe: true}}",
    "{apiVersion: v1alpha1, kind: UnattendedInstallConfig, provisioning: {diskSelector: {match: \"disk.size > 1u * GB || disk.transport == 'usb'\"}}}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_proposal_matches_the_wanted_disk_and_nothing_else(
        here in talos_disks(6),
        there in talos_disks(4),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!here.is_empty());
        let blanks = |disks: Vec<TalosDisk>| disks.into_iter().map(blank).collect::<Vec<_>>();
        let (here, mut there) = (machine(&blanks(here)), machine(&blanks(there)));
        let want = &here.disks[at.index(here.disks.len())];
        for disk in &mut there.disks {
            disk.path = disk.path.replace("/dev/", "/dev/other-");
        }
        let selection = proven("", &here, Some(&there), Some(want));
        for proposal in selection.want.unwrap().proposals {
            prop_assert_eq!(matched(&proposal, &here), vec![want.path.clone()], "{}", proposal.yaml);
            prop_assert!(matched(&proposal, &there).is_empty(), "{}", proposal.yaml);
        }
    }

    #[test]
    fn a_disk_that_must_not_be_used_is_never_chosen_and_never_moves_the_choice(
        disks in talos_disks(4),
        bad in spoilt(talos_disk("/dev/sdz".into()).prop_map(blank)),
        rule in prop::sample::select(&RULES[..]),
    ) {
        let mut all: Vec<Disk> = disks.into_iter().map(blank).collect();
        let before = proven(rule, &machine(&all), None, None);
        all.push(bad);
        let after = proven(rule, &machine(&all), None, None);
        let (before, after) = (&before.roles[0], &after.roles[0]);
        prop_assert_ne!(after.disk.as_deref(), Some("/dev/sdz"));
        // It may make a choice ambiguous for Talos, but never another one.
        prop_assert!(after.disk.is_none() || after.disk == before.disk);
        prop_assert!(after.proof.proposals.iter().all(|p| p.disk != "/dev/sdz"));
    }
}

#[test]
fn two_portable_disks_that_share_their_wwid_are_told_apart_by_link_or_port() {
    let here = machine(&[
        t5("/dev/sda", "2-1", "1234567DAFFD"),
        t5("/dev/sdb", "2-3", "1234568941AC"),
    ]);
    let rule = "machine: {install: {diskSelector: {wwid: naa.5002538d00000000}}}";
    let selection = proven(rule, &here, None, Some(&here.disks[0]));
    let role = &selection.roles[0];
    assert_eq!(role.outcome, Outcome::Refused);
    let kinds: Vec<WarningKind> = role.proof.warnings.iter().map(|w| w.kind).collect();
    assert!(kinds.contains(&WarningKind::Ambiguous) && kinds.contains(&WarningKind::SharedId));
    assert_eq!(selection.clones.len(), 1);
    assert_eq!(selection.clones[0].kind, WarningKind::Clones);
    let want = selection.want.unwrap();
    assert!(
        want.warnings
            .iter()
            .any(|w| w.kind == WarningKind::NoSerial)
    );
    for form in [
        Form::DiskSelector,
        Form::Disk,
        Form::Unattended,
        Form::Volume,
    ] {
        let of: Vec<&Proposal> = want.proposals.iter().filter(|p| p.form == form).collect();
        assert!(!of.is_empty(), "{form:?}");
        assert!(of.iter().all(|p| !p.yaml.contains("5002538d00000000")));
    }
    let selector = want
        .proposals
        .iter()
        .find(|p| p.form == Form::DiskSelector)
        .unwrap();
    assert_eq!(selector.holds, Lasting::Port);
    assert!(selector.remark.contains("unstable"));
    assert_eq!(
        selector.yaml,
        "machine:\n  install:\n    diskSelector:\n      busPath: '/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/*'\n"
    );
}

#[test]
fn what_makes_a_rule_unsafe_is_said() {
    let ssd = |path: &str, model: &str, size| {
        let mut disk = blank(TalosDisk {
            size,
            model: model.into(),
            transport: "sata".into(),
            dev_path: path.into(),
            wwid: format!("naa.5002538e{size:08x}"),
            ..TalosDisk::default()
        });
        disk.id = format!("wwid {}", disk.talos.wwid);
        disk.udev
            .insert("ID_MODEL".into(), "APPLE_SSD_SM0256F".into());
        disk
    };
    let size = 251_000_193_024;
    let here = machine(&[
        ssd("/dev/sda", "APPLE SSD SM0256", size),
        t5("/dev/sdb", "2-3", "1"),
    ]);
    let there = machine(&[ssd("/dev/sdc", "APPLE SSD SM0512", 500_277_790_720)]);
    for (rule, kind, says) in [
        (
            "disk: /dev/sda",
            WarningKind::UnstableName,
            "after the next boot",
        ),
        (
            "diskSelector: {model: 'APPLE*'}",
            WarningKind::MatchesElsewhere,
            "/dev/sdc",
        ),
        (
            "diskSelector: {model: 'apple ssd*'}",
            WarningKind::Case,
            "case counts",
        ),
        (
            "diskSelector: {model: APPLE SSD SM0256F}",
            WarningKind::CutModel,
            "as udev has it",
        ),
        (
            "diskSelector: {size: '>= 250GB', model: A*}",
            WarningKind::SizeBoundary,
            "less than 3 %",
        ),
        (
            "diskSelector: {size: 251000193024}",
            WarningKind::SizeBoundary,
            "exact to the byte",
        ),
        (
            "diskSelector: {serial: '1*'}",
            WarningKind::NoSerial,
            "USB disk",
        ),
        (
            "diskSelector: {wwid: naa.5002538d00000000}",
            WarningKind::SharedId,
            "no identity",
        ),
        (
            "diskSelector: {busPath: '/pci*/2-3/*'}",
            WarningKind::Port,
            "plugged in elsewhere",
        ),
    ] {
        let text = format!("machine: {{install: {{{rule}}}}}");
        let selection = proven(&text, &here, Some(&there), None);
        let warnings = &selection.roles[0].proof.warnings;
        let found = warnings.iter().find(|warning| warning.kind == kind);
        let found = found.unwrap_or_else(|| panic!("{rule}: no {kind:?} in {warnings:?}"));
        assert!(found.text.contains(says), "{rule}: {}", found.text);
    }
    // A rule that names one disk by its own identity has nothing against it.
    let wwid = &here.disks[0].talos.wwid;
    let text = format!("machine: {{install: {{diskSelector: {{wwid: {wwid}}}}}}}");
    let selection = proven(&text, &here, Some(&there), None);
    assert_eq!(selection.roles[0].outcome, Outcome::Selected);
    assert!(selection.roles[0].proof.warnings.is_empty());
    assert!(selection.roles[0].proof.proposals.is_empty());
}

#[test]
fn an_unattended_installation_is_proposed_only_to_a_talos_that_knows_it() {
    let here = machine(&[t5("/dev/sda", "2-1", "1"), t5("/dev/sdb", "2-3", "2")]);
    for (tag, known) in [("v1.10.5", false), ("v1.13.9", false), ("v1.14.0", true)] {
        let rule = format!(
            "machine: {{install: {{image: 'ghcr.io/siderolabs/installer:{tag}', diskSelector: {{type: ssd}}}}}}"
        );
        let selection = proven(&rule, &here, None, None);
        let mut proposals = selection.roles[0].proof.proposals.iter();
        assert_eq!(
            proposals.any(|p| p.form == Form::Unattended),
            known,
            "{tag}"
        );
    }
}

#[test]
fn every_operand_has_a_row_of_its_own_and_the_nearest_miss_comes_first() {
    let mut small = t5("/dev/sdc", "2-4", "3");
    small.talos.size = 990_000_000_000;
    let mut stick = t5("/dev/sda", "2-1", "1");
    stick.talos.size = 30_000_000_000;
    let here = machine(&[stick, small]);
    let text = "{apiVersion: v1alpha1, kind: UnattendedInstallConfig, provisioning: {diskSelector: {match: \
        \"disk.size >= 1u * TB && !(disk.rotational || disk.readonly) && (disk.transport == 'usb' ? disk.model != '' : disk.serial != '')\"}}}";
    let selection = proven(text, &here, None, None);
    let proof = &selection.roles[0].proof;
    let rows: Vec<(usize, &str)> = proof
        .predicates
        .iter()
        .map(|p| (p.depth, &*p.wanted))
        .collect();
    assert_eq!(
        rows,
        [
            (0, "disk.size >= 1u * TB"),
            (0, "!(disk.rotational || disk.readonly)"),
            (1, "(disk.rotational || disk.readonly)"),
            (2, "disk.rotational"),
            (2, "disk.readonly"),
            (
                0,
                "(disk.transport == 'usb' ? disk.model != '' : disk.serial != '')"
            ),
            (1, "disk.transport == 'usb'"),
            (1, "disk.model != ''"),
            (1, "disk.serial != ''"),
        ]
    );
    let near: Vec<(&str, u32)> = proof
        .near_misses
        .iter()
        .map(|miss| (&*miss.disk, miss.failing))
        .collect();
    assert_eq!(near, [("/dev/sdc", 1), ("/dev/sda", 1)]);
    assert!(
        proof.near_misses[0].missing[0].contains("too small by"),
        "{:?}",
        proof.near_misses[0]
    );
}

#[test]
fn the_place_where_a_rule_has_no_value_is_told() {
    let here = machine(&[t5("/dev/sda", "2-1", "1")]);
    let rule = "disk.transport == 'usb' && disk.model.matches('a{2}')";
    let text = format!(
        "{{apiVersion: v1alpha1, kind: UnattendedInstallConfig, provisioning: {{diskSelector: {{match: \"{rule}\"}}}}}}"
    );
    let selection = proven(&text, &here, None, None);
    let role = &selection.roles[0];
    assert_eq!(role.outcome, Outcome::Refused);
    let fault = role.proof.fault.as_ref().unwrap();
    let bracket = rule.find("('a").unwrap() + 1;
    assert_eq!(
        (fault.line, usize::try_from(fault.column).unwrap()),
        (1, bracket)
    );
    let printed = keelblock::selector::render(&selection, &here);
    let mut lines = printed.lines();
    assert!(lines.any(|line| line == format!("    {rule}")), "{printed}");
    assert_eq!(
        lines.next().unwrap().find('^'),
        Some(4 + bracket - 1),
        "{printed}"
    );
}
