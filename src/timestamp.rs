//! A moment in UTC, to the second, as RFC 3339 writes it: `2026-12-01T08:00:00Z`. Pure; [`crate::clock`] has the time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400;

/// Seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999. In JSON the text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(u64);

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date and time in UTC such as 2026-12-01T08:00:00Z")]
pub struct InvalidTimestamp(pub String);

impl Timestamp {
    /// The last one that can be written with a year of four digits.
    const LAST: u64 = 253_402_300_799;

    /// From seconds since 1970; later than the year 9999 is that year's last second.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(if seconds < Self::LAST {
            seconds
        } else {
            Self::LAST
        })
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// So many seconds later.
    pub const fn plus(self, seconds: u64) -> Self {
        Self::from_seconds(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let (hour, minute, second) = (self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp(text.to_owned()))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:ddZ";
    let fits = |(form, byte): (&u8, u8)| match form {
        b'd' => byte.is_ascii_digit(),
        other => *other == byte,
    };
    if text.len() != FORM.len() || !FORM.iter().zip(text.bytes()).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // A day that the month does not have comes back as another date.
    (date(days) == (year, month, day))
        .then(|| Timestamp(days * DAY + hour * 3600 + minute * 60 + second))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that February is last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, in_era) = (year / 400, year % 400);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day.saturating_sub(1);
    (era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year).saturating_sub(719_468)
}

/// The date that many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, in_era) = (days / 146_097, days % 146_097);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are what `date -u -d TEXT +%s` prints.
    #[test]
    fn moments_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-12-01T08:00:00Z", 1_796_112_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            let timestamp: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp.seconds(), seconds, "{text}");
            assert_eq!(Timestamp::from_seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_of_eight_centuries_survives_its_text_form() {
        for day in 0..292_000 {
            let timestamp = Timestamp::from_seconds(day * DAY + 43_199);
            assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        }
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        for text in [
            "",
            "2026-12-01",
            "2026-12-01T08:00:00",
            "2026-12-01T08:00:00+01:00",
            "2026-13-01T08:00:00Z",
            "2026-00-01T08:00:00Z",
            "2026-02-29T08:00:00Z",
            "2026-12-00T08:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01t08:00:00z",
            "1969-12-31T23:59:59Z",
            "２026-12-01T08:00:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert_eq!(
            Timestamp::from_seconds(u64::MAX).plus(9).seconds(),
            Timestamp::LAST
        );
    }
}
