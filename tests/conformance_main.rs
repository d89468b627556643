//! What `inspect` says of disks that other programs made, held against Talos' own prober and header check:
//! adopt, format, wipe or hang.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that works on image files and runs the judges"
)]

#[path = "support/judges.rs"]
mod judges;

use std::fs;

use serde_json::Value;

use self::judges::{Image, UUID, tool};

const MIB: u64 = 1 << 20;

/// What is put into a partition.
#[derive(Clone, Copy, Debug)]
enum Holds {
    Nothing,
    Xfs,
    Ext4,
    Fat,
    Ntfs,
    Luks1,
    /// LUKS2 with these options of cryptsetup and the nodeID key of `STATE`, `EPHEMERAL`, or none of them.
    Luks2(&'static str, &'static [&'static str]),
    /// LUKS2 whose first header copy lost a byte of its JSON.
    FirstDamaged,
    /// LUKS2 whose first header copy is gone, magic and all.
    FirstGone,
    /// LUKS2 whose second header copy lost a byte of its JSON.
    SecondDamaged,
    /// A detached header.
    Detached,
    /// META that go-adv made, with a tag 0x09 of a nodeID key.
    MetaSealed,
    /// META that go-adv made, without tag 0x09.
    MetaPlain,
}

/// Which configuration is given.
#[derive(Clone, Copy, Debug)]
enum Given {
    /// None.
    Nothing,
    /// STATE and EPHEMERAL sealed with nodeID keys, `u-longhorn-ssd` XFS.
    Sealed,
    /// The same without encryption.
    Plain,
}

use Given::{Nothing as NoConfig, Plain, Sealed};
use Holds::{
    Detached, Ext4, Fat, FirstDamaged, FirstGone, Luks1, Luks2, MetaPlain, MetaSealed, Nothing,
    Ntfs, SecondDamaged, Xfs,
};

const CHEAP: &[&str] = &["--pbkdf-memory", "32768", "--pbkdf-force-iterations", "4"];
const OLD_ARGON: &[&str] = &[
    "--pbkdf",
    "argon2i",
    "--pbkdf-memory",
    "32768",
    "--pbkdf-force-iterations",
    "4",
];
const PBKDF2: &[&str] = &["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];

/// A situation: partitions with sizes in MiB, a configuration, and the verdict on the last partition.
type Row = (
    &'static str,
    &'static [(&'static str, u64, Holds)],
    Given,
    &'static str,
    &'static str,
);

const STATE_KEY: Holds = Luks2("STATE", CHEAP);
const EPHEMERAL_KEY: Holds = Luks2("EPHEMERAL", CHEAP);
const OTHER_KEY: Holds = Luks2("another", CHEAP);

const ROWS: &[Row] = &[
    (
        "no META",
        &[("EFI", 40, Fat), ("STATE", 40, Nothing)],
        Sealed,
        "wipe",
        "wipes",
    ),
    (
        "META too big",
        &[("META", 2, Nothing)],
        Sealed,
        "wipe",
        "wipes",
    ),
    (
        "META is a filesystem",
        &[("META", 1, Fat)],
        NoConfig,
        "wipe",
        "wipes",
    ),
    (
        "META of zeros",
        &[("META", 1, Nothing)],
        NoConfig,
        "adopt",
        "1 MiB",
    ),
    (
        "META by go-adv",
        &[("META", 1, MetaPlain)],
        NoConfig,
        "adopt",
        "1 MiB",
    ),
    (
        "EFI",
        &[("META", 1, Nothing), ("EFI", 40, Fat)],
        NoConfig,
        "adopt",
        "FAT",
    ),
    (
        "EFI empty",
        &[("META", 1, Nothing), ("EFI", 40, Nothing)],
        NoConfig,
        "hang",
        "no FAT",
    ),
    (
        "BOOT",
        &[("META", 1, Nothing), ("BOOT", 320, Xfs)],
        NoConfig,
        "adopt",
        "XFS",
    ),
    (
        "BOOT empty",
        &[("META", 1, Nothing), ("BOOT", 40, Nothing)],
        NoConfig,
        "hang",
        "no XFS",
    ),
    (
        "STATE empty",
        &[("META", 1, MetaPlain), ("STATE", 40, Nothing)],
        Sealed,
        "format",
        "empty",
    ),
    (
        "STATE empty, tag there",
        &[("META", 1, MetaSealed), ("STATE", 40, Nothing)],
        Sealed,
        "format",
        "empty",
    ),
    (
        "STATE sealed, no tag",
        &[("META", 1, MetaPlain), ("STATE", 40, STATE_KEY)],
        Sealed,
        "hang",
        "0x09",
    ),
    (
        "STATE sealed, META zero",
        &[("META", 1, Nothing), ("STATE", 40, STATE_KEY)],
        Sealed,
        "hang",
        "0x09",
    ),
    (
        "STATE sealed",
        &[("META", 1, MetaSealed), ("STATE", 40, STATE_KEY)],
        Sealed,
        "adopt",
        "slot 0",
    ),
    (
        "STATE sealed, not tried",
        &[("META", 1, MetaSealed), ("STATE", 40, STATE_KEY)],
        NoConfig,
        "adopt",
        "not tried",
    ),
    (
        "STATE with another key",
        &[("META", 1, MetaSealed), ("STATE", 40, OTHER_KEY)],
        Sealed,
        "hang",
        "no key",
    ),
    (
        "STATE sealed, config plain",
        &[("META", 1, MetaSealed), ("STATE", 40, STATE_KEY)],
        Plain,
        "hang",
        "does not seal",
    ),
    (
        "STATE plain",
        &[("META", 1, MetaPlain), ("STATE", 320, Xfs)],
        Plain,
        "adopt",
        "plain XFS",
    ),
    (
        "STATE plain, config seals",
        &[("META", 1, MetaPlain), ("STATE", 320, Xfs)],
        Sealed,
        "hang",
        "seals",
    ),
    (
        "STATE plain, tag seals",
        &[("META", 1, MetaSealed), ("STATE", 320, Xfs)],
        Plain,
        "hang",
        "0x09",
    ),
    (
        "STATE is ext4",
        &[("META", 1, MetaPlain), ("STATE", 40, Ext4)],
        Plain,
        "hang",
        "ext4",
    ),
    (
        "STATE is NTFS, config seals",
        &[("META", 1, MetaPlain), ("STATE", 40, Ntfs)],
        Sealed,
        "format",
        "LOST",
    ),
    (
        "STATE is LUKS1",
        &[("META", 1, MetaPlain), ("STATE", 40, Luks1)],
        Sealed,
        "format",
        "LOST",
    ),
    (
        "STATE with pbkdf2",
        &[
            ("META", 1, MetaSealed),
            ("STATE", 40, Luks2("STATE", PBKDF2)),
        ],
        Sealed,
        "hang",
        "pbkdf2",
    ),
    (
        "STATE with argon2i",
        &[
            ("META", 1, MetaSealed),
            ("STATE", 40, Luks2("STATE", OLD_ARGON)),
        ],
        Sealed,
        "adopt",
        "slot 0",
    ),
    (
        "EPHEMERAL empty",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, Nothing)],
        Sealed,
        "format",
        "empty",
    ),
    (
        "EPHEMERAL sealed",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, EPHEMERAL_KEY)],
        Sealed,
        "adopt",
        "slot 0",
    ),
    (
        "EPHEMERAL sealed, config plain",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, EPHEMERAL_KEY)],
        Plain,
        "hang",
        "does not seal",
    ),
    (
        "EPHEMERAL plain, config seals",
        &[("META", 1, Nothing), ("EPHEMERAL", 320, Xfs)],
        Sealed,
        "hang",
        "seals",
    ),
    (
        "EPHEMERAL plain",
        &[("META", 1, Nothing), ("EPHEMERAL", 320, Xfs)],
        Plain,
        "adopt",
        "plain xfs",
    ),
    (
        "EPHEMERAL, first copy damaged",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, FirstDamaged)],
        Sealed,
        "hang",
        "differ",
    ),
    (
        "EPHEMERAL, second copy damaged",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, SecondDamaged)],
        Sealed,
        "hang",
        "differ",
    ),
    (
        "EPHEMERAL, first copy gone",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, FirstGone)],
        Sealed,
        "format",
        "LOST",
    ),
    (
        "EPHEMERAL, detached",
        &[("META", 1, Nothing), ("EPHEMERAL", 40, Detached)],
        Sealed,
        "hang",
        "byte 0",
    ),
    (
        "a user volume",
        &[("u-longhorn-ssd", 320, Xfs)],
        Plain,
        "adopt",
        "xfs",
    ),
    (
        "a user volume, empty",
        &[("u-longhorn-ssd", 40, Nothing)],
        Plain,
        "format",
        "empty",
    ),
    (
        "a user volume with ext4",
        &[("u-longhorn-ssd", 40, Ext4)],
        Plain,
        "hang",
        "wants xfs",
    ),
    (
        "a user volume with NTFS",
        &[("u-longhorn-ssd", 40, Ntfs)],
        Plain,
        "hang",
        "refuses",
    ),
    (
        "a raw volume",
        &[("r-ceph", 40, Ext4)],
        Plain,
        "adopt",
        "raw",
    ),
    (
        "nobody's",
        &[("META", 1, Nothing), ("data", 40, Ext4)],
        Plain,
        "ignore",
        "names",
    ),
];

