//! The profiles in the languages of others: udev, sysctl.d, modprobe.d and Talos. Pure: no I/O.
//!
//! `udev-rules/` and `sysctl.d/` are what this makes of the built-in profiles; `tests/shipped_files.rs` compares them.
//! What only the agent can do (a proof of TRIM, an order between events, looking again later) is left out and said.

mod talos;
mod udev;

use super::profile::{Profile, Setting};

pub use talos::{Version, talos};
pub use udev::{Rule, rules, udev};

/// What stands at the head of each file.
const HEAD: &str =
    "Made by `keelblock tune export` from its profiles, which say the source of each value.";

/// A file below `sysctl.d/`.
pub fn sysctl(profiles: &[&Profile]) -> String {
    let mut text = format!(
        "# {HEAD}\n# Dirty memory of a machine with a USB SSD. Install below /etc/sysctl.d or /usr/lib/sysctl.d.\n#\n\
         # Bytes set the ratios to 0: vm.dirty_ratio and vm.dirty_background_ratio must not be set beside them.\n"
    );
    for setting in of_machine(profiles, |key| !key.contains('/')) {
        let (reason, cost) = (&setting.reason, &setting.cost);
        text.push_str(&format!(
            "\n# Why: {reason}.\n# Cost: {cost}.\n{} = {}\n",
            setting.key, setting.value
        ));
    }
    text
}

/// A file below `modprobe.d/`, for modules that are not built into the kernel.
pub fn modprobe(profiles: &[&Profile]) -> String {
    let mut text = format!(
        "# {HEAD}\n# Install below /etc/modprobe.d. For a module that is built into the kernel, the same goes on the \
         kernel's\n# command line, with a dot between module and parameter: usb-storage.quirks=…\n"
    );
    for setting in of_machine(profiles, |key| key.starts_with("module/")) {
        if let Some((module, parameter)) = parameter(&setting.key) {
            let (reason, cost) = (&setting.reason, &setting.cost);
            text.push_str(&format!(
                "\n# Why: {reason}.\n# Cost: {cost}.\noptions {module} {parameter}={}\n",
                setting.value
            ));
        }
    }
    text
}

/// Module, with the dashes of its file's name, and parameter of a key such as `module/usb_storage/quirks`.
fn parameter(key: &str) -> Option<(String, &str)> {
    let (module, parameter) = key.strip_prefix("module/")?.split_once('/')?;
    Some((module.replace('_', "-"), parameter))
}

/// The settings of the machine, each once.
fn of_machine<'a>(profiles: &[&'a Profile], wanted: impl Fn(&str) -> bool) -> Vec<&'a Setting> {
    let mut found: Vec<&Setting> = Vec::new();
    for setting in profiles.iter().flat_map(|profile| &profile.settings) {
        let known = found.iter().any(|known| known.key == setting.key);
        if setting.is_of_machine() && wanted(&setting.key) && !known {
            found.push(setting);
        }
    }
    found
}
