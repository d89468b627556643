//! A report of a repair for people, in 80 columns.

use super::RepairArgs;
use crate::cli::table::{WIDTH, wrap};
use crate::repair::report::{Outcome, Report};
use crate::rescue::next::{Line, Place};

/// A report for people.
pub(super) fn render(report: &Report, args: &RepairArgs) -> String {
    let geometry = report.geometry;
    let block = geometry.logical.get();
    let mut text = Text(format!(
        "{}: {}, {block}-byte blocks\n",
        report.path, geometry.size
    ));
    for item in &report.repairs {
        text.say(0, &format!("{}{}", prefix(&item.volume), item.what));
        text.say(2, &format!("restored from {}", item.from));
        for line in &item.difference {
            text.say(2, line);
        }
        for range in &item.ranges {
            let (start, end) = (range.extent.start.get(), range.extent.end().get());
            text.say(2, &format!("bytes {start:#x}..{end:#x} ({})", range.what));
        }
    }
    for refusal in &report.refused {
        text.say(
            0,
            &format!("left alone: {}{}", prefix(&refusal.volume), refusal.what),
        );
        text.say(2, &refusal.why);
        for line in &refusal.difference {
            text.say(2, line);
        }
    }
    for remark in &report.remarks {
        text.say(0, &format!("note: {remark}"));
    }
    text.outcome(report, args);
    text.0
}

struct Text(String);

impl Text {
    fn say(&mut self, indent: usize, line: &str) {
        let wrapped = wrap(line, WIDTH - indent - 2, indent + 2);
        self.0
            .push_str(&format!("{}{wrapped}\n", " ".repeat(indent)));
    }

    fn outcome(&mut self, report: &Report, args: &RepairArgs) {
        match report.outcome {
            Outcome::Healthy => self.say(0, "every copy is good: nothing to repair, 0 writes"),
            Outcome::Refused => self.say(0, "nothing was written"),
            Outcome::Preview => {
                let line = again(report, args).with(&["--yes"]);
                self.say(0, "nothing was written yet; this does it:");
                // Never broken, so that it can be pasted.
                self.0.push_str(&format!("  {line}\n"));
            }
            Outcome::Repaired | Outcome::Undone => {
                self.say(
                    0,
                    &format!("repaired and read back: {} writes", report.writes),
                );
                if let Some(backup) = &report.backup {
                    let line = Line::new("repair").with(&["--undo", backup, "--yes"]);
                    self.say(0, "this puts back what was there before:");
                    self.0.push_str(&format!("  {line}\n"));
                }
            }
        }
    }
}

/// What was typed, but for what says whether to write.
fn again(report: &Report, args: &RepairArgs) -> Line {
    let place = match &args.image {
        Some(path) => Place::Image(path.display().to_string()),
        None => Place::Disk(report.path.clone()),
    };
    let line = Line::on("repair", &place);
    match args.from {
        Some(from) => line.with(&["--from", from.word()]),
        None => line,
    }
}

/// The volume before what is said of it; nothing before what is said of the table.
pub(super) fn prefix(volume: &str) -> String {
    if volume.is_empty() {
        String::new()
    } else {
        format!("{volume}: ")
    }
}
