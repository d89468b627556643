//! Reads what only a running machine tells: clock, random numbers, TPM, kernel log.

use std::rc::Rc;

use crate::clock;
use crate::config;
use crate::config::node::{Node, Value};
use crate::root::Root;
use crate::sys::kernel_log;

/// Where Talos says which extensions are in the image that runs, as `pkg/machinery/extensions` of its sources defines it.
const EXTENSIONS: &str = "/etc/extensions.yaml";

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
    /// Names of the extensions in the running image, such as `lldpd`; `None` if this is not Talos.
    pub extensions: Option<Vec<String>>,
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
    let extensions = match root.read_to_string(EXTENSIONS) {
        Ok(text) => text.map(|text| extensions(&text)),
        Err(error) => {
            unread.push(format!("{EXTENSIONS}: {error}"));
            None
        }
    };
    Gathered {
        now: root.is_live().then(|| clock::now().seconds()),
        rtc,
        entropy,
        tpm,
        extensions,
        log: log.filter(|log| !log.is_empty()),
        unread,
    }
}

/// The names in Talos' list of extensions.
fn extensions(text: &str) -> Vec<String> {
    let documents = config::documents_of(text, 0);
    let layers = documents.iter().filter_map(|root| root.get("layers"));
    let layers = layers.filter_map(|entry| match &entry.value.value {
        Value::List(items) => Some(items),
        _ => None,
    });
    let name = |layer: &Rc<Node>| match &layer.get("metadata")?.value.get("name")?.value.value {
        Value::Scalar(scalar) => Some(scalar.text.to_string()),
        _ => None,
    };
    layers.flatten().filter_map(name).collect()
}
