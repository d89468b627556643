//! Measures keelblock against what people use instead: `cargo bench --bench compare [-- OPTION…]`.
//!
//! ```text
//! --runs N      runs of each side, interleaved (default 5)
//! --large       32 GiB images too; systemd-repart writes each twice: 64 GiB of disk and ten minutes for each run
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

mod measure;
mod ours;
mod peers;
mod report;
mod scratch;

use std::process::ExitCode;

use measure::{BenchError, Sample, Work};
use ours::Keelblock;
use peers::{Header, Repart};
use report::{Goal, Limit, Report, Runs};
use scratch::Scratch;

/// No slower and no larger than the peer.
const NOT_WORSE: Option<Limit> = Some(Limit::Ratio(1.0));
/// Same algorithm, same cost: what the compiler may lose.
const SAME_ALGORITHM: Option<Limit> = Some(Limit::Ratio(1.10));
/// A LUKS2 header of Talos' size with both copies, both tables, and some air.
const SEALED_WITHOUT_FILESYSTEM: Option<Limit> = Some(Limit::Bytes(20.0 * MIB));
/// The stripped static program.
const PROGRAM: Limit = Limit::Bytes(8.0 * MIB);
const MIB: f64 = 1_048_576.0;

/// What was asked for.
struct Options {
    runs: usize,
    large: bool,
    only: String,
}

fn main() -> ExitCode {
    let Some(options) = parse(std::env::args().skip(1)) else {
        eprintln!("usage: cargo bench --bench compare [-- [--runs N] [--large] [--only WORD]]");
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
        runs: 5,
        large: false,
        only: String::new(),
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--large" => options.large = true,
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

    sealed_xfs(options, &scratch, &ours, &mut report);
    sealed_raw(options, &scratch, &ours, &mut report);
    argon2id(options, &scratch, &mut report);
    probe(options, &scratch, &ours, &mut report);
    if options.wants("size") {
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

    fn sizes(&self) -> &'static [(&'static str, u64)] {
        let sizes = &[("4G", 4 << 30), ("32G", 32 << 30)];
        if self.large { sizes } else { &sizes[..1] }
    }
}

fn sealed_xfs(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let goal = Goal {
        time: NOT_WORSE,
        memory: None,
        written: NOT_WORSE,
    };
    let named = |size: &str| format!("sealed XFS, {size} image, against systemd-repart");
    let wanted = |size: &str| options.wants(&named(size));
    if !options.sizes().iter().any(|(size, _)| wanted(size)) {
        return;
    }
    let repart = Repart::find(scratch);
    if let Ok(repart) = &repart {
        report.fact("systemd-repart", repart.version.clone());
    }
    for (size, _) in options.sizes().iter().filter(|(size, _)| wanted(size)) {
        let (ours, peer) = interleave(
            options.runs,
            || ours.apply(scratch, "sealed-xfs.yaml", size),
            || match &repart {
                Ok(repart) => repart.run(scratch, size),
                Err(error) => Err(BenchError::Unexpected(explain(error))),
            },
        );
        report.compare(&named(size), goal, &ours, &peer);
    }
}

fn sealed_raw(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let goal = Goal {
        time: NOT_WORSE,
        memory: SAME_ALGORITHM,
        written: SEALED_WITHOUT_FILESYSTEM,
    };
    for (size, bytes) in options.sizes() {
        let name = format!("sealed raw, {size} image, against sgdisk and cryptsetup");
        if options.wants(&name) {
            let (ours, peer) = interleave(
                options.runs,
                || ours.apply(scratch, "sealed-raw.yaml", size),
                || peers::sgdisk_and_cryptsetup(scratch, *bytes),
            );
            report.compare(&name, goal, &ours, &peer);
        }
    }
}

fn argon2id(options: &Options, scratch: &Scratch, report: &mut Report) {
    let name = "Argon2id, 1 GiB and 4 passes, against cryptsetup";
    if !options.wants(name) {
        return;
    }
    let goal = Goal {
        time: SAME_ALGORITHM,
        ..Goal::default()
    };
    let header = match Header::make(scratch) {
        Ok(header) => header,
        Err(error) => return report.gap(name, "peer", explain(&error)),
    };
    // cryptsetup takes no more lanes than there are CPUs. Both sides get what it took.
    report.fact("argon2id lanes", header.cost.lanes);
    let (ours, peer) = interleave(
        options.runs,
        || ours::derive(header.cost),
        || header.open(scratch),
    );
    report.compare(name, goal, &ours, &peer);
}

fn probe(options: &Options, scratch: &Scratch, ours: &Keelblock, report: &mut Report) {
    let name = "probe, against lsblk -J -O";
    if !options.wants(name) {
        return;
    }
    let goal = Goal {
        time: NOT_WORSE,
        ..Goal::default()
    };
    let quick = |work: &Work| {
        let Sample { seconds, .. } = work.time()?;
        let accounted = work.account(scratch.path())?;
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
