//! Reads what only a running machine tells: clock, random numbers, TPM, kernel log.

use crate::clock;
use crate::root::Root;
use crate::sys::kernel_log;

/// What was read. `None`: it is not there, or could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Seconds since 1970 by the system's clock; `None` for a tree in the place of the machine.
    pub now: Option<u64>,
    /// The same by the first real-time clock.
    pub rtc: Option<u64>,
    /// Bits that the kernel's generator claims to have.
    pub entropy: Option<u64>,
    /// Version of the first TPM: 1 or 2; 0 if it does not tell.
    pub tpm: Option<u64>,
    /// The kernel log.
    pub log: Option<String>,
    /// What is there and could not be read, in sentences.
    pub unread: Vec<String>,
}

/// Reads the machine under `root`; never fails as a whole.
pub fn gather(root: &Root) -> Gathered {
    let mut unread = Vec::new();
    let mut number = |path: &str| match root.read_to_string(path) {
        Ok(text) => text.and_then(|text| text.trim().parse().ok()),
        Err(error) => {
            unread.push(format!("{path}: {error}"));
            None
        }
    };
    let rtc = number("/sys/class/rtc/rtc0/since_epoch");
    let entropy = number("/proc/sys/kernel/random/entropy_avail");
    let version = number("/sys/class/tpm/tpm0/tpm_version_major");
    let tpm = match root.exists("/sys/class/tpm/tpm0") {
        Ok(found) => found.then(|| version.unwrap_or(0)),
        Err(error) => {
            unread.push(format!("/sys/class/tpm: {error}"));
            None
        }
    };
    let log = if root.is_live() {
        kernel_log::read().map(Some)
    } else {
        root.read_to_string("/dev/kmsg")
    };
    let log = log.unwrap_or_else(|error| {
        unread.push(format!("kernel log: {error}"));
        None
    });
    Gathered {
        now: root.is_live().then(|| clock::now().seconds()),
        rtc,
        entropy,
        tpm,
        log: log.filter(|log| !log.is_empty()),
        unread,
    }
}
