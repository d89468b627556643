//! Until when a plan may be applied, and what a clock is worth that says so. Pure: the time comes in.
//!
//! A plan does not expire unless it was asked to: it is bound to the machine, the disks and what is on them, which a
//! clock cannot be. A machine without a battery starts in 1970, or at the date of its image. Such a clock proves
//! nothing, so a plan that expires is then refused, with the reason and with the option that applies it all the same.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// No clock that was ever set is behind this: 2025-01-01T00:00:00Z, before the first keelblock.
pub const EARLIEST: Timestamp = Timestamp::from_seconds(1_735_689_600);

/// How far the clocks of two machines may differ, in seconds.
const SKEW: u64 = 300;

/// When a plan may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Validity {
    /// When it was made, if its end counts from there: a clock that is behind this is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The last moment.
    pub until: Timestamp,
}

/// Why the time does not allow a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// It is over.
    #[error("the plan expired at {until} (now: {now})")]
    Expired {
        /// Its end.
        until: Timestamp,
        /// The clock.
        now: Timestamp,
    },
    /// The clock cannot be right.
    #[error(
        "nobody can tell whether the plan expired at {until}: the clock of this machine is not set (it says {now})"
    )]
    Clock {
        /// Its end.
        until: Timestamp,
        /// The clock.
        now: Timestamp,
    },
    /// The clock is behind the moment at which the plan was made.
    #[error(
        "nobody can tell whether the plan expired at {until}: the clock of this machine is behind (it says {now}, and \
         the plan was made at {from})"
    )]
    Behind {
        /// When it was made.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
        /// The clock.
        now: Timestamp,
    },
}

impl Validity {
    /// Whether the plan may be applied now.
    ///
    /// # Errors
    /// [`ValidityError`]: it expired, or the clock cannot tell.
    pub fn check(&self, now: Timestamp) -> Result<(), ValidityError> {
        let until = self.until;
        if now < EARLIEST {
            return Err(ValidityError::Clock { until, now });
        }
        if let Some(from) = self.from.filter(|from| now.plus(SKEW) < *from) {
            return Err(ValidityError::Behind { from, until, now });
        }
        if now > until {
            return Err(ValidityError::Expired { until, now });
        }
        Ok(())
    }
}

/// When a plan is wanted to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// So many seconds after it was made.
    In(u64),
    /// Then.
    At(Timestamp),
}

/// Why a plan cannot expire as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// That is in the past.
    #[error("the plan would have expired already, at {until} (now: {now})")]
    Past {
        /// What was wanted.
        until: Timestamp,
        /// The clock.
        now: Timestamp,
    },
    /// There is nothing to count from.
    #[error("the clock of this machine is not set: it says {0}")]
    Clock(Timestamp),
}

impl Expiry {
    /// `30m`, `24h`, `7d`, `2w`, or a date and time in UTC.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is neither a time such as 24h or 7d nor a date and time in UTC such as 2026-12-01T08:00:00Z"
            )
        };
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let unit = match text.chars().next_back() {
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - 1];
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u64> = plain.then(|| digits.parse().ok()).flatten();
        let seconds = number.and_then(|number| number.checked_mul(unit));
        // A hundred years: what is longer is a slip of the finger.
        let sane = seconds.filter(|seconds| (1..=3_155_760_000).contains(seconds));
        sane.map(Self::In).ok_or_else(wrong)
    }

    /// The validity of a plan that is made now.
    ///
    /// # Errors
    /// [`ExpiryError`].
    pub fn validity(self, now: Timestamp) -> Result<Validity, ExpiryError> {
        match self {
            Self::At(until) if until < now => Err(ExpiryError::Past { until, now }),
            Self::At(until) => Ok(Validity { from: None, until }),
            Self::In(_) if now < EARLIEST => Err(ExpiryError::Clock(now)),
            Self::In(seconds) => Ok(Validity {
                from: Some(now),
                until: now.plus(seconds),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_plan_is_valid_to_the_last_second() {
        let made = at("2026-12-01T08:00:00Z");
        let day = Expiry::parse("24h").unwrap().validity(made).unwrap();
        assert_eq!(day.until, at("2026-12-02T08:00:00Z"));
        for (now, valid) in [
            ("2026-12-01T08:00:00Z", true),
            ("2026-12-01T07:56:00Z", true),
            ("2026-12-02T08:00:00Z", true),
            ("2026-12-02T08:00:01Z", false),
            ("2126-12-02T08:00:01Z", false),
        ] {
            assert_eq!(day.check(at(now)).is_ok(), valid, "{now}");
        }
    }

    #[test]
    fn a_clock_that_cannot_be_right_never_makes_a_plan_valid() {
        let made = at("2026-12-01T08:00:00Z");
        let until = at("2026-12-02T08:00:00Z");
        let relative = Expiry::In(86_400).validity(made).unwrap();
        let absolute = Expiry::At(until).validity(made).unwrap();
        for now in ["1970-01-01T00:00:07Z", "2024-12-31T23:59:59Z"] {
            let now = at(now);
            for validity in [relative, absolute] {
                assert_eq!(
                    validity.check(now),
                    Err(ValidityError::Clock { until, now })
                );
            }
        }
        let now = at("2026-12-01T07:54:59Z");
        let from = made;
        let behind = ValidityError::Behind { from, until, now };
        assert_eq!(relative.check(now), Err(behind));
        assert_eq!(absolute.check(now), Ok(()));
        assert_eq!(
            Expiry::In(60).validity(Timestamp::from_seconds(7)),
            Err(ExpiryError::Clock(Timestamp::from_seconds(7)))
        );
    }

    #[test]
    fn an_expiry_is_a_time_or_a_moment() {
        for (text, want) in [
            ("30m", Expiry::In(1800)),
            ("24h", Expiry::In(86_400)),
            ("7d", Expiry::In(604_800)),
            ("2w", Expiry::In(1_209_600)),
            (
                "2026-12-01T08:00:00Z",
                Expiry::At(at("2026-12-01T08:00:00Z")),
            ),
        ] {
            assert_eq!(Expiry::parse(text), Ok(want), "{text}");
        }
        for text in [
            "",
            "h",
            "24",
            "0h",
            "-1h",
            "+1h",
            "1.5h",
            "1y",
            "1h30m",
            "٣d",
            "99999999999999999999w",
            "9999999h",
            "2026-12-01",
            "é",
        ] {
            assert!(Expiry::parse(text).is_err(), "{text}");
        }
        let (now, until) = (at("2026-12-01T08:00:01Z"), at("2026-12-01T08:00:00Z"));
        assert_eq!(
            Expiry::At(until).validity(now),
            Err(ExpiryError::Past { until, now })
        );
    }
}
