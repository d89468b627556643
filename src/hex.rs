//! Bytes as hexadecimal digits, the form in which digests are told.

use std::fmt::Write as _;

/// Two digits for each byte, in lower case.
pub fn lower(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `sha256:` and the digits of a finished SHA-256.
pub fn sha256(digest: &[u8]) -> String {
    format!("sha256:{}", lower(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(lower(&[]), "");
        assert_eq!(lower(&[0, 9, 0x10, 0xff]), "000910ff");
        assert_eq!(sha256(&[0xab]), "sha256:ab");
    }
}
