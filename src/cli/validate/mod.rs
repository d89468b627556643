//! `keelblock validate`.

mod collect;
pub(super) mod explain;
pub(super) mod node;
mod text;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::args::{Format, Global, NodeArgs, linter_format};
use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::output::{self, Output};
use crate::exit::Exit;
use crate::lint::rule::Level;
use crate::lint::{Finding, Machine, lint, sarif};

const AFTER_HELP: &str = "\
FILE is told by what stands in it: a rendered machine configuration, a patch (strategic or RFC 6902), a talconfig.yaml \
with the patches that it names, or a folder, of which every such file is checked and those are named that no \
talconfig.yaml refers to. `-` reads standard input. The machine is not looked at; with --hardware, volumes are tried \
on the disks of a recorded one.

Levels: error (Talos or talhelper refuses it), risk (accepted, and hurts at run time), warning (accepted, without the \
effect that it seems to have), note (worth knowing).

With -c, the files are one node's configuration, which is read as every other command reads it.

Exit codes:
  0  no errors
  2  an error was found (with --strict, a risk or a warning), or there was nothing to read";

/// Arguments of `validate`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ValidateArgs {
    /// Files and folders to check
    #[arg(value_name = "FILE", required_unless_present_any = ["config", "explain"], conflicts_with_all = ["config", "explain"])]
    pub files: Vec<PathBuf>,
    /// Machine configuration of one node, or talconfig.yaml with --node; may be given several times, `-` is standard input
    #[arg(
        short,
        long = "config",
        value_name = "FILE",
        conflicts_with = "explain"
    )]
    pub config: Vec<PathBuf>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Say what a code such as KB105 means, and what to do; without a code, list them
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "all")]
    pub explain: Option<String>,
    /// Fail for risks and warnings, too
    #[arg(long)]
    pub strict: bool,
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
    risks: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<Finding>,
}

pub fn run(global: &Global, args: &ValidateArgs, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(code) = &args.explain {
        return explain::run(code, output);
    }
    if !args.config.is_empty() {
        if args.format == Format::Sarif {
            let message = "-c has no sarif: it checks one node and stops at what is wrong";
            return Err(Failure::new(Exit::Usage, message).hint("name the file without -c"));
        }
        return node::run(&args.config, &args.node, output);
    }
    let machines = machines(global)?;
    let collected = collect::collect(&args.files)?;
    let outcome = lint(&collected.input(&machines));
    let mut files = outcome.checked;
    for unread in &collected.unreadable {
        if !files.contains(&unread.at.file) {
            files.push(unread.at.file.clone());
        }
    }
    if files.is_empty() {
        return Err(nothing(&args.files));
    }
    let mut findings = outcome.findings;
    findings.splice(0..0, collected.unreadable.iter().cloned());
    if args.format == Format::Text {
        text::excerpts(&mut findings, &collected.files);
    }
    let report = report(files, findings, args.strict);
    let exit = match report.exit {
        0 => Exit::Done,
        _ => Exit::Usage,
    };
    match args.format {
        Format::Sarif => {
            let log = sarif::log(&report.findings, exit);
            output::write_out(&output::document(&log)?)?;
        }
        _ => output.print(&report, |_| text::render(&report))?,
    }
    Ok(exit)
}

/// Folders without anything that is for Talos: most likely not those that were meant.
fn nothing(folders: &[PathBuf]) -> Failure {
    let names: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
    let message = format!("nothing in {} is for Talos", names.join(", "));
    Failure::new(Exit::Usage, message).hint(
        "name a folder with configurations, patches or a talconfig.yaml, or the files themselves",
    )
}

/// The recorded machine, if one is named.
fn machines(global: &Global) -> Result<Vec<Machine>, Failure> {
    let Some(path) = &global.hardware else {
        return Ok(Vec::new());
    };
    Ok(vec![Machine {
        name: path.display().to_string(),
        inventory: context::recorded(path)?.inventory,
    }])
}

fn report(files: Vec<String>, findings: Vec<Finding>, strict: bool) -> Report {
    let count = |level| {
        let of_level = findings.iter().filter(|it| it.rule.level == level);
        of_level.count()
    };
    let [errors, risks, warnings, notes] = Level::ALL.map(count);
    let fails = errors > 0 || strict && risks + warnings > 0;
    let exit = if fails { Exit::Usage } else { Exit::Done };
    Report {
        schema: "keelblock/lint/v1",
        keelblock: env!("CARGO_PKG_VERSION"),
        exit: exit.code(),
        files,
        errors,
        risks,
        warnings,
        notes,
        findings,
    }
}
