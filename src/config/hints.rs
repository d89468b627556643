//! What was probably meant by keys that people often put where Talos has none.

/// A hint for the unknown key `key` below `path`, if it is a known mistake.
pub(crate) fn unknown_key(path: &str, key: &str) -> Option<&'static str> {
    let place = strip_indices(path);
    let found = HINTS
        .iter()
        .find(|(at, name, _)| *name == key && (*at == place || *at == "*"));
    found.map(|(_, _, hint)| *hint)
}

/// `machine.disks[0].partitions[1]` → `machine.disks.partitions`.
fn strip_indices(path: &str) -> String {
    path.split('.')
        .map(|part| part.split('[').next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join(".")
}

const HINTS: [(&str, &str, &str); 22] = [
    (
        "machine",
        "userVolumes",
        "a user volume is a document of its own: `kind: UserVolumeConfig`",
    ),
    (
        "machine",
        "rawVolumes",
        "a raw volume is a document of its own: `kind: RawVolumeConfig`",
    ),
    (
        "machine",
        "swapVolumes",
        "a swap volume is a document of its own: `kind: SwapVolumeConfig`",
    ),
    (
        "machine",
        "volumes",
        "a volume is a document of its own: `kind: VolumeConfig` or `kind: UserVolumeConfig`",
    ),
    (
        "machine",
        "diskEncryption",
        "the key is machine.systemDiskEncryption, or `encryption` in a VolumeConfig document",
    ),
    (
        "machine",
        "encryption",
        "the key is machine.systemDiskEncryption, or `encryption` in a VolumeConfig document",
    ),
    (
        "machine",
        "services",
        "Talos has no services section; an extension is configured by an ExtensionServiceConfig document",
    ),
    (
        "machine",
        "hostname",
        "the key is machine.network.hostname, or a HostnameConfig document",
    ),
    (
        "machine",
        "udevRules",
        "the key is machine.udev.rules, or a UdevRulesConfig document",
    ),
    (
        "machine.disks.partitions",
        "format",
        "partitions of machine.disks are always XFS; a UserVolumeConfig document has filesystem.type",
    ),
    (
        "machine.disks.partitions",
        "filesystem",
        "partitions of machine.disks are always XFS; a UserVolumeConfig document has filesystem.type",
    ),
    (
        "machine.disks.partitions",
        "label",
        "partitions of machine.disks have no label; a UserVolumeConfig document has a name",
    ),
    (
        "machine.disks.partitions",
        "encryption",
        "partitions of machine.disks cannot be encrypted; those of a UserVolumeConfig document can",
    ),
    (
        "machine.install.diskSelector",
        "match",
        "CEL selects the install disk only in an UnattendedInstallConfig document",
    ),
    (
        "machine.install.diskSelector",
        "path",
        "a device path goes into machine.install.disk",
    ),
    (
        "machine.install.diskSelector",
        "transport",
        "use busPath or type; a UnattendedInstallConfig document can match disk.transport",
    ),
    (
        "machine.systemDiskEncryption.state",
        "allowDiscards",
        "only VolumeConfig documents have allowDiscards",
    ),
    (
        "machine.systemDiskEncryption.ephemeral",
        "allowDiscards",
        "only VolumeConfig documents have allowDiscards",
    ),
    (
        "machine.systemDiskEncryption.ephemeral.keys",
        "lockToState",
        "only VolumeConfig documents have lockToState",
    ),
    ("", "install", "this belongs below `machine`"),
    ("", "systemDiskEncryption", "this belongs below `machine`"),
    (
        "*",
        "$patch",
        "a patch has to be applied before: this is the configuration itself",
    ),
];
