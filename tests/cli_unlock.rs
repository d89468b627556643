//! `unlock` and `lock` as far as a kernel without a device mapper lets them: what is refused before anything is opened,
//! and loop devices. What they open is proved in virtual machines, by `tests/vm/scenarios/unlock.sh`.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that runs the program on image files"
)]

#[path = "support/cli.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod cli;

use std::fs::File;
use std::path::Path;

use cli::{Bench, UUID, apply, config, digest, root};
use keelblock::mapper::image;
use keelblock::mapper::kernel;
use keelblock::root::Root;
use keelblock::sys::dm::{Dm, DmError};
use keelblock::units::BlockSize;

fn sealed() -> Bench {
    let bench = Bench::new();
    bench.write("node.yaml", config("    disk: /dev/sda"));
    let arguments = ["-c", "node.yaml", "--image", "disk.img", "--size", "4G"];
    bench.run(&apply(&arguments)).exits(0);
    bench
}

fn unlock<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["unlock", "-c", "node.yaml", "--uuid", UUID][..], more].concat()
}

#[test]
fn help_fits_80_columns_and_shows_the_way() {
    let bench = Bench::new();
    for command in ["unlock", "lock"] {
        for flag in ["-h", "--help"] {
            let help = bench.run(&[command, flag]).exits(0).stdout;
            let wide = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{command} {flag}");
            assert!(
                help.contains("keelblock lock") || command == "lock",
                "{help}"
            );
        }
    }
}

#[test]
fn what_is_not_there_is_refused_before_the_kernel_is_asked() {
    let bench = sealed();
    let image = ["--image", "disk.img"];
    bench.refuses(
        2,
        &unlock(&[&image[..], &["u-nosuch"]].concat()),
        &["u-nosuch", "STATE, EPHEMERAL"],
    );
    bench.refuses(5, &unlock(&["--image", "nosuch.img"]), &["nosuch.img"]);
    bench.refuses(3, &unlock(&["--disk", "/dev/nosuch"]), &["/dev/nosuch"]);
    bench.blank("blank.img", 4 << 30);
    bench.refuses(
        3,
        &unlock(&["--image", "blank.img"]),
        &["STATE is not there", "inspect"],
    );
    bench.refuses(
        2,
        &unlock(&["--image", "disk.img", "--disk", "x"]),
        &["--disk"],
    );
    bench.refuses(2, &["unlock", "--image", "disk.img"], &["--config"]);
}

#[test]
fn two_volumes_of_one_name_are_not_told_apart_by_a_guess() {
    let bench = sealed();
    let image = bench.path("disk.img").display().to_string();
    cli::tool("gdisk", "sgdisk", &["-c", "4:STATE", &image]);
    bench.refuses(
        4,
        &unlock(&["--image", "disk.img"]),
        &["STATE is there 2 times", "--disk"],
    );
}

/// Holds on a kernel without a device mapper, such as that of a container's host; with one, virtual machines hold more.
#[test]
fn a_kernel_without_a_device_mapper_is_named_with_the_way_out() {
    if !root("to open /dev/mapper/control") {
        return;
    }
    let Err(DmError::Missing(_)) = Dm::open() else {
        eprintln!(
            "this kernel has a device mapper: tests/vm/scenarios/unlock.sh holds what it does"
        );
        return;
    };
    let bench = sealed();
    let words = ["this kernel has no device mapper", "modprobe dm-crypt"];
    bench.refuses(4, &unlock(&["--image", "disk.img"]), &words);
    bench.refuses(4, &unlock(&["--image", "disk.img", "--mount", "r"]), &words);
    assert!(!bench.exists("r"), "a folder was made");
    let nothing = bench.run(&["lock"]).exits(0);
    assert_eq!(nothing.stdout, "nothing is open\n");
    let json = bench
        .run(&["--format", "json", "lock", "STATE"])
        .exits(0)
        .json();
    assert_eq!(json["schema"], "keelblock/mappings/v1");
    assert_eq!(json["notes"][0], "STATE was not open");
}

#[test]
fn an_image_on_a_loop_device_is_read_only_and_locked_until_the_last_user_is_gone() {
    if !root("to set up a loop device") {
        return;
    }
    let bench = Bench::new();
    bench.blank("disk.img", 8 << 20);
    let path = bench.path("disk.img").canonicalize().unwrap();
    let before = digest(&path);
    let device = image::attach(&path, BlockSize::B4096, true).unwrap();
    let root = Root::live();
    let found = kernel::loops_on(&root, &path).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].read_only, "{found:?}");
    assert_eq!(Path::new(&found[0].path), device.path);
    assert!(File::options().write(true).open(&device.path).is_err() || !writes(&device.path));
    let other = || File::options().read(true).write(true).open(&path).unwrap();
    assert!(other().try_lock().is_err(), "nobody holds the image");
    assert!(
        other().try_lock_shared().is_ok(),
        "it cannot even be looked at"
    );
    drop(device);
    let mut tries = 0;
    while !kernel::loops_on(&root, &path).unwrap().is_empty() && tries < 500 {
        tries += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        other().try_lock().is_ok(),
        "the lock outlives the loop device"
    );
    assert_eq!(digest(&path), before);
}

fn writes(device: &Path) -> bool {
    use std::os::unix::fs::FileExt as _;
    let file = File::options().write(true).open(device).unwrap();
    file.write_all_at(&[1; 4096], 0)
        .and_then(|()| file.sync_all())
        .is_ok()
}
