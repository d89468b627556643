//! Plans that no longer fit: the disk, the program, the configuration or the plan itself is another one.

use std::fs;

use crate::cli::{Bench, UUID, config, tool};

const APPLY: [&str; 6] = [
    "apply",
    "disk.plan",
    "-c",
    "node.yaml",
    "--state-dir",
    "state",
];

/// A plan for a blank image.
fn planned() -> Bench {
    let bench = Bench::new();
    bench.write("node.yaml", config("    wipe: true"));
    bench.blank("disk.img", 4 << 30);
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--image",
        "disk.img",
        "-o",
        "disk.plan",
    ];
    arguments.extend(["--uuid", UUID]);
    arguments.extend(crate::cli::CHEAP);
    bench.run(&arguments).exits(0);
    bench
}

fn edit(bench: &Bench, from: &str, to: &str) {
    let plan = fs::read_to_string(bench.path("disk.plan")).unwrap();
    assert!(plan.contains(from), "{plan}");
    bench.write("disk.plan", plan.replacen(from, to, 1));
}

#[test]
fn a_plan_from_a_file_is_applied_and_converges() {
    let bench = planned();
    let receipt = bench.run(&APPLY).exits(0);
    assert!(receipt.stdout.contains("applied in"), "{receipt:#?}");
    let again = bench.run(&APPLY).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:#?}");
}

#[test]
fn a_disk_that_changed_since_the_plan_is_left_alone() {
    let bench = planned();
    let image = bench.path("disk.img").display().to_string();
    let mkfs = [
        "-q",
        "-F",
        "-E",
        "nodiscard,lazy_itable_init=1",
        &image,
        "64M",
    ];
    tool("e2fsprogs", "mkfs.ext4", &mkfs);
    let words = [
        "refusing to write",
        "disk.img",
        "changed since the plan was made (planned: blank, found: ext4",
        "run `keelblock plan` again",
    ];
    bench.refuses(4, &APPLY, &words);
}

#[test]
fn a_disk_that_grew_since_the_plan_is_left_alone() {
    let bench = planned();
    bench.blank("disk.img", 5 << 30);
    bench.refuses(4, &APPLY, &["disk.img", "4294967296", "5368709120"]);
}

#[test]
fn a_plan_that_was_edited_is_damaged() {
    let bench = planned();
    edit(&bench, "\"name\": \"STATE\"", "\"name\": \"STORE\"");
    bench.refuses(
        4,
        &APPLY,
        &["the plan is damaged", "run `keelblock plan` again"],
    );
}

#[test]
fn a_plan_of_another_version_is_refused_by_both_versions() {
    let bench = planned();
    let version = env!("CARGO_PKG_VERSION");
    edit(
        &bench,
        &format!("\"version\": \"{version}\""),
        "\"version\": \"99.0.0\"",
    );
    bench.refuses(
        4,
        &APPLY,
        &["run `keelblock plan` again", "99.0.0", version],
    );
}

#[test]
fn a_plan_goes_with_its_configuration_only() {
    let bench = planned();
    bench.write(
        "node.yaml",
        config("    wipe: true").replace("controlplane", "worker")
            + "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  \
               diskSelector:\n    match: disk.transport == 'usb'\n  minSize: 1GB\n",
    );
    bench.refuses(
        4,
        &APPLY,
        &["configuration is not the one", "keelblock plan"],
    );
    let alone = ["apply", "disk.plan", "--state-dir", "state"];
    bench.refuses(2, &alone, &["keys are not in it", "-c"]);
}

#[test]
fn a_file_that_is_no_plan_is_named() {
    let bench = planned();
    for (name, body) in [("words", "words"), ("json", "{}"), ("empty", "")] {
        bench.write(name, body);
        let words = [name, "is not a plan", "keelblock plan -c"];
        bench.refuses(2, &["apply", name], &words);
    }
    bench.refuses(2, &["apply", "nosuch"], &["nosuch", "No such file"]);
    bench.refuses(2, &["apply"], &["nothing to apply", "-c"]);
}

#[test]
fn a_plan_cannot_be_written_where_there_is_no_folder() {
    let bench = planned();
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--image",
        "disk.img",
        "--uuid",
        UUID,
    ];
    arguments.extend(crate::cli::CHEAP);
    arguments.extend(["-o", "nosuch/disk.plan"]);
    bench.refuses(5, &arguments, &["nosuch/disk.plan", "No such file"]);
}
