//! Swap, suspend images, Talos' META, and filesystems of clusters, hypervisors and old Unixes.
//!
//! Several of the last begin with zeros, so that only their superblock tells them from an empty disk.

use std::io;

use super::fields::{be32, field, le32, text, uuid};
use super::{At, Facts, Rule, Super, View, magic_alone};

/// Last ten bytes of the first page, for pages of 4 to 64 KiB.
const PAGE_ENDS: [usize; 5] = [0xFF6, 0x1FF6, 0x3FF6, 0x7FF6, 0xFFF6];

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "swap",
        talos: "swap",
        places: &[At::Start(0)],
        anywhere: false,
        len: 64 << 10,
        magics: &[
            (PAGE_ENDS[0], b"SWAPSPACE2"),
            (PAGE_ENDS[1], b"SWAPSPACE2"),
            (PAGE_ENDS[2], b"SWAPSPACE2"),
            (PAGE_ENDS[3], b"SWAPSPACE2"),
            (PAGE_ENDS[4], b"SWAPSPACE2"),
        ],
        read: swap,
    },
    Rule {
        kind: "swap",
        talos: "swap",
        places: &[At::Start(0)],
        anywhere: false,
        len: 64 << 10,
        magics: &[
            (PAGE_ENDS[0], b"SWAP-SPACE"),
            (PAGE_ENDS[1], b"SWAP-SPACE"),
            (PAGE_ENDS[2], b"SWAP-SPACE"),
            (PAGE_ENDS[3], b"SWAP-SPACE"),
            (PAGE_ENDS[4], b"SWAP-SPACE"),
        ],
        read: old_swap,
    },
    suspend(&[
        (PAGE_ENDS[0], b"S1SUSPEND"),
        (PAGE_ENDS[1], b"S1SUSPEND"),
        (PAGE_ENDS[2], b"S1SUSPEND"),
        (PAGE_ENDS[3], b"S1SUSPEND"),
        (PAGE_ENDS[4], b"S1SUSPEND"),
    ]),
    suspend(&[
        (PAGE_ENDS[0], b"S2SUSPEND"),
        (PAGE_ENDS[1], b"S2SUSPEND"),
        (PAGE_ENDS[2], b"S2SUSPEND"),
        (PAGE_ENDS[3], b"S2SUSPEND"),
        (PAGE_ENDS[4], b"S2SUSPEND"),
    ]),
    suspend(&[
        (PAGE_ENDS[0], b"ULSUSPEND"),
        (PAGE_ENDS[1], b"ULSUSPEND"),
        (PAGE_ENDS[2], b"ULSUSPEND"),
        (PAGE_ENDS[3], b"ULSUSPEND"),
        (PAGE_ENDS[4], b"ULSUSPEND"),
    ]),
    suspend(&[
        (PAGE_ENDS[0], b"LINHIB0001"),
        (PAGE_ENDS[1], b"LINHIB0001"),
        (PAGE_ENDS[2], b"LINHIB0001"),
        (PAGE_ENDS[3], b"LINHIB0001"),
        (PAGE_ENDS[4], b"LINHIB0001"),
    ]),
    suspend(&[(0, b"\xED\xC3\x02\xE9\x98\x56\xE5\x0C")]),
    Rule {
        kind: "talosmeta",
        talos: "talosmeta",
        places: &[At::Start(0)],
        anywhere: false,
        len: META_COPIES,
        magics: &[(0, b"\x5A\x4B\x3C\x2D")],
        read: talosmeta,
    },
    Rule {
        kind: "VMFS_volume_member",
        talos: "vmfs_volume_member",
        places: &[At::Start(1 << 20)],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"\x0D\xD0\x01\xC0")],
        read: magic_alone,
    },
    Rule {
        kind: "VMFS",
        talos: "vmfs",
        places: &[At::Start(2 << 20)],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"\x5E\xF1\xAB\x2F")],
        read: vmfs,
    },
    Rule {
        kind: "gfs2",
        talos: "",
        places: &[At::Start(0x1_0000)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"\x01\x16\x19\x70")],
        read: magic_alone,
    },
    Rule {
        kind: "ocfs2",
        talos: "",
        places: &[
            At::Start(0x400),
            At::Start(0x800),
            At::Start(0x1000),
            At::Start(0x2000),
        ],
        anywhere: true,
        len: 512,
        magics: &[(0, b"OCFSV2")],
        read: magic_alone,
    },
    Rule {
        kind: "ufs",
        talos: "",
        places: &[
            At::Start(0x2000),
            At::Start(0),
            At::Start(0x1_0000),
            At::Start(0x4_0000),
        ],
        anywhere: true,
        len: 1376,
        magics: &[
            (0x55C, b"\x19\x01\x54\x19"),
            (0x55C, b"\x19\x54\x01\x19"),
            (0x55C, b"\x54\x19\x01\x00"),
            (0x55C, b"\x00\x01\x19\x54"),
        ],
        read: magic_alone,
    },
    Rule {
        kind: "minix",
        talos: "",
        places: &[At::Start(0x400)],
        anywhere: false,
        len: 512,
        magics: &[
            (0x10, b"\x7F\x13"),
            (0x10, b"\x8F\x13"),
            (0x10, b"\x68\x24"),
            (0x10, b"\x78\x24"),
            (0x18, b"\x5A\x4D"),
        ],
        read: minix,
    },
    Rule {
        kind: "ubi",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 64,
        magics: &[(0, b"UBI#")],
        read: magic_alone,
    },
];

