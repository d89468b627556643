//! Measures `keelblock render --all` against `talhelper genconfig`: `cargo bench --bench render [-- NODES...]`.
//!
//! Both render the same talconfig.yaml with the same talsecret.yaml, in turn: 3 and 300 nodes unless told otherwise, each
//! with an interface and a patch of its own, and ten patches for all of them. talhelper is built with Go from its module, at
//! the version that `tests/talhelper` names. `KEELBLOCK_BIN` names the program to measure, such as the static one; without
//! it, cargo's own build is taken. Medians of 5 runs count; the exit code is 1 if a goal is missed.
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
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use measure::{Sample, Work, keelblock, middle};

const RUNS: usize = 5;
const SHARED: usize = 10;

/// Our time over talhelper's, at most.
const RATIO: f64 = 0.1;
/// How much more memory than for the fewest nodes the most nodes may need for each rendered byte.
const FLAT: u64 = 16;

const MODULE: &str = "github.com/budimanjojo/talhelper/v3";

const PATCH: &str = "machine:
  sysctls:
    vm.max_map_count: \"262144\"
  udev:
    rules:
      - SUBSYSTEM==\"block\", ENV{ID_VENDOR_ID}==\"04e8\", ATTR{queue/read_ahead_kb}=\"128\"
  kubelet:
    extraArgs:
      rotate-server-certificates: \"true\"
";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn generate(folder: &Path, nodes: usize) -> Outcome<()> {
    std::fs::create_dir(folder.join("patches"))?;
    let mut talconfig = String::from(
        "clusterName: bench\ntalosVersion: v1.11.0\nkubernetesVersion: v1.31.1\nendpoint: https://10.0.0.1:6443\nnodes:\n",
    );
    let patch = |name: &str| -> Outcome<()> {
        let text = PATCH.replace("max_map_count", &format!("max_map_count_{name}"));
        Ok(std::fs::write(
            folder.join(format!("patches/{name}.yaml")),
            text,
        )?)
    };
    for node in 0..nodes {
        let address = format!("10.0.{}.{}", 1 + node / 200, 1 + node % 200);
        write!(
            talconfig,
            "  - hostname: node{node:03}\n    ipAddress: {address}\n    controlPlane: {}\n    installDiskSelector:\n      serial: S{node:06}\n    networkInterfaces:\n      - interface: eth0\n        addresses: [\"{address}/16\"]\n        routes:\n          - network: 0.0.0.0/0\n            gateway: 10.0.0.1\n    patches:\n      - \"@patches/n{node}.yaml\"\n",
            node < 3
        )?;
        patch(&format!("n{node}"))?;
    }
    talconfig.push_str("patches:\n");
    for number in 0..SHARED {
        writeln!(talconfig, "  - \"@patches/all{number}.yaml\"")?;
        patch(&format!("all{number}"))?;
    }
    Ok(std::fs::write(folder.join("talconfig.yaml"), talconfig)?)
}

/// Builds talhelper away from the judge of the tests, whose list of sums has only what it needs itself.
fn talhelper(folder: &Path) -> Outcome<PathBuf> {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/talhelper");
    for file in ["go.mod", "go.sum"] {
        std::fs::copy(judge.join(file), folder.join(file))?;
    }
    let binary = folder.join("talhelper");
    let status = Command::new("go")
        .args(["build", "-mod=mod", "-buildvcs=false", "-o"])
        .arg(&binary)
        .arg(MODULE)
        .current_dir(folder)
        .status()
        .map_err(|error| format!("Go is needed to build talhelper: {error}"))?;
    if !status.success() {
        return Err(format!("talhelper cannot be built: {status}").into());
    }
    Ok(binary)
}

fn secrets(talhelper: &Path, folder: &Path) -> Outcome<()> {
    let made = Command::new(talhelper)
        .arg("gensecret")
        .current_dir(folder)
        .output()?;
    if !made.status.success() {
        return Err(format!("talhelper gensecret ended with {}", made.status).into());
    }
    Ok(std::fs::write(folder.join("talsecret.yaml"), made.stdout)?)
}

/// Whether both folders have as many files, and how many bytes ours have.
fn rendered(folder: &Path, nodes: usize) -> Outcome<u64> {
    let count = |name: &str| -> Outcome<(usize, u64)> {
        let (mut files, mut bytes) = (0, 0);
        for entry in std::fs::read_dir(folder.join(name))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("bench-") {
                files += 1;
                bytes += entry.metadata()?.len();
            }
        }
        Ok((files, bytes))
    };
    let ((ours, bytes), (theirs, _)) = (count("ours")?, count("theirs")?);
    if (ours, theirs) != (nodes, nodes) {
        return Err(format!("{ours} files here and {theirs} there, {nodes} wanted").into());
    }
    Ok(bytes)
}

/// Our median, theirs, and the bytes that were rendered.
fn cluster(talhelper: &Path, nodes: usize) -> Outcome<(Sample, Sample, u64)> {
    let (folder, scratch) = (tempfile::tempdir()?, tempfile::tempdir()?);
    generate(folder.path(), nodes)?;
    secrets(talhelper, folder.path())?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let render = Work::new(keelblock(), "KEELBLOCK_BIN names no program")
        .args(["render", "talconfig.yaml", "--all", "-o", "ours"])
        .within(folder.path());
    let genconfig = Work::new(talhelper, "it was not built")
        .args(["genconfig", "--offline-mode", "--no-gitignore"])
        .args(["-o", "theirs"])
        .within(folder.path());
    for _ in 0..RUNS {
        ours.push(render.account(scratch.path())?.0);
        theirs.push(genconfig.account(scratch.path())?.0);
    }
    let bytes = rendered(folder.path(), nodes)?;
    let (ours, theirs) = middle(ours).zip(middle(theirs)).ok_or("no runs")?;
    Ok((ours, theirs, bytes))
}

fn main() -> Outcome<ExitCode> {
    let named: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let sizes = if named.is_empty() {
        vec![3, 300]
    } else {
        named
    };
    let build = tempfile::tempdir()?;
    let talhelper = talhelper(build.path())?;
    let mut met = true;
    let mut least = None;
    for nodes in sizes {
        let (ours, theirs, bytes) = cluster(&talhelper, nodes)?;
        let (Some(memory), Some(of_talhelper)) = (ours.memory, theirs.memory) else {
            return Err("GNU time did not say what a run cost".into());
        };
        let ratio = ours.seconds / theirs.seconds;
        println!(
            "render, {nodes} nodes ({} KiB): {:.1} ms and {} MiB; talhelper {:.1} ms and {} MiB; ratio {ratio:.3}, goal at most {RATIO}",
            bytes >> 10,
            ours.seconds * 1e3,
            memory >> 20,
            theirs.seconds * 1e3,
            of_talhelper >> 20
        );
        met &= ratio <= RATIO;
        let (fewest, size) = *least.get_or_insert((memory, bytes));
        met &= memory <= fewest + FLAT * (bytes - size.min(bytes));
    }
    println!("goals: {}", if met { "met" } else { "MISSED" });
    Ok(if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
