//! How a command fails: exit code, message, causes, and what to do about it.

mod disks;

use std::error::Error;

use crate::config::ConfigError;
use crate::exit::Exit;
use crate::keys::KeyError;
use crate::partitioner::kdf::TooMuchMemory;
use crate::partitioner::planner::PlanError;

use self::disks::disk_exit;
pub use self::disks::{disk_failure, open_hint};

/// A failed command. Its text never holds key material.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of a file that is wrong, with a caret below the place; only for people at a terminal.
    pub snippet: Option<String>,
}

impl Failure {
    /// A failure without a deeper cause.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            snippet: None,
        }
    }

    /// A failure of the program itself.
    pub fn internal(message: impl Into<String>, source: impl Error) -> Self {
        let failure = Self::new(Exit::Internal, message).because(&source);
        failure.hint("this is a bug in keelblock")
    }

    /// The same with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with one more cause.
    pub fn also(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same with a chain of causes.
    pub fn because(mut self, cause: &dyn Error) -> Self {
        self.causes.extend(chain(Some(cause)));
        self
    }

    /// The failure that `error` is.
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        Self {
            exit,
            message: error.to_string(),
            causes: chain(error.source()),
            hint: None,
            snippet: None,
        }
    }
}

/// An error and what caused it first, in one sentence.
pub fn with_cause(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn chain(first: Option<&dyn Error>) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = first;
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes
}

impl From<ConfigError> for Failure {
    /// One mistake is the message itself; several are its causes.
    fn from(error: ConfigError) -> Self {
        const CHECK: &str =
            "correct it and check it with `keelblock validate`, which touches no disk";
        match error.diagnostics() {
            [only] => {
                let mut message = only.clone();
                let hint = message.hint.take().unwrap_or_else(|| CHECK.to_owned());
                Self::new(Exit::Usage, message.to_string()).hint(hint)
            }
            all => {
                let message = format!("the configuration has {} mistakes", all.len());
                let mut failure = Self::new(Exit::Usage, message).hint(CHECK);
                failure.causes = all.iter().map(ToString::to_string).collect();
                failure
            }
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::of(key_exit(&error), &error).hint(error.hint())
    }
}

const fn key_exit(error: &KeyError) -> Exit {
    match error {
        KeyError::Unsupported { .. } | KeyError::LockToState { .. } | KeyError::NoUuid { .. } => {
            Exit::Usage
        }
        KeyError::WeakUuid { .. } => Exit::Refused,
    }
}

impl From<TooMuchMemory> for Failure {
    fn from(error: TooMuchMemory) -> Self {
        Self::of(Exit::Refused, &error).hint("free some memory, or plan with less: --kdf-memory")
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit, hint) = match &error {
            PlanError::Disk { source, .. } => disk_exit(source),
            PlanError::Key(key) => (key_exit(key), key.hint().to_owned()),
            PlanError::UnknownDisk(_) => {
                (Exit::Internal, String::from("this is a bug in keelblock"))
            }
        };
        Self::of(exit, &error).hint(hint)
    }
}
