//! `keelblock select`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{ConsentArgs, Global, NodeArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{consent, context, files};
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::probe::inventory::Inventory;
use crate::selector::{self, Elsewhere};

const AFTER_HELP: &str = "\
Every disk has a letter and a column; every part of a rule has a row, with what it finds on each disk: + it holds, \
- it does not, ! it has no value. The last row says what came of it: * selected, = eligible, x matches but must not be \
used, . does not match.

Below a rule that matches no disk, several, or one only by luck stand rules that match exactly one disk here and on \
every machine of --also, ready to be pasted. They were read back and tried before they were printed.";

/// Arguments of `select`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct SelectArgs {
    /// Machine configuration, or talconfig.yaml with --node; may be given several times, `-` is
    /// standard input
    #[arg(
        short,
        long = "config",
        value_name = "FILE",
        required_unless_present = "want"
    )]
    pub config: Vec<PathBuf>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Propose rules for this disk (its id, path or link), whatever the configuration says
    #[arg(long, value_name = "DISK")]
    pub want: Option<String>,
    /// Another recorded machine, whose disks a rule must not match, either; may be given several times
    #[arg(long, value_name = "FILE")]
    pub also: Vec<PathBuf>,
    /// What may be wiped.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

pub fn run(global: &Global, args: &SelectArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = if args.config.is_empty() {
        Spec::default()
    } else {
        files::config(&args.config, &args.node)?
    };
    let inventory = context::inventory(global)?;
    consent::check(&inventory, &args.consent.wipe)?;
    let want = args.want.as_deref();
    let want = want.map(|name| context::named_disk(&inventory, name));
    let want = want.transpose()?;
    let others = others(args)?;
    let elsewhere: Vec<Elsewhere<'_>> = others
        .iter()
        .map(|(name, inventory)| Elsewhere { name, inventory })
        .collect();
    let request = selector::Request {
        wipe_consent: args.consent.wipe.clone(),
    };
    let mut selection = selector::select(&spec, &inventory, &request);
    selector::advise(&mut selection, &spec, &inventory, &elsewhere, want);
    if args.config.is_empty() {
        // There is no configuration that could have asked for an installation.
        selection.notes.clear();
    }
    output.print(&selection, |_| selector::render(&selection, &inventory))?;
    let exit = selection.exit();
    // The process ends now; to free what it knows of a thousand disks would take it a tenth of its time.
    std::mem::forget((selection, inventory, others));
    Ok(exit)
}

/// The machines that are recorded in the files of `--also`.
fn others(args: &SelectArgs) -> Result<Vec<(String, Inventory)>, Failure> {
    args.also
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            Ok((name, context::recorded(path)?.inventory))
        })
        .collect()
}
