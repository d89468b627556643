//! A report as JUnit XML, which CI systems show as tests: a test case for each node, and one for the fleet's own files.
//!
//! There is no standard; this keeps to what Jenkins, GitLab and GitHub actions read alike: one `failure` or `error` a
//! test case, `file` and `line` on it, warnings and notes in `system-out`.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::finding::{Finding, Level};
use super::report::{Node, Report, State};
use crate::exit::Exit;
use crate::printable::printable;

/// The name of the test case for what belongs to no node.
const FLEET: &str = "(the fleet)";

/// The report as an XML document.
pub fn document(report: &Report) -> String {
    let mut by_node: HashMap<&str, Vec<&Finding>> = HashMap::new();
    for finding in &report.findings {
        let name = finding.node.as_deref().unwrap_or(FLEET);
        by_node.entry(name).or_default().push(finding);
    }
    let none = Vec::new();
    let mut cases = String::new();
    let mut count = Count::default();
    for node in &report.nodes {
        let findings = by_node.remove(node.name.as_str()).unwrap_or(none.clone());
        case(&node.name, Some(node), &findings, &mut count, &mut cases);
    }
    // Nodes that are gone, and files of none.
    let mut rest: Vec<(&str, Vec<&Finding>)> = by_node.into_iter().collect();
    rest.sort_by_key(|(name, _)| *name);
    for (name, findings) in rest {
        case(name, None, &findings, &mut count, &mut cases);
    }
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        count.tests, count.failures, count.errors, count.skipped
    );
    let name = text(&report.directory);
    let shard = text(&report.shard);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"keelblock check\" {counts}>\n  \
         <testsuite name=\"{name}\" id=\"{shard}\" {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

#[derive(Default)]
struct Count {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

fn case(
    name: &str,
    node: Option<&Node>,
    findings: &[&Finding],
    count: &mut Count,
    out: &mut String,
) {
    count.tests += 1;
    let errors: Vec<&&Finding> = findings
        .iter()
        .filter(|finding| finding.code.level() == Level::Error)
        .collect();
    let asides = findings.iter().filter(|f| f.code.level() != Level::Error);
    let first = errors.first().copied().or(findings.first());
    let config = node.and_then(|node| node.config.first().cloned());
    let (file, line) = match first {
        Some(finding) => (finding.at.file.clone(), finding.at.line.max(1)),
        None => (config.unwrap_or_default(), 1),
    };
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"keelblock.check\" file=\"{}\" line=\"{line}\"",
        text(name),
        text(&file)
    );
    let mut body = String::new();
    if let Some(first) = errors.first() {
        // An error is a file that cannot be judged, a failure is the verdict.
        let tag = match first.code.exit() {
            Exit::Usage => "error",
            _ => "failure",
        };
        *match tag {
            "error" => &mut count.errors,
            _ => &mut count.failures,
        } += 1;
        let all: Vec<String> = errors.iter().map(|finding| line_of(finding)).collect();
        let _ = writeln!(
            body,
            "      <{tag} type=\"{}\" message=\"{}\">{}</{tag}>",
            first.code.word(),
            text(&first.message),
            all.join("\n")
        );
    } else if node.is_some_and(|node| node.state == State::Unchecked) {
        count.skipped += 1;
        body.push_str("      <skipped message=\"no recorded machine\"/>\n");
    }
    let asides: Vec<String> = asides.map(|finding| line_of(finding)).collect();
    if !asides.is_empty() {
        let _ = writeln!(body, "      <system-out>{}</system-out>", asides.join("\n"));
    }
    if body.is_empty() {
        out.push_str("/>\n");
    } else {
        let _ = write!(out, ">\n{body}    </testcase>\n");
    }
}

fn line_of(finding: &Finding) -> String {
    let mut line = format!(
        "{}: {}: {}",
        finding.place(),
        finding.code.word(),
        finding.message
    );
    if let Some(hint) = &finding.hint {
        let _ = write!(line, " (hint: {hint})");
    }
    text(&line)
}

/// Text for an attribute or an element; what XML 1.0 cannot hold is escaped as for a terminal.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in printable(raw).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(
            text("<a b=\"c\">&\u{1b}\u{ffff}\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp;\\u{1b}\u{fffd}\\n"
        );
    }
}
