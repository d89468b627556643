//! Loop devices, the only block devices that every machine can make.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::panicking;

use crate::cli::tool;

/// Held while a device is looked for or its name is free, or another test takes the name.
static NAMES: Mutex<()> = Mutex::new(());

pub fn names() -> MutexGuard<'static, ()> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `losetup`, which must succeed.
pub fn losetup(arguments: &[&str]) -> String {
    tool("mount", "losetup", arguments)
}

/// A loop device; gone at the end.
#[derive(Debug)]
pub struct Loop(String);

impl Loop {
    /// The first free device that discards as the kernel's driver lets it: a limit that somebody wrote to
    /// `discard_max_bytes` outlives the detaching, and 0 cannot be taken back on a device that is kept.
    pub fn new(image: &Path, more: &[&str]) -> Self {
        let _names = names();
        let image = image.display().to_string();
        let arguments = [&["--find", "--show"][..], more, &[&image]].concat();
        // Those passed over are held until another is found, or the same one would be found again.
        let mut limited = Vec::new();
        loop {
            let device = Self(losetup(&arguments));
            if !device.limited() {
                return device;
            }
            limited.push(device);
            assert!(limited.len() < 16, "no loop device discards: {limited:?}");
        }
    }

    /// Whether somebody has forbidden what the driver can do.
    fn limited(&self) -> bool {
        let name = self.name().trim_start_matches("/dev/");
        let limit = |file: &str| -> u64 {
            let path = format!("/sys/block/{name}/queue/{file}");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            text.trim().parse().expect("a number of bytes")
        };
        limit("discard_max_bytes") == 0 && limit("discard_max_hw_bytes") > 0
    }

    /// Takes the image away and gives it back: the same name, another disk.
    pub fn replug(&self, image: &Path) {
        let _names = names();
        losetup(&["--detach", self.name()]);
        // A test beside this one may be probing it: the kernel then detaches it when that is done.
        let attach = format!("losetup {} {}", self.name(), image.display());
        let attempts =
            format!("for i in $(seq 500); do {attach} && exit; sleep 0.02; done; exit 1");
        tool("bash", "bash", &["-c", &attempts]);
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if !panicking() {
            losetup(&["--detach", &self.0]);
            return;
        }
        // A second panic would end the whole test program and hide the first.
        let mut losetup = std::process::Command::new("/usr/sbin/losetup");
        drop(losetup.args(["--detach", &self.0]).status());
    }
}
