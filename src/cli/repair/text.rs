//! A report of a repair for people, in 80 columns.

use super::RepairArgs;
use crate::cli::table::{WIDTH, wrap};
use crate::repair::report::{Outcome, Report};
use crate::rescue::next::{Line, Place};

/// A report for people.
pub(super) fn render(report: &Report, args: &RepairArgs) -> String {
    let geometry = report.geometry;
    let mut text = format!(
        "{}: {}, {}-byte blocks\n",
        report.path,
        geometry.size,
        geometry.logical.get()
    );
    let mut say = |indent: usize, line: &str| {
        let wrapped = wrap(line, WIDTH - indent - 2, indent + 2);
        text.push_str(&format!("{}{wrapped}\n", " ".repeat(indent)));
    };
    for item in &report.repairs {
        say(0, &format!("{}{}", prefix(&item.volume), item.what));
        say(2, &format!("restored from {}", item.from));
        for line in &item.difference {
            say(2, line);
        }
        for range in &item.ranges {
            let (start, end) = (range.extent.start.get(), range.extent.end().get());
            say(2, &format!("bytes {start:#x}..{end:#x} ({})", range.what));
        }
    }
    for refusal in &report.refused {
        say(
            0,
            &format!("left alone: {}{}", prefix(&refusal.volume), refusal.what),
        );
        say(2, &refusal.why);
        for line in &refusal.difference {
            say(2, line);
        }
    }
    for remark in &report.remarks {
        say(0, &format!("note: {remark}"));
    }
    match report.outcome {
        Outcome::Healthy => say(0, "every copy is good: nothing to repair, 0 writes"),
        Outcome::Refused => say(0, "nothing was written"),
        Outcome::Preview => {
            let place = match &args.image {
                Some(path) => Place::Image(path.display().to_string()),
                None => Place::Disk(report.path.clone()),
            };
            let mut line = Line::on("repair", &place);
            if let Some(from) = args.from {
                line = line.with(&["--from", from.word()]);
            }
            say(
                0,
                &format!(
                    "nothing was written yet; this does it: {}",
                    line.with(&["--yes"])
                ),
            );
        }
        Outcome::Repaired | Outcome::Undone => {
            say(
                0,
                &format!("repaired and read back: {} writes", report.writes),
            );
            if let Some(backup) = &report.backup {
                say(
                    0,
                    &format!("`keelblock repair --undo {backup} --yes` puts back what was there"),
                );
            }
        }
    }
    text
}

/// The volume before what is said of it; nothing before what is said of the table.
pub(super) fn prefix(volume: &str) -> String {
    if volume.is_empty() {
        String::new()
    } else {
        format!("{volume}: ")
    }
}
