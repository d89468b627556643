//! Configurations that are none, or that keelblock cannot follow.

use std::io::Write as _;
use std::process::Stdio;

use crate::cli::{Bench, Ran, apply, config};

const IMAGE: [&str; 4] = ["--image", "new.img", "--size", "8G"];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    bench
}

/// Refused by `validate`, and by `apply` without making the image.
#[track_caller]
fn refuses(bench: &Bench, name: &str, words: &[&str]) {
    bench.refuses(2, &["validate", "-c", name], words);
    let mut arguments = apply(&["-c", name, "--hardware", "machine.json"]);
    arguments.extend(IMAGE);
    bench.refuses(2, &arguments, words);
    assert!(!bench.exists("new.img"));
}

#[test]
fn a_configuration_that_is_none_is_named_with_the_place() {
    let good = config("    disk: /dev/sda");
    let cases: [(&str, Vec<u8>, &[&str]); 10] = [
        ("empty", Vec::new(), &["empty.yaml", "is empty"]),
        (
            "blank",
            b"# nothing\n\n".to_vec(),
            &["blank.yaml", "is empty"],
        ),
        (
            "cut",
            good.as_bytes()[..good.find("provider").unwrap() + 20].to_vec(),
            &["cut.yaml:9"],
        ),
        (
            "huge",
            [good.as_bytes(), "# filler\n".repeat(500_000).as_bytes()].concat(),
            &["huge.yaml", "at most 4 MiB"],
        ),
        (
            "nul",
            b"version: v1alpha1\nmachine:\n  type: \0\n".to_vec(),
            &["nul.yaml:3:9", "U+0000", "binary"],
        ),
        (
            "latin",
            b"version: v1alpha1 # \xfc\n".to_vec(),
            &["latin.yaml", "byte 20 is not UTF-8"],
        ),
        (
            "elf",
            b"\x7fELF\x02\x01\x01\xff\xfe\x00".to_vec(),
            &["elf.yaml", "not UTF-8"],
        ),
        (
            "tab",
            b"machine:\n\ttype: worker\n".to_vec(),
            &["tab.yaml:2:2", "tabs disallowed", "blanks to indent"],
        ),
        ("scalar", b"just words\n".to_vec(), &["scalar.yaml:1:1"]),
        (
            "twice",
            [good.as_bytes(), b"---\n", good.as_bytes()].concat(),
            &["twice.yaml", "is there twice", "twice.yaml:1:1"],
        ),
    ];
    let bench = bench();
    for (name, body, words) in cases {
        let name = format!("{name}.yaml");
        bench.write(&name, body);
        refuses(&bench, &name, words);
    }
}

#[test]
fn the_same_document_in_two_files_is_refused_with_both_places() {
    let bench = bench();
    for name in ["one.yaml", "two.yaml"] {
        bench.write(name, config("    disk: /dev/sda"));
    }
    let arguments = ["validate", "-c", "one.yaml", "-c", "two.yaml"];
    bench.refuses(2, &arguments, &["two.yaml:1:1", "one.yaml:1:1"]);
}

/// What people write who expect these keys to exist.
#[test]
fn keys_that_talos_does_not_have_come_with_the_document_that_has_them() {
    let bench = bench();
    bench.write(
        "format.yaml",
        "machine:
  type: worker
  disks:
    - device: /dev/sdb
      partitions:
        - mountpoint: /var/mnt/longhorn
          format: ext4
",
    );
    let words = ["format.yaml:7:11", "`format`", "UserVolumeConfig"];
    refuses(&bench, "format.yaml", &words);
    bench.write(
        "volumes.yaml",
        "machine:
  type: worker
  userVolumes:
    - name: longhorn-ssd
      provisioning:
        diskSelector:
          match: disk.model == 'Portable SSD T5'
",
    );
    let words = [
        "volumes.yaml:3:3",
        "`userVolumes`",
        "kind: UserVolumeConfig",
    ];
    refuses(&bench, "volumes.yaml", &words);
    bench.write(
        "both.yaml",
        "machine:
  type: worker
  disks:
    - device: /dev/disk/by-id/usb-Samsung_Portable_SSD_T5*
      partitions:
        - mountpoint: /var/mnt/longhorn
          format: ext4
",
    );
    let words = ["2 mistakes", "both.yaml:4:15", "both.yaml:7:11"];
    refuses(&bench, "both.yaml", &words);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let bench = bench();
    refuses(&bench, "nosuch.yaml", &["nosuch.yaml", "No such file"]);
    std::fs::create_dir(bench.path("folder.yaml")).unwrap();
    refuses(&bench, "folder.yaml", &["folder.yaml", "Is a directory"]);
}

