//! `keelblock tune trim-test`.

mod disk;
mod file;
mod text;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::args::{Global, parse_size};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;
use crate::sys::signals::Held;
use crate::target::is_unplugged;
use crate::target::unmap::Unmap;
use crate::tuner::trim::run::{Before, Ran, Trouble, run as test};
use crate::tuner::trim::subject::Subject;
use crate::tuner::trim::{Plan, PlanError, Round, Verdict, judge};
use crate::units::{Bytes, Extent};

/// What has to be typed before a disk is written to.
const WORD: &str = "TRIM-TEST";

const LONG: &str = "\
Finds out whether a disk's TRIM does what it says, rather than to believe it.

Where nothing is, it writes a pattern, has a part of it unmapped, and reads everything back from the medium: at once, \
again, and through a new descriptor past the cache; then once more with another pattern and a range that is off the \
drive's granularity. Guards on both sides have to stay as they were written, and so has what lies around the range. \
Before, it keeps what was there in a file, and in the end every byte gets back what it was.

A drive whose TRIM the kernel leaves off, such as a Samsung T5 (provisioning_mode full), is tested with --mode unmap; \
the old mode comes back in any case, and read-ahead with it, which the kernel raises at every such change.";

const AFTER: &str = "\
Verdicts: pass (exit 0): unmapped data is gone, reads the same each time, and nothing else changed. ineffective (4): \
the command is accepted and nothing changes; a discard is only a hint. unsupported (4): there is no such command, or \
the kernel does not pass it on. dangerous (6): something else changed, or it reads now as this and now as that.

Without --confirm nothing is written, and the exit code is 4, for 0 means that the disk passed.";

const USAGE: &str = "\
keelblock tune trim-test DISK --range START:LENGTH [OPTIONS]
       keelblock tune trim-test DISK --free [OPTIONS]
       keelblock tune trim-test --file PATH [OPTIONS]";

/// Arguments of `tune trim-test`.
#[derive(Debug, Args)]
#[command(long_about = LONG, after_help = AFTER, override_usage = USAGE)]
#[command(group(clap::ArgGroup::new("place").required(true).args(["range", "free", "file"])))]
pub struct TrimArgs {
    /// The disk (its id or path)
    #[arg(value_name = "DISK", required_unless_present = "file")]
    pub disk: Option<String>,
    /// Test here, such as 100G:16M; no partition may lie there
    #[arg(long, value_name = "START:LENGTH", value_parser = parse_range)]
    pub range: Option<Extent>,
    /// Test in the middle of the largest range that no partition covers
    #[arg(long)]
    pub free: bool,
    /// Test this filesystem with a new file in it, which is removed again; says nothing of the
    /// drive below
    #[arg(long, value_name = "PATH", conflicts_with_all = ["disk", "mode", "confirm", "output"])]
    pub file: Option<PathBuf>,
    /// Size of the test with --free or --file, at most 64M
    #[arg(long, value_name = "SIZE", default_value = "16M", conflicts_with = "range", value_parser = parse_size)]
    pub size: Bytes,
    /// Set provisioning_mode to this for the time of the test
    #[arg(long, value_name = "MODE", value_parser = ["unmap", "writesame_16", "writesame_10"])]
    pub mode: Option<String>,
    /// Do it. The word is TRIM-TEST
    #[arg(long, value_name = "WORD")]
    pub confirm: Option<String>,
    /// Write what was found out to this file, as a proof for the tuner
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the bytes from before are kept during the test [default: /run/keelblock, or the
    /// temporary folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// `START:LENGTH`, both sizes.
fn parse_range(text: &str) -> Result<Extent, String> {
    let (start, len) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} is no range; write START:LENGTH, such as 100G:16M"))?;
    Ok(Extent::new(parse_size(start)?, parse_size(len)?))
}

/// What a test found, or what it would do.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Report {
    schema: &'static str,
    /// The disk's node, or the file.
    path: String,
    disk: Option<Subject>,
    kernel: String,
    /// `provisioning_mode` during the test.
    mode: String,
    /// The mode from before, if another one is set for the test.
    mode_before: Option<String>,
    granularity: u64,
    /// The free range that the window was taken from.
    free: Option<Extent>,
    window: Option<Extent>,
    unmapped: Vec<Extent>,
    /// Absent in a preview.
    verdict: Option<Verdict>,
    /// What the verdict means, in words.
    why: String,
    rounds: Vec<Round>,
    outside: Vec<Extent>,
    restored: bool,
}

impl Report {
    /// Of a test that has not begun.
    fn new(path: String) -> Self {
        Self {
            schema: "keelblock/trim-test/v1",
            path,
            disk: None,
            kernel: String::new(),
            mode: String::new(),
            mode_before: None,
            granularity: 0,
            free: None,
            window: None,
            unmapped: Vec::new(),
            verdict: None,
            why: String::new(),
            rounds: Vec::new(),
            outside: Vec::new(),
            restored: true,
        }
    }

