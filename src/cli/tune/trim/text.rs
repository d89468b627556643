//! A TRIM test for people.

use super::Report;
use crate::cli::table::{WIDTH, wrap};
use crate::tuner::trim::{Blocks, Round, Verdict};
use crate::units::Extent;

/// `bytes 1048576 to 2097151`.
pub fn bytes(range: Extent) -> String {
    let last = range.end().get().saturating_sub(1);
    format!("bytes {} to {last}", range.start.get())
}

/// What a verdict means, given what was seen.
pub fn meaning(verdict: Verdict, rounds: &[Round], outside: &[Extent]) -> String {
    match verdict {
        Verdict::Pass => passed(rounds),
        Verdict::Ineffective => String::from(
            "the command is accepted, and everything reads as it was written. A discard is only a hint, and this drive \
             takes none: no data is at risk, and TRIM gains nothing",
        ),
        Verdict::Unsupported => String::from("the disk or its driver refuses to unmap"),
        Verdict::Dangerous => danger(rounds, outside),
    }
}

fn passed(rounds: &[Round]) -> String {
    let all = rounds.iter().filter_map(|round| round.reads);
    let sum = all.fold(Blocks::default(), |sum, blocks| Blocks {
        zeros: sum.zeros + blocks.zeros,
        kept: sum.kept + blocks.kept,
        other: sum.other + blocks.other,
    });
    let reads = match sum {
        Blocks {
            kept: 0, other: 0, ..
        } => "what was unmapped reads as zeros",
        Blocks { other: 0, .. } => {
            "what was unmapped reads as zeros, but for what the drive cannot unmap or did not care to"
        }
        _ => "what was unmapped is not all zeros, but reads the same each time",
    };
    format!("{reads}, and every byte beside it is as it was written")
}

fn danger(rounds: &[Round], outside: &[Extent]) -> String {
    let places = |what: &str, ranges: &[Extent]| match ranges {
        [] => None,
        ranges => {
            let list: Vec<String> = ranges.iter().map(|range| bytes(*range)).collect();
            Some(format!("{what}: {}", list.join(", ")))
        }
    };
    let round = |round: &Round| {
        [
            places("the disk does not keep what is written", &round.not_kept),
            places("unmapping destroyed what lies beside it", &round.neighbours),
            places(
                "it reads now as one thing and now as another",
                &round.unstable,
            ),
        ]
    };
    let mut found: Vec<String> = rounds.iter().flat_map(round).flatten().collect();
    found.extend(places(
        "data outside the range of the test changed",
        outside,
    ));
    format!("{}. Leave TRIM off on this disk", found.join("; "))
}

/// The report, or the preview if there is no verdict yet.
pub fn render(report: &Report) -> String {
    let mut text = match report.verdict {
        Some(verdict) => {
            let label = format!("{}: {}. ", report.path, verdict.word());
            format!(
                "{}\n",
                wrap(&format!("{label}{}", report.why), WIDTH - 2, 2)
            )
        }
        None if report.rounds.is_empty() => format!(
            "{}: nothing was written. This is what a test would do:\n",
            report.path
        ),
        None => format!("{}: the test did not come to its end.\n", report.path),
    };
    let mut line = |word: &str, value: String| {
        if !value.is_empty() {
            let value = wrap(&value, WIDTH - 14, 14);
            text.push_str(&format!("  {word:<10}  {value}\n"));
        }
    };
    if let Some(disk) = &report.disk {
        line("disk", disk.id.clone());
        line("firmware", disk.firmware.clone());
        line("driver", disk.driver.clone());
    }
    line("kernel", report.kernel.clone());
    line("mode", mode(report));
    if report.granularity > 0 {
        line("unit", format!("{} bytes", report.granularity));
    }
    line("free", report.free.map(place).unwrap_or_default());
    line("written", report.window.map(place).unwrap_or_default());
    for range in &report.unmapped {
        line("unmapped", place(*range));
    }
    for (index, round) in report.rounds.iter().enumerate() {
        line(&format!("round {}", index + 1), seen(round));
    }
    let wrote = report.verdict.is_some() || !report.rounds.is_empty();
    if wrote && report.window.is_some() {
        let restored = if report.restored {
            "every byte is as it was before"
        } else {
            "no"
        };
        line("restored", restored.to_owned());
    }
    text
}

fn mode(report: &Report) -> String {
    let mode = &report.mode;
    let is_preview = report.verdict.is_none() && report.rounds.is_empty();
    match &report.mode_before {
        None => mode.clone(),
        Some(before) if is_preview => format!("{mode}, for the time of the test; now {before}"),
        Some(before) => format!("{mode} for the time of the test, {before} before and after"),
    }
}

fn place(range: Extent) -> String {
    format!("{} ({})", bytes(range), range.len)
}

fn seen(round: &Round) -> String {
    match round.reads {
        None => String::from("not unmapped"),
        Some(Blocks { zeros, kept, other }) => {
            format!("of the blocks {zeros} read as zeros, {kept} as written, {other} as neither")
        }
    }
}
