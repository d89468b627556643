//! What holds for every file of the repository and no compiler lint can say.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository and asks cargo about it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of code a source file may have before it is more than one subject. Inline tests do not count.
const LONGEST: usize = 400;

/// Longer ones, how long each may be, and why.
const LONGER: [(&str, usize, &str); 0] = [];

/// `*-sys` crates that may be in the shipped binary although crates of that name usually bind a C library.
const PURE_RUST_SYS: [(&str, &str); 1] = [(
    "linux-raw-sys",
    "constants and structures of the kernel, nothing to link",
)];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `directory` with one of these extensions, sorted.
fn files(directory: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![repository().join(directory)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|it| it.to_str());
            if path.is_dir() {
                open.push(path);
            } else if extension.is_some_and(|it| extensions.contains(&it)) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no files below {directory}");
    found
}

fn sources() -> Vec<(String, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(repository()).unwrap();
        (name.display().to_string(), text)
    };
    files("src", &["rs"]).into_iter().map(read).collect()
}

/// Code lines: the text up to the inline tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

/// The files for which `wrong` finds something, as the failure names them.
fn offenders(wrong: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let all = sources();
    let found = all
        .iter()
        .filter_map(|(name, text)| wrong(name, text).map(|what| format!("{name}: {what}")));
    found.collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn every_source_file_says_what_it_is() {
    let silent = offenders(|_, text| {
        let opens = text.starts_with("//! ");
        (!opens).then(|| "does not open with `//! `".to_owned())
    });
    assert_eq!(silent, none());
}

#[test]
fn no_source_file_is_more_than_one_subject_long() {
    let long = offenders(|name, text| {
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
        let count = lines.count();
        let longer = LONGER.iter().find(|(longer, ..)| *longer == name);
        (count > longer.map_or(LONGEST, |(_, lines, _)| *lines))
            .then(|| format!("{count} lines before its tests"))
    });
    assert_eq!(long, none());
}

#[test]
fn unsafe_code_stays_in_sys() {
    let found = offenders(|name, text| {
        let unsafe_line = code(text).find(|line| {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            words
                .into_iter()
                .any(|word| word == "unsafe" || word == "unsafe_code")
        });
        let line = unsafe_line.filter(|_| !name.starts_with("src/sys/"))?;
        Some(line.trim().to_owned())
    });
    assert_eq!(found, none());
}

#[test]
fn nothing_is_imported_by_a_glob() {
    let found = offenders(|_, text| {
        let mut lines = text.lines().map(str::trim);
        let glob = lines.find(|line| {
            let import = line.starts_with("use ") || line.starts_with("pub use ");
            import && line.contains('*') && *line != "use super::*;"
        });
        glob.map(str::to_owned)
    });
    assert_eq!(found, none());
}

#[test]
fn nothing_is_left_for_later_without_saying_so_to_the_user() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let mut found = Vec::new();
    for directory in [
        "src",
        "tests",
        "benches",
        "udev-rules",
        "sysctl.d",
        "systemd",
    ] {
        for path in files(directory, &["rs", "md", "rules", "conf", "service", "toml"]) {
            let text = fs::read_to_string(&path).unwrap();
            let mut parts = text.split(|c: char| !c.is_alphanumeric());
            if parts.any(|part| words.contains(&part)) {
                found.push(path.display().to_string());
            }
        }
    }
    assert_eq!(found, none());
}

#[test]
fn the_manifest_names_the_compiler_and_both_licences() {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let has = |line: &str| manifest.lines().any(|it| it == line);
    assert!(has(r#"rust-version = "1.95""#));
    assert!(has(r#"license = "MIT OR Apache-2.0""#));
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(repository().join(licence).is_file(), "{licence}");
    }
}

#[test]
fn the_changelog_has_a_section_for_this_version() {
    let changelog = fs::read_to_string(repository().join("CHANGELOG.md")).unwrap();
    let mut headings = changelog.lines().filter_map(|it| it.strip_prefix("## "));
    let version = env!("CARGO_PKG_VERSION");
    assert!(headings.any(|it| it == "Unreleased" || it.starts_with(version)));
}

#[test]
fn the_package_list_is_sorted_and_names_each_package_once() {
    let list = fs::read_to_string(repository().join("tests/packages.txt")).unwrap();
    let packages: Vec<_> = list.lines().filter(|it| !it.starts_with('#')).collect();
    assert!(
        packages.is_sorted_by(|one, next| one < next),
        "{packages:?}"
    );
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    assert!(
        packages
            .iter()
            .all(|it| !it.is_empty() && it.chars().all(name))
    );
}

#[test]
fn the_shipped_binary_binds_no_c_library() {
    let mut found = Vec::new();
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        let output = Command::new(env!("CARGO"))
            .current_dir(repository())
            .args(["tree", "--locked", "--edges", "normal,build"])
            .args(["--prefix", "none", "--format", "{lib} {p}"])
            .args(["--target", target])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo tree: {errors}");
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.contains("serde_json"), "not a tree: {tree}");
        for line in tree.lines() {
            let name = line.split_whitespace().nth(1).unwrap_or_default();
            let bound = name.ends_with("-sys") || ["cc", "cmake", "bindgen"].contains(&name);
            let known = PURE_RUST_SYS
                .iter()
                .any(|(crate_name, _)| *crate_name == name);
            if bound && !known {
                found.push(format!("{target}: {name}"));
            }
        }
    }
    assert_eq!(found, none());
}
