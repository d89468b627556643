//! What may stand in the value of a pair.
//!
//! Owns udev's judgement of values: properties that cannot be set, builtins, options, modes. Pure.

use super::lex::Wrong;
use super::token::Said;
use super::{Key, Place, Token, Weight, format};

/// Properties that only the kernel and udev itself set.
const FIXED_PROPERTIES: [&str; 15] = [
    "ACTION",
    "SEQNUM",
    "SYNTH_UUID",
    "DEVPATH",
    "DEVPATH_OLD",
    "SUBSYSTEM",
    "DEVTYPE",
    "DRIVER",
    "DEVNAME",
    "MAJOR",
    "MINOR",
    "IFINDEX",
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

/// What udev says of the value; whether the pair is kept.
pub(super) fn check(name: &str, token: &Token, said: &mut Said) -> Result<bool, Wrong> {
    let value = token.value.as_str();
    let wrong = |why: String| Err((token.value_at, why));
    match token.key {
        Key::Test | Key::Program | Key::Import => substitutions(name, token, true, said),
        Key::Subsystem if matches!(value, "bus" | "class") => {
            let why = format!("{value:?} has to be \"subsystem\"");
            said.push((token.value_at, Weight::Warning, why));
        }
        _ if token.is_match() => {}
        Key::Name if value == "%k" || value.is_empty() => {
            return wrong(format!("NAME=\"{value}\" has no effect"));
        }
        Key::Env
            if token
                .attribute
                .as_deref()
                .is_some_and(|it| FIXED_PROPERTIES.contains(&it)) =>
        {
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
        return match is_priority(priority) {
            true => Ok(true),
            false => Err((
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

/// Whether the first word of a command is a builtin.
pub(super) fn is_builtin(command: &str) -> bool {
    let name = command.split([' ', '\t', '\n', '\r']).next();
    name.is_some_and(|name| BUILTINS.contains(&name))
}

/// A C integer: decimal, or with a prefix.
fn is_priority(text: &str) -> bool {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let based = [("0x", 16), ("0X", 16), ("0b", 2), ("0o", 8)];
    let prefixed = based.iter().find_map(|(prefix, radix)| {
        let rest = digits.strip_prefix(prefix)?;
        Some(i32::from_str_radix(rest, *radix).is_ok())
    });
    prefixed.unwrap_or_else(|| text.parse::<i32>().is_ok())
}

pub(super) fn is_mode(text: &str) -> bool {
    let text = text.trim_start();
    let octal = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    octal && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777)
}
