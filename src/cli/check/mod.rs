//! `keelblock check`: a fleet of configurations and recorded machines, offline.

mod parallel;
pub(crate) mod rendered;
mod text;
pub(crate) mod walk;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use self::walk::Tree;
use crate::cli::args::{Format, Global};
use crate::cli::error::Failure;
use crate::cli::output::{self, Output};
use crate::config::{ConfigError, Source, plain_snippet};
use crate::exit::Exit;
use crate::fleet::compare::Facts;
use crate::fleet::expect::{self, Expect};
use crate::fleet::finding::{Code, Finding};
use crate::fleet::report::{Node, Report};
use crate::fleet::rules::start;
use crate::fleet::shard::Shard;
use crate::fleet::{junit, sarif};
use crate::printable::printable_json;

const AFTER_HELP: &str = "\
Every rendered machine configuration below DIR (*.yaml, *.yml: it has a `machine` section and says its version or \
the machine's type; or it lies in a folder `clusterconfig`; or a recorded machine of the same name lies beside it) is \
a node. Its name is its hostname, else that of its file, else its path. Its recorded machine (*.json of `keelblock \
snapshot -o`) is the one with the name of the configuration file, in the same folder or the only one; else the one \
with the hostname as its name; else, where the file has a UUID as its name, the one of that machine. A configuration \
without a recorded machine is validated only, and said to be (warning). A talconfig.yaml stands for its nodes as \
`keelblock render` shows them, unless talhelper has rendered them into DIR; the files that it names may lie anywhere in \
its git repository. Hidden files and folders are passed over, and \
links that lead out of DIR are an error. Nothing is written.

