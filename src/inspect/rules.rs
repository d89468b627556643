//! The rules by which Talos adopts, formats or stops. Pure.

use std::collections::BTreeMap;

use crate::config::spec::{FilesystemKind, Spec};
use crate::inspect::Verdict;
use crate::inspect::facts::{Facts, Luks, MetaFacts};
use crate::inspect::trial::Trial;
use crate::partitioner::adopt::{self, Found};
use crate::partitioner::layout::META_SIZE;
use crate::probe::inventory::{Layout, Partition};

/// Whether Talos counts as installed: META by name, exactly 1 MiB, empty or its own format.
pub fn is_installed(layout: &Layout) -> bool {
    layout.partitions.iter().any(|p| {
        let found = adopt::found(layout, p.number);
        p.name == "META"
            && p.extent.len == META_SIZE
            && matches!(&found, Found::Nothing)
                | matches!(&found, Found::Signature(kind) if kind == "talosmeta")
    })
}

/// Names that more than one partition has.
pub fn duplicates(layout: &Layout) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for partition in layout
        .partitions
        .iter()
        .filter(|p| adopt::is_talos_name(&p.name))
    {
        *seen.entry(&partition.name).or_default() += 1;
    }
    seen.into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// What Talos would do with `partition`, and why.
pub fn judge(
    partition: &Partition,
    found: &Found,
    facts: &Facts,
    spec: Option<&Spec>,
    installed: bool,
) -> (Verdict, String) {
    let is_system = !["u-", "r-", "s-"]
        .iter()
        .any(|prefix| partition.name.starts_with(prefix));
    if !installed && is_system {
        return (
            Verdict::Wipe,
            String::from("the installer wipes the whole disk"),
        );
    }
    let say = |verdict, why: &str| (verdict, why.to_owned());
    match partition.name.as_str() {
        "META" => meta(facts, partition),
        "EFI" => match found {
            Found::Signature(kind) if kind == "vfat" => {
                say(Verdict::Adopt, "FAT, as the boot loader wants it")
            }
            _ => say(
                Verdict::Hang,
                "no FAT: nothing can boot from it, and upgrades fail",
            ),
        },
        "BIOS" => say(Verdict::Adopt, "GRUB's own"),
        "BOOT" => match found {
            Found::Signature(kind) if kind == "xfs" => say(Verdict::Adopt, "XFS, as GRUB wants it"),
            _ => say(Verdict::Hang, "no XFS: GRUB finds nothing to boot"),
        },
        name if adopt::is_talos_name(name) && is_unseen(partition) => unseen(name, found, spec),
        "STATE" => state(partition, found, facts, spec),
        name if adopt::is_talos_name(name) => volume(partition, found, facts, spec),
        _ => say(Verdict::Ignore, "not one of Talos' names"),
    }
}

/// Whether something is there that Talos' own prober does not know, such as NTFS or LUKS1.
fn is_unseen(partition: &Partition) -> bool {
    let first = partition.signatures.first();
    first.is_some_and(|signature| signature.talos.is_empty())
}

/// Talos takes the partition for empty. cryptsetup then overwrites it, mkfs.xfs refuses without `-f`.
fn unseen(name: &str, found: &Found, spec: Option<&Spec>) -> (Verdict, String) {
    let kind = found.word();
    let sealed = spec.is_some_and(|spec| spec.encryption_of(name).is_some());
    let verdict = match wanted_filesystem(name, spec) {
        "" if !sealed => {
            return (
                Verdict::Adopt,
                format!("raw; holds {kind}, which Talos does not know"),
            );
        }
        "xfs" if !sealed => Verdict::Hang,
        _ => Verdict::Format,
    };
    let why = match verdict {
        Verdict::Hang => format!("holds {kind}; Talos takes it for empty, and mkfs.xfs refuses"),
        _ => format!("holds {kind}; Talos takes it for empty, and it is LOST"),
    };
    (verdict, why)
}

fn meta(facts: &Facts, partition: &Partition) -> (Verdict, String) {
    if partition.extent.len != META_SIZE {
        return (
            Verdict::Hang,
            String::from("not exactly 1 MiB: Talos does not see it"),
        );
    }
    match &facts.meta {
        Some(MetaFacts::Damaged(_)) => (
            Verdict::Hang,
            String::from("damaged: everything in it is lost to Talos"),
        ),
        _ => (Verdict::Adopt, String::from("1 MiB and sound")),
    }
}

