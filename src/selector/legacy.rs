//! `machine.install.diskSelector`: what Talos makes of it, matcher by matcher.
//!
//! Talos turns the selector into a CEL conjunction and adds three conditions of its own: a transport,
//! not write-protected, no CD-ROM drive. Those rows say that Talos added them, because an empty
//! transport is why disks behind some controllers never match.

use std::borrow::Cow;

use super::atom::Atom;
use super::cel::glob;
use super::selection::{Check, CheckKind};
use crate::config::spec::{DiskSelector, DiskType, SizeMatcher, SizeOp};
use crate::probe::inventory::TalosDisk;
use crate::units::Bytes;

/// Column after which cel-go's printer breaks a line behind `&&`.
const WRAP_COLUMN: usize = 80;

/// One matcher.
struct Matcher<'s> {
    name: &'static str,
    asks: Asks<'s>,
    wanted: Cow<'static, str>,
    found: Cow<'static, str>,
    pass: bool,
}

/// What a matcher asks; its words are made where they are wanted, which is not for every disk.
enum Asks<'s> {
    /// A text property of this shape.
    Glob {
        field: &'static str,
        pattern: &'s str,
    },
    /// A size.
    Size { op: SizeOp, bound: u64 },
    /// Anything else, as CEL.
    Other(&'static str),
}

impl Asks<'_> {
    fn cel(&self) -> String {
        match self {
            Self::Glob { field, pattern } => format!("glob({}, disk.{field})", quote(pattern)),
            Self::Size { op, bound } => format!("disk.size {} {bound}u", op.symbol()),
            Self::Other(cel) => (*cel).to_owned(),
        }
    }

    fn atom(&self) -> Atom {
        match *self {
            Self::Glob { field, pattern } => Atom::Text {
                field: field.to_owned(),
                pattern: pattern.to_owned(),
                glob: true,
            },
            Self::Size { op, bound } => Atom::Size { op, bound },
            Self::Other(_) => Atom::Other,
        }
    }
}

/// The expression, as Talos prints it.
pub fn expression(selector: &DiskSelector) -> String {
    let mut text = String::new();
    let mut line_start = 0;
    for matcher in matchers(selector, &TalosDisk::default()) {
        if !text.is_empty() {
            // The printer counts bytes, and the operator by the name that its tree has for it.
            let long = text.len() - line_start + "_&&_".len() >= WRAP_COLUMN;
            if long {
                line_start = text.len();
            }
            text.push_str(if long { " &&\n" } else { " && " });
        }
        text.push_str(&matcher.asks.cel());
    }
    text
}

/// Whether `disk` matches.
pub fn matches(selector: &DiskSelector, disk: &TalosDisk) -> bool {
    matchers(selector, disk).iter().all(|m| m.pass)
}

/// One row a matcher, in Talos' order, its own conditions included.
pub(super) fn checks(selector: &DiskSelector, disk: &TalosDisk) -> Vec<Check> {
    matchers(selector, disk)
        .into_iter()
        .map(|m| Check {
            check: m.name.into(),
            wanted: m.wanted,
            found: m.found,
            pass: m.pass,
            kind: CheckKind::Match,
        })
        .collect()
}

/// Name, what is wanted and what is asked of one property, for every row of [`checks`].
pub(super) fn conditions(selector: &DiskSelector) -> Vec<(String, String, Atom)> {
    matchers(selector, &TalosDisk::default())
        .into_iter()
        .map(|m| (m.name.to_owned(), m.wanted.into_owned(), m.asks.atom()))
        .collect()
}

