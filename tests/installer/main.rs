//! keelblock in the place of Talos' installer, around a stand-in for the stock one (`stock`), on loop devices.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "../support/cli.rs"]
mod cli;
#[path = "../support/talos.rs"]
mod talos;

mod bench;
mod image;
mod passing;
mod refusing;
mod sealing;