const fn suspend(magics: &'static [(usize, &'static [u8])]) -> Rule {
    Rule {
        kind: "swsuspend",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 64 << 10,
        magics,
        read: suspended,
    }
}

/// The page that the swap header fills, so that no more is zeroed.
fn page(found: &Super<'_>) -> Option<u64> {
    PAGE_ENDS
        .iter()
        .find(|end| {
            let magic = field(found.bytes, **end, 10);
            magic.starts_with(b"SWAP")
                || magic.get(2..).is_some_and(|m| m.starts_with(b"SUSPEND"))
                || magic.starts_with(b"LINHIB")
        })
        .map(|end| *end as u64 + 10)
}

fn swap(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let version = le32(found.bytes, 0x400);
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x41C, 16)),
        uuid: uuid(field(found.bytes, 0x40C, 16)),
        version: version.min(version.swap_bytes()).to_string(),
        len: page(found),
        ..Facts::default()
    }))
}

fn old_swap(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        version: "0".to_owned(),
        len: page(found),
        ..Facts::default()
    }))
}

fn suspended(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x41C, 16)),
        uuid: uuid(field(found.bytes, 0x40C, 16)),
        note: "a suspended system".to_owned(),
        len: page(found).or(Some(4096)),
        ..Facts::default()
    }))
}

const META_COPY: usize = 256 << 10;
const META_COPIES: u64 = 512 << 10;

/// Talos takes it for META if the second magic stands at the end of either copy.
fn talosmeta(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    const FIRST: u32 = 0x5A4B_3C2D;
    const LAST: u32 = 0xA5B4_C3D2;
    let whole = |copy: usize| {
        let start = copy * META_COPY;
        be32(found.bytes, start) == FIRST && be32(found.bytes, start + META_COPY - 4) == LAST
    };
    let (note, talos) = match (whole(0), whole(1)) {
        (true, true) => ("", "talosmeta"),
        (true, false) => ("the second copy is damaged", "talosmeta"),
        (false, true) => ("the first copy is damaged", "talosmeta"),
        (false, false) => ("both copies are damaged", ""),
    };
    Ok(Some(Facts {
        talos: Some(talos),
        note: note.to_owned(),
        ..Facts::default()
    }))
}

fn vmfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x1D, 128)),
        version: le32(found.bytes, 4).to_string(),
        ..Facts::default()
    }))
}

fn minix(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    // Two-byte magics: the number of inodes and the size of a zone keep chance hits out.
    let inodes = le32(found.bytes, 0);
    let log_zone_size = field(found.bytes, 0xA, 2);
    Ok((inodes != 0 && log_zone_size == [0, 0]).then(Facts::default))
}
