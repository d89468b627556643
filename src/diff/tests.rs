//! What is said of a change, rule by rule.

use super::*;

const HEAD: &str = "version: v1alpha1\nmachine:\n  type: controlplane\n  token: hunter.two-token\n";
const STATE: &str = "---\napiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption:\n  provider: luks2\n  keys:\n";
const DATA: &str = "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\n";

fn config(text: &str) -> Config {
    let text = Zeroizing::new(text.to_owned());
    Config::read(vec![(String::from("node.yaml"), text)]).unwrap()
}

fn compared(before: &str, after: &str) -> NodeDiff {
    let (before, after) = (config(before), config(after));
    node("a", Some(&before), Some(&after), None)
}

/// `risk subject` of every change, and the risk of all.
fn said(before: &str, after: &str) -> (Vec<String>, Risk) {
    let found = compared(before, after);
    let changes = found.changes();
    let line = |it: &Change| format!("{} {}", it.risk.word(), it.subject);
    (changes.map(line).collect(), found.risk)
}

fn machine(below: &str) -> String {
    format!("{HEAD}{below}")
}

fn state(keys: &str) -> String {
    format!("{HEAD}{STATE}{keys}")
}

fn data(below: &str) -> String {
    let selector =
        "provisioning:\n  diskSelector:\n    match: disk.transport == \"usb\"\n  minSize: 1GiB\n";
    format!("{HEAD}{DATA}{selector}{below}")
}

const NODE: &str = "    - {slot: 0, nodeID: {}}\n";
const STATIC: &str = "    - {slot: 1, static: {passphrase: hunter-one}}\n";
const OTHER: &str = "    - {slot: 1, static: {passphrase: hunter-two}}\n";

#[test]
fn changes_of_the_install_disk_are_told_by_what_an_installation_would_do() {
    let install = |text: &str| machine(&format!("  install:\n{text}"));
    for (before, after, wanted) in [
        (
            "    disk: /dev/sda\n",
            "    disk: /dev/sdb\n",
            "wipes install disk",
        ),
        (
            "    diskSelector: {serial: a}\n",
            "    diskSelector: {serial: b}\n",
            "wipes install disk",
        ),
        (
            "    disk: /dev/sda\n",
            "    disk: /dev/sda\n    wipe: true\n",
            "wipes install wipe",
        ),
        (
            "    disk: /dev/sda\n    wipe: true\n",
            "    disk: /dev/sda\n",
            "remake install wipe",
        ),
        (
            "    disk: /dev/sda\n",
            "    disk: /dev/sda\n    image: x:v1.12.0\n",
            "upgrade installer image",
        ),
        (
            "    disk: /dev/sda\n",
            "    disk: /dev/sda\n    legacyBIOSSupport: true\n",
            "remake install legacyBIOSSupport",
        ),
        (
            "    disk: /dev/sda\n",
            "    disk: /dev/sda\n    extraKernelArgs: [a=b]\n",
            "upgrade kernel argument",
        ),
    ] {
        let (changes, _) = said(&install(before), &install(after));
        assert_eq!(changes, [wanted], "{before} {after}");
    }
    let (changes, _) = said(HEAD, &install("    disk: /dev/sda\n"));
    assert_eq!(changes, ["remake install disk"]);
}

#[test]
fn keys_that_go_from_their_slots_lock_out_and_others_are_synchronised() {
    let kms = |host: &str| format!("    - {{slot: 0, kms: {{endpoint: \"https://{host}\"}}}}\n");
    let moved = NODE.replace("slot: 0", "slot: 3");
    for (before, after, wanted) in [
        (
            NODE,
            STATIC,
            &[
                "locks-out STATE keys",
                "rekeys STATE key slot 0",
                "rekeys STATE key slot 1",
            ][..],
        ),
        (
            NODE,
            &format!("{NODE}{STATIC}"),
            &["rekeys STATE key slot 1"],
        ),
        (
            &format!("{NODE}{STATIC}"),
            NODE,
            &["rekeys STATE key slot 1"],
        ),
        (
            &format!("{NODE}{STATIC}"),
            &format!("{NODE}{OTHER}"),
            &["rekeys STATE key slot 1"],
        ),
        (
            STATIC,
            OTHER,
            &["locks-out STATE keys", "rekeys STATE key slot 1"],
        ),
        (
            NODE,
            &moved,
            &[
                "locks-out STATE keys",
                "rekeys STATE key slot 0",
                "rekeys STATE key slot 3",
            ],
        ),
        (
            &kms("a"),
            &kms("b"),
            &["locks-out STATE keys", "rekeys STATE key slot 0"],
        ),
        (
            "    - {slot: 0, tpm: {}}\n",
            "    - {slot: 0, tpm: {options: {pcrs: [7, 11]}}}\n",
            &["remake STATE key slot 0 PCRs"],
        ),
    ] {
        assert_eq!(
            said(&state(before), &state(after)).0,
            wanted,
            "{before} {after}"
        );
    }
}

