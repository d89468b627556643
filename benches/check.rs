//! Measures `keelblock check` on generated fleets: `cargo bench --bench check [-- NODES...]`.
//!
//! Every node has a configuration and a recorded machine of its own, with 12 disks. `KEELBLOCK_BIN` names the program
//! to measure, such as the static one; without it, cargo's own build is taken. Fleets of 100, 1,000 and 10,000 nodes
//! unless told otherwise (100000 needs 5 GB below the temporary folder). The exit code is 1 if a goal is missed.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench runs programs, keeps files and talks to the person who started it"
)]

#[allow(dead_code, reason = "shared with other benches")]
mod measure;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use measure::{Sample, Work, keelblock, middle};

const DISKS: usize = 12;
const RUNS: usize = 3;

/// Larger fleets are measured once.
const LARGE: usize = 10_000;

/// For 10,000 nodes on 2 processors.
const TIME: Duration = Duration::from_secs(10);
const MEMORY: u64 = 500 << 20;

/// How much dearer a node of the largest fleet may be than one of the smallest, start of the program aside.
const FLAT: f64 = 1.5;

const CONFIG: &str = include_str!("../examples/fleet/clusterconfig/home-ops-mini01.yaml");

/// The recorded Mac mini with so many disks; only one is Apple's.
fn machine(node: usize, template: &Value) -> Value {
    let mut machine = template.clone();
    let disk = machine["disks"][1].clone();
    let disks = (0..DISKS).map(|i| {
        let mut disk = disk.clone();
        disk["path"] = json!(format!(
            "/dev/sd{}",
            char::from(b'a' + u8::try_from(i).unwrap_or(0))
        ));
        disk["dev_path"] = disk["path"].clone();
        disk["id"] = json!(format!("wwid naa.5002538{node:06x}{i:03x}"));
        disk["wwid"] = json!(format!("naa.5002538{node:06x}{i:03x}"));
        disk["serial"] = json!(format!("S{node:06}{i:02}"));
        disk["symlinks"] = json!([format!("/dev/disk/by-id/ata-S{node:06}{i:02}")]);
        if i > 0 {
            disk["model"] = json!("Portable SSD T5");
        }
        disk
    });
    machine["disks"] = disks.collect();
    machine
}

fn generate(folder: &Path, nodes: usize) -> Result<(), Box<dyn Error>> {
    let template = include_str!("../examples/hardware/macmini-2014.json");
    let template: Value = serde_json::from_str(template)?;
    for name in ["clusterconfig", "snapshots"] {
        std::fs::create_dir(folder.join(name))?;
    }
    for node in 0..nodes {
        let name = format!("node{node:06}");
        let config = CONFIG.replace("mini01", &name);
        std::fs::write(
            folder.join(format!("clusterconfig/bench-{name}.yaml")),
            config,
        )?;
        let machine = serde_json::to_string_pretty(&machine(node, &template))?;
        std::fs::write(folder.join(format!("snapshots/{name}.json")), machine)?;
    }
    let expect = "version: 1\nnever: [{size: '> 4TB'}]\nrequire: [{slots: 2}]\n";
    std::fs::write(folder.join("expect.yaml"), expect)?;
    Ok(())
}

/// The cost of the run in the middle, by wall clock.
fn fleet(nodes: usize) -> Result<Sample, Box<dyn Error>> {
    let (folder, scratch) = (tempfile::tempdir()?, tempfile::tempdir()?);
    generate(folder.path(), nodes)?;
    let check = Work::new(keelblock(), "KEELBLOCK_BIN names no program")
        .args(["check".as_ref(), folder.path()]);
    let count = if nodes > LARGE { 1 } else { RUNS };
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(check.account(scratch.path())?.0);
    }
    Ok(middle(runs).ok_or("no runs")?)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let named: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let sizes = if named.is_empty() {
        vec![100, 1000, 10_000]
    } else {
        named
    };
    let mut met = true;
    let mut costs = Vec::new();
    for nodes in sizes {
        let run = fleet(nodes)?;
        let count = u32::try_from(nodes)?;
        let (Some(processor), Some(memory)) = (run.processor, run.memory) else {
            return Err("GNU time did not say what the run cost".into());
        };
        let each = processor * 1e6 / f64::from(count);
        println!(
            "check, {nodes} nodes with {DISKS} disks: {:.2} s, {processor:.2} s of processor time, {each:.0} us a node, {} MiB",
            run.seconds,
            memory >> 20
        );
        if nodes == 10_000 {
            met &= run.seconds <= TIME.as_secs_f64() && memory <= MEMORY;
        }
        costs.push(each);
    }
    if let (Some(first), Some(last)) = (costs.first(), costs.last()) {
        println!(
            "a node of the largest fleet costs {:.2} of one of the smallest, goal at most {FLAT}",
            last / first
        );
        met &= last / first <= FLAT;
    }
    println!(
        "goals for 10000 nodes: {TIME:.0?} and {} MiB; {}",
        MEMORY >> 20,
        if met { "met" } else { "MISSED" }
    );
    Ok(if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
