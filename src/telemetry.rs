//! The log: where it goes, what passes, how it looks. And what a panic says.
//!
//! Owns the process-wide `tracing` subscriber and the panic hook. Never writes to stdout, which is for data.
//! `JOURNAL_STREAM` is specified in systemd.exec(5), `NO_COLOR` at <https://no-color.org>.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

use crate::exit::Exit;

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

/// Whether stderr ends in a line that is to be drawn over.
static LINE: AtomicBool = AtomicBool::new(false);

/// Draws `text` over the last line of stderr, without ending it; the next line of the log takes its place.
pub fn draw_line(text: &str) {
    let mut stderr = io::stderr().lock();
    LINE.store(true, Ordering::Relaxed);
    // Nothing is left to tell it to if stderr is gone.
    drop(write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()));
}

/// Takes away what [`draw_line`] drew.
pub fn clear_line() {
    drop(clear(&mut io::stderr().lock()));
}

fn clear(stderr: &mut impl Write) -> io::Result<()> {
    if LINE.swap(false, Ordering::Relaxed) {
        stderr.write_all(b"\r\x1b[K")?;
    }
    Ok(())
}

/// stderr without the line that is drawn over.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        clear(&mut stderr)?;
        stderr.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
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
mod tests {
    use super::*;
    use tracing::Level;

    const JOURNAL: Stream = Stream {
        device: 9,
        inode: 4711,
    };

    const PIPE: Sink = Sink::Stderr {
        ansi: false,
        clock: true,
    };

    #[test]
    fn steps_go_where_no_line_shows_them_and_failures_where_no_error_says_them() {
        let journal = Sink::Journal { required: false };
        let terminal = Sink::Stderr {
            ansi: true,
            clock: false,
        };
        for (sink, verbosity, steps, failures) in [
            (journal, 0, true, true),
            (PIPE, 0, true, false),
            (terminal, 0, false, false),
            (terminal, 1, true, false),
            (journal, -1, false, true),
        ] {
            let options = Options {
                verbosity,
                ..Options::default()
            };
            let targets = filter(options, None, sink).unwrap();
            let passes = |target, level| targets.would_enable(target, &level);
            assert_eq!(passes(STEP, Level::INFO), steps, "{sink:?} {verbosity}");
            assert_eq!(
                passes(FAILURE, Level::ERROR),
                failures,
                "{sink:?} {verbosity}"
            );
        }
    }

    fn terminal() -> Surroundings {
        Surroundings {
            terminal: true,
            ..Surroundings::default()
        }
    }

    fn ansi(options: Options, surroundings: &Surroundings) -> bool {
        matches!(sink(options, surroundings), Sink::Stderr { ansi: true, .. })
    }

    #[test]
    fn colour_needs_a_terminal_that_has_not_declined_it() {
        let with = |change: fn(&mut Surroundings)| {
            let mut surroundings = terminal();
            change(&mut surroundings);
            surroundings
        };
        let auto = Options::default();
        assert!(ansi(auto, &terminal()));
        assert!(!ansi(auto, &with(|it| it.terminal = false)));
        assert!(!ansi(auto, &with(|it| it.no_color = true)));
        assert!(!ansi(auto, &with(|it| it.dumb_terminal = true)));
    }

    #[test]
    fn the_command_line_outranks_the_terminal_about_colour() {
        let colour = |colour| Options {
            colour,
            ..Options::default()
        };
        let declined = Surroundings {
            no_color: true,
            ..Surroundings::default()
        };
        assert!(ansi(colour(Colour::Always), &declined));
        assert!(!ansi(colour(Colour::Never), &terminal()));
    }

    #[test]
    fn a_person_sees_no_clock_and_a_file_gets_one() {
        let clock = |surroundings| match sink(Options::default(), &surroundings) {
            Sink::Stderr { clock, .. } => clock,
            Sink::Journal { .. } => panic!("there is no journal here"),
        };
        assert!(!clock(terminal()));
        assert!(clock(Surroundings::default()));
    }

