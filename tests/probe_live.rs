//! The probe of the machine that the tests run on agrees with lsblk, and with libudev where a udevd runs.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that runs lsblk"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use keelblock::probe::inventory::Inventory;
use keelblock::probe::probe;
use keelblock::root::Root;
use serde_json::Value;

fn lsblk(args: &[&str]) -> Value {
    let output = Command::new("lsblk")
        .args(args)
        .output()
        .unwrap_or_else(|e| {
            panic!("lsblk cannot be run ({e}): install the Debian package util-linux")
        });
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What differs between lsblk's list of disks and ours, which are asked for one after the other.
fn differences() -> Vec<String> {
    let theirs = lsblk(&["-J", "-O", "-b", "-d"]);
    let ours = probe(&Root::live());
    let mut differences = Vec::new();
    for theirs in theirs["blockdevices"].as_array().unwrap() {
        let path = theirs["path"].as_str().unwrap();
        let size = theirs["size"].as_u64().unwrap();
        let Some(disk) = ours.disks.iter().find(|disk| disk.path == path) else {
            if size != 0 {
                differences.push(format!("{path} is missing; notes: {:?}", ours.notes));
            }
            continue;
        };
        let text = |key: &str| theirs[key].as_str().unwrap_or_default().trim().to_owned();
        let number = |key: &str| theirs[key].as_u64().unwrap();
        let flag = |key: &str| theirs[key].as_bool().unwrap();
        let mut same = |property: &str, ours: String, theirs: String| {
            if ours != theirs {
                differences.push(format!("{path}: {property} is {ours}, lsblk says {theirs}"));
            }
        };
        let physical = disk.physical_sector_size;
        let numbers = [
            ("size", disk.talos.size, size),
            ("log-sec", disk.talos.sector_size, number("log-sec")),
            ("phy-sec", physical.into(), number("phy-sec")),
        ];
        for (property, ours, theirs) in numbers {
            same(property, ours.to_string(), theirs.to_string());
        }
        let flags = [
            ("ro", disk.talos.readonly),
            ("rm", disk.removable),
            ("rota", disk.talos.rotational),
        ];
        for (property, ours) in flags {
            same(property, ours.to_string(), flag(property).to_string());
        }
        if disk.udev.is_empty() {
            same("model", disk.talos.model.clone(), text("model"));
        }
        if !text("tran").is_empty() {
            same("tran", disk.talos.transport.clone(), text("tran"));
        }
    }
    differences
}

/// Other tests attach and detach loop devices meanwhile, so that what both say may be true and still differ once:
/// what differs every time is wrong.
#[test]
fn every_disk_that_lsblk_lists_has_the_same_properties_here() {
    let mut last = differences();
    for _ in 0..20 {
        if last.is_empty() {
            return;
        }
        last = differences();
    }
    panic!("{last:#?}");
}

#[test]
fn a_mounted_disk_is_in_use_and_the_one_under_the_root_is_the_boot_medium() {
    let ours = probe(&Root::live());
    let theirs = lsblk(&["-J", "-b", "-o", "PATH,MOUNTPOINTS"]);
    for theirs in theirs["blockdevices"].as_array().unwrap() {
        let points = theirs["mountpoints"].as_array().unwrap();
        let path = theirs["path"].as_str().unwrap();
        let Some(disk) = ours.disks.iter().find(|disk| disk.path == path) else {
            continue;
        };
        for point in points.iter().filter_map(Value::as_str) {
            if point.starts_with('/') {
                assert!(
                    disk.usage.iter().any(|usage| usage.by == point),
                    "{path} at {point}: {:?}",
                    disk.usage
                );
            }
            if point == "/" {
                assert!(!disk.boot_medium.is_empty(), "{disk:#?}");
            }
        }
    }
}

#[test]
fn the_inventory_of_this_machine_survives_json() {
    let ours = probe(&Root::live());
    let json = serde_json::to_string(&ours).unwrap();
    assert_eq!(serde_json::from_str::<Inventory>(&json).unwrap(), ours);
}

/// Ten times the time that lsblk takes is far beyond the goal, and far below what a slip would cost.
#[test]
fn probing_this_machine_takes_no_longer_than_a_moment() {
    let fastest = |run: &dyn Fn()| {
        (0..5)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed()
            })
            .min()
            .unwrap()
    };
    let theirs = fastest(&|| {
        lsblk(&["-J", "-O", "-b"]);
    });
    let ours = fastest(&|| {
        probe(&Root::live());
    });
    eprintln!("lsblk {theirs:?}, probe {ours:?}");
    assert!(ours < (theirs * 10).max(Duration::from_millis(50)));
}

