//! Which part of a fleet a run looks at: every node belongs to exactly one of n parts, by its name alone.
//!
//! A node that comes or goes moves no other one; only another n does. Parts count from 0, as the completion index of a
//! Kubernetes Indexed Job does.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Most parts.
const MOST: u32 = 100_000;

/// Part `index` of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// A text that is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two whole numbers with a slash between them.
    #[error("{0:?} is not a shard; write INDEX/COUNT, such as 0/8")]
    Shape(String),
    /// None or too many parts.
    #[error("{0} shards; there can be 1 to {MOST}")]
    Count(u32),
    /// The first is 0, the last COUNT - 1.
    #[error("there is no shard {index} of {of}; they count from 0 to {}", of - 1)]
    Index {
        /// What was asked for.
        index: u32,
        /// How many there are.
        of: u32,
    },
}

impl Shard {
    /// The whole fleet.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether the node or file of this name belongs to it: SHA-256 of the name, its first eight bytes as a
    /// big-endian number, modulo the number of shards.
    pub fn has(self, name: &str) -> bool {
        if self.of == 1 {
            return true;
        }
        let digest = Sha256::digest(name.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first) % u64::from(self.of) == u64::from(self.index)
    }

    /// Whether it is all there is.
    pub const fn is_whole(self) -> bool {
        self.of == 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten()
        };
        let parts = text.split_once('/');
        let parts = parts.and_then(|(index, of)| Some((number(index)?, number(of)?)));
        let Some((index, of)) = parts else {
            return Err(ShardError::Shape(text.to_owned()));
        };
        if of == 0 || of > MOST {
            return Err(ShardError::Count(of));
        }
        if index >= of {
            return Err(ShardError::Index { index, of });
        }
        Ok(Self { index, of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn every_name_is_in_exactly_one_shard(name in any::<String>(), of in 1u32..40) {
            let shards = (0..of).map(|index| Shard { index, of });
            prop_assert_eq!(shards.filter(|shard| shard.has(&name)).count(), 1);
        }
    }

    #[test]
    fn a_fleet_is_spread_about_evenly_and_always_the_same_way() {
        for index in 0..8 {
            let shard = Shard { index, of: 8 };
            let count = (0..8000).filter(|i| shard.has(&format!("node{i}"))).count();
            assert!((800..1200).contains(&count), "{shard} has {count}");
        }
        // What is in which shard is a promise to whoever keeps results by shard.
        let of_mini01 = (0..8).find(|index| {
            Shard {
                index: *index,
                of: 8,
            }
            .has("mini01")
        });
        assert_eq!(of_mini01, Some(MINI01));
    }

    /// `printf mini01 | sha256sum`, first eight bytes, modulo 8.
    const MINI01: u32 = 6;

    #[test]
    fn a_shard_is_written_as_index_and_count() {
        assert_eq!("3/8".parse(), Ok(Shard { index: 3, of: 8 }));
        for (text, says) in [
            ("8/8", "count from 0 to 7"),
            ("0/0", "1 to 100000"),
            ("1", "INDEX/COUNT"),
            ("-1/2", "INDEX/COUNT"),
            ("+1/2", "INDEX/COUNT"),
            ("/8", "INDEX/COUNT"),
            ("1/2/3", "INDEX/COUNT"),
            ("1/99999999999", "INDEX/COUNT"),
        ] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
