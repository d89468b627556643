//! Image files, and superblocks that no tool here can write, from the descriptions of their formats.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "each test program uses its part; tests make files"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use keelblock::probe::inspect_source;
use keelblock::probe::inventory::Content;
use keelblock::root::Root;
use keelblock::units::{BlockSize, Bytes, Geometry};

pub const MIB: u64 = 1 << 20;

/// A sparse file in a folder of its own.
pub struct Image {
    dir: tempfile::TempDir,
}

impl Image {
    /// Zeros.
    pub fn new(size: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = Self { dir };
        File::create(image.path()).unwrap().set_len(size).unwrap();
        image
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub fn size(&self) -> u64 {
        fs::metadata(self.path()).unwrap().len()
    }

    pub fn put(&self, at: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.path()).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    /// What the probe says of it.
    pub fn content(&self) -> Content {
        let device = Root::at(self.dir.path()).open_device("/disk").unwrap();
        let reader = device.into_reader(Geometry {
            size: Bytes::new(self.size()),
            logical: BlockSize::B512,
            physical: 512,
        });
        inspect_source(&reader).0
    }
}

/// `len` bytes, zero but for these.
pub fn fields(len: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; len];
    for (at, field) in fields {
        bytes[*at..at + field.len()].copy_from_slice(field);
    }
    bytes
}

/// A version 0.90 superblock of a RAID1 of two; its words are numbers of this machine.
pub fn md0() -> Vec<u8> {
    let mut sb = vec![0; 4096];
    for (word, value) in [
        (0, 0xA92B_4EFC_u32),
        (2, 90),
        (5, 0x0403_0201),
        (7, 1),
        (10, 2),
        (13, 0x0807_0605),
        (14, 0x0C0B_0A09),
        (15, 0x100F_0E0D),
    ] {
        sb[word * 4..word * 4 + 4].copy_from_slice(&value.to_le_bytes());
    }
    sb
}

/// A version 1 superblock of a RAID1 of two, at `sector`.
pub fn md1(sector: u64) -> Vec<u8> {
    let mut sb = fields(
        4096,
        &[
            (0, &0xA92B_4EFC_u32.to_le_bytes()),
            (4, &1u32.to_le_bytes()),
            (16, &[0xAA; 16]),
            (32, b"node:md0"),
            (72, &1u32.to_le_bytes()),
            (92, &2u32.to_le_bytes()),
            (144, &sector.to_le_bytes()),
            (168, &[0xBB; 16]),
        ],
    );
    let sum: u64 = sb[..256]
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap())))
        .sum();
    let folded = u32::try_from((sum & 0xFFFF_FFFF) + (sum >> 32)).unwrap();
    sb[216..220].copy_from_slice(&folded.to_le_bytes());
    sb
}

/// An APFS container.
pub fn apfs() -> Vec<u8> {
    let mut sb = fields(
        4096,
        &[
            (24, &[1, 0, 0, 0x80]),
            (32, b"NXSB"),
            (36, &4096u32.to_le_bytes()),
            (72, &[0xAB; 16]),
        ],
    );
    let sum = fletcher64(&sb[8..]);
    sb[..8].copy_from_slice(&sum.to_le_bytes());
    sb
}

fn fletcher64(bytes: &[u8]) -> u64 {
    const MODULUS: u64 = 0xFFFF_FFFF;
    let (mut low, mut high) = (0u64, 0u64);
    for word in bytes.chunks_exact(4) {
        low += u64::from(u32::from_le_bytes(word.try_into().unwrap()));
        high += low;
    }
    let first = MODULUS - (low + high) % MODULUS;
    let second = MODULUS - (low + first) % MODULUS;
    (second << 32) | first
}
