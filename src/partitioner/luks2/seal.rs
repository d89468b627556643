//! Makes a new volume: a fresh key, its keyslots and both header copies, all in memory and written by the caller.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::spec::Cipher;
use crate::entropy::Entropy;
use crate::guid::Guid;
use crate::secret::Secret;
use crate::units::Bytes;

use super::Luks2Error;
use super::af::{self, AfHash};
use super::cipher::SectorCipher;
use super::header::{Copy, Header, SIZES};
use super::kdf;
use super::metadata::{
    Af, Area, Argon2, Config, CryptSegment, Digest, Kdf, Keyslot, Luks2Keyslot, Metadata,
    Pbkdf2Digest, Segment, SegmentSize,
};
use super::unlock::Limits;

/// Bytes that are encrypted at once in a keyslot area, whatever the data's sectors are.
pub(super) const AREA_SECTOR: u32 = 512;
const HEADER_SIZE: Bytes = Bytes::new(0x4000);
pub(super) const STRIPES: u32 = 4000;
const SALT: usize = 32;
const HASH: &str = "sha256";

/// Cost of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Passes, at least 1.
    pub time: u32,
    /// Memory in KiB, at least 8 per lane.
    pub memory_kib: u32,
    /// Lanes, at least 1.
    pub lanes: u32,
}

/// What to seal.
#[derive(Clone, Debug)]
pub struct SealParams {
    /// UUID of the volume.
    pub uuid: Guid,
    /// Cipher of the data; the keyslots use it too, as cryptsetup does.
    pub cipher: Cipher,
    /// Bytes that are encrypted at once: 512 or 4096.
    pub sector_size: u32,
    /// Where the data starts: a multiple of 4096, behind all keyslots. Talos' volumes have 16 MiB.
    pub data_offset: Bytes,
    /// Length of the partition.
    pub partition_size: Bytes,
    /// Cost of each keyslot.
    pub kdf: Argon2Cost,
    /// Iterations of the digest, at least 1000.
    pub digest_iterations: u32,
    /// Tokens by id.
    pub tokens: BTreeMap<u32, Value>,
}

/// A sealed volume: what to write, and its key.
///
/// The three groups are written in their order, each followed by a sync.
#[derive(Debug)]
pub struct Sealed {
    /// The keyslots, and zeros wherever a header of another size could still stand. Offsets are within the partition.
    pub keyslot_areas: Vec<(Bytes, Vec<u8>)>,
    /// The secondary header.
    pub secondary_header: (Bytes, Vec<u8>),
    /// The primary header: with it the volume is complete.
    pub primary_header: (Bytes, Vec<u8>),
    /// What both headers say.
    pub header: Header,
    /// The key that encrypts the data.
    pub volume_key: Secret,
}

impl Sealed {
    /// The writes in their groups; a sync belongs behind each group.
    pub fn groups(&self) -> [&[(Bytes, Vec<u8>)]; 3] {
        [
            &self.keyslot_areas,
            std::slice::from_ref(&self.secondary_header),
            std::slice::from_ref(&self.primary_header),
        ]
    }
}

/// Makes a volume with a fresh key and a keyslot for each passphrase, in the given order.
///
/// The keyslot's number is the passphrase's; its area is the lowest free one, so the order decides the place.
///
/// # Errors
/// [`Luks2Error::Params`] for what cannot be sealed, such as two passphrases for one slot or data that its sectors do
/// not fill; [`Luks2Error::Header`] when the metadata does not fit; and what the key derivation says.
pub fn seal(
    params: &SealParams,
    passphrases: &[(u32, &Secret)],
    entropy: &mut dyn Entropy,
) -> Result<Sealed, Luks2Error> {
    check(params, passphrases)?;
    let key_len = params.cipher.key_len();
    let mut volume_key = Secret::new(vec![0; key_len]);
    entropy.fill(volume_key.expose_mut())?;
    let slots = passphrases.iter().map(|(slot, _)| *slot).collect();
    let mut header = bare_header(params, slots, &volume_key, entropy)?;
    let mut keyslot_areas = Vec::new();
    let mut place = Bytes::new(2 * HEADER_SIZE.get());
    for &(slot, passphrase) in passphrases {
        let (keyslot, area) = keyslot(params, (slot, passphrase), &volume_key, place, entropy)?;
        place = Bytes::new(place.get() + keyslot.area.size.get());
        keyslot_areas.push((keyslot.area.offset, area));
        let keyslot = Keyslot::Luks2(keyslot);
        header.metadata.keyslots.insert(slot, keyslot);
    }
    // An old secondary header there would be found if the primary were ever lost.
    for stale in SIZES {
        if stale >= place && stale < params.data_offset {
            keyslot_areas.push((stale, vec![0; 4096]));
        }
    }
    let mut encode = |copy| {
        let mut salt = [0; 64];
        entropy.fill(&mut salt)?;
        header.encode(copy, &salt).map_err(Luks2Error::Header)
    };
    Ok(Sealed {
        secondary_header: (HEADER_SIZE, encode(Copy::Secondary)?),
        primary_header: (Bytes::ZERO, encode(Copy::Primary)?),
        keyslot_areas,
        header,
        volume_key,
    })
}

