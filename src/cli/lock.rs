//! `keelblock lock`.

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::exit::Exit;

/// Arguments of `lock`.
#[derive(Debug, clap::Args)]
pub struct LockArgs {}

pub fn run(_global: &Global, _args: &LockArgs, _output: &mut Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "`lock` is being built"))
}
