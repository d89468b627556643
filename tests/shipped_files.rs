//! The shipped udev, sysctl and systemd files say what the tuner says, and the tools that read them agree.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository and runs the tools that judge its files"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keelblock::tuner::profile::{self, Profile};
use keelblock::tuner::{export, order};

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

/// `KEELBLOCK_BLESS=1` writes the file anew.
fn is_what_export_makes(path: &str, text: &str) {
    if std::env::var_os("KEELBLOCK_BLESS").is_some() {
        std::fs::write(repository(path), text).unwrap();
    }
    assert!(
        shipped(path) == text,
        "{path} is not what `tune export` makes of the profiles"
    );
}

#[test]
fn the_udev_rules_and_the_sysctls_are_what_export_makes_of_the_built_in_profiles() {
    let profiles = profile::built_in();
    let profiles: Vec<&Profile> = profiles.iter().collect();
    is_what_export_makes(RULES, &export::udev(&profiles));
    is_what_export_makes(SYSCTL, &export::sysctl(&profiles));
}

#[test]
fn the_udev_rules_write_each_profile_in_the_tuners_order() {
    let profiles = profile::built_in();
    let all: Vec<&Profile> = profiles.iter().collect();
    for profile in profiles.iter().filter(|profile| profile.matching.is_some()) {
        let is_for = |rule: &&export::Rule| {
            let (_, rest) = rule
                .text
                .split_once(r#"ENV{KEELBLOCK_PROFILE}==""#)
                .unwrap_or_default();
            rest.split('"')
                .next()
                .unwrap_or_default()
                .split('|')
                .any(|name| name == profile.name)
        };
        let rules = export::rules(&all);
        let written: Vec<&str> = rules
            .iter()
            .filter(is_for)
            .map(|rule| {
                rule.text
                    .rsplit_once("ATTR{")
                    .unwrap()
                    .1
                    .split('}')
                    .next()
                    .unwrap()
            })
            .collect();
        let below = |key: &&str| {
            ["queue/", "bdi/"]
                .iter()
                .any(|prefix| key.starts_with(prefix))
        };
        let mut wanted: Vec<&str> = profile
            .settings
            .iter()
            .map(|it| it.key.as_str())
            .filter(below)
            .collect();
        wanted.sort_by_key(|key| order::rank(key));
        assert_eq!(written, wanted, "{}", profile.name);
        assert!(
            wanted
                .last()
                .is_none_or(|last| *last == "queue/read_ahead_kb")
        );
    }
}

/// `udevadm verify` of systemd 254 or newer: the system's own, else that of Debian's backports.
fn verify(rules: &Path) -> Output {
    let arguments = ["verify", "--no-style", rules.to_str().unwrap()];
    if text(&run("udev", "udevadm", &["--help"])).contains("verify") {
        return run("udev", "udevadm", &arguments);
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("udevadm");
    let program = directory.join("root/bin/udevadm");
    if !program.exists() {
        let script = repository("tests/fetch-backports");
        let script = Command::new(script)
            .arg(&directory)
            .args(["udev", "libsystemd-shared"])
            .output()
            .unwrap();
        assert!(script.status.success(), "no udevadm 254: {}", text(&script));
    }
    let libraries = format!("root/usr/lib/{}-linux-gnu/systemd", std::env::consts::ARCH);
    Command::new(program)
        .args(arguments)
        .env("LD_LIBRARY_PATH", directory.join(libraries))
        .output()
        .unwrap()
}

#[test]
fn udevadm_accepts_the_rules() {
    let shipped = verify(&repository(RULES));
    assert!(shipped.status.success(), "{}", text(&shipped));
    let said = text(&shipped);
    assert!(said.contains("Success: 1"), "{said}");
    let hopeless = verify(&repository("tests/fixtures/tuning/hopeless.rules"));
    assert!(!hopeless.status.success(), "it accepts anything");
}

#[test]
fn the_kernel_has_every_sysctl() {
    let profiles = profile::built_in();
    let settings = profiles.iter().flat_map(|profile| &profile.settings);
    for setting in settings.filter(|it| it.is_of_machine() && !it.key.contains('/')) {
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