/// An image with these partitions, made by sgdisk, and their content by the stock tools.
fn make(partitions: &[(&str, u64, Holds)]) -> Image {
    let total: u64 = partitions.iter().map(|(_, size, _)| size + 1).sum();
    let image = Image::blank(512, (total + 3) * MIB);
    let mut arguments = vec![String::from("sgdisk")];
    let mut at = 1;
    for (number, (name, size, _)) in (1..).zip(partitions) {
        let (first, last) = (at * 2048, (at + size) * 2048 - 1);
        arguments.extend(["-n".into(), format!("{number}:{first}:{last}")]);
        arguments.extend(["-c".into(), format!("{number}:{name}")]);
        at += size + 1;
    }
    arguments.push(image.path.clone());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    tool("gdisk", &arguments);
    let mut at = 1;
    for (_, size, holds) in partitions {
        if !matches!(holds, Nothing) {
            let content = fill(&image, *size, *holds);
            image.put_file(at * MIB, &content);
        }
        at += size + 1;
    }
    image
}

/// A nodeID key in slot 0, as Talos writes it.
const TAG: &str = r#"{"EncryptionProvider":"luks2","EncryptionKeys":[{"KeySlot":0,"KeyStatic":null,"KeyNodeID":{},"KeyKMS":null,"KeyTPM":null,"KeyLockToSTATE":null}],"EncryptionCipher":"aes-xts-plain64","EncryptionKeySize":0,"EncryptionBlockSize":0,"EncryptionPerfOptions":null,"EncryptionAllowDiscards":null}"#;

