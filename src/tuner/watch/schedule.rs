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
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, proptest};

    const HOST: &str = "/devices/pci0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0";

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn path(text: &str) -> DevPath {
        DevPath::new(text).unwrap()
    }

    fn disk(name: &str) -> DevPath {
        path(&format!("{HOST}/block/{name}"))
    }

    fn event(action: Action, path: DevPath, subsystem: &str, kind: &str) -> Uevent {
        Uevent {
            action,
            path,
            subsystem: subsystem.to_owned(),
            kind: kind.to_owned(),
        }
    }

    fn block(action: Action, name: &str) -> Uevent {
        event(action, disk(name), "block", "disk")
    }

    /// Past the look at everything with which a run begins.
    fn idle() -> Schedule {
        let mut schedule = Schedule::starting(Duration::ZERO);
        assert!(schedule.due(Duration::ZERO).rescan);
        assert_eq!(schedule.next(), None);
        schedule
    }

    #[test]
    fn a_disk_that_is_plugged_in_is_looked_at_once() {
        let mut schedule = idle();
        let plugged = [
            event(
                Action::Add,
                path("/devices/pci0/usb2/2-3"),
                "usb",
                "usb_device",
            ),
            event(
                Action::Bind,
                path("/devices/pci0/usb2/2-3/2-3:1.0"),
                "usb",
                "usb_interface",
            ),
            event(Action::Add, path(HOST), "scsi", "scsi_device"),
            event(Action::Bind, path(HOST), "scsi", "scsi_device"),
            event(
                Action::Add,
                path(&format!("{HOST}/scsi_disk/6:0:0:0")),
                "scsi_disk",
                "",
            ),
            block(Action::Add, "sda"),
            event(
                Action::Add,
                path(&format!("{HOST}/block/sda/sda1")),
                "block",
                "partition",
            ),
            block(Action::Change, "sda"),
        ];
        let interesting = plugged
            .iter()
            .filter(|event| schedule.event(event, ms(1000)));
        assert_eq!(interesting.count(), 5);
        assert_eq!(schedule.next(), Some(ms(1020)));
        assert!(schedule.due(ms(1019)).is_empty());
        let work = schedule.due(ms(1020));
        assert_eq!(work.tune, [path("/devices/pci0/usb2/2-3/2-3:1.0")]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn ten_thousand_messages_of_one_disk_cost_a_look_every_hundred_milliseconds() {
        let mut schedule = idle();
        let mut looks = 0;
        for tick in 0..10_000 {
            let now = ms(1000 + tick);
            schedule.event(&block(Action::Change, "sda"), now);
            let work = schedule.due(now);
            if !work.tune.is_empty() {
                looks += 1;
                schedule.looked(&work.tune, &[], now);
            }
            let due = schedule.next().unwrap_or(now);
            assert!(due <= now + ms(100), "latency");
        }
        assert!((100..=130).contains(&looks), "{looks}");
        assert!(schedule.pending.len() + schedule.looked.len() < 4);
    }

    #[test]
    fn a_storm_of_many_devices_becomes_one_look_at_everything() {
        let mut schedule = idle();
        for number in 0..10_000 {
            let name = format!("sd{number}");
            schedule.event(&block(Action::Change, &name), ms(1000));
            assert!(schedule.pending.len() <= MOST_DEVICES);
        }
        let work = schedule.due(ms(1020));
        assert!(work.rescan && work.tune.is_empty());
        assert_eq!(schedule.next(), None);
        for number in 0..10_000 {
            schedule.event(&block(Action::Remove, &format!("sd{number}")), ms(2000));
            assert!(schedule.gone.len() <= MOST_DEVICES);
        }
        assert!(schedule.due(ms(2020)).rescan);
    }

    #[test]
    fn messages_that_were_lost_become_a_look_at_everything() {
        let mut schedule = idle();
        schedule.event(&block(Action::Add, "sda"), ms(1000));
        schedule.lost(ms(1001));
        schedule.lost(ms(1015));
        assert_eq!(schedule.next(), Some(ms(1021)));
        assert!(schedule.due(ms(1021)).rescan);
        assert!(schedule.due(ms(5000)).is_empty());
    }

    #[test]
    fn a_change_that_our_own_write_may_have_caused_waits_longer_each_time() {
        let mut schedule = idle();
        let sda = [disk("sda")];
        let mut now = ms(1000);
        schedule.event(&block(Action::Add, "sda"), now);
        let mut waited = Vec::new();
        for _ in 0..16 {
            now = schedule.next().unwrap();
            assert_eq!(schedule.due(now).tune, sda);
            schedule.looked(&sda, &sda, now);
            schedule.event(&block(Action::Change, "sda"), now + ms(1));
            waited.push(schedule.next().unwrap() - now);
        }
        assert_eq!(waited[..4], [1, 2, 4, 8].map(Duration::from_secs));
        assert_eq!(waited[15], QUIET_MOST);
        // Once a look writes nothing, the next change is looked at as soon as any.
        now = schedule.next().unwrap();
        schedule.due(now);
        schedule.looked(&sda, &[], now);
        schedule.event(&block(Action::Change, "sda"), now + ms(200));
        assert_eq!(schedule.next(), Some(now + ms(220)));
    }

    #[test]
    fn a_change_long_after_a_write_is_not_taken_for_its_own() {
        let mut schedule = idle();
        let sda = [disk("sda")];
        schedule.looked(&sda, &sda, ms(1000));
        schedule.due(ms(1000));
        schedule.event(&block(Action::Change, "sda"), ms(60_000));
        assert_eq!(schedule.next(), Some(ms(60_020)));
        schedule.due(ms(60_020));
        schedule.looked(&sda, &sda, ms(60_020));
        schedule.event(&block(Action::Change, "sda"), ms(60_021));
        assert_eq!(schedule.next(), Some(ms(61_020)));
    }

    #[test]
    fn a_disk_that_is_plugged_in_again_is_looked_at_at_once() {
        let mut schedule = idle();
        let sda = [disk("sda")];
        schedule.looked(&sda, &sda, ms(1000));
        schedule.event(&block(Action::Change, "sda"), ms(1001));
        schedule.event(&block(Action::Remove, "sda"), ms(1100));
        schedule.event(&block(Action::Add, "sda"), ms(1200));
        let work = schedule.due(ms(1220));
        assert_eq!((work.gone, work.tune), (sda.to_vec(), sda.to_vec()));
    }

    #[test]
    fn what_nobody_tunes_is_not_looked_at() {
        let mut schedule = idle();
        let virtual_disk = path("/devices/virtual/block/loop0");
        for event in [
            event(Action::Change, virtual_disk, "block", "disk"),
            event(Action::Add, disk("sda"), "net", ""),
            event(Action::Other, disk("sda"), "block", "disk"),
        ] {
            assert!(!schedule.event(&event, ms(1000)));
        }
        assert_eq!(schedule.next(), None);
    }

    proptest! {
        /// Every message of interest is followed by a look at its device, or at everything, in time.
        #[test]
        fn nothing_is_forgotten(steps in prop::collection::vec((0_u8..4, 0_u64..60), 1..200)) {
            let mut schedule = idle();
            let mut now = ms(1000);
            let mut waiting: BTreeMap<DevPath, Duration> = BTreeMap::new();
            for (name, pause) in steps {
                now += ms(pause);
                let work = schedule.due(now);
                for path in &work.tune {
                    waiting.remove(path);
                }
                schedule.looked(&work.tune, &[], now);
                for (path, since) in &waiting {
                    prop_assert!(now - *since <= ms(100) + ms(60), "{path} waits");
                }
                let name = format!("sd{name}");
                schedule.event(&block(Action::Change, &name), now);
                waiting.entry(disk(&name)).or_insert(now);
            }
            while let Some(next) = schedule.next() {
                for path in schedule.due(next).tune {
                    waiting.remove(&path);
                }
            }
            prop_assert!(waiting.is_empty());
        }
    }
}
