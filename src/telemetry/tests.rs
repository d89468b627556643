//! What passes, where it goes and how it looks.

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
