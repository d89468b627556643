//! A fleet on paper: many configurations and recorded machines, which disk each node would get, what speaks against
//! it, and what changed since another state of the same files.
//!
//! ```text
//! names of files ─layout─▶ nodes ─shard─▶ some of them ─judge, rules─▶ rows and findings ─▶ text, JSON, SARIF, JUnit
//! expect.yaml ─expect─────────┴──────────────┘                          └─compare─ the same of a base
//! ```
//! Pure: walking and reading the folder is the caller's work, so that one node after the other can be read, judged and
//! forgotten. Nothing here opens a path that a file names.

pub(crate) mod codes;
pub mod compare;
pub mod expect;
pub mod finding;
pub mod judge;
pub mod junit;
pub mod layout;
pub mod report;
pub mod rules;
pub mod sarif;
pub mod shard;
pub mod sniff;
