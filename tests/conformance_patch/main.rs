//! Patches come out as Talos' own code has them: the same are refused, and the results are the same.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod generate;
mod shrink;
#[path = "../support/talos.rs"]
mod talos;
mod types;

use keelblock::config::patch::{MachineConfig, Patch};
use serde::Deserialize;
use serde_json::{Value, json};

use self::generate::{Case, Generator, RAW};
use self::talos::{Judge, Release, call};
use self::types::Types;

/// Cases of a run.
const CASES: u64 = 2_400;

/// Refusals of Talos that are not shared, by a part of their text, and why not.
const NOT_SHARED: [(&str, &str); 1] = [(
    "Protocol(0) does not belong to Protocol values",
    "Talos cannot read back what it writes for a NetworkRuleConfig without portSelector.protocol",
)];

/// What Talos makes of a request.
#[derive(Debug, Deserialize)]
struct Answer {
    stage: String,
    error: String,
    kinds: Option<Vec<String>>,
    text: String,
    other: String,
    other_error: String,
    documents: Option<Vec<Value>>,
}

/// What is made of it here.
struct Ours {
    /// As in the answer: config, load, apply; empty if all went well.
    stage: &'static str,
    error: String,
    kinds: Vec<String>,
    text: Option<String>,
    values: Vec<Value>,
}

fn ours(config: &str, patches: &[String]) -> Ours {
    let mut ours = Ours {
        stage: "config",
        error: String::new(),
        kinds: Vec::new(),
        text: None,
        values: Vec::new(),
    };
    // As Talos writes it: a patch applies to what is left after writing.
    let written = MachineConfig::read(config).map(|config| config.to_text());
    let config = match written.and_then(|text| MachineConfig::read(&text)) {
        Ok(config) => config,
        Err(error) => {
            ours.error = error.to_string();
            return ours;
        }
    };
    ours.stage = "load";
    let mut loaded = Vec::new();
    for (index, text) in patches.iter().enumerate() {
        match Patch::load(&format!("patches[{index}]"), text) {
            Ok(patch) => loaded.push(patch),
            Err(error) => {
                ours.error = chain(&error);
                return ours;
            }
        }
    }
    ours.kinds = loaded.iter().map(|it| it.kind().to_owned()).collect();
    ours.stage = "apply";
    match config.apply(&loaded) {
        Ok(config) => {
            ours.stage = "";
            ours.values = config.values();
            ours.text = Some(config.to_text());
        }
        Err(error) => ours.error = chain(&error),
    }
    ours
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How the two differ, if they do.
fn difference(judge: &mut Judge, config: &str, patches: &[String]) -> Option<String> {
    let ours = ours(config, patches);
    let request = json!({"config": config, "patches": patches, "result": ours.text});
    let theirs: Answer = judge.ask_for(&request);
    if NOT_SHARED
        .iter()
        .any(|(text, _)| theirs.error.contains(text))
    {
        return None;
    }
    let refused = (!ours.stage.is_empty(), !theirs.stage.is_empty());
    if refused.0 != refused.1 || (ours.stage == "config") != (theirs.stage == "config") {
        return Some(format!(
            "here: {} {}\nTalos: {} {}",
            ours.stage, ours.error, theirs.stage, theirs.error
        ));
    }
    if refused.0 {
        return None;
    }
    if ours.kinds != *theirs.kinds.as_deref().unwrap_or_default() {
        return Some(format!(
            "kinds: {:?}, Talos: {:?}",
            ours.kinds, theirs.kinds
        ));
    }
    if theirs.other_error.is_empty() && theirs.other == theirs.text {
        let read = theirs.documents.unwrap_or_default();
        return (read != ours.values).then(|| format!("Go reads {read:?} in\n{:?}", ours.text));
    }
    let text = ours.text.unwrap_or_default();
    Some(format!(
        "here:\n{text}\nwhich Talos reads as: {}\n{}\nTalos has:\n{}",
        theirs.other_error, theirs.other, theirs.text
    ))
}

/// As JSON, which is YAML, with some texts without their quotes.
fn write(documents: &[Value]) -> String {
    let texts = documents.iter().map(|it| {
        let mut text = String::new();
        write_value(it, &mut text);
        text
    });
    texts.collect::<Vec<_>>().join("\n---\n")
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => match text.strip_prefix(RAW) {
            Some(raw) => out.push_str(raw),
            None => out.push_str(&value.to_string()),
        },
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_value(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (key, below) in map {
                out.push_str(&format!("{}: ", json!(key)));
                write_value(below, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn case_difference(judge: &mut Judge, case: &Case) -> Option<String> {
    let patches: Vec<String> = case.patches.iter().map(|it| write(it)).collect();
    difference(judge, &write(&case.config), &patches)
}

#[test]
fn generated_patches_come_out_as_talos_has_them() {
    let types = Types::read();
    let mut judge = Judge::start_for("patch");
    let (mut applied, mut wrong) = (0, Vec::new());
    let first = std::env::var("KEELBLOCK_PATCH_SEED").map_or(0, |seed| seed.parse().unwrap());
    for seed in first..first + CASES {
        let case = Generator::new(&types, seed).case();
        let patches: Vec<String> = case.patches.iter().map(|it| write(it)).collect();
        applied += usize::from(ours(&write(&case.config), &patches).stage.is_empty());
        if case_difference(&mut judge, &case).is_none() {
            continue;
        }
        let small = shrink::smallest(&case, |it| case_difference(&mut judge, it).is_some());
        let difference = case_difference(&mut judge, &small).unwrap();
        let patches: Vec<String> = small.patches.iter().map(|it| write(it)).collect();
        let config = write(&small.config);
        wrong.push(format!("seed {seed}\n{config}\n{patches:#?}\n{difference}"));
        if wrong.len() == 10 {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let share = applied * 100 / usize::try_from(CASES).unwrap();
    assert!(share > 50, "only {share}% of the cases show a result");
}

#[test]
fn the_patches_of_talos_own_tests_come_out_as_talos_has_them() {
    let fixtures = call(Release::V1_14, &["fixtures"], b"");
    assert!(fixtures.len() > 20, "{}", fixtures.len());
    let mut judge = Judge::start_for("patch");
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let patches: Vec<String> = serde_json::from_value(fixture["patches"].clone()).unwrap();
        let config = fixture["config"].as_str().unwrap();
        if let Some(difference) = difference(&mut judge, config, &patches) {
            wrong.push(format!("{}\n{difference}", fixture["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_table_of_types_is_what_talos_says() {
    let binary = call(Release::V1_14, &["schema"], b"");
    let said = binary[0].as_str().unwrap();
    let table = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/config/schema/talos.txt"
    ));
    let lines = said.lines().zip(table.lines()).enumerate();
    for (number, (said, written)) in lines {
        assert_eq!(said, written, "line {}", number + 1);
    }
    assert_eq!(said, table);
}
