//! Findings for people: grouped by file, with the lines that they are about.

use std::fmt::Write as _;

use super::Report;
use crate::cli::table::{WIDTH, wrap};
use crate::config::Excerpts;
use crate::lint::{File, Finding};
use crate::printable::printable;

/// Most findings that are shown with their line.
const MOST_EXCERPTS: usize = 200;

/// Adds the lines of the first findings; those near a secret stay out.
pub fn excerpts(findings: &mut [Finding], files: &[File]) {
    let mut current: Option<(&str, Excerpts<'_>)> = None;
    for finding in findings.iter_mut().take(MOST_EXCERPTS) {
        let at = &finding.at;
        // Of a file as a whole there is nothing to show.
        if at.line == 0 || (at.line, at.column) == (1, 1) {
            continue;
        }
        if current.as_ref().is_none_or(|(name, _)| *name != at.file) {
            let file = files.iter().find(|file| file.name == at.file);
            current = file.map(|file| (&*file.name, Excerpts::of(&file.text)));
        }
        let excerpts = current.as_ref().map(|(_, excerpts)| excerpts);
        finding.excerpt = excerpts.and_then(|it| it.at(at.line, at.column));
    }
}

/// The report.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut file = None;
    for finding in &report.findings {
        if file != Some(&finding.at.file) {
            file = Some(&finding.at.file);
            let _ = writeln!(text, "{}", printable(&finding.at.file));
        }
        one(finding, &mut text);
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    let counts = [
        (report.errors, "error"),
        (report.risks, "risk"),
        (report.warnings, "warning"),
        (report.notes, "note"),
    ];
    let counted: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", plural(*count)))
        .collect();
    let files = report.files.len();
    let checked = format!("{files} file{} checked", plural(files));
    let _ = match counted.is_empty() {
        true => writeln!(text, "{checked}: nothing to say"),
        false => writeln!(text, "{checked}: {}", counted.join(", ")),
    };
    text
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn one(finding: &Finding, text: &mut String) {
    let (level, code) = (finding.rule.level.word(), finding.rule.code);
    let place = match finding.at.line {
        0 => String::new(),
        line => format!("{line}:{} ", finding.at.column),
    };
    let head = format!("{place}{level}[{code}]: {}", finding.message);
    let _ = writeln!(text, "  {}", wrap(&head, WIDTH - 4, 4));
    for line in finding.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
        let shown: String = printable(line).chars().take(WIDTH - 4).collect();
        let _ = writeln!(text, "    {}", shown.trim_end());
    }
    if let Some(also) = &finding.also {
        let also = format!("also at {also}");
        let _ = writeln!(text, "    {}", wrap(&also, WIDTH - 4, 4));
    }
    let fix = wrap(finding.remedy(), WIDTH - 9, 9);
    let _ = writeln!(text, "    fix: {fix}");
}
