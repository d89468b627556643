//! talconfig.yaml is read as talhelper reads it: the same files are taken, with the same values.
#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

#[path = "talconfig/judge.rs"]
mod judge;
#[path = "talconfig/soup.rs"]
mod soup;

use std::collections::{BTreeMap, BTreeSet};

use keelblock::config::ConfigError;
use keelblock::config::talconfig::{
    Loaded, PatchText, PatchTexts, Request, load, read_env, releases, substitute, substituted,
};
use serde_json::{Value as Json, json};

use self::judge::{Answer, Example, Memory, Patch, judge, variables, view};
use self::soup::Rng;

/// How many made-up configurations a run compares; `KEELBLOCK_CASES` has another number.
const CASES: usize = 600;
/// How many made-up texts.
const TEXTS: usize = 5_000;

/// What is refused here and taken there, by a part of our words, and why.
const REFUSED_ONLY_HERE: [(&str, &str); 6] = [
    (
        "on which talhelper crashes",
        "a null in a list of pointers: talhelper loads some of them and crashes when it renders",
    ),
    (
        "keelblock reads only what is inside",
        "a repository says by itself what a node gets; a path out of it makes that depend on the machine",
    ),
    (
        "names itself",
        "talconfig.yaml as one of its own files is a mistake in every case",
    ),
    (
        "take for the name of another file",
        "talhelper reads the content of a group's file once for each node, so it depends on the number of nodes",
    ),
    (
        "which talhelper damages",
        "yaml.v3 writes such a text in a block whose indent it states wrongly, and reads another text, or none, back",
    ),
    (
        "a mapping where",
        "Go fills a type that has a text form from a mapping as well, and drops every key of it",
    ),
];

