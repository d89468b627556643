//! A document, changed in one place: a key gone, a key too many, a value of another type.

use serde_json::{Value as Json, json};

/// A change, in words, and what became of the document.
pub struct Mutant {
    pub change: String,
    pub document: Json,
}

/// Every change of `document`, but in no list beyond its third item.
pub fn of(document: &Json) -> Vec<Mutant> {
    let mut places = Vec::new();
    walk(document, String::new(), &mut places);
    let mut mutants = Vec::new();
    for place in places {
        change(document, &place, &mut mutants);
    }
    mutants
}

fn walk(value: &Json, place: String, places: &mut Vec<String>) {
    match value {
        Json::Object(fields) => {
            for (key, below) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                walk(below, format!("{place}/{key}"), places);
            }
        }
        Json::Array(items) => {
            for (index, below) in items.iter().enumerate().take(3) {
                walk(below, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

fn change(document: &Json, place: &str, mutants: &mut Vec<Mutant>) {
    let mut add = |what: &str, change: &dyn Fn(&mut Json)| {
        let mut document = document.clone();
        change(document.pointer_mut(place).unwrap());
        let change = format!("{place}: {what}");
        mutants.push(Mutant { change, document });
    };
    let value = document.pointer(place).unwrap();
    for (what, other) in [
        ("a list", json!([1])),
        ("a mapping", json!({ "notAKey": 1 })),
        ("text", json!("not-this")),
        ("a number", json!(-3)),
        ("null", Json::Null),
        ("true", json!(true)),
    ] {
        if std::mem::discriminant(&other) != std::mem::discriminant(value) {
            add(what, &|it| *it = other.clone());
        }
    }
    if let Json::Object(fields) = value {
        add("a key too many", &|it| it["notAKey"] = json!(1));
        for key in fields.keys() {
            add(&format!("without {key}"), &|it| {
                it.as_object_mut().unwrap().shift_remove(key);
            });
        }
    }
}
