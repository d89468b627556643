//! All kinds of findings, by family: the first digit of the code.

pub mod disks;
pub mod encryption;
pub mod kernel;
pub mod network;
pub mod reading;
pub mod repository;
pub mod validation;
pub mod volumes;

use super::rule::{Level, Rule};

/// The families in the order of their codes.
pub(super) static FAMILIES: [&[&Rule]; 8] = [
    &reading::ALL,
    &repository::ALL,
    &disks::ALL,
    &encryption::ALL,
    &volumes::ALL,
    &kernel::ALL,
    &network::ALL,
    &validation::ALL,
];

/// A rule, in the order in which it reads best.
const fn rule(
    code: &'static str,
    level: Level,
    title: &'static str,
    [cause, fix, example]: [&'static str; 3],
) -> Rule {
    Rule {
        code,
        level,
        title,
        cause,
        fix,
        example,
    }
}
