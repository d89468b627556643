//! Documents to one [`Spec`]: which of two places wins, and which exclude each other, by Talos' rules.

use super::context::{Context, Field};
use super::documents::{Document, V1ALPHA1};
use super::install;
use super::machine::{self, Machine};
use super::node::Place;
use super::spec::{Encryption, Install, Location, Spec, SystemVolume, VolumeKind};
use super::tuning;
use super::volumes::{self, System};

/// Everything read, before precedence.
#[derive(Default)]
struct Parts {
    machine: Machine,
    unattended: Option<(Location, Option<Install>)>,
    hostname: Option<(Option<String>, Location)>,
}

/// Reads `documents` and merges them.
pub(super) fn assemble(ctx: &mut Context<'_>, documents: &[Document]) -> Spec {
    let mut spec = Spec::default();
    let mut parts = Parts::default();
    let old = documents.iter().find(|document| document.kind == V1ALPHA1);
    if let Some(old) = old {
        parts.machine = machine::v1alpha1(ctx, Field::root(&old.root, ""));
        spec.tuning = std::mem::take(&mut parts.machine.tuning);
    }
    for document in documents {
        read(ctx, document, &mut spec, &mut parts);
    }
    check_volume_names(ctx, &spec);
    merge(ctx, &mut spec, parts);
    spec
}

fn read(ctx: &mut Context<'_>, document: &Document, spec: &mut Spec, parts: &mut Parts) {
    let root = Field::root(&document.root, "");
    let at = ctx.location(document.root.place);
    match document.kind {
        "VolumeConfig" => match volumes::system(ctx, root) {
            Some(System::State(volume)) => spec.state = volume,
            Some(System::Ephemeral(volume)) => spec.ephemeral = volume,
            Some(System::Promotable(volume)) => spec.volumes.push(volume),
            None => {}
        },
        "UserVolumeConfig" => spec.volumes.extend(volumes::user(ctx, root)),
        "RawVolumeConfig" => spec
            .volumes
            .extend(volumes::plain(ctx, root, "r-", VolumeKind::Raw)),
        "SwapVolumeConfig" => {
            spec.volumes
                .extend(volumes::plain(ctx, root, "s-", VolumeKind::Swap))
        }
        "ExistingVolumeConfig" => spec.existing.extend(volumes::existing(ctx, root)),
        "SysctlConfig" => spec
            .tuning
            .sysctls
            .extend(tuning::parameter_document(ctx, root)),
        "SysfsConfig" => spec
            .tuning
            .sysfs
            .extend(tuning::parameter_document(ctx, root)),
        "UdevRulesConfig" => {
            spec.tuning.udev_rules = tuning::rules_document(ctx, root);
        }
        "HostnameConfig" => parts.hostname = Some((hostname(ctx, root), at)),
        "UnattendedInstallConfig" => {
            let install = install::unattended(ctx, root);
            parts.unattended = Some((at, install));
        }
        _ => {}
    }
}

fn hostname(ctx: &mut Context<'_>, root: Field<'_>) -> Option<String> {
    let root = ctx.map(root, &["apiVersion", "kind", "auto", "hostname"])?;
    let auto = root.get("auto").and_then(|f| Some((ctx.text(&f)?, f)));
    let name = ctx.text_at(&root, "hostname");
    match &auto {
        Some((text, field)) if !matches!(text.as_str(), "off" | "stable") => {
            ctx.bad(field, "unknown way to find a hostname", "off, stable");
        }
        Some((text, field)) if text == "stable" && name.is_some() => {
            ctx.bad(
                field,
                "a hostname is there as well",
                "auto: off, or no hostname",
            );
        }
        None if name.is_none() => {
            ctx.missing(
                &root,
                "neither auto nor hostname",
                "auto: stable, or a hostname",
            );
        }
        _ => {}
    }
    name
}

/// A user volume and an existing volume of the same name would be mounted in the same place.
fn check_volume_names(ctx: &mut Context<'_>, spec: &Spec) {
    for existing in &spec.existing {
        let id = format!("u-{}", existing.name);
        if let Some(volume) = spec.volumes.iter().find(|volume| volume.id == id) {
            let message = format!(
                "UserVolumeConfig and ExistingVolumeConfig are both named {}",
                existing.name
            );
            let allowed = "every name once over the two kinds";
            ctx.conflict(
                existing.at.clone(),
                "name",
                &message,
                allowed,
                volume.at.clone(),
            );
        }
    }
}

fn merge(ctx: &mut Context<'_>, spec: &mut Spec, parts: Parts) {
    let machine = parts.machine;
    merge_install(
        ctx,
        spec,
        machine.install,
        machine.install_at,
        parts.unattended,
    );
    merge_encryption(ctx, "STATE", &mut spec.state, machine.state);
    merge_encryption(ctx, "EPHEMERAL", &mut spec.ephemeral, machine.ephemeral);
    if let Some((_, at)) = &parts.hostname {
        let old = machine
            .hostname
            .as_ref()
            .map(|(_, old)| ("machine.network.hostname", old));
        let stable = machine
            .stable_hostname
            .as_ref()
            .map(|old| ("machine.features.stableHostname", old));
        for (path, old) in old.into_iter().chain(stable) {
            let message = "HostnameConfig says the hostname as well";
            ctx.conflict(old.clone(), path, message, "one of the two", at.clone());
        }
    }
    let document = parts.hostname.and_then(|(name, _)| name);
    spec.hostname = document.or(machine.hostname.map(|(name, _)| name));
    spec.machine_type = machine.machine_type;
    spec.legacy_disks = machine.disks;
}

fn merge_install(
    ctx: &mut Context<'_>,
    spec: &mut Spec,
    old: Option<Install>,
    old_at: Option<Location>,
    unattended: Option<(Location, Option<Install>)>,
) {
    spec.install = old;
    let Some((at, install)) = unattended else {
        return;
    };
    if let Some(old_at) = old_at {
        let message = "UnattendedInstallConfig says where to install as well";
        ctx.conflict(old_at, "machine.install", message, "one of the two", at);
    } else {
        spec.install = install;
    }
}

fn merge_encryption(
    ctx: &mut Context<'_>,
    name: &str,
    volume: &mut SystemVolume,
    old: Option<Encryption>,
) {
    let Some(old) = old else {
        return;
    };
    if let Some(document) = &volume.encryption {
        let message = format!("the VolumeConfig of {name} says how to encrypt it as well");
        let path = format!("machine.systemDiskEncryption.{}", name.to_ascii_lowercase());
        ctx.conflict(
            old.at,
            &path,
            &message,
            "one of the two",
            document.at.clone(),
        );
        return;
    }
    volume.encryption = Some(old);
}

/// The start of a source, for what has no better place.
pub(super) fn start_of(source: usize) -> Place {
    Place {
        source,
        line: 1,
        column: 1,
        ..Place::default()
    }
}
