//! Runs the program that this one stands in for: in its own place, or as a child that is fed and gets every signal.
//!
//! It finds arguments, environment, standard streams, signal mask and limits as this process found them.
#![expect(
    clippy::disallowed_methods,
    reason = "this module starts the program that this one stands in for"
)]

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use crate::exec::ExecError;
use crate::sys::signals::{self, AsStarted, Held};

/// How a program is started.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// By which name it is called: its argument 0.
    pub name: &'a OsStr,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// What it finds as this process found it.
    pub as_started: AsStarted,
    /// Whether its standard output goes where its errors go, because ours is for data.
    pub quiet: bool,
}

impl Start<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.arg0(self.name).args(self.arguments);
        self.as_started.give_to(&mut command);
        command
    }

    fn failed(&self, source: io::Error) -> ExecError {
        let program = self.program.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => ExecError::Missing { program },
            _ => ExecError::Start { program, source },
        }
    }

    /// Becomes the program. Returns only if that fails.
    pub fn hand_over(&self) -> ExecError {
        self.failed(self.command().exec())
    }

    /// Runs the program with `input` as its standard input, passes on every signal that comes in, and waits for it.
    ///
    /// # Errors
    /// [`ExecError::Missing`] and [`ExecError::Start`].
    pub fn run(&self, input: &[u8], held: &Held) -> Result<Ended, ExecError> {
        let mut command = self.command();
        command.stdin(Stdio::piped());
        if self.quiet {
            command.stdout(io::stderr());
        }
        let mut child = command.spawn().map_err(|source| self.failed(source))?;
        let pipe = child.stdin.take();
        let status = thread::scope(|scope| {
            scope.spawn(move || {
                // A program that ends without reading all of it has its reasons.
                pipe.map(|mut pipe| pipe.write_all(input)).transpose().ok();
            });
            wait(&mut child, held)
        });
        status.map(Ended::of).map_err(|source| self.failed(source))
    }
}

fn wait(child: &mut Child, held: &Held) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if let Some(signal) = held.next()? {
            tracing::info!(%signal, "passing on a signal");
            signals::send(child.id(), signal)?;
        }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(u8),
    /// Because of this signal.
    Signal(u8),
}

impl Ended {
    fn of(status: ExitStatus) -> Self {
        let number = |number: Option<i32>| number.and_then(|number| u8::try_from(number).ok());
        match number(status.signal()) {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(number(status.code()).unwrap_or(u8::MAX)),
        }
    }

    /// The exit code by which a shell, or containerd, would tell of it: 128 and the signal's number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_by_signal_has_the_code_that_shells_give_it() {
        for code in [0, 1, 7, 200, 255] {
            assert_eq!(Ended::Code(code).code(), code);
        }
        assert_eq!(Ended::Signal(15).code(), 143);
    }

    #[test]
    fn a_missing_program_is_named() {
        let start = Start {
            program: Path::new("/nosuch/installer.stock"),
            name: OsStr::new("installer"),
            arguments: &[],
            as_started: AsStarted::now().unwrap(),
            quiet: true,
        };
        let error = start.hand_over();
        assert_eq!(
            error.to_string(),
            "/nosuch/installer.stock is not installed"
        );
    }
}
