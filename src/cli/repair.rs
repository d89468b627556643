//! `keelblock repair`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `repair`.
#[derive(Debug, clap::Args)]
pub struct RepairArgs {}

pub fn run(_global: &Global, _args: &RepairArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`repair` is being built"))
}
