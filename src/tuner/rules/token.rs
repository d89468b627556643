//! From pairs to tokens: which keys there are, and what each may have.
//!
//! Owns udev's judgement of one pair. Pure.

use super::lex::{Pair, Wrong};
use super::{Key, Operator, Place, RulesFile, Token, Weight, format, value};

/// Something to say about a pair that is kept.
pub(super) type Said = Vec<(Place, Weight, String)>;

/// What may stand in the braces of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Braces {
    None,
    /// Any name.
    Name,
    /// A name with substitutions.
    Path,
    /// An octal mode, or nothing.
    Mode,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// The same, or none at all.
    Perhaps(&'static [&'static str]),
}

/// What a key takes.
struct Shape {
    key: Key,
    name: &'static str,
    braces: Braces,
    /// Operators that udev takes as they are.
    takes: &'static [Operator],
    /// Those that it takes for `=`, with a warning.
    bends: &'static [Operator],
}

use Operator::{Add, Assign, AssignFinal, Match, NoMatch, Remove};

const COMPARE: &[Operator] = &[Match, NoMatch];

const fn compare(key: Key, name: &'static str, braces: Braces) -> Shape {
    Shape {
        key,
        name,
        braces,
        takes: COMPARE,
        bends: &[],
    }
}

const fn shape(
    key: Key,
    name: &'static str,
    braces: Braces,
    takes: &'static [Operator],
    bends: &'static [Operator],
) -> Shape {
    Shape {
        key,
        name,
        braces,
        takes,
        bends,
    }
}

const SOURCES: &[&str] = &["file", "program", "builtin", "db", "cmdline", "parent"];
const ALL_BUT_REMOVE: &[Operator] = &[Match, NoMatch, Assign, Add, AssignFinal];

const SHAPES: [Shape; 29] = [
    compare(Key::Action, "ACTION", Braces::None),
    compare(Key::Devpath, "DEVPATH", Braces::None),
    compare(Key::Kernel, "KERNEL", Braces::None),
    compare(Key::Subsystem, "SUBSYSTEM", Braces::None),
    compare(Key::Driver, "DRIVER", Braces::None),
    compare(Key::Kernels, "KERNELS", Braces::None),
    compare(Key::Subsystems, "SUBSYSTEMS", Braces::None),
    compare(Key::Drivers, "DRIVERS", Braces::None),
    compare(Key::Attrs, "ATTRS", Braces::Path),
    compare(Key::Tags, "TAGS", Braces::None),
    compare(Key::Const, "CONST", Braces::OneOf(&["arch", "virt"])),
    compare(Key::Test, "TEST", Braces::Mode),
    compare(Key::Result, "RESULT", Braces::None),
    shape(
        Key::Symlink,
        "SYMLINK",
        Braces::None,
        &[Match, NoMatch, Assign, Add, AssignFinal, Remove],
        &[],
    ),
    shape(
        Key::Name,
        "NAME",
        Braces::None,
        &[Match, NoMatch, Assign, AssignFinal],
        &[Add],
    ),
    shape(
        Key::Env,
        "ENV",
        Braces::Name,
        &[Match, NoMatch, Assign, Add],
        &[AssignFinal],
    ),
    shape(
        Key::Tag,
        "TAG",
        Braces::None,
        &[Match, NoMatch, Assign, Add, Remove],
        &[AssignFinal],
    ),
    shape(
        Key::Attr,
        "ATTR",
        Braces::Path,
        &[Match, NoMatch, Assign],
        &[Add, AssignFinal],
    ),
    shape(
        Key::Sysctl,
        "SYSCTL",
        Braces::Path,
        &[Match, NoMatch, Assign],
        &[Add, AssignFinal],
    ),
    shape(Key::Program, "PROGRAM", Braces::None, ALL_BUT_REMOVE, &[]),
    shape(
        Key::Import,
        "IMPORT",
        Braces::OneOf(SOURCES),
        ALL_BUT_REMOVE,
        &[],
    ),
    shape(
        Key::Options,
        "OPTIONS",
        Braces::None,
        &[Assign, Add, AssignFinal],
        &[],
    ),
    shape(
        Key::Owner,
        "OWNER",
        Braces::None,
        &[Assign, AssignFinal],
        &[Add],
    ),
    shape(
        Key::Group,
        "GROUP",
        Braces::None,
        &[Assign, AssignFinal],
        &[Add],
    ),
    shape(
        Key::Mode,
        "MODE",
        Braces::None,
        &[Assign, AssignFinal],
        &[Add],
    ),
    shape(
        Key::Seclabel,
        "SECLABEL",
        Braces::Name,
        &[Assign, Add],
        &[AssignFinal],
    ),
    shape(
        Key::Run,
        "RUN",
        Braces::Perhaps(&["program", "builtin"]),
        &[Assign, Add, AssignFinal],
        &[],
    ),
    shape(Key::Goto, "GOTO", Braces::None, &[Assign], &[]),
    shape(Key::Label, "LABEL", Braces::None, &[Assign], &[]),
];

