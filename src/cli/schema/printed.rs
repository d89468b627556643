//! The schemas of what commands print that no other part of the program knows. Only in test builds.

use serde_json::Value;

use crate::cli::{output, render, snapshot, tune, validate};
use crate::schemas::make::printed;

/// By name.
pub fn json_schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("error", printed::<output::ErrorDocument<'static>>()),
        ("lint", printed::<validate::Report>()),
        ("lint-codes", printed::<validate::explain::Codes>()),
        ("rendered", printed::<render::Report>()),
        ("schemas", printed::<super::List>()),
        ("snapshot-report", printed::<snapshot::Report>()),
        ("trim-test", printed::<tune::trim::Report>()),
        ("tune-export", printed::<tune::export::Exported<'static>>()),
        ("tune-lint", printed::<tune::lint::Report>()),
        ("tune-lint-codes", printed::<tune::lint::Explanation>()),
        ("validation", printed::<validate::node::Validation>()),
    ]
}
