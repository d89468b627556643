//! The parts that volume documents share: name, `provisioning`, `filesystem`, `mount`, `trim`, `scrub`.

use super::context::{Context, Field};
use super::duration;
use super::expression::expression;
use super::size;
use super::spec::{Filesystem, FilesystemKind, MaxSize, Provisioning};
use crate::selector::cel::Env;
use crate::units::Bytes;

/// 36 characters of a GPT name less the prefix `u-`, `r-` or `s-`.
const MAX_NAME: usize = 34;
/// Ten seconds.
const MIN_SCRUB: i64 = 10_000_000_000;

/// The name of a user, raw or swap volume, or (with `limited` false) of an existing one.
pub(super) fn name(ctx: &mut Context<'_>, root: &Field<'_>, limited: bool) -> Option<String> {
    let allowed = match limited {
        true => "1 to 34 of A-Z a-z 0-9 -",
        false => "at least one of A-Z a-z 0-9 -",
    };
    let Some(written) = root.get("name") else {
        ctx.missing(root, "the volume has no name", allowed);
        return None;
    };
    let name = ctx.text(&written)?;
    let fits = !name.is_empty()
        && (!limited || name.len() <= MAX_NAME)
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        ctx.bad(&written, "not a name for a volume", allowed);
    }
    fits.then_some(name)
}

/// What a kind of volume asks of its provisioning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Everything may be left out.
    Optional,
    /// A selector, and a minimum or maximum size.
    Partition,
    /// A selector and nothing else.
    WholeDisk,
}

/// `provisioning` below `root`, checked by `rule`.
pub(super) fn provisioning(ctx: &mut Context<'_>, root: &Field<'_>, rule: Rule) -> Provisioning {
    let Some(written) = root.get("provisioning") else {
        if rule != Rule::Optional {
            ctx.missing(
                root,
                "no provisioning",
                "provisioning.diskSelector.match, and minSize or maxSize",
            );
        }
        return Provisioning::default();
    };
    let Some(field) = ctx.map(written, &["diskSelector", "grow", "minSize", "maxSize"]) else {
        return Provisioning::default();
    };
    let before = ctx.diagnostics.len();
    let selector = field
        .get("diskSelector")
        .and_then(|f| ctx.map(f, &["match"]));
    let selector = selector
        .and_then(|f| f.get("match"))
        .and_then(|f| expression(ctx, &f, Env::Disk));
    if selector.is_none() && rule != Rule::Optional && ctx.diagnostics.len() == before {
        ctx.missing(
            &field,
            "no disk selector",
            "diskSelector.match: a CEL expression",
        );
    }
    let found = Provisioning {
        selector,
        grow: ctx.flag_at(&field, "grow"),
        min_size: bytes_at(ctx, &field, "minSize"),
        max_size: field.get("maxSize").and_then(|f| max_size(ctx, &f)),
    };
    check_sizes(ctx, &field, &found, rule);
    found
}

fn check_sizes(ctx: &mut Context<'_>, field: &Field<'_>, found: &Provisioning, rule: Rule) {
    if rule == Rule::WholeDisk {
        for key in ["minSize", "maxSize", "grow"] {
            if let Some(written) = field.get(key) {
                ctx.bad(
                    &written,
                    "a volume that takes a whole disk has no size",
                    "volumeType: partition, or no size",
                );
            }
        }
        return;
    }
    if let (Some(min), Some(MaxSize::Absolute(max))) = (found.min_size, found.max_size)
        && min > max
        && let Some(written) = field.get("minSize")
    {
        ctx.bad(
            &written,
            "minSize is greater than maxSize",
            "at most maxSize",
        );
    }
    let unset = field.get("minSize").is_none() && field.get("maxSize").is_none();
    if rule == Rule::Partition && unset {
        ctx.missing(field, "no size", "minSize or maxSize");
    }
}

/// A size in bytes below `field`.
pub(super) fn bytes_at(ctx: &mut Context<'_>, field: &Field<'_>, key: &str) -> Option<Bytes> {
    let written = field.get(key)?;
    let text = ctx.text(&written)?;
    if text.is_empty() {
        return None;
    }
    match size::parse_bytes(&text) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            ctx.bad(&written, &error.to_string(), size::BYTES);
            None
        }
    }
}

