//! Measures `keelblock validate` on a generated repository: `cargo bench --bench validate [-- LINES]`.
//!
//! A talconfig.yaml of 10 and one of 100 nodes with an interface and a patch of their own, ten patches for all of them, and
//! as many that nothing refers to as make 10,000 lines, unless told otherwise. `KEELBLOCK_BIN` names the program to measure; without
//! it, cargo's own build is taken. The median of 11 runs counts; the exit code is 1 if the goal is missed.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench runs programs, keeps files and talks to the person who started it"
)]

#[allow(dead_code, reason = "shared with other benches")]
mod measure;

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use measure::{Work, keelblock, median};

/// How many nodes the repositories have.
const NODES: [usize; 2] = [10, 100];
/// Patches for all nodes.
const SHARED: usize = 10;
const RUNS: usize = 11;

/// For 10,000 lines.
const TIME: Duration = Duration::from_millis(100);

const PATCH: &str = "machine:
  sysctls:
    vm.max_map_count: \"262144\"
  udev:
    rules:
      - ACTION==\"add|change\", KERNEL==\"sd*\", ENV{DEVTYPE}==\"disk\", ATTRS{idVendor}==\"04e8\", ATTR{queue/read_ahead_kb}=\"512\"
  network:
    interfaces:
      - interface: eth0
        dhcp: true
        routes:
          - network: 10.1.0.0/16
            gateway: 10.0.0.1
  kubelet:
    extraArgs:
      rotate-server-certificates: \"true\"
---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data
provisioning:
  diskSelector:
    match: disk.transport == \"nvme\" && disk.size > 100u * GB
  minSize: 100GB
";

/// How many lines it has.
fn generate(folder: &Path, nodes: usize, wanted: usize) -> Result<usize, Box<dyn Error>> {
    std::fs::create_dir(folder.join("patches"))?;
    let mut number = 0;
    let mut patch = || -> Result<String, Box<dyn Error>> {
        let name = format!("patches/p{number:04}.yaml");
        let text = PATCH.replace("data", &format!("data{number}"));
        std::fs::write(folder.join(&name), text)?;
        number += 1;
        Ok(name)
    };
    let mut talconfig = String::from(
        "clusterName: bench\ntalosVersion: v1.11.0\nkubernetesVersion: v1.31.1\nendpoint: https://10.0.0.1:6443\nnodes:\n",
    );
    for node in 0..nodes {
        write!(
            talconfig,
            "  - hostname: node{node:03}\n    ipAddress: 10.0.1.{node}\n    controlPlane: {}\n    installDiskSelector:\n      serial: S{node:06}\n    networkInterfaces:\n      - interface: eth0\n        addresses: [\"10.0.1.{node}/16\"]\n        routes:\n          - network: 0.0.0.0/0\n            gateway: 10.0.0.1\n    patches:\n      - \"@{}\"\n",
            node < 3,
            patch()?
        )?;
    }
    talconfig.push_str("patches:\n");
    for _ in 0..SHARED {
        writeln!(talconfig, "  - \"@{}\"", patch()?)?;
    }
    let each = PATCH.lines().count();
    let mut lines = talconfig.lines().count() + (nodes + SHARED) * each;
    while lines < wanted {
        patch()?;
        lines += each;
    }
    std::fs::write(folder.join("talconfig.yaml"), talconfig)?;
    Ok(lines)
}

/// Whether the goal is met.
fn compare(nodes: usize, wanted: usize) -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let lines = generate(folder.path(), nodes, wanted)?;
    let validate = Work::new(keelblock(), "KEELBLOCK_BIN names no program")
        .args(["validate".as_ref(), folder.path()]);
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(validate.time()?.seconds);
    }
    let median = median(runs);
    let met = median <= TIME.as_secs_f64() || wanted > 10_000;
    println!(
        "validate, {lines} lines, {nodes} nodes: {:.1} ms, goal {TIME:.0?} for 10000 lines; {}",
        median * 1e3,
        if met { "met" } else { "MISSED" }
    );
    Ok(met)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let named: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let wanted = named.first().copied().unwrap_or(10_000);
    let mut all = true;
    for nodes in NODES {
        all &= compare(nodes, wanted)?;
    }
    Ok(match all {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
