//! Measures keelblock against what people use instead: `cargo bench --bench compare [-- OPTION…]`.
//!
//! ```text
//! --runs N      runs of each side, interleaved (default 7); at most three of an apply with 1 GiB of Argon2, and two
//!               of systemd-repart, because they take so long
//! --only WORD   only comparisons whose name has WORD in it
//! ```
//! `KEELBLOCK_BIN` names the program to measure, such as the static one; without it, cargo's own build is taken.
//! The table goes to stdout, the same as JSON to `target/bench/report.json`. The exit code is 1 if something
//! could not be measured or missed its goal. Loop devices are needed, so run it as root.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench runs programs, keeps files and talks to the person who started it"
)]

#[allow(dead_code, reason = "shared with other benches")]
#[path = "../measure/mod.rs"]
mod measure;
mod ours;
mod peers;
mod report;
mod scratch;

use std::process::ExitCode;

use measure::{BenchError, Sample, Work};
use ours::{Keelblock, Layout, ONE, OPEN, RAW, XFS};
use peers::{Cost, GIB, Loop, MIB_64, Repart};
use report::{Goal, Limit, Report, Runs};
use scratch::Scratch;

/// No slower than the peer.
const NOT_WORSE: Option<Limit> = Some(Limit::Ratio(1.0));
/// Against systemd-repart, which encrypts free space too.
const A_TENTH: Option<Limit> = Some(Limit::Ratio(0.1));
/// Against sgdisk and cryptsetup with the same cost of the passphrase.
const SEVEN_TENTHS: Option<Limit> = Some(Limit::Ratio(0.7));
/// A LUKS2 header with both copies, both tables, and some air.
const SEALED_WITHOUT_FILESYSTEM: Limit = Limit::Bytes(MIB);
/// What apply may take besides the memory of Argon2.
const MEMORY_BESIDES: f64 = 64.0 * MIB;
/// The stripped static program.
const PROGRAM: Limit = Limit::Bytes(6.0 * MIB);
const MIB: f64 = 1_048_576.0;
/// Runs of systemd-repart.
const REPART_RUNS: usize = 2;
/// Runs of two derivations with 1 GiB.
const GIB_RUNS: usize = 3;

/// What was asked for.
struct Options {
    runs: usize,
    only: String,
}

fn main() -> ExitCode {
    let Some(options) = parse(std::env::args().skip(1)) else {
        eprintln!("usage: cargo bench --bench compare [-- [--runs N] [--only WORD]]");
        return ExitCode::from(2);
    };
    match measure_all(&options) {
        Ok(report) if report.passed() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options {
        runs: 7,
        only: String::new(),
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--runs" => options.runs = arguments.next()?.parse().ok().filter(|runs| *runs > 0)?,
            "--only" => options.only = arguments.next()?,
            _ => return None,
        }
    }
    Some(options)
}

