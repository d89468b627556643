//! The variables and constants of Talos' CEL environments, with their types and values.
//!
//! An unset field of a protobuf message is the zero value, never missing; so every field always has
//! a value here. Names: `talos.resource.definitions.block.DiskSpec` and `DiscoveredVolumeSpec`.

use super::TalosVolume;
use super::types::Type;
use super::value::Value;
use crate::probe::inventory::TalosDisk;

/// The size constants; all uint. There is no `KB`, only `kB`.
pub(super) const CONSTANTS: [(&str, u64); 12] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("EiB", 1 << 60),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("EB", 1_000_000_000_000_000_000),
];

/// The value of a size constant.
pub(super) fn constant(name: &str) -> Option<u64> {
    CONSTANTS.iter().find(|c| c.0 == name).map(|c| c.1)
}

/// The type of `disk.<field>`.
pub(super) fn disk_type(field: &str) -> Option<Type> {
    Some(match field {
        "size" | "io_size" | "sector_size" => Type::Uint,
        "readonly" | "cdrom" | "rotational" => Type::Bool,
        "model" | "serial" | "modalias" | "wwid" | "uuid" | "bus_path" | "sub_system"
        | "transport" | "dev_path" | "pretty_size" | "firmware_version" => Type::String,
        "secondary_disks" | "symlinks" => Type::list(Type::String),
        _ => return None,
    })
}

/// The type of `volume.<field>`.
pub(super) fn volume_type(field: &str) -> Option<Type> {
    Some(match field {
        "size"
        | "sector_size"
        | "io_size"
        | "probed_size"
        | "offset"
        | "partition_index"
        | "block_size"
        | "filesystem_block_size" => Type::Uint,
        "name" | "uuid" | "label" | "partition_uuid" | "partition_type" | "partition_label"
        | "type" | "device_path" | "parent" | "dev_path" | "parent_dev_path" | "pretty_size" => {
            Type::String
        }
        _ => return None,
    })
}

/// The value of `disk.<field>`.
pub(super) fn disk_value(disk: &TalosDisk, field: &str) -> Option<Value> {
    let strings = |list: &[String]| Value::list(list.iter().map(|s| Value::str(s)).collect());
    Some(match field {
        "size" => Value::Uint(disk.size),
        "io_size" => Value::Uint(disk.io_size),
        "sector_size" => Value::Uint(disk.sector_size),
        "readonly" => Value::Bool(disk.readonly),
        "cdrom" => Value::Bool(disk.cdrom),
        "rotational" => Value::Bool(disk.rotational),
        "model" => Value::str(&disk.model),
        "serial" => Value::str(&disk.serial),
        "modalias" => Value::str(&disk.modalias),
        "wwid" => Value::str(&disk.wwid),
        "uuid" => Value::str(&disk.uuid),
        "bus_path" => Value::str(&disk.bus_path),
        "sub_system" => Value::str(&disk.sub_system),
        "transport" => Value::str(&disk.transport),
        "dev_path" => Value::str(&disk.dev_path),
        "pretty_size" => Value::str(&disk.pretty_size),
        "firmware_version" => Value::str(&disk.firmware_version),
        "secondary_disks" => strings(&disk.secondary_disks),
        "symlinks" => strings(&disk.symlinks),
        _ => return None,
    })
}

/// The value of `volume.<field>`.
pub(super) fn volume_value(volume: &TalosVolume, field: &str) -> Option<Value> {
    Some(match field {
        "size" => Value::Uint(volume.size),
        "sector_size" => Value::Uint(volume.sector_size),
        "io_size" => Value::Uint(volume.io_size),
        "probed_size" => Value::Uint(volume.probed_size),
        "offset" => Value::Uint(volume.offset),
        "partition_index" => Value::Uint(volume.partition_index),
        "block_size" => Value::Uint(u64::from(volume.block_size)),
        "filesystem_block_size" => Value::Uint(u64::from(volume.filesystem_block_size)),
        "name" => Value::str(&volume.name),
        "uuid" => Value::str(&volume.uuid),
        "label" => Value::str(&volume.label),
        "partition_uuid" => Value::str(&volume.partition_uuid),
        "partition_type" => Value::str(&volume.partition_type),
        "partition_label" => Value::str(&volume.partition_label),
        "type" => Value::str(&volume.volume_type),
        "device_path" => Value::str(&volume.device_path),
        "parent" => Value::str(&volume.parent),
        "dev_path" => Value::str(&volume.dev_path),
        "parent_dev_path" => Value::str(&volume.parent_dev_path),
        "pretty_size" => Value::str(&volume.pretty_size),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_has_a_type_has_a_value_of_it() {
        let (disk, volume) = (TalosDisk::default(), TalosVolume::default());
        let names = "size io_size sector_size readonly cdrom rotational model serial modalias wwid \
            uuid bus_path sub_system transport dev_path pretty_size firmware_version \
            secondary_disks symlinks probed_size offset partition_index block_size \
            filesystem_block_size name label partition_uuid partition_type partition_label type \
            device_path parent parent_dev_path nonsense";
        for name in names.split_whitespace() {
            assert_eq!(
                disk_type(name).is_some(),
                disk_value(&disk, name).is_some(),
                "{name}"
            );
            let typed = volume_type(name).is_some();
            assert_eq!(typed, volume_value(&volume, name).is_some(), "{name}");
        }
    }
}
