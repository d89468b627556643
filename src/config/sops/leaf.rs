//! Values as SOPS encrypts them, one by one: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
//!
//! Pure. Spec: <https://github.com/getsops/sops/blob/v3.13.3/aes/cipher.go>, <https://github.com/getsops/sops#encryption-protocol>.

use aes_gcm::aead::consts::{U12, U32};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The key of a file.
pub(super) type DataKey = Zeroizing<[u8; 32]>;

/// What a value is after decryption.
pub(super) enum Leaf {
    /// Text, a point in time too.
    Text(Zeroizing<String>),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A boolean.
    Flag(bool),
    /// A comment in a list, which is no element.
    Comment,
}

/// Why a value cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has not the form, though it should be encrypted.
    Form,
    /// The key does not open it, or it stands where it did not stand.
    Changed,
}

/// What goes into the code over the whole file.
impl Leaf {
    pub fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let text = match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Int(value) => value.to_string().into_bytes(),
            Self::Float(value) => value.to_string().into_bytes(),
            Self::Flag(true) => b"True".to_vec(),
            Self::Flag(false) => b"False".to_vec(),
            Self::Comment => return None,
        };
        Some(Zeroizing::new(text))
    }
}

/// Decrypts `text`, which stands at `place`: its keys, with a colon behind each.
pub(super) fn decrypt(text: &str, key: &DataKey, place: &str) -> Result<Leaf, Fault> {
    // Nothing stays nothing.
    if text.is_empty() {
        return Ok(Leaf::Text(Zeroizing::default()));
    }
    let sealed = Sealed::parse(text).ok_or(Fault::Form)?;
    let bytes = sealed.open(key, place).ok_or(Fault::Changed)?;
    let plain = std::str::from_utf8(&bytes).map_err(|_| Fault::Form)?;
    let leaf = match sealed.kind {
        "str" | "bytes" | "time" => Leaf::Text(Zeroizing::new(plain.to_owned())),
        "int" => Leaf::Int(plain.parse().map_err(|_| Fault::Form)?),
        "float" => Leaf::Float(plain.parse().map_err(|_| Fault::Form)?),
        "bool" => Leaf::Flag(flag(plain).ok_or(Fault::Form)?),
        "comment" => Leaf::Comment,
        _ => return Err(Fault::Form),
    };
    Ok(leaf)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "True" | "true" => Some(true),
        "False" | "false" => Some(false),
        _ => None,
    }
}

struct Sealed<'t> {
    data: Vec<u8>,
    iv: Vec<u8>,
    kind: &'t str,
}

impl<'t> Sealed<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix("ENC[AES256_GCM,data:")?;
        let (data, rest) = rest.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, rest) = rest.split_once(",type:")?;
        let (kind, _) = rest.rsplit_once(']')?;
        let mut data = STANDARD.decode(data).ok()?;
        data.extend(STANDARD.decode(tag).ok()?);
        let iv = STANDARD.decode(iv).ok()?;
        Some(Self { data, iv, kind })
    }

    fn open(&self, key: &DataKey, place: &str) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload {
            msg: &self.data,
            aad: place.as_bytes(),
        };
        let key = (&**key).into();
        let opened = match self.iv.len() {
            32 => {
                let nonce = Nonce::<U32>::try_from(&self.iv[..]).ok()?;
                AesGcm::<Aes256, U32>::new(key).decrypt(&nonce, payload)
            }
            12 => {
                let nonce = Nonce::<U12>::try_from(&self.iv[..]).ok()?;
                AesGcm::<Aes256, U12>::new(key).decrypt(&nonce, payload)
            }
            _ => return None,
        };
        opened.ok().map(Zeroizing::new)
    }
}