#[test]
fn a_key_that_is_locked_to_state_from_now_on_is_another_one() {
    let locked = NODE.replace("{slot: 0", "{lockToState: true, slot: 0");
    let ephemeral = |keys: &str| state(keys).replace("STATE", "EPHEMERAL");
    let (changes, risk) = said(&ephemeral(NODE), &ephemeral(&locked));
    assert_eq!(changes[0], "locks-out EPHEMERAL keys");
    assert_eq!(risk, Risk::LocksOut);
}

#[test]
fn sealing_and_unsealing_lock_out_and_headers_stay_as_they_are() {
    let plain = HEAD.to_owned();
    assert_eq!(said(&plain, &state(NODE)).0, ["locks-out STATE encryption"]);
    assert_eq!(said(&state(NODE), &plain).0, ["locks-out STATE encryption"]);
    for (more, wanted) in [
        (
            "  cipher: xchacha20,aes-adiantum-plain64\n",
            "remake STATE cipher",
        ),
        ("  keySize: 256\n", "remake STATE keySize"),
        ("  blockSize: 4096\n", "remake STATE blockSize"),
        ("  options: [no_read_workqueue]\n", "reboot STATE options"),
        ("  allowDiscards: true\n", "reboot STATE allowDiscards"),
    ] {
        let changed = format!("{}{more}", state(NODE));
        assert_eq!(said(&state(NODE), &changed).0, [wanted]);
        assert_eq!(said(&changed, &state(NODE)).0, [wanted]);
    }
}

#[test]
fn volumes_that_are_there_stay_where_and_as_they_are() {
    let plain = data("");
    let usb = "disk.transport == \"usb\"";
    let whole = |bus: &str| {
        format!(
            "{HEAD}{DATA}volumeType: disk\nprovisioning:\n  diskSelector:\n    match: disk.transport == \"{bus}\"\n"
        )
    };
    for (before, after, wanted) in [
        (HEAD, &*plain, "online u-data"),
        (&plain, HEAD, "strands u-data"),
        (
            &plain,
            &plain.replace(usb, "disk.transport == \"nvme\""),
            "remake u-data selector",
        ),
        (
            &plain,
            &plain.replace("minSize: 1GiB", "minSize: 2GiB"),
            "remake u-data minSize",
        ),
        (
            &plain,
            &plain.replace("  minSize", "  maxSize: 9GiB\n  minSize"),
            "remake u-data maxSize",
        ),
        (
            &plain,
            &plain.replace("  minSize", "  grow: true\n  minSize"),
            "reboot u-data grow",
        ),
        (
            &plain,
            &data("filesystem:\n  type: ext4\n"),
            "locks-out u-data filesystem",
        ),
        (
            &plain,
            &plain.replace("User", "Raw"),
            "strands u-data|online r-data",
        ),
        (&plain, &whole("usb"), "strands u-data"),
        (&whole("usb"), &whole("nvme"), "strands u-data selector"),
        (
            &plain,
            &plain.replace("name: data", "name: other"),
            "strands u-data|online u-other",
        ),
    ] {
        assert_eq!(said(before, after).0.join("|"), wanted, "{after}");
    }
}

#[test]
fn disks_of_the_old_form_are_compared_partition_by_partition() {
    let disks = |text: &str| {
        machine(&format!(
            "  disks:\n  - device: /dev/sdb\n    partitions:\n{text}"
        ))
    };
    let one = "    - {mountpoint: /var/mnt/a, size: 1GiB}\n";
    let two = format!("{one}    - {{mountpoint: /var/mnt/b, size: 1GiB}}\n");
    for (before, after, wanted) in [
        (
            disks(one),
            disks(&two),
            "online machine.disks /dev/sdb partition 2",
        ),
        (
            disks(&two),
            disks(one),
            "strands machine.disks /dev/sdb partition 2",
        ),
        (
            disks(one),
            disks(&one.replace("1GiB", "2GiB")),
            "remake machine.disks /dev/sdb partition 1 size",
        ),
        (
            disks(one),
            disks(&one.replace("/a", "/c")),
            "strands machine.disks /dev/sdb partition 1",
        ),
    ] {
        assert_eq!(said(&before, &after).0, [wanted]);
    }
}

