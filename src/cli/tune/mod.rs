//! `keelblock tune`.

mod trim;

use clap::{Args, Subcommand};

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;
use trim::TrimArgs;

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<TuneCommand>,
}

/// What `tune` can be asked for by name.
#[derive(Debug, Subcommand)]
pub enum TuneCommand {
    /// Find out whether a disk's TRIM does what it says, on free space or in a new file
    TrimTest(TrimArgs),
}

pub fn run(global: &Global, args: &TuneArgs, output: &mut Output) -> Result<Exit, Failure> {
    match &args.command {
        Some(TuneCommand::TrimTest(args)) => trim::run(global, args, output),
        None => Err(Failure::new(Exit::Usage, "there is nothing to tune")
            .hint("`keelblock tune --help` shows what there is")),
    }
}
