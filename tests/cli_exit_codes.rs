//! What a script sees of the command line: the exit code, and a stdout that carries only data.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test runs the program it tests"
)]

use std::env;
use std::ffi::OsString;
use std::process::{Command, Output};

/// Runs `KEELBLOCK_BIN` if it is set, so that the gate can put the shipped static binary here.
fn keelblock(arguments: &[&str]) -> Output {
    let built = || OsString::from(env!("CARGO_BIN_EXE_keelblock"));
    let program = env::var_os("KEELBLOCK_BIN").unwrap_or_else(built);
    Command::new(program).args(arguments).output().unwrap()
}

#[test]
fn a_wrong_command_line_exits_with_2_and_leaves_stdout_empty() {
    for arguments in [&[][..], &["no-such-command"], &["--no-such-option"]] {
        let output = keelblock(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}