/// Enough of a boot sector and a master file table for every prober.
fn ntfs(path: &str) {
    let mut boot = vec![0; 1 << 20];
    boot[..11].copy_from_slice(b"\xeb\x52\x90NTFS    ");
    boot[11..13].copy_from_slice(&512u16.to_le_bytes());
    boot[13] = 8;
    boot[21] = 0xf8;
    boot[40..48].copy_from_slice(&81919u64.to_le_bytes());
    boot[48..56].copy_from_slice(&4u64.to_le_bytes());
    boot[56..64].copy_from_slice(&2u64.to_le_bytes());
    boot[64] = 0xf6;
    boot[68] = 1;
    boot[510..512].copy_from_slice(&[0x55, 0xaa]);
    for at in [4 * 4096, 4 * 4096 + 3 * 1024] {
        boot[at..at + 4].copy_from_slice(b"FILE");
    }
    let partition = fs::read(path).unwrap();
    fs::write(path, [&boot[..], &partition[boot.len()..]].concat()).unwrap();
}

fn damage(path: &str, holds: Holds) {
    let mut bytes = fs::read(path).unwrap();
    match holds {
        FirstDamaged => bytes[4096 + 20] ^= 1,
        SecondDamaged => bytes[16384 + 4096 + 20] ^= 1,
        _ => bytes[..4096].fill(0),
    }
    fs::write(path, bytes).unwrap();
}

