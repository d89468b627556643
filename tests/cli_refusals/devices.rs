//! Block devices as targets: loop devices, the only ones that every machine can make.

use std::fs;
use std::path::Path;

use keelblock::plan::{Plan, canonical};

use crate::cli::{Bench, apply, config, digest, root, tool};
use crate::images::{Memory, nobody};
use crate::loops::{Loop, losetup, names};

/// A bench with a blank 4 GiB image on a loop device that the configuration installs to.
fn bench(more: &[&str]) -> (Bench, Loop) {
    let bench = Bench::new();
    bench.blank("disk.img", 4 << 30);
    let device = Loop::new(&bench.path("disk.img"), more);
    bench.write("node.yaml", config(&format!("    disk: {}", device.name())));
    (bench, device)
}

fn onto<'a>(device: &'a Loop, more: &[&'a str]) -> Vec<&'a str> {
    let named = ["-c", "node.yaml", "--disk", device.name()];
    [&apply(&named)[..], more].concat()
}

#[test]
fn a_loop_device_is_laid_out_and_converges() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench(&[]);
    let first = bench.run(&onto(&device, &[])).exits(0);
    assert!(first.stdout.contains("applied in"), "{first:#?}");
    let before = digest(&bench.path("disk.img"));
    let again = bench.run(&onto(&device, &[])).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:#?}");
    assert_eq!(digest(&bench.path("disk.img")), before);
    let table = tool("gdisk", "sgdisk", &["--verify", device.name()]);
    assert!(table.contains("No problems found"), "{table}");
}

#[test]
fn a_mounted_disk_is_refused_with_its_mount_point() {
    if !root("to mount a loop device") {
        return;
    }
    let (bench, device) = bench(&[]);
    tool("e2fsprogs", "mkfs.ext4", &["-q", device.name(), "64M"]);
    let place = Bench::new();
    let place = place.folder().display().to_string();
    tool("mount", "mount", &["-o", "ro", device.name(), &place]);
    let arguments = onto(&device, &["--wipe", device.name()]);
    bench.refuses(4, &arguments, &[device.name(), "in use", &place]);
    tool("mount", "umount", &[&place]);
}

#[test]
fn a_read_only_disk_is_refused() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench(&["--read-only"]);
    bench.refuses(4, &onto(&device, &[]), &[device.name(), "write-protected"]);
}

#[test]
fn a_disk_that_nobody_may_open_is_refused_with_what_to_do() {
    if !root("to become somebody else") {
        return;
    }
    let (bench, device) = bench(&[]);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let words = [device.name(), "Permission denied", "root"];
    bench.refuses_so(4, &words, |format| {
        let arguments = [
            "plan",
            "-c",
            "node.yaml",
            "--disk",
            device.name(),
            "--format",
            format,
        ];
        nobody(&bench, &arguments)
    });
    bench.refuses_so(5, &words, |format| {
        nobody(&bench, &["inspect", device.name(), "--format", format])
    });
}

#[test]
fn a_disk_that_does_not_exist_comes_with_those_that_do() {
    let bench = Bench::new();
    bench.write("node.yaml", config("    disk: /dev/nosuchdisk"));
    let named = ["-c", "node.yaml", "--disk", "/dev/nosuchdisk", "--wait"];
    let at_once = [&apply(&named)[..], &["0"]].concat();
    bench.refuses(3, &at_once, &["/dev/nosuchdisk"]);
    let patient = [&apply(&named)[..], &["1"]].concat();
    bench.refuses(3, &patient, &["/dev/nosuchdisk", "waited 1 s for it"]);
    bench.refuses(
        5,
        &["inspect", "/dev/nosuchdisk"],
        &["/dev/nosuchdisk", "keelblock probe"],
    );
}

/// Another disk has the name of the planned one now, and it looks the same.
#[test]
fn a_plan_is_not_applied_to_another_disk_of_the_same_name() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench(&[]);
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--disk",
        device.name(),
        "-o",
        "disk.plan",
    ];
    arguments.extend(["--uuid", crate::cli::UUID]);
    arguments.extend(crate::cli::CHEAP);
    bench.run(&arguments).exits(0);
    let apply = [
        "apply",
        "disk.plan",
        "-c",
        "node.yaml",
        "--state-dir",
        "state",
    ];
    device.replug(&bench.path("disk.img"));
    let words = [
        device.name(),
        "not the disk it was when planned",
        "keelblock plan",
    ];
    bench.refuses(4, &apply, &words);
}

