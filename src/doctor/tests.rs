//! What the doctor says of machines that are well, and of each thing that can be wrong with one.

use super::*;
use crate::config::{self, Source};
use crate::probe::inventory::{self, Machine};
use crate::probe::nic::{Nic, NicKind};
use crate::units::Bytes;

/// A day in 2026.
const NOW: u64 = 1_780_000_000;

fn machine() -> Inventory {
    Inventory {
        schema: inventory::SCHEMA.to_owned(),
        machine: Machine {
            uuid: Some("9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213".to_owned()),
            memory: Bytes::mib(16 << 10),
            memory_available: Bytes::mib(15 << 10),
            cpus: 4,
            nics: Some(vec![Nic {
                name: "enp3s0f0".to_owned(),
                kind: NicKind::Physical,
                carrier: Some(true),
                ..Nic::default()
            }]),
            ..Machine::default()
        },
        disks: Vec::new(),
        notes: Vec::new(),
    }
}

fn here() -> Gathered {
    Gathered {
        now: Some(NOW),
        rtc: Some(NOW + 1),
        entropy: Some(256),
        tpm: None,
        extensions: None,
        log: Some("<6>[    0.000000] Linux version 6.12.117\n".to_owned()),
        unread: Vec::new(),
    }
}

fn judged(inventory: &Inventory, here: &Gathered, config: Option<&str>) -> Report {
    let spec = config.map(|text| {
        config::parse(&[Source {
            name: "n.yaml",
            text,
        }])
        .unwrap()
    });
    judge(&Facts {
        inventory,
        spec: spec.as_ref(),
        network: None,
        extensions: None,
        tuning: None,
        here: Some(here),
    })
}

/// The state of the first check about `topic`.
fn state(report: &Report, topic: &str) -> State {
    let mut checks = report.checks.iter();
    let found = checks.find(|check| check.topic == topic);
    found
        .unwrap_or_else(|| panic!("{topic}: {report:#?}"))
        .state
}

#[test]
fn a_machine_that_is_well_has_nothing_to_do_but_its_disks() {
    let report = judged(&machine(), &here(), None);
    for topic in [
        "kernel log",
        "clock",
        "random numbers",
        "machine UUID",
        "TPM",
        "memory",
        "network",
    ] {
        assert_eq!(state(&report, topic), State::Ok, "{topic}");
    }
    assert_eq!(state(&report, "disks"), State::Bad, "it has none");
    assert_eq!(report.exit, Exit::NoDisk);
    assert!(report.first.starts_with("disks: "), "{}", report.first);
}

#[test]
fn a_clock_has_to_be_in_this_century_and_agree_with_the_other_one() {
    for (now, rtc, expected, words) in [
        (NOW, Some(NOW + 100), State::Ok, "agrees"),
        (NOW, None, State::Ok, "sane"),
        (0, Some(NOW), State::Bad, "not now"),
        (5_000_000_000, Some(NOW), State::Bad, "not now"),
        (NOW, Some(NOW + 7200), State::Warn, "7200"),
        (NOW, Some(NOW - 86_400 * 400), State::Warn, "differs"),
    ] {
        let report = judged(
            &machine(),
            &Gathered {
                now: Some(now),
                rtc,
                ..here()
            },
            None,
        );
        let check = report
            .checks
            .iter()
            .find(|check| check.topic == "clock")
            .unwrap();
        assert_eq!(check.state, expected, "{now} {rtc:?}");
        assert!(check.found.contains(words), "{}", check.found);
    }
    let local = judged(
        &machine(),
        &Gathered {
            rtc: Some(NOW + 7200),
            ..here()
        },
        None,
    );
    let clock = local
        .checks
        .iter()
        .find(|check| check.topic == "clock")
        .unwrap();
    assert!(clock.cause.contains("local time"), "{}", clock.cause);
}

