//! `keelblock rescue`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `rescue`.
#[derive(Debug, clap::Args)]
pub struct RescueArgs {}

pub fn run(_global: &Global, _args: &RescueArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`rescue` is being built"))
}
