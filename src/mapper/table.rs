//! The line of a device-mapper table that decrypts a LUKS2 volume. Pure.
//!
//! ```text
//! cipher key iv_offset device offset [count option…]
//! ```
//! Offsets and lengths are in sectors of 512 bytes whatever the encryption sector is, and so is the IV: LUKS2 never
//! sets `iv_large_sectors`. Spec: dm-crypt of the kernel's admin guide; LUKS2 On-Disk Format Specification 1.1.3,
//! section 3.3; cryptsetup's own lines are the judge.

use crate::partitioner::luks2::{CryptSegment, Header, Segment, SegmentSize};
use crate::secret::Secret;
use crate::units::Bytes;

const SECTOR: u64 = 512;

/// Version of the kernel's target, `dm-crypt`.
pub type Version = [u32; 3];

/// From here on a key in the kernel's keyring is taken as cryptsetup takes it, and encryption sectors are known.
const KEYRING: Version = [1, 18, 1];
const SECTOR_SIZE: Version = [1, 17, 0];
const WORKQUEUES: Version = [1, 22, 0];

/// Why a volume cannot be mapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A header for data that lies elsewhere.
    #[error("its header is detached: the data is on another device")]
    Detached,
    /// Something other than one encrypted segment, such as during a reencryption.
    #[error("its data is not one encrypted segment")]
    Segments,
    /// The header asks for what is not supported.
    #[error("its header requires {0}")]
    Requirements(String),
    /// Authenticated encryption.
    #[error("it has authenticated encryption, which keelblock does not open")]
    Integrity,
    /// The cipher's name is no single word.
    #[error("its cipher {0:?} cannot stand in a table")]
    Cipher(String),
    /// Offset or length do not fit the device.
    #[error("its data segment does not fit the partition of {0}")]
    Bounds(Bytes),
    /// The kernel is too old.
    #[error("its encryption sectors of {0} bytes need a newer kernel")]
    SectorSize(u32),
}

/// What is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypt {
    cipher: String,
    iv_offset: u64,
    offset: u64,
    options: Vec<String>,
    /// Length in sectors of 512 bytes.
    pub sectors: u64,
}

/// Options that the configuration sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wished {
    /// `allowDiscards`.
    pub allow_discards: bool,
    /// `options`, such as `no_read_workqueue`.
    pub performance: Vec<String>,
}

impl Crypt {
    /// The volume of `header` in a partition of `size` that begins at byte `start` of the device that will be named.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn new(
        header: &Header,
        start: Bytes,
        size: Bytes,
        wished: &Wished,
        kernel: Version,
    ) -> Result<Self, TableError> {
        let segment = the_segment(header)?;
        let cipher = segment.encryption.clone();
        if cipher.is_empty() || cipher.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(TableError::Cipher(cipher));
        }
        let len = match segment.size {
            SegmentSize::Dynamic => size.checked_sub(segment.offset),
            SegmentSize::Fixed(len) => segment.offset.checked_add(len).and_then(|end| {
                let inside = end <= size;
                inside.then_some(len)
            }),
        };
        let bounds = TableError::Bounds(size);
        let whole = |bytes: Bytes, unit: u64| bytes.is_multiple_of(Bytes::new(unit));
        let unit = u64::from(segment.sector_size).max(SECTOR);
        let len = len.filter(|len| *len > Bytes::ZERO && whole(*len, unit));
        let offset = start.checked_add(segment.offset);
        let offset = offset.filter(|offset| whole(*offset, SECTOR));
        let (Some(len), Some(offset)) = (len, offset) else {
            return Err(bounds);
        };
        if segment.sector_size != 512 && kernel < SECTOR_SIZE {
            return Err(TableError::SectorSize(segment.sector_size));
        }
        Ok(Self {
            cipher,
            iv_offset: segment.iv_tweak,
            offset: offset.get() / SECTOR,
            options: options(header, segment, wished, kernel),
            sectors: len.get() / SECTOR,
        })
    }

    /// The parameters with the key as `key` says, for the device with this number.
    pub fn parameters(&self, key: &Secret, device: (u64, u64)) -> Secret {
        let front = format!("{} ", self.cipher);
        let mut back = format!(
            " {} {}:{} {}",
            self.iv_offset, device.0, device.1, self.offset
        );
        if !self.options.is_empty() {
            back.push_str(&format!(
                " {} {}",
                self.options.len(),
                self.options.join(" ")
            ));
        }
        let parts = [front.as_bytes(), key.expose(), back.as_bytes()];
        let mut line = Secret::in_ram(parts.iter().map(|part| part.len()).sum());
        let mut rest = line.expose_mut();
        for part in parts {
            let (here, behind) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = behind;
        }
        line
    }
}

