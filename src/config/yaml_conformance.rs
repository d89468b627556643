//! The YAML reader against what Go's yaml.v3, the heart of Talos' decoder, makes of the same 76 texts.

use super::Source;
use super::context::{Context, Field};
use super::node::{Node, Value};
use super::scalar::Resolved;
use super::yaml;

const CASES: &str = include_str!("../../tests/fixtures/config/yaml-cases/cases.txt");
const GO: &str = include_str!("../../tests/fixtures/config/yaml-cases/go.txt");

/// Where we differ from Go on purpose, with what we say instead.
const DIFFERENCES: [(&str, &str, &str); 1] = [(
    "uint overflow",
    "ERR",
    "Go wraps 2^64 to 2^63 by way of a float; a number that does not fit is refused here",
)];

/// The struct that the Go program decoded into.
#[derive(Default)]
struct S {
    shown: Vec<String>,
}

fn decode(ctx: &mut Context<'_>, field: Field<'_>) -> S {
    let mut s = S::default();
    if field.node.is_null() {
        return s;
    }
    let Some(field) = ctx.map(field, &["b", "i", "u", "f", "s", "m", "l", "n"]) else {
        return s;
    };
    if ctx.flag_at(&field, "b") == Some(true) {
        s.shown.push(String::from("b=true"));
    }
    for key in ["i", "u"] {
        if let Some(written) = field.get(key)
            && let Some(number) = ctx.number(&written, u64::MAX)
        {
            s.shown.push(format!("{key}={number}"));
        }
    }
    if let Some(written) = field.get("f")
        && let Value::Scalar(scalar) = &written.node.value
    {
        s.shown.push(match scalar.resolve() {
            Resolved::Int(number) => format!("f={number}"),
            Resolved::Float(f64::INFINITY) => String::from("f=+Inf"),
            other => format!("f={other:?}"),
        });
    }
    if let Some(text) = ctx.text_at(&field, "s") {
        s.shown.push(format!("s={}", quoted(&text)));
    }
    if let Some(map) = field.get("m") {
        let mut pairs: Vec<String> = map
            .entries()
            .iter()
            .map(|entry| {
                let value = (!entry.value.is_null()).then(|| ctx.text(&map.below(entry)));
                format!("{}:{}", entry.key, value.flatten().unwrap_or_default())
            })
            .collect();
        pairs.sort();
        s.shown.push(format!("m=map[{}]", pairs.join(" ")));
    }
    if let Some(list) = field.get("l") {
        let items: Vec<String> = ctx
            .texts(&list)
            .iter()
            .map(|(text, _)| quoted(text))
            .collect();
        s.shown.push(format!("l=[{}]", items.join(" ")));
    }
    if let Some(nested) = field.get("n") {
        let nested = decode(ctx, nested);
        s.shown.push(format!("n={{{}}}", nested.shown.join(" ")));
    }
    s
}

/// As Go's %q.
fn quoted(text: &str) -> String {
    format!("{text:?}").replace("\\0", "\\x00")
}

fn ours(text: &str) -> String {
    let sources = [Source { name: "case", text }];
    let mut ctx = Context::new(&sources);
    let stream = yaml::read(text, 0);
    let mut shown: Vec<String> = Vec::new();
    for document in &stream.documents {
        let document: &Node = document;
        shown.push(decode(&mut ctx, Field::root(document, "")).shown.join(" "));
        if !ctx.diagnostics.is_empty() {
            shown.pop();
            shown.push(String::from("ERR"));
            return shown.join(" --- ");
        }
    }
    if stream.fault.is_some() {
        shown.push(String::from("ERR"));
    }
    shown.join(" --- ")
}

/// Go's line without the wording of its error, and without the map printed for nothing.
fn theirs(result: &str) -> String {
    match result.find("ERR") {
        Some(at) => format!("{}ERR", &result[..at]),
        None => result.trim_end().to_owned(),
    }
}

#[test]
fn every_case_means_what_it_means_in_go() {
    let cases: Vec<&str> = CASES.split("\n#####\n").collect();
    let results: Vec<&str> = GO.lines().collect();
    assert_eq!(cases.len(), 76);
    assert_eq!(results.len(), 76);
    let mut differing = Vec::new();
    for (case, result) in cases.iter().zip(results) {
        let (name, text) = case.split_once('\n').unwrap();
        let (named, result) = result.split_once('|').unwrap();
        assert_eq!(
            name,
            named.trim_end(),
            "cases.txt and go.txt are out of step"
        );
        let (ours, theirs) = (
            ours(text.strip_suffix("\n#####").unwrap_or(text)),
            theirs(result.trim_start()),
        );
        if ours != theirs {
            differing.push((name, ours, theirs));
        }
    }
    let expected: Vec<(&str, &str)> = DIFFERENCES
        .iter()
        .map(|(name, ours, _)| (*name, *ours))
        .collect();
    let found: Vec<(&str, &str)> = differing
        .iter()
        .map(|(name, ours, _)| (*name, ours.as_str()))
        .collect();
    assert_eq!(found, expected, "differences from Go: {differing:#?}");
}
