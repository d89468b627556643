//! Repositories that nobody means well: `diff` and `render` end with a word, without a panic and within bounds.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "support/cli.rs"]
mod cli;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/objects.rs"]
mod objects;

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::resource::{UsageWho, getrusage};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::Value;

use self::cli::{Bench, Ran};
use self::objects::{Objects, Pack};

const TALCONFIG: &str = "clusterName: a\ntalosVersion: v1.12.0\nkubernetesVersion: v1.34.1\nendpoint: https://10.0.0.10:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    controlPlane: true\n    installDisk: /dev/sda\n";

const CONFIG: &str = "version: v1alpha1\nmachine:\n  type: worker\n  install: {disk: /dev/sda}\ncluster: {controlPlane: {endpoint: 'https://a:6443'}}\n";

/// Most memory of any program that a test started, in KiB.
const MOST: i64 = 256 << 10;

/// Runs it, and holds it to what every run promises.
#[track_caller]
fn run(bench: &Bench, words: &[&str]) -> Ran {
    let ran = bench.run(words);
    let known = matches!(ran.code, Some(0 | 2 | 3 | 4 | 6));
    assert!(known, "{words:?}: {:?} {}", ran.code, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.contains("panicked"), "{words:?}: {}", ran.stderr);
    assert!(!said.contains('\u{1b}'), "{words:?} sends escape codes");
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(used <= MOST, "{words:?}: {used} KiB");
    ran
}

/// What `diff` cannot read, each with its hint.
#[track_caller]
fn broken(bench: &Bench, words: &[&str]) -> String {
    let mut all = vec!["diff", "--format", "json"];
    all.extend(words);
    let ran = run(bench, &all).exits(2);
    let report = ran.json();
    match report["schema"].as_str() {
        Some("keelblock/error/v1") => {
            assert!(report["hint"].is_string(), "{report}");
            format!("{} {}", report["error"], report["causes"])
        }
        _ => {
            assert!(
                report["broken"].as_array().is_some_and(|it| !it.is_empty()),
                "{report}"
            );
            report["broken"].to_string()
        }
    }
}

