//! The table against what kernels 6.12.117 and 7.3.4 did with each write.

use super::*;

fn knob(key: &str) -> &'static Knob {
    by_key(key).unwrap_or_else(|| panic!("no knob {key}"))
}

#[test]
fn every_knob_has_one_entry() {
    let mut keys: Vec<_> = all().map(|knob| knob.key).collect();
    let before = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), before);
    assert!(keys.iter().all(|key| !key.is_empty()));
}

#[test]
fn every_reference_between_knobs_leads_somewhere_and_a_pair_of_limits_names_each_other() {
    for it in all() {
        for reset in it.resets {
            assert!(knob(reset).rank() > it.rank(), "{} before {reset}", it.key);
        }
        if let Some(other) = it.zeroes {
            assert_eq!(knob(other).zeroes, Some(it.key));
        }
    }
}

#[test]
fn every_default_is_a_value_that_the_kernel_takes() {
    for it in all().filter(|it| it.access == Access::ReadWrite) {
        let others = it.defaults.iter().map(|(_, value)| *value);
        for value in it.default.into_iter().chain(others) {
            // The kernel's own zero means that the other form is in force.
            let unset = it.zeroes.is_some() && value == "0";
            let judged = it.judge(value);
            // A queue of two requests is the driver's doing; an administrator gets four.
            let bulk_only = it.key == "queue/nr_requests" && value == "2";
            let fine = matches!(judged, Judgement::Accepted | Judgement::Ignored(_));
            assert!(fine || unset || bulk_only, "{} {value}: {judged:?}", it.key);
        }
    }
}

#[test]
fn every_harmful_value_is_one_that_the_kernel_would_take() {
    for it in all() {
        for harm in it.harms.iter().filter(|harm| !harm.value.contains('*')) {
            let taken = !matches!(
                it.judge(harm.value),
                Judgement::ReadOnly | Judgement::Ignored(_)
            );
            assert!(taken, "{} {}", it.key, harm.value);
        }
    }
}

fn rejected() -> Judgement {
    Judgement::Rejected(String::new())
}

fn rounded(to: &str) -> Judgement {
    Judgement::Rounded(to.to_owned())
}

/// The words of a rejection are for people.
fn bare(judgement: Judgement) -> Judgement {
    match judgement {
        Judgement::Rejected(_) => rejected(),
        Judgement::Ignored(_) => Judgement::Ignored(""),
        other => other,
    }
}

#[test]
fn writes_to_the_queue_are_judged_as_the_kernel_does() {
    let taken = || Judgement::Accepted;
    for (key, value, wanted) in [
        ("queue/read_ahead_kb", "128", taken()),
        ("queue/read_ahead_kb", "128\n", taken()),
        ("queue/read_ahead_kb", "127", rounded("124")),
        ("queue/read_ahead_kb", "3", rounded("0")),
        ("queue/read_ahead_kb", "4294967295", rounded("4294967292")),
        ("queue/read_ahead_kb", "4294967296", rejected()),
        ("queue/read_ahead_kb", "-1", rejected()),
        ("queue/read_ahead_kb", "0x80", rejected()),
        ("queue/read_ahead_kb", "128k", rejected()),
        ("queue/read_ahead_kb", "", rejected()),
        ("queue/nr_requests", "3", rounded("4")),
        ("queue/nr_requests", "2048", taken()),
        ("queue/nr_requests", "2049", rejected()),
        ("queue/scheduler", "none", taken()),
        ("queue/scheduler", " mq-deadline\n", taken()),
        ("queue/scheduler", "deadline", rounded("mq-deadline")),
        ("queue/scheduler", "[none]", rejected()),
        ("queue/scheduler", "noop", rejected()),
        ("queue/scheduler", "cfq", rejected()),
        ("queue/max_sectors_kb", "0", taken()),
        ("queue/max_sectors_kb", "3", rejected()),
        ("queue/max_hw_sectors_kb", "512", Judgement::ReadOnly),
        ("queue/rotational", "0", taken()),
        ("queue/rotational", "7", rounded("1")),
        ("queue/rotational", "no", rejected()),
        ("queue/rq_affinity", "3", Judgement::Ignored("")),
        ("queue/nomerges", "9", rounded("1")),
        ("queue/wbt_lat_usec", "-1", taken()),
        ("queue/wbt_lat_usec", "-2", rejected()),
        ("queue/write_cache", "none", rounded("write through")),
        ("queue/write_cache", "writeback", rejected()),
        ("queue/io_timeout", "0", rejected()),
        ("queue/io_poll_delay", "77", Judgement::Ignored("")),
        ("queue/fua", "1", Judgement::ReadOnly),
    ] {
        assert_eq!(bare(knob(key).judge(value)), wanted, "{key} {value:?}");
    }
}

