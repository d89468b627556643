//! The functions that templates may call, each exactly as Go's or sprig's.
//!
//! Where a function does more than is safe to copy, such as changing the case of letters beyond ASCII, it refuses the rest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::MOST;
use super::data::{Datum, Kind};
use crate::config::talconfig::Variables;

type Outcome<'d> = Result<Datum<'d>, String>;

/// Calls the function `name`.
pub(super) fn call<'d>(name: &str, arguments: Vec<Datum<'d>>, env: &Variables) -> Outcome<'d> {
    match name {
        "not" | "eq" | "ne" | "len" | "index" | "empty" | "default" | "coalesce" | "ternary" => {
            general(name, arguments)
        }
        "join" | "splitList" | "first" | "last" => lists(name, arguments),
        _ => texts(name, &arguments, env)
            .map(Datum::Text)
            .or_else(|error| match (name, error) {
                ("contains" | "hasPrefix" | "hasSuffix", _) => {
                    holds(name, &arguments).map(Datum::Flag)
                }
                (_, error) => Err(error),
            }),
    }
}

fn count<const N: usize>(arguments: Vec<Datum<'_>>) -> Result<[Datum<'_>; N], String> {
    let found = arguments.len();
    arguments
        .try_into()
        .map_err(|_| format!("it has {found} arguments, and takes {N}"))
}

fn text<'a>(value: &'a Datum<'_>) -> Result<&'a str, String> {
    match value {
        Datum::Text(text) => Ok(text),
        other => Err(format!("{} where a text must stand", other.what())),
    }
}

fn general<'d>(name: &str, arguments: Vec<Datum<'d>>) -> Outcome<'d> {
    match name {
        "not" => {
            let [value] = count(arguments)?;
            Ok(Datum::Flag(!value.truth()?))
        }
        "empty" => {
            let [value] = count(arguments)?;
            is_empty(&value).map(Datum::Flag)
        }
        "ne" => {
            let [one, other] = count(arguments)?;
            Ok(Datum::Flag(!is_same(&one, &other)?))
        }
        "eq" => {
            let (one, others) = arguments.split_first().ok_or("it has no arguments")?;
            if others.is_empty() {
                return Err("it has one argument, and takes two".to_owned());
            }
            let mut same = false;
            for other in others {
                same = same || is_same(one, other)?;
            }
            Ok(Datum::Flag(same))
        }
        "len" => {
            let [value] = count(arguments)?;
            length(&value).map(Datum::Whole)
        }
        "index" => {
            let [value, place] = count(arguments)?;
            index(value, &place)
        }
        "default" => {
            let [usual, value] = count(arguments)?;
            Ok(if is_empty(&value)? { usual } else { value })
        }
        "ternary" => {
            let [yes, no, flag] = count(arguments)?;
            match flag {
                Datum::Flag(true) => Ok(yes),
                Datum::Flag(false) => Ok(no),
                other => Err(format!("{} where true or false must stand", other.what())),
            }
        }
        _ => {
            for value in arguments {
                if !is_empty(&value)? {
                    return Ok(value);
                }
            }
            Err("all of its arguments are empty".to_owned())
        }
    }
}

fn length(value: &Datum<'_>) -> Result<i64, String> {
    let length = match value {
        Datum::Text(text) => text.len(),
        Datum::List(items) => items.len(),
        Datum::Part(Kind::Map(_), value) => {
            let map = value.and_then(Json::as_object);
            map.map_or(0, serde_json::Map::len)
        }
        other => return Err(format!("{} has no length", other.what())),
    };
    i64::try_from(length).map_err(|_| "too long".to_owned())
}

/// Whether sprig takes it for nothing. A pointer that is set is something, whatever it points to.
fn is_empty(value: &Datum<'_>) -> Result<bool, String> {
    match value {
        Datum::Part(Kind::Struct(_), _) | Datum::Fields(_) => Ok(false),
        other => other.truth().map(|truth| !truth),
    }
}

fn is_same(one: &Datum<'_>, other: &Datum<'_>) -> Result<bool, String> {
    match (one, other) {
        (Datum::Text(one), Datum::Text(other)) => Ok(one == other),
        (Datum::Flag(one), Datum::Flag(other)) => Ok(one == other),
        (Datum::Whole(one), Datum::Whole(other)) => Ok(one == other),
        (one, other) => Err(format!(
            "{} cannot be compared with {}",
            one.what(),
            other.what()
        )),
    }
}

fn index<'d>(value: Datum<'d>, place: &Datum<'_>) -> Outcome<'d> {
    match (value, place) {
        (Datum::List(items), Datum::Whole(place)) => {
            let place = usize::try_from(*place).ok();
            let found = place.and_then(|place| items.into_iter().nth(place));
            found.ok_or("there is no such item".to_owned())?.plain()
        }
        (Datum::Part(Kind::Map(item), value), Datum::Text(key)) => {
            Datum::Part(item, value.and_then(|value| value.get(key))).plain()
        }
        (value, place) => Err(format!("{} of {}", place.what(), value.what())),
    }
}

