//! Which disk for which role: what is selected, what is refused, and what the reason says.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests"
)]

#[path = "support/disks.rs"]
mod disks;

use keelblock::config::spec::{
    Cipher, DiskSelector, DiskType, Encryption, EncryptionForm, Filesystem, FilesystemKind,
    Install, InstallTarget, LegacyDisk, LegacyPartition, Location, Provisioning, Spec, Volume,
    VolumeKind,
};
use keelblock::exit::Exit;
use keelblock::guid::Guid;
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, Signature, Table, TalosDisk, Usage,
    UsageKind, UsbDevice,
};
use keelblock::selector::cel::{Env, Expression};
use keelblock::selector::selection::{Outcome, Role, Selection, Verdict};
use keelblock::selector::{Request, render, select};
use keelblock::units::{Bytes, Extent};

use self::disks::blank;

const GB: u64 = 1_000_000_000;

fn ssd() -> Disk {
    let mut disk = blank(TalosDisk {
        size: 251 * GB,
        model: "APPLE SSD SM0256G".into(),
        serial: "S2".into(),
        transport: "sata".into(),
        dev_path: "/dev/sda".into(),
        symlinks: vec!["/dev/disk/by-id/ata-APPLE_SSD_SM0256G_S2".into()],
        ..TalosDisk::default()
    });
    disk.id = "serial S2".into();
    disk
}

fn t5() -> Disk {
    let mut disk = blank(TalosDisk {
        size: 1000 * GB,
        model: "Portable SSD T5".into(),
        wwid: "naa.5002538e40a1b2c3".into(),
        transport: "usb".into(),
        dev_path: "/dev/sdb".into(),
        ..TalosDisk::default()
    });
    disk.id = "wwid naa.5002538e40a1b2c3".into();
    disk.usb = Some(UsbDevice {
        vendor_id: "04e8".into(),
        product_id: "61f5".into(),
        ..UsbDevice::default()
    });
    disk
}

fn machine(disks: Vec<Disk>) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks,
        notes: Vec::new(),
    }
}

fn partition(number: u32, name: &str, kind: Option<Guid>) -> Partition {
    Partition {
        type_guid: kind,
        ..Partition::new(
            number,
            name,
            Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB),
        )
    }
}

fn gpt(partitions: Vec<Partition>) -> Layout {
    Layout {
        table: Some(Table {
            kind: "gpt".into(),
            guid: None,
            block_size: None,
            usable: None,
            defects: Vec::new(),
        }),
        partitions,
        ..Layout::default()
    }
}

fn talos(names: &[&str]) -> Content {
    let partitions = (1..)
        .zip(names)
        .map(|(n, name)| partition(n, name, Some(Guid::LINUX_DATA)));
    Content::Talos(gpt(partitions.collect()))
}

fn signature(kind: &str) -> Signature {
    Signature {
        kind: kind.into(),
        talos: String::new(),
        label: String::new(),
        uuid: String::new(),
        version: String::new(),
        offset: Bytes::ZERO,
        extents: Vec::new(),
        note: String::new(),
    }
}

fn foreign(kind: &str) -> Content {
    Content::Foreign(Layout {
        signatures: vec![signature(kind)],
        ..Layout::default()
    })
}

fn install(target: InstallTarget, wipe: bool) -> Spec {
    Spec {
        install: Some(Install {
            at: Location {
                file: "node.yaml".into(),
                line: 7,
                column: 5,
            },
            target,
            wipe,
            wipe_explicit: wipe,
            image: None,
            legacy_bios: false,
        }),
        ..Spec::default()
    }
}

fn cel(text: &str) -> Expression {
    Expression::parse(text, Env::Disk).unwrap()
}

fn model(pattern: &str) -> InstallTarget {
    InstallTarget::Selector(DiskSelector {
        model: Some(pattern.into()),
        ..DiskSelector::default()
    })
}

fn volume(id: &str, kind: VolumeKind, rule: &str) -> Volume {
    Volume {
        at: Location::default(),
        id: id.into(),
        kind,
        provisioning: Provisioning {
            selector: Some(cel(rule)),
            ..Provisioning::default()
        },
        encryption: None,
        filesystem: Some(Filesystem {
            kind: FilesystemKind::Xfs,
            min_allocation_group: None,
        }),
    }
}

