//! The command line: one file per command; arguments in, a stage called, a type printed.

mod apply;
mod args;
mod context;
mod demo;
mod error;
mod files;
mod inspect;
mod kdf;
mod output;
mod picture;
mod plan;
mod probe;
mod select;
mod table;
mod targets;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::args::{Cli, Command};
use crate::cli::output::Output;
use crate::exit::Exit;
use crate::{sys, telemetry};

pub use crate::cli::error::Failure;

/// Parses the command line, runs the command and prints what came of it.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let exit = telemetry::guarded(|| guarded(&cli));
    ExitCode::from(exit.code())
}

fn guarded(cli: &Cli) -> Exit {
    let mut output = Output::new(&cli.global);
    prepare(&cli.global)
        .and_then(|()| dispatch(cli, &mut output))
        .unwrap_or_else(|failure| output.fail(&failure))
}

/// Sets up the log, and keeps secrets out of core dumps and swap before any is read.
fn prepare(global: &args::Global) -> Result<(), Failure> {
    let verbosity = i8::try_from(global.verbose).unwrap_or(i8::MAX);
    telemetry::init(telemetry::Options {
        verbosity,
        ..telemetry::Options::default()
    })
    .map_err(|error| Failure::new(Exit::Usage, "the log cannot be set up").because(&error))?;
    sys::memory::forbid_core_dumps()
        .map_err(|error| Failure::internal("core dumps cannot be switched off", error))?;
    if let Err(error) = sys::memory::lock_memory() {
        tracing::debug!(%error, "memory is not locked against swapping");
    }
    Ok(())
}

fn dispatch(cli: &Cli, output: &mut Output) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Probe => probe::run(&cli.global, output),
        Command::Select(args) => select::run(&cli.global, args, output),
        Command::Plan(args) => plan::run(&cli.global, args, output),
        Command::Apply(args) => apply::run(&cli.global, args, output),
        Command::Inspect(args) => inspect::run(&cli.global, args, output),
        Command::Validate(args) => validate::run(args, output),
        Command::Demo(args) => demo::run(&cli.global, args, output),
    }
}

/// clap prints its own help and errors; only the exit code is ours.
fn usage(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    };
    // A closed pipe is the reader's choice.
    drop(error.print());
    ExitCode::from(exit.code())
}
