//! Questions to a person at a terminal: plain lines on standard error, answers from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::args::{Format, Global};

/// Whether somebody is there to answer: standard input and output are both terminals, and the output is text.
pub fn somebody(global: &Global) -> bool {
    global.format == Format::Text && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Asks for a line; `None` at the end of input, or if it cannot be read.
pub fn line(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    // If standard error is gone, there is nobody left to answer either.
    drop(write!(err, "{question} ").and_then(|()| err.flush()));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(answer.trim().to_owned()),
    }
}

/// Asks for a yes; everything else is a no.
pub fn confirm(question: &str) -> bool {
    let answer = line(&format!("{question} [y/N]"));
    answer.is_some_and(|answer| matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}
