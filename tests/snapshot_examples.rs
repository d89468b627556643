//! The snapshots in `examples/hardware` are what the program makes of the trees in `tests/fixtures/machines`, and the
//! example configurations select on each of them what `verdicts.txt` there says.
//!
//! `KEELBLOCK_BLESS=1 cargo test --test snapshot_examples` writes both anew; read the difference before committing.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests read and write files of the repository"
)]

#[path = "support/machines.rs"]
mod machines;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use keelblock::config::spec::Spec;
use keelblock::config::{self, Source};
use keelblock::selector::selection::{Outcome, Selection};
use keelblock::selector::{Request, select};
use keelblock::snapshot::{Snapshot, load};

use self::machines::{EXAMPLES, expanded, repository};

/// Lets scoring choose: no selector, no consent to wipe.
const SCORED: &str = "version: v1alpha1
machine:
  type: worker
  install:
    image: ghcr.io/siderolabs/installer:v1.10.5
    wipe: false
cluster:
  clusterName: example
  controlPlane:
    endpoint: https://10.0.0.1:6443
";

fn blessed(path: &str, now: &str) -> String {
    let path = repository().join(path);
    if std::env::var_os("KEELBLOCK_BLESS").is_some() {
        fs::write(&path, now).unwrap();
    }
    fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn the_examples_are_what_the_program_records() {
    for (name, trees) in EXAMPLES {
        let (_dir, root) = expanded(trees);
        let snapshot = keelblock::snapshot::take(&root);
        let mut value = serde_json::to_value(&snapshot).unwrap();
        // So that a new version alone changes no example.
        value["keelblock"] = "0.0.0".into();
        let json = serde_json::to_string_pretty(&value).unwrap() + "\n";
        let kept = blessed(&format!("examples/hardware/{name}.json"), &json);
        assert!(
            kept == json,
            "{name}.json is not what is recorded now; see this file's header"
        );
    }
}

/// Every recorded machine of the examples, the plain inventories too.
fn recorded() -> BTreeMap<String, Snapshot> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(repository().join("examples/hardware")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = fs::read_to_string(&path).unwrap();
            let snapshot = load::parse(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            found.insert(
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                snapshot,
            );
        }
    }
    assert!(found.len() >= 14, "{:?}", found.keys());
    found
}

fn configurations() -> Vec<(String, Spec)> {
    let mut found = vec![("scored".to_owned(), spec("scored", SCORED))];
    for release in ["talos-1.10", "talos-1.14"] {
        for node in ["mini01", "mini02", "mini03"] {
            let name = format!("{release}/{node}");
            let path = repository().join(format!("examples/nodes/{name}.yaml"));
            let text = fs::read_to_string(path).unwrap();
            found.push((name.clone(), spec(&name, &text)));
        }
    }
    found
}

fn spec(name: &str, text: &str) -> Spec {
    config::parse(&[Source { name, text }]).unwrap()
}

fn verdict(selection: &Selection) -> String {
    let mut text = String::new();
    for role in &selection.roles {
        let disk = match role.outcome {
            Outcome::Selected => role.disk.clone().unwrap_or_default(),
            Outcome::Refused => "refused".to_owned(),
            Outcome::None => "none".to_owned(),
        };
        writeln!(text, "    {:<15} {:<13} {}", role.role, disk, role.reason).unwrap();
    }
    text
}

#[test]
fn the_example_configurations_select_what_is_written_down() {
    let configurations = configurations();
    let mut text = String::from(
        "# What the example configurations select on the example machines: exit code, then role, disk and reason.\n\
         # `scored` has no selector and no consent to wipe. Written by tests/snapshot_examples.rs.\n",
    );
    for (machine, snapshot) in recorded() {
        writeln!(text, "\n{machine}").unwrap();
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, spec) in &configurations {
            let selection = select(spec, &snapshot.inventory, &Request::default());
            let said = format!("exit {}\n{}", selection.exit().code(), verdict(&selection));
            match groups.iter_mut().find(|(known, _)| *known == said) {
                Some((_, names)) => names.push(name),
                None => groups.push((said, vec![name])),
            }
        }
        for (said, names) in groups {
            write!(text, "  {}: {said}", names.join(", ")).unwrap();
        }
    }
    let kept = blessed("tests/fixtures/machines/verdicts.txt", &text);
    for (line, (kept, now)) in (1..).zip(kept.lines().zip(text.lines())) {
        assert_eq!(kept, now, "verdicts.txt, line {line}");
    }
    assert_eq!(kept.len(), text.len(), "verdicts.txt ends early or late");
}

#[test]
fn every_example_is_explained_where_it_lies() {
    let readme = fs::read_to_string(repository().join("examples/hardware/README.md")).unwrap();
    for name in recorded().keys() {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "{name} is not in README.md"
        );
    }
}
