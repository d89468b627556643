//! `keelblock tune`: what disks and dirty memory are set to.

mod lint;

use clap::{Args, Subcommand};

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `tune`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct TuneArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<TuneCommand>,
}

/// What can be done with the tuning.
#[derive(Debug, Subcommand)]
pub enum TuneCommand {
    /// Find rules and settings in files that do nothing, do harm or undo each other
    Lint(lint::LintArgs),
}

pub fn run(_global: &Global, args: &TuneArgs, output: &mut Output) -> Result<Exit, Failure> {
    match &args.command {
        Some(TuneCommand::Lint(args)) => lint::run(args, output),
        None => Err(Failure::new(Exit::Usage, "what to tune is missing")
            .hint("`keelblock tune --help` shows what there is")),
    }
}
