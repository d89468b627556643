//! The tuner on a kernel that behaves as Linux does where it does not simply keep what is written: it raises the
//! read-ahead, keeps one form of two limits, clamps, ignores and refuses values, and loses disks.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use keelblock::config::{self, Source};
use keelblock::tuner::apply::{apply, compare};
use keelblock::tuner::desired::{Desired, desired};
use keelblock::tuner::disk::{Disk, disks};
use keelblock::tuner::machine::{Kernel, Machine, Recorded};
use keelblock::tuner::profile::{self, built_in};
use keelblock::tuner::receipt::Receipt;
use keelblock::tuner::report::{Mode, Outcome, Report};
use nix::errno::Errno;
use proptest::prelude::*;

const BOT: &str = include_str!("../examples/hardware/macmini-2018-bot.json");
const UAS: &str = include_str!("../examples/hardware/macmini-2014-two-t5.json");

/// What writing any of these does to the read-ahead of the disk (block/blk-settings.c).
const LIMITS: [&str; 5] = [
    "queue/rotational",
    "queue/add_random",
    "queue/max_sectors_kb",
    "queue/write_cache",
    "provisioning_mode",
];

#[derive(Default)]
struct Linux {
    values: RefCell<BTreeMap<String, String>>,
    writes: RefCell<Vec<(String, String)>>,
    read_only: BTreeSet<String>,
    /// Unplug every USB disk at this write.
    unplug_at: Option<usize>,
    fail: Cell<Option<Errno>>,
}

impl Linux {
    fn of(snapshot: &str) -> Self {
        let snapshot = keelblock::snapshot::load::parse(snapshot).unwrap();
        Self {
            values: RefCell::new(snapshot.attributes),
            ..Self::default()
        }
    }

    fn value(&self, end: &str) -> String {
        let values = self.values.borrow();
        let mut found = values.iter().filter(|(path, _)| path.ends_with(end));
        found.next().unwrap().1.clone()
    }

    fn raise_read_ahead(&self, path: &str) {
        let mut values = self.values.borrow_mut();
        let dir = path
            .split("/queue/")
            .next()
            .unwrap()
            .split("/scsi_disk/")
            .next()
            .unwrap()
            .to_owned();
        let paths: Vec<String> = values
            .keys()
            .filter(|it| it.starts_with(&dir) && it.ends_with("/queue/read_ahead_kb"))
            .cloned()
            .collect();
        for path in paths {
            let size = values[&path.replace("read_ahead_kb", "optimal_io_size")]
                .parse::<u64>()
                .unwrap();
            let raised = (2 * size / 4096 * 4).max(128);
            if values[&path].parse::<u64>().unwrap() < raised {
                values.insert(path, raised.to_string());
            }
        }
    }

    fn put(&self, path: &str, text: &str) {
        self.values
            .borrow_mut()
            .insert(path.to_owned(), text.to_owned());
    }
}

impl Machine for Linux {
    fn disks(&self) -> Vec<(String, String)> {
        Recorded(&self.values.borrow()).disks()
    }

    fn text(&self, path: &str) -> io::Result<Option<String>> {
        Recorded(&self.values.borrow()).text(path)
    }

    fn names(&self, dir: &str) -> Vec<String> {
        Recorded(&self.values.borrow()).names(dir)
    }

    fn driver(&self, dir: &str) -> Option<String> {
        Recorded(&self.values.borrow()).driver(dir)
    }
}

