//! The canonical form of a plan, its digest, and its id. Pure: plan ⇄ text.
//!
//! A plan has one form in bytes. The file: JSON with an indent of two spaces, fields in the order of [`Plan`], whole
//! numbers only, and a newline at the end; control characters and marks of reading direction in strings are written
//! as `\uXXXX`, so that the file can be shown as it is. Whatever is not this form is refused, be it by a space.
//!
//! The digest is SHA-256 over the plan without `id` and `digest` in the form of RFC 8785 (keys sorted, no white space).
//! So it can be had without keelblock:
//!
//! ```text
//! jq -jcS 'del(.id, .digest)' FILE | sha256sum
//! ```
//!
//! The id is the first 80 bits of the digest in the digits of Crockford's base 32, which has no letters that look like
//! digits or each other: `7k2m-x9qd-4rvw-83np`. `checks` has 32 bits of SHA-256 for every part of the plan: they prove
//! nothing that the digest does not, but tell which part was changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Plan;
use crate::hex;
use crate::printable::printable_json;

/// The digits of an id.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What is not covered by the digest, because it is made of it.
const DERIVED: [&str; 2] = ["id", "digest"];

/// Why a text is not a plan as it was made.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// It is no plan at all, or one of another version.
    #[error("it does not have the fields of a plan")]
    Shape(#[source] serde_json::Error),
    /// A part was changed, taken away or put in.
    #[error("{0} was changed after the plan was made")]
    Changed(String),
    /// A field that no plan has.
    #[error("{0} is no field of a plan, and nothing would heed it")]
    Unknown(String),
    /// The same values, but in other bytes.
    #[error("line {0} is not written as keelblock writes it; every plan has one form only")]
    Form(usize),
}

/// The bytes of a plan's file.
pub fn file(plan: &Plan) -> String {
    let json =
        serde_json::to_string_pretty(plan).expect("a plan has string keys and whole numbers");
    printable_json(&json).into_owned() + "\n"
}

/// Reads the bytes of a plan's file; every other form of the same plan is refused.
///
/// # Errors
/// [`CanonicalError`], which names the part that was changed where that can be told.
pub fn parse(text: &str) -> Result<Plan, CanonicalError> {
    let plan: Plan = serde_json::from_str(text).map_err(CanonicalError::Shape)?;
    let written = file(&plan);
    if text == written {
        return intact(&plan).map(|()| plan);
    }
    let found: Value = serde_json::from_str(text).map_err(CanonicalError::Shape)?;
    if let Some(path) = difference("", &found, &value(&plan)) {
        return Err(CanonicalError::Unknown(path));
    }
    // A changed value says more than a changed byte.
    intact(&plan)?;
    let same = text
        .bytes()
        .zip(written.bytes())
        .take_while(|(a, b)| a == b);
    let newlines = same.filter(|(byte, _)| *byte == b'\n').count();
    Err(CanonicalError::Form(newlines + 1))
}

/// Whether nothing was changed since the plan was made.
///
/// # Errors
/// [`CanonicalError::Changed`] with the first part that was.
pub fn intact(plan: &Plan) -> Result<(), CanonicalError> {
    let sealed = plan.clone().sealed();
    if *plan == sealed {
        return Ok(());
    }
    let keys = plan.checks.keys().chain(sealed.checks.keys());
    let mut differ = keys.filter(|key| plan.checks.get(*key) != sealed.checks.get(*key));
    let changed = match differ.next() {
        Some(part) => part.as_str(),
        // Every part has its check, so what does not fit is what was made of them.
        None if plan.digest == digest(plan) => "id",
        None if plan.id == id(&digest(plan)) => "digest",
        None => "checks",
    };
    Err(CanonicalError::Changed(changed.to_owned()))
}

