//! Which versions of Kubernetes a version of Talos takes, by the tables of Talos' machinery 1.14.0-alpha.2.

use super::version::{self, Core};

/// Minor versions of Talos 1, with the first and the last minor version of Kubernetes 1.
const SUPPORTED: [(u64, u64, u64); 13] = [
    (2, 23, 25),
    (3, 24, 26),
    (4, 25, 27),
    (5, 26, 28),
    (6, 24, 29),
    (7, 25, 30),
    (8, 26, 31),
    (9, 27, 32),
    (10, 28, 33),
    (11, 29, 34),
    (12, 30, 35),
    (13, 31, 36),
    (14, 32, 37),
];
/// The patch from which on a version counts as newer than the last one.
const LAST_PATCH: u64 = 99;

/// Why `kubernetes` does not go with `talos`; `None` if it does.
pub(super) fn mismatch(talos: &str, kubernetes: &str) -> Option<String> {
    let Some(talos) = version::tolerant(talos) else {
        return Some(String::from("the version of Talos is no version"));
    };
    let bare = kubernetes.strip_prefix('v').unwrap_or(kubernetes);
    let Some(kubernetes) = version::tolerant(bare) else {
        return Some(String::from("it is no version, such as v1.31.1"));
    };
    let (major, minor, _) = talos;
    let known = SUPPORTED
        .iter()
        .find(|(known, ..)| (1, *known) == (major, minor));
    let Some((_, first, last)) = known else {
        return Some(format!("nothing is known about Talos {major}.{minor}"));
    };
    let fits = kubernetes >= (1, *first, 0) && kubernetes < (1, *last, LAST_PATCH);
    (!fits).then(|| {
        let (own_major, own_minor, own_patch): Core = kubernetes;
        format!(
            "Talos {major}.{minor} takes Kubernetes 1.{first} to 1.{last}, not {own_major}.{own_minor}.{own_patch}"
        )
    })
}
