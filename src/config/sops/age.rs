//! Files of age with X25519 keys, read: the form in which SOPS keeps the key of a file.
//!
//! Pure. Own, over maintained ciphers: the `age` crate brings a second generation of every cipher that is here already, a
//! framework for translations and a hundred packages, for a header of four lines. Keys of SSH, of plugins and post-quantum
//! ones are told apart and refused. Keys are wiped, and nothing of them reaches a message.
//! Spec: <https://github.com/C2SP/C2SP/blob/main/age.md>.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const VERSION: &str = "age-encryption.org/v1";
/// Plaintext of one chunk of the payload.
const CHUNK: usize = 64 << 10;
/// Tag of Poly1305.
const TAG: usize = 16;
/// What is read with this holds a key of 32 bytes.
const MAX_BYTES: usize = 1 << 20;
/// More recipients than anybody has.
const MAX_STANZAS: usize = 256;

/// Why a text is no key of age that can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Not a key.
    #[error("line {0} is no age key (AGE-SECRET-KEY-1…)")]
    NotAKey(usize),
    /// A key of another kind.
    #[error("line {0} is a key of a plugin or a post-quantum one, and keelblock reads X25519 keys")]
    OtherKind(usize),
}

/// Why a file of age cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AgeError {
    /// It is not in the form of version 1.
    #[error("it is not in the form of age, version 1")]
    Form,
    /// Nobody here can open it.
    #[error("none of the keys at hand opens it")]
    NoKey,
    /// What stands in it was changed.
    #[error("it was changed after it was encrypted")]
    Changed,
}

/// A secret key. Has no `Debug`.
pub struct Identity {
    secret: StaticSecret,
    public: PublicKey,
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    fn parse(text: &str) -> Option<Self> {
        let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
        let is_key = checked
            .hrp()
            .as_str()
            .eq_ignore_ascii_case("age-secret-key-");
        let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(&bytes[..]).ok()?);
        let secret = StaticSecret::from(*bytes);
        let public = PublicKey::from(&secret);
        is_key.then_some(Self { secret, public })
    }

    /// The recipient that belongs to it, `age1…`, which is public.
    pub fn recipient(&self) -> String {
        let encoded =
            Hrp::parse("age").map(|hrp| bech32::encode::<Bech32>(hrp, self.public.as_bytes()));
        encoded.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// The keys in a text, one a line or several with blanks between them; lines that start with `#` are comments.
///
/// # Errors
/// [`IdentityError`] with the number of the line, from 1.
pub fn identities(text: &str) -> Result<Vec<Identity>, IdentityError> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            continue;
        }
        for word in line.split_whitespace() {
            let other = ["AGE-PLUGIN-", "AGE-SECRET-KEY-PQ-1"];
            if other.iter().any(|start| word.starts_with(start)) {
                return Err(IdentityError::OtherKind(number));
            }
            found.push(Identity::parse(word).ok_or(IdentityError::NotAKey(number))?);
        }
    }
    Ok(found)
}

/// What an armored file holds.
///
/// # Errors
/// [`AgeError`].
pub fn decrypt(armored: &str, identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, AgeError> {
    let bytes = unarmored(armored)?;
    let header = Header::parse(&bytes)?;
    let key = identities
        .iter()
        .find_map(|identity| header.file_key(identity))
        .ok_or(AgeError::NoKey)?;
    header.verify(&key)?;
    payload(&key, header.payload)
}

fn unarmored(text: &str) -> Result<Vec<u8>, AgeError> {
    if text.len() > MAX_BYTES {
        return Err(AgeError::Form);
    }
    let body = text
        .trim()
        .strip_prefix(BEGIN)
        .and_then(|text| text.strip_suffix(END));
    let body = body.ok_or(AgeError::Form)?;
    let joined: String = body.lines().map(str::trim_end).collect();
    STANDARD.decode(joined).map_err(|_| AgeError::Form)
}

/// The share of a recipient, and the file's key encrypted for it.
struct Stanza {
    share: [u8; 32],
    wrapped: Vec<u8>,
}

struct Header<'b> {
    /// Of the kind that can be opened here.
    stanzas: Vec<Stanza>,
    /// What the code is over.
    signed: &'b [u8],
    code: Vec<u8>,
    payload: &'b [u8],
}

