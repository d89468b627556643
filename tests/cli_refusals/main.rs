//! Bad input through the program: the exit code, a message that says what to do, and a target that stays as it was.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "../support/cli.rs"]
mod cli;
#[path = "../support/loops.rs"]
mod loops;

mod configs;
mod devices;
mod disks;
mod images;
mod interrupted;
mod plans;
mod programs;
mod usage;
