//! Exit codes that scripts can trust.

use std::process::{ExitCode, Termination};

/// How a run ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or already converged.
    Done = 0,
    /// A bug in keelblock.
    Internal = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// No disk is eligible.
    NoDisk = 3,
    /// Refused: ambiguous, in use, boot medium, foreign data, changed since planned, not confirmed.
    Refused = 4,
    /// Reading or writing failed; the journal is kept.
    Io = 5,
    /// Drift, or what was read back is not what was written.
    Drift = 6,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let codes = [
            Exit::Done,
            Exit::Internal,
            Exit::Usage,
            Exit::NoDisk,
            Exit::Refused,
            Exit::Io,
            Exit::Drift,
        ];
        assert_eq!(codes.map(Exit::code), [0, 1, 2, 3, 4, 5, 6]);
    }
}