#[test]
fn writes_to_devices_and_sysctls_are_judged_as_the_kernel_does() {
    let taken = || Judgement::Accepted;
    for (key, value, wanted) in [
        ("device/eh_timeout", "0", taken()),
        ("device/queue_type", "ordered", Judgement::Ignored("")),
        ("device/state", "blocked", rejected()),
        ("scsi_disk/provisioning_mode", "unmap\n", taken()),
        ("scsi_disk/provisioning_mode", "UNMAP", rejected()),
        ("scsi_disk/allow_restart", "2", rejected()),
        ("scsi_disk/manage_start_stop", "1", Judgement::ReadOnly),
        ("scsi_disk/max_retries", "6", rejected()),
        ("usb/power/control", "off", rejected()),
        (
            "usb/power/usb3_hardware_lpm_u1",
            "disabled",
            Judgement::ReadOnly,
        ),
        ("bdi/max_ratio", "101", rejected()),
        ("bdi/strict_limit", "2", rejected()),
        ("bdi/max_ratio_fine", "1000001", rejected()),
        ("vm.dirty_ratio", "101", rejected()),
        ("vm.dirty_bytes", "8191", rejected()),
        ("vm.dirty_bytes", "0", rejected()),
        ("vm.dirty_bytes", "99999999999999999999", rejected()),
        ("vm.dirty_background_bytes", "1", taken()),
        ("vm.dirty_writeback_centisecs", "-1", taken()),
        ("vm.dirty_expire_centisecs", "-1", rejected()),
        ("vm.swappiness", "200", taken()),
        ("vm.swappiness", "201", rejected()),
        ("usbcore.quirks", "garbage", taken()),
    ] {
        assert_eq!(bare(knob(key).judge(value)), wanted, "{key} {value:?}");
    }
}

#[test]
fn what_is_read_back_is_compared_as_the_kernel_spells_it() {
    for (key, requested, found, wanted) in [
        ("queue/read_ahead_kb", "128", "128\n", Likeness::Same),
        ("queue/read_ahead_kb", "127", "124", Likeness::Rounded),
        ("queue/read_ahead_kb", "128", "65532", Likeness::Different),
        ("queue/nr_requests", "1", "4", Likeness::Rounded),
        (
            "queue/scheduler",
            "none",
            "[none] mq-deadline",
            Likeness::Same,
        ),
        (
            "queue/scheduler",
            "deadline",
            "none [mq-deadline]",
            Likeness::Same,
        ),
        (
            "queue/scheduler",
            "none",
            "none [mq-deadline]",
            Likeness::Different,
        ),
        ("queue/scheduler", "none", "none", Likeness::Same),
        ("queue/max_sectors_kb", "1024", "512", Likeness::Clamped),
        ("queue/max_sectors_kb", "0", "512", Likeness::Same),
        ("queue/max_sectors_kb", "256", "512", Likeness::Different),
        ("queue/rotational", "2", "1", Likeness::Rounded),
        ("queue/wbt_lat_usec", "-1", "2000", Likeness::Same),
        ("queue/write_cache", "none", "write through", Likeness::Same),
        ("bdi/max_bytes", "67108864", "67108760", Likeness::Rounded),
        ("bdi/max_bytes", "67108864", "33554432", Likeness::Different),
        ("vm.dirty_bytes", "268435456", "268435456", Likeness::Same),
        ("vm.dirty_bytes", "268435456", "0", Likeness::Different),
        (
            "usbcore.quirks",
            "04e8:61f5:k",
            "04e8:61f5:k",
            Likeness::Same,
        ),
    ] {
        let knob = knob(key);
        assert_eq!(
            knob.compare(requested, found),
            wanted,
            "{key} {requested} {found}"
        );
        let same = matches!(wanted, Likeness::Same | Likeness::Rounded);
        assert_eq!(knob.same(requested, found), same);
    }
}

#[test]
fn read_ahead_comes_after_everything_that_raises_it() {
    let last = knob("queue/read_ahead_kb").rank();
    for it in all().filter(|it| it.raises_read_ahead) {
        assert!(it.rank() < last, "{}", it.key);
    }
    let raising = [
        "queue/rotational",
        "queue/add_random",
        "queue/iostats",
        "queue/stable_writes",
        "queue/max_sectors_kb",
        "queue/write_cache",
        "queue/discard_max_bytes",
        "scsi_disk/provisioning_mode",
        "device/rescan",
    ];
    for key in raising {
        assert!(knob(key).raises_read_ahead, "{key}");
    }
    let leaving = [
        "queue/nr_requests",
        "queue/scheduler",
        "queue/nomerges",
        "queue/rq_affinity",
        "queue/wbt_lat_usec",
        "queue/io_timeout",
        "bdi/read_ahead_kb",
    ];
    for key in leaving {
        assert!(!knob(key).raises_read_ahead, "{key}");
    }
}