/// STATE is opened before any configuration is read, with what META says.
fn state(
    partition: &Partition,
    found: &Found,
    facts: &Facts,
    spec: Option<&Spec>,
) -> (Verdict, String) {
    let meta_opens = matches!(&facts.meta, Some(MetaFacts::Sound { state: Some(_), .. }));
    let encrypted = spec.map(|spec| spec.state.encryption.is_some());
    let say = |verdict, why: &str| (verdict, why.to_owned());
    match found {
        Found::Nothing if meta_opens => say(
            Verdict::Format,
            "empty: made anew once a configuration is there",
        ),
        Found::Nothing => say(
            Verdict::Format,
            "empty: Talos goes to maintenance mode, then formats it",
        ),
        Found::Signature(kind) if kind == "luks" && !meta_opens => say(
            Verdict::Hang,
            "sealed, but META's tag 0x09 does not say how to open it",
        ),
        Found::Signature(kind) if kind == "luks" => luks(partition, facts, encrypted),
        Found::Signature(kind) if kind == "xfs" && meta_opens => say(
            Verdict::Hang,
            "plain XFS, but META's tag 0x09 says that it is sealed",
        ),
        Found::Signature(kind) if kind == "xfs" && encrypted == Some(true) => say(
            Verdict::Hang,
            "plain XFS, but the configuration seals it: the next boot stops here",
        ),
        Found::Signature(kind) if kind == "xfs" => say(Verdict::Adopt, "plain XFS"),
        Found::Signature(kind) => (Verdict::Hang, format!("holds {kind}, and Talos wants XFS")),
        Found::Unreadable(reason) => (Verdict::Hang, format!("cannot be read: {reason}")),
    }
}

fn volume(
    partition: &Partition,
    found: &Found,
    facts: &Facts,
    spec: Option<&Spec>,
) -> (Verdict, String) {
    let name = partition.name.as_str();
    let encrypted = spec.map(|spec| spec.encryption_of(name).is_some());
    let wanted = wanted_filesystem(name, spec);
    let say = |verdict, why: &str| (verdict, why.to_owned());
    match found {
        Found::Nothing if wanted.is_empty() => say(Verdict::Adopt, "raw"),
        Found::Nothing => say(Verdict::Format, "empty"),
        Found::Signature(kind) if kind == "luks" => luks(partition, facts, encrypted),
        Found::Signature(kind) if encrypted == Some(true) => (
            Verdict::Hang,
            format!("holds plain {kind}, but the configuration seals it"),
        ),
        Found::Signature(_) if wanted.is_empty() => say(Verdict::Adopt, "raw"),
        Found::Signature(kind) if kind == wanted => (Verdict::Adopt, format!("plain {kind}")),
        Found::Signature(kind) => (
            Verdict::Hang,
            format!("holds {kind}, and Talos wants {wanted}"),
        ),
        Found::Unreadable(reason) => (Verdict::Hang, format!("cannot be read: {reason}")),
    }
}

fn wanted_filesystem(name: &str, spec: Option<&Spec>) -> &'static str {
    if name.starts_with("r-") {
        return "";
    }
    if name.starts_with("s-") {
        return "swap";
    }
    let volume = spec.and_then(|spec| spec.volumes.iter().find(|v| v.id == name));
    match volume.and_then(|v| v.filesystem).map(|fs| fs.kind) {
        Some(FilesystemKind::Ext4) => "ext4",
        Some(FilesystemKind::Btrfs) => "btrfs",
        Some(FilesystemKind::Xfs) | None => "xfs",
    }
}

fn luks(partition: &Partition, facts: &Facts, encrypted: Option<bool>) -> (Verdict, String) {
    let Some(luks) = facts.luks.get(&partition.number) else {
        return (
            Verdict::Hang,
            String::from("its LUKS header cannot be read"),
        );
    };
    if encrypted == Some(false) {
        return (
            Verdict::Hang,
            String::from("sealed, but the configuration does not seal it"),
        );
    }
    if luks.cipher.is_empty() {
        return (Verdict::Hang, String::from("no sound LUKS2 header"));
    }
    if let Some(refusal) = luks.refused.first() {
        return (
            Verdict::Hang,
            format!("Talos refuses its header: {refusal}"),
        );
    }
    // STATE is opened with META's keys, before any configuration is read.
    if partition.name == "STATE" && !luks.meta_opens.is_empty() {
        return opening(luks, &luks.meta_opens, "META's tag 0x09");
    }
    opening(luks, &luks.opens, "this configuration")
}

fn opening(luks: &Luks, trials: &BTreeMap<u32, Trial>, whose: &str) -> (Verdict, String) {
    let slots = |wanted: &dyn Fn(&Trial) -> bool| {
        let slots = trials.iter().filter(|(_, trial)| wanted(trial));
        slots
            .map(|(slot, _)| slot.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let opening = slots(&|trial| *trial == Trial::Opens);
    let untried = slots(&|trial| matches!(trial, Trial::Untried(_)));
    if opening.is_empty() && (trials.is_empty() || !untried.is_empty()) {
        return (Verdict::Adopt, String::from("sealed; not tried with a key"));
    }
    if opening.is_empty() {
        return (
            Verdict::Hang,
            format!("sealed, and no key of {whose} opens it"),
        );
    }
    let extra = luks.beyond(trials);
    if extra.is_empty() {
        return (Verdict::Adopt, format!("opens with slot {opening}"));
    }
    let why = format!(
        "opens with slot {opening}; Talos will remove slot {}",
        extra.join(", ")
    );
    (Verdict::Adopt, why)
}