fn run(spec: &Spec, disks: Vec<Disk>) -> Selection {
    select(spec, &machine(disks), &Request::default())
}

fn role<'s>(selection: &'s Selection, name: &str) -> &'s Role {
    selection.role(name).unwrap()
}

#[test]
fn the_only_match_carries_install_state_and_ephemeral() {
    let selection = run(&install(model("APPLE*"), false), vec![ssd(), t5()]);
    assert_eq!(selection.exit(), Exit::Done);
    for name in ["install", "STATE", "EPHEMERAL"] {
        assert_eq!(
            role(&selection, name).disk.as_deref(),
            Some("/dev/sda"),
            "{name}"
        );
    }
    let install = role(&selection, "install");
    assert_eq!(install.source, "node.yaml:7:5");
    assert_eq!(install.disk_id.as_deref(), Some("serial S2"));
    assert_eq!(install.verdicts[1].verdict, Verdict::Excluded);
    let model = &install.verdicts[1].checks[0];
    assert_eq!(
        (&*model.check, &*model.wanted, &*model.found, model.pass),
        ("model", "\"APPLE*\"", "\"Portable SSD T5\"", false)
    );
}

#[test]
fn volumes_follow_their_selectors_with_the_system_disk_bound() {
    let mut spec = install(model("APPLE*"), false);
    spec.ephemeral.provisioning.selector = Some(cel("!system_disk"));
    spec.volumes = vec![
        volume("u-data", VolumeKind::User, "disk.transport == 'usb'"),
        volume("ETCD", VolumeKind::Directory, "true"),
        volume("s-swap", VolumeKind::Swap, "system_disk"),
    ];
    let selection = run(&spec, vec![t5(), ssd()]);
    let found: Vec<(&str, Option<&str>)> = selection
        .roles
        .iter()
        .map(|r| (&*r.role, r.disk.as_deref()))
        .collect();
    let (sda, sdb) = (Some("/dev/sda"), Some("/dev/sdb"));
    assert_eq!(
        found,
        [
            ("install", sda),
            ("STATE", sda),
            ("EPHEMERAL", sdb),
            ("u-data", sdb),
            ("s-swap", sda)
        ]
    );
}

#[test]
fn an_install_disk_is_found_by_path_or_link_and_never_by_a_pattern() {
    for (path, found) in [
        ("/dev/sda", Some("/dev/sda")),
        ("/dev/disk/by-id/ata-APPLE_SSD_SM0256G_S2", Some("/dev/sda")),
        ("/dev/disk/by-id/ata-APPLE*", None),
        ("/dev/sdc", None),
    ] {
        let selection = run(
            &install(InstallTarget::Disk(path.into()), false),
            vec![ssd(), t5()],
        );
        let install = role(&selection, "install");
        assert_eq!(install.disk.as_deref(), found, "{path}");
        if found.is_none() {
            assert_eq!(selection.exit(), Exit::NoDisk);
            assert_eq!(install.outcome, Outcome::None);
            assert_eq!(install.reason.contains("not expanded"), path.contains('*'));
        }
    }
}

#[test]
fn several_matches_are_refused_with_the_disk_that_talos_would_take() {
    let target = InstallTarget::Selector(DiskSelector {
        disk_type: Some(DiskType::Ssd),
        ..DiskSelector::default()
    });
    let mut nvme = ssd();
    nvme.path = "/dev/nvme0n1".into();
    nvme.talos.dev_path = nvme.path.clone();
    nvme.talos.model = "Samsung SSD 970".into();
    let selection = run(&install(target, true), vec![ssd(), nvme]);
    let install = role(&selection, "install");
    assert_eq!(install.outcome, Outcome::Refused);
    assert_eq!(
        install.reason,
        "2 disks match: /dev/nvme0n1, /dev/sda; Talos would take /dev/nvme0n1 without asking; \
         /dev/nvme0n1 and /dev/sda differ in model: \"Samsung SSD 970\", \"APPLE SSD SM0256G\""
    );
    assert_eq!(selection.exit(), Exit::Refused);
    let state = role(&selection, "STATE");
    assert_eq!(state.outcome, Outcome::None);
    assert!(state.reason.contains("the system disk, and there is none"));
}

