//! `keelblock unlock`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `unlock`.
#[derive(Debug, clap::Args)]
pub struct UnlockArgs {}

pub fn run(_global: &Global, _args: &UnlockArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`unlock` is being built"))
}
