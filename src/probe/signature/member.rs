//! Members of something larger: RAID, LVM, caches, Ceph, Stratis, DRBD, device-mapper metadata, Oracle ASM.

use std::io;

use super::fields::{be32, field, le16, le32, le64, text, uuid};
use super::{At, Facts, Rule, Super, View, magic_alone};

/// bcache, and bcachefs before its first release in the kernel.
pub(super) const BCACHE_MAGIC: &[u8] =
    b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81";
const MD_LITTLE: &[u8] = b"\xFC\x4E\x2B\xA9";
const MD_BIG: &[u8] = b"\xA9\x2B\x4E\xFC";
const STRATIS: &[u8] = b"!Stra0tis\x86\xff\x02^\x41rh";
const DEEP: u64 = 1 << 30;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "LVM2_member",
        talos: "lvm2-pv",
        places: &[
            At::Start(0x200),
            At::Start(0),
            At::Start(0x400),
            At::Start(0x600),
        ],
        anywhere: true,
        len: 512,
        magics: &[(0, b"LABELONE")],
        read: lvm2,
    },
    Rule {
        kind: "LVM1_member",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"HM\x01\0"), (0, b"HM\x02\0")],
        read: magic_alone,
    },
    Rule {
        kind: "linux_raid_member",
        talos: "",
        places: &[At::End {
            back: 0x1_0000,
            align: 0x1_0000,
        }],
        anywhere: false,
        len: 4096,
        magics: &[(0, MD_LITTLE), (0, MD_BIG)],
        read: md0,
    },
    Rule {
        kind: "linux_raid_member",
        talos: "linux_raid_member",
        places: &[
            At::Start(0x1000),
            At::Start(0),
            At::End {
                back: 0x2000,
                align: 0x1000,
            },
        ],
        anywhere: true,
        len: 4096,
        magics: &[(0, MD_LITTLE)],
        read: md1,
    },
    Rule {
        kind: "ceph_bluestore",
        talos: "bluestore",
        places: &[
            At::Start(0),
            At::Start(DEEP),
            At::Start(10 * DEEP),
            At::Start(100 * DEEP),
            At::Start(1000 * DEEP),
        ],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"bluestore block device")],
        read: bluestore,
    },
    Rule {
        kind: "bcache",
        talos: "",
        places: &[At::Start(0x1000)],
        anywhere: false,
        len: 4096,
        magics: &[(0x18, BCACHE_MAGIC)],
        read: bcache,
    },
    Rule {
        kind: "drbd",
        talos: "",
        places: &[At::End {
            back: 4096,
            align: 4096,
        }],
        anywhere: false,
        len: 4096,
        magics: &[
            (60, b"\x83\x74\x02\x6B"),
            (60, b"\x83\x74\x02\x6C"),
            (60, b"\x83\x74\x02\x6D"),
            (64, b"\x83\x74\x02\x6B"),
            (64, b"\x83\x74\x02\x6C"),
            (64, b"\x83\x74\x02\x6D"),
        ],
        read: magic_alone,
    },
    Rule {
        kind: "stratis",
        talos: "",
        places: &[At::Start(0x200), At::Start(0x1200)],
        anywhere: false,
        len: 512,
        magics: &[(4, STRATIS)],
        read: stratis,
    },
    Rule {
        kind: "vdo",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"dmvdo001")],
        read: magic_alone,
    },
    Rule {
        kind: "DM_verity_hash",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"verity\0\0")],
        read: verity,
    },
    Rule {
        kind: "DM_integrity",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 4096,
        magics: &[(0, b"integrt\0")],
        read: integrity,
    },
    Rule {
        kind: "DM_snapshot_cow",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(0, b"SnAp")],
        read: magic_alone,
    },
    Rule {
        kind: "isw_raid_member",
        talos: "",
        places: &[
            At::End {
                back: 1024,
                align: 512,
            },
            At::End {
                back: 8192,
                align: 4096,
            },
        ],
        anywhere: true,
        len: 512,
        magics: &[(0, b"Intel Raid ISM Cfg Sig. ")],
        read: intel,
    },
    Rule {
        kind: "ddf_raid_member",
        talos: "",
        places: &[At::End {
            back: 512,
            align: 512,
        }],
        anywhere: false,
        len: 512,
        magics: &[(0, b"\xDE\x11\xDE\x11"), (0, b"\x11\xDE\x11\xDE")],
        read: magic_alone,
    },
    Rule {
        kind: "oracleasm",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 4096,
        magics: &[(32, b"ORCLDISK")],
        read: oracle,
    },
];

/// The PV's UUID stands after the label, the VG's name in the metadata area that the header names.
fn lvm2(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    if field(found.bytes, 24, 8) != b"LVM2 001" {
        return Ok(None);
    }
    let header = usize::try_from(le32(found.bytes, 20)).unwrap_or(usize::MAX);
    let raw = text(field(found.bytes, header, 32));
    let group = volume_group(view, found.bytes, header)?;
    Ok(Some(Facts {
        uuid: lvm_uuid(&raw),
        version: "LVM2 001".to_owned(),
        note: group.unwrap_or_default(),
        ..Facts::default()
    }))
}