impl<'b> Header<'b> {
    fn parse(bytes: &'b [u8]) -> Result<Self, AgeError> {
        let mut rest = bytes;
        let mut line = || -> Result<&'b str, AgeError> {
            let end = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .ok_or(AgeError::Form)?;
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            std::str::from_utf8(line).map_err(|_| AgeError::Form)
        };
        if line()? != VERSION {
            return Err(AgeError::Form);
        }
        let mut stanzas = Vec::new();
        let mut count = 0;
        let code = loop {
            let first = line()?;
            if let Some(code) = first.strip_prefix("--- ") {
                break code;
            }
            count += 1;
            let arguments = first.strip_prefix("-> ").filter(|_| count <= MAX_STANZAS);
            let mut arguments = arguments.ok_or(AgeError::Form)?.split(' ');
            let mut body = String::new();
            loop {
                let line = line()?;
                body.push_str(line);
                if line.len() < 64 {
                    break;
                }
            }
            let kind = arguments.next();
            let share = arguments
                .next()
                .and_then(|share| STANDARD_NO_PAD.decode(share).ok());
            let wrapped = STANDARD_NO_PAD.decode(body).map_err(|_| AgeError::Form)?;
            if kind == Some("X25519") {
                let share = share
                    .and_then(|share| share.try_into().ok())
                    .ok_or(AgeError::Form)?;
                stanzas.push(Stanza { share, wrapped });
            }
        };
        let code = STANDARD_NO_PAD.decode(code).map_err(|_| AgeError::Form)?;
        // The code is over everything up to the three signs in its own line.
        let header = bytes.len() - rest.len();
        let encoded = code.len().div_ceil(3) * 4 - (3 - code.len() % 3) % 3;
        let signed = bytes.get(..header - encoded - 2).ok_or(AgeError::Form)?;
        Ok(Self {
            stanzas,
            signed,
            code,
            payload: rest,
        })
    }

    /// The file's key, if one of its stanzas is for `identity`.
    fn file_key(&self, identity: &Identity) -> Option<Zeroizing<[u8; 16]>> {
        self.stanzas.iter().find_map(|stanza| {
            let shared = identity
                .secret
                .diffie_hellman(&PublicKey::from(stanza.share));
            if !shared.was_contributory() {
                return None;
            }
            let salt = [stanza.share, *identity.public.as_bytes()].concat();
            let key = derive(shared.as_bytes(), &salt, b"age-encryption.org/v1/X25519");
            let opened = open(&key, &[0; 12], &stanza.wrapped)?;
            <[u8; 16]>::try_from(&opened[..]).ok().map(Zeroizing::new)
        })
    }

    fn verify(&self, file_key: &[u8; 16]) -> Result<(), AgeError> {
        let key = derive(file_key, &[], b"header");
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key[..]) else {
            return Err(AgeError::Changed);
        };
        mac.update(self.signed);
        mac.verify_slice(&self.code).map_err(|_| AgeError::Changed)
    }
}

fn payload(file_key: &[u8; 16], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgeError> {
    let (salt, bytes) = bytes.split_at_checked(16).ok_or(AgeError::Changed)?;
    let key = derive(file_key, salt, b"payload");
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let chunks: Vec<&[u8]> = bytes.chunks(CHUNK + TAG).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&(index as u64).to_be_bytes());
        nonce[11] = u8::from(index + 1 == chunks.len());
        let opened = open(&key, &nonce, chunk).ok_or(AgeError::Changed)?;
        // Only an empty file has an empty chunk.
        if opened.is_empty() && index > 0 {
            return Err(AgeError::Changed);
        }
        plain.extend_from_slice(&opened);
    }
    if chunks.is_empty() {
        return Err(AgeError::Changed);
    }
    Ok(plain)
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut key[..])
        .unwrap_or_else(|_| unreachable!("HKDF gives up to 8,160 bytes"));
    key
}

fn open(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    cipher
        .decrypt(&Nonce::from(*nonce), sealed)
        .ok()
        .map(Zeroizing::new)
}
