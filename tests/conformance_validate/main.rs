//! `validate` refuses what `talosctl validate --mode metal` refuses, of what our patches and Talos' make of a configuration.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod bases;
mod differences;
mod generate;
mod pieces;
#[path = "../conformance_patch/shrink.rs"]
mod shrink;
#[path = "../support/talos.rs"]
mod talos;

use std::collections::{BTreeMap, BTreeSet};

use keelblock::config::patch::{MachineConfig, Patch};
use keelblock::lint::rule::Level;
use keelblock::lint::{File, Finding, Input, Kind, kind_of, lint};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::bases::Bases;
use self::differences::LISTED;
use self::generate::{Case, Generator};
use self::talos::Judge;

/// Cases of a run.
const CASES: u64 = 2_100;

/// What Talos makes of a request.
#[derive(Debug, Deserialize)]
struct Answer {
    stage: String,
    error: String,
    warnings: Option<Vec<String>>,
    strict: String,
}

/// What is made of it here.
struct Ours {
    /// Why the patches do not apply; empty if they do.
    patch: String,
    /// What the result is taken for.
    kind: Option<Kind>,
    findings: Vec<Finding>,
}

impl Ours {
    fn of(config: &str, patches: &[String]) -> Self {
        let refused = |why: String| Self {
            patch: why,
            kind: None,
            findings: Vec::new(),
        };
        let loaded: Result<Vec<Patch>, _> = patches
            .iter()
            .map(|text| Patch::load("patch", text))
            .collect();
        let patched = match (MachineConfig::read(config), loaded) {
            (Ok(config), Ok(patches)) => config.apply(&patches),
            (Err(error), _) => return refused(error.to_string()),
            (_, Err(error)) => return refused(error.to_string()),
        };
        match patched {
            Ok(config) => {
                let text = config.to_text();
                Self {
                    patch: String::new(),
                    kind: Some(kind_of(&text, true)),
                    findings: validate(&text),
                }
            }
            Err(error) => refused(error.to_string()),
        }
    }

    fn errors(&self) -> Vec<&Finding> {
        let errors = self
            .findings
            .iter()
            .filter(|it| it.rule.level == Level::Error);
        errors.collect()
    }

    /// What only the reader of this program refuses, if nothing else does.
    fn own(&self) -> Vec<&str> {
        let errors = self.errors();
        let own = errors.iter().all(|it| it.rule.code == "KB110");
        let messages = errors.iter().map(|it| it.message.as_str());
        if own { messages.collect() } else { Vec::new() }
    }

    fn is_refused(&self) -> bool {
        !self.patch.is_empty() || !self.errors().is_empty()
    }

    /// As with `--strict`, which turns what Talos says of the old document into errors.
    fn is_refused_strictly(&self) -> bool {
        let remark = |it: &Finding| it.rule.code == "KB808";
        self.is_refused() || self.findings.iter().any(remark)
    }
}

/// What `keelblock validate` says of a file.
fn validate(text: &str) -> Vec<Finding> {
    let file = File {
        name: "node.yaml".to_owned(),
        path: String::new(),
        text: Zeroizing::new(text.to_owned()),
        named: true,
    };
    let input = Input {
        files: &[file],
        repositories: &[],
        machines: &[],
        whole: false,
    };
    lint(&input).findings
}

/// How the two differ, if they do; the index of the listed difference that it is.
fn difference(judge: &mut Judge, case: &Case) -> Option<(String, Option<usize>)> {
    let (config, patches) = case.texts();
    compare(judge, case, &Ours::of(&config, &patches))
}

fn compare(judge: &mut Judge, case: &Case, ours: &Ours) -> Option<(String, Option<usize>)> {
    let (config, patches) = case.texts();
    let theirs: Answer = judge.ask_for(&json!({"config": config, "patches": patches}));
    let same = ours.is_refused() != theirs.stage.is_empty();
    let strictly = theirs.stage.is_empty() && theirs.strict.is_empty();
    let same_strictly = ours.is_refused_strictly() != strictly;
    let same_patch = ours.patch.is_empty() == matches!(&*theirs.stage, "" | "validate");
    if same && same_strictly && same_patch {
        return None;
    }
    let own = match theirs.stage.is_empty() && ours.patch.is_empty() {
        true => ours.own(),
        false => Vec::new(),
    };
    let (error, kind) = (&theirs.error, ours.kind);
    let listed = LISTED.iter().position(|it| it.is(case, error, kind, &own));
    let errors: Vec<String> = ours
        .findings
        .iter()
        .map(|it| format!("{} {}", it.rule.code, it.message))
        .collect();
    let said = format!(
        "here: {} {errors:#?}\nTalos: {} {}\nstrict: {}\nwarnings: {:?}",
        ours.patch, theirs.stage, theirs.error, theirs.strict, theirs.warnings
    );
    Some((said, listed))
}