impl Kernel for Linux {
    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        self.writes
            .borrow_mut()
            .push((path.to_owned(), text.to_owned()));
        if self.unplug_at == Some(self.writes.borrow().len()) {
            self.values
                .borrow_mut()
                .retain(|path, _| !path.contains("/usb"));
            return Err(Errno::ENODEV.into());
        }
        if let Some(errno) = self.fail.get() {
            return Err(errno.into());
        }
        if self.read_only.iter().any(|end| path.ends_with(end)) {
            return Err(Errno::EACCES.into());
        }
        if !self.values.borrow().contains_key(path) {
            return Err(Errno::ENOENT.into());
        }
        if path.ends_with("/vm/dirty_bytes") && text.parse::<u64>().is_ok_and(|bytes| bytes < 8192)
        {
            return Err(Errno::EINVAL.into());
        }
        if path.ends_with("/max_sectors_kb") {
            // Above the hardware's limit: clamped without a word since 6.9.
            let limit =
                self.values.borrow()[&path.replace("max_sectors", "max_hw_sectors")].clone();
            let wanted: u64 = text.parse().map_err(|_| Errno::EINVAL)?;
            self.put(path, &wanted.min(limit.parse().unwrap()).to_string());
        } else if path.ends_with("/io_poll_delay") {
            // Taken and ignored.
        } else if path.ends_with("/read_ahead_kb") {
            let wanted: u64 = text.parse().map_err(|_| Errno::EINVAL)?;
            self.put(path, &(wanted - wanted % 4).to_string());
        } else {
            self.put(path, text.trim_end());
        }
        for (one, other) in [("bytes", "ratio"), ("ratio", "bytes")] {
            for form in ["/vm/dirty_", "/vm/dirty_background_"] {
                if path.ends_with(&format!("{form}{one}")) {
                    self.put(&format!("/proc/sys{form}{other}"), "0");
                }
            }
        }
        if LIMITS.iter().any(|end| path.ends_with(end)) {
            self.raise_read_ahead(path);
        }
        Ok(())
    }
}

fn wanted(machine: &dyn Machine, config: &str) -> Desired {
    let text = format!(
        "version: v1alpha1\nmachine:\n  type: worker\n  install: {{image: example.com/installer:v1.12.0, disk: /dev/sda}}\n{config}\
         cluster:\n  clusterName: example\n  controlPlane: {{endpoint: https://10.0.0.1:6443}}\n"
    );
    let source = Source {
        name: "node.yaml",
        text: &text,
    };
    let spec = config::parse(&[source]).unwrap();
    let unproven = |_: &Disk| Err("no proof".to_owned());
    desired(
        disks(machine),
        &built_in(),
        Some(&spec.tuning),
        Vec::new(),
        &unproven,
    )
}

fn result(report: &Report, key: &str) -> Outcome {
    let setting = report.settings.iter().find(|setting| setting.key == key);
    setting
        .unwrap_or_else(|| panic!("{key} in {report:#?}"))
        .result
}

#[test]
fn everything_is_as_wanted_at_the_end_though_writes_raise_the_read_ahead() {
    let linux = Linux::of(BOT);
    linux.put(&path_of(&linux, "sda/queue/optimal_io_size"), "33553920");
    linux.raise_read_ahead(&path_of(&linux, "sda/queue/rotational"));
    assert_eq!(linux.value("sda/queue/read_ahead_kb"), "65532");
    let report = apply(&linux, &wanted(&linux, ""), Mode::Apply);
    assert_eq!(report.drift().count(), 0, "{report:#?}");
    assert_eq!(linux.value("sda/queue/read_ahead_kb"), "128");
    assert_eq!(linux.value("sda/queue/rotational"), "0");
    assert_eq!(linux.value("/vm/dirty_bytes"), "268435456");
    assert_eq!(linux.value("/vm/dirty_ratio"), "0");
    // Nothing is left to do, and nothing is done.
    linux.writes.borrow_mut().clear();
    let again = apply(&linux, &wanted(&linux, ""), Mode::Apply);
    assert!(
        again
            .settings
            .iter()
            .all(|it| it.result == Outcome::AsWanted)
    );
    assert_eq!(linux.writes.borrow().len(), 0);
    assert_eq!(
        compare(&linux, &wanted(&linux, ""), Mode::Check)
            .drift()
            .count(),
        0
    );
}

fn path_of(linux: &Linux, end: &str) -> String {
    let values = linux.values.borrow();
    let mut paths = values
        .keys()
        .filter(|path| path.contains("/usb") && path.ends_with(end));
    paths.next().unwrap().clone()
}

#[test]
fn a_value_that_another_write_sets_back_is_told() {
    let linux = Linux::of(UAS);
    let mut desired = wanted(&linux, "");
    // The wrong way round, as the usual two udev rules are.
    let mut limit = desired
        .wishes
        .iter()
        .find(|it| it.key == "queue/read_ahead_kb")
        .unwrap()
        .clone();
    limit.key = "queue/add_random".to_owned();
    limit.path = limit
        .path
        .map(|path| path.replace("read_ahead_kb", "add_random"));
    limit.value = "1".to_owned();
    desired.wishes.push(limit);
    let report = apply(&linux, &desired, Mode::Apply);
    assert_eq!(result(&report, "queue/read_ahead_kb"), Outcome::SetBack);
}

