//! Blame on a tree whose rules and files contradict each other, and on this machine's own.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes a tree of its own"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

const USB: &str = "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3";

struct Tree(tempfile::TempDir);

impl Tree {
    /// A T5 under `uas`, as sysfs and udev's record show it.
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let interface = format!("{USB}/2-3:1.0");
        let scsi = format!("{interface}/host0/target0:0:0/0:0:0:0");
        let disk = format!("{scsi}/block/sda");
        tree.file(&format!("{USB}/uevent"), "");
        tree.file(&format!("{USB}/idVendor"), "04e8\n");
        tree.file(&format!("{USB}/idProduct"), "61f5\n");
        tree.link(&format!("{USB}/subsystem"), "/sys/bus/usb");
        tree.file(&format!("{interface}/uevent"), "");
        tree.link(&format!("{interface}/driver"), "/sys/bus/usb/drivers/uas");
        tree.file(&format!("{scsi}/uevent"), "");
        tree.file(&format!("{scsi}/model"), "Portable SSD T5 \n");
        tree.link(&format!("{scsi}/subsystem"), "/sys/bus/scsi");
        tree.file(&format!("{disk}/uevent"), "DEVTYPE=disk\nDEVNAME=sda\n");
        tree.file(&format!("{disk}/dev"), "8:0\n");
        tree.file(&format!("{disk}/queue/optimal_io_size"), "33553920\n");
        tree.file(&format!("{disk}/queue/rotational"), "0\n");
        tree.link(&format!("{disk}/subsystem"), "/sys/class/block");
        tree.link("/sys/class/block/sda", &disk);
        tree.file(
            "/run/udev/data/b8:0",
            "E:ID_BUS=ata\nE:ID_USB_DRIVER=uas\nV:1\n",
        );
        tree
    }

    fn outside(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.outside(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.outside(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn ask(&self, key: &str, found: Option<&str>, wanted: &str) -> Blame {
        let on_disk = key.contains('/');
        let what = Subject {
            key: key.to_owned(),
            disk: on_disk.then(|| PathBuf::from("/sys/class/block/sda")),
        };
        blame(&Root::at(self.0.path()), &what, found, wanted)
    }
}

fn set_by(blame: &Blame) -> (&str, u32, Holds) {
    match &blame.likely {
        Cause::SetBy(by) => (by.file.as_str(), by.line, by.holds),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_rule_that_holds_is_blamed() {
    let tree = Tree::new();
    tree.file(
        "/usr/lib/udev/rules.d/60-a.rules",
        "ATTRS{idVendor}==\"04e8\", ATTR{queue/scheduler}=\"bfq\"\n\
         ATTRS{idVendor}==\"1234\", ATTR{queue/scheduler}=\"kyber\"\n",
    );
    tree.file(
        "/etc/udev/rules.d/70-b.rules",
        "\nSUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", \\\n  ATTR{queue/scheduler}=\"none\"\n",
    );
    let blame = tree.ask("queue/scheduler", Some("[none] mq-deadline"), "mq-deadline");
    assert_eq!(
        set_by(&blame),
        ("/etc/udev/rules.d/70-b.rules", 3, Holds::Yes)
    );
    assert_eq!(blame.evidence.len(), 2);
    let older = tree.ask("queue/scheduler", Some("none [bfq]"), "mq-deadline");
    assert_eq!(
        set_by(&older),
        ("/usr/lib/udev/rules.d/60-a.rules", 1, Holds::Yes)
    );
    assert_eq!(
        older.to_string(),
        "queue/scheduler was set by the udev rule /usr/lib/udev/rules.d/60-a.rules:1"
    );
}

#[test]
fn a_file_of_the_same_name_in_etc_replaces_the_other_and_null_masks_it() {
    let tree = Tree::new();
    let rule = |value: &str| format!("ATTR{{queue/scheduler}}=\"{value}\"\n");
    tree.file("/usr/lib/udev/rules.d/60-a.rules", &rule("none"));
    tree.file("/etc/udev/rules.d/60-a.rules", &rule("bfq"));
    tree.file("/usr/lib/udev/rules.d/61-b.rules", &rule("kyber"));
    tree.link("/etc/udev/rules.d/61-b.rules", "/dev/null");
    let blame = tree.ask("queue/scheduler", Some("[none]"), "bfq");
    assert_eq!(blame.likely, Cause::Unknown);
    let values: Vec<_> = blame
        .evidence
        .iter()
        .map(|it| it.value.as_deref())
        .collect();
    assert_eq!(values, [Some("bfq")]);
}

#[test]
fn conditions_of_two_parents_do_not_hold_together() {
    let tree = Tree::new();
    tree.file(
        "/etc/udev/rules.d/60-a.rules",
        "ATTRS{idVendor}==\"04e8\", ATTRS{model}==\"Portable SSD T5*\", ATTR{queue/scheduler}=\"none\"\n",
    );
    let blame = tree.ask("queue/scheduler", Some("[none]"), "mq-deadline");
    assert_eq!((blame.likely, blame.evidence), (Cause::Unknown, Vec::new()));
}

#[test]
fn what_cannot_be_told_is_said_to_be_so() {
    let tree = Tree::new();
    tree.file(
        "/etc/udev/rules.d/60-a.rules",
        "PROGRAM==\"/bin/x\", ATTR{queue/scheduler}=\"none\"\n",
    );
    let blame = tree.ask("queue/scheduler", Some("[none]"), "mq-deadline");
    assert_eq!(set_by(&blame).2, Holds::Unknown);
    assert!(blame.to_string().ends_with("cannot be told)"), "{blame}");
}

#[test]
fn a_jump_leaves_out_what_it_jumps_over() {
    let tree = Tree::new();
    tree.file(
        "/etc/udev/rules.d/60-a.rules",
        "ATTRS{idVendor}==\"04e8\", GOTO=\"end\"\nATTR{queue/scheduler}=\"none\"\nLABEL=\"end\"\n",
    );
    let blame = tree.ask("queue/scheduler", Some("[none]"), "mq-deadline");
    assert_eq!(blame.likely, Cause::Unknown);
    assert_eq!(blame.evidence, Vec::new());
}

#[test]
fn read_ahead_of_twice_the_optimal_size_is_the_kernels_doing() {
    let tree = Tree::new();
    tree.file(
        "/etc/udev/rules.d/60-a.rules",
        "ATTR{queue/read_ahead_kb}=\"128\"\nATTR{queue/rotational}=\"0\"\n",
    );
    let blame = tree.ask("queue/read_ahead_kb", Some("65532\n"), "128");
    let Cause::RaisedByKernel {
        optimal_io_size,
        after: Some(after),
    } = &blame.likely
    else {
        panic!("{blame:?}");
    };
    assert_eq!((*optimal_io_size, after.line), (33_553_920, 2));
    assert!(blame.to_string().contains("60-a.rules:2"), "{blame}");
}

#[test]
fn a_default_a_clamp_and_a_refusal_are_told_apart() {
    let tree = Tree::new();
    for (key, found, wanted, cause) in [
        ("queue/rotational", Some("0"), "1", Cause::Unknown),
        ("queue/nomerges", Some("0"), "2", Cause::Default),
        (
            "queue/scheduler",
            Some("none [mq-deadline]"),
            "none",
            Cause::Default,
        ),
    ] {
        assert_eq!(tree.ask(key, found, wanted).likely, cause, "{key}");
    }
    let clamped = tree.ask("queue/max_sectors_kb", Some("512"), "1024").likely;
    assert!(matches!(clamped, Cause::Clamped { .. }), "{clamped:?}");
    let refused = tree.ask("queue/read_ahead_kb", Some("128"), "0x80").likely;
    assert!(matches!(refused, Cause::Refused { .. }), "{refused:?}");
    let missing = tree.ask("queue/async_depth", None, "8").likely;
    assert!(matches!(missing, Cause::Missing { .. }), "{missing:?}");
}

#[test]
fn sysctls_are_blamed_on_the_last_file_by_name() {
    let tree = Tree::new();
    tree.file("/proc/cmdline", "ro sysctl.vm.swappiness=5 quiet\n");
    tree.file("/usr/lib/sysctl.d/90-a.conf", "vm.swappiness = 10\n");
    tree.file("/etc/sysctl.d/50-b.conf", "# x\nvm/swappiness = 20\n");
    let blame = |found: &str| tree.ask("vm.swappiness", Some(found), "1");
    assert_eq!(set_by(&blame("10")).0, "/usr/lib/sysctl.d/90-a.conf");
    assert_eq!(
        set_by(&blame("20")),
        ("/etc/sysctl.d/50-b.conf", 2, Holds::Yes)
    );
    assert_eq!(set_by(&blame("5")).0, "/proc/cmdline");
    assert_eq!(blame("60").likely, Cause::Default);
    assert_eq!(blame("77").likely, Cause::Unknown);
}

#[test]
fn the_other_form_of_a_limit_is_blamed_for_a_zero() {
    let tree = Tree::new();
    tree.file("/etc/sysctl.d/90-a.conf", "vm.dirty_ratio = 5\n");
    let blame = tree.ask("vm.dirty_bytes", Some("0"), "268435456");
    assert_eq!(
        blame.to_string(),
        "vm.dirty_bytes was zeroed when vm.dirty_ratio was set by the sysctl file /etc/sysctl.d/90-a.conf:1"
    );
}

#[test]
fn module_parameters_come_from_modprobe_d_and_the_command_line() {
    let tree = Tree::new();
    tree.file(
        "/etc/modprobe.d/a.conf",
        "options usb_storage quirks=04e8:61f5:u\n",
    );
    let blame = tree.ask("usb-storage.quirks", Some("04e8:61f5:u\n"), "");
    assert_eq!(set_by(&blame).0, "/etc/modprobe.d/a.conf");
    let missing = tree.ask("usb-storage.quirks", None, "04e8:61f5:u");
    assert!(missing.to_string().contains("not loaded"), "{missing}");
}

#[test]
fn this_machines_own_rules_and_sysctls_are_read() {
    let root = Root::live();
    let files = drop_ins(&root, "udev/rules.d", ".rules");
    assert!(
        files
            .iter()
            .any(|(path, _)| Path::new(path).ends_with("60-block.rules")),
        "install the Debian package udev"
    );
    let names: Vec<_> = files
        .iter()
        .map(|(path, _)| path.rsplit('/').next())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let found = fs::read_to_string("/proc/sys/vm/swappiness").unwrap();
    let what = Subject {
        key: "vm.swappiness".to_owned(),
        disk: None,
    };
    let answer = blame(&root, &what, Some(&found), "1");
    assert_ne!(answer.to_string(), "");
    let disk = Some(PathBuf::from("/sys/class/block/loop0"));
    let what = Subject {
        key: "queue/read_ahead_kb".to_owned(),
        disk,
    };
    assert_ne!(blame(&root, &what, Some("128"), "256").to_string(), "");
}