fn fill(image: &Image, size: u64, holds: Holds) -> String {
    let path = image.beside("content");
    drop(fs::remove_file(&path));
    fs::File::create(&path)
        .unwrap()
        .set_len(size * MIB)
        .unwrap();
    let luks = |volume: &str, options: &[&str], header: Option<&str>| {
        let key = image.file("key", format!("{UUID}{volume}").as_bytes());
        let start = [
            "cryptsetup",
            "luksFormat",
            "--batch-mode",
            "--key-file",
            &key,
        ];
        let detached = header.map(|path| ["--header", path]);
        let detached = detached.as_ref().map_or(&[][..], |d| &d[..]);
        tool(
            "cryptsetup-bin",
            &[&start[..], options, detached, &[&path]].concat(),
        );
    };
    match holds {
        Nothing => {}
        Xfs => drop(tool("xfsprogs", &["mkfs.xfs", "-q", &path])),
        Ext4 => drop(tool("e2fsprogs", &["mkfs.ext4", "-q", &path])),
        Fat => drop(tool("dosfstools", &["mkfs.vfat", "-F", "32", &path])),
        Ntfs => ntfs(&path),
        Luks1 => luks(
            "STATE",
            &["--type", "luks1", "--pbkdf-force-iterations", "1000"],
            None,
        ),
        Luks2(volume, options) => luks(volume, &[&["--type", "luks2"][..], options].concat(), None),
        FirstDamaged | FirstGone | SecondDamaged => {
            luks(
                "EPHEMERAL",
                &[&["--type", "luks2"][..], CHEAP].concat(),
                None,
            );
            damage(&path, holds);
        }
        Detached => {
            let header = image.beside("header");
            drop(fs::remove_file(&header));
            luks(
                "EPHEMERAL",
                &[&["--type", "luks2"][..], CHEAP].concat(),
                Some(&header),
            );
            fs::rename(&header, &path).unwrap();
        }
        MetaPlain => drop(judges::talos(&["meta", "write", &path, "0x0a", "metal"])),
        MetaSealed => {
            judges::talos(&["meta", "write", &path, "0x09", TAG]);
        }
    }
    path
}

fn inspect(image: &Image, given: Given) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/nodes/talos-1.10/mini01.yaml"
    );
    let text = fs::read_to_string(path).unwrap();
    let text = match given {
        NoConfig => return judges::json(&["inspect", &image.path]),
        Sealed => text,
        Plain => {
            let start = text.find("  systemDiskEncryption:").unwrap();
            let end = text.find("\n  features:").unwrap();
            [&text[..start], &text[end + 1..]].concat()
        }
    };
    let config = image.file("config.yaml", text.as_bytes());
    judges::json(&["inspect", &image.path, "-c", &config, "--uuid", UUID])
}

/// Talos' own modules agree with the verdict wherever they have a say.
fn compare_with_talos(name: &str, image: &Image, holds: Holds, verdict: &str, found: &Value) {
    let (parts, located) = image.talos();
    let last = parts.last().unwrap();
    let is_meta = located["META"] != -1;
    let is_system = !last.label.starts_with("u-") && !last.label.starts_with("r-");
    assert_eq!(
        verdict == "wipe",
        is_system && !is_meta,
        "{name}: {located}"
    );
    match verdict {
        "format" => assert_eq!(last.name, "", "{name}: Talos sees {last:?}"),
        "adopt" if !matches!(holds, Nothing) => assert_eq!(found, &*last.name, "{name}"),
        _ => {}
    }
    if last.name == "luks" {
        let path = image.copy_of(last.offset, last.size, "partition");
        let refused = judges::talos_refuses(&path);
        assert!(
            verdict != "adopt" || refused.is_none(),
            "{name}: {refused:?}"
        );
        let by_header = matches!(
            holds,
            Luks2(_, PBKDF2) | FirstDamaged | SecondDamaged | Detached
        );
        assert_eq!(refused.is_some(), by_header, "{name}: {refused:?}");
    }
}

