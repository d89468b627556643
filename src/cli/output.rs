//! Standard output carries data only; errors go to standard error, in JSON mode also as the last line of output.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::error::Failure;
use crate::cli::picture::COLOURS;
use crate::exit::Exit;
use crate::printable::{printable, printable_json, printable_lines};

/// Where results go.
#[derive(Debug)]
pub struct Output {
    format: Format,
    /// Whether to use colour: only on a terminal, and not if NO_COLOR is set.
    pub colour: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct ErrorDocument<'a> {
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
            Format::Json => document(value)?,
            Format::Text | Format::Sarif | Format::Junit => shown(&text(self.colour)),
        };
        write_out(&body)
    }

    /// Prints text in text mode only.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Text {
            write_out(&shown(text))
        } else {
            Ok(())
        }
    }

    /// Prints text to standard error, for when standard output carries a document.
    pub fn aside(&self, text: &str) {
        // If standard error is gone, there is nobody left to tell.
        drop(io::stderr().lock().write_all(shown(text).as_bytes()));
    }

    /// Prints a failure.
    pub fn fail(&mut self, failure: &Failure) -> Exit {
        self.fail_as(failure, failure.exit.code());
        failure.exit
    }

    /// Prints a failure of a command that ends with a code of its own.
    pub fn fail_as(&mut self, failure: &Failure, code: u8) {
        let mut err = io::stderr().lock();
        // If standard error is gone, there is nobody left to tell.
        drop(writeln!(
            err,
            "error: {}",
            printable_lines(&failure.message)
        ));
        for line in failure.snippet.iter().flat_map(|snippet| snippet.lines()) {
            drop(writeln!(err, "  {}", printable(line)));
        }
        for cause in &failure.causes {
            drop(writeln!(err, "  cause: {}", printable_lines(cause)));
        }
        if let Some(hint) = &failure.hint {
            drop(writeln!(err, "  hint:  {}", printable_lines(hint)));
        }
        self.document(failure, code);
    }

    /// Prints a failure as the last line of output in JSON mode, and nothing in text mode.
    pub fn fail_for_machines(&self, failure: &Failure) {
        self.document(failure, failure.exit.code());
    }

    fn document(&self, failure: &Failure, code: u8) {
        if self.format == Format::Json {
            let document = ErrorDocument {
                schema: "keelblock/error/v1",
                exit: code,
                error: &failure.message,
                causes: &failure.causes,
                hint: failure.hint.as_deref(),
            };
            let line = serde_json::to_string(&document).unwrap_or_default();
            drop(write_out(&format!("{}\n", printable_json(&line))));
        }
    }
}

/// A result as a JSON document that a terminal can show, with a newline at its end.
///
/// # Errors
/// Exit 1.
pub fn document(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::internal("the result cannot be written as JSON", error))?;
    Ok(printable_json(&json).into_owned() + "\n")
}

/// Text as a terminal may see it. Only a strip, which escapes its labels itself, may have colours.
fn shown(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let line = |line| match is_strip(line) {
        true => Cow::Borrowed(line),
        false => printable_lines(line),
    };
    lines.map(line).collect()
}

/// Whether nothing but our own colours in this line of a picture would be obeyed by a terminal.
fn is_strip(line: &str) -> bool {
    let mut plain = line.to_owned();
    for colour in COLOURS {
        plain = plain.replace(colour, "");
    }
    line.starts_with('|') && printable_lines(&plain) == plain
}

/// Writes to standard output; a closed pipe is the reader's choice.
///
/// # Errors
/// Exit 5.
pub fn write_out(body: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(body.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            Err(unwritten(&error).hint("what the command did is done; check where its output goes"))
        }
    }
}

/// Standard output took nothing.
pub fn unwritten(error: &io::Error) -> Failure {
    Failure::new(Exit::Io, "standard output cannot be written").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_colours_of_a_strip_reach_a_terminal() {
        let strip = "|\u{1b}[36mSTATE##\u{1b}[0m|....|\n";
        for (text, out) in [
            (strip, strip),
            (
                "label \u{1b}[36mred\u{1b}[0m\n",
                "label \\u{1b}[36mred\\u{1b}[0m\n",
            ),
            (
                "|\u{1b}[36ma\u{1b}]0;x\u{7}|\n",
                "|\\u{1b}[36ma\\u{1b}]0;x\\u{7}|\n",
            ),
            ("plain\n\u{9b}31m", "plain\n\\u{9b}31m"),
        ] {
            assert_eq!(shown(text), out);
        }
    }
}