expect.yaml in DIR may say what has to be true:

  version: 1
  nodes:
    mini01:
      config: [base.yaml, mini01.yaml]  # read as one
      hardware: snapshots/mini01.json
      disks: {install: {wwid: naa.5002538043584d30}}
  never: [{name: not the archive, size: '> 4TB'},
          {nodes: [w*], match: disk.transport == \"usb\"}]
  require: [{name: both slots, volumes: [STATE, EPHEMERAL], slots: 2}]

A disk is described by id, wwid, serial, model (with *), transport, rotational, size and match (CEL, as in a volume \
document). `require` knows slots, keys (static, nodeID, kms, tpm), minDisks, maxDisks, wipe and snapshot; a node may \
also have uuid and wipe (disks that may be wiped, as with --wipe). `nodes` and `roles` or `volumes` are patterns.

Exit codes; the worst finding decides, and the last line says which it was:
  0  every node has its disks; warnings and notes do not count
  2  a configuration, a recorded machine, expect.yaml or a file is broken
  4  a disk is refused or ambiguous, or a rule is broken
  3  a node has no disk
  6  only this: something changed against --base

Shards count from 0, as Kubernetes' JOB_COMPLETION_INDEX does. A node belongs to the shard that the hash of its name \
says, so that it stays there whatever else comes and goes.";

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CheckArgs {
    /// The folder with node configurations, recorded machines and expect.yaml
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Compare with this folder, such as the state before a change
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// What is expected [default: DIR/expect.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Look at one part of the nodes only: INDEX/COUNT, such as 0/8
    #[arg(
        long,
        value_name = "INDEX/COUNT",
        default_value = "0/1",
        hide_default_value = true
    )]
    pub shard: Shard,
    /// Print errors and the last line only
    #[arg(short, long)]
    pub quiet: bool,
    /// How to print the result; sarif is for code hosts, junit for CI systems
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(global: &Global, args: &CheckArgs, output: &mut Output) -> Result<Exit, Failure> {
    if global.hardware.is_some() {
        let message = "`check` takes recorded machines from DIR, not from --hardware";
        return Err(Failure::new(Exit::Usage, message).hint("leave --hardware out"));
    }
    let report = check(args)?;
    match args.format {
        Format::Text | Format::Json => {
            output.print(&report, |_| text::render(&report, args.quiet))?;
        }
        Format::Sarif => output::write_out(&output::document(&sarif::log(&report))?)?,
        Format::Junit => output::write_out(&printable_json(&junit::document(&report)))?,
    }
    Ok(report.worst().0)
}

fn check(args: &CheckArgs) -> Result<Report, Failure> {
    let tree = Tree::of(&args.directory)?;
    let names = (
        args.directory.display().to_string(),
        args.base.as_ref().map(|base| base.display().to_string()),
    );
    let excerpts = args.format == Format::Text;
    let expect = match expectations(&tree, args.expect.as_deref()) {
        Ok(expect) => expect,
        Err(findings) => {
            // Without the rules there is no telling what is right.
            let report = Report::new(names, args.shard.to_string(), Vec::new(), findings, 0);
            return Ok(report);
        }
    };
    // Read first and forgotten but for its facts.
    let base = args.base.as_deref().map(|base| facts(base, args.shard));
    let base = base.transpose()?;
    let mut found = work::folder(&tree, &expect, args.shard, excerpts)?;
    if found.all == 0 && found.findings.is_empty() {
        let message = format!(
            "there is no machine configuration below {}",
            args.directory.display()
        );
        return Err(Failure::new(Exit::Usage, message).hint(
            "put rendered configurations (*.yaml) there, or name their folder; `check --help` says what is one",
        ));
    }
    if let Some((base_name, base)) = args.base.as_deref().zip(base) {
        let more = compare(&mut found.nodes, base, base_name);
        found.findings.extend(more);
    }
    let shard = args.shard.to_string();
    Ok(Report::new(
        names,
        shard,
        found.nodes,
        found.findings,
        found.passed_over,
    ))
}

/// What the folder's owner expects; the findings say why there is no telling.
fn expectations(tree: &Tree, named: Option<&Path>) -> Result<Expect, Vec<Finding>> {
    let (name, text) = match named {
        None if !tree.expect => return Ok(Expect::default()),
        None => {
            let name = format!("{}{}", tree.prefix, walk::EXPECT);
            (name, tree.text(walk::EXPECT, expect::MOST_BYTES))
        }
        Some(path) => {
            let text = walk::text(path, expect::MOST_BYTES);
            (path.display().to_string(), text)
        }
    };
    let text = text.map_err(|why| {
        let message = format!("cannot be read: {why}");
        vec![Finding::of_file(Code::Expectations, name.clone(), message)]
    })?;
    let source = Source {
        name: &name,
        text: &text,
    };
    expect::parse(source).map_err(|error| mistakes(&error, &text))
}

fn mistakes(error: &ConfigError, text: &str) -> Vec<Finding> {
    let finding = |diagnostic: &crate::config::Diagnostic| {
        let mut said = diagnostic.clone();
        let (at, hint) = (said.at.to_string(), said.hint.take());
        let message = said.to_string();
        let message = message.strip_prefix(&at).unwrap_or(&message);
        Finding {
            hint,
            excerpt: plain_snippet(text, said.at.line, said.at.column),
            ..Finding::new(
                Code::Expectations,
                said.at,
                message.trim_start_matches(": "),
            )
        }
    };
    error.diagnostics().iter().map(finding).collect()
}

/// What the base comes to. Its own expect.yaml says which files belong together; its rules are not asked.
fn facts(base: &Path, shard: Shard) -> Result<BTreeMap<String, Facts>, Failure> {
    let tree = Tree::of(base)?;
    let expect = expectations(&tree, None).map_err(|findings| {
        let message = format!("the expect.yaml of the base {} is wrong", base.display());
        let mut failure = Failure::new(Exit::Usage, message);
        failure.causes = findings
            .iter()
            .map(|finding| format!("{}: {}", finding.place(), finding.message))
            .collect();
        failure.hint("name another base, or correct it there")
    })?;
    let expect = Expect {
        never: Vec::new(),
        require: Vec::new(),
        ..expect
    };
    let found = work::folder(&tree, &expect, shard, false)?;
    let nodes = found.nodes.into_iter();
    Ok(nodes.map(|node| (node.name, node.facts)).collect())
}

fn compare(
    nodes: &mut [Node],
    mut base: BTreeMap<String, Facts>,
    base_name: &Path,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in nodes {
        let file = node.config.first().map_or("", String::as_str);
        let Some(before) = base.remove(&node.name) else {
            let message = format!("the base {} does not have this node", base_name.display());
            findings.push(Finding::new(Code::Added, start(file), message).about(&node.name));
            continue;
        };
        let changes = node.facts.since(&before);
        if !changes.is_empty() {
            let message = format!("changed since the base: {}", changes.join("; "));
            findings.push(Finding::new(Code::Changed, start(file), message).about(&node.name));
        }
        node.changes = Some(changes);
    }
    for name in base.into_keys() {
        let message = "the base has this node, and it is gone";
        let finding = Finding::of_file(Code::Removed, base_name.display().to_string(), message);
        findings.push(finding.about(&name));
    }
    findings
}
