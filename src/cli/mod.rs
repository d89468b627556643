//! The command line: one file per command; arguments in, a stage called, a type printed.

mod age_keys;
mod apply;
mod args;
mod ask;
mod check;
mod consent;
mod context;
mod demo;
mod diff;
mod doctor;
mod error;
mod expiry;
mod files;
mod image;
mod inspect;
mod install;
mod kdf;
mod lock;
mod mappings;
mod nics;
mod output;
mod picture;
mod plan;
mod probe;
mod progress;
mod render;
mod repair;
pub mod repository;
mod rescue;
mod reset;
mod schema;
mod select;
mod snapshot;
mod table;
mod talconfig;
mod targets;
mod trace;
mod tune;
mod unlock;
mod validate;
mod wait;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::args::{Cli, Command, Format};
use crate::cli::output::Output;
use crate::exit::Exit;
use crate::{sys, telemetry};

pub use crate::cli::error::Failure;
#[cfg(feature = "schemas")]
pub use crate::cli::schema::json_schemas;

/// Parses the command line, runs the command and prints what came of it.
pub fn run() -> ExitCode {
    if let Some(code) = install::by_name(std::env::args_os()) {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // It has exit codes of its own, and hands over before anything is changed.
    if let Command::Install(args) = &cli.command {
        return install::run(&cli.global, args);
    }
    let ended = AtomicBool::new(false);
    let exit = telemetry::guarded(|| {
        let exit = guarded(&cli);
        ended.store(true, Ordering::Relaxed);
        exit
    });
    if !ended.load(Ordering::Relaxed) {
        // The panic hook has told people; scripts read the last line of standard output.
        let failure = Failure::new(Exit::Internal, "internal error");
        Output::new(cli.global.format).fail_for_machines(&failure);
    }
    ExitCode::from(exit.code())
}

fn guarded(cli: &Cli) -> Exit {
    let mut output = Output::new(cli.global.format);
    prepare(&cli.global, sys::memory::forbid_core_dumps)
        .and_then(|()| dispatch(cli, &mut output))
        .unwrap_or_else(|failure| output.fail(&failure))
}

/// Sets up the log, and keeps secrets out of core dumps and swap before any is read.
fn prepare(
    global: &args::Global,
    forbid_core_dumps: fn() -> std::io::Result<()>,
) -> Result<(), Failure> {
    let verbosity = i8::try_from(global.verbose).unwrap_or(i8::MAX);
    telemetry::init(telemetry::Options {
        verbosity,
        ..telemetry::Options::default()
    })
    .map_err(|error| {
        let failure = Failure::new(Exit::Usage, "the log cannot be set up").because(&error);
        failure.hint("unset KEELBLOCK_LOG, or set it to a level such as debug")
    })?;
    sys::signals::report_file_size_limit()
        .map_err(|error| Failure::internal("a signal cannot be ignored", error))?;
    forbid_core_dumps()
        .map_err(|error| Failure::internal("core dumps cannot be switched off", error))?;
    if let Err(error) = sys::memory::lock_memory() {
        tracing::debug!(%error, "memory is not locked against swapping");
    }
    Ok(())
}

fn dispatch(cli: &Cli, output: &mut Output) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Probe => probe::run(&cli.global, output),
        Command::Snapshot(args) => snapshot::run(&cli.global, args, output),
        Command::Select(args) => select::run(&cli.global, args, output),
        Command::Plan(args) => plan::run(&cli.global, args, output),
        Command::Apply(args) => apply::run(&cli.global, args, output),
        Command::Inspect(args) => inspect::run(&cli.global, args, output),
        Command::Unlock(args) => unlock::run(&cli.global, args, output),
        Command::Lock(args) => lock::run(&cli.global, args, output),
        Command::Rescue(args) => rescue::run(&cli.global, args, output),
        Command::Repair(args) => repair::run(&cli.global, args, output),
        Command::Reset(args) => reset::run(&cli.global, args, output),
        Command::Tune(args) => tune::run(&cli.global, args, output),
        Command::Install(_) => Err(Failure::new(Exit::Internal, "`install` has ended already")),
        Command::Render(args) => render::run(args, output),
        Command::Validate(args) => validate::run(&cli.global, args, output),
        Command::Check(args) => check::run(&cli.global, args, output),
        Command::Diff(args) => diff::run(&cli.global, args, output),
        Command::Doctor(args) => doctor::run(&cli.global, args, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Demo(args) => demo::run(&cli.global, args, output),
    }
}

/// clap prints its own help and errors; the exit code is ours, and the last line of output in JSON mode.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        let exit = match printed {
            // A closed pipe is the reader's choice.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let failure = output::unwritten(&error).hint("check where it goes");
                Output::new(Format::Text).fail(&failure)
            }
            _ => Exit::Done,
        };
        return ExitCode::from(exit.code());
    }
    let text = error.render().to_string();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing",
        _ => text.split("\n\n").next().unwrap_or_default(),
    };
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let failure = Failure::new(Exit::Usage, message).hint("`keelblock --help` shows what there is");
    Output::new(typed_format(std::env::args_os())).fail_for_machines(&failure);
    ExitCode::from(Exit::Usage.code())
}

/// The format that was asked for on a command line that is wrong somewhere.
fn typed_format(arguments: impl Iterator<Item = OsString>) -> Format {
    let words: Vec<OsString> = arguments.collect();
    let json = words.iter().any(|word| word == "--format=json")
        || words
            .windows(2)
            .any(|pair| pair[0] == "--format" && pair[1] == "json");
    if json { Format::Json } else { Format::Text }
}
