//! Standard output carries data only; errors go to standard error, in JSON mode also as the last line of output.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::error::Failure;
use crate::exit::Exit;

/// Where results go.
#[derive(Debug)]
pub struct Output {
    format: Format,
    /// Whether to use colour: only on a terminal, and not if NO_COLOR is set.
    pub colour: bool,
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    schema: &'static str,
    exit: u8,
    error: &'a str,
    causes: &'a [String],
    hint: Option<&'a str>,
}

impl Output {
    /// As the command line says.
    pub fn new(format: Format) -> Self {
        let colour =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { format, colour }
    }

    /// Prints a result: `value` for machines, `text` for people.
    ///
    /// # Errors
    /// Exit 5 if standard output cannot be written; a closed pipe is no error.
    pub fn print(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce(bool) -> String,
    ) -> Result<(), Failure> {
        let body = match self.format {
            Format::Text => text(self.colour),
            Format::Json => {
                let json = serde_json::to_string_pretty(value);
                json.map_err(|error| {
                    Failure::internal("the result cannot be written as JSON", error)
                })? + "\n"
            }
        };
        write_out(&body)
    }

    /// Prints text in text mode only.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Text {
            write_out(text)
        } else {
            Ok(())
        }
    }

    /// Prints a failure.
    pub fn fail(&mut self, failure: &Failure) -> Exit {
        let mut err = io::stderr().lock();
        // If standard error is gone, there is nobody left to tell.
        drop(writeln!(err, "error: {}", failure.message));
        for line in failure.snippet.iter().flat_map(|snippet| snippet.lines()) {
            drop(writeln!(err, "  {line}"));
        }
        for cause in &failure.causes {
            drop(writeln!(err, "  cause: {cause}"));
        }
        if let Some(hint) = &failure.hint {
            drop(writeln!(err, "  hint:  {hint}"));
        }
        self.fail_for_machines(failure);
        failure.exit
    }

    /// Prints a failure as the last line of output in JSON mode, and nothing in text mode.
    pub fn fail_for_machines(&self, failure: &Failure) {
        if self.format == Format::Json {
            let document = ErrorDocument {
                schema: "keelblock/error/v1",
                exit: failure.exit.code(),
                error: &failure.message,
                causes: &failure.causes,
                hint: failure.hint.as_deref(),
            };
            let line = serde_json::to_string(&document).unwrap_or_default();
            drop(write_out(&format!("{line}\n")));
        }
    }
}

fn write_out(body: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(body.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let failure = Failure::new(Exit::Io, "standard output cannot be written");
            Err(failure
                .because(&error)
                .hint("what the command did is done; check where its output goes"))
        }
    }
}
