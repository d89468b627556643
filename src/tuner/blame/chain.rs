//! A device of sysfs with its parents and properties, as udev sees them.
//!
//! Owns reading them; decides nothing.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::root::Root;
use crate::tuner::knobs::Attachment;

/// Deepest path of a device that is walked.
const MOST_PARENTS: usize = 64;

/// One device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Its directory below `/sys/devices`, links followed.
    pub(super) path: PathBuf,
}

/// The device at `path` and its parents, nearest first; empty if it is not there.
pub(super) fn chain(root: &Root, path: &Path) -> Vec<Device> {
    let Ok(Some(real)) = root.canonical(path) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (depth, directory) in real.ancestors().take(MOST_PARENTS).enumerate() {
        let is_device = depth == 0 || root.exists(directory.join("uevent")).unwrap_or(false);
        if is_device && directory.starts_with("/sys") {
            all.push(Device {
                path: directory.to_owned(),
            });
        }
    }
    all
}

impl Device {
    /// The kernel's name.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name();
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // sysfs has no slash in a name.
        name.replace('!', "/")
    }

    /// The path without `/sys`.
    pub(super) fn devpath(&self) -> String {
        let path = self.path.to_string_lossy();
        path.strip_prefix("/sys").unwrap_or(&path).to_owned()
    }

    fn link(&self, root: &Root, name: &str) -> Option<String> {
        let target = root.read_link(self.path.join(name)).ok().flatten()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    pub(super) fn subsystem(&self, root: &Root) -> Option<String> {
        self.link(root, "subsystem")
    }

    pub(super) fn driver(&self, root: &Root) -> Option<String> {
        self.link(root, "driver")
    }

    /// The attribute without its newline; `Err` if it cannot be told.
    pub(super) fn attribute(&self, root: &Root, name: &str) -> Result<Option<String>, ()> {
        let relative = Path::new(name);
        let plain = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.contains(['*', '$', '%', '[']) {
            return Err(());
        }
        if matches!(name, "driver" | "subsystem" | "module") {
            return Ok(self.link(root, name));
        }
        let path = self.path.join(relative);
        match root.read_to_string(path) {
            Ok(text) => Ok(text.map(|text| text.trim_end_matches('\n').to_owned())),
            Err(_) => Err(()),
        }
    }
}

/// What is known about a device's properties.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// Whether udev has a record of the device, so that what is missing was not set.
    pub(super) is_complete: bool,
    pub(super) values: BTreeMap<String, String>,
}

/// The properties from the uevent file and from udev's record.
pub(super) fn properties(root: &Root, device: &Device) -> Properties {
    let mut known = Properties::default();
    let read = |path: PathBuf| root.read_to_string(path).ok().flatten();
    let uevent = read(device.path.join("uevent")).unwrap_or_default();
    for (key, value) in uevent.lines().filter_map(|line| line.split_once('=')) {
        known.values.insert(key.to_owned(), value.to_owned());
    }
    if let Some(subsystem) = device.subsystem(root) {
        known.values.insert("SUBSYSTEM".to_owned(), subsystem);
    }
    let number = read(device.path.join("dev")).unwrap_or_default();
    let record = read(PathBuf::from(format!("/run/udev/data/b{}", number.trim())));
    known.is_complete = record.is_some();
    for line in record.unwrap_or_default().lines() {
        if let Some((key, value)) = line
            .strip_prefix("E:")
            .and_then(|line| line.split_once('='))
        {
            known.values.insert(key.to_owned(), value.to_owned());
        }
    }
    known
}

/// How the disk hangs on the machine.
pub(super) fn attachment(root: &Root, disk: &Path) -> Option<Attachment> {
    let chain = chain(root, disk);
    if chain.first()?.name().starts_with("nvme") {
        return Some(Attachment::Nvme);
    }
    for device in &chain {
        match device.driver(root).as_deref() {
            Some("uas") => return Some(Attachment::Uas),
            Some("usb-storage") => return Some(Attachment::BulkOnly),
            Some("ahci") => return Some(Attachment::Ata),
            _ => {}
        }
    }
    None
}