#[test]
fn what_the_kernel_clamps_ignores_refuses_or_does_not_have_is_told_and_the_rest_is_set() {
    let mut linux = Linux::of(BOT);
    linux.read_only.insert("/queue_depth".to_owned());
    let config = "  sysfs:\n    block.sda.queue.max_sectors_kb: '999999'\n    block.sda.queue.io_poll_delay: '5'\n    \
                  block.sda.device.queue_depth: '64'\n    block.sda.queue.read_ahead_kb: 128k\n    \
                  block.sda.queue.nosuch: '1'\n  sysctls:\n    vm.dirty_bytes: '1'\n    ../x: '1'\n";
    let report = apply(&linux, &wanted(&linux, config), Mode::Apply);
    let results = [
        ("queue/max_sectors_kb", Outcome::Clamped),
        ("queue/io_poll_delay", Outcome::Ignored),
        ("device/queue_depth", Outcome::ReadOnly),
        ("queue/read_ahead_kb", Outcome::Refused),
        ("queue/nosuch", Outcome::Missing),
        ("vm.dirty_bytes", Outcome::Refused),
        ("../x", Outcome::Missing),
        ("queue/rotational", Outcome::Set),
        ("vm.dirty_background_bytes", Outcome::Set),
    ];
    for (key, outcome) in results {
        assert_eq!(result(&report, key), outcome, "{key}");
    }
    assert!(
        report
            .conflicts
            .iter()
            .any(|it| it.contains("node.yaml:") && it.contains("read_ahead_kb = 128k"))
    );
}

#[test]
fn the_config_wins_and_a_limit_in_its_other_form_counts_as_the_same_setting() {
    let linux = Linux::of(UAS);
    let config =
        "  sysctls:\n    vm.dirty_ratio: '5'\n  sysfs:\n    block.sdb.queue.read_ahead_kb: '512'\n";
    let desired = wanted(&linux, config);
    let report = apply(&linux, &desired, Mode::Apply);
    assert_eq!(linux.value("/vm/dirty_ratio"), "5");
    assert_eq!(linux.value("/vm/dirty_bytes"), "0");
    assert_eq!(linux.value("sdb/queue/read_ahead_kb"), "512");
    // The other T5 has no word of the config.
    assert_eq!(linux.value("sdc/queue/read_ahead_kb"), "128");
    assert_eq!(report.drift().count(), 0, "{report:#?}");
    assert_eq!(report.conflicts.len(), 2, "{:#?}", report.conflicts);
}

#[test]
fn what_needs_a_proof_is_withheld_without_one() {
    let linux = Linux::of(UAS);
    let report = apply(&linux, &wanted(&linux, ""), Mode::Apply);
    let withheld: Vec<_> = report
        .withheld
        .iter()
        .map(|it| (it.disk.as_str(), it.key.as_str()))
        .collect();
    let mode = "scsi_disk/provisioning_mode";
    assert_eq!(withheld, [("/dev/sdb", mode), ("/dev/sdc", mode)]);
    let proven = |disk: &Disk| match disk.name.as_str() {
        "sdc" => Ok(()),
        _ => Err("no proof".to_owned()),
    };
    let desired = desired(disks(&linux), &built_in(), None, Vec::new(), &proven);
    let report = apply(&linux, &desired, Mode::Apply);
    assert_eq!(result(&report, mode), Outcome::Set);
    // Turning it on raises the read-ahead, which is written after it.
    assert_eq!(linux.value("sdc/queue/read_ahead_kb"), "128");
}

#[test]
fn a_disk_that_goes_in_the_middle_is_told_and_the_machine_is_still_set() {
    let count = {
        let linux = Linux::of(BOT);
        apply(&linux, &wanted(&linux, ""), Mode::Apply);
        linux.writes.borrow().len()
    };
    for at in 1..=count {
        let mut linux = Linux::of(BOT);
        linux.unplug_at = Some(at);
        let report = apply(&linux, &wanted(&linux, ""), Mode::Apply);
        for setting in &report.settings {
            let right = match setting.disk {
                Some(_) => setting.result == Outcome::Gone,
                // The write that was interrupted is refused, whatever it was for.
                None => setting.result.is_good() || at <= 2,
            };
            assert!(right, "unplugged at write {at}: {setting:#?}");
        }
    }
}

