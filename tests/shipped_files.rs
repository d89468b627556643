//! The shipped udev, sysctl and systemd files say what the tuner says, and the tools that read them agree.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository and runs the tools that judge its files"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keelblock::tuner::rules::{Key, Token, parse};
use keelblock::tuner::{self, Scope, Setting};

const RULES: &str = "udev-rules/60-keelblock-usb-ssd.rules";
const SYSCTL: &str = "sysctl.d/60-keelblock.conf";
const UNIT: &str = "systemd/keelblock-apply.service";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// Runs a tool of Debian's `package`; its absence is a failure, not a reason to skip.
fn run(package: &str, tool: &str, arguments: &[&str]) -> Output {
    let output = Command::new(tool).args(arguments).output();
    output.unwrap_or_else(|error| {
        panic!("cannot run {tool} ({error}): install the Debian package {package}")
    })
}

fn text(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    stdout.into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The pairs of each rule.
fn rules() -> Vec<Vec<Token>> {
    let file = parse(&shipped(RULES));
    assert_eq!(file.faults, Vec::new(), "{RULES}");
    let rules = file.rules.into_iter();
    rules.map(|rule| rule.tokens).collect()
}

/// The attributes that the rules write, in order, with the driver they ask for.
fn assignments() -> Vec<(String, String, Option<String>)> {
    let mut found = Vec::new();
    for rule in rules() {
        let driver = rule.iter().find(|token| token.key == Key::Drivers);
        for (token, attribute) in rule.iter().filter_map(|t| Some((t, t.writes()?))) {
            found.push((
                attribute.to_owned(),
                token.value.clone(),
                driver.map(|token| token.value.clone()),
            ));
        }
    }
    found
}

fn settings(wanted: impl Fn(&Setting) -> bool) -> Vec<&'static Setting> {
    tuner::shipped().iter().filter(|s| wanted(s)).collect()
}

#[test]
fn the_udev_rules_write_what_the_tuner_writes_in_its_order() {
    let expected: Vec<_> = settings(|setting| setting.scope != Scope::Machine)
        .into_iter()
        .map(|setting| {
            let driver = match setting.scope {
                Scope::BulkOnly => Some("usb-storage".to_owned()),
                Scope::UsbSsd | Scope::Machine => None,
            };
            (setting.key.to_owned(), setting.value.to_owned(), driver)
        })
        .collect();
    assert_eq!(assignments(), expected);
}

#[test]
fn the_udev_rules_write_read_ahead_last() {
    let last = assignments().pop().unwrap();
    assert_eq!(last.0, "queue/read_ahead_kb");
}

#[test]
fn the_udev_rules_name_the_tuners_products_and_no_other() {
    let value = |rule: &[Token], attribute: &str| {
        let has = |token: &&Token| token.attribute.as_deref() == Some(attribute);
        let token = rule.iter().find(has);
        token.map(|token| token.value.clone())
    };
    let mut named = Vec::new();
    for rule in rules() {
        if let Some(vendor) = value(&rule, "idVendor") {
            named.push((vendor, value(&rule, "idProduct").unwrap()));
        }
    }
    let products = tuner::USB_SSDS.iter();
    let expected: Vec<_> = products
        .map(|ssd| (ssd.vendor_id.to_owned(), ssd.product_id.to_owned()))
        .collect();
    assert_eq!(named, expected);
}

#[test]
fn the_udev_rules_know_the_bogus_transfer_size_by_the_tuners_number() {
    let rules = rules();
    let mut tokens = rules.iter().flatten();
    let size = tokens.find(|token| token.is(Key::Attr, "queue/optimal_io_size"));
    assert_eq!(
        size.unwrap().value,
        tuner::BOGUS_OPTIMAL_IO_SIZE.to_string()
    );
}

#[test]
fn no_udev_rule_matches_attributes_of_two_parents() {
    let usb = BTreeSet::from(["idVendor", "idProduct"]);
    for rule in rules() {
        let parents = rule.iter().filter(|token| token.key.walks_parents());
        let (device, other): (Vec<_>, Vec<_>) =
            parents.partition(|token| usb.contains(token.attribute.as_deref().unwrap_or_default()));
        let one = device.is_empty() || other.is_empty();
        assert!(one && other.len() <= 1, "never matches: {rule:?}");
    }
}