#[test]
fn every_situation_gets_the_verdict_that_talos_gives() {
    let mut wrong = Vec::new();
    for (name, partitions, given, verdict, because) in ROWS {
        let image = make(partitions);
        let report = inspect(&image, *given);
        let part = report["partitions"].as_array().unwrap().last().unwrap();
        let holds = partitions.last().unwrap().2;
        compare_with_talos(name, &image, holds, verdict, &part["found"]);
        let why = part["why"].as_str().unwrap();
        if part["talos"] != *verdict || !why.contains(because) {
            wrong.push(format!(
                "{name}: wanted {verdict} ({because}), got {} ({why})",
                part["talos"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_metas_are_a_problem_and_so_are_damaged_tables() {
    let image = make(&[("META", 1, MetaPlain), ("META", 1, Nothing)]);
    let problems = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        let problems = findings.iter().filter(|f| f["problem"] == true);
        problems
            .map(|f| f["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let said = problems(&inspect(&image, NoConfig));
    assert!(said.contains("two partitions are named META"), "{said}");
    let image = make(&[("META", 1, MetaPlain)]);
    assert_eq!(problems(&inspect(&image, NoConfig)), "");
    let size = fs::metadata(&image.path).unwrap().len();
    for (at, copy) in [(512 + 60, "primary"), (size - 512 + 60, "backup")] {
        let old = image.get(at, 1);
        image.put(at, &[old[0] ^ 1]);
        let report = inspect(&image, NoConfig);
        assert!(
            problems(&report).contains(copy),
            "{copy}: {}",
            problems(&report)
        );
        assert_eq!(report["partitions"][0]["talos"], "adopt", "{copy}");
        image.put(at, &old);
    }
}

/// Offset and size of every partition, as `inspect` sees them.
fn places(image: &Image) -> Vec<(String, u64, u64)> {
    let report = inspect(image, NoConfig);
    let parts = report["partitions"].as_array().unwrap().clone();
    let number = |v: &Value| v.as_u64().unwrap();
    let place = |p: &Value| {
        (
            p["name"].as_str().unwrap().to_owned(),
            number(&p["start"]),
            number(&p["size"]),
        )
    };
    parts.iter().map(place).collect()
}

#[test]
fn tables_by_every_partitioning_tool_are_read_as_talos_reads_them() {
    let script = b"label: gpt\nstart=2048, size=2048, name=META, type=linux\nsize=40MiB, name=EPHEMERAL, type=linux\n";
    let definitions = tempfile::tempdir().unwrap();
    for (name, label, size) in [("1", "META", "1M"), ("2", "EPHEMERAL", "40M")] {
        let text = format!(
            "[Partition]\nType=linux-generic\nLabel={label}\nSizeMinBytes={size}\nSizeMaxBytes={size}\n"
        );
        fs::write(definitions.path().join(format!("{name}.conf")), text).unwrap();
    }
    for maker in ["sfdisk", "parted", "systemd-repart"] {
        let image = Image::blank(512, 64 * MIB);
        let path = &image.path;
        match maker {
            "sfdisk" => drop(judges::tool_with("fdisk", &["sfdisk", "-q", path], script)),
            "parted" => drop(tool(
                "parted",
                &[
                    "parted",
                    "-s",
                    path,
                    "mklabel",
                    "gpt",
                    "mkpart",
                    "META",
                    "1MiB",
                    "2MiB",
                    "mkpart",
                    "EPHEMERAL",
                    "2MiB",
                    "42MiB",
                ],
            )),
            _ => drop(tool(
                "systemd",
                &[
                    "systemd-repart",
                    "--empty=force",
                    "--dry-run=no",
                    "--definitions",
                    definitions.path().to_str().unwrap(),
                    path,
                ],
            )),
        }
        let (parts, _) = image.talos();
        let seen: Vec<_> = parts
            .into_iter()
            .map(|p| (p.label, p.offset, p.size))
            .collect();
        assert_eq!(places(&image), seen, "{maker}");
        assert_eq!(seen.len(), 2, "{maker}");
        let report = inspect(&image, Sealed);
        assert_eq!(report["partitions"][0]["talos"], "adopt", "{maker}");
        assert_eq!(report["partitions"][1]["talos"], "format", "{maker}");
    }
}
