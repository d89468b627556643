//! `keelblock render`: the machine configurations that a talconfig.yaml stands for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::cli::files;
use crate::cli::output::Output;
use crate::cli::talconfig::Cluster;
use crate::config::render;
use crate::exit::Exit;

const AFTER_HELP: &str = "\
Renders what `talhelper genconfig --offline-mode` of talhelper 3.1 would write: Talos' own base configuration for the \
version in the file, what the file says of the node and its group, its documents, and all patches, templates and \
variables included. Templates that keelblock does not render are refused by name. Nothing is downloaded, and files are \
read only inside the git repository that talconfig.yaml is in.

Look at a node:   keelblock render --node mini01
Into a file:      keelblock render talos/talconfig.yaml --node mini01 -o mini01.yaml
All of them:      keelblock render --all -o clusterconfig
Without a file:   keelblock select -c talconfig.yaml --node mini01

Secrets come from the talsecret.yaml or talsecret.sops.yaml beside the file; without one, placeholders stand for \
them. Files of YAML that SOPS encrypted for an age key are read with the key that SOPS_AGE_KEY holds, SOPS_AGE_KEY_FILE \
names, or ~/.config/sops/age/keys.txt has.

Files are named by filenameTmpl, else CLUSTER-HOST.yaml, in the folder, and readable by their owner only. None is \
written unless every node that was asked for could be rendered and has a file of its own.";

/// Most bytes of all nodes that go to files: none is written before all could be rendered.
const MOST: usize = 80 << 20;
/// The same of what is printed, of which there are copies.
const MOST_PRINTED: usize = 40 << 20;

/// Arguments of `render`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct RenderArgs {
    /// The talconfig.yaml
    #[arg(value_name = "TALCONFIG", default_value = "talconfig.yaml")]
    pub talconfig: PathBuf,
    /// The node to render, by its hostname
    #[arg(long, value_name = "HOST", required_unless_present = "all")]
    pub node: Option<String>,
    /// Render every node
    #[arg(long, conflicts_with = "node")]
    pub all: bool,
    /// Put stand-ins where secrets belong, and read no talsecret file
    #[arg(long)]
    pub placeholders: bool,
    /// Write to this file; with --all, to this folder [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// What came of it.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Report {
    schema: &'static str,
    talconfig: String,
    /// Whether the secrets are stand-ins.
    placeholders: bool,
    warnings: Vec<String>,
    nodes: Vec<Rendered>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Rendered {
    hostname: String,
    /// Where it was written.
    file: Option<String>,
    /// The documents as YAML, if they were written nowhere else.
    config: Option<String>,
}

pub fn run(args: &RenderArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut cluster = Cluster::load(&args.talconfig)?;
    if !args.placeholders {
        cluster.read_secrets()?;
    }
    let names = cluster.hostnames();
    let indexes: Vec<usize> = match args.all {
        true => (0..names.len()).collect(),
        false => vec![cluster.index(args.node.as_deref())?],
    };
    let mut texts = Vec::new();
    let (most, hint) = match args.output {
        Some(_) => (MOST, "render them one by one, with --node HOST -o FILE"),
        None => (MOST_PRINTED, "write them into files, with -o FOLDER"),
    };
    let mut total = 0;
    for index in indexes {
        let text = cluster.render(index)?;
        total += text.len();
        if total > most && args.all {
            let message = format!("the nodes come to more than {} MiB", most >> 20);
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        }
        texts.push((names[index].clone(), text));
    }
    let warnings = cluster.warnings();
    for warning in &warnings {
        output.aside(&format!("warning: {warning}\n"));
    }
    if let Some(note) = cluster.placeholders() {
        output.aside(&format!("note: {note}\n"));
    }
    let written = match &args.output {
        Some(path) => write(path, args.all, &cluster, &texts)?,
        None => BTreeMap::new(),
    };
    let node = |(hostname, text): &(String, Zeroizing<String>)| Rendered {
        hostname: hostname.clone(),
        file: written.get(hostname).map(|path| path.display().to_string()),
        config: args.output.is_none().then(|| text.to_string()),
    };
    let report = Report {
        schema: "keelblock/rendered/v1",
        talconfig: args.talconfig.display().to_string(),
        placeholders: cluster.secrets.are_placeholders,
        warnings,
        nodes: texts.iter().map(node).collect(),
    };
    output.print(&report, |_| shown(&report, args.all))?;
    Ok(Exit::Done)
}

/// Writes every text; the paths by hostname.
fn write(
    path: &Path,
    all: bool,
    cluster: &Cluster,
    texts: &[(String, Zeroizing<String>)],
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut written = BTreeMap::new();
    let mut taken: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for (index, (hostname, _)) in texts.iter().enumerate() {
        let file = match all {
            true => path.join(file_name(cluster, index)?),
            false => path.to_owned(),
        };
        if let Some(other) = taken.insert(file.clone(), hostname) {
            let message = format!(
                "{other} and {hostname} would both be written to {}",
                file.display()
            );
            return Err(Failure::new(Exit::Usage, message)
                .hint("have filenameTmpl name the host, or render them one by one with -o FILE"));
        }
        if written.insert(hostname.clone(), file).is_some() {
            let message = format!("two nodes have the hostname {hostname}");
            return Err(Failure::new(Exit::Usage, message).hint("render them one by one"));
        }
    }
    if all {
        for folder in taken.keys().filter_map(|file| file.parent()) {
            files::private_folder(folder).map_err(|error| {
                let message = format!("cannot write to the folder {}", folder.display());
                Failure::new(Exit::Io, message)
                    .because(&error)
                    .hint("name a folder that can be written")
            })?;
        }
    }
    for (hostname, text) in texts {
        if let Some(file) = written.get(hostname) {
            files::write_made(file, text.as_bytes())?;
        }
    }
    Ok(written)
}

/// The path that talhelper gives the file of the node with this index.
fn file_name(cluster: &Cluster, index: usize) -> Result<PathBuf, Failure> {
    let Some(node) = cluster.loaded.config.nodes.get(index) else {
        return Ok(PathBuf::new());
    };
    let name = render::file_name(&cluster.loaded, node).map_err(|error| {
        let message = format!("the file of {} has no name", &*node.hostname);
        Failure::new(Exit::Usage, message)
            .because(&error)
            .hint("correct filenameTmpl, or render the nodes one by one with -o FILE")
    })?;
    // A slash at its start is one too many, and not the root.
    Ok(PathBuf::from(name.trim_start_matches('/')))
}

fn shown(report: &Report, all: bool) -> String {
    let mut text = String::new();
    for node in &report.nodes {
        if let Some(file) = &node.file {
            text.push_str(&format!("rendered {} into {file}\n", node.hostname));
        }
        let Some(config) = &node.config else { continue };
        if all {
            text.push_str(&format!("---\n# {}\n", node.hostname));
        }
        text.push_str(config);
    }
    text
}