/// Every fact that binds a plan, planned as it is not now: each refuses, with its name and both values.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_plan_is_bound_to_every_fact_of_machine_and_disk() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench(&[]);
    let mut arguments = vec!["plan", "-c", "node.yaml", "--disk", device.name()];
    arguments.extend(["-o", "disk.plan", "--uuid", crate::cli::UUID]);
    arguments.extend(crate::cli::CHEAP);
    bench.run(&arguments).exits(0);
    let text = fs::read_to_string(bench.path("disk.plan")).unwrap();
    let planned: serde_json::Value = serde_json::from_str(&text).unwrap();
    let apply = [
        "apply",
        "disk.plan",
        "-c",
        "node.yaml",
        "--state-dir",
        "state",
    ];
    for (pointer, value, word) in [
        (
            "/machine/host/uuid",
            "x1".into(),
            "machine uuid (planned: x1, found: ",
        ),
        (
            "/machine/host/product",
            "x2".into(),
            "machine product (planned: x2, found: ",
        ),
        (
            "/disks/0/id",
            "wwid x3".into(),
            "disk id (planned: wwid x3, found: path ",
        ),
        (
            "/disks/0/identity/wwid",
            "x4".into(),
            "wwid (planned: x4, found: none)",
        ),
        (
            "/disks/0/identity/uuid",
            "x5".into(),
            "uuid (planned: x5, found: none)",
        ),
        (
            "/disks/0/identity/serial",
            "x6".into(),
            "serial (planned: x6, found: none)",
        ),
        (
            "/disks/0/identity/model",
            "x7".into(),
            "model (planned: x7, found: ",
        ),
        (
            "/disks/0/identity/usb",
            "x8".into(),
            "usb (planned: x8, found: none)",
        ),
        (
            "/disks/0/identity/transport",
            "x9".into(),
            "transport (planned: x9, found: ",
        ),
        (
            "/disks/0/identity/bus_path",
            "xa".into(),
            "bus_path (planned: xa, found: /virtual",
        ),
        (
            "/disks/0/geometry/size",
            (5_u64 << 30).into(),
            "size is not the one of the plan (planned: 5368709120 bytes, found: 4294967296 bytes",
        ),
        (
            "/disks/0/geometry/logical",
            4096.into(),
            "logical block size is not the one of the plan (planned: 4096 bytes, found: 512 bytes",
        ),
        (
            "/disks/0/geometry/physical",
            8192.into(),
            "physical block size is not the one of the plan (planned: 8192 bytes, found: ",
        ),
        (
            "/disks/0/before/diskseq",
            1.into(),
            "not the disk it was when planned",
        ),
        (
            "/disks/0/before/fingerprint",
            "ab".repeat(32).into(),
            "(planned: blank, fingerprint abababababababab…, found: blank, fingerprint ",
        ),
    ] {
        let mut other = planned.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        let other: Plan = serde_json::from_value(other).unwrap();
        bench.write("disk.plan", canonical::file(&other.sealed()));
        bench.refuses(4, &apply, &[word]);
    }
    bench.write("disk.plan", text);
    bench.run(&apply).exits(0);
}

/// The image below the device has no room: the kernel finds out when it writes the pages back.
#[test]
fn an_error_of_the_disk_half_way_is_an_input_or_output_error_and_the_same_again_converges() {
    if !root("to set up a loop device on a small filesystem") {
        return;
    }
    let bench = Bench::new();
    let memory = Memory::mount(&bench, "2M");
    bench.blank("memory/disk.img", 4 << 30);
    let device = Loop::new(&bench.path("memory/disk.img"), &[]);
    bench.write("node.yaml", config(&format!("    disk: {}", device.name())));
    let failed = bench.run(&onto(&device, &["--format", "json"])).exits(5);
    let words = [device.name(), "unfinished", "run the same again"];
    crate::cli::assert_json(&failed, 5, &words);
    memory.resize("512M");
    bench.run(&onto(&device, &[])).exits(0);
    let again = bench.run(&onto(&device, &[])).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:#?}");
    drop(device);
}

/// As after a reboot that gave the names the other way round: the place and the size fit, the identity does not.
#[test]
fn a_plan_is_not_applied_to_a_disk_with_another_identity() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench(&[]);
    bench.machine("machine.json", |machine| {
        let Some(disks) = machine["disks"].as_array_mut() else {
            panic!("the machine has disks");
        };
        disks.retain(|disk| disk["path"] == "/dev/sda");
        let disk = &mut disks[0];
        disk["path"] = device.name().into();
        disk["dev_path"] = device.name().into();
        disk["size"] = (4_u64 << 30).into();
        disk["diskseq"] = serde_json::Value::Null;
    });
    let recorded = ["-c", "node.yaml", "--hardware", "machine.json"];
    let plan = [
        &["plan", "-o", "disk.plan"][..],
        &recorded,
        &crate::cli::CHEAP,
    ]
    .concat();
    bench.run(&plan).exits(0);
    let words = [
        device.name(),
        "another disk than the planned one",
        "planned: wwid naa.5002538043584d30, found: path /virtual/block/loop",
        "keelblock plan",
    ];
    let from_plan = [
        "apply",
        "disk.plan",
        "-c",
        "node.yaml",
        "--state-dir",
        "state",
    ];
    bench.refuses(4, &from_plan, &words);
    bench.refuses(4, &apply(&recorded), &words);
}