fn check(params: &SealParams, passphrases: &[(u32, &Secret)]) -> Result<(), Luks2Error> {
    let refuse = |why| Err(Luks2Error::Params(why));
    if !matches!(params.sector_size, 512 | 4096) {
        return refuse("sectors are 512 or 4096 bytes");
    }
    if params.digest_iterations < 1000 {
        return refuse("a digest takes at least 1000 iterations");
    }
    if passphrases.is_empty() {
        return refuse("there is no passphrase");
    }
    if passphrases
        .iter()
        .any(|(_, passphrase)| passphrase.is_empty())
    {
        return refuse("a passphrase is empty");
    }
    let mut slots: Vec<u32> = passphrases.iter().map(|(slot, _)| *slot).collect();
    slots.sort_unstable();
    slots.dedup();
    if slots.len() != passphrases.len() {
        return refuse("two passphrases have the same slot");
    }
    match params.partition_size.checked_sub(params.data_offset) {
        None | Some(Bytes::ZERO) => refuse("the partition has no room for data"),
        Some(data) if !data.is_multiple_of(Bytes::new(params.sector_size.into())) => {
            refuse("the data is not a whole number of sectors")
        }
        Some(_) => Ok(()),
    }
}

/// The header without keyslots, but with a digest that already names them.
fn bare_header(
    params: &SealParams,
    slots: Vec<u32>,
    volume_key: &Secret,
    entropy: &mut dyn Entropy,
) -> Result<Header, Luks2Error> {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt)?;
    let mut digest = [0; 32];
    let iterations = params.digest_iterations;
    kdf::pbkdf2(HASH, volume_key, &salt, iterations, &mut digest).map_err(|source| {
        Luks2Error::Kdf {
            slot: slots[0],
            source,
        }
    })?;
    let digest = Digest::Pbkdf2(Pbkdf2Digest {
        keyslots: slots,
        segments: vec![0],
        hash: HASH.to_owned(),
        iterations,
        salt: kdf::encode(&salt),
        digest: kdf::encode(&digest),
    });
    let segment = Segment::Crypt(CryptSegment {
        offset: params.data_offset,
        size: SegmentSize::Dynamic,
        iv_tweak: 0,
        encryption: params.cipher.name().to_owned(),
        sector_size: params.sector_size,
        integrity: None,
        flags: Vec::new(),
    });
    let headers = Bytes::new(2 * HEADER_SIZE.get());
    Ok(Header {
        hdr_size: HEADER_SIZE,
        // What cryptsetup leaves behind is a few writes old; any number does.
        seqid: 1,
        uuid: params.uuid.to_string(),
        label: String::new(),
        subsystem: String::new(),
        metadata: Metadata {
            keyslots: BTreeMap::new(),
            tokens: params.tokens.clone(),
            segments: BTreeMap::from([(0, segment)]),
            digests: BTreeMap::from([(0, digest)]),
            config: Config {
                json_size: Bytes::new(HEADER_SIZE.get() - 4096),
                keyslots_size: params.data_offset.saturating_sub(headers),
                flags: None,
                requirements: None,
            },
        },
    })
}

/// A keyslot at `place`, and the bytes of its area.
fn keyslot(
    params: &SealParams,
    (slot, passphrase): (u32, &Secret),
    volume_key: &Secret,
    place: Bytes,
    entropy: &mut dyn Entropy,
) -> Result<(Luks2Keyslot, Vec<u8>), Luks2Error> {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt)?;
    let kdf = Kdf::Argon2id(Argon2 {
        time: params.kdf.time,
        memory: params.kdf.memory_kib,
        cpus: params.kdf.lanes,
        salt: kdf::encode(&salt),
    });
    let cipher = params.cipher;
    // The caller chose the cost; nothing here is untrusted.
    let limits = Limits {
        memory: Bytes::new(u64::MAX),
        argon2_passes: u32::MAX,
        pbkdf2_iterations: u32::MAX,
    };
    let key = kdf::derive(&kdf, passphrase, cipher.key_len(), &limits)
        .map_err(|source| Luks2Error::Kdf { slot, source })?;
    let split = af::split(volume_key, STRIPES as usize, AfHash::Sha256, entropy)?;
    // The rest of the area is random too, so that nothing tells where the key ends.
    let mut area = vec![0; split.len().next_multiple_of(4096)];
    area[..split.len()].copy_from_slice(split.expose());
    entropy.fill(&mut area[split.len()..])?;
    SectorCipher::new(cipher, &key, AREA_SECTOR)
        .map_err(|source| Luks2Error::Cipher { slot, source })?
        .encrypt(Bytes::ZERO, &mut area);
    let key_size = u32::try_from(volume_key.len()).expect("32 or 64");
    let keyslot = Luks2Keyslot {
        key_size,
        af: Af {
            kind: String::from("luks1"),
            stripes: STRIPES,
            hash: HASH.to_owned(),
        },
        area: Area {
            kind: String::from("raw"),
            offset: place,
            size: Bytes::from(area.len()),
            encryption: cipher.name().to_owned(),
            key_size,
        },
        kdf,
        priority: None,
    };
    Ok((keyslot, area))
}
