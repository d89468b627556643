//! The files in `schemas/` are what the types and the readers' tables make, and there is one for every document.
//!
//! `KEELBLOCK_BLESS=1 cargo test --test schemas_files` writes them anew; read the difference before committing: v1 may
//! gain fields and lose none.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keelblock::schemas::{ALL, Type, make};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn each_file_is_what_the_code_makes() {
    let mut stale = Vec::new();
    for (of, text) in make::all() {
        let path = repository(&format!("schemas/{}.json", of.name));
        if std::env::var_os("KEELBLOCK_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        } else if of.text != text {
            stale.push(of.name);
        }
    }
    assert!(
        stale.is_empty(),
        "these schemas are out of date, KEELBLOCK_BLESS=1 writes them: {stale:?}"
    );
}

#[test]
fn there_is_a_file_for_each_type_and_none_beside_them() {
    let files = fs::read_dir(repository("schemas")).unwrap();
    let files: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let types = ALL.iter().map(|it| format!("{}.json", it.name)).collect();
    assert_eq!(files, types);
}

/// Every `keelblock/…/v1` in a text of the code.
fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("keelblock/") {
        let rest = &text[at + "keelblock/".len()..];
        let name = rest.split_once("/v1").map(|(name, _)| name);
        let is_name = |name: &&str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        found.extend(name.filter(is_name).map(str::to_owned));
    }
    found
}

fn sources(folder: PathBuf, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_document_that_the_code_names_has_a_schema() {
    let mut text = String::new();
    sources(repository("src"), &mut text);
    let names = names(&text);
    assert!(names.len() > 25, "{names:?}");
    let unknown: Vec<_> = names
        .iter()
        .filter(|it| Type::named(it).is_none())
        .collect();
    assert!(unknown.is_empty(), "without a schema: {unknown:?}");
    for of in ALL {
        let by_people = of.author == keelblock::schemas::Author::People;
        assert!(
            by_people || names.contains(of.name),
            "nobody prints {}",
            of.name
        );
    }
    assert!(Type::named("keelblock/plan/v1").is_some() && Type::named("plan/v1").is_none());
}
