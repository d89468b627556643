//! Which lines of a file may hold a secret, told from the text alone.
//!
//! Pure. Works on files that are no valid YAML as well, where no tree says what is a passphrase. It
//! errs on the side of hiding: a hidden line costs a quotation, a shown one may cost the disk.

use super::nearest::distance;

/// Words that make a line, and what is indented below it, a place of secrets.
const WORDS: [&str; 12] = [
    "secret", "token", "passw", "phrase", "private", "static", "keys", "key:", "key\"", "auth",
    "crt", "binary",
];

/// Lines with text after one that names a passphrase, or `static`, that are tainted wherever they are indented.
const FOLLOWING: u32 = 3;

/// What is known about the lines of one file.
#[derive(Default)]
pub(crate) struct Taint {
    /// Line `i + 1` may hold a secret.
    held: Vec<bool>,
}

impl Taint {
    /// Looks through `text`.
    pub fn of(text: &str) -> Self {
        let mut held = Vec::new();
        let mut region: Option<usize> = None;
        let mut following = 0;
        for line in lines(text) {
            let body = line.trim_start_matches([' ', '\t', '\u{feff}']);
            let indent = line.len() - body.len();
            if let Some(outer) = region
                && !body.is_empty()
                && (indent < outer || (indent == outer && !body.starts_with('-')))
            {
                region = None;
            }
            let passphrase = names_passphrase(body);
            let trigger = passphrase
                || WORDS
                    .iter()
                    .any(|word| body.to_ascii_lowercase().contains(word));
            held.push(trigger || region.is_some() || following > 0);
            if trigger && region.is_none() {
                region = Some(indent);
            }
            if passphrase || body.contains("static") {
                following = FOLLOWING;
            } else if !body.is_empty() {
                following = following.saturating_sub(1);
            }
        }
        Self { held }
    }

    /// Whether any of the lines `first..=last`, from 1, may hold a secret.
    pub fn holds(&self, first: u32, last: u32) -> bool {
        (first..=last.max(first)).any(|line| self.line(i64::from(line)))
    }

    /// Whether the line or a neighbour of it may hold a secret.
    pub fn near(&self, line: u32) -> bool {
        (-2..=1).any(|offset| self.line(i64::from(line) + offset))
    }

    fn line(&self, line: i64) -> bool {
        usize::try_from(line - 1)
            .ok()
            .and_then(|index| self.held.get(index))
            .copied()
            .unwrap_or(false)
    }
}

/// The lines as the YAML parser counts them: ended by `\n`, `\r\n` or a lone `\r`.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Whether a word of `line` is `passphrase`, or nearly.
pub(super) fn names_passphrase(line: &str) -> bool {
    line.split(is_boundary).any(is_passphrase)
}

fn is_boundary(c: char) -> bool {
    !(c.is_alphanumeric() || c == '_' || c == '-')
}

/// Whether a word is `passphrase`, give or take a slip of the keyboard or something stuck to it.
pub(super) fn is_passphrase(word: &str) -> bool {
    const PASSPHRASE: &str = "passphrase";
    const SLIPS: usize = 3;
    let chars: Vec<char> = word.chars().take(256).collect();
    let length = PASSPHRASE.len();
    if chars.len() + SLIPS < length {
        return false;
    }
    // Comparing is dear and files are full of base64: most windows lack the letters to begin with.
    let has_letters = |window: &&[char]| {
        let right = |c: &&char| PASSPHRASE.contains(c.to_ascii_lowercase());
        window.iter().filter(right).count() + SLIPS >= length
    };
    chars
        .windows(length.min(chars.len()))
        .filter(has_letters)
        .any(|window| distance(&window.iter().collect::<String>(), PASSPHRASE) <= SLIPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_taints_its_line_and_what_is_indented_below() {
        let text =
            "a: 1\nkeys:\n- slot: 0\n  static:\n    passphrase: |\n\n      x\nb: 2\nc: 3\nd: 4\n";
        let taint = Taint::of(text);
        let held: Vec<u32> = (1..=10).filter(|line| taint.holds(*line, *line)).collect();
        assert_eq!(held, [2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(taint.near(11) && !taint.near(20));
    }

    #[test]
    fn a_misspelt_passphrase_is_one() {
        for word in [
            "passphrase",
            "passPhrase",
            "pasphrase",
            "p4ssphrase",
            "0passphrase",
            "passphraze",
        ] {
            assert!(is_passphrase(word), "{word}");
        }
        assert!(!is_passphrase("partitions"));
    }
}
