//! `keelblock reset`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `reset`.
#[derive(Debug, clap::Args)]
pub struct ResetArgs {}

pub fn run(_global: &Global, _args: &ResetArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`reset` is being built"))
}