/// Reads one pair; `None` if udev leaves it out and keeps the rest of the rule.
pub(super) fn read(pair: Pair, said: &mut Said) -> Result<Option<Token>, Wrong> {
    let at = pair.at;
    let Some(shape) = SHAPES.iter().find(|shape| shape.name == pair.key) else {
        return Err((at, unknown(&pair.key)));
    };
    let is_match = pair.operator.is_match();
    if pair.ignores_case && !is_match {
        return Err((at, "i\"…\" is only for == and !=".to_owned()));
    }
    braces(shape, &pair, said)?;
    operator(shape, &pair, said)?;
    let no_case = matches!(shape.key, Key::Test | Key::Program | Key::Import);
    if pair.ignores_case && no_case {
        return Err((at, format!("{} has no i\"…\"", shape.name)));
    }
    let token = Token {
        key: shape.key,
        attribute: pair.attribute,
        operator: pair.operator,
        value: pair.value,
        ignores_case: pair.ignores_case,
        at,
        value_at: pair.value_at,
    };
    let keep = value::check(shape.name, &token, said)?;
    Ok(keep.then_some(token))
}

fn unknown(key: &str) -> String {
    let shown: String = key.chars().take(40).collect();
    let upper = key.to_ascii_uppercase();
    let close = SHAPES.iter().find(|shape| shape.name == upper);
    match close {
        Some(shape) => format!("no key {shown}: keys are in capitals, {}", shape.name),
        None => format!("no key {shown:?}"),
    }
}

fn braces(shape: &Shape, pair: &Pair, said: &mut Said) -> Result<(), Wrong> {
    let inside = pair.attribute.as_deref();
    let wrong = |why: &str| Err((pair.at, format!("{} {why}", shape.name)));
    match (shape.braces, inside) {
        (Braces::None, Some(_)) => wrong("takes nothing in braces"),
        (Braces::Name | Braces::Path | Braces::OneOf(_), None | Some("")) => {
            wrong("needs something in braces")
        }
        (Braces::OneOf(known) | Braces::Perhaps(known), Some(inside))
            if !known.contains(&inside) =>
        {
            wrong(&format!("takes {} in braces", known.join(", ")))
        }
        (Braces::Mode, Some(mode)) if !mode.is_empty() && !value::is_mode(mode) => {
            wrong("takes an octal mode in braces")
        }
        (Braces::Path, Some(path)) => {
            if let Err((_, why)) = format::check(path) {
                said.push((
                    pair.at,
                    Weight::Error,
                    format!("{}{{{path}}}: {why}", shape.name),
                ));
            }
            if shape.key == Key::Attrs && path.starts_with("device/") {
                let why = "the link `device` may go away: ATTRS walks up to the device itself";
                said.push((pair.at, Weight::Warning, why.to_owned()));
            }
            if shape.key == Key::Attrs && path.contains("../") {
                let why = "../ may break: ATTRS walks up by itself";
                said.push((pair.at, Weight::Warning, why.to_owned()));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn operator(shape: &Shape, pair: &Pair, said: &mut Said) -> Result<(), Wrong> {
    let operator = pair.operator;
    if shape.takes.contains(&operator) {
        return Ok(());
    }
    if shape.bends.contains(&operator) {
        let why = format!("{} takes {} for =", shape.name, operator.text());
        said.push((pair.at, Weight::Warning, why));
        return Ok(());
    }
    let known: Vec<&str> = shape.takes.iter().map(|operator| operator.text()).collect();
    let why = format!(
        "{} takes {}, not {}",
        shape.name,
        known.join(" "),
        operator.text()
    );
    Err((pair.at, why))
}

/// Adds a pair to its rule: of several `GOTO` the first counts, of several `LABEL` the last.
pub(super) fn add(token: Token, tokens: &mut Vec<Token>, file: &mut RulesFile) {
    let before = tokens.iter().position(|it| it.key == token.key);
    match (token.key, before) {
        (Key::Goto, Some(_)) => {
            file.fault(token.at, Weight::Warning, "a second GOTO does not count");
        }
        (Key::Label, Some(at)) => {
            file.fault(
                token.at,
                Weight::Warning,
                "of two LABELs the first does not count",
            );
            tokens[at] = token;
        }
        _ => tokens.push(token),
    }
}

/// Whether a rule with this pair changes something.
pub(super) fn has_effect(token: &Token) -> bool {
    match token.key {
        Key::Program | Key::Import => true,
        _ => !token.is_match(),
    }
}