/// What was seen over all cases.
#[derive(Default)]
struct Seen {
    accepted: u64,
    by_patch: u64,
    by_validation: u64,
    codes: BTreeMap<&'static str, u64>,
    messages: BTreeSet<String>,
}

impl Seen {
    fn add(&mut self, ours: &Ours) {
        match (ours.patch.is_empty(), ours.is_refused()) {
            (_, false) => self.accepted += 1,
            (false, _) => self.by_patch += 1,
            (true, true) => self.by_validation += 1,
        }
        for finding in &ours.findings {
            if finding.rule.code.starts_with("KB8") {
                *self.codes.entry(finding.rule.code).or_default() += 1;
                self.messages.insert(rule_of(&finding.message));
            }
        }
    }

    /// Both verdicts are common, and every family was hit by many rules.
    fn is_enough(&self) {
        let percent = |count: u64| count * 100 / CASES;
        println!(
            "{CASES} pairs: {}% accepted, {}% refused by validation, {}% by patching; {} rules; {:?}",
            percent(self.accepted),
            percent(self.by_validation),
            percent(self.by_patch),
            self.messages.len(),
            self.codes
        );
        assert!(percent(self.accepted) >= 30, "{}", self.accepted);
        assert!(percent(self.by_validation) >= 30, "{}", self.by_validation);
        assert!(self.codes.len() == 8, "{:?}", self.codes);
        assert!(
            self.codes.values().all(|hits| *hits >= 20),
            "{:?}",
            self.codes
        );
        assert!(self.messages.len() >= 200, "{:#?}", self.messages);
    }
}

/// Place and rule without names and numbers, which tells rules apart.
fn rule_of(message: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in message.split(": ") {
        let part = part.split('/').next().unwrap_or_default();
        parts.push(part.chars().filter(|c| !c.is_ascii_digit()).collect());
    }
    parts.join(": ")
}

#[test]
fn generated_configurations_are_refused_where_talos_refuses_them() {
    let bases = Bases::new();
    let mut judge = Judge::start_for("validate");
    let (mut seen, mut wrong) = (Seen::default(), Vec::new());
    let first = std::env::var("KEELBLOCK_VALIDATE_SEED").map_or(0, |seed| seed.parse().unwrap());
    for seed in first..first + CASES {
        let case = Generator::new(seed).case(&bases);
        let (config, patches) = case.texts();
        let ours = Ours::of(&config, &patches);
        seen.add(&ours);
        match compare(&mut judge, &case, &ours) {
            None => continue,
            Some((_, Some(_))) => continue,
            Some((_, None)) => {}
        }
        let differs = |it: &Case| matches!(difference(&mut judge, it), Some((_, None)));
        let small = shrink::smallest(&case, differs);
        let said = difference(&mut judge, &small).map(|it| it.0);
        let (config, patches) = small.texts();
        let said = said.unwrap_or_default();
        wrong.push(format!("seed {seed}\n{config}\n{patches:#?}\n{said}"));
        if wrong.len() == 5 {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    seen.is_enough();
}

#[test]
fn every_listed_difference_is_one() {
    let bases = Bases::new();
    let mut judge = Judge::start_for("validate");
    for (index, listed) in LISTED.iter().enumerate() {
        let patch: Value = serde_json::from_str(listed.example).unwrap();
        let case = Case {
            config: listed.config(bases.get(1)),
            patches: vec![vec![patch]],
        };
        let found = difference(&mut judge, &case).and_then(|it| it.1);
        assert_eq!(found, Some(index), "{}", listed.what);
    }
}

#[test]
fn every_listed_difference_is_in_the_documentation() {
    let page = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/lint/talos/mod.rs"
    ));
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | "));
    let rows: Vec<&str> = rows.filter(|row| !row.starts_with("Not as")).collect();
    assert_eq!(rows.len(), LISTED.len());
    for (row, listed) in rows.iter().zip(&LISTED) {
        assert!(row.starts_with(listed.what), "{row}");
    }
}

#[test]
fn a_case_is_the_same_for_the_same_seed() {
    let bases = Bases::new();
    let text = |seed| Generator::new(seed).case(&bases).texts();
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}