// Lines as the kernel writes them, with the prefixes of syslog(2) and of /dev/kmsg.
const LINES: [(&str, State, &str); 13] = [
    (
        "<6>[  12.3] usb 2-3: reset SuperSpeed USB device number 2 using xhci_hcd",
        State::Warn,
        "reset",
    ),
    (
        "6,812,12345678,-;sd 0:0:0:0: [sda] tag#7 uas_eh_abort_handler 0 uas-tag 8 inflight: CMD",
        State::Bad,
        "UAS",
    ),
    (
        "<3>[ 9.1] blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)",
        State::Bad,
        "failed",
    ),
    (
        "3,1,2,-;Buffer I/O error on dev sda1, logical block 0, async page read",
        State::Bad,
        "failed",
    ),
    (
        "<3>[ 9.1] critical medium error, dev sda, sector 99 op 0x0:(READ)",
        State::Bad,
        "medium",
    ),
    (
        "<3>[ 9.1] XFS (dm-1): Metadata corruption detected at xfs_agf_verify",
        State::Bad,
        "XFS",
    ),
    (
        "<2>[ 9.1] EXT4-fs error (device sda2): ext4_lookup:1855: inode #2",
        State::Bad,
        "ext4",
    ),
    (
        "<3>[ 9.1] device-mapper: table: 253:0: crypt: Error allocating crypto tfm (-ENOENT)",
        State::Bad,
        "sealed",
    ),
    (
        "<3>[ 9.1] usb 1-1: device descriptor read/64, error -71",
        State::Warn,
        "answer",
    ),
    (
        "<3>[ 9.1] usb usb2-port3: over-current condition",
        State::Bad,
        "current",
    ),
    (
        "<4>[ 9.1] nvme nvme0: I/O 23 QID 4 timeout, aborting",
        State::Bad,
        "NVMe",
    ),
    (
        "<4>[ 9.1] GPT:Alternate GPT header not at the end of the disk.",
        State::Warn,
        "table",
    ),
    (
        "<3>[ 9.1] I/O error, dev sr0, sector 0 op 0x0:(READ)",
        State::Ok,
        "no line",
    ),
];

#[test]
fn lines_of_the_kernel_log_point_at_a_cause() {
    for (line, expected, words) in LINES {
        let log = Some(format!("<6>[ 0.0] Linux\n{line}\n{line}\n"));
        let report = judged(&machine(), &Gathered { log, ..here() }, None);
        let check = report
            .checks
            .iter()
            .find(|check| check.topic == "kernel log")
            .unwrap();
        assert_eq!(check.state, expected, "{line}");
        assert!(check.found.contains(words), "{line}: {}", check.found);
        if expected != State::Ok {
            assert!(check.found.contains("2 times"), "{}", check.found);
            assert!(
                !check.found.contains("<3>") && !check.found.contains("812,"),
                "{}",
                check.found
            );
            assert!(!check.cause.is_empty() && !check.fix.is_empty());
        }
    }
}

#[test]
fn only_disks_that_are_there_count_as_bad() {
    let snapshot = include_str!("../../examples/hardware/macmini-2014.json");
    let disks = crate::snapshot::load::parse(snapshot)
        .unwrap()
        .inventory
        .disks;
    let mut paths = disks
        .iter()
        .filter_map(|disk| disk.path.strip_prefix("/dev/"));
    let there = paths.find(|name| name.starts_with("sd")).unwrap();
    let there = there.to_owned();
    for (device, state, words) in [
        (there.clone(), State::Bad, "the disk"),
        (format!("{there}2"), State::Bad, "the disk"),
        ("sdz1".to_owned(), State::Warn, "pulled out"),
        ("loop0".to_owned(), State::Warn, "no disk said so"),
        ("zram0".to_owned(), State::Warn, "no disk said so"),
        ("ram3".to_owned(), State::Warn, "no disk said so"),
        ("dm-4".to_owned(), State::Warn, "no disk said so"),
    ] {
        for line in [
            format!("<3>[ 9.1] I/O error, dev {device}, sector 0 op 0x0:(READ)"),
            format!("<3>[ 9.1] Buffer I/O error on dev {device}, logical block 0, async page read"),
        ] {
            let mut inventory = machine();
            inventory.disks.clone_from(&disks);
            let log = Some(line.clone());
            let report = judged(&inventory, &Gathered { log, ..here() }, None);
            let mut checks = report.checks.iter();
            let check = checks.find(|check| check.topic == "kernel log").unwrap();
            assert_eq!(check.state, state, "{line}");
            assert!(check.cause.contains(words), "{line}: {}", check.cause);
        }
    }
}

