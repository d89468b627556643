//! The size grammars of Talos' configuration. Pure.
//!
//! All rest on go-humanize's `ParseBytes`: a decimal number in which commas do not count, then a
//! unit in any case: none or `b`; `k kb m mb g gb t tb p pb e eb` are powers of 1000,
//! `ki kib … ei eib` powers of 1024. The number is a float, as it is there, so that both sides
//! come to the same bytes.

use super::spec::{MaxSize, SizeMatcher, SizeOp};
use crate::units::Bytes;

/// What sizes may look like, for messages.
pub(super) const BYTES: &str = "bytes, or a number with a unit such as 100MiB or 1.5TB";
/// What `maxSize` may look like, for messages.
pub(super) const MAX: &str = "bytes or a number with a unit such as 100GiB; 0% to 100%; with a leading - to leave that much free";
/// What the size of a disk selector may look like, for messages.
pub(crate) const MATCHER: &str =
    "one of >= <= > < == or none, then a number with a unit, such as >= 100GB";

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    /// No number where one must be.
    #[error("no number in a size")]
    Number,
    /// A unit that does not exist.
    #[error("unknown unit of a size")]
    Unit,
    /// 2⁶⁴ bytes or more.
    #[error("size too large")]
    TooLarge,
    /// A minus where none may be.
    #[error("a size cannot be negative")]
    Negative,
    /// A share where only bytes may be.
    #[error("a share of the disk is not allowed here")]
    Share,
    /// A share that is not within 0 to 100.
    #[error("not a share from 0% to 100%")]
    Percent,
    /// An operator that does not exist.
    #[error("unknown operator of a size")]
    Operator,
}

/// A size as `minSize`, `machine.disks[].partitions[].size` and XFS options have it.
pub(super) fn parse_bytes(text: &str) -> Result<Bytes, SizeError> {
    if text.contains('%') {
        return Err(SizeError::Share);
    }
    if text.starts_with('-') {
        return Err(SizeError::Negative);
    }
    parse_go_bytes(text)
}

/// A `maxSize`.
pub(super) fn parse_max(text: &str) -> Result<MaxSize, SizeError> {
    let (leave, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !text.contains('%') {
        let size = parse_go_bytes(rest)?;
        return Ok(if leave {
            MaxSize::LeaveFree(size)
        } else {
            MaxSize::Absolute(size)
        });
    }
    let digits = rest.strip_suffix('%').ok_or(SizeError::Percent)?;
    let share = number(digits).map_err(|_| SizeError::Percent)?;
    if share > 100.0 {
        return Err(SizeError::Percent);
    }
    let share = u8::try_from(truncate(share)).map_err(|_| SizeError::Percent)?;
    Ok(if leave {
        MaxSize::LeaveFreePercent(share)
    } else {
        MaxSize::Percent(share)
    })
}

/// The `size` of `machine.install.diskSelector`: `[op] number [unit]`, blanks anywhere between.
pub(crate) fn parse_matcher(text: &str) -> Result<SizeMatcher, SizeError> {
    let condition = text.trim();
    let operators = [
        (">=", SizeOp::AtLeast),
        ("<=", SizeOp::AtMost),
        ("==", SizeOp::Equal),
        (">", SizeOp::Above),
        ("<", SizeOp::Below),
    ];
    let (op, rest) = operators
        .iter()
        .find_map(|(symbol, op)| Some((*op, condition.strip_prefix(symbol)?)))
        .unwrap_or((SizeOp::Equal, condition));
    let rest = rest.trim();
    if rest.starts_with(['=', '!', '<', '>']) {
        return Err(SizeError::Operator);
    }
    if rest.starts_with('-') {
        return Err(SizeError::Negative);
    }
    Ok(SizeMatcher {
        op,
        size: parse_go_bytes(rest)?,
        text: text.to_owned(),
    })
}

/// go-humanize's `ParseBytes`.
pub(crate) fn parse_go_bytes(text: &str) -> Result<Bytes, SizeError> {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let bytes = number(&digits.replace(',', ""))? * factor(unit)?;
    if bytes >= TWO_POW_64 {
        return Err(SizeError::TooLarge);
    }
    Ok(Bytes::new(truncate(bytes)))
}

const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;

fn number(digits: &str) -> Result<f64, SizeError> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: Option<f64> = plain.then(|| digits.parse().ok()).flatten();
    value.ok_or(SizeError::Number)
}

