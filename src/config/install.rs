//! The install target: `machine.install`, and the document UnattendedInstallConfig.

use super::context::{Context, Field};
use super::expression::expression;
use super::size;
use super::spec::{DiskSelector, DiskType, Install, InstallTarget};
use crate::selector::cel::Env;

/// `machine.install`.
pub(super) fn legacy(ctx: &mut Context<'_>, field: Field<'_>) -> Option<Install> {
    let known = [
        "disk",
        "diskSelector",
        "image",
        "wipe",
        "extraKernelArgs",
        "extensions",
        "bootloader",
        "legacyBIOSSupport",
        "grubUseUKICmdline",
    ];
    let field = ctx.map(field, &known)?;
    check_unused(ctx, &field);
    let disk = match field.get("disk") {
        Some(disk) => device(ctx, &disk),
        None => None,
    };
    let selector = field.get("diskSelector").map(|f| selector(ctx, f));
    let target = match (selector, disk) {
        (Some(selector), disk) => {
            if disk.is_some() {
                ctx.warn(
                    &field,
                    String::from("machine.install: diskSelector wins over disk, as in Talos"),
                );
            }
            InstallTarget::Selector(selector?)
        }
        (None, Some(disk)) => InstallTarget::Disk(disk),
        (None, None) => InstallTarget::Unnamed,
    };
    let wipe = ctx.flag_at(&field, "wipe");
    Some(Install {
        at: ctx.location(field.node.place),
        target,
        wipe: wipe.unwrap_or(false),
        wipe_explicit: wipe.is_some(),
        image: ctx.text_at(&field, "image"),
        legacy_bios: ctx.flag_at(&field, "legacyBIOSSupport").unwrap_or(false),
    })
}

/// Fields that only Talos acts on, with its checks.
fn check_unused(ctx: &mut Context<'_>, field: &Field<'_>) {
    ctx.flag_at(field, "bootloader");
    let uki = ctx.flag_at(field, "grubUseUKICmdline").unwrap_or(false);
    if let Some(arguments) = field.get("extraKernelArgs")
        && !ctx.texts(&arguments).is_empty()
        && uki
    {
        let also = field
            .get("grubUseUKICmdline")
            .map_or_else(Default::default, |f| ctx.location(f.node.place));
        let at = ctx.location(arguments.node.place);
        let message = "extraKernelArgs and grubUseUKICmdline exclude each other";
        ctx.conflict(
            at,
            &arguments.path,
            message,
            "kernel arguments in the schematic of the installer image",
            also,
        );
    }
    let Some(extensions) = field.get("extensions") else {
        return;
    };
    ctx.warn(
        &extensions,
        String::from(
            "machine.install.extensions is deprecated: extensions belong into the installer image",
        ),
    );
    let mut seen = std::collections::BTreeSet::new();
    for item in ctx.list(&extensions) {
        let Some(item) = ctx.map(item, &["image"]) else {
            continue;
        };
        let image = ctx.text_at(&item, "image").unwrap_or_default();
        if !seen.insert(image) {
            ctx.bad(&item, "the same extension twice", "every extension once");
        }
    }
}

/// A device path. Talos expands no patterns, and relative paths name nothing.
pub(super) fn device(ctx: &mut Context<'_>, field: &Field<'_>) -> Option<String> {
    const ALLOWED: &str = "an absolute path such as /dev/sda or /dev/disk/by-id/…";
    let device = ctx.text(field)?;
    if device.is_empty() {
        return None;
    }
    if device.contains(['*', '?', '[']) {
        ctx.bad(
            field,
            "a device path is taken literally, patterns are not expanded",
            ALLOWED,
        );
        return None;
    }
    if !device.starts_with('/') {
        ctx.bad(field, "not a device path", ALLOWED);
        return None;
    }
    Some(device)
}

fn selector(ctx: &mut Context<'_>, field: Field<'_>) -> Option<DiskSelector> {
    let known = [
        "size", "model", "serial", "modalias", "uuid", "wwid", "type", "busPath", "name",
    ];
    let field = ctx.map(field, &known)?;
    if let Some(name) = field.get("name")
        && ctx.text(&name).is_some_and(|name| !name.is_empty())
    {
        ctx.bad(
            &name,
            "Talos does not support selecting by name",
            "size, model, serial, modalias, uuid, wwid, type, busPath",
        );
    }
    let mut matcher = None;
    if let Some(size) = field.get("size")
        && let Some(text) = ctx.text(&size)
    {
        match size::parse_matcher(&text) {
            Ok(parsed) => matcher = Some(parsed),
            Err(error) => ctx.bad(&size, &error.to_string(), size::MATCHER),
        }
    }
    Some(DiskSelector {
        size: matcher,
        uuid: ctx.text_at(&field, "uuid"),
        wwid: ctx.text_at(&field, "wwid"),
        model: ctx.text_at(&field, "model"),
        serial: ctx.text_at(&field, "serial"),
        modalias: ctx.text_at(&field, "modalias"),
        disk_type: field.get("type").and_then(|f| disk_type(ctx, &f)),
        bus_path: ctx.text_at(&field, "busPath"),
    })
}

fn disk_type(ctx: &mut Context<'_>, field: &Field<'_>) -> Option<DiskType> {
    let found = match ctx.text(field)?.as_str() {
        "" => return None,
        "ssd" => Some(DiskType::Ssd),
        "hdd" => Some(DiskType::Hdd),
        "nvme" => Some(DiskType::Nvme),
        "sd" => Some(DiskType::Sd),
        _ => None,
    };
    if found.is_none() {
        ctx.bad(field, "unknown type of disk", "ssd, hdd, nvme, sd");
    }
    found
}

/// The document UnattendedInstallConfig.
pub(super) fn unattended(ctx: &mut Context<'_>, root: Field<'_>) -> Option<Install> {
    let root = ctx.map(
        root,
        &["apiVersion", "kind", "reboot", "installer", "provisioning"],
    )?;
    ctx.flag_at(&root, "reboot");
    let installer = root.get("installer").and_then(|f| ctx.map(f, &["image"]));
    let image = installer.and_then(|f| ctx.text_at(&f, "image"));
    let provisioning = root
        .get("provisioning")
        .and_then(|f| ctx.map(f, &["diskSelector", "wipe"]));
    let selector = provisioning
        .as_ref()
        .and_then(|f| f.get("diskSelector"))
        .and_then(|f| ctx.map(f, &["match"]));
    let written = selector.and_then(|f| f.get("match"));
    let before = ctx.diagnostics.len();
    let target = written.and_then(|f| expression(ctx, &f, Env::Disk));
    if target.is_none() && ctx.diagnostics.len() == before {
        let place = provisioning.as_ref().unwrap_or(&root).clone();
        ctx.missing(
            &place,
            "no install disk is named",
            "provisioning.diskSelector.match: a CEL expression",
        );
    }
    let wipe = provisioning.and_then(|f| ctx.flag_at(&f, "wipe"));
    Some(Install {
        at: ctx.location(root.node.place),
        target: InstallTarget::Expression(target?),
        wipe: wipe.unwrap_or(true),
        wipe_explicit: wipe.is_some(),
        image,
        legacy_bios: false,
    })
}
