//! What commands print and what people write fits the schemas, by the word of python3-jsonschema; and what the readers
//! refuse, the schemas refuse.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests run the program, and share modules that others use more of"
)]

#[path = "talconfig/judge.rs"]
mod files;
#[path = "schemas/judge.rs"]
mod judge;
#[path = "schemas/mutants.rs"]
mod mutants;
#[path = "talconfig/soup.rs"]
mod soup;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use keelblock::config::talconfig::{Request, load};
use keelblock::config::{DiagnosticKind, Source};
use keelblock::fleet::expect;
use keelblock::mapper::report::{Mapping, Mappings};
use keelblock::schemas::{ALL, Author};
use keelblock::snapshot::load as snapshot;
use keelblock::tuner::{profile, receipt, trim};
use serde_json::{Value as Json, json};

use self::files::{Memory, variables};
use self::judge::Questions;
use self::soup::Rng;

const CONFIG: &str = "examples/nodes/talos-1.10/mini01.yaml";
const MACHINE: &str = "examples/hardware/macmini-2014.json";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn shipped(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

fn yaml(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap()
}

/// Every document on standard output of a command in `folder`.
fn printed(folder: &Path, words: &[&str]) -> Vec<Json> {
    let program = std::env::var_os("KEELBLOCK_BIN");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_keelblock").into());
    let output = Command::new(program)
        .args(["--format", "json"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    let documents: Vec<Json> = documents.map(Result::unwrap).collect();
    assert!(!documents.is_empty(), "{words:?}: {output:?}");
    documents
}

/// The commands of the README, and others for what it does not show.
fn commands() -> Vec<String> {
    let readme = shipped("README.md");
    let shown = readme
        .lines()
        .filter_map(|it| it.strip_prefix("$ keelblock "));
    let shown = shown.map(|it| match it.starts_with("apply ") {
        true => format!("{it} --state-dir state"),
        false => it.to_owned(),
    });
    let rules = repository("tests/fixtures/tuning/home-lab.rules");
    let more = [
        format!("probe --hardware {MACHINE}"),
        format!("select -c {CONFIG} --hardware examples/hardware/macmini-2014-two-t5.json"),
        format!("plan -c {CONFIG} --hardware {MACHINE} --kdf-memory 32M --kdf-time 1"),
        "diff examples/talconfig examples/repository".to_owned(),
        "diff examples/repository examples/talconfig".to_owned(),
        format!("doctor --hardware {MACHINE}"),
        format!("doctor --hardware {MACHINE} -c {CONFIG}"),
        format!("rescue --image node.img -c {CONFIG}"),
        format!("validate -c {CONFIG}"),
        "validate --explain all".to_owned(),
        "check examples/fleet --base examples/fleet".to_owned(),
        format!("tune lint {}", rules.display()),
        "tune lint --explain all".to_owned(),
        "tune export --all --as sysctl".to_owned(),
        "tune trim-test --file hole.img --size 8M".to_owned(),
        format!("snapshot -o snapshot.json --hardware {MACHINE}"),
        format!("snapshot -o redacted.json --redact --hardware {MACHINE}"),
        "schema".to_owned(),
        "schema plam".to_owned(),
        "nosuch".to_owned(),
    ];
    shown.chain(more).collect()
}

/// What commands leave in files, and what only a disk makes them print.
fn kept(folder: &Path) -> Vec<(&'static str, Json)> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder.join("state")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap_or_default();
        if name.ends_with(".journal") {
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
            kept.extend(lines.map(|line| ("journal", line)));
        } else if text.starts_with('{') {
            let document: Json = serde_json::from_str(&text).unwrap();
            let of = ALL
                .iter()
                .find(|it| document["schema"] == format!("keelblock/{}/v1", it.name));
            kept.push((of.unwrap().name, document));
        }
    }
    for name in ["snapshot.json", "redacted.json"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        kept.push(("snapshot", serde_json::from_str(&text).unwrap()));
    }
    let mappings = Mappings::new(vec![Mapping::default()], vec![String::new()]);
    kept.push(("mappings", json!(mappings)));
    kept.push(("tune-receipt", tune_receipt()));
    kept.push(("trim-proof", trim_proof()));
    kept
}

fn tune_receipt() -> Json {
    let value = |disk: Option<&str>| receipt::Value {
        disk: disk.map(str::to_owned),
        diskseq: "3".to_owned(),
        key: "queue/read_ahead_kb".to_owned(),
        file: "/sys/block/sda/queue/read_ahead_kb".to_owned(),
        before: "128".to_owned(),
    };
    json!(receipt::Receipt {
        schema: receipt::SCHEMA.to_owned(),
        boot: "b".to_owned(),
        values: vec![value(Some("sda")), value(None)],
    })
}

fn trim_proof() -> Json {
    json!({
        "schema": trim::proof::SCHEMA,
        "version": "0.1.0",
        "made": "2026-01-02T03:04:05Z",
        "disk": trim::subject::Subject {
            id: "usb 04e8:61f5 1".to_owned(),
            identity: keelblock::plan::DiskIdentity::default(),
            size: 500_107_862_016,
            firmware: "0".to_owned(),
            driver: "uas".to_owned(),
        },
        "kernel": "6.12",
        "mode": "unmap",
        "range": { "start": 0, "len": 8_388_608 },
        "reads": { "zeros": 1, "kept": 0, "other": 0 },
        "verdict": "pass",
    })
}

#[test]
fn every_document_that_commands_print_or_keep_fits_its_schema_and_has_no_other_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::os::unix::fs::symlink(repository("examples"), folder.join("examples")).unwrap();
    let mut documents = Vec::new();
    for command in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        documents.extend(
            printed(folder, &words)
                .into_iter()
                .map(|it| (command.clone(), it)),
        );
    }
    // Without its last block, the image has no backup table.
    let image = fs::OpenOptions::new()
        .write(true)
        .open(folder.join("node.img"))
        .unwrap();
    let end = image.metadata().unwrap().len();
    image.write_all_at(&[0; 512], end - 512).unwrap();
    for command in [
        "repair --image node.img",
        "repair --image node.img --yes --state-dir state",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        documents.extend(
            printed(folder, &words)
                .into_iter()
                .map(|it| (command.to_owned(), it)),
        );
    }
    let (mut questions, mut asked, mut seen) = (Questions::default(), Vec::new(), BTreeSet::new());
    let mut ask = |name: &'static str, from: String, document: &Json| {
        seen.insert(name);
        for closed in [false, true] {
            questions.ask(name, document, closed);
            asked.push((from.clone(), name));
        }
    };
    for (command, document) in documents {
        let says = document["schema"].as_str().unwrap_or_default().to_owned();
        let of = keelblock::schemas::Type::named(&says);
        ask(
            of.unwrap_or_else(|| panic!("{command}: {says:?}")).name,
            command,
            &document,
        );
    }
    for (name, document) in kept(folder) {
        ask(name, format!("a file that is a {name}"), &document);
    }
    let answers = questions.answers();
    for (errors, (from, name)) in answers.iter().zip(&asked) {
        assert!(errors.is_empty(), "{from} is no {name}: {errors:#?}");
    }
    let keelblock = ALL.iter().filter(|it| it.author == Author::Keelblock);
    let unseen: Vec<_> = keelblock
        .filter(|it| !seen.contains(it.name))
        .map(|it| it.name)
        .collect();
    assert!(unseen.is_empty(), "nothing was held against {unseen:?}");
}

