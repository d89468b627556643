//! `keelblock doctor`: what is wrong with this machine, most urgent first.

use clap::Args;

use crate::cli::args::{Global, OptionalConfigArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::table::{WIDTH, wrap};
use crate::cli::talconfig::Cluster;
use crate::cli::{context, files, tune};
use crate::config::Source;
use crate::config::render::{extensions_of, schematics};
use crate::config::spec::Spec;
use crate::doctor::{self, Facts, Report, State, gather};
use crate::exit::Exit;
use crate::network;
use crate::snapshot::Snapshot;

const AFTER_HELP: &str = "\
Looks at everything that keeps a node from working and changes nothing: lines of the kernel log that point at a cable, \
a disk or a filesystem, clock, random numbers, disks, the machine's UUID, TPM, memory for key derivation, network, and \
the settings that `tune --check` compares. With a configuration, disks, keys and networks are judged by what it wants \
of them.

Each line is ok, warn or bad; what is not ok has a cause and a fix below it. The last line says what to do first.

The exit code is that of the first bad line (2: configuration, 3: no disk, 4: something has to be settled first, 5: \
input or output fails), 6 if only settings have drifted, and else 0.

This node:       keelblock doctor -c mini01.yaml
A recorded one:  keelblock doctor -c mini01.yaml --hardware mini01.json

Run it as root: nobody else may read disks, UUID and kernel log.";

/// Width of the column with the state.
const STATE: usize = 6;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct DoctorArgs {
    /// What the node should be.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
}

pub fn run(global: &Global, args: &DoctorArgs, output: &mut Output) -> Result<Exit, Failure> {
    let texts = files::configurations(&args.config.config, &args.config.node)?;
    let sources: Vec<Source<'_>> = texts
        .iter()
        .map(|(name, text)| Source { name, text })
        .collect();
    let spec = match texts.as_slice() {
        [] => None,
        texts => Some(files::parse(texts, &args.config.config, &args.config.node)?),
    };
    let recorded = global.hardware.as_deref().map(context::recorded);
    let recorded: Option<Snapshot> = recorded.transpose()?;
    let root = context::root(global);
    let here = recorded.is_none().then(|| gather::gather(&root));
    let tuning = match &recorded {
        Some(snapshot) if snapshot.attributes.is_empty() => None,
        Some(snapshot) => Some(tune::compared_record(&snapshot.attributes, spec.as_ref())),
        None => Some(tune::compared(&root, spec.as_ref())),
    };
    let inventory = match recorded {
        Some(snapshot) => snapshot.inventory,
        None => context::live(global),
    };
    // What runs is certain; an image's name only tells of what would be installed.
    let running = here.as_ref().and_then(|here| here.extensions.clone());
    let extensions = running.or_else(|| wanted_extensions(args, spec.as_ref()));
    let machine = network::Machine {
        nics: inventory.machine.nics.as_deref(),
        extensions: extensions.as_deref(),
    };
    let findings = (!sources.is_empty()).then(|| network::check(&sources, &machine));
    let report = doctor::judge(&Facts {
        inventory: &inventory,
        spec: spec.as_ref(),
        network: findings.as_deref(),
        extensions: extensions.as_deref(),
        tuning: tuning.as_ref(),
        here: here.as_ref(),
    });
    output.print(&report, |_| render(&report))?;
    Ok(report.exit)
}

/// The extensions of the image that the configuration names, if its schematic is known: from the talconfig.yaml that the
/// configuration comes from, or because it is the empty one.
fn wanted_extensions(args: &DoctorArgs, spec: Option<&Spec>) -> Option<Vec<String>> {
    let image = spec?.install.as_ref()?.image.as_deref()?;
    let host = args.config.node.node.as_deref();
    let paths = args.config.config.iter().filter(|_| host.is_some());
    let cluster = paths.filter_map(|path| Cluster::load(path).ok()).next();
    let nodes = cluster
        .as_ref()
        .map_or(&[][..], |it| &it.loaded.config.nodes);
    extensions_of(image, &schematics(nodes))
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let line = format!("{}: {}", check.topic, check.found);
        let line = wrap(&line, WIDTH - STATE, STATE);
        text.push_str(&format!("{:STATE$}{line}\n", check.state.word()));
        if check.state != State::Ok {
            for (what, words) in [("cause", &check.cause), ("fix", &check.fix)] {
                let indent = STATE + 7;
                let words = wrap(words, WIDTH - indent, indent);
                text.push_str(&format!("{:STATE$}{:7}{words}\n", "", format!("{what}:")));
            }
        }
    }
    for what in &report.not_looked_at {
        text.push_str(&format!("not looked at: {}\n", wrap(what, WIDTH - 15, 15)));
    }
    let first = wrap(&report.first, WIDTH - 7, 7);
    text.push_str(&format!("first: {first}\n"));
    text
}
