//! When what is looked at, in a time of its own.

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
