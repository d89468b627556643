//! The smallest case that still shows a difference.

use serde_json::Value;

use crate::generate::Case;

/// Takes away what can be taken away while `fails` holds.
pub fn smallest(case: &Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    for _ in 0..400 {
        let found = candidates(&best).into_iter().find(|it| fails(it));
        match found {
            Some(smaller) => best = smaller,
            None => break,
        }
    }
    best
}

fn candidates(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for config in without_one(&case.config) {
        let patches = case.patches.clone();
        all.push(Case { config, patches });
    }
    for index in 0..case.patches.len() {
        let mut shorter = case.clone();
        shorter.patches.remove(index);
        all.push(shorter);
        for patch in without_one(&case.patches[index]) {
            let mut smaller = case.clone();
            smaller.patches[index] = patch;
            all.push(smaller);
        }
    }
    all
}

/// The documents with one of them away, or something in one of them.
fn without_one(documents: &[Value]) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for index in 0..documents.len() {
        if documents.len() > 1 {
            let mut shorter = documents.to_vec();
            shorter.remove(index);
            all.push(shorter);
        }
        for smaller in smaller_values(&documents[index]) {
            let mut changed = documents.to_vec();
            changed[index] = smaller;
            all.push(changed);
        }
    }
    all
}

fn smaller_values(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(map) => {
            for key in map.keys() {
                let mut shorter = map.clone();
                shorter.shift_remove(key);
                all.push(Value::Object(shorter));
            }
            for (key, below) in map {
                for smaller in smaller_values(below) {
                    let mut changed = map.clone();
                    changed.insert(key.clone(), smaller);
                    all.push(Value::Object(changed));
                }
            }
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                let mut shorter = items.clone();
                shorter.remove(index);
                all.push(Value::Array(shorter));
                for smaller in smaller_values(&items[index]) {
                    let mut changed = items.clone();
                    changed[index] = smaller;
                    all.push(Value::Array(changed));
                }
            }
        }
        _ => {}
    }
    all
}
