//! A report of the tuner for people.

use std::collections::BTreeMap;

use crate::cli::table::{Table, WIDTH, wrap};
use crate::tuner::report::{Mode, Outcome, Report, Setting, Tuned};

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for tuned in &report.disks {
        let settings = of(report, Some(&tuned.path));
        text.push_str(&format!("{}\n", wrap(&heading(tuned), WIDTH, 2)));
        text.push_str(&block(report, &settings));
    }
    let settings = of(report, None);
    if !settings.is_empty() {
        text.push_str("machine\n");
        text.push_str(&block(report, &settings));
    }
    for conflict in &report.conflicts {
        text.push_str(&format!("conflict: {}\n", wrap(conflict, WIDTH - 10, 10)));
    }
    for withheld in &report.withheld {
        let sentence = format!(
            "{} = {} on {}: {}",
            withheld.key, withheld.value, withheld.disk, withheld.why
        );
        text.push_str(&format!("withheld: {}\n", wrap(&sentence, WIDTH - 10, 10)));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {}\n", wrap(note, WIDTH - 6, 6)));
    }
    text.push_str(&format!("{}\n", wrap(&summary(report), WIDTH, 2)));
    text
}

fn of<'a>(report: &'a Report, disk: Option<&String>) -> Vec<&'a Setting> {
    let settings = report.settings.iter();
    settings
        .filter(|setting| setting.disk.as_ref() == disk)
        .collect()
}

fn heading(tuned: &Tuned) -> String {
    let disk = &tuned.disk;
    let facts = [&disk.driver, &disk.usb].map(String::as_str);
    let facts: Vec<&str> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    let model = match disk.model.as_str() {
        "" => "no model",
        model => model,
    };
    let profile = match &tuned.profile {
        Some(profile) => format!("profile {profile}"),
        None => "no profile".to_owned(),
    };
    format!("{} {model} ({}): {profile}", tuned.path, facts.join(", "))
}

/// The table of one disk, or of the machine, and a line for each setting that needs one.
fn block(report: &Report, settings: &[&Setting]) -> String {
    if settings.is_empty() {
        return "  nothing to set\n".to_owned();
    }
    let writes = matches!(report.mode, Mode::Apply | Mode::Undo);
    let header: &[&str] = match writes {
        true => &["  SETTING", "BEFORE", "WANTED", "NOW", "RESULT"],
        false => &["  SETTING", "WANTED", "NOW", "RESULT"],
    };
    let mut table = Table::new(header, &[]);
    let value = |value: &Option<String>| match value.as_deref() {
        None => "-".to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(text) => text.to_owned(),
    };
    for setting in settings {
        let mut row = vec![format!("  {}", setting.key)];
        row.extend(writes.then(|| value(&setting.before)));
        row.push(value(&Some(setting.wanted.clone())));
        row.push(value(&setting.now));
        row.push(setting.result.word().to_owned());
        table.row(row);
    }
    let mut text = table.render();
    for setting in settings {
        let why = why(report.mode, setting);
        if let Some(blame) = &setting.blame {
            text.push_str(&format!("    {}\n", wrap(blame, WIDTH - 4, 6)));
        }
        if !why.is_empty() {
            let line = format!("{}: {why}", setting.key);
            text.push_str(&format!("    {}\n", wrap(&line, WIDTH - 4, 6)));
        }
    }
    text
}

fn why(mode: Mode, setting: &Setting) -> String {
    let detail = setting.detail.as_ref();
    let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
    let text = match setting.result {
        Outcome::AsWanted => return String::new(),
        Outcome::Set | Outcome::Differs if mode == Mode::Undo => return String::new(),
        Outcome::Set | Outcome::Differs => return format!("{}{detail}", setting.reason),
        Outcome::Clamped => "the kernel took the value and keeps another one",
        Outcome::Ignored => "the kernel took the value and changed nothing",
        Outcome::SetBack => "it was as wanted, and another write of this run set it back",
        Outcome::Refused => "the kernel does not take this value",
        Outcome::ReadOnly => "it cannot be written",
        Outcome::Missing => "this kernel or this disk has no such attribute",
        Outcome::Failed => "it could not be read or written",
        Outcome::Gone => "the disk is gone, or another one has its name; run this again",
    };
    format!("{text}{detail}")
}

fn summary(report: &Report) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for setting in &report.settings {
        *counts.entry(setting.result.word()).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    match (report.settings.len(), report.mode) {
        (0, Mode::Undo) => {
            "nothing to undo: the machine has booted, or the disks were plugged in again, \
                            since the last run"
                .to_owned()
        }
        (0, _) => "nothing to set".to_owned(),
        (1, _) => format!("1 setting: {}", counts.join(", ")),
        (all, _) => format!("{all} settings: {}", counts.join(", ")),
    }
}