#[test]
fn no_match_names_the_nearest_misses() {
    let target = InstallTarget::Expression(cel("disk.transport == 'usb' && disk.size > 2u * TB"));
    let selection = run(&install(target, false), vec![ssd(), t5()]);
    assert_eq!(
        role(&selection, "install").reason,
        "no disk matches; nearest: /dev/sdb: size wanted disk.size > 2u * TB, \
         found disk.size = 1000000000000 (931.3 GiB) (too small by 931.3 GiB, 50.0 %)"
    );
}

#[test]
fn a_rule_without_a_value_is_refused_because_talos_would_give_up() {
    let target = InstallTarget::Expression(cel("disk.symlinks[0].contains('usb')"));
    let selection = run(&install(target, false), vec![ssd(), t5()]);
    let install = role(&selection, "install");
    assert_eq!(install.outcome, Outcome::Refused);
    assert!(
        install
            .reason
            .contains("no value for /dev/sdb: no such key"),
        "{}",
        install.reason
    );
}

/// Each guard alone refuses the only disk that matches, and says so.
#[test]
fn guards_refuse_the_disk_that_a_rule_names() {
    type Change = fn(&mut Disk);
    let cases: [(&str, Change); 10] = [
        ("boot medium", |d| {
            d.boot_medium.push("loader partition".into())
        }),
        ("in use", |d| {
            d.usage.push(Usage {
                kind: UsageKind::Mount,
                device: "/dev/sda1".into(),
                by: "/mnt".into(),
            });
        }),
        ("write-protected", |d| d.talos.readonly = true),
        ("removable", |d| d.removable = true),
        ("CD-ROM drive", |d| d.talos.cdrom = true),
        ("locked", |d| {
            d.usb = Some(UsbDevice {
                vendor_id: "04e8".into(),
                product_id: "61f6".into(),
                ..UsbDevice::default()
            });
        }),
        ("readable", |d| {
            d.content = Content::Unreadable {
                reason: "input/output error".into(),
            };
        }),
        ("readable", |d| {
            let Content::Talos(layout) = talos(&["META"]) else {
                return;
            };
            let mut layout = layout;
            layout.partitions[0].unreadable = Some("beyond the end".into());
            d.content = Content::Talos(layout);
        }),
        ("partition table", |d| {
            let mut layout = gpt(vec![partition(1, "u-data", None)]);
            layout
                .table
                .as_mut()
                .unwrap()
                .defects
                .push("the backup table is missing".into());
            d.content = Content::Foreign(layout);
        }),
        ("content", |d| d.content = foreign("ext4")),
    ];
    for (check, change) in cases {
        let mut disk = ssd();
        change(&mut disk);
        let selection = run(
            &install(InstallTarget::Disk("/dev/sda".into()), true),
            vec![disk, t5()],
        );
        let install = role(&selection, "install");
        assert_eq!(install.outcome, Outcome::Refused, "{check}");
        assert_eq!(selection.exit(), Exit::Refused, "{check}");
        assert!(
            install.reason.contains(&format!("{check}: ")),
            "{check}: {}",
            install.reason
        );
        let failed = install.verdicts[0]
            .checks
            .iter()
            .any(|c| c.check == check && !c.pass);
        assert!(
            failed && install.verdicts[0].verdict == Verdict::Excluded,
            "{check}"
        );
    }
}

