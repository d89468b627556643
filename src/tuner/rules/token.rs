//! From pairs to tokens: which keys there are, and what each may have.
//!
//! Owns udev's judgement of one pair. Pure.

use super::lex::{Pair, Wrong};
use super::{Key, Operator, Place, RulesFile, Token, Weight, format};

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

/// Properties that only the kernel and udev itself set.
const FIXED_PROPERTIES: [&str; 23] = [
    "ACTION",
    "SEQNUM",
    "SYNTH_UUID",
    "DEVPATH",
    "DEVPATH_OLD",
    "SUBSYSTEM",
    "DEVTYPE",
    "DRIVER",
    "MODALIAS",
    "DEVNAME",
    "DEVMODE",
    "DEVUID",
    "DEVGID",
    "MAJOR",
    "MINOR",
    "DISKSEQ",
    "PARTN",
    "IFINDEX",
    "INTERFACE",
    "INTERFACE_OLD",
    "DEVLINKS",
    "TAGS",
    "CURRENT_TAGS",
];

const BUILTINS: [&str; 12] = [
    "blkid",
    "btrfs",
    "hwdb",
    "input_id",
    "keyboard",
    "kmod",
    "net_driver",
    "net_id",
    "net_setup_link",
    "path_id",
    "uaccess",
    "usb_id",
];

const LOG_LEVELS: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
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
    let keep = value(shape.name, &token, said)?;
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
        (Braces::Mode, Some(mode)) if !mode.is_empty() && !is_mode(mode) => {
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

/// What udev says of the value; whether the pair is kept.
fn value(name: &str, token: &Token, said: &mut Said) -> Result<bool, Wrong> {
    let value = token.value.as_str();
    let wrong = |why: String| Err((token.value_at, why));
    match token.key {
        Key::Test | Key::Program | Key::Import => substitutions(name, token, true, said),
        _ if token.is_match() => {
            if token.key == Key::Subsystem && matches!(value, "bus" | "class") {
                let why = format!("{value:?} has to be \"subsystem\"");
                said.push((token.value_at, Weight::Warning, why));
            }
        }
        Key::Name if value == "%k" || value.is_empty() => {
            return wrong(format!("NAME=\"{value}\" has no effect"));
        }
        Key::Env if token.attribute.as_deref().is_some_and(is_fixed) => {
            let property = token.attribute.as_deref().unwrap_or_default();
            return Err((token.at, format!("{property} cannot be set")));
        }
        Key::Tag | Key::Seclabel | Key::Run => substitutions(name, token, true, said),
        Key::Symlink | Key::Name | Key::Env | Key::Attr | Key::Sysctl => {
            substitutions(name, token, false, said);
        }
        Key::Owner | Key::Group if value.parse::<u32>().is_err() => {
            substitutions(name, token, true, said);
        }
        Key::Mode if !is_mode(value) => substitutions(name, token, true, said),
        Key::Options => return option(token, said),
        _ => {}
    }
    let builtin = token.attribute.as_deref() == Some("builtin");
    if matches!(token.key, Key::Import | Key::Run) && builtin {
        let command = value
            .split([' ', '\t', '\n', '\r'])
            .next()
            .unwrap_or_default();
        if !BUILTINS.contains(&command) {
            return wrong(format!("udev has no builtin {command:?}"));
        }
    }
    Ok(true)
}

/// A pair with a bad substitution is kept: udev says so and writes it as it is.
fn substitutions(name: &str, token: &Token, needed: bool, said: &mut Said) {
    if needed && token.value.is_empty() {
        said.push((
            token.value_at,
            Weight::Error,
            format!("{name} has an empty value"),
        ));
    } else if let Err((skip, why)) = format::check(&token.value) {
        let at = Place {
            column: token
                .value_at
                .column
                .saturating_add(u32::try_from(skip).unwrap_or(u32::MAX)),
            ..token.value_at
        };
        said.push((at, Weight::Error, format!("{name}: {why}")));
    }
}

fn option(token: &Token, said: &mut Said) -> Result<bool, Wrong> {
    let value = token.value.as_str();
    let plain = [
        "string_escape=none",
        "string_escape=replace",
        "db_persist",
        "watch",
        "nowatch",
    ];
    if plain.contains(&value) || value.starts_with("static_node=") {
        return Ok(true);
    }
    if let Some(priority) = value.strip_prefix("link_priority=") {
        return match priority.trim_start().parse::<i32>() {
            Ok(_) => Ok(true),
            Err(_) => Err((
                token.value_at,
                "the priority of a link is a number".to_owned(),
            )),
        };
    }
    if let Some(level) = value.strip_prefix("log_level=") {
        let number = level.parse::<u8>().is_ok_and(|level| level < 8);
        if level == "reset" || number || LOG_LEVELS.contains(&level) {
            return Ok(true);
        }
        return Err((token.value_at, "no such log level".to_owned()));
    }
    let why = format!("udev has no option {value:?}");
    said.push((token.value_at, Weight::Warning, why));
    Ok(false)
}

fn is_mode(text: &str) -> bool {
    let octal = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    octal && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777)
}

fn is_fixed(property: &str) -> bool {
    let more = ["USEC_INITIALIZED", "UDEV_DATABASE_VERSION"];
    FIXED_PROPERTIES.contains(&property)
        || more.contains(&property)
        || property.starts_with("SYNTH_ARG_")
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