    fn planned(&mut self, plan: &Plan) {
        self.window = Some(plan.window);
        self.unmapped = plan.rounds.to_vec();
    }

    /// Takes over what was seen.
    fn ran(&mut self, ran: Ran) {
        let verdict = judge(&ran.rounds, &ran.outside);
        let ended = ran.trouble.is_none();
        self.rounds = ran.rounds;
        self.outside = ran.outside;
        self.restored = ran.unrestored.is_empty();
        // A test that did not come to its end proves nothing good.
        if ended || verdict == Verdict::Dangerous {
            self.decided(verdict, text::meaning(verdict, &self.rounds, &self.outside));
        }
    }

    fn decided(&mut self, verdict: Verdict, why: String) {
        (self.verdict, self.why) = (Some(verdict), why);
    }
}

/// The exit code of a verdict. A drive that cannot be trusted is as bad as data that was not kept.
const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Ineffective | Verdict::Unsupported => Exit::Refused,
        Verdict::Dangerous => Exit::Drift,
    }
}

pub fn run(global: &Global, args: &TrimArgs, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(word) = args.confirm.as_deref().filter(|word| *word != WORD) {
        let failure = Failure::new(Exit::Refused, format!("{word:?} does not confirm a test"));
        return Err(failure.hint(format!(
            "look at what would be done, then give --confirm {WORD}"
        )));
    }
    match (&args.file, &args.disk) {
        (Some(path), _) => file::run(args, path, output),
        (None, Some(name)) => disk::run(global, args, name, output),
        (None, None) => Err(Failure::new(Exit::Usage, "no disk is named").hint("name a disk")),
    }
}

/// Tests with the signals held back that would end the program half-way. What is left comes when `held` goes.
fn tested(medium: &mut dyn Unmap, plan: &Plan, before: &Before, held: &Held) -> Ran {
    test(medium, plan, before, &mut || held.pending().is_some())
}

fn held() -> Result<Held, Failure> {
    Held::take().map_err(|error| Failure::internal("signals cannot be held back", error))
}

/// The failure that a test ended with, if it did: what stopped it, and in which state the range is.
/// `kept` names the file with the bytes from before, and how to put them back.
fn troubled(path: &str, plan: &Plan, ran: &Ran, kept: Option<&str>) -> Option<Failure> {
    let restored = ran.unrestored.is_empty();
    let mut failure = match &ran.trouble {
        None if restored => return None,
        Some(Trouble::Stopped) if restored => {
            let message = format!("the test of {path} was stopped by a signal");
            Failure::new(Exit::Refused, message).hint("run the same again")
        }
        Some(Trouble::Io { source, .. }) if restored => {
            let hint = match is_unplugged(source) {
                true => "plug the disk in again",
                false => "check cable, port and power, then run the same again",
            };
            Failure::new(Exit::Io, format!("the test of {path} failed")).hint(hint)
        }
        _ => Failure::new(Exit::Io, format!("{path} was not restored after the test")),
    };
    if let Some(trouble) = &ran.trouble {
        failure = failure.because(trouble);
    }
    for range in &ran.outside {
        let range = text::bytes(*range);
        failure = failure.also(format!("{range} changed, and were not written by the test"));
    }
    if restored {
        let window = text::bytes(plan.window);
        return Some(failure.also(format!("{window} hold again what they held before")));
    }
    for range in &ran.unrestored {
        let range = text::bytes(*range);
        failure = failure.also(format!("{range} may hold a pattern of the test or zeros"));
    }
    Some(match kept {
        Some(kept) => failure.hint(kept),
        None => failure,
    })
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit, hint) = match &error {
            PlanError::Unaligned => (Exit::Usage, "give both in MiB or more, such as 100G:16M"),
            PlanError::Short { .. } => (Exit::Usage, "give a longer range, or a larger --size"),
            PlanError::Long { .. } => (Exit::Usage, "give a shorter range; 16M will do"),
            PlanError::Beyond => (Exit::Usage, "`keelblock probe` shows the size of the disk"),
            PlanError::Coarse(_) => (
                Exit::Refused,
                "leave TRIM off: the bridge gives a number that no drive has",
            ),
        };
        Self::of(exit, &error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_start_and_a_length() {
        let range = Extent::new(Bytes::new(100 << 30), Bytes::mib(16));
        assert_eq!(parse_range("100G:16M"), Ok(range));
        for text in ["", "16M", "a:b", "1G:", ":16M", "1G-2G"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_pass_exits_with_zero() {
        let codes = [
            (Verdict::Pass, 0),
            (Verdict::Ineffective, 4),
            (Verdict::Unsupported, 4),
            (Verdict::Dangerous, 6),
        ];
        for (verdict, code) in codes {
            assert_eq!(exit(verdict).code(), code, "{verdict:?}");
        }
    }
}