/// A configuration with its files.
#[derive(Clone)]
struct Case {
    files: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

fn environment() -> BTreeMap<String, String> {
    let pairs = [
        ("V", "value"),
        ("W", "x: y"),
        ("E", ""),
        ("N", "1.10"),
        ("Q", "it's \"#"),
        ("L", "a\nb"),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

impl Case {
    /// The talconfig.yaml with the files that it may name.
    fn new(talconfig: &str) -> Self {
        let files = [
            ("talconfig.yaml", talconfig),
            (
                "patch.yaml",
                "machine:\n  # a comment with ${NOPE}\n  env: {A: \"${V}\"}\n",
            ),
            (
                "template.yaml",
                "machine:\n  env:\n    A: \"{{ .MachineConfig.MachineType }}\"\n",
            ),
            (
                "list.yaml",
                "- op: add\n  path: /machine/env\n  value: {A: $V}\n",
            ),
            ("blank.yaml", " \n\t\n"),
            ("content.txt", "A=1\nB=2\n"),
            ("content.yaml", "# first\na:   1\nb: ${V}\n"),
            ("vars.txt", "key: $U\n"),
            ("bad.txt", "[section]\nA=1\n"),
        ];
        Self {
            files: files
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            env: environment(),
        }
    }

    fn ours(&self, folder: &str) -> (Result<Loaded, ConfigError>, Option<Vec<Vec<Patch>>>) {
        let files = Memory {
            folder,
            files: &self.files,
        };
        let path = format!("{folder}/talconfig.yaml");
        let env = variables(&self.env);
        let request = Request {
            path: &path,
            root: folder,
            env: &env,
        };
        let loaded = load(request, &files);
        let patches = loaded.as_ref().ok().map(|loaded| {
            (0..loaded.config.nodes.len())
                .map(|node| patches(loaded, node, &files))
                .collect()
        });
        (loaded, patches)
    }

    fn theirs(&self, folder: &str, ours: &str) -> Answer {
        let request = json!({"op": "load", "files": self.files, "env": self.env, "dir": folder, "ours": ours});
        judge().ask(&request)
    }
}

/// Ours in the words of the judge; one error stands for all of them.
fn patches(loaded: &Loaded, node: usize, files: &Memory<'_>) -> Vec<Patch> {
    let list = match loaded.patches(node, files, &PatchTexts::default()) {
        Ok(list) => list,
        Err(_) => {
            let error = String::from("refused");
            return vec![Patch {
                error,
                ..Patch::default()
            }];
        }
    };
    let one = |patch: &keelblock::config::talconfig::Patch| match &patch.text {
        PatchText::Ready(text) => Patch {
            text: text.to_string(),
            ..Patch::default()
        },
        PatchText::Template(text) => Patch {
            text: text.to_string(),
            template: true,
            ..Patch::default()
        },
        PatchText::Empty => Patch {
            skipped: true,
            ..Patch::default()
        },
    };
    list.iter().map(one).collect()
}

/// What differs between the two; `None` if nothing does, or only what differs on purpose.
fn difference(case: &Case, folder: &str) -> Option<String> {
    let (ours, our_patches) = case.ours(folder);
    let shown = ours.as_ref().map(|loaded| view(&loaded.config));
    let theirs = case.theirs(folder, shown.as_deref().unwrap_or(""));
    let error = match (&ours, theirs.error.as_str()) {
        (Ok(_), "") => {
            if !theirs.differ.is_empty() {
                return Some(theirs.differ);
            }
            return patches_differ(&our_patches.unwrap(), &theirs);
        }
        (Ok(_), error) => return Some(format!("refused there only: {error} {:?}", theirs.issues)),
        (Err(error), _) => error,
    };
    let said = error.to_string();
    let on_purpose = REFUSED_ONLY_HERE
        .iter()
        .any(|(words, _)| said.contains(words));
    if theirs.error.is_empty() {
        return (!on_purpose).then(|| format!("refused here only: {said}"));
    }
    if theirs.error != "please fix issues with your config file" || on_purpose {
        return None;
    }
    // The same fields, but for what is only a warning there.
    let fields: BTreeSet<&str> = error
        .diagnostics()
        .iter()
        .map(|it| it.path.as_str())
        .collect();
    let warned =
        |messages: &Option<Vec<String>>| messages.iter().flatten().all(|it| it.contains("WARNING"));
    let wanted: BTreeSet<&str> = theirs
        .issues
        .iter()
        .filter(|(_, it)| !warned(it))
        .map(|(field, _)| field.as_str())
        .collect();
    (fields != wanted).then(|| {
        format!(
            "ours: {fields:?}\ntalhelper: {wanted:?} {:?}\n{said}",
            theirs.issues
        )
    })
}

fn patches_differ(ours: &[Vec<Patch>], theirs: &Answer) -> Option<String> {
    let cluster = theirs.patches.as_deref().unwrap_or_default();
    for (ours, node) in ours.iter().zip(&theirs.nodes) {
        let own = node.patches.as_deref().unwrap_or_default();
        let mut wanted: Vec<Patch> = own.iter().chain(cluster).cloned().collect();
        if wanted.iter().any(|patch| !patch.error.is_empty()) {
            let error = String::from("refused");
            wanted = vec![Patch {
                error,
                ..Patch::default()
            }];
        }
        if *ours != wanted {
            return Some(format!("patches: {ours:?}\ntalhelper: {wanted:?}"));
        }
    }
    None
}

/// A folder that has nothing of the case before in it.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn differs(case: &Case) -> Option<String> {
    let folder = folder();
    difference(case, folder.path().to_str().unwrap())
}

#[test]
fn the_tables_of_types_are_those_of_talhelper() {
    let answer = judge().ask(&json!({"op": "shape"}));
    let kept: Json = serde_json::from_str(include_str!("fixtures/talconfig/shape.json")).unwrap();
    assert_eq!(
        kept, answer.shape,
        "tests/fixtures/talconfig/shape.json is out of date"
    );
}

#[test]
fn the_list_of_releases_is_that_of_talhelper() {
    let theirs = judge().ask(&json!({"op": "releases"}));
    assert_eq!(theirs.text, keelblock::config::talconfig::LATEST_TALOS);
    assert_eq!(theirs.releases.len(), releases().len());
    for (theirs, ours) in theirs.releases.iter().zip(releases()) {
        let names: BTreeSet<&str> = theirs
            .extensions
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let overlays: Vec<(&str, &str)> = theirs
            .overlays
            .iter()
            .flatten()
            .map(|[name, image]| (&**name, &**image))
            .collect();
        assert_eq!(
            (&*theirs.version, &names, &overlays),
            (ours.tag, &*ours.extensions, &ours.overlays)
        );
    }
}

#[test]
fn the_example_of_talhelper_is_read_with_its_values() {
    let example = Example::read();
    let mut case = Case::new("");
    case.files.extend(example.files.clone());
    case.env.extend(example.env.clone());
    assert_eq!(differs(&case), None);
    assert!(case.ours("/r").0.is_ok());

    case.files
        .insert(String::from("talenv.yaml"), example.text("talenv.yaml"));
    let refused = case.ours("/r").0.err().unwrap().to_string();
    assert!(
        refused.contains("talenv.yaml") && refused.contains("encrypted with SOPS"),
        "{refused}"
    );
}

#[test]
fn texts_are_substituted_as_envsubst_does_it() {
    let mut rng = Rng::new(1);
    let env = environment();
    let known = variables(&env);
    let mut judge = judge();
    let mut wrong = Vec::new();
    for _ in 0..TEXTS {
        let text = soup::text(&mut rng);
        let ours = substitute(&text, &known);
        // On these the library never ends, so it is not asked.
        if ours == Err(keelblock::config::talconfig::SubstError::Endless) {
            continue;
        }
        let theirs = judge.ask(&json!({"op": "envsubst", "text": text, "env": env}));
        let ours = ours.map_or_else(
            |error| (String::new(), error.to_string()),
            |text| (text.to_string(), String::new()),
        );
        if ours != (theirs.text.clone(), theirs.error.clone()) {
            wrong.push(format!(
                "{text:?}: {ours:?}, envsubst: {:?} {:?}",
                theirs.text, theirs.error
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {TEXTS}: {}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

#[test]
fn texts_of_yaml_are_written_anew_byte_for_byte() {
    let mut rng = Rng::new(2);
    let env = environment();
    let known = variables(&env);
    let mut judge = judge();
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for _ in 0..TEXTS {
        let text = soup::document(&mut rng);
        let theirs = judge.ask(&json!({"op": "reencode", "text": text, "env": env}));
        match substituted(&text, &known) {
            Ok(ours) if theirs.error.is_empty() && *ours == theirs.text => taken += 1,
            Err(_) if !theirs.error.is_empty() => {}
            ours => wrong.push(format!(
                "{text:?}: {:?}, talhelper: {:?} {:?}",
                ours.as_ref().map(|text| text.as_str()),
                theirs.text,
                theirs.error
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {TEXTS}: {}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
    assert!(
        taken > TEXTS / 10,
        "only {taken} of {TEXTS} texts were YAML"
    );
}

#[test]
fn environments_are_read_as_talhelper_reads_them() {
    let mut rng = Rng::new(3);
    let lines = [
        "A: 1",
        "B: \"x\\ny\"",
        "C: 'q # r'",
        "d: ${A}",
        "E: $A-$B",
        "F: x # y",
        "export G: z",
        "H: \"$A \\$A\"",
        "# I: 1",
        "---",
        "J: {a: b}",
        "K:",
        "L: 'it''s'",
        "M.n_1: ü",
        "N-o: 1",
        "P: \"open",
        "Q: a=b",
        "R: 1.10",
        "S: $(A)",
        "T: x#y",
        "A: 2",
        "sops: {}",
        "U: [1, 2]",
        "\"W\": 1",
        "X=1",
        "Y: |\n  more: text",
        "Z: \"a\\tb\\\\c\"",
    ];
    let mut judge = judge();
    let mut wrong = Vec::new();
    for _ in 0..1000 {
        let count = 1 + rng.below(4);
        let text: String = (0..count)
            .map(|_| format!("{}\n", rng.pick(&lines)))
            .collect();
        let theirs = judge.ask(&json!({"op": "env", "text": text}));
        let mut env = BTreeMap::new();
        let ours = read_env(&text, &mut env);
        let env: BTreeMap<String, String> = env
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        if ours.is_err() == theirs.error.is_empty() || env != theirs.env {
            wrong.push(format!(
                "{text:?}: {ours:?} {env:?}, talhelper: {:?} {:?}",
                theirs.error, theirs.env
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 1000: {}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
}

#[test]
fn made_up_configurations_are_taken_and_refused_alike_with_the_same_values() {
    let shape: Json = serde_json::from_str(include_str!("fixtures/talconfig/shape.json")).unwrap();
    let count = std::env::var("KEELBLOCK_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(CASES);
    let first: u64 = std::env::var("KEELBLOCK_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0);
    let folder = folder();
    let folder = folder.path().to_str().unwrap();
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for seed in (first..).take(count) {
        let config = soup::config(&mut Rng::new(seed), &shape);
        let case = |config: &Json| Case::new(&soup::yaml(config, &mut Rng::new(seed)));
        match difference(&case(&config), folder) {
            Some(_) if wrong.len() < 5 => wrong.push(reproducer(seed, config, &case, folder)),
            Some(_) => wrong.push(String::new()),
            None => taken += usize::from(case(&config).ours(folder).0.is_ok()),
        }
    }
    let shown: Vec<&str> = wrong.iter().take(5).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        shown.join("\n\n")
    );
    assert!(
        taken > count / 4,
        "only {taken} of {count} configurations were taken"
    );
}

/// The smallest configuration that still differs, as text, and how.
fn reproducer(seed: u64, mut config: Json, case: &impl Fn(&Json) -> Case, folder: &str) -> String {
    let mut budget = 150;
    loop {
        let smaller = smaller(&config);
        let found = smaller.into_iter().find(|config| {
            budget -= 1;
            budget > 0 && difference(&case(config), folder).is_some()
        });
        match found {
            Some(found) => config = found,
            None => break,
        }
    }
    let case = case(&config);
    let differs = difference(&case, folder).unwrap_or_default();
    format!("seed {seed}:\n{}{differs}", case.files["talconfig.yaml"])
}

/// The same without one of its parts, larger parts first.
fn smaller(value: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    match value {
        Json::Object(map) => {
            for key in map.keys() {
                let mut less = map.clone();
                less.remove(key);
                all.push(less.into());
            }
            for (key, value) in map {
                for value in smaller(value) {
                    let mut less = map.clone();
                    less.insert(key.clone(), value);
                    all.push(less.into());
                }
            }
        }
        Json::Array(items) => {
            for index in 0..items.len() {
                let mut less = items.clone();
                less.remove(index);
                all.push(less.into());
            }
            for (index, value) in items.iter().enumerate() {
                for value in smaller(value) {
                    let mut less = items.clone();
                    less[index] = value;
                    all.push(less.into());
                }
            }
        }
        _ => {}
    }
    all
}
