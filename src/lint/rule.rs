//! What a code is: its level, why it is found, what to do, and an example.
//!
//! Pure data. CI settings and suppressions name the codes, so none is ever renamed or used for something else.

use serde::Serialize;

use super::catalogue;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Talos or talhelper refuses it; exit 2.
    Error,
    /// It is accepted, and hurts when the node runs or boots.
    Risk,
    /// It is accepted, and has no effect or another one than it seems to have.
    Warning,
    /// Worth knowing.
    Note,
}

impl Level {
    /// Every level, the heaviest first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Risk, Self::Warning, Self::Note];

    /// Its word in text and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Risk => "risk",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// SARIF's word, which has no risk.
    pub const fn sarif(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Risk | Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// What it means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Error => "Talos or talhelper refuses it",
            Self::Risk => "accepted, and hurts at run time",
            Self::Warning => "accepted, without the effect that it seems to have",
            Self::Note => "worth knowing",
        }
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Such as `KB105`.
    pub code: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why that is so.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// A piece of configuration: what is found, and what would not be.
    pub example: &'static str,
}

impl Rule {
    /// Every kind, by its code.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        catalogue::FAMILIES.iter().copied().flatten().copied()
    }

    /// The kind with this code, in capitals or not.
    pub fn by_code(code: &str) -> Option<&'static Self> {
        Self::all().find(|rule| rule.code.eq_ignore_ascii_case(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_explained() {
        let all: Vec<&Rule> = Rule::all().collect();
        assert!(all.len() > 30);
        assert!(all.windows(2).all(|pair| pair[0].code < pair[1].code));
        for rule in all {
            assert!(rule.code.starts_with("KB") && rule.code.len() == 5);
            assert!(rule.title.len() <= 60, "{}", rule.title);
            assert!(!rule.title.ends_with('.') && rule.cause.ends_with('.'));
            assert!(
                rule.fix.ends_with('.') && !rule.example.is_empty(),
                "{}",
                rule.code
            );
            assert!(
                rule.example.lines().all(|line| line.len() <= 76),
                "{}",
                rule.code
            );
            assert_eq!(Rule::by_code(&rule.code.to_lowercase()), Some(rule));
        }
        assert_eq!(Rule::by_code("KB000"), None);
    }
}
