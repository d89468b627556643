//! The log: where it goes, what passes, how it looks. And what a panic says.
//!
//! Owns the process-wide `tracing` subscriber and the panic hook. Never writes to stdout, which is for data.
//! `JOURNAL_STREAM` is specified in systemd.exec(5), `NO_COLOR` at <https://no-color.org>.

mod terminal;

use std::env;
use std::io::{self, IsTerminal, Write as _};
use std::panic::{self, PanicHookInfo, UnwindSafe};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

use self::terminal::Stderr;
use crate::exit::Exit;

pub use self::terminal::{clear_line, draw_line};

/// The variable that replaces the filter, such as `debug` or `keelblock::probe=trace,warn`.
pub const FILTER_VARIABLE: &str = "KEELBLOCK_LOG";

/// Target of the events that tell each step of an apply. On a terminal they pass from `-v` on: there is a line that
/// shows them as they are done.
pub const STEP: &str = "keelblock::step";
/// Target of the event that tells how a step failed. It is for the journal, with its fields: on stderr the error of
/// the command says the same.
pub const FAILURE: &str = "keelblock::failure";

/// What the fields of the log are called in the journal: `disk` is `KEELBLOCK_DISK`.
const FIELD_PREFIX: &str = "KEELBLOCK";

/// What the command line says about the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How often `-v` was given, less how often `-q` was.
    pub verbosity: i8,
    /// When to colour.
    pub colour: Colour,
    /// Log to the journal even if stderr is not connected to it.
    pub journal: bool,
}

/// When to colour the log on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `KEELBLOCK_LOG` is not a list of `target=level`.
    #[error("{FILTER_VARIABLE} is not a log filter: '{filter}'")]
    Filter {
        /// What it holds.
        filter: String,
        /// Which part was not understood.
        source: ParseError,
    },
    /// The journal was asked for and its socket does not answer.
    #[error("no journal to log to")]
    Journal(#[source] io::Error),
    /// The process has a log already.
    #[error("the log was set up twice")]
    Twice(#[source] TryInitError),
}

/// What of the process' surroundings decides about the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Surroundings {
    filter: Option<String>,
    no_color: bool,
    dumb_terminal: bool,
    terminal: bool,
    journal_stream: Option<String>,
    stderr: Option<Stream>,
}

/// Device and inode of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    device: u64,
    inode: u64,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// stderr; without a clock when a person watches.
    Stderr { ansi: bool, clock: bool },
    /// The journal; if it must be and is not there, that is an error, else stderr takes over.
    Journal { required: bool },
}

impl Surroundings {
    fn current() -> Self {
        let stderr = io::stderr();
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            filter: env::var(FILTER_VARIABLE).ok(),
            no_color: set("NO_COLOR"),
            dumb_terminal: env::var_os("TERM").is_some_and(|term| term == "dumb"),
            terminal: stderr.is_terminal(),
            journal_stream: env::var("JOURNAL_STREAM").ok(),
            stderr: nix::sys::stat::fstat(&stderr).ok().map(|stat| Stream {
                device: stat.st_dev,
                inode: stat.st_ino,
            }),
        }
    }

    fn stderr_is_the_journal(&self) -> bool {
        let Some(named) = self.journal_stream.as_deref().and_then(Stream::parse) else {
            return false;
        };
        self.stderr == Some(named)
    }
}

impl Stream {
    /// Reads `device:inode`, both decimal.
    fn parse(text: &str) -> Option<Self> {
        let (device, inode) = text.split_once(':')?;
        Some(Self {
            device: device.parse().ok()?,
            inode: inode.parse().ok()?,
        })
    }
}

/// Installs the log and the panic hook for the whole process. Call once, first.
///
/// Without the journal, or if it is not required and does not answer, the log goes to stderr.
pub fn init(options: Options) -> Result<(), TelemetryError> {
    panic::set_hook(Box::new(report_panic));
    let surroundings = Surroundings::current();
    let sink = sink(options, &surroundings);
    let filter = filter(options, surroundings.filter.as_deref(), sink)?;
    let layer = match sink {
        Sink::Stderr { ansi, clock } => stderr_layer(ansi, clock),
        Sink::Journal { required } => match tracing_journald::layer() {
            Ok(layer) => layer
                .with_field_prefix(Some(FIELD_PREFIX.to_owned()))
                .with_syslog_identifier(env!("CARGO_PKG_NAME").to_owned())
                .boxed(),
            Err(source) if required => return Err(TelemetryError::Journal(source)),
            Err(_) => stderr_layer(false, true),
        },
    };
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    subscriber.try_init().map_err(TelemetryError::Twice)
}

/// Runs the program so that a bug ends as [`Exit::Internal`] and not with the number of a Rust panic.
pub fn guarded(run: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    panic::catch_unwind(run).unwrap_or(Exit::Internal)
}

fn filter(options: Options, wanted: Option<&str>, sink: Sink) -> Result<Targets, TelemetryError> {
    if let Some(wanted) = wanted.filter(|text| !text.trim().is_empty()) {
        return wanted.parse().map_err(|source| TelemetryError::Filter {
            filter: wanted.to_owned(),
            source,
        });
    }
    let own = match options.verbosity {
        ..=-2 => LevelFilter::OFF,
        -1 => LevelFilter::ERROR,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2.. => LevelFilter::TRACE,
    };
    let others = own.min(LevelFilter::WARN);
    let (steps, failures) = match sink {
        Sink::Journal { .. } => (own, own),
        Sink::Stderr { clock: true, .. } => (own, LevelFilter::OFF),
        Sink::Stderr { clock: false, .. } if options.verbosity > 0 => (own, LevelFilter::OFF),
        Sink::Stderr { .. } => (others, LevelFilter::OFF),
    };
    Ok(Targets::new()
        .with_default(others)
        .with_target(env!("CARGO_CRATE_NAME"), own)
        .with_target(STEP, steps)
        .with_target(FAILURE, failures))
}

fn sink(options: Options, surroundings: &Surroundings) -> Sink {
    if options.journal || surroundings.stderr_is_the_journal() {
        return Sink::Journal {
            required: options.journal,
        };
    }
    let ansi = match options.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            surroundings.terminal && !surroundings.no_color && !surroundings.dumb_terminal
        }
    };
    Sink::Stderr {
        ansi,
        clock: !surroundings.terminal,
    }
}

fn stderr_layer(ansi: bool, clock: bool) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = fmt::layer()
        .with_writer(|| Stderr)
        .with_ansi(ansi)
        .with_target(false)
        .compact();
    if clock {
        layer.boxed()
    } else {
        layer.without_time().boxed()
    }
}

/// Says where, never what: a panic's message may quote a value, and a value may be a key.
fn report_panic(info: &PanicHookInfo<'_>) {
    let trace = std::backtrace::Backtrace::capture();
    let message = panic_message(info.location().map(ToString::to_string).as_deref());
    let mut stderr = io::stderr().lock();
    // Nothing is left to tell it to if stderr is gone.
    drop(writeln!(stderr, "{message}"));
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        drop(writeln!(stderr, "{trace}"));
    }
}

fn panic_message(location: Option<&str>) -> String {
    let place = location.unwrap_or("an unknown place");
    format!("error: internal error at {place}\n  hint:  this is a bug in keelblock")
}

#[cfg(test)]
mod tests;
