//! Virtual Mac minis: QEMU boots Debian's kernel with keelblock in its initramfs and runs a scenario against disks
//! that look like the real ones. `tests/vm/README.md` says how to write a machine and a scenario.
//!
//! What boots is ignored by `cargo test` and started by `tests/vm/run`; the rest checks the rig itself.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test program that makes images and runs QEMU"
)]

mod cpio;
mod cuts;
mod initramfs;
mod kernel;
mod machine;
mod qemu;
mod run;
mod scenario;
mod sparse;
mod tools;

use std::env;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use self::kernel::Kernel;
use self::run::Rig;
use self::scenario::Scenario;
use self::tools::{Fallible, failed};

/// Folder of kernels, runs and logs, below the target folder.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm")
}

/// The program for the guest: `KEELBLOCK_BIN`, or built here. There is no C library in the guest.
fn keelblock() -> Fallible<TempPath> {
    let program = match env::var_os("KEELBLOCK_BIN") {
        Some(path) => PathBuf::from(path),
        None => built()?,
    };
    let kind = tools::run("file", &["-bL", &program.display().to_string()])?;
    if !kind.contains("statically linked") && !kind.contains("static-pie linked") {
        return Err(format!(
            "{} is not a static program: {}",
            program.display(),
            kind.trim()
        ));
    }
    // Debug information would only fill the guest's memory.
    let stripped = tempfile::NamedTempFile::new().map_err(failed("no temporary file"))?;
    let (from, to) = (
        program.display().to_string(),
        stripped.path().display().to_string(),
    );
    tools::run("strip", &["-o", &to, &from])?;
    Ok(stripped.into_temp_path())
}

fn built() -> Fallible<PathBuf> {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let status = std::process::Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--bin",
            "keelblock",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    let status = status.map_err(failed("cannot run cargo"))?;
    if !status.success() {
        return Err(format!(
            "the static binary could not be built: `rustup target add {TARGET}`, or name one in KEELBLOCK_BIN"
        ));
    }
    Ok(target.join(TARGET).join("debug/keelblock"))
}

fn rig() -> Fallible<Rig> {
    let folder = folder();
    std::fs::create_dir_all(&folder).map_err(failed(folder.display()))?;
    Ok(Rig {
        kernel: Kernel::get(&folder)?,
        keelblock: keelblock()?,
        folder,
    })
}

/// The scenarios that `KEELBLOCK_VM` names: `NAME…`, `all`, or those of every run.
fn chosen(all: Vec<Scenario>) -> Fallible<Vec<Scenario>> {
    let wanted = env::var("KEELBLOCK_VM").unwrap_or_default();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    for word in &words {
        if *word != "all" && !all.iter().any(|it| it.name == *word) {
            let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
            return Err(format!(
                "no scenario is called {word}; there are {}",
                names.join(", ")
            ));
        }
    }
    let is_chosen = |it: &Scenario| match words[..] {
        [] => it.every_run,
        ["all"] => !it.bench,
        _ => words.contains(&it.name.as_str()),
    };
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn all(found: Fallible<Vec<Scenario>>) -> Vec<Scenario> {
    found
        .and_then(chosen)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
#[ignore = "boots virtual machines for minutes: tests/vm/run"]
fn in_virtual_machines_every_check_of_the_chosen_scenarios_holds() {
    let rig = rig().unwrap_or_else(|error| panic!("{error}"));
    let mut failures = Vec::new();
    for scenario in all(Scenario::all()) {
        for booted in &scenario.machines {
            if let Err(error) = rig.run(&scenario, booted) {
                println!("{error}");
                failures.push(error);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How many cuts there are, and from which seed.
fn number(variable: &str, default: u64) -> u64 {
    let text = env::var(variable).unwrap_or_default();
    match text.parse() {
        Ok(number) => number,
        Err(_) if text.is_empty() => default,
        Err(error) => panic!("{variable} is {text:?}: {error}"),
    }
}

#[test]
#[ignore = "boots virtual machines for minutes: tests/vm/run --cuts 200"]
fn in_virtual_machines_no_power_cut_leaves_what_a_second_run_cannot_finish() {
    let rig = rig().unwrap_or_else(|error| panic!("{error}"));
    let count = usize::try_from(number("KEELBLOCK_VM_CUTS", 10)).unwrap();
    let seed = number("KEELBLOCK_VM_SEED", 1);
    let mut failures = Vec::new();
    for scenario in all(Scenario::cuts()) {
        if let Err(error) = cuts::run(&rig, &scenario, count, seed) {
            println!("{error}");
            failures.push(error);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
