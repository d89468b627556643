//! What keelblock says where others took the wrong disk: the disks and configurations of public reports.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "support/disks.rs"]
mod disks;

use std::collections::BTreeMap;

use keelblock::config;
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, TalosDisk,
};
use keelblock::selector::proof::WarningKind;
use keelblock::selector::selection::{Outcome, Role, Selection};
use keelblock::selector::{Request, advise, render, select};
use keelblock::units::{Bytes, Extent};
use serde::Deserialize;

use self::disks::blank;

#[derive(Deserialize)]
struct Report {
    issue: String,
    table: String,
    talos: String,
    config: String,
    disks: Vec<Recorded>,
    role: String,
    outcome: Outcome,
    disk: Option<String>,
    says: Vec<String>,
    warnings: Vec<WarningKind>,
    /// Disks that must have rules of their own proposed.
    proposes: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded {
    #[serde(flatten)]
    talos: TalosDisk,
    #[serde(default)]
    boot_medium: Vec<String>,
    #[serde(default)]
    partitions: Vec<String>,
    #[serde(default)]
    udev: BTreeMap<String, String>,
}

fn disk(recorded: &Recorded) -> Disk {
    let mut disk = blank(recorded.talos.clone());
    disk.boot_medium.clone_from(&recorded.boot_medium);
    disk.udev.clone_from(&recorded.udev);
    if !recorded.partitions.is_empty() {
        let partition = |(number, name): (u32, &String)| {
            let extent = Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB);
            Partition::new(number, name, extent)
        };
        disk.content = Content::Talos(Layout {
            partitions: (1..).zip(&recorded.partitions).map(partition).collect(),
            ..Layout::default()
        });
    }
    disk
}

fn run(report: &Report) -> (Inventory, Selection) {
    let (name, text) = ("report.yaml", &*report.config);
    let spec = config::parse(&[config::Source { name, text }])
        .unwrap_or_else(|error| panic!("{}: {error}", report.issue));
    let inventory = Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: report.disks.iter().map(disk).collect(),
        notes: Vec::new(),
    };
    let mut selection = select(&spec, &inventory, &Request::default());
    advise(&mut selection, &spec, &inventory, &[], None);
    (inventory, selection)
}

fn check(report: &Report, selection: &Selection, role: &Role) {
    let issue = &report.issue;
    assert_eq!(role.outcome, report.outcome, "{issue}: {}", role.reason);
    assert_eq!(role.disk, report.disk, "{issue}: {}", role.reason);
    for words in &report.says {
        assert!(role.reason.contains(words), "{issue}: {}", role.reason);
    }
    let warnings = role.proof.warnings.iter().chain(&selection.clones);
    let kinds: Vec<WarningKind> = warnings.map(|warning| warning.kind).collect();
    for kind in &report.warnings {
        assert!(kinds.contains(kind), "{issue}: {kind:?} not in {kinds:?}");
    }
    for path in &report.proposes {
        let mut proposals = role.proof.proposals.iter();
        assert!(
            proposals.any(|p| p.disk == *path),
            "{issue}: none for {path}"
        );
    }
}

#[test]
fn where_others_took_the_wrong_disk_the_answer_is_right_or_a_refusal_with_reasons() {
    let text = include_str!("fixtures/selection/wrong-disk.json");
    let reports: Vec<Report> = serde_json::from_str(text).unwrap();
    assert!(reports.len() >= 20, "{} reports", reports.len());
    for report in &reports {
        assert!(report.issue.contains('/') && report.issue.contains('#'));
        assert!(!report.talos.is_empty() && report.table.contains("given"));
        let (inventory, selection) = run(report);
        let role = selection.role(&report.role);
        check(
            report,
            &selection,
            role.unwrap_or_else(|| panic!("{}", report.issue)),
        );
        let printed = render(&selection, &inventory);
        // What is to be pasted is not torn.
        let yaml = |line: &str| line.starts_with("      ");
        let long = |line: &&str| line.chars().count() > 80 && !yaml(line);
        assert_eq!(printed.lines().find(long), None, "{}", report.issue);
    }
}