#[test]
fn the_examples_fit_but_for_the_mistakes_that_they_show() {
    let mut questions = Questions::default();
    let mut wanted = Vec::new();
    for (path, name, wrong) in [
        ("examples/talconfig/talconfig.yaml", "talconfig", None),
        (
            "tests/fixtures/talconfig/home-ops/talconfig.yaml",
            "talconfig",
            None,
        ),
        (
            "examples/repository/talconfig.yaml",
            "talconfig",
            Some("sysctls"),
        ),
        ("examples/fleet/expect.yaml", "expect", None),
        ("src/tuner/profiles.yaml", "profiles", None),
    ] {
        questions.ask(name, &yaml(&shipped(path)), false);
        wanted.push((path.to_owned(), wrong));
    }
    for entry in fs::read_dir(repository("examples/hardware")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "json") {
            let document: Json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let says = document["schema"].as_str().unwrap();
            let of = keelblock::schemas::Type::named(says).unwrap();
            questions.ask(of.name, &document, false);
            wanted.push((path.display().to_string(), None));
        }
    }
    for (errors, (path, wrong)) in questions.answers().iter().zip(&wanted) {
        let as_wanted = match wrong {
            None => errors.is_empty(),
            Some(word) => errors.len() == 1 && errors[0].contains(word),
        };
        assert!(as_wanted, "{path}: {errors:#?}");
    }
}