#[test]
fn every_jump_of_the_udev_rules_goes_forward_to_a_label() {
    let rules = rules();
    for (at, rule) in rules.iter().enumerate() {
        for jump in rule.iter().filter(|token| token.key == Key::Goto) {
            let lands = |token: &Token| token.key == Key::Label && token.value == jump.value;
            let mut later = rules.iter().skip(at + 1).flatten();
            assert!(later.any(lands), "{} has no label", jump.value);
        }
    }
}

#[test]
fn every_value_in_the_udev_rules_has_its_reason_above_it() {
    let text = shipped(RULES);
    let mut explained = false;
    for line in text.lines() {
        match line {
            "" => explained = false,
            line if line.starts_with('#') => explained = true,
            line if line.contains("ATTR{") => assert!(explained, "no reason: {line}"),
            _ => {}
        }
    }
}

#[test]
fn udevadm_accepts_the_rules() {
    // `verify` came with systemd 254; before that only the parser above looks at the file.
    if !text(&run("udev", "udevadm", &["--help"])).contains("verify") {
        return;
    }
    let rules = repository(RULES);
    let output = run("udev", "udevadm", &["verify", rules.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn the_sysctl_file_sets_what_the_tuner_sets_with_a_reason_each() {
    let text = shipped(SYSCTL);
    let mut found = Vec::new();
    let mut above = "";
    for line in text.lines() {
        if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            assert!(above.starts_with('#'), "no reason: {line}");
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        above = line;
    }
    let expected: Vec<_> = settings(|setting| setting.scope == Scope::Machine)
        .into_iter()
        .map(|setting| (setting.key.to_owned(), setting.value.to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_kernel_has_every_sysctl() {
    for setting in settings(|setting| setting.scope == Scope::Machine) {
        let path = Path::new("/proc/sys").join(setting.key.replace('.', "/"));
        assert!(path.exists(), "{}", path.display());
    }
}

/// The unit as it is, but for the program's place: systemd wants it to exist.
fn unit_with_a_program_that_exists(directory: &Path) -> PathBuf {
    let shipped = shipped(UNIT);
    let unit = shipped.replace("/usr/bin/keelblock", env!("CARGO_BIN_EXE_keelblock"));
    assert_ne!(unit, shipped, "{UNIT} does not start /usr/bin/keelblock");
    let path = directory.join("keelblock-apply.service");
    std::fs::write(&path, unit).unwrap();
    path
}

#[test]
fn systemd_accepts_the_unit_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let unit = unit_with_a_program_that_exists(directory.path());
    let arguments = ["verify", "--man=no", unit.to_str().unwrap()];
    let output = run("systemd", "systemd-analyze", &arguments);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output).trim(), "");
}

#[test]
fn systemd_rates_the_units_exposure_as_low() {
    let directory = tempfile::tempdir().unwrap();
    let unit = unit_with_a_program_that_exists(directory.path());
    // In tenths: 20 is "2.0 OK" of 10.
    let arguments = [
        "security",
        "--offline=true",
        "--threshold=20",
        unit.to_str().unwrap(),
    ];
    let output = run("systemd", "systemd-analyze", &arguments);
    assert!(output.status.success(), "{}", text(&output));
}

/// The journal's fields and the progress need a socket each; without `NotifyAccess=` there is no `NOTIFY_SOCKET`.
#[test]
fn the_unit_lets_the_program_wait_and_say_how_far_it_is() {
    let unit = shipped(UNIT);
    let has = |line: &str| unit.lines().any(|it| it == line);
    assert!(has("NotifyAccess=main"));
    assert!(has("RestrictAddressFamilies=AF_UNIX"));
    assert!(has("TimeoutStartSec=infinity"));
    let waits = |line: &str| line.starts_with("ExecStart=") && line.contains(" --wait ");
    assert!(unit.lines().any(waits));
}

#[test]
fn the_unit_starts_only_where_there_is_a_configuration() {
    let unit = shipped(UNIT);
    let value = |key: &str| {
        let mut lines = unit.lines();
        lines.find_map(|line| line.strip_prefix(key).map(str::to_owned))
    };
    let condition = value("ConditionPathExists=").unwrap();
    let command = value("ExecStart=").unwrap();
    let apply = format!("/usr/bin/keelblock apply -c {condition} ");
    let more = command.strip_prefix(&apply);
    assert!(more.is_some(), "{command}");
}