#[test]
fn foreign_content_needs_both_halves_of_the_consent() {
    let mut disk = ssd();
    disk.content = foreign("ext4");
    for (wipe, named, outcome) in [
        (false, None, Outcome::Refused),
        (true, None, Outcome::Refused),
        (false, Some("serial S2"), Outcome::Refused),
        (true, Some("wwid naa.5002538e40a1b2c3"), Outcome::Refused),
        (true, Some("serial S2"), Outcome::Selected),
        (true, Some("/dev/sda"), Outcome::Selected),
        (
            true,
            Some("/dev/disk/by-id/ata-APPLE_SSD_SM0256G_S2"),
            Outcome::Selected,
        ),
    ] {
        let request = Request {
            wipe_consent: named.map(str::to_owned).into_iter().collect(),
        };
        let spec = install(InstallTarget::Disk("/dev/sda".into()), wipe);
        let selection = select(&spec, &machine(vec![disk.clone()]), &request);
        let install = role(&selection, "install");
        assert_eq!(
            install.outcome, outcome,
            "{wipe} {named:?}: {}",
            install.reason
        );
        if outcome == Outcome::Refused {
            let half = |given| if given { "given" } else { "missing" };
            let said = format!(
                "install.wipe true: {}, named to be wiped: {}",
                half(wipe),
                half(named == Some("serial S2"))
            );
            assert!(install.reason.contains(&said), "{}", install.reason);
            assert!(install.reason.contains("serial S2"));
        }
    }
}

#[test]
fn half_of_a_fusion_drive_is_refused_until_both_halves_are_named() {
    let apfs = || Content::Foreign(gpt(vec![partition(1, "", Some(Guid::APPLE_APFS))]));
    let (mut a, mut b) = (ssd(), t5());
    a.content = apfs();
    b.content = apfs();
    b.talos.model = "APPLE HDD HTS541010A9E662".into();
    b.talos.rotational = true;
    b.usb = None;
    let spec = install(InstallTarget::Disk("/dev/sda".into()), true);
    let both = ["serial S2".to_owned(), "/dev/sdb".to_owned()];
    for (consent, outcome) in [
        (&both[..1], Outcome::Refused),
        (&both[..], Outcome::Selected),
    ] {
        let request = Request {
            wipe_consent: consent.to_vec(),
        };
        let selection = select(&spec, &machine(vec![a.clone(), b.clone()]), &request);
        let install = role(&selection, "install");
        assert_eq!(install.outcome, outcome, "{}", install.reason);
        let names_it = install
            .reason
            .contains("Fusion drive: a pair with /dev/sdb");
        assert_eq!(names_it, outcome == Outcome::Refused);
    }
}

#[test]
fn an_installed_talos_is_adopted_on_the_disk_and_refused_beside_it() {
    let (mut a, mut b) = (ssd(), t5());
    a.content = talos(&["EFI", "META", "STATE", "EPHEMERAL"]);
    let spec = install(model("APPLE*"), false);
    assert_eq!(run(&spec, vec![a.clone(), b.clone()]).exit(), Exit::Done);
    b.content = talos(&["META"]);
    let selection = run(&spec, vec![a, b]);
    let install = role(&selection, "install");
    assert_eq!(install.outcome, Outcome::Refused);
    assert!(
        install.reason.contains("META elsewhere: on /dev/sdb"),
        "{}",
        install.reason
    );
}

#[test]
fn a_volume_that_is_already_there_decides_between_several_matches() {
    let mut spec = install(model("APPLE*"), false);
    spec.volumes = vec![volume("u-data", VolumeKind::User, "!disk.rotational")];
    let mut holder = t5();
    holder.content = talos(&["u-data"]);
    let selection = run(&spec, vec![ssd(), holder.clone()]);
    let data = role(&selection, "u-data");
    assert_eq!(data.disk.as_deref(), Some("/dev/sdb"), "{}", data.reason);
    let mut second = ssd();
    second.content = talos(&["u-data"]);
    let selection = run(&spec, vec![second, holder]);
    assert_eq!(role(&selection, "u-data").outcome, Outcome::Refused);
}

#[test]
fn a_label_on_a_disk_that_the_rule_does_not_name_is_refused() {
    let mut spec = install(model("APPLE*"), false);
    spec.volumes = vec![volume("u-data", VolumeKind::User, "system_disk")];
    let mut stale = t5();
    stale.content = talos(&["u-data"]);
    let selection = run(&spec, vec![ssd(), stale]);
    let data = role(&selection, "u-data");
    assert_eq!(data.outcome, Outcome::Refused);
    assert!(
        data.reason.contains("u-data elsewhere: on /dev/sdb"),
        "{}",
        data.reason
    );
}

