//! The volume documents: VolumeConfig, UserVolumeConfig, RawVolumeConfig, SwapVolumeConfig, ExistingVolumeConfig.

use super::context::{Context, Field};
use super::encryption::encryption;
use super::expression::expression;
use super::node::{Node, Value};
use super::provisioning::{
    Rule, check_mount, check_upkeep, filesystem, name, provisioning, system_filesystem,
};
use super::spec::{
    Encryption, EncryptionForm, ExistingVolume, Filesystem, FilesystemKind, Provisioning,
    SystemVolume, Volume, VolumeKind,
};
use crate::selector::cel::Env;

/// Volumes that VolumeConfig may speak of.
pub(crate) const SYSTEM: [&str; 7] = [
    "STATE",
    "EPHEMERAL",
    "IMAGECACHE",
    "ETCD",
    "CRI",
    "KUBELET",
    "LOG",
];

/// What a VolumeConfig is about.
pub(super) enum System {
    /// STATE.
    State(SystemVolume),
    /// EPHEMERAL.
    Ephemeral(SystemVolume),
    /// One of the volumes that live in EPHEMERAL unless they are given a place.
    Promotable(Volume),
}

fn encryption_at(ctx: &mut Context<'_>, root: &Field<'_>) -> Option<Encryption> {
    encryption(ctx, root.get("encryption")?, EncryptionForm::Document)
}

/// VolumeConfig.
pub(super) fn system(ctx: &mut Context<'_>, root: Field<'_>) -> Option<System> {
    let known = [
        "apiVersion",
        "kind",
        "name",
        "provisioning",
        "filesystem",
        "encryption",
        "mount",
        "trim",
        "scrub",
    ];
    let root = ctx.map(root, &known)?;
    let written = root.get("name");
    let Some(written) = written else {
        ctx.missing(&root, "the volume has no name", &SYSTEM.join(", "));
        return None;
    };
    let name = ctx.text(&written)?;
    if !SYSTEM.contains(&name.as_str()) {
        ctx.bad(
            &written,
            "Talos has no such system volume",
            &SYSTEM.join(", "),
        );
        return None;
    }
    let found = SystemVolume {
        at: ctx.location(root.node.place),
        provisioning: provisioning(ctx, &root, Rule::Optional),
        encryption: encryption_at(ctx, &root),
        min_allocation_group: system_filesystem(ctx, &root),
    };
    let mounts = check_mount(ctx, &root, &["secure", "disableAccessTime"]);
    check_upkeep(ctx, &root);
    check_restrictions(ctx, &root, &name, mounts);
    match name.as_str() {
        "STATE" => {
            check_state_keys(ctx, &root, found.encryption.as_ref());
            Some(System::State(found))
        }
        "EPHEMERAL" => Some(System::Ephemeral(found)),
        _ => Some(System::Promotable(promotable(name, found))),
    }
}

fn promotable(id: String, found: SystemVolume) -> Volume {
    let kind = if is_unset(&found.provisioning) {
        VolumeKind::Directory
    } else {
        VolumeKind::System
    };
    Volume {
        at: found.at,
        id,
        kind,
        provisioning: found.provisioning,
        encryption: found.encryption,
        filesystem: Some(Filesystem {
            kind: FilesystemKind::Xfs,
            min_allocation_group: found.min_allocation_group,
        }),
    }
}

fn is_unset(found: &Provisioning) -> bool {
    found.selector.is_none()
        && found.grow.is_none()
        && found.min_size.is_none()
        && found.max_size.is_none()
}

/// Sections that Talos does not allow for a system volume.
fn check_restrictions(ctx: &mut Context<'_>, root: &Field<'_>, name: &str, mounts: bool) {
    let placed = root
        .get("provisioning")
        .is_some_and(|f| has_content(f.node));
    let refused = [
        (
            placed && name == "STATE",
            "provisioning",
            "STATE has a fixed place",
        ),
        (
            mounts && name == "STATE",
            "mount",
            "how STATE is mounted is fixed",
        ),
        (
            mounts && name == "IMAGECACHE",
            "mount",
            "how IMAGECACHE is mounted is fixed",
        ),
        (
            name == "IMAGECACHE",
            "filesystem",
            "the filesystem of IMAGECACHE is fixed",
        ),
        (
            mounts && !placed && matches!(name, "ETCD" | "CRI" | "KUBELET" | "LOG"),
            "mount",
            "without provisioning this is a directory of EPHEMERAL, which is not mounted",
        ),
    ];
    for (applies, key, why) in refused {
        if applies
            && let Some(written) = root.get(key)
            && has_content(written.node)
        {
            ctx.bad(&written, why, &format!("no `{key}` for {name}"));
        }
    }
}

/// Whether a section says anything: Go cannot tell `{}` from none.
fn has_content(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().any(|entry| has_content(&entry.value)),
        Value::List(_) => true,
        Value::Scalar(_) => !node.is_null(),
    }
}