fn max_size(ctx: &mut Context<'_>, field: &Field<'_>) -> Option<MaxSize> {
    let text = ctx.text(field)?;
    if text.is_empty() {
        return None;
    }
    match size::parse_max(&text) {
        Ok(size) => Some(size),
        Err(error) => {
            ctx.bad(field, &error.to_string(), size::MAX);
            None
        }
    }
}

/// `filesystem` of a user volume; XFS where nothing is written.
pub(super) fn filesystem(ctx: &mut Context<'_>, root: &Field<'_>) -> Filesystem {
    let mut found = Filesystem {
        kind: FilesystemKind::Xfs,
        min_allocation_group: None,
    };
    let Some(field) = root
        .get("filesystem")
        .and_then(|f| ctx.map(f, &["type", "projectQuotaSupport", "xfs"]))
    else {
        return found;
    };
    if let Some(written) = field.get("type") {
        match ctx
            .text(&written)
            .map(|text| text.to_ascii_lowercase())
            .as_deref()
        {
            Some("" | "none" | "xfs") | None => {}
            Some("ext4") => found.kind = FilesystemKind::Ext4,
            Some("btrfs") => found.kind = FilesystemKind::Btrfs,
            Some(_) => ctx.bad(&written, "unknown filesystem", "xfs, ext4, btrfs"),
        }
    }
    let quota = ctx.flag_at(&field, "projectQuotaSupport").unwrap_or(false);
    if found.kind != FilesystemKind::Xfs {
        if quota && let Some(written) = field.get("projectQuotaSupport") {
            ctx.bad(
                &written,
                "only XFS has project quotas",
                "false, or type: xfs",
            );
        }
        if let Some(written) = field.get("xfs") {
            ctx.bad(
                &written,
                "XFS options for another filesystem",
                "type: xfs, or no xfs section",
            );
        }
        return found;
    }
    found.min_allocation_group = min_allocation_group(ctx, &field);
    found
}

/// `filesystem` of a system volume, which is always XFS.
pub(super) fn system_filesystem(ctx: &mut Context<'_>, root: &Field<'_>) -> Option<Bytes> {
    let field = root.get("filesystem").and_then(|f| ctx.map(f, &["xfs"]))?;
    min_allocation_group(ctx, &field)
}

fn min_allocation_group(ctx: &mut Context<'_>, filesystem: &Field<'_>) -> Option<Bytes> {
    let xfs = filesystem
        .get("xfs")
        .and_then(|f| ctx.map(f, &["minAllocationGroupSize"]))?;
    bytes_at(ctx, &xfs, "minAllocationGroupSize")
}

/// `mount` below `root`: only checked, mounting is Talos' work. Returns whether there is one.
pub(super) fn check_mount(ctx: &mut Context<'_>, root: &Field<'_>, known: &[&str]) -> bool {
    let Some(field) = root.get("mount").and_then(|f| ctx.map(f, known)) else {
        return false;
    };
    for entry in field.entries() {
        if known.contains(&&*entry.key) {
            ctx.flag_at(&field, &entry.key);
        }
    }
    !field.entries().is_empty()
}

/// `trim` and `scrub` below `root`: only checked, both are Talos' work.
pub(super) fn check_upkeep(ctx: &mut Context<'_>, root: &Field<'_>) {
    for (key, least, allowed) in [
        ("trim", 0, "0s or more"),
        ("scrub", MIN_SCRUB, "0s, or 10s or more"),
    ] {
        let Some(field) = root
            .get(key)
            .and_then(|f| ctx.map(f, &["enabled", "interval"]))
        else {
            continue;
        };
        ctx.flag_at(&field, "enabled");
        let Some(written) = field.get("interval") else {
            continue;
        };
        match ctx.text(&written).as_deref().map(duration::parse) {
            Some(Some(interval)) if interval != 0 && interval < least => {
                ctx.bad(
                    &written,
                    &format!("the {key} interval is too short"),
                    allowed,
                );
            }
            Some(None) => ctx.bad(&written, "not a duration", duration::FORM),
            Some(Some(_)) | None => {}
        }
    }
}