/// A configuration of two user volumes, `one` or `one` and `two`, on the device.
fn volumes(device: &Loop, names: &[&str]) -> String {
    let mut text = config("    disk: /dev/nosuchdisk\n    wipe: true");
    for name in names {
        text.push_str(&format!(
            "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: {name}\nprovisioning:\n  \
             diskSelector:\n    match: disk.dev_path == '{}'\n  minSize: 400MiB\n  maxSize: 400MiB\n",
            device.name()
        ));
    }
    text
}

/// What the kernel has: name and device number of each partition.
fn kernel_partitions(device: &Loop) -> Vec<(String, String)> {
    let name = device.name().trim_start_matches("/dev/");
    let folder = Path::new("/sys/block").join(name);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.join("partition").exists() {
            let number = fs::read_to_string(path.join("dev")).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, number.trim().to_owned()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_partition_that_is_open_stays_while_its_neighbours_are_published() {
    if !root("to set up a loop device with partitions") {
        return;
    }
    let (bench, device) = bench(&["--partscan"]);
    bench.write("node.yaml", volumes(&device, &["one"]));
    bench.run(&onto(&device, &[])).exits(0);
    let first = kernel_partitions(&device);
    assert_eq!(first.len(), 1, "{first:?}");
    let node = format!("/dev/{}", first[0].0);
    let open = fs::File::open(&node).unwrap();
    bench.write("node.yaml", volumes(&device, &["one", "two"]));
    let second = bench.run(&onto(&device, &["--format", "json"])).exits(0);
    let words = "the kernel has every partition of the table (2)";
    assert!(second.stdout.contains(words), "{second:#?}");
    assert!(second.stderr.contains("one of them is open"), "{second:#?}");
    let both = kernel_partitions(&device);
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "{both:?}");
    assert!(Path::new("/dev").join(&both[1].0).exists(), "{both:?}");
    drop(open);
}

#[test]
fn a_fresh_table_waits_for_nobody_who_has_an_old_partition_open() {
    if !root("to set up a loop device with partitions") {
        return;
    }
    let (bench, device) = bench(&["--partscan"]);
    bench.write("node.yaml", volumes(&device, &["one"]));
    bench.run(&onto(&device, &[])).exits(0);
    let node = format!("/dev/{}", kernel_partitions(&device)[0].0);
    let open = fs::File::open(&node).unwrap();
    tool("gdisk", "sgdisk", &["--change-name=1:other", device.name()]);
    let arguments = onto(&device, &["--wipe", device.name()]);
    let words = [device.name(), "open in another program", "fuser"];
    bench.refuses(4, &arguments, &words);
    drop(open);
    bench.run(&arguments).exits(0);
}

#[test]
fn a_disk_that_comes_late_is_waited_for() {
    if !root("to set up a loop device") {
        return;
    }
    use std::io::{BufRead as _, BufReader};
    let (bench, device) = bench(&[]);
    let _names = names();
    losetup(&["--detach", device.name()]);
    let mut command = bench.command(&onto(&device, &["--wait", "300"]));
    command.stdout(std::process::Stdio::null());
    let mut run = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap()).lines();
    let waits = said.find(|line| line.as_ref().unwrap().contains("waiting up to 300 s"));
    assert!(waits.is_some(), "it did not wait");
    losetup(&[device.name(), &bench.path("disk.img").display().to_string()]);
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(run.wait().unwrap().success(), "{rest:#?}");
}

#[test]
fn a_lock_that_passes_is_waited_for() {
    if !root("to set up a loop device") {
        return;
    }
    use nix::fcntl::{Flock, FlockArg};
    use std::io::{BufRead as _, BufReader};
    let (bench, device) = bench(&[]);
    let lock = fs::File::open(device.name()).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let mut command = bench.command(&onto(&device, &[]));
    command.stdout(std::process::Stdio::null());
    let mut run = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap()).lines();
    let waits = said.find(|line| {
        line.as_ref()
            .unwrap()
            .contains("waiting for another program")
    });
    assert!(waits.is_some(), "it did not wait");
    drop(lock);
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(run.wait().unwrap().success(), "{rest:#?}");
    let lock = fs::File::open(device.name()).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let refused = bench.run(&onto(&device, &[])).exits(4);
    assert!(refused.stderr.contains("is locked by"), "{refused:#?}");
    drop(lock);
}