#[test]
fn texts_that_nobody_means_well_are_named_on_either_side() {
    let bench = Bench::new();
    for folder in ["good", "bad"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    for (start, file) in [(TALCONFIG, "talconfig.yaml"), (CONFIG, "n.yaml")] {
        bench.write(&format!("good/{file}"), start);
        for (name, text) in hostile::unreadable(start) {
            bench.write(&format!("bad/{file}"), text);
            for sides in [["good", "bad"], ["bad", "good"]] {
                let said = broken(&bench, &sides);
                assert!(said.contains(file), "{name}: {said}");
            }
            if file == "talconfig.yaml" {
                let ran = run(&bench, &["render", "bad/talconfig.yaml", "--all"]).exits(2);
                assert!(
                    ran.stderr.contains("talconfig.yaml"),
                    "{name}: {}",
                    ran.stderr
                );
            }
        }
        for (name, text) in hostile::endless(start) {
            bench.write(&format!("bad/{file}"), text);
            let ran = run(&bench, &["diff", "good", "bad"]);
            assert!(!ran.stdout.is_empty() || ran.code == Some(2), "{name}");
        }
        for folder in ["good", "bad"] {
            fs::remove_file(bench.path(folder).join(file)).unwrap();
        }
    }
}

#[test]
fn files_that_are_no_text_or_too_large_are_named() {
    let bench = Bench::new();
    for folder in ["good", "bad/.git"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    bench.write("good/n.yaml", CONFIG);
    bench.write("bad/n.yaml", [CONFIG.as_bytes(), b"x: \xff\n"].concat());
    let said = broken(&bench, &["good", "bad"]);
    assert!(
        said.contains("n.yaml") && said.contains("not UTF-8"),
        "{said}"
    );
    bench.blank("bad/n.yaml", 100 << 20);
    let said = broken(&bench, &["good", "bad"]);
    assert!(said.contains("larger than 4 MiB"), "{said}");
    bench.blank("bad/huge.txt", 100 << 20);
    symlink("/etc/hostname", bench.path("bad/link.txt")).unwrap();
    symlink("loop.txt", bench.path("bad/loop.txt")).unwrap();
    for (patch, words) in [
        ("@huge.txt", "more than 4 MiB"),
        ("@link.txt", "leads out of"),
        ("@loop.txt", "loop.txt"),
        ("@../good/n.yaml", "bad/talconfig.yaml:10"),
        ("@/etc/hostname", "bad/talconfig.yaml:10"),
        ("@none.txt", "no such file"),
        ("@.", "bad"),
        ("@talconfig.yaml", "talconfig.yaml"),
    ] {
        bench.write(
            "bad/talconfig.yaml",
            format!("{TALCONFIG}patches: ['{patch}']\n"),
        );
        let ran = run(&bench, &["render", "bad/talconfig.yaml", "--all"]).exits(2);
        assert!(ran.stderr.contains(words), "{patch}: {}", ran.stderr);
        let said = broken(&bench, &["good", "bad"]);
        assert!(said.contains(words), "{patch}: {said}");
    }
}

#[test]
fn far_more_of_something_than_anybody_has_is_compared_all_the_same() {
    let list = |count: usize, item: &dyn Fn(usize) -> String| -> String {
        (0..count).map(item).collect::<Vec<_>>().join(",")
    };
    let bench = Bench::new();
    let of = |section: &str| CONFIG.replace("  type:", &format!("  {section}\n  type:"));
    for (name, old, new) in [
        (
            "secrets",
            format!("env: {{{}}}", list(4_000, &|i| format!("A{i}: secret-{i}"))),
            format!("env: {{{}}}", list(4_000, &|i| format!("A{i}: secreT-{i}"))),
        ),
        (
            "udev rules",
            format!(
                "udev: {{rules: [{}]}}",
                list(4_000, &|i| format!("'A==\"{i}\"'"))
            ),
            format!(
                "udev: {{rules: [{}]}}",
                list(4_000, &|i| format!("'B==\"{i}\"'"))
            ),
        ),
        (
            "names",
            format!("certSANs: [{}]", list(10_000, &|i| format!("a{i}"))),
            format!("certSANs: [{}]", list(10_000, &|i| format!("b{i}"))),
        ),
    ] {
        bench.write("old.yaml", of(&old));
        bench.write("new.yaml", of(&new));
        let ran = run(
            &bench,
            &["diff", "--format", "json", "old.yaml", "new.yaml"],
        );
        let report = ran.json();
        let edits = report["nodes"][0]["text"].as_array().unwrap();
        assert!((1..=5000).contains(&edits.len()), "{name}: {}", edits.len());
        assert!(!ran.stdout.to_lowercase().contains("secret-"), "{name}");
    }
}

#[test]
fn nodes_that_are_all_renamed_are_told_apart_by_what_is_in_them() {
    let bench = Bench::new();
    for (side, host) in [("old", 'a'), ("new", 'b')] {
        fs::create_dir_all(bench.path(side)).unwrap();
        for index in 0..300 {
            let network = format!("  network:\n    hostname: {host}{index}\n");
            let own = format!("  sysctls: {{a.b: '{}'}}\n  type:", index / 2);
            let text = CONFIG.replace("  type:", &format!("{network}{own}"));
            bench.write(&format!("{side}/{index}.yaml"), text);
        }
    }
    let report = run(&bench, &["diff", "--format", "json", "old", "new"]).json();
    let nodes = report["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 300);
    assert!(nodes.iter().all(|node| node["state"] == "renamed"));
}

#[test]
fn nodes_that_come_to_more_than_memory_is_for_are_left_out_with_a_word() {
    let bench = Bench::new();
    for folder in ["good", "bad"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    bench.write("good/talconfig.yaml", TALCONFIG);
    let node =
        |i| format!("  - {{hostname: m{i}, ipAddress: 10.0.1.{i}, installDisk: /dev/sda}}\n");
    let nodes: String = (1..14).map(node).collect();
    let large = "x".repeat(7 << 19);
    let patch = format!("patches:\n  - |-\n    machine:\n      env:\n        A: {large}\n");
    bench.write("bad/talconfig.yaml", format!("{TALCONFIG}{nodes}{patch}"));
    let ran = run(&bench, &["render", "bad/talconfig.yaml", "--all"]).exits(2);
    assert!(ran.stderr.contains("more than 40 MiB"), "{}", ran.stderr);
    let said = broken(&bench, &["good", "bad"]);
    assert!(said.contains("more than 32 MiB"), "{said}");
}

fn objects(bench: &Bench) -> Objects<'_> {
    fs::create_dir_all(bench.path("talos")).unwrap();
    bench.write(
        "talos/talconfig.yaml",
        format!("{TALCONFIG}patches: ['@p.yaml']\n"),
    );
    bench.write("talos/p.yaml", "machine: {sysctls: {a.b: '1'}}\n");
    Objects::new(bench.folder())
}

/// A tree with talconfig.yaml in the folder talos, where `p.yaml` is this.
fn tree(git: &Objects<'_>, mode: &str, object: &str) -> String {
    let talconfig = git.name("HEAD:talos/talconfig.yaml");
    let files = [
        (mode, "p.yaml", object),
        ("100644", "talconfig.yaml", &*talconfig),
    ];
    let talos = git.tree(&files);
    git.tree(&[("40000", "talos", &*talos)])
}

#[test]
fn objects_that_are_not_what_they_are_said_to_be_are_named() {
    let bench = Bench::new();
    let git = objects(&bench);
    let missing = "ab".repeat(20);
    let blob = git.blob(b"machine: {}\n");
    let empty = git.tree(&[]);
    let head = git.name("HEAD");
    let of = |mode: &str, object: &str| tree(&git, mode, object);
    for (name, root, words) in [
        (
            "no blob",
            of("100644", &missing),
            "git does not have its content",
        ),
        (
            "a tree as a file",
            of("100644", &empty),
            "git does not have its content",
        ),
        (
            "a commit as a file",
            of("100644", &head),
            "git does not have its content",
        ),
        ("a submodule", of("160000", &missing), "submodule"),
        ("no tree", missing.clone(), "bad"),
        (
            "no folder",
            git.tree(&[("40000", "talos", &*missing)]),
            "bad",
        ),
        ("a file as the root", blob.clone(), "bad"),
        (
            "a file as a folder",
            git.tree(&[("40000", "talos", &*blob)]),
            "bad",
        ),
        ("a commit as the root", head.clone(), "bad"),
        (
            "no list",
            git.write("tree", b"100644 talconfig.yaml\0short"),
            "bad",
        ),
    ] {
        git.point("bad", &root);
        let said = broken(&bench, &["bad", "--path", "talos"]);
        assert!(said.contains(words), "{name}: {said}");
    }
    git.point_at("bad", &git.write("commit", b"nothing"));
    let said = broken(&bench, &["bad", "--path", "talos"]);
    assert!(said.contains("bad"), "{said}");
}

#[test]
fn links_and_names_that_lead_out_of_a_revision_lead_nowhere() {
    let bench = Bench::new();
    let git = objects(&bench);
    let long = "a/".repeat(5000);
    for (target, words) in [
        ("/etc/hostname", "leads out of bad"),
        ("../../../etc/hostname", "leads out of bad"),
        ("p.yaml", "too many links"),
        (&*long, "link of more than 4096 bytes"),
        (".", "no file"),
        ("a\0b", "no such file"),
    ] {
        let link = git.blob(target.as_bytes());
        git.point("bad", &tree(&git, "120000", &link));
        let said = broken(&bench, &["bad", "--path", "talos"]);
        assert!(said.contains(words), "{target:?}: {said}");
    }
    let text = git.blob(CONFIG.as_bytes());
    let inner = git.tree(&[("100644", "..", &*text), ("100644", "x.yaml", &*text)]);
    let root = git.tree(&[
        ("100644", "../y.yaml", &*text),
        ("40000", "..", &*inner),
        ("100644", "/etc/z.yaml", &*text),
        ("100644", "\u{1b}[2Jred.yaml", &*text),
        ("100644", "a\nb.yaml", &*text),
        ("40000", "talos", &*inner),
    ]);
    git.point("bad", &root);
    let ran = run(&bench, &["diff", "--format", "json", "bad:", "bad:talos"]);
    let report = ran.json();
    let nodes = report["nodes"].as_array().unwrap().iter();
    let names: Vec<&str> = nodes.filter_map(|node| node["name"].as_str()).collect();
    assert!(names.iter().all(|name| !name.contains("..")), "{names:?}");
    run(&bench, &["diff", "bad:", "bad:talos"]);
}

#[test]
fn objects_that_unpack_to_far_more_than_they_are_stop_at_a_bound() {
    let bench = Bench::new();
    let git = objects(&bench);
    let large = git.blob(&b"# a\n".repeat(25 << 20));
    git.point("bad", &tree(&git, "100644", &large));
    let said = broken(&bench, &["bad", "--path", "talos"]);
    assert!(said.contains("more than 4 MiB"), "{said}");

    // 64 KiB, 12.5 MiB and 2.4 GiB, and 10 bytes out of those.
    let pack = Pack::of_copies(b'#', &[200, 200], 10);
    for (object, words) in [
        (&pack.names[2], "more than 4 MiB"),
        (&pack.names[3], "attempting to allocate"),
    ] {
        pack.write(bench.folder());
        git.point("bad", &tree(&git, "100644", object));
        let said = broken(&bench, &["bad", "--path", "talos"]);
        assert!(said.contains(words), "{said}");
    }
    git.point_at("bad", &pack.names[3]);
    broken(&bench, &["bad", "--path", "talos"]);

    // Ten folders in ten folders, nine times over.
    let text = git.blob(b"a: 1\n");
    let names: Vec<String> = (0..10).map(|i| format!("{i}.yaml")).collect();
    let files: Vec<_> = names.iter().map(|it| ("100644", &**it, &*text)).collect();
    let mut root = git.tree(&files);
    for _ in 0..9 {
        let folders: Vec<_> = names.iter().map(|it| ("40000", &**it, &*root)).collect();
        root = git.tree(&folders);
    }
    git.point("bad", &root);
    let said = broken(&bench, &["bad"]);
    assert!(said.contains("cannot be listed"), "{said}");
}

#[test]
fn a_damaged_repository_is_said_to_be_one() {
    let bench = Bench::new();
    let git = objects(&bench);
    let blob = git.blob(b"machine: {sysctls: {c.d: '3'}}\n");
    git.point("bad", &tree(&git, "100644", &blob));
    git.overwrite(&blob, b"garbage");
    let said = broken(&bench, &["bad", "--path", "talos"]);
    assert!(said.contains("git"), "{said}");
    git.pack_and_cut();
    let said = broken(&bench, &["main", "--path", "talos"]);
    assert!(said.contains("main"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_wrong_type_anywhere_is_compared_or_named(pick in any::<usize>(), which in 0..3_usize) {
        let (file, text) = [
            ("talconfig.yaml", include_str!("fixtures/talconfig/home-ops/talconfig.yaml")),
            ("n.yaml", include_str!("../examples/nodes/talos-1.10/mini01.yaml")),
            ("n.yaml", include_str!("../examples/fleet/clusterconfig/home-ops-mini01.yaml")),
        ][which];
        // The first document; what follows it stays.
        let (first, rest) = text.trim_start_matches("---\n").split_once("\n---").unwrap_or((text, ""));
        let value: Value = serde_saphyr::from_str(first).unwrap();
        let wrong = hostile::with_wrong_type(&value, pick);
        let bench = Bench::new();
        for folder in ["good/.git", "bad/.git"] {
            fs::create_dir_all(bench.path(folder)).unwrap();
        }
        let rest = if rest.is_empty() { String::new() } else { format!("\n---{rest}") };
        bench.write(&format!("good/{file}"), text);
        bench.write(&format!("bad/{file}"), format!("{wrong}{rest}"));
        run(&bench, &["diff", "good", "bad"]);
        run(&bench, &["diff", "bad", "good", "--format", "json"]);
        run(&bench, &["validate", &format!("bad/{file}")]);
        if file == "talconfig.yaml" {
            run(&bench, &["render", "bad/talconfig.yaml", "--all", "--placeholders"]);
        }
    }
}
