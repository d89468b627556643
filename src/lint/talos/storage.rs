//! Volumes, disks and what is on them. Pure.

use std::collections::BTreeSet;

use super::view::{Out, View};
use crate::config::SYSTEM_VOLUMES;

/// Longest name of a volume of its own: what a partition's label leaves beside the prefix.
const LONGEST_VOLUME: usize = 34;

/// Names of LVM.
const LONGEST_LVM: usize = 63;

/// Names of arrays.
const LONGEST_ARRAY: usize = 32;

/// 10 s in nanoseconds.
const LEAST_SCRUB: i64 = 10_000_000_000;

/// Checks a document; nothing if it is none of a disk.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    match kind {
        "VolumeConfig" => system(doc, out),
        "UserVolumeConfig" => user(doc, out),
        "RawVolumeConfig" | "SwapVolumeConfig" => {
            volume_name(doc, out);
            provisioning(&doc.get("provisioning"), true, true, out);
            encryption(&doc.get("encryption"), out);
        }
        "ExistingVolumeConfig" => {
            name(doc, usize::MAX, "-", out);
            let selector = doc.at(&["discovery", "volumeSelector", "match"]);
            out.refuse_if(
                selector.is_zero(),
                &selector,
                "a volume selector is required",
            );
            upkeep(doc, out);
        }
        "ExternalVolumeConfig" => external(doc, out),
        "FilesystemTrimConfig" => {
            let interval = doc.get("interval");
            out.refuse_if(interval.nanos() < 0, &interval, "it cannot be negative");
        }
        "FilesystemScrubConfig" => scrub(&doc.get("interval"), out),
        "ZswapConfig" => {
            let most = doc.get("maxPoolPercent");
            out.refuse_if(!(0..=100).contains(&most.number()), &most, "from 0 to 100");
        }
        "LVMVolumeGroupConfig" => {
            name(doc, LONGEST_LVM, "-_", out);
            members(doc, out);
        }
        "LVMLogicalVolumeConfig" => logical(doc, out),
        "RAIDArrayConfig" => {
            name(doc, LONGEST_ARRAY, "-_", out);
            members(doc, out);
        }
        "UnattendedInstallConfig" => {
            let selector = doc.at(&["provisioning", "diskSelector", "match"]);
            out.refuse_if(selector.is_zero(), &selector, "a disk selector is required");
        }
        _ => {}
    }
}

fn volume_name(doc: &View<'_>, out: &mut Out<'_>) {
    name(doc, LONGEST_VOLUME, "-", out);
}

