//! What profiles match, inherit and refuse.

use std::collections::BTreeSet;

use super::*;
use crate::config::Source;

fn disk(driver: &str, usb: &str) -> Disk {
    Disk {
        driver: driver.to_owned(),
        usb: usb.to_owned(),
        ..Disk::default()
    }
}

fn errors(text: &str) -> String {
    let source = Source {
        name: "own.yaml",
        text,
    };
    parse(source, &built_in()).unwrap_err().to_string()
}

#[test]
fn the_built_in_profiles_are_sound_and_each_setting_says_why_what_it_costs_and_who_says_so() {
    let source = Source {
        name: "profiles.yaml",
        text: BUILT_IN,
    };
    let profiles = parse(source, &[]).unwrap();
    assert!(profiles.len() >= 9);
    for profile in &profiles {
        assert!(!profile.title.is_empty());
        for setting in &profile.settings {
            let said = [&setting.reason, &setting.cost, &setting.source];
            assert!(said.iter().all(|text| !text.is_empty()), "{setting:?}");
        }
    }
}

#[test]
fn each_kind_of_disk_has_the_profile_that_was_made_for_it() {
    let apple = |driver: &str| Disk {
        model: "APPLE SSD SM0256".to_owned(),
        ..disk(driver, "")
    };
    let spins = Disk {
        rotational: true,
        ..disk("usb-storage", "0bc2:ab38")
    };
    let bogus = Disk {
        optimal_io_size: 33_553_920,
        ..spins.clone()
    };
    let cases = [
        (disk("uas", "04e8:61f5"), Some("samsung-t5")),
        (disk("usb-storage", "04e8:61f5"), Some("samsung-t5-bot")),
        // A locked T5 is another product.
        (disk("usb-storage", "04e8:61f6"), None),
        (disk("uas", "04e8:4001"), Some("samsung-t7")),
        (disk("usb-storage", "04e8:61fb"), Some("samsung-t7-bot")),
        (disk("uas", "0781:558c"), Some("generic-usb-ssd")),
        (apple("ahci"), Some("apple-flash")),
        (apple("nvme"), Some("apple-flash")),
        (apple("usb-storage"), None),
        (spins, None),
        (bogus, Some("generic-usb-bridge")),
        (disk("virtio_blk", ""), None),
    ];
    let profiles = built_in();
    for (disk, wanted) in cases {
        let found = of_disk(&profiles, &disk).map(|profile| profile.name.as_str());
        assert_eq!(found, wanted, "{disk:?}");
    }
}

#[test]
fn what_extends_a_profile_has_its_settings_and_may_replace_or_leave_them() {
    let text = "version: 1\nprofiles:\n- name: mine\n  match: {model: X*}\n  extends: usb-ssd\n  settings:\n  \
                - {key: queue/read_ahead_kb, value: 512, reason: streaming}\n  left:\n  \
                - {key: bdi/max_ratio, reason: only disk}\n";
    let source = Source {
        name: "own.yaml",
        text,
    };
    let profiles = parse(source, &built_in()).unwrap();
    let settings = &profiles[0].settings;
    let value = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| setting.value.as_str())
    };
    assert_eq!(value("queue/read_ahead_kb"), Some("512"));
    assert_eq!(value("bdi/max_ratio"), None);
    assert_eq!(value("vm.dirty_bytes"), Some("268435456"));
    let keys: BTreeSet<_> = settings.iter().map(|setting| &setting.key).collect();
    assert_eq!(keys.len(), settings.len());
}

#[test]
fn mistakes_in_a_file_of_profiles_are_told_with_their_place() {
    let cases = [
        ("profiles: []\n", "there is no version"),
        (
            "version: 2\n",
            "a version that this keelblock does not know",
        ),
        ("version: 1\nprofile: []\n", "profile"),
        ("version: 1\nprofiles:\n- title: x\n", "there is no name"),
        (
            "version: 1\nprofiles:\n- {name: x, extends: nobody}\n",
            "no such profile",
        ),
        (
            "version: 1\nprofiles:\n- {name: x, match: {}}\n",
            "it would match every disk",
        ),
        (
            "version: 1\nprofiles:\n- {name: x, match: {usb: \"4E8:61F5\"}}\n",
            "not the id of a USB device",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n  settings:\n  - {key: queue/../../x, value: 1, reason: y}\n",
            "not the name of a setting",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n  settings:\n  - {key: queue/nr_requests, value: 1}\n",
            "there is no reason",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n  settings:\n  - {key: queue/x, value: 1, reason: y, needs: luck}\n",
            "not a thing that can be needed",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n- name: x\n",
            "a second profile of this name",
        ),
    ];
    for (text, message) in cases {
        let errors = errors(text);
        assert!(errors.contains(message), "{text}: {errors}");
        assert!(errors.contains("own.yaml:"), "{errors}");
    }
}

#[test]
fn what_is_empty_is_told_since_it_would_count_as_nothing() {
    for (text, message) in [
        (
            "version: 1\nprofiles:\n- name: ''\n",
            "own.yaml:3:9: profiles[0].name: an empty name",
        ),
        (
            "version: 1\nprofiles:\n- {name: x, match: {model: ''}}\n",
            "own.yaml:3:28: profiles[0].match.model: an empty model",
        ),
        (
            "version: 1\nprofiles:\n- {name: x, match: {driver: []}}\n",
            "an empty driver",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n  settings:\n  - {key: queue/x, value: '', reason: y}\n",
            "an empty value",
        ),
        (
            "version: 1\nprofiles:\n- name: x\n  left:\n  - {key: queue/x, reason: ''}\n",
            "an empty reason",
        ),
    ] {
        let errors = errors(text);
        assert!(errors.contains(message), "{text}: {errors}");
    }
}