#[test]
fn tuning_says_when_it_is_in_effect() {
    for (before, after, wanted) in [
        (
            "",
            "  sysctls: {vm.swappiness: '1'}\n",
            "online sysctl vm.swappiness",
        ),
        (
            "  sysctls: {vm.swappiness: '1'}\n",
            "",
            "online sysctl vm.swappiness",
        ),
        (
            "  sysfs: {a.b: '1'}\n",
            "  sysfs: {a.b: '2'}\n",
            "online sysfs a.b",
        ),
        ("", "  udev: {rules: [x]}\n", "online udev rule"),
        ("  udev: {rules: [x]}\n", "", "reboot udev rule"),
        (
            "  udev: {rules: [x, y]}\n",
            "  udev: {rules: [y, x]}\n",
            "online order of the udev rules",
        ),
        ("", "  kernel: {modules: [{name: a}]}\n", "online module a"),
        ("  kernel: {modules: [{name: a}]}\n", "", "reboot module a"),
        (
            "  kernel: {modules: [{name: a}]}\n",
            "  kernel: {modules: [{name: a, parameters: [b=1]}]}\n",
            "reboot module a",
        ),
    ] {
        assert_eq!(
            said(&machine(before), &machine(after)).0,
            [wanted],
            "{after}"
        );
    }
}

#[test]
fn a_thing_is_the_same_as_itself_and_a_mirrored_change_has_the_same_paths() {
    let all = [
        HEAD.to_owned(),
        state(NODE),
        state(STATIC),
        data(""),
        machine("  udev: {rules: [x]}\n"),
    ];
    for before in &all {
        let found = compared(before, before);
        assert_eq!((found.state, found.risk), (State::Same, Risk::None));
        assert!(found.text.is_empty() && found.is_quiet());
        for after in &all {
            let paths = |found: NodeDiff| -> std::collections::BTreeSet<(String, String)> {
                let edits = found.text.into_iter();
                edits.map(|it| (it.document, it.path)).collect()
            };
            assert_eq!(
                paths(compared(before, after)),
                paths(compared(after, before))
            );
        }
    }
}

#[test]
fn no_secret_comes_out_and_a_changed_one_is_said_to_be() {
    let before = format!("{}  sysctls: {{a.b: say hunter-one}}\n", HEAD) + STATE + STATIC;
    let after = before
        .replace("hunter-one", "hunter-two")
        .replace("two-token", "three-token");
    let found = compared(&before, &after);
    let json = serde_json::to_string(&found).unwrap();
    assert!(!json.contains("hunter"), "{json}");
    let secret: Vec<&str> = found
        .text
        .iter()
        .filter(|it| it.secret)
        .map(|it| &*it.path)
        .collect();
    assert!(
        secret.contains(&"machine.token") && secret.contains(&"machine.sysctls.a.b"),
        "{secret:?}"
    );
}

#[test]
fn only_releases_that_reboot_are_said_to() {
    let of = |version: &str, udev: &str| {
        machine(&format!(
            "  install: {{disk: /dev/sda, image: \"x/y:v{version}\"}}\n{udev}"
        ))
    };
    let udev = "  udev: {rules: [x]}\n";
    for (version, wanted) in [("1.12.0", 1), ("1.14.0", 0)] {
        let found = compared(&of(version, ""), &of(version, udev));
        assert_eq!(found.notes.len(), wanted, "{version}: {:?}", found.notes);
    }
    let found = compared(&of("1.12.0", ""), &of("1.12.0", "  sysctls: {a.b: '1'}\n"));
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

#[test]
fn what_validate_finds_is_compared_without_its_place() {
    let found = compared(&state(STATIC), &state(NODE));
    let codes: Vec<&str> = found.found.iter().map(|it| it.code).collect();
    assert!(!codes.is_empty(), "a nodeID key alone is a finding");
    let back = compared(&state(NODE), &state(STATIC));
    let mended: Vec<&str> = back.mended.iter().map(|it| it.code).collect();
    assert!(
        codes.iter().all(|code| mended.contains(code)),
        "{codes:?} {mended:?}"
    );
}

#[test]
fn only_the_name_differs_where_a_node_is_renamed() {
    let named = |name: &str| {
        format!("{HEAD}---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: {name}\n")
    };
    assert!(is_renamed(&config(&named("a")), &config(&named("b"))));
    assert!(!is_renamed(&config(&named("a")), &config(&data(""))));
}