/// Holds every mutant against reader and schema. `beyond` says which changes only the reader can judge.
fn agree(
    name: &str,
    document: &Json,
    every: usize,
    accepts: impl Fn(&Json) -> bool,
    beyond: impl Fn(&str) -> bool,
) {
    let mutants: Vec<_> = mutants::of(document).into_iter().step_by(every).collect();
    let mut questions = Questions::default();
    questions.ask(name, document, false);
    mutants
        .iter()
        .for_each(|it| questions.ask(name, &it.document, false));
    let answers = questions.answers();
    assert!(
        accepts(document) && answers[0].is_empty(),
        "{name}: {:?}",
        answers[0]
    );
    let (mut refused, mut wrong) = (0, Vec::new());
    for (mutant, errors) in mutants.iter().zip(&answers[1..]) {
        let reads = accepts(&mutant.document);
        refused += usize::from(!reads && !errors.is_empty());
        if reads != errors.is_empty() && !(errors.is_empty() && beyond(&mutant.change)) {
            wrong.push(format!(
                "{} (reader: {reads}, schema: {errors:?})",
                mutant.change
            ));
        }
    }
    let shown: Vec<_> = wrong.iter().take(20).collect();
    assert!(
        wrong.is_empty(),
        "{name}: {} differ: {shown:#?}",
        wrong.len()
    );
    eprintln!(
        "{name}: {} changes, {refused} of them refused by reader and schema",
        mutants.len()
    );
    assert!(
        refused > 20 && refused * 10 > mutants.len() * 3,
        "{name}: {refused} refused"
    );
}

#[test]
fn the_schema_of_expect_refuses_what_its_reader_refuses() {
    let document = yaml(
        "version: 1\nnodes:\n  a:\n    config: [x.yaml, y.yaml]\n    hardware: h.json\n    uuid: \
         9F3B6C1E-2d47-5a80-b1c6-0e7d5a94c213\n    wipe: /dev/sda\n    disks:\n      install: {model: \
         APPLE*, size: '> 1GB', rotational: false}\n  b:\nnever:\n- {name: usb, nodes: w*, roles: [u-*], \
         match: disk.transport == 'usb'}\n- {size: '> 4TB'}\nrequire:\n- {slots: 2, keys: [static]}\n- \
         {minDisks: 2, wipe: false, snapshot: true}\n",
    );
    let accepts = |document: &Json| {
        let (name, text) = ("expect.yaml", &*document.to_string());
        expect::parse(Source { name, text }).is_ok()
    };
    // Whether an expression means anything is not for a schema to say.
    agree("expect", &document, 1, accepts, |change| {
        change.contains("/match: ")
    });
}

#[test]
fn the_schema_of_profiles_refuses_what_their_reader_refuses() {
    let document = yaml(
        "version: 1\nprofiles:\n- name: base\n  title: Base\n  match: {usb: ['04e8:61f5'], driver: uas, \
         model: X*, rotational: false, removable: false, optimalIoSize: 512}\n  settings:\n  - {key: \
         queue/read_ahead_kb, value: 128, reason: y, cost: none, source: kernel}\n  - {key: \
         scsi_disk/provisioning_mode, value: unmap, reason: y, needs: trim-proof}\n  - {key: \
         vm.dirty_bytes, value: 1, reason: y}\n  left:\n  - {key: queue/scheduler, reason: default}\n- name: \
         mine\n  extends: base\n",
    );
    let accepts = |document: &Json| {
        let (name, text) = ("own.yaml", &*document.to_string());
        profile::parse(Source { name, text }, &[]).is_ok()
    };
    // Whether the profile that is extended is there is not for a schema to say.
    let beyond = |change: &str| {
        change.contains("/extends: ")
            || change.contains("/0/name: ")
            || change == "/profiles/0: without name"
    };
    agree("profiles", &document, 1, accepts, beyond);
}