fn factor(unit: &str) -> Result<f64, SizeError> {
    let unit = unit.trim().to_lowercase();
    if unit.is_empty() || unit == "b" {
        return Ok(1.0);
    }
    let mut letters = unit.chars();
    let letter = letters.next().ok_or(SizeError::Unit)?;
    let power = "kmgtpe".find(letter).ok_or(SizeError::Unit)? + 1;
    let base: f64 = match letters.as_str() {
        "" | "b" => 1000.0,
        "i" | "ib" => 1024.0,
        _ => return Err(SizeError::Unit),
    };
    // Repeated products of these two are exact in a float up to the sixth power.
    Ok(std::iter::repeat_n(base, power).product())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the callers made sure that it is in range; dropping the fraction is what Go does"
)]
fn truncate(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_what_go_humanize_makes_of_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("42 b", 42),
            ("4KB", 4000),
            ("4kib", 4096),
            ("1G", 1_000_000_000),
            ("1Gi", 1 << 30),
            ("2.5GiB", 2_684_354_560),
            ("2.5GB", 2_500_000_000),
            (".5k", 500),
            ("5.", 5),
            ("1,000 GB", 1_000_000_000_000),
            ("1TB", 1_000_000_000_000),
            ("3EiB", 3 << 60),
            ("0.1", 0),
        ] {
            assert_eq!(parse_bytes(text), Ok(Bytes::new(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, why) in [
            ("", SizeError::Number),
            (".", SizeError::Number),
            ("1.2.3", SizeError::Number),
            ("GB", SizeError::Number),
            (" 1GB", SizeError::Number),
            ("+1", SizeError::Number),
            ("1e3", SizeError::Unit),
            ("1_000", SizeError::Unit),
            ("1 gigabyte", SizeError::Unit),
            ("16EiB", SizeError::TooLarge),
            ("-1GB", SizeError::Negative),
            ("50%", SizeError::Share),
        ] {
            assert_eq!(parse_bytes(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_maximum_may_be_a_share_or_leave_room() {
        for (text, size) in [
            ("100%", MaxSize::Percent(100)),
            ("33.4%", MaxSize::Percent(33)),
            ("-33.4124%", MaxSize::LeaveFreePercent(33)),
            ("-10GiB", MaxSize::LeaveFree(Bytes::new(10 << 30))),
            ("1TB", MaxSize::Absolute(Bytes::new(1_000_000_000_000))),
        ] {
            assert_eq!(parse_max(text), Ok(size), "{text}");
        }
        for text in ["101%", "100.5%", "%", "5%0", "--5%", "nan%", "inf%", "5 %"] {
            assert_eq!(parse_max(text), Err(SizeError::Percent), "{text}");
        }
        assert_eq!(parse_max("--5"), Err(SizeError::Number));
    }

    #[test]
    fn a_size_condition_has_one_operator_or_none() {
        for (text, op, size) in [
            ("4GB", SizeOp::Equal, 4_000_000_000),
            ("== 4GB", SizeOp::Equal, 4_000_000_000),
            (" >= 500GB ", SizeOp::AtLeast, 500_000_000_000),
            ("<=1TiB", SizeOp::AtMost, 1 << 40),
            ("> 1,000 GB", SizeOp::Above, 1_000_000_000_000),
            ("<2T", SizeOp::Below, 2_000_000_000_000),
        ] {
            let matcher = parse_matcher(text).unwrap();
            assert_eq!((matcher.op, matcher.size.get()), (op, size), "{text}");
            assert_eq!(matcher.text, text);
        }
        for (text, why) in [
            ("!= 4GB", SizeError::Operator),
            ("= 4GB", SizeError::Operator),
            ("<< 4GB", SizeError::Operator),
            ("> =4GB", SizeError::Operator),
            (">= -4GB", SizeError::Negative),
            (">=", SizeError::Number),
            ("4 cats", SizeError::Unit),
        ] {
            assert_eq!(parse_matcher(text), Err(why), "{text}");
        }
    }
}