fn measure_all(options: &Options) -> Result<Report, BenchError> {
    let scratch = Scratch::new()?;
    let ours = Keelblock::find();
    let mut report = Report::default();
    report.fact("program", ours.program.display().to_string());
    report.fact("runs", options.runs);
    let cpus = std::thread::available_parallelism();
    report.fact("cpus", cpus.map_or(0, std::num::NonZero::get));

    against_repart(options, &scratch, &ours, &mut report);
    against_cryptsetup(options, &scratch, &ours, &mut report);
    argon2id(options, &scratch, &ours, &mut report);
    probe(options, &scratch, &ours, &mut report);
    written(options, &scratch, &ours, &mut report);
    if options.wants("size of the program") {
        report.size("size of the program", report::to_f64(ours.size()?), PROGRAM);
    }

    if report.is_empty() {
        let word = &options.only;
        let nothing = format!("no comparison has '{word}' in its name");
        return Err(BenchError::Unexpected(nothing));
    }
    print!("{}", report.table());
    let path = scratch.kept("report.json");
    let json = format!("{:#}\n", report.json());
    std::fs::write(&path, json).map_err(scratch::file("write", &path))?;
    println!("written: {}", path.display());
    Ok(report)
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

/// The most memory that an apply with this cost may take.
fn memory(cost: Cost) -> Option<Limit> {
    Some(Limit::Bytes(
        f64::from(cost.memory) * 1024.0 + MEMORY_BESIDES,
    ))
}

fn against_repart(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let name = "4 GiB, two sealed XFS, 1 GiB x 4 x 4: systemd-repart";
    if !options.wants(name) {
        return;
    }
    let goal = Goal {
        time: A_TENTH,
        memory: memory(GIB),
        written: None,
    };
    let repart = Repart::find(scratch);
    if let Ok(repart) = &repart {
        report.fact("systemd-repart", repart.version.clone());
    }
    let (ours, peer) = interleave(
        options.runs.min(REPART_RUNS),
        || ours.apply(scratch, XFS, "4G", GIB),
        || match &repart {
            Ok(repart) => repart.run(scratch, "4G"),
            Err(error) => Err(BenchError::Unexpected(explain(error))),
        },
    );
    report.compare(name, goal, &ours, &peer);
}

/// Name, layout, size of the image, cost.
const AGAINST_CRYPTSETUP: [(&str, Layout, (&str, u64), Cost); 6] = [
    ("4 GiB, two sealed XFS, 1 GiB", XFS, ("4G", 4 << 30), GIB),
    ("32 GiB, two sealed XFS, 1 GiB", XFS, ("32G", 32 << 30), GIB),
    ("4 GiB, two sealed, 1 GiB", RAW, ("4G", 4 << 30), GIB),
    (
        "4 GiB, two sealed XFS, 64 MiB",
        XFS,
        ("4G", 4 << 30),
        MIB_64,
    ),
    (
        "32 GiB, two sealed XFS, 64 MiB",
        XFS,
        ("32G", 32 << 30),
        MIB_64,
    ),
    ("4 GiB, two sealed, 64 MiB", RAW, ("4G", 4 << 30), MIB_64),
];

fn against_cryptsetup(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    for (what, layout, (size, bytes), asked) in AGAINST_CRYPTSETUP {
        let name = format!("{what} x 4: sgdisk and cryptsetup");
        if !options.wants(&name) {
            continue;
        }
        let cost = match peers::taken(scratch, asked) {
            Ok(cost) => cost,
            Err(error) => {
                report.gap(&name, "peer", explain(&error));
                continue;
            }
        };
        report.fact("lanes that cryptsetup takes", cost.lanes);
        let heavy = cost.memory >= GIB.memory;
        let most = if heavy { GIB_RUNS } else { options.runs };
        let goal = Goal {
            time: SEVEN_TENTHS,
            memory: memory(cost),
            written: None,
        };
        let (ours, peer) = interleave(
            options.runs.min(most),
            || ours.apply(scratch, layout, size, cost),
            || peers::sgdisk_and_cryptsetup(scratch, bytes, cost),
        );
        report.compare(&name, goal, &ours, &peer);
    }
}

/// Both open the same keyslot of the same image, with all four lanes.
fn argon2id(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let name = "opening a keyslot, 1 GiB x 4 x 4: cryptsetup";
    if !options.wants(name) {
        return;
    }
    let goal = Goal {
        time: NOT_WORSE,
        ..Goal::default()
    };
    let made = ours.image(scratch, GIB).and_then(|image| {
        let device = Loop::attach(&image.path, 1 << 20, 2046 << 20)?;
        Ok((image, device))
    });
    let (image, device) = match made {
        Ok(made) => made,
        Err(error) => return report.gap(name, "both", explain(&error)),
    };
    let (ours, peer) = interleave(
        options.runs,
        || ours.open(scratch, &image),
        || peers::open(scratch, &device),
    );
    report.compare(name, goal, &ours, &peer);
}

/// What one sealed volume without a filesystem costs in bytes, and which part of that is the seal.
fn written(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let name = "written for one sealed volume";
    if !options.wants(name) {
        return;
    }
    let receipts = ours.receipt(scratch, ONE, "4G", MIB_64).and_then(|sealed| {
        let open = ours.receipt(scratch, OPEN, "4G", MIB_64)?;
        Ok((sealed, open))
    });
    let (sealed, open) = match receipts {
        Ok(receipts) => receipts,
        Err(error) => return report.gap(name, "keelblock", explain(&error)),
    };
    let luks = sealed.saturating_sub(open);
    report.size(
        &format!("{name}, all"),
        report::to_f64(sealed),
        SEALED_WITHOUT_FILESYSTEM,
    );
    report.size(
        &format!("{name}, LUKS2 part"),
        report::to_f64(luks),
        SEALED_WITHOUT_FILESYSTEM,
    );
    // The kernel counts whole pages, the image's own blocks, the journal and the receipt too.
    let kernel = ours.apply(scratch, ONE, "4G", MIB_64);
    let kernel = kernel
        .map(|sample| vec![sample])
        .map_err(|error| explain(&error));
    report.compare(
        &format!("{name}, by the kernel"),
        Goal::default(),
        &kernel,
        &Ok(Vec::new()),
    );
}

fn probe(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let name = "probe: lsblk -J -O";
    if !options.wants(name) {
        return;
    }
    let goal = Goal {
        time: NOT_WORSE,
        ..Goal::default()
    };
    let quick = |work: &Work| {
        let Sample { seconds, .. } = work.time()?;
        let (accounted, _) = work.account(scratch.path())?;
        Ok(Sample {
            seconds,
            ..accounted
        })
    };
    let (ours, peer) = (ours.probe(), peers::lsblk());
    let (ours, peer) = interleave(options.runs * 4, || quick(&ours), || quick(&peer));
    report.compare(name, goal, &ours, &peer);
}

/// Runs both sides in turn, so that a slow minute of the machine hits both; who goes first alternates.
/// A side that fails once is not run again.
fn interleave(
    runs: usize,
    mut ours: impl FnMut() -> Result<Sample, BenchError>,
    mut peer: impl FnMut() -> Result<Sample, BenchError>,
) -> (Runs, Runs) {
    let (mut left, mut right) = (Ok(Vec::new()), Ok(Vec::new()));
    for run in 0..runs {
        if run % 2 == 0 {
            add(&mut left, &mut ours);
            add(&mut right, &mut peer);
        } else {
            add(&mut right, &mut peer);
            add(&mut left, &mut ours);
        }
    }
    (left, right)
}

fn add(runs: &mut Runs, side: &mut impl FnMut() -> Result<Sample, BenchError>) {
    if let Ok(samples) = runs {
        match side() {
            Ok(sample) => samples.push(sample),
            Err(error) => *runs = Err(explain(&error)),
        }
    }
}

/// The error and its causes in one line.
fn explain(error: &BenchError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
