//! What several test programs share.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each test program uses its part; tests read examples"
)]

pub mod cuts;
pub mod lab;
pub mod reset_lab;