fn name(doc: &View<'_>, longest: usize, others: &str, out: &mut Out<'_>) {
    let name = doc.get("name");
    let text = name.text();
    if text.is_empty() {
        out.refuse(&name, "a name is required");
    }
    if text.len() > longest {
        out.refuse(&name, format!("at most {longest} characters"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    out.refuse_if(
        !text.chars().all(fits),
        &name,
        "only letters and digits of ASCII and hyphens",
    );
}

fn system(doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    if !SYSTEM_VOLUMES.contains(&name.text()) {
        out.refuse(
            &name,
            format!("Talos has the volumes {}", SYSTEM_VOLUMES.join(", ")),
        );
        return;
    }
    let (provision, mount) = (doc.get("provisioning"), doc.get("mount"));
    let asked = is_asked(&provision);
    let mounted = mount.get("secure").is_set() || mount.get("disableAccessTime").is_set();
    match name.text() {
        "STATE" => {
            out.refuse_if(asked, &provision, "STATE cannot be provisioned");
            for key in doc.at(&["encryption", "keys"]).items() {
                let lock = key.get("lockToState");
                out.refuse_if(lock.is_true(), &lock, "a key of STATE is locked to STATE");
            }
            out.refuse_if(mounted, &mount, "the mount of STATE is fixed");
        }
        "IMAGECACHE" => {
            out.refuse_if(mounted, &mount, "the mount of IMAGECACHE is fixed");
            let filesystem = doc.at(&["filesystem", "xfs"]);
            out.refuse_if(filesystem.is_set(), &filesystem, "IMAGECACHE is ext4");
        }
        "ETCD" | "CRI" | "KUBELET" | "LOG" => {
            let message = "only with provisioning, which gives the volume a partition of its own";
            out.refuse_if(mounted && !asked, &mount, message);
        }
        _ => {}
    }
    provisioning(&provision, false, true, out);
    encryption(&doc.get("encryption"), out);
    upkeep(doc, out);
}

/// Whether anything is said about the place of a volume.
fn is_asked(provision: &View<'_>) -> bool {
    provision.get("grow").is_set()
        || !provision.get("minSize").is_zero()
        || !provision.get("maxSize").is_zero()
        || !provision.at(&["diskSelector", "match"]).is_zero()
}

fn user(doc: &View<'_>, out: &mut Out<'_>) {
    volume_name(doc, out);
    let (provision, encrypt) = (doc.get("provisioning"), doc.get("encryption"));
    let (filesystem, volume) = (doc.get("filesystem"), doc.get("volumeType"));
    match volume.text() {
        "directory" => {
            let none = "not for volumeType directory";
            out.refuse_if(is_asked(&provision), &provision, none);
            out.refuse_if(is_encrypted(&encrypt), &encrypt, none);
            let kind = filesystem.get("type").text();
            let formatted = !matches!(kind, "" | "none")
                || filesystem.get("projectQuotaSupport").is_set()
                || filesystem.get("xfs").is_set();
            out.refuse_if(formatted, &filesystem, none);
            let access = doc.at(&["mount", "disableAccessTime"]);
            out.refuse_if(access.is_set(), &access, none);
        }
        "disk" | "" | "partition" => {
            provisioning(&provision, true, volume.text() != "disk", out);
            format(&filesystem, out);
            encryption(&encrypt, out);
        }
        _ => out.refuse(
            &volume,
            "a volume of one's own is a partition, disk or directory",
        ),
    }
    upkeep(doc, out);
}

fn provisioning(provision: &View<'_>, required: bool, sized: bool, out: &mut Out<'_>) {
    let selector = provision.at(&["diskSelector", "match"]);
    out.refuse_if(
        required && selector.is_zero(),
        &selector,
        "a disk selector is required",
    );
    let (least, most) = (provision.get("minSize"), provision.get("maxSize"));
    if !sized {
        for size in [least, most] {
            out.refuse_if(!size.is_zero(), &size, "a whole disk has its own size");
        }
        let grow = provision.get("grow");
        out.refuse_if(grow.is_set(), &grow, "a whole disk does not grow");
        return;
    }
    if required && least.is_zero() && most.is_zero() {
        out.refuse(provision, "minSize or maxSize is required");
    }
    let absolute = !most.is_zero() && !most.text().contains('%') && !most.text().starts_with('-');
    let greater = !least.is_zero() && absolute && least.bytes() > most.bytes();
    out.refuse_if(greater, &least, "minSize is above maxSize");
    out.refuse_if(
        least.text().starts_with('-'),
        &least,
        "minSize cannot be negative",
    );
}

fn format(filesystem: &View<'_>, out: &mut Out<'_>) {
    let kind = filesystem.get("type");
    let xfs = matches!(kind.text(), "" | "none" | "xfs");
    if !xfs && !matches!(kind.text(), "ext4" | "btrfs") {
        out.refuse(&kind, "a volume is xfs, ext4 or btrfs");
        return;
    }
    let quota = filesystem.get("projectQuotaSupport");
    out.refuse_if(
        !xfs && quota.is_true(),
        &quota,
        "only xfs has project quotas",
    );
    let options = filesystem.get("xfs");
    out.refuse_if(!xfs && options.is_set(), &options, "only for xfs");
}

fn is_encrypted(encrypt: &View<'_>) -> bool {
    !matches!(encrypt.get("provider").text(), "" | "none") || !encrypt.get("keys").is_empty()
}

fn encryption(encrypt: &View<'_>, out: &mut Out<'_>) {
    if !is_encrypted(encrypt) {
        return;
    }
    let provider = encrypt.get("provider");
    out.refuse_if(
        provider.text() != "luks2",
        &provider,
        "the provider must be luks2",
    );
    keys(encrypt, out);
}

/// The keys of a volume, in a document or in the old section.
pub(super) fn keys(encrypt: &View<'_>, out: &mut Out<'_>) {
    let keys = encrypt.get("keys");
    out.refuse_if(keys.is_empty(), &keys, "there is no key");
    let mut seen = BTreeSet::new();
    for key in keys.items() {
        let slot = key.get("slot");
        let taken = !seen.insert(slot.number());
        out.refuse_if(taken, &slot, "the slot is taken already");
        let kinds = ["static", "nodeID", "kms", "tpm"];
        let known = kinds.iter().any(|kind| key.get(kind).is_set());
        out.refuse_if(
            !known,
            &key,
            "one of static, nodeID, kms and tpm is required",
        );
        for pcr in key.at(&["tpm", "options", "pcrs"]).items() {
            out.refuse_if(
                !(0..=23).contains(&pcr.number()),
                &pcr,
                "PCRs go from 0 to 23",
            );
        }
    }
}

fn upkeep(doc: &View<'_>, out: &mut Out<'_>) {
    let trim = doc.at(&["trim", "interval"]);
    out.refuse_if(trim.nanos() < 0, &trim, "it cannot be negative");
    scrub(&doc.at(&["scrub", "interval"]), out);
}

fn scrub(interval: &View<'_>, out: &mut Out<'_>) {
    let nanos = interval.nanos();
    out.refuse_if(nanos != 0 && nanos < LEAST_SCRUB, interval, "at least 10s");
}

fn external(doc: &View<'_>, out: &mut Out<'_>) {
    volume_name(doc, out);
    let kind = doc.get("filesystemType");
    if kind.text() != "virtiofs" {
        out.refuse(&kind, "an external volume is virtiofs");
        return;
    }
    let tag = doc.at(&["mount", "virtiofs", "tag"]);
    out.refuse_if(tag.is_zero(), &tag, "virtiofs needs a tag");
}

/// The disks of a volume group or array.
fn members(doc: &View<'_>, out: &mut Out<'_>) {
    let selector = doc.at(&["provisioning", "volumeSelector", "match"]);
    out.refuse_if(
        selector.is_zero(),
        &selector,
        "a volume selector is required",
    );
}

fn logical(doc: &View<'_>, out: &mut Out<'_>) {
    name(doc, LONGEST_LVM, "-_", out);
    let layout = doc.get("type").text();
    for (key, layouts, least) in [
        ("mirrors", ["raid1", "raid10"], 1),
        ("stripes", ["raid0", "raid10"], 2),
    ] {
        let count = doc.get(key);
        if !count.is_set() {
        } else if !layouts.contains(&layout) {
            out.refuse(&count, format!("only for {}", layouts.join(" and ")));
        } else if count.number() < least {
            out.refuse(&count, format!("at least {least}"));
        }
    }
    let provision = doc.get("provisioning");
    let (least, most) = (provision.get("minSize"), provision.get("maxSize"));
    let group = provision.get("volumeGroup");
    out.refuse_if(group.is_zero(), &group, "a volume group is required");
    out.refuse_if(most.is_zero(), &most, "maxSize is required");
    out.refuse_if(most.text().starts_with('-'), &most, "it cannot be negative");
    let absolute = !most.text().contains('%');
    let greater = !least.is_zero() && absolute && least.bytes() > Some(most.bytes().unwrap_or(0));
    out.refuse_if(greater, &least, "minSize is above maxSize");
}
