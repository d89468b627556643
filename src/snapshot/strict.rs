//! A first look at a JSON document from elsewhere: well-formed, not too big, and no key twice.
//!
//! Allocates no more than references to the keys of the objects that are open, and copies of those with an escape. Nesting is bounded by `serde_json` (128 levels), numbers
//! that fit no type are its errors, too. Never interprets what it sees, but for the `schema` of the outermost object.
//! Format: RFC 8259; a key twice is allowed there, and means something else to every reader.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// More values than this make no recorded machine.
const MOST_VALUES: u32 = 1_000_000;

/// No string is longer, in bytes.
const LONGEST_STRING: usize = 1 << 16;

/// With so many keys, an object gets a set to look them up in; before that, looking at each is faster.
const FEW_KEYS: usize = 64;

/// Walks over `text` and gives back the `schema` of the outermost object, if it has one that is text.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub(super) fn schema(text: &str) -> Result<Option<String>, serde_json::Error> {
    let mut walk = Walk::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Value {
        walk: &mut walk,
        outermost: true,
    };
    value.deserialize(&mut json)?;
    json.end()?;
    Ok(walk.schema)
}

#[derive(Default)]
struct Walk<'de> {
    values: u32,
    /// Keys of the objects that are open, the innermost last.
    keys: Vec<Cow<'de, str>>,
    schema: Option<String>,
    /// The value that comes next is the outermost object's `schema`.
    at_schema: bool,
}

impl<'de> Walk<'de> {
    /// Notes a key of the object whose keys begin at `from`; false if it has it already.
    fn note(
        &mut self,
        from: usize,
        many: &mut BTreeSet<Cow<'de, str>>,
        key: Cow<'de, str>,
    ) -> bool {
        let few = &self.keys[from..];
        if few.contains(&key) || many.contains(&key) {
            return false;
        }
        if few.len() < FEW_KEYS {
            self.keys.push(key);
            true
        } else {
            many.insert(key)
        }
    }
}

/// A key, borrowed from the text unless an escape is in it.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

struct Value<'a, 'de> {
    walk: &'a mut Walk<'de>,
    outermost: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.walk.values += 1;
        if self.walk.values > MOST_VALUES {
            return Err(D::Error::custom(format_args!(
                "more than {MOST_VALUES} values"
            )));
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > LONGEST_STRING {
            return Err(E::custom(format_args!(
                "a string of more than {LONGEST_STRING} bytes"
            )));
        }
        if self.walk.at_schema {
            self.walk.schema = Some(text.to_owned());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.walk.at_schema = false;
        while seq
            .next_element_seed(Value {
                walk: self.walk,
                outermost: false,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.walk.at_schema = false;
        let (from, mut many) = (self.walk.keys.len(), BTreeSet::new());
        while let Some(key) = map.next_key_seed(Key)? {
            self.walk.values += 1;
            self.walk.at_schema = self.outermost && key == "schema";
            if !self.walk.note(from, &mut many, key.clone()) {
                return Err(A::Error::custom(format_args!("the key {key:?} twice")));
            }
            map.next_value_seed(Value {
                walk: self.walk,
                outermost: false,
            })?;
            self.walk.at_schema = false;
        }
        self.walk.keys.truncate(from);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_the_outermost_objects() {
        for (text, found) in [
            (r#"{"schema":"a"}"#, Some("a")),
            (
                r#"{"x":{"schema":"b"},"schema":"a","y":[{"schema":"c"}]}"#,
                Some("a"),
            ),
            (r#"{"x":{"schema":"b"}}"#, None),
            (r#"{"schema":7}"#, None),
            (r#"{"schema":["a"]}"#, None),
            ("[]", None),
            (r#""schema""#, None),
        ] {
            assert_eq!(schema(text).unwrap().as_deref(), found, "{text}");
        }
    }

    #[test]
    fn a_key_may_stand_once_in_an_object_of_any_size_and_in_as_many_objects_as_there_are() {
        let keys = |range: std::ops::Range<usize>| -> String {
            range.map(|n| format!("\"k{n}\":{{\"k{n}\":0}},")).collect()
        };
        for count in [1, FEW_KEYS - 1, FEW_KEYS, FEW_KEYS + 1, 3 * FEW_KEYS] {
            let all = keys(0..count);
            assert!(schema(&format!("{{{all}\"x\":0}}")).is_ok(), "{count}");
            for again in [0, count / 2, count - 1] {
                let error = schema(&format!("{{{all}\"k{again}\":0}}")).unwrap_err();
                let words = format!("the key \"k{again}\" twice");
                assert!(error.to_string().contains(&words), "{error}");
            }
        }
    }

    #[test]
    fn a_document_that_would_cost_too_much_or_means_two_things_is_none() {
        let long = format!("\"{}\"", "x".repeat(LONGEST_STRING + 1));
        let many = format!("[{}0]", "0,".repeat(1_000_000));
        let keys: String = (0..600_000).map(|n| format!("\"{n}\":0,")).collect();
        let many_keys = format!("{{{keys}\"x\":0}}");
        let deep = "[".repeat(100_000);
        for (text, words) in [
            (r#"{"a":1,"a":1}"#, "the key \"a\" twice"),
            (r#"{"a":{"b":1,"\u0062":1}}"#, "the key \"b\" twice"),
            (long.as_str(), "a string of more than 65536 bytes"),
            (many.as_str(), "more than 1000000 values"),
            (many_keys.as_str(), "more than 1000000 values"),
            (deep.as_str(), "recursion limit"),
            ("1e999", "out of range"),
            ("{} {}", "trailing characters"),
            ("", "EOF"),
        ] {
            let error = schema(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