/// `volume group vg0, 2 physical volumes` from the text of the newest metadata.
fn volume_group(view: &View<'_>, label: &[u8], header: usize) -> io::Result<Option<String>> {
    const METADATA: u64 = 64 << 10;
    let mut at = header.saturating_add(40).min(label.len());
    // The list of data areas ends with an empty one; the list of metadata areas follows.
    while le64(label, at) != 0 {
        at += 16;
    }
    let area = le64(label, at + 16);
    let Some(mda) = view.bytes(area, 512)? else {
        return Ok(None);
    };
    if area == 0 || field(&mda, 4, 16) != b" LVM2 x[5A%r0N*>" {
        return Ok(None);
    }
    let (offset, len) = (le64(&mda, 40), le64(&mda, 48));
    let Some(at) = area.checked_add(offset).filter(|_| offset != 0) else {
        return Ok(None);
    };
    let Some(metadata) = view.up_to(at, len.min(METADATA))? else {
        return Ok(None);
    };
    let metadata = text_lines(&metadata);
    let name = metadata.split(" {").next().unwrap_or_default();
    if name.is_empty() || name.len() > 128 || name.contains('\n') {
        return Ok(None);
    }
    let volumes = metadata.matches("\ndevice = \"").count();
    Ok(Some(match volumes {
        0 | 1 => format!("volume group {}", text(name.as_bytes())),
        n => format!(
            "volume group {}, one of {n} physical volumes",
            text(name.as_bytes())
        ),
    }))
}

/// LVM indents with tabs; without them a line starts with its key.
fn text_lines(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\t', "")
}

/// 32 characters as `6-4-4-4-4-4-6`.
fn lvm_uuid(raw: &str) -> String {
    if raw.len() != 32 || !raw.is_ascii() {
        return String::new();
    }
    let cuts = [0, 6, 10, 14, 18, 22, 26, 32];
    let parts: Vec<&str> = cuts.windows(2).map(|cut| &raw[cut[0]..cut[1]]).collect();
    parts.join("-")
}

fn md0(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let big = found.bytes.starts_with(MD_BIG);
    let word = |index: usize| {
        let at = index * 4;
        if big {
            be32(found.bytes, at)
        } else {
            le32(found.bytes, at)
        }
    };
    if word(1) != 0 {
        return Ok(None);
    }
    // mdadm and libblkid print the four words as numbers, most significant byte first.
    let bytes: Vec<u8> = [5, 13, 14, 15]
        .into_iter()
        .flat_map(|index| word(index).to_be_bytes())
        .collect();
    Ok(Some(Facts {
        uuid: uuid(&bytes),
        version: format!("{}.{}.{}", word(1), word(2), word(3)),
        note: raid(word(7), word(10)),
        ..Facts::default()
    }))
}

/// A superblock at the end that names another place belongs to a partition that ends there too; one at the start that
/// does is damaged, and nothing else tells of the array.
fn md1(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let at_home = le64(found.bytes, 144).checked_mul(512) == Some(found.at);
    let at_start = found.at <= 0x1000;
    if le32(found.bytes, 4) != 1 || !(at_home || at_start) {
        return Ok(None);
    }
    let version = match found.at {
        0 => "1.1",
        0x1000 if view.size() > 0x3000 => "1.2",
        _ => "1.0",
    };
    let disks = raid(le32(found.bytes, 72), le32(found.bytes, 92));
    let (talos, note) = if at_home {
        (None, disks)
    } else {
        let remark = super::join("it names another place than its own", &disks);
        (Some(""), remark)
    };
    Ok(Some(Facts {
        talos,
        label: text(field(found.bytes, 32, 32)),
        uuid: uuid(field(found.bytes, 16, 16)),
        version: version.to_owned(),
        note,
        ..Facts::default()
    }))
}

/// `level` is signed: -1 is linear.
fn raid(level: u32, disks: u32) -> String {
    let level = if level == u32::MAX {
        "linear".to_owned()
    } else {
        format!("raid{level}")
    };
    format!("one of {disks} disks of a {level}")
}

/// The label is text: the magic, then the UUID of the OSD on a line of its own.
fn bluestore(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let id = text(field(found.bytes, 23, 36));
    Ok(Some(Facts {
        uuid: uuid::Uuid::try_parse(&id).map_or_else(|_| String::new(), |id| id.to_string()),
        note: "Ceph OSD".to_owned(),
        ..Facts::default()
    }))
}

fn bcache(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let set = uuid(field(found.bytes, 0x38, 16));
    let role = match le64(found.bytes, 0x10) {
        0 | 3 | 5 => "cache device",
        _ => "backing device",
    };
    Ok(Some(Facts {
        label: text(field(found.bytes, 0x48, 32)),
        uuid: uuid(field(found.bytes, 0x28, 16)),
        note: if set.is_empty() {
            role.to_owned()
        } else {
            format!("{role} of set {set}")
        },
        ..Facts::default()
    }))
}

fn stratis(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    let pool = text(field(found.bytes, 0x20, 32));
    Ok(Some(Facts {
        uuid: text(field(found.bytes, 0x40, 32)),
        note: format!("pool {pool}"),
        ..Facts::default()
    }))
}

fn verity(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        uuid: uuid(field(found.bytes, 16, 16)),
        version: le32(found.bytes, 8).to_string(),
        ..Facts::default()
    }))
}

fn integrity(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        version: (le16(found.bytes, 8) & 0xFF).to_string(),
        ..Facts::default()
    }))
}

fn intel(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        version: text(field(found.bytes, 24, 6)),
        note: "Intel firmware RAID".to_owned(),
        ..Facts::default()
    }))
}

fn oracle(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        label: text(field(found.bytes, 40, 24)),
        ..Facts::default()
    }))
}
