//! What speaks against a disk although a rule names it. Failing one of these refuses the role.

use std::borrow::Cow;

use super::selection::{Check, CheckKind};
use super::{Request, apple, room};
use crate::config::spec::{FilesystemKind, LegacyDisk, Spec, Volume};
use crate::probe::evidence;
use crate::probe::inventory::{Content, Disk, Inventory, Layout};
use crate::selector::rule::list_or;

/// Guards that there are at most.
const MOST_CHECKS: usize = 13;

/// What is needed to judge a disk for one role.
#[derive(Clone)]
pub(super) struct Guards<'a> {
    pub inventory: &'a Inventory,
    pub request: &'a Request,
    /// `install.wipe`: one half of the consent to destroy foreign data.
    pub wipe: bool,
    /// The partition label that Talos looks for on every disk; empty if there is none.
    pub label: &'a str,
    /// Paths of the disks that carry it, sorted: looked for once, not once for every disk.
    pub holders: Vec<&'a str>,
    /// Content that belongs to the role although it carries no Talos label.
    pub own: Own<'a>,
    /// Path of the disk that other roles already take, if this one must not share it.
    pub not_shared: Option<&'a str>,
    /// Roles that the disk gets room for if it gets a table of its own; empty if that is counted elsewhere.
    pub room: Vec<String>,
    pub spec: &'a Spec,
}

