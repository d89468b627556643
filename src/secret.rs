//! Keys and passphrases: wiped when dropped, never printed, never serialised.
//!
//! There is deliberately no `Display`, `Serialize`, `Clone` or `PartialEq` here.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Bytes that must not leave the process: a passphrase, a volume key, a derived key.
#[derive(Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`; the caller keeps no copy.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// `len` zero bytes to be filled in place, kept out of swap as far as the system allows.
    pub fn in_ram(len: usize) -> Self {
        let secret = Self::new(vec![0; len]);
        // Without the privilege the bytes are still wiped at the end.
        crate::sys::memory::keep_in_ram(secret.expose()).ok();
        secret
    }

    /// A second copy, for the rare place that needs to own one.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The bytes themselves. Every call is a place to audit.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be filled in place.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_content_nor_length() {
        let secret = Secret::from(String::from("hunter2"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(format!("{:#?}", Some(&secret)), "Some(\n    Secret(…),\n)");
    }
}
