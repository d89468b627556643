//! Tries the keys of a volume in the order in which Talos does, and says of each that does not open why.
//!
//! Each key is tried in its own slot only, as Talos pins it. Key derivation takes seconds; whoever waits is told.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::partitioner::luks2::{self, Header, Limits, Luks2Error};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::Extent;

/// A key to try.
#[derive(Debug)]
pub struct Attempt {
    /// The slot that it is for.
    pub slot: u32,
    /// Kind and origin, such as `nodeID (META)`.
    pub from: String,
    /// The passphrase, or why there is none.
    pub key: Result<Secret, String>,
}

/// An open volume.
#[derive(Debug)]
pub struct Unsealed {
    /// The volume key.
    pub key: Secret,
    /// The slot that opened.
    pub slot: u32,
    /// Kind and origin of its key.
    pub from: String,
}

/// The volume key of the partition `at`, by the first of `attempts` that opens. One of the same slot and passphrase as
/// an earlier one is passed over.
///
/// # Errors
/// For every slot that was tried, why it does not open.
pub fn unseal(
    volume: &str,
    (source, at): (&dyn BlockSource, Extent),
    header: &Header,
    attempts: Vec<Attempt>,
    limits: &Limits,
) -> Result<Unsealed, Vec<String>> {
    let mut tried = Vec::new();
    let mut failed: Vec<(u32, Secret)> = Vec::new();
    for Attempt { slot, from, key } in attempts {
        let key = match key {
            Ok(key) => key,
            Err(why) => {
                tried.push(format!("slot {slot}, {from}: {why}"));
                continue;
            }
        };
        if failed
            .iter()
            .any(|(s, k)| *s == slot && k.expose() == key.expose())
        {
            continue;
        }
        match derive(volume, slot, || {
            luks2::unlock(source, at, header, slot, &key, limits)
        }) {
            Ok(key) => return Ok(Unsealed { key, slot, from }),
            Err(error) => {
                tried.push(format!("slot {slot}, {from}: {}", in_words(&error)));
                failed.push((slot, key));
            }
        }
    }
    Err(tried)
}

fn in_words(error: &Luks2Error) -> String {
    match error {
        Luks2Error::WrongPassphrase(_) => {
            String::from("does not open: another key, or the key slot is damaged")
        }
        Luks2Error::NoSuchKeyslot(_) => String::from("the header has no such key slot"),
        other => {
            let mut text = other.to_string();
            let mut next = std::error::Error::source(other);
            while let Some(cause) = next {
                text.push_str(&format!(": {cause}"));
                next = cause.source();
            }
            text
        }
    }
}

/// Runs `work`, and says so if it takes more than a second.
fn derive<T>(volume: &str, slot: u32, work: impl FnOnce() -> T) -> T {
    let (done, waits) = channel::<()>();
    thread::scope(|scope| {
        let told = thread::Builder::new().spawn_scoped(scope, move || {
            let waited = waits.recv_timeout(Duration::from_secs(1));
            if waited == Err(RecvTimeoutError::Timeout) {
                tracing::info!(volume, slot, "deriving the key, as slow as it was sealed");
            }
        });
        let result = work();
        drop(done);
        // Without a thread nobody is told; the work is done all the same.
        drop(told);
        result
    })
}