/// `sha256:` and 64 hexadecimal digits over everything but id and digest.
pub fn digest(plan: &Plan) -> String {
    let mut covered = fields(plan);
    for name in DERIVED {
        covered.shift_remove(name);
    }
    let sum = Sha256::digest(sorted(&Value::Object(covered)).to_string());
    hex::sha256(&sum)
}

/// The short form of a digest, to be compared by eye.
pub fn id(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let bits = u128::from_str_radix(hex.get(..20).unwrap_or("0"), 16).unwrap_or(0);
    let digit = |place: u32| {
        let five = (bits >> (75 - 5 * place)) & 31;
        char::from(DIGITS[usize::try_from(five).unwrap_or(0)])
    };
    let digits: Vec<char> = (0..16).map(digit).collect();
    let groups: Vec<String> = digits
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join("-")
}

/// A short digest of every part: each field, each field of a disk, each partition.
pub fn checks(plan: &Plan) -> BTreeMap<String, String> {
    let mut checks = BTreeMap::new();
    for (name, value) in fields(plan) {
        if DERIVED.contains(&name.as_str()) || name == "checks" {
            continue;
        }
        match (name.as_str(), &value) {
            ("disks", Value::Array(disks)) => {
                for (index, disk) in disks.iter().enumerate() {
                    of_disk(index, disk, &mut checks);
                }
            }
            _ => drop(checks.insert(name, check(&value))),
        }
    }
    checks
}

fn of_disk(index: usize, disk: &Value, checks: &mut BTreeMap<String, String>) {
    for (name, value) in disk.as_object().into_iter().flatten() {
        let path = format!("disks[{index}].{name}");
        match value {
            Value::Array(parts) if name == "partitions" => {
                for (number, part) in parts.iter().enumerate() {
                    checks.insert(format!("{path}[{number}]"), check(part));
                }
            }
            _ => drop(checks.insert(path, check(value))),
        }
    }
}

fn check(value: &Value) -> String {
    let sum = Sha256::digest(sorted(value).to_string());
    hex::lower(&sum[..4])
}

fn value(plan: &Plan) -> Value {
    serde_json::to_value(plan).expect("a plan has string keys and whole numbers")
}

fn fields(plan: &Plan) -> Map<String, Value> {
    match value(plan) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The same with the keys of every object in the order of RFC 8785; ours are ASCII, where that is the order of bytes.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_by_key(|(name, _)| name.as_str());
            let entries = entries
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(entries.collect())
        }
        scalar => scalar.clone(),
    }
}

/// The first place at which two documents differ.
fn difference(at: &str, found: &Value, known: &Value) -> Option<String> {
    match (found, known) {
        (Value::Object(a), Value::Object(b)) => {
            let path = |name: &String| match at {
                "" => name.clone(),
                at => format!("{at}.{name}"),
            };
            let names = a.keys().chain(b.keys());
            let mut places = names.map(|name| match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => difference(&path(name), a, b),
                _ => Some(path(name)),
            });
            places.find_map(|place| place)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(index, (a, b))| difference(&format!("{at}[{index}]"), a, b))
        }
        (a, b) => (a != b).then(|| at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_eighty_bits_and_no_letter_that_looks_like_a_digit() {
        assert_eq!(
            id(&format!("sha256:{}", "0".repeat(64))),
            "0000-0000-0000-0000"
        );
        assert_eq!(
            id(&format!("sha256:{}", "f".repeat(64))),
            "zzzz-zzzz-zzzz-zzzz"
        );
        // `printf '\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf' | base32`, in Crockford's digits.
        assert_eq!(id("sha256:00443214c74254b635cf"), "0123-4567-89ab-cdef");
        assert!(!DIGITS.iter().any(|digit| b"ilou".contains(digit)));
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value =
            serde_json::from_str(r#"{"b":[{"z":1,"a":2}],"a":{"d":null,"c":""}}"#).unwrap();
        assert_eq!(
            sorted(&value).to_string(),
            r#"{"a":{"c":"","d":null},"b":[{"a":2,"z":1}]}"#
        );
    }
}