#[test]
fn the_schemas_of_what_is_read_back_refuse_what_the_readers_refuse() {
    let mut machine: Json =
        serde_json::from_str(&shipped("examples/hardware/macmini-2014-two-t5.json")).unwrap();
    let disks = machine["inventory"]["disks"].as_array_mut().unwrap();
    disks.truncate(1);
    let attributes = machine["attributes"].as_object().unwrap().clone();
    machine["attributes"] = attributes
        .into_iter()
        .take(2)
        .collect::<serde_json::Map<_, _>>()
        .into();
    let reads = |document: &Json| match snapshot::parse(&document.to_string()) {
        // Names and sizes that no machine has are more than a type.
        Err(snapshot::LoadError::Impossible(_)) | Ok(_) => true,
        Err(_) => false,
    };
    agree("snapshot", &machine, 3, reads, |_| false);
    let reads = |document: &Json| {
        let proof = serde_json::from_value::<trim::proof::Proof>(document.clone());
        proof.is_ok_and(|proof| proof.schema == trim::proof::SCHEMA)
    };
    agree("trim-proof", &trim_proof(), 1, reads, |_| false);
    let reads = |document: &Json| {
        let receipt = serde_json::from_value::<receipt::Receipt>(document.clone());
        receipt.is_ok_and(|receipt| receipt.schema == receipt::SCHEMA)
    };
    agree("tune-receipt", &tune_receipt(), 1, reads, |_| false);
    let words = format!("plan -c {CONFIG} --hardware {MACHINE} --kdf-memory 32M --kdf-time 1");
    let words: Vec<&str> = words.split(' ').collect();
    let plan = printed(&repository(""), &words).remove(0);
    let reads = |document: &Json| {
        let plan = serde_json::from_value::<keelblock::plan::Plan>(document.clone());
        plan.is_ok_and(|plan| plan.schema == keelblock::plan::SCHEMA)
    };
    agree("plan", &plan, 9, reads, |_| false);
}

#[test]
fn a_document_without_a_required_key_does_not_fit() {
    let talconfig = json!({
        "clusterName": "a", "kubernetesVersion": "v1.34.1", "endpoint": "https://10.0.0.10:6443",
        "nodes": [{"hostname": "n", "ipAddress": "10.0.0.1", "installDisk": "/dev/sda"}],
    });
    let words = format!("plan -c {CONFIG} --hardware {MACHINE} --kdf-memory 32M --kdf-time 1");
    let words: Vec<&str> = words.split(' ').collect();
    let plan = printed(&repository(""), &words).remove(0);
    let (mut questions, mut asked) = (Questions::default(), Vec::new());
    for (name, whole, places) in [
        (
            "talconfig",
            &talconfig,
            &[
                "/clusterName",
                "/kubernetesVersion",
                "/endpoint",
                "/nodes",
                "/nodes/0/hostname",
                "/nodes/0/ipAddress",
                "/nodes/0/installDisk",
            ][..],
        ),
        ("plan", &plan, &["/schema", "/id", "/disks", "/steps"][..]),
    ] {
        questions.ask(name, whole, false);
        asked.push((name, ""));
        for place in places {
            let mut document = whole.clone();
            let (parent, key) = place.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(parent).unwrap();
            assert!(parent.as_object_mut().unwrap().remove(key).is_some());
            questions.ask(name, &document, false);
            asked.push((name, place));
        }
    }
    for (errors, (name, place)) in questions.answers().iter().zip(&asked) {
        assert_eq!(
            errors.is_empty(),
            place.is_empty(),
            "{name}{place}: {errors:?}"
        );
    }
}

fn has_fraction(value: &Json) -> bool {
    match value {
        Json::Object(map) => map.values().any(has_fraction),
        Json::Array(items) => items.iter().any(has_fraction),
        other => other.as_f64().is_some_and(|it| it.fract() != 0.0),
    }
}

