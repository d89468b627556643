//! `keelblock tune lint`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::args::{Format, linter_format};
use crate::cli::error::Failure;
use crate::cli::files;
use crate::cli::output::{self, Output};
use crate::cli::table::{WIDTH, wrap};
use crate::config::{Source, plain_snippet, snippet_at};
use crate::exit::Exit;
use crate::fleet::finding::Level;
use crate::printable::printable;
use crate::tuner::lint::{Code, FileKind, Finding, Input, kind_of, lint, sarif};

/// Most bytes of one file.
const MOST_BYTES: u64 = 4 << 20;

/// Most findings that are shown with their line.
const MOST_EXCERPTS: usize = 200;

const AFTER_HELP: &str = "\
FILE is a file of udev's rules.d (*.rules), a file of sysctl.d (*.conf), or something for Talos (*.yaml): a machine \
configuration, a patch, documents such as UdevRulesConfig, SysctlConfig and SysfsConfig, or a talconfig.yaml with its \
patches. `-` reads standard input. Files that are given together are checked together: a later one wins, by its name \
in rules.d and sysctl.d, by its place on the command line for Talos. The machine is not looked at.

Exit codes:
  0  nothing was found, or notes only
  2  an error or a warning was found, or a file cannot be read";

/// Arguments of `tune lint`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct LintArgs {
    /// The files to check
    #[arg(value_name = "FILE", required_unless_present = "explain")]
    pub files: Vec<PathBuf>,
    /// Say what a code such as parents-differ means, and what to do; `all` lists them
    #[arg(long, value_name = "CODE", conflicts_with = "files")]
    pub explain: Option<String>,
    /// Print errors and warnings only
    #[arg(short, long)]
    pub quiet: bool,
    /// How to print the result; sarif is for code hosts
    #[arg(long, default_value = "text", value_parser = linter_format())]
    pub format: Format,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Report {
    schema: &'static str,
    keelblock: &'static str,
    exit: u8,
    files: Vec<String>,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Explanation {
    schema: &'static str,
    codes: Vec<Explained>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Explained {
    code: &'static str,
    level: &'static str,
    meaning: &'static str,
    explanation: &'static str,
}

pub fn run(args: &LintArgs, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(word) = &args.explain {
        return explain(word, output);
    }
    let mut texts = Vec::new();
    for path in &args.files {
        let text = files::text_up_to(path, MOST_BYTES)?;
        texts.push((path.display().to_string(), text));
    }
    let input = |(name, text): &'_ (String, String)| kind_of(name, text);
    let inputs: Vec<Input<'_>> = texts
        .iter()
        .map(|file| Input {
            name: &file.0,
            text: &file.1,
            kind: input(file),
            nodes: None,
            items: None,
        })
        .collect();
    let mut findings = lint(&inputs);
    if args.format == Format::Text {
        excerpts(&mut findings, &inputs);
    }
    let report = report(&inputs, findings, args.quiet);
    let exit = match report.errors + report.warnings {
        0 => Exit::Done,
        _ => Exit::Usage,
    };
    match args.format {
        Format::Sarif => {
            let log = sarif::log(&report.findings, exit);
            output::write_out(&output::document(&log)?)?;
        }
        _ => output.print(&report, |_| render(&report))?,
    }
    Ok(exit)
}

fn report(inputs: &[Input<'_>], mut findings: Vec<Finding>, quiet: bool) -> Report {
    let count = |level| {
        let of_level = findings.iter().filter(|it| it.code.level() == level);
        of_level.count()
    };
    let [errors, warnings, notes] = [Level::Error, Level::Warning, Level::Note].map(count);
    if quiet {
        findings.retain(|finding| finding.code.level() != Level::Note);
    }
    let exit = if errors + warnings == 0 {
        Exit::Done
    } else {
        Exit::Usage
    };
    Report {
        schema: "keelblock/tune-lint/v1",
        keelblock: env!("CARGO_PKG_VERSION"),
        exit: exit.code(),
        files: inputs.iter().map(|input| input.name.to_owned()).collect(),
        errors,
        warnings,
        notes,
        findings,
    }
}

/// Adds the lines of the first findings; lines of a configuration that may hold a secret stay out.
fn excerpts(findings: &mut [Finding], inputs: &[Input<'_>]) {
    for finding in findings.iter_mut().take(MOST_EXCERPTS) {
        let at = &finding.at;
        let Some(input) = inputs.iter().find(|input| input.name == at.file) else {
            continue;
        };
        finding.excerpt = match input.kind {
            FileKind::Rules | FileKind::Sysctl => plain_snippet(input.text, at.line, at.column),
            FileKind::Talos => {
                let source = Source {
                    name: input.name,
                    text: input.text,
                };
                snippet_at(at, &[source])
            }
        };
    }
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        one(finding, &mut text);
    }
    let counts = [
        (report.errors, "error"),
        (report.warnings, "warning"),
        (report.notes, "note"),
    ];
    let counted: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    let files = match report.files.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let _ = match counted.is_empty() {
        true => writeln!(text, "{files} checked: nothing to say"),
        false => writeln!(text, "{files} checked: {}", counted.join(", ")),
    };
    text
}

fn one(finding: &Finding, text: &mut String) {
    let (level, code) = (finding.code.level().word(), finding.code.word());
    let head = format!("{level}[{code}] {}", finding.message);
    let _ = writeln!(text, "{}", wrap(&head, WIDTH - 2, 2));
    let _ = writeln!(text, "  at {}", printable(&finding.at.to_string()));
    for line in finding.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
        let shown: String = printable(line).chars().take(WIDTH - 2).collect();
        let _ = writeln!(text, "  {}", shown.trim_end());
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(text, "  fix: {}", wrap(hint, WIDTH - 7, 7));
    }
    text.push('\n');
}

fn explain(word: &str, output: &mut Output) -> Result<Exit, Failure> {
    let codes: Vec<Code> = match word {
        "all" => Code::ALL.to_vec(),
        _ => Code::by_word(word).into_iter().collect(),
    };
    if codes.is_empty() {
        let message = format!("there is no code {word:?}");
        return Err(Failure::new(Exit::Usage, message)
            .hint("`keelblock tune lint --explain all` lists them"));
    }
    let explained = |code: &Code| Explained {
        code: code.word(),
        level: code.level().word(),
        meaning: code.meaning(),
        explanation: code.explanation(),
    };
    let explanation = Explanation {
        schema: "keelblock/tune-lint-codes/v1",
        codes: codes.iter().map(explained).collect(),
    };
    output.print(&explanation, |_| {
        let mut text = String::new();
        for it in &explanation.codes {
            let head = format!("{} ({}): {}", it.code, it.level, it.meaning);
            let _ = writeln!(text, "{}", wrap(&head, WIDTH - 2, 2));
            if word != "all" {
                let _ = writeln!(text, "\n{}", wrap(it.explanation, WIDTH, 0));
            }
        }
        text
    })?;
    Ok(Exit::Done)
}
