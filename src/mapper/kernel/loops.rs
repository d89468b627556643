//! Loop devices and the files below them. Reads only.

use std::path::Path;

use super::{KernelError, Number, failed, parse_number, sysfs, text};
use crate::root::Root;

/// A loop device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopDevice {
    /// Its node.
    pub path: String,
    /// Its number.
    pub number: Number,
    /// Whether it takes no writes.
    pub read_only: bool,
}

/// The loop devices that lie on the file `image` (canonical).
///
/// # Errors
/// [`KernelError::Read`].
pub fn loops_on(root: &Root, image: &Path) -> Result<Vec<LoopDevice>, KernelError> {
    let dir = Path::new("/sys/block");
    let names = root.read_dir(dir).map_err(failed(dir))?;
    let mut loops = Vec::new();
    for name in names.unwrap_or_default() {
        let at = dir.join(&name);
        let file = root.read_to_string(at.join("loop/backing_file"));
        let file = file.map_err(failed(&at))?.unwrap_or_default();
        if file.trim_end_matches('\n') != image.to_string_lossy() {
            continue;
        }
        if let Some(number) = parse_number(&text(root, &at.join("dev"))?) {
            loops.push(LoopDevice {
                path: format!("/dev/{name}"),
                number,
                read_only: text(root, &at.join("ro"))? == "1",
            });
        }
    }
    Ok(loops)
}

/// The file below a loop device; `None` for other devices.
///
/// # Errors
/// [`KernelError::Read`].
pub fn backing_file(root: &Root, number: Number) -> Result<Option<String>, KernelError> {
    let file = text(root, &sysfs(number).join("loop/backing_file"))?;
    Ok(Some(file).filter(|file| !file.is_empty()))
}
