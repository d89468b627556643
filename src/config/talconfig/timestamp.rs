//! Plain scalars that Go's yaml.v3 takes for a point in time, and the text that it writes them back with.
//!
//! Pure. talhelper decodes talconfig.yaml into values without types once, and writes them out again; so the label value
//! `2024-01-01` becomes `2024-01-01T00:00:00Z`, and so it does here.

/// The text after the round trip; `None` if `text` is no point in time.
pub(super) fn rewritten(text: &str) -> Option<String> {
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?;
    let year = digits(year, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some()
        || !(1..=12).contains(&month)
        || day < 1
        || day > last_day(year, month)
    {
        return None;
    }
    let (time, zone) = clock(rest)?;
    Some(format!("{year:04}-{month:02}-{day:02}T{time}{zone}"))
}

fn last_day(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The time of day and the zone, both as they are written.
fn clock(text: &str) -> Option<(String, String)> {
    let mut chars = text.chars();
    let needs_zone = match chars.next() {
        None => return Some((String::from("00:00:00"), String::from("Z"))),
        Some(mark) => mark != ' ',
    };
    let (time, zone) = match chars.as_str() {
        time if needs_zone => time.split_at(time.find(['Z', '+', '-'])?),
        time => (time, "Z"),
    };
    let (whole, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let mut parts = whole.split(':');
    let mut part = |limit: u32| digits(parts.next()?, 2).filter(|part| *part < limit);
    let (hour, minute, second) = (part(24)?, part(60)?, part(60)?);
    let dotted = time.len() > whole.len();
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || (dotted && !is_fraction) {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let time = format!("{hour:02}:{minute:02}:{second:02}{dot}{fraction}");
    Some((time, offset(zone)?))
}

fn offset(zone: &str) -> Option<String> {
    let Some((hours, minutes)) = zone.get(1..).and_then(|zone| zone.split_once(':')) else {
        return (zone == "Z").then(|| zone.to_owned());
    };
    let fits = hours.len() == 2 && minutes.len() == 2 && zone.starts_with(['+', '-']);
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if !fits || hours > 24 || minutes > 60 {
        return None;
    }
    let is_utc = (hours, minutes) == (0, 0);
    Some(if is_utc {
        String::from("Z")
    } else {
        zone.to_owned()
    })
}

/// One digit at least and `most` at most.
fn digits(text: &str, most: usize) -> Option<u32> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_written_as_go_writes_them() {
        for (text, wanted) in [
            ("2024-01-01", Some("2024-01-01T00:00:00Z")),
            ("2024-2-29", Some("2024-02-29T00:00:00Z")),
            ("2024-01-01 1:2:3.50", Some("2024-01-01T01:02:03.5Z")),
            ("2024-01-01T01:02:03Z", Some("2024-01-01T01:02:03Z")),
            (
                "2024-01-01t01:02:03+02:00",
                Some("2024-01-01T01:02:03+02:00"),
            ),
            ("2023-02-29", None),
            ("24-01-01", None),
            ("2024-01", None),
            ("2024-01-01T01:02:03", None),
            ("1.2.3", None),
        ] {
            assert_eq!(rewritten(text).as_deref(), wanted, "{text}");
        }
    }
}
