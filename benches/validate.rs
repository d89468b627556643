//! Measures `keelblock validate` on a generated repository: `cargo bench --bench validate [-- LINES]`.
//!
//! A talconfig.yaml of 100 nodes with an interface and a patch of their own, ten patches for all of them, and as many that
//! nothing refers to as make 10,000 lines, unless told otherwise. `KEELBLOCK_BIN` names the program to measure; without it, cargo's own build is taken. The median of 11
//! runs counts; the exit code is 1 if the goal is missed.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench runs programs, keeps files and talks to the person who started it"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const NODES: usize = 100;
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
fn generate(folder: &Path, wanted: usize) -> Result<usize, Box<dyn Error>> {
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
    for node in 0..NODES {
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
    let mut lines = talconfig.lines().count() + (NODES + SHARED) * each;
    while lines < wanted {
        patch()?;
        lines += each;
    }
    std::fs::write(folder.join("talconfig.yaml"), talconfig)?;
    Ok(lines)
}

fn measure(folder: &Path) -> Result<Duration, Box<dyn Error>> {
    let binary =
        std::env::var_os("KEELBLOCK_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_keelblock").into());
    let start = Instant::now();
    let status = Command::new(binary)
        .arg("validate")
        .arg(folder)
        .stdout(Stdio::null())
        .status()?;
    let time = start.elapsed();
    if status.code() != Some(0) {
        return Err(format!("validate of {} ended with {status}", folder.display()).into());
    }
    Ok(time)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let named: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let wanted = named.first().copied().unwrap_or(10_000);
    let folder = tempfile::tempdir()?;
    let lines = generate(folder.path(), wanted)?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(measure(folder.path())?);
    }
    runs.sort();
    let median = runs[RUNS / 2];
    let met = median <= TIME || wanted > 10_000;
    println!(
        "validate, {lines} lines: {median:.2?}, goal {TIME:.0?} for 10000; {}",
        if met { "met" } else { "MISSED" }
    );
    Ok(if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
