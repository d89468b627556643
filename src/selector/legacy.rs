//! `machine.install.diskSelector`: what Talos makes of it, matcher by matcher.
//!
//! Talos turns the selector into a CEL conjunction and adds three conditions of its own: a transport,
//! not write-protected, no CD-ROM drive. Those rows say that Talos added them, because an empty
//! transport is why disks behind some controllers never match.

use super::atom::Atom;
use super::cel::glob;
use super::selection::{Check, CheckKind};
use crate::config::spec::{DiskSelector, DiskType, SizeMatcher};
use crate::probe::inventory::TalosDisk;
use crate::units::Bytes;

/// Column after which cel-go's printer breaks a line behind `&&`.
const WRAP_COLUMN: usize = 80;

/// One matcher.
struct Matcher {
    name: &'static str,
    /// As CEL.
    cel: String,
    wanted: String,
    found: String,
    pass: bool,
    atom: Atom,
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
        text.push_str(&matcher.cel);
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
            wanted: m.wanted.into(),
            found: m.found.into(),
            pass: m.pass,
            kind: CheckKind::Match,
        })
        .collect()
}

/// Name, what is wanted and what is asked of one property, for every row of [`checks`].
pub(super) fn conditions(selector: &DiskSelector) -> Vec<(String, String, Atom)> {
    matchers(selector, &TalosDisk::default())
        .into_iter()
        .map(|m| (m.name.to_owned(), m.wanted, m.atom))
        .collect()
}

fn matchers(selector: &DiskSelector, disk: &TalosDisk) -> Vec<Matcher> {
    let globbed = |name, field: &str, pattern: &Option<String>, found: &str| {
        let pattern = pattern.as_deref().filter(|p| !p.is_empty())?;
        Some(Matcher {
            name,
            cel: format!("glob({}, disk.{field})", quote(pattern)),
            wanted: format!("{pattern:?}"),
            found: format!("{found:?}"),
            pass: glob(pattern, found),
            atom: Atom::Text {
                field: field.to_owned(),
                pattern: pattern.to_owned(),
                glob: true,
            },
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
            cel: r#"disk.transport != """#.to_owned(),
            wanted: "any (Talos asks for one)".to_owned(),
            found: format!("{:?}", disk.transport),
            pass: !disk.transport.is_empty(),
            atom: Atom::Other,
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

fn size_matcher(size: &SizeMatcher, disk: &TalosDisk) -> Matcher {
    let wanted = size.size.get();
    let operator = size.op.symbol();
    Matcher {
        name: "size",
        cel: format!("disk.size {operator} {wanted}u"),
        wanted: format!("{operator} {wanted} ({})", size.size),
        found: format!("{} ({})", disk.size, Bytes::new(disk.size)),
        pass: size.op.holds(disk.size, wanted),
        atom: Atom::Size {
            op: size.op,
            bound: wanted,
        },
    }
}

fn type_matcher(kind: DiskType, disk: &TalosDisk) -> Matcher {
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
        cel: cel.to_owned(),
        wanted: wanted.to_owned(),
        found: format!("{found}, transport {:?}", disk.transport),
        pass,
        atom: Atom::Other,
    }
}

fn flag(name: &'static str, cel: &str, set: bool) -> Matcher {
    Matcher {
        name,
        cel: cel.to_owned(),
        wanted: "false (Talos asks for it)".to_owned(),
        found: set.to_string(),
        pass: !set,
        atom: Atom::Other,
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
    use crate::config::spec::SizeOp;

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