#[test]
fn a_folder_without_anything_for_talos_is_not_called_sound() {
    let bench = bench();
    std::fs::create_dir(bench.path("empty")).unwrap();
    std::fs::create_dir(bench.path("others")).unwrap();
    bench.write("others/chart.yaml", "name: chart\n");
    let words = ["empty", "others", "for Talos", "talconfig.yaml"];
    bench.refuses(2, &["validate", "empty", "others"], &words);
    bench.run(&["validate", "others/chart.yaml"]).exits(0);
}

#[test]
fn a_dash_reads_standard_input() {
    let bench = bench();
    let piped = |text: &str, format: &str| {
        let arguments = ["--format", format, "validate", "-c", "-"];
        let mut command = bench.command(&arguments);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        Ran::of(&child.wait_with_output().unwrap())
    };
    let good = piped(&config("    disk: /dev/sda"), "json").exits(0);
    assert_eq!(good.json()["machine_type"], "controlplane");
    bench.refuses_so(2, &["-:1:1", "is empty"], |format| piped("", format));
}

#[test]
fn keys_that_keelblock_cannot_make_are_refused_by_name_and_nothing_is_written() {
    let with = |key: &str| config("    disk: /dev/sda").replacen("nodeID: {}", key, 1);
    let locked = "machine:
  type: worker
  install:
    disk: /dev/sda
---
apiVersion: v1alpha1
kind: VolumeConfig
name: EPHEMERAL
encryption:
  provider: luks2
  keys:
    - slot: 0
      nodeID: {}
      lockToState: true
";
    let cases = [
        (
            "kms",
            with("kms: {endpoint: 'https://kms.example.com'}"),
            "kms key",
        ),
        ("tpm", with("tpm: {}"), "tpm key"),
        ("locked", locked.to_owned(), "lockToState"),
    ];
    let bench = bench();
    for (name, text, words) in cases {
        let name = format!("{name}.yaml");
        bench.write(&name, &text);
        let mut arguments = apply(&["-c", &name, "--hardware", "machine.json"]);
        arguments.extend(IMAGE);
        let volume = if name.contains("locked") {
            "EPHEMERAL"
        } else {
            "STATE"
        };
        bench.refuses(2, &arguments, &[words, volume, &name, "let Talos make"]);
        assert!(!bench.exists("new.img"));
    }
}

#[test]
fn a_node_id_key_needs_a_uuid_and_a_good_one() {
    let bench = bench();
    bench.write("node.yaml", config("    disk: /dev/sda"));
    bench.machine("nameless.json", |machine| {
        machine["machine"].as_object_mut().unwrap().remove("uuid");
    });
    bench.machine("uniform.json", |machine| {
        machine["machine"]["uuid"] = "ffffffff-ffff-ffff-ffff-ffffffffffff".into();
    });
    let plan = |machine: &'static str| {
        let mut arguments = vec!["apply", "-c", "node.yaml", "--hardware", machine];
        arguments.extend(IMAGE);
        arguments.extend(["--state-dir", "state"]);
        arguments.extend(crate::cli::CHEAP);
        arguments
    };
    let words = ["nodeID", "STATE", "node.yaml", "--uuid"];
    bench.refuses(2, &plan("nameless.json"), &words);
    let words = ["ffffffff-ffff", "Talos refuses it"];
    bench.refuses(4, &plan("uniform.json"), &words);
    assert!(!bench.exists("new.img"));
}

#[test]
fn a_recorded_machine_that_is_none_is_refused() {
    let bench = bench();
    bench.write("node.yaml", config("    disk: /dev/sda"));
    bench.write("words.json", "no machine");
    bench.write("other.json", "{\"schema\": \"keelblock/inventory/v1\"}");
    bench.machine("later.json", |machine| {
        machine["schema"] = "keelblock/inventory/v9".into();
    });
    for (machine, words) in [
        ("words.json", "words.json is not a recorded machine"),
        ("other.json", "other.json is not a recorded machine"),
        ("later.json", "keelblock/inventory/v9"),
        ("nosuch.json", "nosuch.json"),
    ] {
        let arguments = ["select", "-c", "node.yaml", "--hardware", machine];
        bench.refuses(2, &arguments, &[words]);
    }
}