fn matchers<'s>(selector: &'s DiskSelector, disk: &TalosDisk) -> Vec<Matcher<'s>> {
    let globbed = |name, field, pattern: &'s Option<String>, found: &str| {
        let pattern = pattern.as_deref().filter(|p| !p.is_empty())?;
        Some(Matcher {
            name,
            asks: Asks::Glob { field, pattern },
            wanted: format!("{pattern:?}").into(),
            found: format!("{found:?}").into(),
            pass: glob(pattern, found),
        })
    };
    [
        selector.size.as_ref().map(|size| size_matcher(size, disk)),
        globbed("uuid", "uuid", &selector.uuid, &disk.uuid),
        globbed("wwid", "wwid", &selector.wwid, &disk.wwid),
        globbed("model", "model", &selector.model, &disk.model),
        globbed("serial", "serial", &selector.serial, &disk.serial),
        globbed("modalias", "modalias", &selector.modalias, &disk.modalias),
        Some(Matcher {
            name: "transport",
            asks: Asks::Other(r#"disk.transport != """#),
            wanted: "any (Talos asks for one)".into(),
            found: format!("{:?}", disk.transport).into(),
            pass: !disk.transport.is_empty(),
        }),
        selector.disk_type.map(|kind| type_matcher(kind, disk)),
        globbed("busPath", "bus_path", &selector.bus_path, &disk.bus_path),
        Some(flag("readonly", "!disk.readonly", disk.readonly)),
        Some(flag("cdrom", "!disk.cdrom", disk.cdrom)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn size_matcher(size: &SizeMatcher, disk: &TalosDisk) -> Matcher<'static> {
    let bound = size.size.get();
    let op = size.op;
    Matcher {
        name: "size",
        asks: Asks::Size { op, bound },
        wanted: format!("{} {bound} ({})", op.symbol(), size.size).into(),
        found: format!("{} ({})", disk.size, Bytes::new(disk.size)).into(),
        pass: op.holds(disk.size, bound),
    }
}

fn type_matcher(kind: DiskType, disk: &TalosDisk) -> Matcher<'static> {
    let (cel, wanted, pass) = match kind {
        DiskType::Ssd => ("!disk.rotational", "ssd (not rotational)", !disk.rotational),
        DiskType::Hdd => ("disk.rotational", "hdd (rotational)", disk.rotational),
        DiskType::Nvme => (
            r#"disk.transport == "nvme""#,
            "nvme (transport nvme)",
            disk.transport == "nvme",
        ),
        DiskType::Sd => (
            r#"disk.transport == "mmc""#,
            "sd (transport mmc)",
            disk.transport == "mmc",
        ),
    };
    let found = if disk.rotational {
        "rotational"
    } else {
        "not rotational"
    };
    Matcher {
        name: "type",
        asks: Asks::Other(cel),
        wanted: wanted.into(),
        found: format!("{found}, transport {:?}", disk.transport).into(),
        pass,
    }
}

fn flag(name: &'static str, cel: &'static str, set: bool) -> Matcher<'static> {
    Matcher {
        name,
        asks: Asks::Other(cel),
        wanted: "false (Talos asks for it)".into(),
        found: if set { "true" } else { "false" }.into(),
        pass: !set,
    }
}

/// A string literal as Go writes it.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_ascii() || c.escape_debug().len() == 1 => quoted.push(c),
            c if u32::from(c) > 0xffff => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_is_the_one_that_talos_prints() {
        assert_eq!(
            expression(&DiskSelector::default()),
            r#"disk.transport != "" && !disk.readonly && !disk.cdrom"#
        );
        let selector = DiskSelector {
            size: Some(SizeMatcher {
                op: SizeOp::AtLeast,
                size: Bytes::new(100_000_000_000),
                text: ">= 100GB".to_owned(),
            }),
            model: Some("APPLE SSD*".to_owned()),
            serial: Some("a\"b".to_owned()),
            disk_type: Some(DiskType::Ssd),
            bus_path: Some("/pci*".to_owned()),
            ..DiskSelector::default()
        };
        assert_eq!(
            expression(&selector),
            "disk.size >= 100000000000u && glob(\"APPLE SSD*\", disk.model) && \
             glob(\"a\\\"b\", disk.serial) &&\n\
             disk.transport != \"\" && !disk.rotational && glob(\"/pci*\", disk.bus_path) &&\n\
             !disk.readonly && !disk.cdrom"
        );
    }
}
