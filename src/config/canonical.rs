//! A [`Spec`] as one JSON value: what a plan's config digest is computed over.
//!
//! No passphrase, no place in a file, no warning: two configurations that ask for the same disks give the
//! same value, whatever files and comments they are written in. The order of keys is fixed here.

use serde_json::{Map, Value, json};

use super::spec::{
    DiskSelector, DiskType, Encryption, EncryptionForm, ExistingVolume, Filesystem, FilesystemKind,
    Install, InstallTarget, Key, KeySource, LegacyDisk, Location, MaxSize, Provisioning, Spec,
    SystemVolume, Tuning, Volume, VolumeKind,
};
use crate::units::Bytes;

impl Spec {
    /// Everything that decides about disks and tuning, without passphrases and places.
    pub fn canonical(&self) -> Value {
        json!({
            "hostname": self.hostname,
            "type": self.machine_type,
            "install": self.install.as_ref().map(install),
            "state": system(&self.state),
            "ephemeral": system(&self.ephemeral),
            "volumes": self.volumes.iter().map(volume).collect::<Vec<_>>(),
            "existing": self.existing.iter().map(existing).collect::<Vec<_>>(),
            "disks": self.legacy_disks.iter().map(legacy_disk).collect::<Vec<_>>(),
            "tuning": tuning(&self.tuning),
        })
    }
}

fn install(install: &Install) -> Value {
    let target = match &install.target {
        InstallTarget::Disk(path) => json!({ "disk": path }),
        InstallTarget::Selector(selector) => json!({ "selector": disk_selector(selector) }),
        InstallTarget::Expression(expression) => json!({ "match": expression.text() }),
        InstallTarget::Unnamed => Value::Null,
    };
    json!({
        "target": target,
        "wipe": install.wipe,
        "wipeExplicit": install.wipe_explicit,
        "image": install.image,
        "legacyBIOSSupport": install.legacy_bios,
    })
}

fn disk_selector(selector: &DiskSelector) -> Value {
    let size = selector
        .size
        .as_ref()
        .map(|size| format!("{} {}", size.op.symbol(), size.size.get()));
    json!({
        "size": size,
        "uuid": selector.uuid,
        "wwid": selector.wwid,
        "model": selector.model,
        "serial": selector.serial,
        "modalias": selector.modalias,
        "type": selector.disk_type.map(disk_type),
        "busPath": selector.bus_path,
    })
}

const fn disk_type(kind: DiskType) -> &'static str {
    match kind {
        DiskType::Ssd => "ssd",
        DiskType::Hdd => "hdd",
        DiskType::Nvme => "nvme",
        DiskType::Sd => "sd",
    }
}

fn system(volume: &SystemVolume) -> Value {
    json!({
        "provisioning": provisioning(&volume.provisioning),
        "encryption": volume.encryption.as_ref().map(encryption),
        "minAllocationGroupSize": volume.min_allocation_group.map(Bytes::get),
    })
}

fn provisioning(found: &Provisioning) -> Value {
    let max = found.max_size.map(|max| match max {
        MaxSize::Absolute(size) => json!({ "bytes": size.get() }),
        MaxSize::Percent(share) => json!({ "percent": share }),
        MaxSize::LeaveFree(size) => json!({ "leaveBytes": size.get() }),
        MaxSize::LeaveFreePercent(share) => json!({ "leavePercent": share }),
    });
    json!({
        "match": found.selector.as_ref().map(|selector| selector.text()),
        "grow": found.grow,
        "minSize": found.min_size.map(Bytes::get),
        "maxSize": max,
    })
}

fn volume(volume: &Volume) -> Value {
    let kind = match volume.kind {
        VolumeKind::System => "system",
        VolumeKind::Directory => "directory",
        VolumeKind::User => "user",
        VolumeKind::UserDisk => "user-disk",
        VolumeKind::Raw => "raw",
        VolumeKind::Swap => "swap",
    };
    json!({
        "id": volume.id,
        "kind": kind,
        "provisioning": provisioning(&volume.provisioning),
        "encryption": volume.encryption.as_ref().map(encryption),
        "filesystem": volume.filesystem.as_ref().map(filesystem),
    })
}

fn filesystem(found: &Filesystem) -> Value {
    let kind = match found.kind {
        FilesystemKind::Xfs => "xfs",
        FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Btrfs => "btrfs",
    };
    json!({
        "type": kind,
        "minAllocationGroupSize": found.min_allocation_group.map(Bytes::get),
    })
}

fn encryption(found: &Encryption) -> Value {
    let form = match found.form {
        EncryptionForm::Legacy => "legacy",
        EncryptionForm::Document => "document",
    };
    json!({
        "form": form,
        "provider": found.provider,
        "cipher": found.cipher_text,
        "keySize": found.key_size,
        "blockSize": found.block_size,
        "options": found.options,
        "allowDiscards": found.allow_discards,
        "keys": found.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

/// The kind of key and what is public about it; never a passphrase, nor a digest of one.
fn key(key: &Key) -> Value {
    let source = match &key.source {
        KeySource::Static(_) | KeySource::NodeId => json!({}),
        KeySource::Kms { endpoint } => json!({ "endpoint": endpoint }),
        KeySource::Tpm {
            pcrs,
            check_secureboot,
        } => json!({ "pcrs": pcrs, "checkSecurebootStatusOnEnroll": check_secureboot }),
    };
    json!({
        "slot": key.slot,
        "kind": key.source.word(),
        "source": source,
        "lockToState": key.lock_to_state,
    })
}

fn existing(volume: &ExistingVolume) -> Value {
    json!({ "name": volume.name, "match": volume.selector.text() })
}

fn legacy_disk(disk: &LegacyDisk) -> Value {
    let partition = |partition: &super::spec::LegacyPartition| json!({ "size": partition.size.get(), "mountpoint": partition.mountpoint });
    json!({
        "device": disk.device,
        "partitions": disk.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}

fn tuning(tuning: &Tuning) -> Value {
    let map =
        |found: &std::collections::BTreeMap<String, (String, Location)>| -> Map<String, Value> {
            found
                .iter()
                .map(|(key, (value, _))| (key.clone(), json!(value)))
                .collect()
        };
    let rules = tuning.udev_rules.iter().map(|(rule, _)| rule.as_str());
    json!({
        "sysctls": map(&tuning.sysctls),
        "sysfs": map(&tuning.sysfs),
        "udevRules": rules.collect::<Vec<_>>(),
    })
}