#[test]
fn what_breaks_the_cable_comes_before_what_follows_from_it() {
    let log = LINES
        .iter()
        .rev()
        .map(|(line, ..)| *line)
        .collect::<Vec<_>>()
        .join("\n");
    let report = judged(
        &machine(),
        &Gathered {
            log: Some(log),
            ..here()
        },
        None,
    );
    assert!(report.first.contains("powered hub"), "{}", report.first);
    assert_eq!(report.exit, Exit::Io);
}

const NODE_ID: &str = "machine:\n  systemDiskEncryption:\n    state:\n      provider: luks2\n      keys:\n        - nodeID: {}\n          slot: 0\n";

#[test]
fn a_uuid_that_others_have_too_is_bad_for_node_id_keys_only() {
    for uuid in [
        None,
        Some("00000000-0000-0000-0000-000000000000"),
        Some("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        Some("03000200-0400-0500-0006-000700080009"),
    ] {
        let mut inventory = machine();
        inventory.machine.uuid = uuid.map(str::to_owned);
        let with = judged(&inventory, &here(), Some(NODE_ID));
        assert_eq!(state(&with, "machine UUID"), State::Bad, "{uuid:?}");
        let without = judged(&inventory, &here(), None);
        assert_eq!(state(&without, "machine UUID"), State::Warn, "{uuid:?}");
    }
}

#[test]
fn a_tpm_is_missed_only_by_a_configuration_that_has_keys_in_it() {
    let tpm = NODE_ID.replace("nodeID: {}", "tpm: {}");
    for (found, config, expected) in [
        (None, Some(tpm.as_str()), State::Bad),
        (Some(1), Some(tpm.as_str()), State::Bad),
        (Some(2), Some(tpm.as_str()), State::Ok),
        (None, Some(NODE_ID), State::Ok),
        (Some(2), None, State::Ok),
    ] {
        let report = judged(
            &machine(),
            &Gathered {
                tpm: found,
                ..here()
            },
            config,
        );
        assert_eq!(state(&report, "TPM"), expected, "{found:?}");
    }
}

#[test]
fn memory_entropy_and_cables_are_looked_at() {
    let mut inventory = machine();
    inventory.machine.memory_available = Bytes::mib(48);
    for nic in inventory.machine.nics.iter_mut().flatten() {
        nic.carrier = Some(false);
    }
    let report = judged(
        &inventory,
        &Gathered {
            entropy: Some(3),
            ..here()
        },
        None,
    );
    assert_eq!(state(&report, "memory"), State::Bad);
    assert_eq!(state(&report, "random numbers"), State::Warn);
    assert_eq!(state(&report, "network"), State::Bad);
    let log = Some("<5>[ 1.0] random: crng init done\n".to_owned());
    let report = judged(
        &inventory,
        &Gathered {
            entropy: Some(3),
            log,
            ..here()
        },
        None,
    );
    assert_eq!(state(&report, "random numbers"), State::Ok);
    inventory.machine.nics = None;
    let report = judged(&inventory, &here(), None);
    assert!(
        report
            .not_looked_at
            .iter()
            .any(|what| what.contains("network interfaces"))
    );
}

#[test]
fn findings_about_the_network_keep_their_weight_and_place() {
    let text =
        "kind: KubeNetworkConfig\npodSubnets: [10.0.0.1/16]\nserviceSubnets: [10.96.0.0/12]\n";
    let findings = network::check(
        &[Source {
            name: "n.yaml",
            text,
        }],
        &network::Machine::default(),
    );
    let inventory = machine();
    let report = judge(&Facts {
        inventory: &inventory,
        spec: None,
        network: Some(&findings),
        extensions: None,
        tuning: None,
        here: None,
    });
    let check = report
        .checks
        .iter()
        .find(|check| check.topic == "network")
        .unwrap();
    assert_eq!((check.state, check.exit), (State::Bad, Exit::Usage));
    assert!(
        check.found.starts_with("n.yaml:2:") && check.found.contains("subnet-host-bits"),
        "{}",
        check.found
    );
    assert!(report.not_looked_at[0].contains("recorded machine"));
}