/// Whether this kernel takes the volume key from its keyring.
pub fn has_keyring(kernel: Version) -> bool {
    kernel >= KEYRING
}

/// What stands in the table for a key of `len` bytes in the keyring.
pub fn keyring_form(len: usize, description: &str) -> Secret {
    Secret::from(format!(":{len}:logon:{description}"))
}

/// What stands in the table for a kernel that knows no keyring: the key itself in hexadecimal digits.
pub fn plain_form(key: &Secret) -> Secret {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Secret::in_ram(2 * key.len());
    for (pair, byte) in text.expose_mut().chunks_exact_mut(2).zip(key.expose()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn the_segment(header: &Header) -> Result<&CryptSegment, TableError> {
    if !header.requirements().is_empty() {
        return Err(TableError::Requirements(header.requirements().join(", ")));
    }
    if header.is_detached() {
        return Err(TableError::Detached);
    }
    let mut segments = header.metadata.segments.values();
    match (segments.next(), segments.next()) {
        (Some(Segment::Crypt(segment)), None) if segment.flags.is_empty() => {
            match &segment.integrity {
                None => Ok(segment),
                Some(_) => Err(TableError::Integrity),
            }
        }
        _ => Err(TableError::Segments),
    }
}

/// In cryptsetup's order: what the configuration wishes, and what the header carries for good.
fn options(
    header: &Header,
    segment: &CryptSegment,
    wished: &Wished,
    kernel: Version,
) -> Vec<String> {
    let flags = header.metadata.config.flags.as_deref().unwrap_or(&[]);
    let mut options = Vec::new();
    for (option, flag, since) in [
        ("allow_discards", "allow-discards", [1, 11, 0]),
        ("same_cpu_crypt", "same-cpu-crypt", [1, 14, 0]),
        (
            "submit_from_crypt_cpus",
            "submit-from-crypt-cpus",
            [1, 14, 0],
        ),
        ("no_read_workqueue", "no-read-workqueue", WORKQUEUES),
        ("no_write_workqueue", "no-write-workqueue", WORKQUEUES),
    ] {
        let is_wished = wished.performance.iter().any(|wish| wish == option)
            || (option == "allow_discards" && wished.allow_discards)
            || flags.iter().any(|known| known == flag);
        if is_wished && kernel < since {
            tracing::warn!(option, "this kernel is too old for it; opened without");
        } else if is_wished {
            options.push(option.to_owned());
        }
    }
    if u64::from(segment.sector_size) != SECTOR {
        options.push(format!("sector_size:{}", segment.sector_size));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partitioner::luks2::{Config, Digest, Metadata, Requirements};
    use std::collections::BTreeMap;

    const NEW: Version = [1, 24, 0];
    const MIB: u64 = 1 << 20;

    fn header(sector_size: u32) -> Header {
        let segment = CryptSegment {
            offset: Bytes::mib(16),
            size: SegmentSize::Dynamic,
            iv_tweak: 0,
            encryption: String::from("aes-xts-plain64"),
            sector_size,
            integrity: None,
            flags: Vec::new(),
        };
        Header {
            hdr_size: Bytes::new(16384),
            seqid: 3,
            uuid: String::from("9f3b6c1e-2d47-4a80-b1c6-0e7d5a94c213"),
            label: String::new(),
            subsystem: String::new(),
            metadata: Metadata {
                keyslots: BTreeMap::new(),
                tokens: BTreeMap::new(),
                segments: BTreeMap::from([(0, Segment::Crypt(segment))]),
                digests: BTreeMap::<u32, Digest>::new(),
                config: Config {
                    json_size: Bytes::new(12288),
                    keyslots_size: Bytes::mib(1),
                    flags: None,
                    requirements: None,
                },
            },
        }
    }

    fn segment(header: &mut Header) -> &mut CryptSegment {
        match header.metadata.segments.get_mut(&0) {
            Some(Segment::Crypt(segment)) => segment,
            _ => panic!("no segment"),
        }
    }

    fn line(header: &Header, wished: &Wished, start: u64, size: u64) -> String {
        let crypt = Crypt::new(header, Bytes::new(start), Bytes::new(size), wished, NEW).unwrap();
        let line = crypt.parameters(&keyring_form(64, "keelblock:x"), (7, 3));
        let text = String::from_utf8(line.expose().to_vec()).unwrap();
        format!("0 {} crypt {text}", crypt.sectors)
    }

    /// As `Documentation/admin-guide/device-mapper/dm-crypt.rst` has the line; the scenario `unlock` compares it with
    /// cryptsetup's own in a virtual machine.
    #[test]
    fn the_line_is_the_one_that_cryptsetup_loads() {
        let none = Wished::default();
        let all = Wished {
            allow_discards: true,
            performance: ["no_write_workqueue", "same_cpu_crypt", "no_read_workqueue"]
                .map(String::from)
                .to_vec(),
        };
        for (sector, wished, want) in [
            (
                512,
                &none,
                "0 131072 crypt aes-xts-plain64 :64:logon:keelblock:x 0 7:3 32768",
            ),
            (
                4096,
                &none,
                "0 131072 crypt aes-xts-plain64 :64:logon:keelblock:x 0 7:3 32768 1 sector_size:4096",
            ),
            (
                4096,
                &all,
                "0 131072 crypt aes-xts-plain64 :64:logon:keelblock:x 0 7:3 32768 5 allow_discards \
                 same_cpu_crypt no_read_workqueue no_write_workqueue sector_size:4096",
            ),
        ] {
            assert_eq!(line(&header(sector), wished, 0, 80 * MIB), want);
        }
    }

    #[test]
    fn a_volume_inside_a_whole_disk_is_moved_but_its_iv_is_not() {
        let got = line(&header(512), &Wished::default(), 100 * MIB, 80 * MIB);
        assert!(got.contains(" 0 7:3 237568"), "{got}");
    }

    #[test]
    fn flags_in_the_header_count_as_wished() {
        let mut header = header(512);
        header.metadata.config.flags = Some(vec![String::from("allow-discards")]);
        let got = line(&header, &Wished::default(), 0, 80 * MIB);
        assert!(got.ends_with(" 1 allow_discards"), "{got}");
    }

    #[test]
    fn an_option_that_the_kernel_does_not_know_is_left_out() {
        let wished = Wished {
            allow_discards: true,
            performance: vec![String::from("no_read_workqueue")],
        };
        let size = Bytes::mib(80);
        let old = Crypt::new(&header(512), Bytes::ZERO, size, &wished, [1, 20, 0]).unwrap();
        assert_eq!(old.options, ["allow_discards"]);
        let older = Crypt::new(&header(4096), Bytes::ZERO, size, &wished, [1, 15, 0]);
        assert_eq!(older, Err(TableError::SectorSize(4096)));
        assert!(has_keyring([1, 18, 1]) && !has_keyring([1, 18, 0]));
    }

    #[test]
    fn what_is_not_one_plain_segment_inside_the_partition_is_refused() {
        type Change = fn(&mut Header);
        let cases: [(Change, TableError); 8] = [
            (|h| segment(h).offset = Bytes::ZERO, TableError::Detached),
            (
                |h| segment(h).integrity = Some(serde_json::json!({})),
                TableError::Integrity,
            ),
            (
                |h| segment(h).flags = vec![String::from("backup-previous")],
                TableError::Segments,
            ),
            (|h| h.metadata.segments.clear(), TableError::Segments),
            (
                |h| {
                    h.metadata.config.requirements = Some(Requirements {
                        mandatory: vec![String::from("online-reencrypt")],
                    });
                },
                TableError::Requirements(String::from("online-reencrypt")),
            ),
            (
                |h| segment(h).encryption = String::from("aes 1 /dev/sda"),
                TableError::Cipher(String::from("aes 1 /dev/sda")),
            ),
            (
                |h| segment(h).size = SegmentSize::Fixed(Bytes::mib(65)),
                TableError::Bounds(Bytes::mib(80)),
            ),
            (
                |h| segment(h).offset = Bytes::mib(80),
                TableError::Bounds(Bytes::mib(80)),
            ),
        ];
        for (change, want) in cases {
            let mut header = header(4096);
            change(&mut header);
            let size = Bytes::mib(80);
            let got = Crypt::new(&header, Bytes::ZERO, size, &Wished::default(), NEW);
            assert_eq!(got, Err(want));
        }
        let odd = Bytes::new(80 * MIB + 512);
        let got = Crypt::new(&header(4096), Bytes::ZERO, odd, &Wished::default(), NEW);
        assert_eq!(got, Err(TableError::Bounds(odd)));
    }

    #[test]
    fn a_key_for_an_old_kernel_is_in_hexadecimal_digits_and_in_no_debug_output() {
        let key = plain_form(&Secret::new(vec![0x00, 0x9f, 0xA1]));
        assert_eq!(key.expose(), b"009fa1");
        let crypt = Crypt::new(
            &header(512),
            Bytes::ZERO,
            Bytes::mib(80),
            &Wished::default(),
            NEW,
        );
        let line = crypt.unwrap().parameters(&key, (8, 5));
        assert!(line.expose().starts_with(b"aes-xts-plain64 009fa1 0 8:5 "));
        assert!(!format!("{line:?}").contains("9f"));
    }
}
