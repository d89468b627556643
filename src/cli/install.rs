//! `keelblock install`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `install`.
#[derive(Debug, clap::Args)]
pub struct InstallArgs {}

pub fn run(_global: &Global, _args: &InstallArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`install` is being built"))
}