/// Whether there is a group without nodes: talhelper does not look at what is in it, and the schema does.
fn has_unused_group(document: &Json) -> bool {
    let of_control_plane = |node: &Json| node["controlPlane"] == true;
    let nodes = document["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let is_used = |wanted: bool| nodes.iter().any(|node| of_control_plane(node) == wanted);
    [("controlPlane", true), ("worker", false)]
        .iter()
        .any(|(key, wanted)| document.get(key).is_some() && !is_used(*wanted))
}

#[test]
fn a_talconfig_that_is_read_fits_and_one_with_a_wrong_type_or_an_unknown_key_does_not() {
    let shape: Json = serde_json::from_str(include_str!("fixtures/talconfig/shape.json")).unwrap();
    let (mut questions, mut cases) = (Questions::default(), Vec::new());
    for seed in 10_000..10_600 {
        let config = soup::config(&mut Rng::new(seed), &shape);
        let text = soup::yaml(&config, &mut Rng::new(seed));
        let Ok(document) = serde_saphyr::from_str::<Json>(&text) else {
            continue;
        };
        let names = [
            "patch.yaml",
            "template.yaml",
            "list.yaml",
            "content.txt",
            "content.yaml",
            "vars.txt",
        ];
        let mut files: BTreeMap<String, String> = names
            .map(|name| (name.to_owned(), "a: 1\n".to_owned()))
            .into();
        files.insert("talconfig.yaml".to_owned(), text.clone());
        let memory = Memory {
            folder: "/f",
            files: &files,
        };
        let env = variables(
            &[("V", "value"), ("W", "x: y")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        );
        let request = Request {
            path: "/f/talconfig.yaml",
            root: "/f",
            env: &env,
        };
        let fits = match load(request, &memory) {
            Ok(loaded) if !loaded.unknown.is_empty() => Some(false),
            Ok(_) if has_fraction(&document) || has_unused_group(&document) => None,
            Ok(_) => Some(true),
            // What a variable brings in is not there for the schema to see.
            Err(_) if text.contains('$') => None,
            Err(error) => {
                let is_type =
                    |it: &keelblock::config::Diagnostic| it.kind == DiagnosticKind::WrongType;
                error.diagnostics().iter().any(is_type).then_some(false)
            }
        };
        questions.ask("talconfig", &document, false);
        cases.push((seed, fits, text));
    }
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for (errors, (seed, wanted, text)) in questions.answers().iter().zip(&cases) {
        let fits = errors.is_empty();
        *counts.entry((*wanted, fits)).or_insert(0) += 1;
        if wanted.is_some_and(|wanted| wanted != fits) {
            wrong.push(format!("seed {seed}: fits: {fits}: {errors:?}\n{text}"));
        }
    }
    eprintln!("(what the reader says, what the schema says): {counts:?}");
    let shown: Vec<&str> = wrong.iter().take(4).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        shown.join("\n")
    );
    let enough = [((Some(true), true), 150), ((Some(false), false), 30)];
    let is_enough = |(it, least): &(_, i32)| counts.get(it).is_some_and(|count| count > least);
    assert!(enough.iter().all(is_enough), "{counts:?}");
}

/// Every path of keys in talhelper's types, and the same of the schema.
#[test]
fn the_schema_of_talconfig_has_the_fields_of_talhelpers_types_and_no_others() {
    let shape: Json = serde_json::from_str(include_str!("fixtures/talconfig/shape.json")).unwrap();
    let (mut theirs, mut ours) = (BTreeSet::new(), BTreeSet::new());
    paths(&shape, "", &mut theirs);
    let schema: Json = serde_json::from_str(&shipped("schemas/talconfig.json")).unwrap();
    properties(&schema, &schema["definitions"], "", &mut ours);
    assert!(theirs.len() > 600, "{}", theirs.len());
    assert_eq!(ours, theirs);
}

fn paths(shape: &Json, path: &str, found: &mut BTreeSet<String>) {
    match shape {
        Json::Array(items) => paths(items.last().unwrap(), path, found),
        Json::Object(fields) => {
            for (key, below) in fields.iter().filter(|(key, _)| *key != "*") {
                let path = format!("{path}.{key}");
                paths(below, &path, found);
                found.insert(path);
            }
        }
        _ => {}
    }
}

fn properties(schema: &Json, definitions: &Json, path: &str, found: &mut BTreeSet<String>) {
    let name = schema["$ref"]
        .as_str()
        .and_then(|it| it.strip_prefix("#/definitions/"));
    let schema = name.map_or(schema, |name| &definitions[name]);
    if schema["items"].is_object() {
        properties(&schema["items"], definitions, path, found);
    }
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        properties(below, definitions, &path, found);
        found.insert(path);
    }
}
