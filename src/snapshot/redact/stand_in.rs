//! The stand-in of one identifier: the same length and kinds of characters, drawn from a keyed hash. Pure.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// Draws stand-ins under one key.
pub(super) struct StandIns<'k> {
    key: &'k Secret,
    attempt: u32,
}

impl<'k> StandIns<'k> {
    pub(super) const fn new(key: &'k Secret, attempt: u32) -> Self {
        Self { key, attempt }
    }

    /// A stand-in for `text` whose first `keep` characters stay, such as the manufacturer's part of a world-wide id.
    ///
    /// Digits become digits, letters letters of the same case, everything else stays. What has only hexadecimal
    /// digits keeps to them; a UUID keeps its version and variant. `draw` tells draws for the same text apart.
    pub(super) fn draw(&self, text: &str, keep: usize, draw: u32) -> String {
        let hex = text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || !c.is_ascii_alphanumeric())
            && text.is_ascii();
        let letters = hex && text.contains(|c: char| c.is_ascii_alphabetic());
        let upper = text.contains(|c: char| c.is_ascii_uppercase());
        let uuid = is_uuid(text);
        let mut stream = Stream::new(self, text, draw);
        let stand_in = |(at, c): (usize, char)| {
            if at < keep || (uuid && matches!(at, 14 | 19)) {
                return c;
            }
            match c {
                'a'..='f' | 'A'..='F' | '0'..='9' if letters => hex_digit(stream.below(16), upper),
                '0'..='9' => char::from(b'0' + stream.below(10)),
                'a'..='z' => char::from(b'a' + stream.below(26)),
                'A'..='Z' => char::from(b'A' + stream.below(26)),
                c if c.is_alphanumeric() => char::from(b'a' + stream.below(26)),
                c => c,
            }
        };
        text.chars().enumerate().map(stand_in).collect()
    }

    /// Bytes that stand for `text`.
    pub(super) fn bytes<const N: usize>(&self, text: &str) -> [u8; N] {
        let mut stream = Stream::new(self, text, 0);
        std::array::from_fn(|_| stream.byte())
    }
}

fn hex_digit(value: u8, upper: bool) -> char {
    let digits = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    char::from(digits[usize::from(value % 16)])
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Bytes of HMAC-SHA-256(key, attempt ‖ draw ‖ block ‖ text in lower case), block after block.
struct Stream {
    mac: Hmac<Sha256>,
    text: String,
    block: u32,
    bytes: Vec<u8>,
}

impl Stream {
    fn new(stand_ins: &StandIns<'_>, text: &str, draw: u32) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(stand_ins.key.expose())
            .expect("HMAC takes keys of every length");
        mac.update(&stand_ins.attempt.to_be_bytes());
        mac.update(&draw.to_be_bytes());
        Self {
            mac,
            text: text.to_ascii_lowercase(),
            block: 0,
            bytes: Vec::new(),
        }
    }

    /// A number below `bound`; the bias of at most 26 in 256 hides nothing that the key does not.
    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn byte(&mut self) -> u8 {
        if self.bytes.is_empty() {
            let mut mac = self.mac.clone();
            mac.update(&self.block.to_be_bytes());
            mac.update(self.text.as_bytes());
            self.bytes = mac.finalize().into_bytes().to_vec();
            self.block += 1;
        }
        self.bytes.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        let kind = |c: char| match c {
            '0'..='9' => '9',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            c => c,
        };
        text.chars().map(kind).collect()
    }

    #[test]
    fn a_stand_in_has_the_shape_of_its_original() {
        let key = Secret::new(vec![7; 32]);
        let stand_ins = StandIns::new(&key, 0);
        for text in [
            "S49WNV0MC04217F",
            "1234568941",
            "Macintosh HD",
            "02000515031521144721",
            "photos-of-lena_2",
        ] {
            let drawn = stand_ins.draw(text, 0, 0);
            assert_eq!(shape(&drawn), shape(text));
            assert_ne!(drawn, text);
        }
        let uuid = stand_ins.draw("9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213", 0, 0);
        assert!(
            is_uuid(&uuid) && &uuid[14..15] == "5" && &uuid[19..20] == "b",
            "{uuid}"
        );
        let wwid = stand_ins.draw("5002538043584d30", 7, 0);
        assert!(wwid.starts_with("5002538") && wwid.len() == 16, "{wwid}");
        assert!(
            wwid.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
            "{wwid}"
        );
    }

    #[test]
    fn a_stand_in_depends_on_the_key_the_text_and_the_draw_and_not_on_its_case() {
        let (one, other) = (Secret::new(vec![1; 32]), Secret::new(vec![2; 32]));
        let draw = |key, text, draw| StandIns::new(key, 0).draw(text, 0, draw);
        let first = draw(&one, "S49WNV0MC04217F", 0);
        assert_eq!(first, draw(&one, "S49WNV0MC04217F", 0));
        assert_ne!(first, draw(&other, "S49WNV0MC04217F", 0));
        assert_ne!(first, draw(&one, "S49WNV0MC04217G", 0));
        assert_ne!(first, draw(&one, "S49WNV0MC04217F", 1));
        let long = "x".repeat(500);
        let drawn = draw(&one, &long, 0);
        assert_ne!(drawn[..32], drawn[32..64], "blocks differ");
        assert_eq!(
            draw(&one, "ABCDEF01", 0).to_lowercase(),
            draw(&one, "abcdef01", 0)
        );
    }
}