#[test]
fn a_whole_disk_volume_never_shares_the_system_disk_and_keeps_its_filesystem() {
    let mut spec = install(model("APPLE*"), false);
    spec.volumes = vec![volume("u-data", VolumeKind::UserDisk, "disk.size > 1u")];
    let selection = run(&spec, vec![ssd()]);
    assert!(role(&selection, "u-data").reason.contains("whole disk"));
    spec.volumes = vec![volume(
        "u-data",
        VolumeKind::UserDisk,
        "disk.transport == 'usb'",
    )];
    for (kind, outcome) in [("xfs", Outcome::Selected), ("ext4", Outcome::Refused)] {
        let mut disk = t5();
        disk.content = foreign(kind);
        let selection = run(&spec, vec![ssd(), disk]);
        assert_eq!(role(&selection, "u-data").outcome, outcome, "{kind}");
    }
    spec.volumes[0].encryption = Some(Encryption {
        at: Location::default(),
        form: EncryptionForm::Document,
        provider: "luks2".into(),
        cipher: Cipher::AesXts,
        cipher_text: String::new(),
        key_size: 0,
        block_size: 0,
        options: None,
        allow_discards: None,
        keys: Vec::new(),
    });
    let mut disk = t5();
    disk.content = foreign("xfs");
    let selection = run(&spec, vec![ssd(), disk]);
    assert_eq!(role(&selection, "u-data").outcome, Outcome::Refused);
}

#[test]
fn machine_disks_are_named_by_path_and_recognised_when_laid_out() {
    let mut spec = install(model("APPLE*"), false);
    spec.legacy_disks = vec![LegacyDisk {
        at: Location::default(),
        device: "/dev/sdb".into(),
        partitions: vec![LegacyPartition {
            size: Bytes::MIB,
            mountpoint: "/var/mnt/a".into(),
        }],
    }];
    assert_eq!(run(&spec, vec![ssd(), t5()]).exit(), Exit::Done);
    let laid_out = |name: &str| {
        let mut disk = t5();
        disk.content = Content::Foreign(gpt(vec![partition(1, name, Some(Guid::LINUX_DATA))]));
        run(&spec, vec![ssd(), disk]).exit()
    };
    assert_eq!(laid_out(""), Exit::Done);
    assert_eq!(laid_out("photos"), Exit::Refused);
}

#[test]
fn an_unfinished_apply_may_go_on_unless_something_else_was_put_there() {
    let spec = install(model("APPLE*"), false);
    let mut layout = gpt(vec![partition(1, "EFI", None)]);
    layout
        .table
        .as_mut()
        .unwrap()
        .defects
        .push("the primary table is missing".into());
    layout.unfinished = Some("9f3c".into());
    let mut disk = ssd();
    disk.content = Content::Foreign(layout.clone());
    assert_eq!(run(&spec, vec![disk.clone()]).exit(), Exit::Done);
    layout.signatures.push(signature("ext4"));
    disk.content = Content::Foreign(layout);
    assert_eq!(run(&spec, vec![disk]).exit(), Exit::Refused);
}

#[test]
fn without_a_named_disk_the_score_decides_and_a_tie_is_refused() {
    let spec = install(InstallTarget::Unnamed, false);
    let selection = run(&spec, vec![t5(), ssd()]);
    let install = role(&selection, "install");
    assert_eq!(install.disk.as_deref(), Some("/dev/sda"));
    let totals: Vec<i64> = install
        .verdicts
        .iter()
        .map(|v| v.score.as_ref().unwrap().total)
        .collect();
    assert_eq!(totals, [110, 10]);
    assert_eq!(install.verdicts[1].verdict, Verdict::Eligible);
    let mut twin = ssd();
    twin.path = "/dev/sdc".into();
    let selection = run(&spec, vec![t5(), ssd(), twin.clone()]);
    assert!(
        role(&selection, "install")
            .reason
            .contains("tie for the best score (110)")
    );
    twin.content = talos(&["META", "STATE"]);
    let selection = run(&spec, vec![t5(), ssd(), twin]);
    assert_eq!(
        role(&selection, "install").disk.as_deref(),
        Some("/dev/sdc")
    );
    let mut stick = t5();
    stick.removable = true;
    let selection = run(&spec, vec![stick]);
    assert_eq!(selection.exit(), Exit::NoDisk);
    // The best disk is the internal one, also when it must not be used: never the next best.
    let mut mac = ssd();
    mac.content = foreign("apfs");
    let selection = run(&spec, vec![mac, t5()]);
    assert_eq!(role(&selection, "install").outcome, Outcome::Refused);
}