#[test]
fn the_order_of_writes_is_the_one_that_lasts() {
    let order = [
        "scsi_disk/provisioning_mode",
        "queue/discard_max_bytes",
        "queue/rotational",
        "queue/scheduler",
        "queue/nr_requests",
        "queue/wbt_lat_usec",
        "queue/read_ahead_kb",
    ];
    let ranks: Vec<u8> = order.iter().map(|key| knob(key).rank()).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
}

#[test]
fn a_bogus_optimal_size_becomes_64_mib_of_read_ahead() {
    assert_eq!(read_ahead_of(65_535 * 512), 65_532);
    assert_eq!(read_ahead_of(0), 128);
    assert_eq!(read_ahead_of(u64::MAX), u64::MAX / 4096 * 4);
}

#[test]
fn no_shipped_setting_is_harmful_or_without_effect() {
    for profile in crate::tuner::profile::built_in() {
        let bulk_only = profile.name.ends_with("-bot");
        let attachment = bulk_only.then_some(Attachment::BulkOnly);
        for setting in &profile.settings {
            let knob = crate::tuner::order::knob(&setting.key).expect("the table has it");
            let value = setting.value.as_str();
            assert_eq!(knob.judge(value), Judgement::Accepted, "{setting:?}");
            assert_eq!(knob.harm(value), None, "{setting:?}");
            assert_eq!(knob.idle(value, attachment), None, "{setting:?}");
        }
    }
}

#[test]
fn rotational_is_idle_under_uas_alone() {
    let knob = knob("queue/rotational");
    assert!(knob.idle("0", Some(Attachment::Uas)).is_some());
    assert_eq!(knob.idle("0", Some(Attachment::BulkOnly)), None);
    assert_eq!(knob.default_on(Attachment::BulkOnly), Some("1"));
}

#[test]
fn paths_lead_to_their_knobs() {
    for (path, wanted) in [
        ("/sys/block/sda/queue/rotational", Some("queue/rotational")),
        ("class/block/sda/queue/scheduler", Some("queue/scheduler")),
        (
            "/sys/class/block/sda/device/timeout",
            Some("device/timeout"),
        ),
        ("/sys/class/bdi/8:0/max_ratio", Some("bdi/max_ratio")),
        ("/sys/block/sda/bdi/strict_limit", Some("bdi/strict_limit")),
        (
            "/sys/class/scsi_disk/0:0:0:0/provisioning_mode",
            Some("scsi_disk/provisioning_mode"),
        ),
        (
            "/sys/block/sda/device/scsi_disk/0:0:0:0/cache_type",
            Some("scsi_disk/cache_type"),
        ),
        (
            "bus/usb/devices/2-3/power/control",
            Some("usb/power/control"),
        ),
        (
            "module/usb_storage/parameters/quirks",
            Some("usb-storage.quirks"),
        ),
        (
            "/sys/module/usbcore/parameters/quirks",
            Some("usbcore.quirks"),
        ),
        ("/proc/sys/vm/swappiness", Some("vm.swappiness")),
        ("/sys/kernel/mm/transparent_hugepage/enabled", None),
        ("", None),
        ("queue", None),
    ] {
        assert_eq!(of_path(path).map(|knob| knob.key), wanted, "{path}");
    }
    assert_eq!(kernel_name("block/sda/queue/scheduler"), Some("sda"));
    assert_eq!(kernel_name("/sys/class/bdi/8:0/max_ratio"), None);
}

#[test]
fn what_is_missing_beside_a_complete_table_does_not_exist() {
    assert!(is_complete_for("queue/nr_request"));
    assert!(!is_complete_for("queue/iosched/read_expire"));
    assert!(!is_complete_for("kernel.panic"));
    assert!(by_key("queue/nr_request").is_none());
    assert!(beside("queue/nr_request").contains(&"queue/nr_requests"));
}

#[test]
fn hostile_values_are_judged_without_a_panic() {
    let long = "9".repeat(100_000);
    for it in all() {
        for value in [long.as_str(), "-", "+", "\0", "\u{202e}", "-9", " 1", "1 "] {
            it.judge(value);
            it.compare(value, value);
            it.compare("1", value);
        }
    }
}
