//! The machine's clock. The only place that asks for the time of day; everything else gets it as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::timestamp::Timestamp;

/// What the machine takes for the time. A clock that is before 1970 is at 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock itself: time goes on from here as an argument"
)]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_seconds(since.map_or(0, |since| since.as_secs()))
}
