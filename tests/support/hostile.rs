//! Texts that nobody means well, and wrong types in texts that somebody does.

use serde_json::{Map, Value};

/// Texts that cannot be read whatever they are taken for; `start` is a text that can.
pub fn unreadable(start: &str) -> Vec<(&'static str, String)> {
    let bomb: String = (1..30)
        .map(|i| format!("k{i}: &a{i} [*a{}, *a{}, *a{}]\n", i - 1, i - 1, i - 1))
        .collect();
    let block: String = (0..200)
        .map(|i| format!("{}a:\n", "  ".repeat(i)))
        .collect();
    vec![
        ("bomb", format!("{start}k0: &a0 [a]\n{bomb}")),
        (
            "deep",
            format!("{start}x: {}{}\n", "[".repeat(5000), "]".repeat(5000)),
        ),
        ("deep block", format!("{start}x:\n{block}")),
        ("tabs", format!("{start}x:\n\ty: 1\n")),
        ("twice", format!("{start}x: 1\nx: 1\n")),
        ("control", format!("{start}x: \u{0}\n")),
        ("itself", format!("{start}x: &a {{y: *a}}\n")),
        (
            "large",
            format!("{start}{}", "# a comment\n".repeat(400_000)),
        ),
        (
            "many nodes",
            format!("{start}x: [{}]\n", "1,".repeat(300_000)),
        ),
    ]
}

/// Texts with far more of something than anybody has, which are read all the same.
pub fn endless(start: &str) -> Vec<(&'static str, String)> {
    vec![
        ("long key", format!("{start}{}: 1\n", "k".repeat(1 << 20))),
        ("long value", format!("{start}x: {}\n", "v".repeat(1 << 20))),
        ("documents", format!("{start}{}", "---\n".repeat(50_000))),
    ]
}

/// The value with another type at one place; `pick` says which place and which type.
pub fn with_wrong_type(value: &Value, pick: usize) -> Value {
    let mut changed = value.clone();
    let mut left = pick % count(value);
    replace(&mut changed, &mut left, pick / count(value));
    changed
}

fn count(value: &Value) -> usize {
    let below: usize = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    };
    below + 1
}

fn replace(value: &mut Value, left: &mut usize, kind: usize) -> bool {
    if *left == 0 {
        *value = other(value, kind);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|it| replace(it, left, kind)),
        Value::Object(map) => map.values_mut().any(|it| replace(it, left, kind)),
        _ => false,
    }
}

/// A value of another type.
fn other(value: &Value, kind: usize) -> Value {
    let map = |it: Value| Value::Object(Map::from_iter([(String::from("a"), it)]));
    let all = [
        Value::Null,
        Value::Bool(true),
        Value::from(-1),
        Value::from(u64::MAX),
        Value::from(1.5),
        Value::from(""),
        Value::from("*"),
        Value::from("x\ny\u{1b}[2J"),
        Value::from("ü".repeat(5000)),
        Value::Array(Vec::new()),
        Value::Array(vec![Value::Null]),
        Value::Array(vec![Value::Array(vec![Value::from(1)])]),
        Value::Object(Map::new()),
        map(Value::Array(vec![map(Value::Null)])),
        Value::Array(vec![value.clone()]),
        map(value.clone()),
    ];
    all[kind % all.len()].clone()
}
