//! libudev as the judge of our reader of the udev database.
//!
//! libudev looks in `/run/udev` and nowhere else, so the test puts a record there in a mount namespace of its own, where it
//! harms nobody: it runs itself again below `unshare`. That needs root; where a udevd runs, its own record is not touched.
#![cfg(target_env = "gnu")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that runs itself in a namespace"
)]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use keelblock::probe::udev::Record;

const INSIDE: &str = "KEELBLOCK_INSIDE_NAMESPACE";
const SCRIPT: &str = "mount -t tmpfs none /run && mkdir -p /run/udev/data && exec \"$0\" \"$@\"";

/// A record with what is hard to read: `=` in a value, an empty value, blanks, escapes, bytes above ASCII.
const RECORD: &str = "S:disk/by-id/ata-Samsung_Portable_SSD_T5_S4B0\n\
S:disk/by-path/pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:0\n\
L:10\nI:4126789\n\
E:ID_MODEL=Samsung_Portable_SSD_T5\n\
E:ID_MODEL_ENC=Samsung\\x20Portable\\x20SSD\\x20T5\\x20\n\
E:ID_PART_ENTRY_NAME=a=b\n\
E:ID_TYPE=disk drive\n\
E:ID_FS_LABEL=Tür\n\
G:systemd\nQ:systemd\nV:1\n";

#[test]
#[ignore = "needs root for a mount namespace"]
fn libudev_reads_the_same_properties_and_links_from_a_record() {
    if std::env::var_os(INSIDE).is_some() {
        return compare();
    }
    let own = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT])
        .arg(own)
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("libudev_reads_the_same_properties_and_links_from_a_record")
        .env(INSIDE, "1")
        .status()
        .unwrap_or_else(|e| {
            panic!("unshare cannot be run ({e}): install the Debian package util-linux")
        });
    assert!(status.success(), "{status}");
}

fn compare() {
    let disk = fs::read_dir("/sys/block").unwrap().next().unwrap().unwrap();
    let number = fs::read_to_string(disk.path().join("dev")).unwrap();
    let path = format!("/run/udev/data/b{}", number.trim());
    fs::write(path, RECORD).unwrap();
    let ours = Record::parse(RECORD);
    let theirs = udev::Device::from_syspath(&fs::canonicalize(disk.path()).unwrap()).unwrap();
    assert_eq!(theirs.is_initialized(), ours.initialised);
    assert_eq!(ours.properties.len(), 5);
    for (key, value) in &ours.properties {
        let theirs = theirs.property_value(key).map(|value| value.to_str());
        assert_eq!(theirs, Some(Some(value.as_str())), "{key}");
    }
    let links: BTreeSet<String> = theirs
        .property_value("DEVLINKS")
        .unwrap()
        .to_str()
        .unwrap()
        .split(' ')
        .map(str::to_owned)
        .collect();
    assert_eq!(links, ours.links.into_iter().collect());
}
