//! Which disks a reset is about: names, ghosts, and what forbids writing.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

#[path = "support/disks.rs"]
mod disks;

use keelblock::guid::Guid;
use keelblock::partitioner::reset::choose::{ChooseError, choose};
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, Table, TalosDisk, Usage, UsageKind,
};
use keelblock::units::{BlockSize, Bytes, Extent};

/// A disk at `path` with these partitions, of which META has its size.
fn disk(path: &str, names: &[&str]) -> Disk {
    let mut disk = disks::blank(TalosDisk {
        size: 64 << 30,
        sector_size: 512,
        dev_path: path.to_owned(),
        ..TalosDisk::default()
    });
    let partition = |(number, name): (u32, &&str)| Partition {
        type_guid: Some(Guid::LINUX_DATA),
        guid: Some(Guid::LINUX_DATA),
        ..Partition::new(
            number,
            *name,
            Extent::new(Bytes::mib(u64::from(number) * 1000), Bytes::mib(1)),
        )
    };
    disk.content = Content::Talos(Layout {
        table: Some(Table {
            kind: String::from("gpt"),
            guid: None,
            block_size: Some(BlockSize::B512),
            usable: None,
            defects: Vec::new(),
        }),
        partitions: (1..).zip(names).map(partition).collect(),
        ..Layout::default()
    });
    disk
}

const SYSTEM: &[&str] = &["EFI", "META", "STATE", "EPHEMERAL"];

fn machine(disks: &[Disk]) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: disks.to_vec(),
        notes: Vec::new(),
    }
}

/// The paths that are chosen.
fn chosen(
    disks: &[Disk],
    only: Option<&str>,
    volumes: &[&str],
) -> Result<Vec<String>, ChooseError> {
    let inventory = machine(disks);
    let volumes: Vec<String> = volumes.iter().map(|name| (*name).to_owned()).collect();
    let only = only.map(|path| disks.iter().find(|d| d.path == path).expect("a disk"));
    let chosen = choose(&inventory, only, &volumes)?;
    Ok(chosen.iter().map(|disk| disk.path.clone()).collect())
}

#[test]
fn the_volumes_are_found_by_name_wherever_they_are() {
    let blank = disks::blank(TalosDisk {
        size: 1 << 30,
        dev_path: String::from("/dev/sdz"),
        ..TalosDisk::default()
    });
    let one = disk("/dev/sda", SYSTEM);
    let system = disk("/dev/sdb", &["EFI", "META", "STATE"]);
    let data = disk("/dev/sda", &["EPHEMERAL", "u-data"]);
    let done = disk("/dev/sda", &["EFI", "META"]);
    let stranger = disk("/dev/sdc", &["EFI", "ROOT"]);
    let no_medium = Disk {
        content: Content::Unreadable {
            reason: String::from("no medium"),
        },
        talos: TalosDisk {
            size: 0,
            ..TalosDisk::default()
        },
        ..disk("/dev/sdd", &[])
    };
    let looped = disk("/dev/loop0", SYSTEM);
    let find = |disks: &[Disk], volumes: &[&str]| chosen(disks, None, volumes).expect("disks");
    assert_eq!(
        find(&[one.clone(), blank, stranger, no_medium], &[]),
        ["/dev/sda"]
    );
    assert_eq!(
        find(&[data.clone(), system.clone()], &[]),
        ["/dev/sdb", "/dev/sda"]
    );
    assert_eq!(find(&[data, system], &["u-data"]), ["/dev/sdb", "/dev/sda"]);
    assert_eq!(
        find(std::slice::from_ref(&done), &[]),
        ["/dev/sda"],
        "META may still have its tag"
    );
    assert_eq!(
        find(&[one, looped.clone()], &[]),
        ["/dev/sda"],
        "Talos passes over loop devices"
    );
    let named = chosen(&[looped], Some("/dev/loop0"), &[]).expect("a named loop device");
    assert_eq!(named, ["/dev/loop0"]);
}