/// Content without a Talos label that a role accepts, because an earlier run or Talos made it.
#[derive(Clone, Copy)]
pub(super) enum Own<'a> {
    None,
    /// A filesystem or LUKS header on the whole disk.
    WholeDisk(&'a Volume),
    /// Unnamed partitions as `machine.disks` lists them.
    Partitions(&'a LegacyDisk),
}

impl<'a> Guards<'a> {
    /// For the role of a disk that Talos finds by `label`.
    pub(super) fn new(
        spec: &'a Spec,
        inventory: &'a Inventory,
        request: &'a Request,
        label: &'a str,
    ) -> Self {
        let disks = inventory.disks.iter();
        let mut holders: Vec<&str> = disks
            .filter(|disk| !label.is_empty() && carries(disk, label))
            .map(|disk| disk.path.as_str())
            .collect();
        holders.sort_unstable();
        Self {
            holders,
            inventory,
            request,
            wipe: spec.install.as_ref().is_some_and(|install| install.wipe),
            label,
            own: Own::None,
            not_shared: None,
            room: Vec::new(),
            spec,
        }
    }

    /// Every guard for `disk`, in a fixed order.
    pub(super) fn checks(&self, disk: &Disk) -> Vec<Check> {
        let mut checks = Vec::with_capacity(MOST_CHECKS);
        checks.extend(standing(disk));
        checks.extend([self.table(disk), self.fusion(disk), self.content(disk)]);
        checks.extend(self.elsewhere(disk));
        checks.extend(self.room(disk));
        checks.extend(self.not_shared.map(|path| {
            let free = path != disk.path;
            let found = if free {
                "no other role"
            } else {
                "the system disk"
            };
            guard("whole disk", "no other role on it", found, free)
        }));
        checks
    }

    /// Whether the operator named this disk to be wiped.
    fn named(&self, disk: &Disk) -> bool {
        self.request
            .wipe_consent
            .iter()
            .any(|name| disk.is_named(name))
    }

    fn consent(&self, disk: &Disk) -> bool {
        self.wipe && self.named(disk)
    }

    /// Both halves of the consent, for a refusal.
    fn halves(&self, disk: &Disk) -> String {
        let said = |given| if given { "given" } else { "missing" };
        format!(
            "install.wipe true: {}, named to be wiped: {}",
            said(self.wipe),
            said(self.named(disk))
        )
    }

    fn table(&self, disk: &Disk) -> Check {
        let layout = disk.content.layout();
        let defects = layout
            .and_then(|layout| layout.table.as_ref())
            .map_or(&[][..], |table| &table.defects);
        let excused = layout.is_some_and(is_unfinished) || self.consent(disk);
        let sound = defects.is_empty();
        let mut found = list_or(defects, "sound or none");
        if !sound && !excused {
            found = format!("{found} ({})", self.halves(disk)).into();
        }
        guard("partition table", "sound or none", found, sound || excused)
    }

    fn fusion(&self, disk: &Disk) -> Check {
        let partner = apple::fusion_partner(disk, &self.inventory.disks);
        let consent = |other: &Disk| self.consent(disk) && self.consent(other);
        let found = partner.map_or_else(
            || Cow::Borrowed("no"),
            |other| {
                let (path, id) = (&other.path, &other.id);
                format!("a pair with {path} ({id}); wiping one loses both").into()
            },
        );
        guard("Fusion drive", "no", found, partner.is_none_or(consent))
    }

    fn content(&self, disk: &Disk) -> Check {
        const WANTED: &str = "blank, Talos' own, or consent to wipe";
        let (found, pass) = match &disk.content {
            Content::Blank => return guard("content", WANTED, "blank", true),
            Content::Talos(layout) => (format!("Talos: {}", names(layout)), true),
            Content::Unreadable { reason } => (format!("unreadable: {reason}"), false),
            Content::Foreign(layout) if is_unfinished(layout) => {
                let plan = layout.unfinished.as_deref().unwrap_or_default();
                (format!("unfinished apply of plan {plan}"), true)
            }
            Content::Foreign(layout) if self.owns(layout) => {
                (format!("as configured: {}", describe(layout)), true)
            }
            Content::Foreign(layout) if self.consent(disk) => (
                format!("{}; consent to wipe is given", describe(layout)),
                true,
            ),
            Content::Foreign(layout) => (
                format!("{} ({})", describe(layout), self.halves(disk)),
                false,
            ),
        };
        guard("content", WANTED, found, pass)
    }

    /// Whether foreign-looking content is what this very role had laid out.
    fn owns(&self, layout: &Layout) -> bool {
        match self.own {
            Own::None => false,
            Own::WholeDisk(volume) => {
                let kind = if volume.encryption.is_some() {
                    "crypto_LUKS"
                } else {
                    volume.filesystem.map_or("", |fs| signature(fs.kind))
                };
                layout.table.is_none()
                    && !layout.signatures.is_empty()
                    && layout.signatures.iter().all(|s| s.kind == kind)
            }
            Own::Partitions(wanted) => {
                let sound = layout
                    .table
                    .as_ref()
                    .is_some_and(|t| t.kind == "gpt" && t.defects.is_empty());
                let count = layout.partitions.len() == wanted.partitions.len();
                let same = layout
                    .partitions
                    .iter()
                    .zip(&wanted.partitions)
                    .all(|(p, w)| {
                        p.name.is_empty()
                            && (w.size.get() == 0 || w.size == p.extent.len)
                            && p.signatures.iter().all(|s| s.kind == "xfs")
                    });
                let outside = layout
                    .signatures
                    .iter()
                    .all(|s| matches!(&*s.kind, "gpt" | "PMBR"));
                sound && count && same && outside
            }
        }
    }

    /// A table that is kept has its own room, which the planner looks at.
    fn room(&self, disk: &Disk) -> Option<Check> {
        let kept = match &disk.content {
            Content::Blank => false,
            Content::Foreign(layout) => self.owns(layout),
            Content::Talos(_) | Content::Unreadable { .. } => true,
        };
        (!kept && !self.room.is_empty()).then(|| room::check(self.spec, disk, &self.room))
    }

    /// Talos goes by labels, wherever they are; one on another disk would win over the rule.
    fn elsewhere(&self, disk: &Disk) -> Option<Check> {
        if self.label.is_empty() {
            return None;
        }
        let holders = self.holders.iter().copied();
        let others: Vec<&str> = holders.filter(|path| *path != disk.path).collect();
        let found = if others.is_empty() {
            Cow::Borrowed("nowhere")
        } else {
            format!("on {}, where Talos would look", others.join(", ")).into()
        };
        let check = format!("{} elsewhere", self.label);
        Some(guard(check, "nowhere", found, others.is_empty()))
    }
}

/// What speaks against writing to a disk at all, whatever is on it and whatever was consented to.
pub(super) fn standing(disk: &Disk) -> [Check; 7] {
    let uses: Vec<String> = disk
        .usage
        .iter()
        .map(|usage| format!("{}: {}", usage.device, usage.by))
        .collect();
    let boot = evidence::against(disk);
    [
        guard(
            "boot medium",
            "no sign of one",
            list_or(&boot, "no sign"),
            boot.is_empty(),
        ),
        guard("in use", "no", list_or(&uses, "no"), uses.is_empty()),
        flag("write-protected", disk.talos.readonly),
        flag("removable", disk.removable),
        flag("CD-ROM drive", disk.talos.cdrom),
        locked(disk),
        readable(disk),
    ]
}

fn locked(disk: &Disk) -> Check {
    let locked = disk.usb.as_ref().is_some_and(|usb| usb.is_locked_t5());
    let found = if locked {
        "a T5 that waits for its password"
    } else {
        "no"
    };
    guard("locked", "no", found, !locked)
}

/// Whether a partition of `disk` bears `label`. Talos passes over loop devices.
pub(super) fn carries(disk: &Disk, label: &str) -> bool {
    let is_loop = disk.path.starts_with("/dev/loop");
    !is_loop
        && disk
            .content
            .layout()
            .is_some_and(|layout| layout.partitions.iter().any(|p| p.name == label))
}

/// An interrupted apply, with nothing around it that somebody else put there since.
fn is_unfinished(layout: &Layout) -> bool {
    layout.unfinished.is_some()
        && layout
            .table
            .as_ref()
            .is_none_or(|table| table.kind == "gpt")
        && layout
            .signatures
            .iter()
            .all(|s| matches!(&*s.kind, "gpt" | "PMBR"))
}

fn readable(disk: &Disk) -> Check {
    let partitions = disk
        .content
        .layout()
        .map_or(&[][..], |layout| &layout.partitions);
    let mut reasons: Vec<String> = partitions
        .iter()
        .filter_map(|p| {
            p.unreadable
                .as_ref()
                .map(|why| format!("partition {}: {why}", p.number))
        })
        .collect();
    if let Content::Unreadable { reason } = &disk.content {
        reasons.push(reason.clone());
    }
    // Who uses it, whether it is removable: what could not be read about a disk counts against it, too.
    reasons.extend(disk.unread.iter().cloned());
    reasons.dedup();
    let pass = reasons.is_empty();
    guard(
        "readable",
        "all that was looked at",
        list_or(&reasons, "yes"),
        pass,
    )
}

fn names(layout: &Layout) -> String {
    let names: Vec<&str> = layout.partitions.iter().map(|p| p.name.as_str()).collect();
    names.join(", ")
}

/// Table, partitions and signatures in one line.
fn describe(layout: &Layout) -> String {
    let mut parts = Vec::new();
    if let Some(table) = &layout.table {
        parts.push(format!(
            "{} with {} partitions",
            table.kind,
            layout.partitions.len()
        ));
    }
    let inner = layout.partitions.iter().flat_map(|p| &p.signatures);
    for signature in layout.signatures.iter().chain(inner) {
        let part = if signature.label.is_empty() {
            signature.kind.clone()
        } else {
            format!("{} {:?}", signature.kind, signature.label)
        };
        if !matches!(&*signature.kind, "gpt" | "PMBR") && !parts.contains(&part) {
            parts.push(part);
        }
    }
    list_or(&parts, "unknown data").replace("; ", ", ")
}

fn flag(check: &'static str, set: bool) -> Check {
    guard(check, "no", if set { "yes" } else { "no" }, !set)
}

fn guard(
    check: impl Into<Cow<'static, str>>,
    wanted: &'static str,
    found: impl Into<Cow<'static, str>>,
    pass: bool,
) -> Check {
    Check {
        check: check.into(),
        wanted: Cow::Borrowed(wanted),
        found: found.into(),
        pass,
        kind: CheckKind::Guard,
    }
}

/// What the probe calls a filesystem.
const fn signature(kind: FilesystemKind) -> &'static str {
    match kind {
        FilesystemKind::Xfs => "xfs",
        FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Btrfs => "btrfs",
    }
}
