//! keelblock decides which disk of a Talos Linux node to use, says why, lays it out and seals it.
//!
//! ```text
//!  files ──parse──▶ Spec ─────────┬───────────────┐
//!  machine ─probe─▶ Inventory ─select─▶ Selection ─plan─▶ Plan ─apply─▶ Receipt
//!                                                           (writes)
//! ```
//! Every arrow but `probe` and `apply` is a pure function, and every type in the picture but `Spec`
//! (which holds passphrases) is plain data that its own command prints.

pub mod apply;
mod bounded;
pub mod cli;
pub mod clock;
pub mod config;
pub mod diff;
pub mod doctor;
pub mod entropy;
pub mod exec;
pub mod exit;
pub mod fleet;
pub mod guid;
pub mod hex;
pub mod inspect;
pub mod installer;
pub mod keys;
pub mod lint;
pub mod mapper;
pub mod network;
pub mod notify;
pub mod partitioner;
pub mod picture;
pub mod plan;
pub mod printable;
pub mod probe;
pub mod repair;
pub mod rescue;
pub mod root;
pub mod schemas;
pub mod secret;
pub mod selector;
pub mod snapshot;
pub mod sys;
pub mod target;
pub mod telemetry;
pub mod timestamp;
pub mod tuner;
pub mod units;
