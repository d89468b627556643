//! cryptsetup and blkid judge the volumes that keelblock seals, and keelblock reads and unlocks those that
//! cryptsetup makes. Everything happens in image files, without root and without device-mapper.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that works on image files and runs the judges"
)]

mod sealed;
mod theirs;
mod verdicts;
mod volume;
