//! Expressions that no disk can ever meet, told from their conjunction alone. Pure.
//!
//! Looks only at what is certain: two values of one property, bounds that leave nothing between them, a condition and
//! its opposite, a word that Talos writes otherwise.

use super::atom::Atom;
use super::cel::{Expression, glob};
use crate::config::spec::SizeOp;

/// Transports as Talos writes them.
const TRANSPORTS: [&str; 10] = [
    "nvme", "virtio", "mmc", "sas", "fc", "ibp", "iscsi", "usb", "sata", "ata",
];

/// Why `expression` is false for every disk; `None` if some disk may meet it.
pub fn contradiction(expression: &Expression) -> Option<String> {
    let terms: Vec<_> = expression
        .terms()
        .iter()
        .filter(|term| term.depth == 0)
        .collect();
    if let Some(never) = terms.iter().find(|term| term.text == "false") {
        return Some(format!("{} is false for every disk", never.text));
    }
    for term in &terms {
        let opposite = format!("!{}", term.text);
        if terms.iter().any(|other| other.text == opposite) {
            return Some(format!("{} and {opposite} exclude each other", term.text));
        }
    }
    let (mut low, mut high) = (0_u64, u64::MAX);
    for (i, term) in terms.iter().enumerate() {
        match &term.atom {
            Atom::Size { op, bound } => {
                let (from, to) = range(*op, *bound)?;
                (low, high) = (low.max(from), high.min(to));
                if low > high {
                    return Some(format!("no size is left by {}", term.text));
                }
            }
            Atom::Text {
                field,
                pattern,
                glob,
            } => {
                if let Some(word) = other_word(field, pattern, *glob) {
                    return Some(format!("Talos writes the transport {word}, not {pattern}"));
                }
                let before = terms[..i].iter();
                let other = before.rev().find(|other| excludes(&other.atom, &term.atom));
                if let Some(other) = other {
                    return Some(format!(
                        "{} and {} exclude each other",
                        other.text, term.text
                    ));
                }
            }
            Atom::Other => {}
        }
    }
    None
}

/// The sizes that a condition leaves; `None` where it leaves none by itself, which is said elsewhere.
const fn range(op: SizeOp, bound: u64) -> Option<(u64, u64)> {
    Some(match op {
        SizeOp::Equal => (bound, bound),
        SizeOp::AtLeast => (bound, u64::MAX),
        SizeOp::AtMost => (0, bound),
        SizeOp::Above => (bound.saturating_add(1), u64::MAX),
        SizeOp::Below if bound == 0 => (1, 0),
        SizeOp::Below => (0, bound - 1),
    })
}

fn other_word(field: &str, pattern: &str, is_glob: bool) -> Option<&'static str> {
    let exact = field == "transport" && (!is_glob || !pattern.contains('*'));
    let folded = pattern.to_ascii_lowercase();
    let known = TRANSPORTS.into_iter().find(|word| *word == folded)?;
    (exact && known != pattern).then_some(known)
}

/// Whether no text meets both.
fn excludes(one: &Atom, other: &Atom) -> bool {
    let (
        Atom::Text {
            field: a,
            pattern: p,
            glob: p_glob,
        },
        Atom::Text {
            field: b,
            pattern: q,
            glob: q_glob,
        },
    ) = (one, other)
    else {
        return false;
    };
    // A disk has many links, of which each may meet one.
    if a != b || a == "symlinks" {
        return false;
    }
    let open = |pattern: &str, is_glob: bool| is_glob && pattern.contains('*');
    match (open(p, *p_glob), open(q, *q_glob)) {
        (false, false) => p != q,
        (true, false) => !glob(p, q),
        (false, true) => !glob(q, p),
        (true, true) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::cel::Env;

    #[test]
    fn only_what_no_disk_can_meet_is_a_contradiction() {
        for (text, wanted) in [
            ("disk.transport == 'nvme' && disk.transport == 'usb'", true),
            ("disk.transport == 'NVMe'", true),
            ("disk.transport == 'nvme' || disk.transport == 'usb'", false),
            ("disk.size > 2u * TB && disk.size < 1u * TB", true),
            ("disk.size >= 1u * TB && disk.size <= 1u * TB", false),
            ("disk.size < 0u", true),
            ("disk.rotational && !disk.rotational", true),
            ("disk.rotational || !disk.rotational", false),
            (
                "glob('Samsung*', disk.model) && disk.model == 'APPLE SSD'",
                true,
            ),
            (
                "glob('APPLE*', disk.model) && disk.model == 'APPLE SSD'",
                false,
            ),
            (
                "'/dev/a' in disk.symlinks && '/dev/b' in disk.symlinks",
                false,
            ),
            ("false", true),
            ("disk.model == 'Portable SSD T5'", false),
        ] {
            let expression = Expression::parse(text, Env::Disk).unwrap();
            assert_eq!(contradiction(&expression).is_some(), wanted, "{text}");
        }
    }
}
