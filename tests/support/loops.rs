//! Loop devices, the only block devices that every machine can make.
#![allow(dead_code, reason = "each test file takes what it needs")]

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
    pub fn new(image: &Path, more: &[&str]) -> Self {
        let _names = names();
        let image = image.display().to_string();
        let arguments = [&["--find", "--show"][..], more, &[&image]].concat();
        Self(losetup(&arguments))
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
