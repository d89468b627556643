//! The v1alpha1 document: `machine` as far as keelblock reads it.

use super::context::{Context, Field};
use super::encryption::encryption;
use super::install;
use super::kinds::{MACHINE_KEYS, MACHINE_OWNED, TOP_KEYS};
use super::node::Value;
use super::provisioning::bytes_at;
use super::spec::{
    Encryption, EncryptionForm, Install, LegacyDisk, LegacyPartition, Location, Tuning,
};
use super::tuning::{parameters, rules};

/// What the v1alpha1 document says.
#[derive(Default)]
pub(super) struct Machine {
    /// `machine.type`.
    pub machine_type: Option<String>,
    /// `machine.network.hostname`.
    pub hostname: Option<(String, Location)>,
    /// `machine.features.stableHostname: true`.
    pub stable_hostname: Option<Location>,
    /// `machine.install`.
    pub install: Option<Install>,
    /// Where `machine.install` stands, even if it is wrong.
    pub install_at: Option<Location>,
    /// `machine.systemDiskEncryption.state`.
    pub state: Option<Encryption>,
    /// `machine.systemDiskEncryption.ephemeral`.
    pub ephemeral: Option<Encryption>,
    /// `machine.disks`.
    pub disks: Vec<LegacyDisk>,
    /// `machine.sysctls`, `machine.sysfs`, `machine.udev`.
    pub tuning: Tuning,
}

/// Reads the v1alpha1 document.
pub(super) fn v1alpha1(ctx: &mut Context<'_>, root: Field<'_>) -> Machine {
    let mut machine = Machine::default();
    let Some(root) = ctx.map(root, &TOP_KEYS) else {
        return machine;
    };
    ctx.flag_at(&root, "debug");
    ctx.flag_at(&root, "persist");
    if let Some(version) = root.get("version")
        && ctx
            .text(&version)
            .is_some_and(|version| version != "v1alpha1")
    {
        ctx.bad(&version, "unknown version", "v1alpha1");
    }
    if let Some(cluster) = root.get("cluster")
        && ctx.is_map(&cluster)
    {
        ctx.ignored.push(String::from("cluster"));
    }
    if let Some(field) = root.get("machine").and_then(|f| ctx.map(f, &MACHINE_KEYS)) {
        read_machine(ctx, &field, &mut machine);
    }
    machine
}

fn read_machine(ctx: &mut Context<'_>, field: &Field<'_>, machine: &mut Machine) {
    for entry in field.entries() {
        let key = &*entry.key;
        if MACHINE_KEYS.contains(&key) && !MACHINE_OWNED.contains(&key) && !entry.value.is_null() {
            ctx.ignored.push(format!("machine.{key}"));
        }
    }
    machine.machine_type = field.get("type").and_then(|f| machine_type(ctx, &f));
    hostname(ctx, field, machine);
    if let Some(install) = field.get("install") {
        machine.install_at = Some(ctx.location(install.node.place));
        machine.install = install::legacy(ctx, install);
    }
    if let Some(sealed) = field
        .get("systemDiskEncryption")
        .and_then(|f| ctx.map(f, &["state", "ephemeral"]))
    {
        let mut read = |key| encryption(ctx, sealed.get(key)?, EncryptionForm::Legacy);
        machine.state = read("state");
        machine.ephemeral = read("ephemeral");
    }
    if let Some(list) = field.get("disks") {
        machine.disks = ctx
            .list(&list)
            .into_iter()
            .filter_map(|disk| legacy_disk(ctx, disk))
            .collect();
    }
    machine.tuning.sysctls = field
        .get("sysctls")
        .map(|f| parameters(ctx, f))
        .unwrap_or_default();
    machine.tuning.sysfs = field
        .get("sysfs")
        .map(|f| parameters(ctx, f))
        .unwrap_or_default();
    if let Some(udev) = field.get("udev").and_then(|f| ctx.map(f, &["rules"])) {
        machine.tuning.udev_rules = rules(ctx, &udev);
    }
}

fn machine_type(ctx: &mut Context<'_>, field: &Field<'_>) -> Option<String> {
    let found = ctx.text(field)?;
    if !matches!(
        found.as_str(),
        "" | "init" | "controlplane" | "worker" | "join" | "unknown"
    ) {
        ctx.bad(field, "unknown machine type", "controlplane, worker");
    }
    Some(found).filter(|found| !found.is_empty())
}

/// Only these two of `machine.network` and `machine.features` are read.
fn hostname(ctx: &mut Context<'_>, field: &Field<'_>, machine: &mut Machine) {
    if let Some(network) = field.get("network")
        && ctx.is_map(&network)
        && let Some(written) = network.get("hostname")
        && let Some(name) = ctx.text_at(&network, "hostname")
    {
        machine.hostname = Some((name, ctx.location(written.node.place)));
    }
    if let Some(features) = field.get("features")
        && ctx.is_map(&features)
        && let Some(written) = features.get("stableHostname")
        && ctx.flag(&written) == Some(true)
    {
        machine.stable_hostname = Some(ctx.location(written.node.place));
    }
}

fn legacy_disk(ctx: &mut Context<'_>, field: Field<'_>) -> Option<LegacyDisk> {
    let field = ctx.map(field, &["device", "partitions"])?;
    let device = match field.get("device") {
        Some(device) => install::device(ctx, &device),
        None => {
            ctx.missing(
                &field,
                "no device",
                "device: an absolute path such as /dev/sdb",
            );
            None
        }
    };
    let items = field
        .get("partitions")
        .map(|f| ctx.list(&f))
        .unwrap_or_default();
    let last = items.len().saturating_sub(1);
    let mut partitions = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let Some(item) = ctx.map(item, &["size", "mountpoint"]) else {
            continue;
        };
        let size = bytes_at(ctx, &item, "size").unwrap_or_default();
        let readable = item
            .get("size")
            .is_none_or(|f| matches!(f.node.value, Value::Scalar(_)));
        if size.get() == 0 && i != last && readable {
            ctx.bad(
                &item,
                "a partition without a size fills the disk, but is not the last one",
                "a size for all but the last partition",
            );
        }
        partitions.push(LegacyPartition {
            size,
            mountpoint: ctx.text_at(&item, "mountpoint").unwrap_or_default(),
        });
    }
    Some(LegacyDisk {
        at: ctx.location(field.node.place),
        device: device?,
        partitions,
    })
}