    #[test]
    fn the_journal_is_used_only_if_stderr_is_the_stream_it_names() {
        let cases = [
            (Some("9:4711"), Some(JOURNAL), true),
            (Some("9:4712"), Some(JOURNAL), false),
            (Some("8:4711"), Some(JOURNAL), false),
            (Some("9:4711"), None, false),
            (None, Some(JOURNAL), false),
            (Some(""), Some(JOURNAL), false),
            (Some("9"), Some(JOURNAL), false),
            (Some("9:4711:1"), Some(JOURNAL), false),
            (Some("-9:4711"), Some(JOURNAL), false),
            (Some("99999999999999999999:4711"), Some(JOURNAL), false),
        ];
        for (stream, stderr, journal) in cases {
            let surroundings = Surroundings {
                journal_stream: stream.map(str::to_owned),
                stderr,
                ..Surroundings::default()
            };
            let chosen = sink(Options::default(), &surroundings);
            let expected = Sink::Journal { required: false };
            assert_eq!(chosen == expected, journal, "{stream:?} {stderr:?}");
        }
    }

    #[test]
    fn a_journal_that_was_asked_for_is_required() {
        let asked = Options {
            journal: true,
            ..Options::default()
        };
        assert_eq!(sink(asked, &terminal()), Sink::Journal { required: true });
    }

    #[test]
    fn verbosity_moves_the_own_level_and_never_floods_with_dependencies() {
        let cases = [
            (-3, None, None),
            (-1, Some(Level::ERROR), Some(Level::ERROR)),
            (0, Some(Level::INFO), Some(Level::WARN)),
            (1, Some(Level::DEBUG), Some(Level::WARN)),
            (9, Some(Level::TRACE), Some(Level::WARN)),
        ];
        for (verbosity, own, others) in cases {
            let options = Options {
                verbosity,
                ..Options::default()
            };
            let targets = filter(options, None, PIPE).unwrap();
            assert_eq!(loudest(&targets, "keelblock::probe"), own, "{verbosity}");
            assert_eq!(loudest(&targets, "cel"), others, "{verbosity}");
        }
    }

    fn loudest(targets: &Targets, target: &str) -> Option<Level> {
        let levels = [
            Level::TRACE,
            Level::DEBUG,
            Level::INFO,
            Level::WARN,
            Level::ERROR,
        ];
        let passes = |level: &Level| targets.would_enable(target, level);
        levels.into_iter().find(passes)
    }

    #[test]
    fn the_variable_replaces_the_verbosity() {
        let targets = filter(
            Options::default(),
            Some("keelblock::probe=trace,error"),
            PIPE,
        )
        .unwrap();
        assert_eq!(loudest(&targets, "keelblock::probe"), Some(Level::TRACE));
        assert_eq!(loudest(&targets, "keelblock::plan"), Some(Level::ERROR));
        let blank = filter(Options::default(), Some("  "), PIPE).unwrap();
        assert_eq!(loudest(&blank, "keelblock"), Some(Level::INFO));
    }

    #[test]
    fn a_filter_that_is_none_is_an_error_that_quotes_it() {
        let error = filter(Options::default(), Some("keelblock=loud"), PIPE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "KEELBLOCK_LOG is not a log filter: 'keelblock=loud'"
        );
    }

    #[test]
    fn a_panic_ends_as_an_internal_error() {
        let exit = guarded(|| panic!("a bug"));
        assert_eq!(exit, Exit::Internal);
        assert_eq!(guarded(|| Exit::Refused), Exit::Refused);
    }

    #[test]
    fn a_panic_says_where_and_whose_fault() {
        assert_eq!(
            panic_message(Some("src/plan.rs:3:5")),
            "error: internal error at src/plan.rs:3:5\n  hint:  this is a bug in keelblock"
        );
        assert!(panic_message(None).contains("an unknown place"));
    }
}