fn check_state_keys(ctx: &mut Context<'_>, root: &Field<'_>, found: Option<&Encryption>) {
    for key in found.map(|e| e.keys.as_slice()).unwrap_or_default() {
        if key.lock_to_state == Some(true) {
            let message = format!("the key of slot {} is locked to STATE itself", key.slot);
            ctx.bad(
                root,
                &message,
                "lockToState only on volumes other than STATE",
            );
        }
    }
}

/// UserVolumeConfig.
pub(super) fn user(ctx: &mut Context<'_>, root: Field<'_>) -> Option<Volume> {
    let known = [
        "apiVersion",
        "kind",
        "name",
        "volumeType",
        "provisioning",
        "filesystem",
        "encryption",
        "mount",
        "trim",
        "scrub",
    ];
    let root = ctx.map(root, &known)?;
    let name = name(ctx, &root, true);
    let kind = volume_type(ctx, &root);
    check_mount(ctx, &root, &["secure", "disableAccessTime"]);
    check_upkeep(ctx, &root);
    let mut volume = Volume {
        at: ctx.location(root.node.place),
        id: format!("u-{}", name.as_deref().unwrap_or_default()),
        kind,
        provisioning: Provisioning::default(),
        encryption: None,
        filesystem: None,
    };
    if kind == VolumeKind::Directory {
        check_directory(ctx, &root);
    } else {
        let rule = match kind {
            VolumeKind::UserDisk => Rule::WholeDisk,
            _ => Rule::Partition,
        };
        volume.provisioning = provisioning(ctx, &root, rule);
        volume.encryption = encryption_at(ctx, &root);
        volume.filesystem = Some(filesystem(ctx, &root));
    }
    name.map(|_| volume)
}

fn volume_type(ctx: &mut Context<'_>, root: &Field<'_>) -> VolumeKind {
    let Some(written) = root.get("volumeType") else {
        return VolumeKind::User;
    };
    match ctx
        .text(&written)
        .map(|text| text.to_ascii_lowercase())
        .as_deref()
    {
        Some("partition") | None => VolumeKind::User,
        Some("disk") => VolumeKind::UserDisk,
        Some("directory") => VolumeKind::Directory,
        Some(_) => {
            ctx.bad(
                &written,
                "not a type of user volume",
                "partition, disk, directory",
            );
            VolumeKind::User
        }
    }
}

fn check_directory(ctx: &mut Context<'_>, root: &Field<'_>) {
    for key in ["provisioning", "encryption", "filesystem"] {
        if let Some(written) = root.get(key)
            && has_content(written.node)
        {
            ctx.bad(
                &written,
                "a directory has no place of its own",
                &format!("volumeType: partition, or no `{key}`"),
            );
        }
    }
    if let Some(written) = root
        .get("mount")
        .and_then(|mount| mount.get("disableAccessTime"))
    {
        ctx.bad(
            &written,
            "a directory is not mounted",
            "volumeType: partition, or no `disableAccessTime`",
        );
    }
}

/// RawVolumeConfig and SwapVolumeConfig, which differ in `prefix` and `kind` only.
pub(super) fn plain(
    ctx: &mut Context<'_>,
    root: Field<'_>,
    prefix: &str,
    kind: VolumeKind,
) -> Option<Volume> {
    let root = ctx.map(
        root,
        &["apiVersion", "kind", "name", "provisioning", "encryption"],
    )?;
    let name = name(ctx, &root, true);
    let volume = Volume {
        at: ctx.location(root.node.place),
        id: format!("{prefix}{}", name.as_deref().unwrap_or_default()),
        kind,
        provisioning: provisioning(ctx, &root, Rule::Partition),
        encryption: encryption_at(ctx, &root),
        filesystem: None,
    };
    name.map(|_| volume)
}

/// ExistingVolumeConfig.
pub(super) fn existing(ctx: &mut Context<'_>, root: Field<'_>) -> Option<ExistingVolume> {
    let known = [
        "apiVersion",
        "kind",
        "name",
        "discovery",
        "mount",
        "trim",
        "scrub",
    ];
    let root = ctx.map(root, &known)?;
    let name = name(ctx, &root, false);
    check_mount(ctx, &root, &["readOnly", "secure", "disableAccessTime"]);
    check_upkeep(ctx, &root);
    let discovery = root
        .get("discovery")
        .and_then(|f| ctx.map(f, &["volumeSelector"]));
    let selector = discovery
        .and_then(|f| f.get("volumeSelector"))
        .and_then(|f| ctx.map(f, &["match"]));
    let before = ctx.diagnostics.len();
    let selector = selector
        .and_then(|f| f.get("match"))
        .and_then(|f| expression(ctx, &f, Env::Volume));
    if selector.is_none() && ctx.diagnostics.len() == before {
        ctx.missing(
            &root,
            "no volume selector",
            "discovery.volumeSelector.match: a CEL expression",
        );
    }
    Some(ExistingVolume {
        at: ctx.location(root.node.place),
        name: name?,
        selector: selector?,
    })
}
