//! The tuner: what a machine with USB SSDs should be set to, and setting it.
//!
//! ```text
//!  profiles + config ──desired──▶ wishes in order ──apply──▶ report, receipt
//! ```
//! [`profile`], [`desired`], [`order`], [`value`] and [`export`] are pure; [`apply`] writes through [`machine::Kernel`].
//! [`trim`] finds out whether a drive's TRIM can be believed, [`watch`] follows the kernel,
//! [`lint`] and [`blame`] read other people's rules. `udev-rules/` and `sysctl.d/` ship what [`export`] makes of the profiles, for systems without the agent;
//! `tests/shipped_files.rs` holds them together. Names and values are those of the kernel's
//! `Documentation/ABI/stable/sysfs-block` and `Documentation/admin-guide/sysctl/vm.rst`.
//!
//! Never sets what repeats a default, and never trades away durability.

pub mod apply;
pub mod blame;
pub mod desired;
pub mod disk;
pub mod export;
pub mod knobs;
pub mod lint;
pub mod machine;
pub mod order;
pub mod parameter;
pub mod profile;
pub mod quirks;
pub mod receipt;
pub mod report;
pub mod ruled;
pub mod rules;
pub mod sysctl_file;
pub mod trim;
pub mod value;
pub mod watch;