#[test]
fn a_name_that_another_disk_has_taken_over_is_left_alone() {
    let linux = Linux::of(BOT);
    let desired = wanted(&linux, "");
    linux.put(&path_of(&linux, "sda/diskseq"), "99");
    let report = apply(&linux, &desired, Mode::Apply);
    assert_eq!(result(&report, "queue/rotational"), Outcome::Gone);
    assert_eq!(linux.value("sda/queue/rotational"), "1");
}

#[test]
fn undo_puts_every_value_back_in_an_order_that_keeps_them() {
    for snapshot in [BOT, UAS] {
        let linux = Linux::of(snapshot);
        let before = linux.values.borrow().clone();
        let config = "  sysctls:\n    vm.swappiness: '1'\n";
        let mut kept = None;
        // The second run finds the values of the first; what is put back is from before both.
        for _ in 0..2 {
            let desired = wanted(&linux, config);
            let fresh = Receipt::before(&linux, &desired).unwrap();
            let mut receipt = match kept.clone() {
                Some(earlier) => fresh.after(earlier),
                None => fresh,
            };
            let report = apply(&linux, &desired, Mode::Apply);
            receipt.settle(&report, kept.as_ref());
            kept = Some(receipt);
        }
        assert_ne!(*linux.values.borrow(), before);
        let mut receipt = kept.unwrap();
        let undo = receipt.undo(&linux).unwrap();
        let report = apply(&linux, &undo, Mode::Undo);
        assert_eq!(*linux.values.borrow(), before, "{report:#?}");
        receipt.forget(&report);
        assert_eq!(receipt.values, []);
    }
}

#[test]
fn a_receipt_of_another_boot_or_plug_puts_nothing_back() {
    let linux = Linux::of(BOT);
    linux.put("/proc/sys/kernel/random/boot_id", "one");
    let desired = wanted(&linux, "");
    let receipt = Receipt::before(&linux, &desired).unwrap();
    apply(&linux, &desired, Mode::Apply);
    linux.put(&path_of(&linux, "sda/diskseq"), "99");
    let undo = receipt.undo(&linux).unwrap();
    assert!(undo.wishes.iter().all(|wish| wish.disk.is_none()));
    linux.put("/proc/sys/kernel/random/boot_id", "two");
    assert_eq!(receipt.undo(&linux).unwrap().wishes, []);
}

#[test]
fn every_disk_of_the_recorded_machines_has_the_profile_that_fits_it() {
    let cases = [
        (
            UAS,
            vec![
                ("sda", "apple-flash"),
                ("sdb", "samsung-t5"),
                ("sdc", "samsung-t5"),
            ],
        ),
        (
            BOT,
            vec![("nvme0n1", "apple-flash"), ("sda", "samsung-t5-bot")],
        ),
    ];
    for (snapshot, wanted) in cases {
        let linux = Linux::of(snapshot);
        let profiles = built_in();
        let found: Vec<(String, String)> = disks(&linux)
            .into_iter()
            .filter_map(|disk| {
                Some((
                    disk.name.clone(),
                    profile::of_disk(&profiles, &disk)?.name.clone(),
                ))
            })
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|(disk, profile)| (disk.as_str(), profile.as_str()))
            .collect();
        assert_eq!(found, wanted);
    }
}

proptest! {
    /// Whatever fails, every setting has a result, nothing but wishes is written, and a second run repairs it.
    #[test]
    fn a_run_after_one_that_failed_leads_to_the_same(errno in prop::sample::select(vec![
        Errno::EIO, Errno::EINVAL, Errno::EBUSY, Errno::ENOMEM, Errno::EACCES,
    ]), swappiness in 0..200_u32) {
        let linux = Linux::of(BOT);
        let config = format!("  sysctls:\n    vm.swappiness: '{swappiness}'\n");
        let desired = wanted(&linux, &config);
        linux.fail.set(Some(errno));
        let before = linux.values.borrow().clone();
        let failed = apply(&linux, &desired, Mode::Apply);
        prop_assert_eq!(&*linux.values.borrow(), &before);
        prop_assert!(failed.drift().all(|it| it.result != Outcome::Set && it.detail.is_some()));
        linux.fail.set(None);
        let report = apply(&linux, &desired, Mode::Apply);
        prop_assert_eq!(report.drift().count(), 0);
    }
}
