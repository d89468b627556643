//! The known words closest to a misspelt one, for hints. Pure.

/// How many letters differ: insertions, deletions, exchanges, and swaps of neighbours. Case does not count:
/// words that differ in case alone are at distance 0. Only the first 64 characters count.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let exchange = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = exchange.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

/// Up to three of `known` that are close enough to be what was meant, closest first.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Vec<&'k str> {
    let mut close: Vec<(usize, &str)> = known
        .iter()
        .map(|known| (distance(word, known), *known))
        .filter(|(distance, known)| *distance <= (known.chars().count() / 3).max(1))
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close.into_iter().take(3).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_what_was_meant() {
        let known = ["disk", "diskSelector", "wipe", "image"];
        for (typed, meant) in [
            ("diskselector", vec!["diskSelector"]),
            ("wiep", vec!["wipe"]),
            ("dik", vec!["disk"]),
            ("format", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
    }
}
