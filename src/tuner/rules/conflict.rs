//! Pairs of one rule that exclude or repeat each other.
//!
//! Owns what `udevadm verify` says about whole rules. Pure; the time grows with the square of a rule's pairs, of
//! which a rule of 16 KiB has at most a few thousand.

use super::{Key, Operator, Rule, RulesFile, Token, Weight, is_glob};

/// Adds what is wrong with `rule` as a whole.
pub(super) fn check(rule: &Rule, file: &mut RulesFile) {
    let (mut conflicts, mut repeats) = (None, None);
    for (at, first) in rule.tokens.iter().enumerate() {
        for second in rule.tokens.iter().skip(at + 1) {
            if conflicts.is_some() && repeats.is_some() {
                break;
            }
            if are_alike(first, second) {
                if bent(first) == bent(second) {
                    repeats = repeats.or(Some(second.at));
                }
                let opposite = [Operator::Match, Operator::NoMatch];
                let both = [bent(first), bent(second)];
                if both[0] != both[1] && both.iter().all(|it| opposite.contains(it)) {
                    conflicts = conflicts.or(Some(second.at));
                }
            } else if exclude(first, second) {
                conflicts = conflicts.or(Some(second.at));
            }
        }
    }
    let mut results = false;
    for token in &rule.tokens {
        if token.key == Key::Program && results {
            let message = "udev runs PROGRAM before it looks at RESULT, whatever stands first";
            file.fault(token.at, Weight::Warning, message);
            break;
        }
        results |= token.key == Key::Result;
    }
    if let Some(at) = repeats {
        file.fault(
            at,
            Weight::Warning,
            "the same pair stands in the rule twice",
        );
    }
    if let Some(at) = conflicts {
        file.fault(
            at,
            Weight::Error,
            "this cannot hold together with what stands before it",
        );
    }
}

/// How a value is compared.
#[derive(PartialEq, Eq)]
enum Manner {
    Empty,
    Plain,
    PlainOrEmpty,
    Glob,
    GlobOrEmpty,
    Subsystem,
    Written,
}

fn manner(token: &Token) -> Manner {
    let compares = token.is_match() || matches!(token.key, Key::Program | Key::Import);
    if !compares {
        return Manner::Written;
    }
    let value = token.value.as_str();
    if token.key == Key::Subsystem && matches!(value, "subsystem" | "bus" | "class") {
        return Manner::Subsystem;
    }
    if value.is_empty() || value == "?*" {
        return Manner::Empty;
    }
    let several = has_alternatives(token);
    let empty = several && token.alternatives().any(str::is_empty);
    match (is_glob(value), empty) {
        (true, true) => Manner::GlobOrEmpty,
        (true, false) => Manner::Glob,
        (false, true) => Manner::PlainOrEmpty,
        (false, false) => Manner::Plain,
    }
}

const fn has_alternatives(token: &Token) -> bool {
    !matches!(token.key, Key::Test | Key::Program | Key::Import)
}

/// The operator that counts: `KEY=="?*"` is `KEY!=""`, and what udev takes for `=` is `=`.
fn bent(token: &Token) -> Operator {
    let program = matches!(token.key, Key::Program | Key::Import);
    let assigns = |operator| match operator {
        Operator::AssignFinal
            if matches!(
                token.key,
                Key::Env | Key::Tag | Key::Attr | Key::Sysctl | Key::Seclabel
            ) =>
        {
            Operator::Assign
        }
        Operator::Add
            if matches!(
                token.key,
                Key::Name
                    | Key::Attr
                    | Key::Sysctl
                    | Key::Options
                    | Key::Owner
                    | Key::Group
                    | Key::Mode
            ) =>
        {
            Operator::Assign
        }
        other => other,
    };
    match (token.operator, token.value == "?*") {
        (Operator::Match, true) => Operator::NoMatch,
        (Operator::NoMatch, true) => Operator::Match,
        (operator, _) if program && !operator.is_match() => Operator::Match,
        (operator, _) => assigns(operator),
    }
}

/// Whether both say the same but for the operator.
fn are_alike(first: &Token, second: &Token) -> bool {
    let (one, two) = (manner(first), manner(second));
    let same_kind = first.key == second.key
        && kind(first) == kind(second)
        && first.ignores_case == second.ignores_case
        && one == two
        && bent(first).is_match() == bent(second).is_match();
    if !same_kind || matches!(first.key, Key::Goto | Key::Label) {
        return false;
    }
    if matches!(one, Manner::Empty | Manner::Subsystem) {
        return true;
    }
    if one != Manner::Written && has_alternatives(first) {
        let holds = |a: &Token, b: &Token| {
            let mut texts = a.alternatives();
            texts.all(|text| b.alternatives().any(|other| other == text))
        };
        return holds(first, second) && holds(second, first);
    }
    number(first).map_or(first.value == second.value, |one| {
        number(second) == Some(one)
    })
}

/// What stands in braces, as far as it makes another kind of pair.
fn kind(token: &Token) -> Option<&str> {
    let builtin = token.key == Key::Import && super::value::is_builtin(&token.value);
    match (token.key, token.attribute.as_deref()) {
        (Key::Run, None) => Some("program"),
        (Key::Import, Some("program")) if builtin => Some("builtin"),
        (_, attribute) => attribute,
    }
}

/// The number of a mode, owner or group.
fn number(token: &Token) -> Option<u32> {
    match token.key {
        Key::Mode => u32::from_str_radix(token.value.trim_start(), 8).ok(),
        Key::Owner | Key::Group if !token.value.starts_with('0') => token.value.parse().ok(),
        _ => None,
    }
}

fn both_end_in_blanks(first: &Token, second: &Token) -> bool {
    let ends = |token: &Token| {
        token
            .value
            .ends_with([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
    };
    ends(first) && ends(second)
}

/// Whether no text is both.
fn exclude(first: &Token, second: &Token) -> bool {
    let both_match = bent(first) == Operator::Match && bent(second) == Operator::Match;
    let comparable = has_alternatives(first)
        && first.is_match()
        && second.is_match()
        && first.key == second.key
        && first.attribute == second.attribute
        // Of an attribute the blanks at the end are passed over unless the pattern has some, so two can be one.
        && (!matches!(first.key, Key::Attr | Key::Attrs) || both_end_in_blanks(first, second))
        && !first.ignores_case
        && !second.ignores_case;
    if !both_match || !comparable || manner(first) != manner(second) {
        return false;
    }
    match manner(first) {
        Manner::Plain => !first
            .alternatives()
            .any(|it| second.alternatives().any(|other| other == it)),
        Manner::Glob => {
            let fixed = |text: &str| {
                text.split(['*', '?', '['])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let apart = |one: &str, two: &str| {
                let (one, two) = (fixed(one), fixed(two));
                let both = one.len().min(two.len());
                both > 0 && one.as_bytes()[..both] != two.as_bytes()[..both]
            };
            first
                .alternatives()
                .all(|one| second.alternatives().all(|two| apart(one, two)))
        }
        _ => false,
    }
}