#[test]
fn a_name_on_two_disks_is_refused_until_one_is_named() {
    let pairs: [(&str, &[&str], &[&str]); 4] = [
        ("STATE", SYSTEM, SYSTEM),
        ("EPHEMERAL", SYSTEM, &["EPHEMERAL"]),
        ("META", &["META", "STATE"], &["META", "EPHEMERAL"]),
        ("u-data", &["META", "STATE", "u-data"], &["u-data"]),
    ];
    for (name, first, second) in pairs {
        let disks = [disk("/dev/sda", first), disk("/dev/sdb", second)];
        let volumes: &[&str] = if name == "u-data" { &["u-data"] } else { &[] };
        let error = chosen(&disks, None, volumes).expect_err(name);
        let ChooseError::Ambiguous {
            name: found,
            disks: holders,
        } = &error
        else {
            panic!("{name}: {error:?}");
        };
        assert_eq!((found.as_str(), holders.len()), (name, 2));
        assert!(error.to_string().contains("/dev/sda") && error.to_string().contains("/dev/sdb"));
        assert_eq!(
            chosen(&disks, Some("/dev/sda"), volumes).expect("named"),
            ["/dev/sda"]
        );
    }
}

#[test]
fn what_must_not_be_written_is_refused_even_by_name() {
    type Change = fn(&mut Disk);
    let changes: [(&str, Change); 6] = [
        ("in use", |disk| {
            disk.usage.push(Usage {
                kind: UsageKind::DeviceMapper,
                device: String::from("/dev/sda3"),
                by: String::from("luks2-STATE"),
            });
        }),
        ("boot medium", |disk| {
            disk.boot_medium.push(String::from("/run/live"))
        }),
        ("write-protected", |disk| disk.talos.readonly = true),
        ("removable", |disk| disk.removable = true),
        ("CD-ROM", |disk| disk.talos.cdrom = true),
        ("readable", |disk| {
            disk.unread.push(String::from("its holders"))
        }),
    ];
    for (word, change) in changes {
        let mut disk = disk("/dev/sda", SYSTEM);
        change(&mut disk);
        for only in [None, Some("/dev/sda")] {
            let error = chosen(std::slice::from_ref(&disk), only, &[]).expect_err(word);
            let ChooseError::Forbidden { against, .. } = &error else {
                panic!("{word}: {error:?}");
            };
            assert!(
                against.iter().any(|line| line.starts_with(word)),
                "{against:?}"
            );
        }
    }
}

#[test]
fn a_disk_that_cannot_be_read_might_be_a_ghost() {
    let broken = Disk {
        content: Content::Unreadable {
            reason: String::from("input/output error"),
        },
        ..disk("/dev/sdb", &[])
    };
    let disks = [disk("/dev/sda", SYSTEM), broken];
    let error = chosen(&disks, None, &[]).expect_err("a ghost");
    assert!(matches!(error, ChooseError::Unreadable { .. }), "{error:?}");
    assert_eq!(
        chosen(&disks, Some("/dev/sda"), &[]).expect("named"),
        ["/dev/sda"]
    );
    let error = chosen(&disks, Some("/dev/sdb"), &[]).expect_err("broken");
    assert!(matches!(error, ChooseError::Unreadable { .. }), "{error:?}");
}

#[test]
fn a_partition_state_of_another_system_is_left_alone() {
    // ChromeOS keeps its users' files in a partition of that name.
    let chromebook = disk(
        "/dev/sda",
        &["STATE", "KERN-A", "ROOT-A", "OEM", "EFI-SYSTEM"],
    );
    for only in [None, Some("/dev/sda")] {
        let error = chosen(std::slice::from_ref(&chromebook), only, &[]).expect_err("not Talos");
        assert!(matches!(error, ChooseError::NotTalos { .. }), "{error:?}");
    }
    let data = disk("/dev/sda", &["EPHEMERAL"]);
    let error =
        chosen(std::slice::from_ref(&data), None, &[]).expect_err("nothing of Talos beside");
    assert!(matches!(error, ChooseError::NotTalos { .. }), "{error:?}");
    assert_eq!(
        chosen(&[data], Some("/dev/sda"), &[]).expect("named"),
        ["/dev/sda"]
    );
}

#[test]
fn nothing_to_find_is_said() {
    let stranger = disk("/dev/sda", &["EFI", "ROOT"]);
    let error = chosen(std::slice::from_ref(&stranger), None, &[]).expect_err("nothing");
    assert!(matches!(error, ChooseError::Nothing(_)), "{error:?}");
    let disks = [disk("/dev/sda", SYSTEM)];
    let error = chosen(&disks, None, &["u-data"]).expect_err("no such volume");
    assert_eq!(error, ChooseError::NoVolume(String::from("u-data")));
}