#[test]
#[ignore = "prints the inventory, for people"]
fn show() {
    let json = serde_json::to_string_pretty(&probe(&Root::live())).unwrap();
    println!("{json}");
}

/// A loop device with a partition table, given back at the end.
struct Loop {
    node: String,
    _image: tempfile::NamedTempFile,
}

impl Loop {
    fn new(table: &str, sector: &str) -> Self {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let path = image.path().to_str().unwrap();
        let node = tool(
            "losetup",
            "mount",
            &["-f", "--show", "-P", "-b", sector, path],
            "",
        );
        let node = node.trim().to_owned();
        tool("sfdisk", "fdisk", &["-q", &node], table);
        Self {
            node,
            _image: image,
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        tool("losetup", "mount", &["-d", &self.node], "");
    }
}

fn tool(name: &str, package: &str, args: &[&str], input: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = Command::new(name)
        .args(args)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| {
            panic!("{name} cannot be run ({e}): install the Debian package {package}")
        });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name} {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn disk_of(node: &str) -> keelblock::probe::inventory::Disk {
    let inventory = probe(&Root::live());
    let found = inventory.disks.into_iter().find(|disk| disk.path == node);
    found.unwrap_or_else(|| panic!("{node} is not listed"))
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_loop_device_is_read_by_ioctl_and_by_its_bytes() {
    for (sector, first) in [("512", "2048"), ("4096", "256")] {
        let table = format!("label: gpt\nstart={first}, name=STATE\n");
        let device = Loop::new(&table, sector);
        let disk = disk_of(&device.node);
        assert_eq!(disk.talos.size, 64 << 20);
        assert_eq!(disk.talos.sector_size.to_string(), sector);
        assert_eq!(disk.unread, [""; 0]);
        assert_eq!(disk.content.word(), "talos", "{:?}", disk.content);
        assert_eq!(disk.usage, [], "an idle loop device");
    }
}

#[test]
#[ignore = "needs root and loop devices"]
fn an_exclusive_open_that_nothing_explains_is_a_use() {
    let device = Loop::new("label: gpt\nname=STATE\n", "512");
    let claim = Root::live().claim_device(&device.node).unwrap();
    let usage = disk_of(&device.node).usage;
    assert_eq!(usage.len(), 1, "{usage:?}");
    assert_eq!(
        usage[0].kind,
        keelblock::probe::inventory::UsageKind::Claimed
    );
    drop(claim);
    assert_eq!(disk_of(&device.node).usage, []);
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_loop_device_on_a_disk_is_a_use_of_the_disk() {
    let device = Loop::new("label: gpt\nname=STATE\n", "512");
    let above = tool("losetup", "mount", &["-f", "--show", &device.node], "");
    let above = above.trim();
    let usage = disk_of(&device.node).usage;
    tool("losetup", "mount", &["-d", above], "");
    assert_eq!(usage.len(), 1, "{usage:?}");
    assert_eq!(usage[0].kind, keelblock::probe::inventory::UsageKind::Loop);
    assert!(usage[0].by.starts_with(above), "{usage:?}");
}

#[test]
#[ignore = "needs root and loop devices"]
fn partitions_come_and_go_and_ranges_are_zeroed_by_ioctl() {
    use keelblock::sys::block;
    use keelblock::units::{Bytes, Extent};
    let device = Loop::new("label: gpt\n", "512");
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&device.node)
        .unwrap();
    let name = device.node.strip_prefix("/dev/").unwrap();
    let start = format!("/sys/block/{name}/{name}p3/start");
    block::add_partition(&file, 3, Extent::new(Bytes::mib(4), Bytes::mib(8))).unwrap();
    assert_eq!(std::fs::read_to_string(&start).unwrap(), "8192\n");
    block::remove_partition(&file, 3).unwrap();
    assert!(std::fs::read_to_string(&start).is_err());
    assert!(block::remove_partition(&file, 3).is_err());
    let whole = Extent::new(Bytes::ZERO, block::size(&file).unwrap());
    assert_eq!(whole.len, Bytes::mib(64));
    block::zero_out(&file, whole).unwrap();
    block::drop_cache(&file).unwrap();
    block::reread_partitions(&file).unwrap();
    assert_eq!(disk_of(&device.node).content.word(), "blank");
    block::discard(&file, Extent::new(Bytes::ZERO, Bytes::MIB)).unwrap();
    assert_eq!(block::logical_block_size(&file).unwrap(), 512);
    assert!(!block::read_only(&file).unwrap());
    assert!(!block::is_cdrom(&file));
    let seq = std::fs::read_to_string(format!("/sys/block/{name}/diskseq")).unwrap();
    assert_eq!(block::diskseq(&file).unwrap().to_string(), seq.trim());
}
