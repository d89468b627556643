//! Which devices to look at, and when. Pure: time comes in as an argument.
//!
//! A disk that is plugged in gives a dozen messages; they are gathered for a moment and become one look. Nothing here
//! grows with the number of messages: beyond a bound of devices everything is looked at once instead. A look that
//! wrote something may cause a message itself; that one waits, twice as long each time that the look wrote again, so
//! that a setting that does not stay becomes no loop.

use std::collections::BTreeMap;
use std::time::Duration;

use super::uevent::{Action, DevPath, Uevent};

/// How long messages are gathered, counted from the first one.
const GATHER: Duration = Duration::from_millis(20);

/// How long a device rests after a look. With [`GATHER`] it bounds the latency: 100 ms.
const REST: Duration = Duration::from_millis(80);

/// How long a change is put off that follows a write of our own, at first and at most.
const QUIET: Duration = Duration::from_secs(1);
const QUIET_MOST: Duration = Duration::from_secs(3600);

/// More devices than this are not kept apart.
const MOST_DEVICES: usize = 1024;

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Look at every disk there is; [`Self::tune`] is empty then.
    pub rescan: bool,
    /// Look at these, and at what lies below them. None of them covers another.
    pub tune: Vec<DevPath>,
    /// Disks that went since the last time; the list may be cut short by a rescan.
    pub gone: Vec<DevPath>,
}

impl Work {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        !self.rescan && self.tune.is_empty() && self.gone.is_empty()
    }
}

/// A device that was looked at not long ago.
#[derive(Clone, Copy, Debug)]
struct Looked {
    at: Duration,
    /// How long changes are put off: zero if nothing was written.
    quiet: Duration,
}

impl Looked {
    fn until(self) -> Duration {
        self.at + self.quiet.max(REST)
    }
}

/// Everything that is pending.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Device → when to look.
    pending: BTreeMap<DevPath, Duration>,
    looked: BTreeMap<DevPath, Looked>,
    gone: Vec<DevPath>,
    rescan: Option<Duration>,
}

/// What a message means to somebody who tunes disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Look at it as soon as can be: it is new, so nothing of ours can have caused this.
    New,
    /// Look at it; a write of ours may have caused this.
    Changed,
    /// A disk is gone.
    Gone,
    /// None of our business.
    Nothing,
}

fn meaning(event: &Uevent) -> Meaning {
    // Loop devices, device mapper, memory: nothing that is tuned.
    if event.path.as_str().starts_with("/devices/virtual/") {
        return Meaning::Nothing;
    }
    let what = (event.subsystem.as_str(), event.kind.as_str());
    match (what, event.action) {
        (("block", "disk"), Action::Remove) => Meaning::Gone,
        (("block", "disk") | ("scsi_disk", _), Action::Add) => Meaning::New,
        (("scsi", "scsi_device") | ("usb", "usb_interface"), Action::Bind) => Meaning::New,
        (("block", "disk") | ("scsi_disk", _) | ("scsi", "scsi_device"), Action::Change) => {
            Meaning::Changed
        }
        _ => Meaning::Nothing,
    }
}

impl Schedule {
    /// One that looks at everything at once, which is how a run begins.
    pub fn starting(now: Duration) -> Self {
        Self {
            rescan: Some(now),
            ..Self::default()
        }
    }

    /// Takes a message in. Whether it was of any interest.
    pub fn event(&mut self, event: &Uevent, now: Duration) -> bool {
        let path = &event.path;
        match meaning(event) {
            Meaning::Nothing => return false,
            Meaning::Gone => {
                self.pending.retain(|pending, _| !path.covers(pending));
                self.looked.retain(|looked, _| !path.covers(looked));
                match self.gone.len() < MOST_DEVICES {
                    true => self.gone.push(path.clone()),
                    false => self.lost(now),
                }
            }
            Meaning::New => {
                // It is another device by the same name, or new to its driver.
                self.looked.retain(|looked, _| !path.covers(looked));
                self.put(path, now + GATHER, now);
            }
            Meaning::Changed => {
                let looks = self.looked.iter();
                let above = looks.filter(|(looked, _)| looked.covers(path) || path.covers(looked));
                let rest = above.map(|(_, looked)| looked.until()).max();
                let due = (now + GATHER).max(rest.unwrap_or_default());
                self.put(path, due, now);
            }
        }
        true
    }

    fn put(&mut self, path: &DevPath, due: Duration, now: Duration) {
        if self.rescan.is_some() {
            return;
        }
        if self.pending.len() >= MOST_DEVICES && !self.pending.contains_key(path) {
            self.lost(now);
            return;
        }
        let entry = self.pending.entry(path.clone()).or_insert(due);
        *entry = due.min(*entry);
    }

    /// Messages were lost: everything has to be looked at.
    pub fn lost(&mut self, now: Duration) {
        self.pending.clear();
        self.gone.clear();
        self.rescan.get_or_insert(now + GATHER);
    }

    /// When there will be something to do; `None`: not before another message.
    pub fn next(&self) -> Option<Duration> {
        let gone = self.gone.first().map(|_| Duration::ZERO);
        let due = self.pending.values().copied().chain(self.rescan).min();
        gone.or(due)
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Duration) -> Work {
        self.looked
            .retain(|_, looked| looked.until() > now || !looked.quiet.is_zero());
        let gone = std::mem::take(&mut self.gone);
        if self.rescan.is_some_and(|due| due <= now) {
            self.rescan = None;
            self.pending.clear();
            return Work {
                rescan: true,
                tune: Vec::new(),
                gone,
            };
        }
        let due = self.pending.iter().filter(|(_, due)| **due <= now);
        let due: Vec<DevPath> = due.map(|(path, _)| path.clone()).collect();
        // A device comes before what lies below it, though not always right before.
        let mut tune: Vec<DevPath> = Vec::new();
        for path in due {
            self.pending.remove(&path);
            if !tune.iter().any(|above| above.covers(&path)) {
                tune.push(path);
            }
        }
        // What is covered and not due yet has nothing left to be looked at.
        self.pending
            .retain(|path, _| !tune.iter().any(|above| above.covers(path)));
        Work {
            rescan: false,
            tune,
            gone,
        }
    }

    /// Takes in that `tuned` were looked at just now, and that something was written to `wrote`.
    pub fn looked(&mut self, tuned: &[DevPath], wrote: &[DevPath], now: Duration) {
        if self.looked.len() + tuned.len() + wrote.len() > 2 * MOST_DEVICES {
            self.looked.clear();
        }
        for path in tuned {
            let own = wrote
                .iter()
                .any(|wrote| path.covers(wrote) || wrote.covers(path));
            self.look(path, own, now);
        }
        for path in wrote.iter().filter(|path| !tuned.contains(path)) {
            self.look(path, true, now);
        }
    }

    fn look(&mut self, path: &DevPath, own: bool, now: Duration) {
        // Only what follows at once can have been caused by the last write.
        let last = self.looked.get(path);
        let last = last.filter(|looked| now.saturating_sub(looked.at) <= looked.quiet * 2);
        let before = last.map_or(Duration::ZERO, |looked| looked.quiet);
        let quiet = match own {
            true => (before * 2).clamp(QUIET, QUIET_MOST),
            false => Duration::ZERO,
        };
        self.looked.insert(path.clone(), Looked { at: now, quiet });
    }
}

#[cfg(test)]
mod tests;