/// A node that is not installed by this configuration: only what it says something of is decided.
#[test]
fn a_config_without_an_installation_gets_no_install_disk() {
    let mut spec = Spec {
        volumes: vec![volume("u-data", VolumeKind::User, "!system_disk")],
        ..Spec::default()
    };
    let selection = run(&spec, vec![ssd(), t5()]);
    let names: Vec<&str> = selection.roles.iter().map(|r| &*r.role).collect();
    assert_eq!(names, ["u-data"]);
    assert_eq!(selection.exit(), Exit::NoDisk);
    assert!(selection.notes[0].contains("asks for no installation"));
    assert!(selection.notes[0].contains("none is the system disk"));
    // An installed Talos has a system disk, as for Talos itself.
    let mut installed = ssd();
    installed.content = talos(&["EFI", "META", "STATE", "EPHEMERAL"]);
    let selection = run(&spec, vec![installed.clone(), t5()]);
    assert_eq!(role(&selection, "u-data").disk.as_deref(), Some("/dev/sdb"));
    assert!(selection.notes[0].contains("the system disk is /dev/sda"));
    assert_eq!(selection.exit(), Exit::Done);
    // What the configuration says of STATE is about that disk.
    spec.state.at = Location {
        file: "state.yaml".into(),
        line: 1,
        column: 1,
    };
    let selection = run(&spec, vec![installed, t5()]);
    let names: Vec<&str> = selection.roles.iter().map(|r| &*r.role).collect();
    assert_eq!(names, ["STATE", "u-data"]);
    assert_eq!(role(&selection, "STATE").disk.as_deref(), Some("/dev/sda"));
}

#[test]
fn the_text_fits_80_columns_and_names_what_failed() {
    let mut spec = install(
        InstallTarget::Expression(cel(
            "disk.size > 100u * GB && disk.transport == 'usb' && glob('*SSD T5*', disk.model)",
        )),
        false,
    );
    spec.volumes = vec![volume("u-data", VolumeKind::User, "!disk.rotational")];
    let mut odd = t5();
    odd.talos.model.push('\u{1b}');
    let inventory = machine(vec![ssd(), odd]);
    let text = render(&select(&spec, &inventory, &Request::default()), &inventory);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    for part in [
        "install: /dev/sdb\n",
        "  A  /dev/sda  APPLE SSD SM0256G, 233.7 GiB, sata\n",
        "  disk.transport == 'usb'                                                    - +\n",
        "    found \"sata\" A; \"usb\" B\n",
        "  verdict                                                                    . *\n",
        "u-data: refused\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let empty = machine(Vec::new());
    let none = select(&spec, &empty, &Request::default());
    assert!(render(&none, &empty).contains("the machine has no disk"));
}

#[test]
fn volumes_pass_over_write_protected_disks_as_talos_does() {
    let mut spec = install(model("APPLE*"), false);
    spec.volumes = vec![volume(
        "u-data",
        VolumeKind::User,
        "disk.transport == 'usb'",
    )];
    let mut other = t5();
    other.path = "/dev/sdc".into();
    other.talos.readonly = true;
    let selection = run(&spec, vec![ssd(), other.clone(), t5()]);
    assert_eq!(role(&selection, "u-data").disk.as_deref(), Some("/dev/sdb"));
    let selection = run(&spec, vec![ssd(), other]);
    let data = role(&selection, "u-data");
    assert_eq!(data.outcome, Outcome::None);
    assert!(
        data.reason.contains("/dev/sdc: readonly wanted false"),
        "{}",
        data.reason
    );
}