fn lists<'d>(name: &str, arguments: Vec<Datum<'d>>) -> Outcome<'d> {
    match name {
        "join" => {
            let [between, list] = count(arguments)?;
            let Datum::List(items) = list else {
                return Err(format!("{} where a list must stand", list.what()));
            };
            let items = items
                .into_iter()
                .map(Datum::plain)
                .collect::<Result<Vec<_>, _>>()?;
            let items = items.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            Ok(Datum::Text(items.join(text(&between)?)))
        }
        "splitList" => {
            let [between, whole] = count(arguments)?;
            let between = text(&between)?;
            if between.is_empty() {
                return Err("an empty text cannot be split at here".to_owned());
            }
            let parts = text(&whole)?.split(between);
            Ok(Datum::List(
                parts.map(|part| Datum::Text(part.to_owned())).collect(),
            ))
        }
        _ => {
            let [list] = count(arguments)?;
            let Datum::List(mut items) = list else {
                return Err(format!("{} where a list must stand", list.what()));
            };
            let found = match name {
                "first" if !items.is_empty() => Some(items.swap_remove(0)),
                "last" => items.pop(),
                _ => None,
            };
            found.ok_or("the list is empty".to_owned())?.plain()
        }
    }
}

fn holds(name: &str, arguments: &[Datum<'_>]) -> Result<bool, String> {
    let [part, whole] = arguments else {
        return Err(format!("it has {} arguments, and takes 2", arguments.len()));
    };
    let (part, whole) = (text(part)?, text(whole)?);
    Ok(match name {
        "contains" => whole.contains(part),
        "hasPrefix" => whole.starts_with(part),
        _ => whole.ends_with(part),
    })
}

/// The functions that make a text.
fn texts(name: &str, arguments: &[Datum<'_>], env: &Variables) -> Result<String, String> {
    if matches!(name, "quote" | "squote") {
        let quoted = |value: &Datum<'_>| match name {
            "quote" => go_quoted(&shown(value)?),
            _ => Ok(format!("'{}'", shown(value)?)),
        };
        let all = arguments
            .iter()
            .map(quoted)
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(all.join(" "));
    }
    match (name, arguments) {
        ("upper", [one]) => ascii(text(one)?).map(str::to_ascii_uppercase),
        ("lower", [one]) => ascii(text(one)?).map(str::to_ascii_lowercase),
        ("trim", [one]) => Ok(text(one)?.trim().to_owned()),
        ("toString", [one]) => shown(one),
        ("b64enc", [one]) => Ok(STANDARD.encode(text(one)?)),
        ("env", [one]) => Ok(env
            .get(text(one)?)
            .map(|it| it.to_string())
            .unwrap_or_default()),
        ("trimSuffix", [end, one]) => {
            let one = text(one)?;
            Ok(one.strip_suffix(text(end)?).unwrap_or(one).to_owned())
        }
        ("trimPrefix", [start, one]) => {
            let one = text(one)?;
            Ok(one.strip_prefix(text(start)?).unwrap_or(one).to_owned())
        }
        ("replace", [old, new, one]) => Ok(text(one)?.replace(text(old)?, text(new)?)),
        ("indent", [Datum::Whole(width), one]) => indented(*width, text(one)?),
        ("nindent", [Datum::Whole(width), one]) => {
            Ok(format!("\n{}", indented(*width, text(one)?)?))
        }
        ("printf", [form, rest @ ..]) => printf(text(form)?, rest),
        (name, _) if KNOWN.contains(&name) => Err("its arguments are not what it takes".to_owned()),
        _ => Err(format!(
            "not a function that keelblock renders; it renders {}",
            KNOWN.join(", ")
        )),
    }
}

/// All functions.
const KNOWN: [&str; 31] = [
    "and",
    "b64enc",
    "coalesce",
    "contains",
    "default",
    "empty",
    "env",
    "eq",
    "first",
    "hasPrefix",
    "hasSuffix",
    "indent",
    "index",
    "join",
    "last",
    "len",
    "lower",
    "ne",
    "nindent",
    "not",
    "or",
    "printf",
    "quote",
    "replace",
    "splitList",
    "squote",
    "ternary",
    "toString",
    "trim",
    "trimPrefix",
    "upper",
];

fn ascii(text: &str) -> Result<&str, String> {
    match text.is_ascii() {
        true => Ok(text),
        false => Err("letters beyond ASCII are not changed here".to_owned()),
    }
}

/// The text of a value of a basic type.
fn shown(value: &Datum<'_>) -> Result<String, String> {
    match value {
        Datum::Text(text) => Ok(text.clone()),
        Datum::Flag(flag) => Ok(flag.to_string()),
        Datum::Whole(value) => Ok(value.to_string()),
        other => Err(format!("{} has no text here", other.what())),
    }
}

/// In double quotes, as Go writes a text.
fn go_quoted(text: &str) -> Result<String, String> {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            _ => return Err("a special character is not quoted here".to_owned()),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

fn indented(width: i64, text: &str) -> Result<String, String> {
    let width = usize::try_from(width).ok().filter(|width| *width <= 256);
    let pad = " ".repeat(width.ok_or("an indent of this width is not rendered by keelblock")?);
    let length = text.len() + (text.matches('\n').count() + 1) * pad.len();
    if length > MOST {
        return Err("it becomes larger than a configuration can be".to_owned());
    }
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// `%s`, `%d`, `%v` and `%%` alone.
fn printf(form: &str, arguments: &[Datum<'_>]) -> Result<String, String> {
    let mut arguments = arguments.iter();
    let mut out = String::new();
    let mut chars = form.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            out.push('%');
            continue;
        }
        let value = arguments.next().ok_or("too few arguments")?;
        match (verb, value) {
            (Some('s' | 'v'), Datum::Text(text)) => out.push_str(text),
            (Some('d' | 'v'), Datum::Whole(value)) => out.push_str(&value.to_string()),
            (Some('v' | 't'), Datum::Flag(flag)) => out.push_str(&flag.to_string()),
            _ => return Err("a verb that is not rendered by keelblock".to_owned()),
        }
    }
    match arguments.next() {
        None => Ok(out),
        Some(_) => Err("too many arguments".to_owned()),
    }
}
