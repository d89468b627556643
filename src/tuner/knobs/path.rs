//! From paths below `/sys` and `/proc/sys` to knobs.
//!
//! Pure: a path is only looked at, never followed.

use super::{Knob, by_key};

/// The name of the knob that lies at `path`, absolute or below `/sys`; `None` where no table has a place for it.
/// The name may be one that no kernel has.
///
/// `/sys/block/sda/queue/rotational` → `queue/rotational`, `/sys/class/bdi/8:0/max_ratio` → `bdi/max_ratio`,
/// `/sys/module/usb_storage/parameters/quirks` → `usb-storage.quirks`, `/proc/sys/vm/swappiness` → `vm.swappiness`.
pub fn key_of_path(path: &str) -> Option<String> {
    if let Some(sysctl) = path.strip_prefix("/proc/sys/") {
        return Some(sysctl.replace('/', "."));
    }
    let path = path.strip_prefix("/sys/").unwrap_or(path);
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    if let ["module", module, "parameters", parameter] = steps.as_slice() {
        return Some(module_key(module, parameter));
    }
    if let ["bus", "usb", "devices", _, rest @ ..] = steps.as_slice() {
        return Some(format!("usb/{}", rest.join("/")));
    }
    let after = |name: &str, skip: usize| {
        let at = steps.iter().rposition(|step| *step == name)?;
        let rest = steps.get(at + skip..)?;
        (!rest.is_empty()).then(|| rest.join("/"))
    };
    if let Some(rest) = after("scsi_disk", 2) {
        return Some(format!("scsi_disk/{rest}"));
    }
    if let Some(rest) = after("queue", 1) {
        return Some(format!("queue/{rest}"));
    }
    if let ["class", "bdi", _, rest @ ..]
    | ["block", _, "bdi", rest @ ..]
    | ["class", "block", _, "bdi", rest @ ..] = steps.as_slice()
        && !rest.is_empty()
    {
        return Some(format!("bdi/{}", rest.join("/")));
    }
    if let ["block", _, "device", rest] | ["class", "block", _, "device", rest] = steps.as_slice() {
        return Some(format!("device/{rest}"));
    }
    None
}

/// The knob that lies at `path`, see [`key_of_path`].
pub fn of_path(path: &str) -> Option<&'static Knob> {
    by_key(&key_of_path(path)?)
}

/// The kernel's name of the disk in `path`, such as `sda` of `block/sda/queue/scheduler`: a name that another disk
/// may have after the next boot.
pub fn kernel_name(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/sys/").unwrap_or(path);
    let rest = path
        .strip_prefix("block/")
        .or_else(|| path.strip_prefix("class/block/"))?;
    rest.split('/').next().filter(|name| !name.is_empty())
}

/// `usb_storage` and `quirks` → `usb-storage.quirks`: the kernel takes both spellings on its command line.
fn module_key(module: &str, parameter: &str) -> String {
    let dashed = format!("{}.{parameter}", module.replace('_', "-"));
    if by_key(&dashed).is_some() {
        return dashed;
    }
    format!("{module}.{parameter}")
}
