//! How far an apply is: for a person on a terminal, and for the service manager.
//!
//! Sits in front of the journal, which gets every event first. The terminal gets one line that is drawn over, and only
//! for what takes longer than a second; without a terminal there is none, and the log has the steps.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::apply::journal::{Event, Journal};
use crate::cli::table::WIDTH;
use crate::notify::ServiceManager;
use crate::telemetry;

/// What is done sooner is not worth a line.
const WORTH_A_LINE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(250);
/// How long a single step may take before a service manager may take it for hung: discarding or filling a whole disk
/// behind a slow bridge takes minutes.
const STEP_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Passes events on to a journal and shows them.
pub struct Progress {
    journal: Box<dyn Journal>,
    manager: ServiceManager,
    line: Option<Line>,
    steps: usize,
}

impl Progress {
    /// For a plan of so many steps.
    pub fn new(journal: Box<dyn Journal>, steps: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let watched = io::stderr().is_terminal() && !dumb;
        Self {
            journal,
            manager: ServiceManager::current(),
            line: watched.then(Line::start),
            steps,
        }
    }

    fn show(&self, text: &str) {
        self.manager.status(text);
        self.manager.extend_timeout(STEP_TIMEOUT);
        if let Some(line) = &self.line {
            line.show(text);
        }
    }
}

impl Journal for Progress {
    fn record(&mut self, event: &Event<'_>) {
        self.journal.record(event);
        match event {
            Event::Begin { plan, .. } => self.show(&format!("applying plan {plan}")),
            Event::Prepare { disk, .. } => {
                self.show(&format!("making filesystems and keys for {disk}"));
            }
            Event::Step { step, name, .. } => {
                self.show(&format!("step {step} of {}: {name}", self.steps));
            }
            Event::Failed { error, .. } => self.manager.status(error),
            Event::Done { .. } => self.manager.ready("the disks are as planned"),
        }
    }
}

/// The line on the terminal, drawn by a thread of its own, because whoever does the work cannot.
#[derive(Debug)]
struct Line {
    texts: Option<Sender<String>>,
    painter: Option<JoinHandle<()>>,
}

impl Line {
    fn start() -> Self {
        let (texts, shown) = mpsc::channel::<String>();
        // Without the thread there is no line; nothing depends on it.
        let painter = thread::Builder::new().spawn(move || {
            let (mut text, mut since) = (String::new(), Instant::now());
            let mut drawn = String::new();
            loop {
                match shown.recv_timeout(REDRAW) {
                    Ok(next) => {
                        telemetry::clear_line();
                        (text, since) = (next, Instant::now());
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        let now = line(&text, since.elapsed());
                        if since.elapsed() >= WORTH_A_LINE && now != drawn {
                            telemetry::draw_line(&now);
                            drawn = now;
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return telemetry::clear_line(),
                }
            }
        });
        Self {
            texts: Some(texts),
            painter: painter.ok(),
        }
    }

    fn show(&self, text: &str) {
        if let Some(texts) = &self.texts {
            // If the painter is gone, so is the line.
            drop(texts.send(text.to_owned()));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.texts = None;
        if let Some(painter) = self.painter.take() {
            drop(painter.join());
        }
    }
}

/// At most so wide that a terminal does not break it, or drawing over it would leave a part.
fn line(text: &str, elapsed: Duration) -> String {
    let time = format!(", {} s", elapsed.as_secs());
    let room = WIDTH - 1 - time.len();
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(room)
        .collect();
    text + &time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_breaks_and_never_controls_the_terminal() {
        let long = "step 3 of 9: wipe \u{1b}[31mext4 in partition 1 \"a name that goes on and on and on and on\"";
        let line = line(long, Duration::from_secs(12));
        assert!(line.chars().count() < WIDTH, "{line}");
        assert!(
            line.ends_with(", 12 s") && !line.contains('\u{1b}'),
            "{line}"
        );
    }
}
