//! Measures `keelblock select` on a machine with 1,000 disks: `cargo bench --bench select`.
//!
//! `KEELBLOCK_BIN` names the program to measure, such as the static one; without it, cargo's own build is taken.
//! Prints the medians of the runs, reading and printing included: the wall clock, and the processor time, which other work
//! on the machine disturbs less. The exit code is 1 if the wall clock misses its goal.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench runs programs, keeps files and talks to the person who started it"
)]

use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};

const DISKS: usize = 1000;
const RUNS: usize = 21;
const GOAL: Duration = Duration::from_millis(50);

const CONFIG: &str = "\
apiVersion: v1alpha1
kind: UnattendedInstallConfig
provisioning:
  diskSelector:
    match: disk.size > 100u * GB && (disk.transport == 'sata' || glob('APPLE*', disk.model)) && disk.serial == 'S0500'
";

/// The recorded Mac mini with so many disks of its own kind.
fn machine() -> Result<Value, Box<dyn Error>> {
    let mut machine: Value =
        serde_json::from_str(include_str!("../examples/hardware/macmini-2014.json"))?;
    let disk = machine["disks"][1].clone();
    let disks = (0..DISKS).map(|i| {
        let mut disk = disk.clone();
        disk["path"] = json!(format!("/dev/sd{i:04}"));
        disk["dev_path"] = disk["path"].clone();
        disk["id"] = json!(format!("wwid naa.5002538{i:09x}"));
        disk["wwid"] = json!(format!("naa.5002538{i:09x}"));
        disk["serial"] = json!(format!("S{i:04}"));
        disk["symlinks"] = json!([format!("/dev/disk/by-id/ata-S{i:04}")]);
        disk
    });
    machine["disks"] = disks.collect();
    Ok(machine)
}

/// What the programs that ended took of a processor so far, in user and system mode.
fn processor() -> Result<Duration, Box<dyn Error>> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// Medians of wall clock and processor time.
fn measure() -> Result<(Duration, Duration), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (hardware, config) = (
        folder.path().join("machine.json"),
        folder.path().join("node.yaml"),
    );
    std::fs::write(&hardware, machine()?.to_string())?;
    std::fs::write(&config, CONFIG)?;
    let binary =
        std::env::var_os("KEELBLOCK_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_keelblock").into());
    let (mut walls, mut processors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (start, before) = (Instant::now(), processor()?);
        Command::new(&binary)
            .arg("select")
            .arg("-c")
            .arg(&config)
            .arg("--hardware")
            .arg(&hardware)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        walls.push(start.elapsed());
        processors.push(processor()?.saturating_sub(before));
    }
    walls.sort();
    processors.sort();
    Ok((walls[RUNS / 2], processors[RUNS / 2]))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (median, processor) = measure()?;
    println!(
        "select, {DISKS} disks: {median:.1?}, {processor:.1?} of processor time, goal at most {GOAL:.1?}"
    );
    Ok(if median <= GOAL {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
