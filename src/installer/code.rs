//! Exit codes of the stock installer, which Talos reads from whatever is `/bin/installer`.
//!
//! Spec: `pkg/installer/exitcode` of Talos 1.14. Older Talos only tells zero from others.

use crate::exec::ExecError;
use crate::exit::Exit;
use crate::keys::KeyError;

/// Why there is no installed system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// A bug.
    Unknown = 1,
    /// Arguments or configuration are wrong.
    InvalidInput = 2,
    /// The configuration wants something that is not implemented.
    Unsupported = 3,
    /// The machine is not as it has to be: the disk, its content, memory.
    Environment = 4,
    /// A program that is needed is missing.
    Dependency = 5,
    /// Reading or writing failed.
    Io = 6,
    /// The disk is laid out, but not finished.
    Install = 7,
}

impl Code {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for Code {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Usage => Self::InvalidInput,
            Exit::NoDisk | Exit::Refused => Self::Environment,
            Exit::Io | Exit::Drift => Self::Io,
            Exit::Done | Exit::Internal => Self::Unknown,
        }
    }
}

impl From<&KeyError> for Code {
    fn from(error: &KeyError) -> Self {
        match error {
            KeyError::Unsupported { .. } | KeyError::LockToState { .. } => Self::Unsupported,
            KeyError::NoUuid { .. } | KeyError::WeakUuid { .. } => Self::Environment,
        }
    }
}

impl From<&ExecError> for Code {
    fn from(error: &ExecError) -> Self {
        match error {
            ExecError::Missing { .. } => Self::Dependency,
            ExecError::Start { .. } | ExecError::Failed { .. } | ExecError::TooMuch { .. } => {
                Self::Environment
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_talos() {
        let codes = [
            Code::Unknown,
            Code::InvalidInput,
            Code::Unsupported,
            Code::Environment,
            Code::Dependency,
            Code::Io,
            Code::Install,
        ];
        assert_eq!(codes.map(Code::number), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn every_exit_has_a_code_that_is_no_success() {
        for (exit, code) in [
            (Exit::Done, 1),
            (Exit::Internal, 1),
            (Exit::Usage, 2),
            (Exit::NoDisk, 4),
            (Exit::Refused, 4),
            (Exit::Io, 6),
            (Exit::Drift, 6),
        ] {
            assert_eq!(Code::from(exit).number(), code, "{exit:?}");
        }
    }
}
