//! Every signature at every place where it can lie.

use super::*;
use crate::probe::sparse::Sparse;
use crate::units::BlockSize;

/// Large enough for every place but the deepest.
const SIZE: u64 = 1200 << 30;

/// What the superblock of a kind has to say besides its magic: offset in it and bytes.
fn needs(kind: &str, at: u64) -> Vec<(u64, Vec<u8>)> {
    let le32 = |value: u32| value.to_le_bytes().to_vec();
    let be32 = |value: u32| value.to_be_bytes().to_vec();
    match kind {
        "ext2" => vec![(4, le32(1))],
        "nilfs2" => vec![(0, le32(2))],
        "minix" => vec![(0, le32(64))],
        "fvault2" => vec![(8, vec![1, 0, 0x10, 0])],
        "hfs" => vec![(20, be32(4096))],
        "hfsplus" => vec![(2, vec![0, 4]), (40, be32(4096))],
        "LVM2_member" => vec![(24, b"LVM2 001".to_vec())],
        "linux_raid_member"
            if at + 65_536 < SIZE / 65_536 * 65_536 || !at.is_multiple_of(65_536) =>
        {
            vec![(4, le32(1)), (144, (at / 512).to_le_bytes().to_vec())]
        }
        "vfat" => vec![(
            0,
            b"\xEB\x58\x90mkfs.fat\x00\x02\x08\x20\x00\x02\x00\x00\x00\x00\xF8".to_vec(),
        )],
        _ => Vec::new(),
    }
}

#[test]
fn every_rule_is_recognised_at_every_place_with_every_magic() {
    let mut tried = 0;
    for rule in rules() {
        for place in rule.places {
            let at = place.resolve(SIZE).unwrap();
            for (offset, magic) in rule.magics {
                let mut disk = Sparse::new(SIZE, BlockSize::B512);
                for (offset, bytes) in needs(rule.kind, at) {
                    disk.put(at + offset, &bytes);
                }
                disk.put(at + *offset as u64, magic);
                let view = View::disk(&disk).unwrap();
                let found = scan(&view).unwrap();
                let hit = found
                    .iter()
                    .find(|found| found.at == at + *offset as u64 && !found.zero.is_empty());
                assert!(
                    hit.is_some(),
                    "{} at {at} by {magic:?}: {found:?}",
                    rule.kind
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 120, "{tried}");
}

#[test]
fn zeros_hold_no_signature_on_a_disk_of_any_size() {
    for size in [1, 512, 4096, 65_536, 1 << 20, (3 << 20) + 512, SIZE] {
        let disk = Sparse::new(size, BlockSize::B512);
        let found = scan(&View::disk(&disk).unwrap()).unwrap();
        assert!(found.is_empty(), "{size}: {found:?}");
    }
}

fn only(disk: &Sparse) -> Found {
    let mut found = scan(&View::disk(disk).unwrap()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn all_copies_are_named_and_a_copy_alone_says_so() {
    let mut disk = Sparse::new(SIZE, BlockSize::B512);
    for at in [64 << 10, 64 << 20, 256u64 << 30] {
        disk.put(at + 0x40, b"_BHRfS_M");
        disk.put(at + 0x88, &[3]);
    }
    let found = only(&disk);
    assert_eq!(found.zero.len(), 3);
    assert_eq!(
        (found.talos, found.note.as_str()),
        ("btrfs", "one of 3 devices of the filesystem")
    );
    disk.put((64 << 10) + 0x40, &[0; 8]);
    let found = only(&disk);
    assert_eq!((found.talos, found.zero.len()), ("", 2));
    assert!(found.note.starts_with("only a copy"), "{}", found.note);
}

#[test]
fn bluestore_is_found_by_its_deep_labels() {
    let mut disk = Sparse::new(SIZE, BlockSize::B512);
    disk.put(
        1000 << 30,
        b"bluestore block device\n5f0c1a52-1111-4a6e-9d2f-000000000001\n",
    );
    let found = only(&disk);
    assert_eq!(found.kind, "ceph_bluestore");
    assert_eq!(found.uuid, "5f0c1a52-1111-4a6e-9d2f-000000000001");
}

/// One pair of an XDR list: lengths, name, type, one element, value.
fn pair(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    body.extend(name.as_bytes());
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(kind.to_be_bytes());
    body.extend(1u32.to_be_bytes());
    body.extend(value);
    let len = u32::try_from(body.len() + 8).unwrap();
    [len.to_be_bytes(), len.to_be_bytes()]
        .concat()
        .into_iter()
        .chain(body)
        .collect()
}

#[test]
fn a_zfs_pool_is_named_from_any_of_its_four_labels() {
    let mut list = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    list.extend(pair("name", 9, b"\0\0\0\x04tank"));
    list.extend(pair("state", 8, &1u64.to_be_bytes()));
    list.extend(pair("pool_guid", 8, &1234u64.to_be_bytes()));
    list.extend([0; 8]);
    let label = 256u64 << 10;
    for at in [0, label, SIZE - 2 * label, SIZE - label] {
        let mut disk = Sparse::new(SIZE, BlockSize::B512);
        disk.put(at + (16 << 10), &list);
        let found = only(&disk);
        assert_eq!((found.kind, found.label.as_str()), ("zfs_member", "tank"));
        assert_eq!(found.uuid, "1234");
        assert_eq!(found.note, "1 of 4 labels; exported pool");
        assert_eq!(found.zero, [(at, label)]);
    }
    let mut disk = Sparse::new(SIZE, BlockSize::B512);
    for slot in 0..4 {
        disk.put((128 << 10) + slot * 1024, &0x00BA_B10Cu64.to_le_bytes());
    }
    assert_eq!(only(&disk).talos, "zfs", "uberblocks without a list");
}

#[test]
fn a_damaged_copy_of_meta_is_told() {
    let mut disk = Sparse::new(1 << 20, BlockSize::B512);
    disk.put(0, b"\x5A\x4B\x3C\x2D");
    assert_eq!(only(&disk).talos, "", "no copy is whole");
    disk.put(0x3_FFFC, b"\xA5\xB4\xC3\xD2");
    let found = only(&disk);
    assert_eq!(found.talos, "talosmeta");
    assert_eq!(found.note, "the second copy is damaged");
}

#[test]
fn what_talos_would_name_first_comes_first() {
    let mut disk = Sparse::new(SIZE, BlockSize::B512);
    disk.put(0x8001, b"CD001");
    disk.put(0, b"XFSB");
    disk.put(0x1000, b"\xFC\x4E\x2B\xA9\x01\0\0\0");
    disk.put(0x1000 + 144, &[8]);
    let view = View::disk(&disk).unwrap();
    let found = scan(&view).unwrap();
    let mut signatures: Vec<Signature> = found.into_iter().map(|f| f.on_disk(&view)).collect();
    sort(&mut signatures);
    let names: Vec<&str> = signatures.iter().map(|s| s.talos.as_str()).collect();
    assert_eq!(names, ["linux_raid_member", "xfs", "iso9660"]);
}

#[test]
fn labels_cannot_steer_a_terminal() {
    let mut disk = Sparse::new(SIZE, BlockSize::B512);
    disk.put(0, b"XFSB");
    disk.put(0x6C, b"a\x1B[2Jb\xFF");
    assert_eq!(only(&disk).label, "a\u{FFFD}[2Jb\u{FFFD}");
}

#[test]
fn a_raid_superblock_out_of_its_place_counts_at_the_start_and_not_at_the_end() {
    let member = |at: u64| {
        let mut disk = Sparse::new(SIZE, BlockSize::B512);
        disk.put(at, b"\xFC\x4E\x2B\xA9\x01\0\0\0");
        disk.put(at + 144, &[99]);
        disk
    };
    let found = only(&member(0x1000));
    assert_eq!(
        (found.kind, found.talos, found.version.as_str()),
        ("linux_raid_member", "", "1.2")
    );
    assert!(found.note.contains("another place"), "{}", found.note);
    let disk = member(SIZE - 0x2000);
    let found = scan(&View::disk(&disk).unwrap()).unwrap();
    assert!(
        found.is_empty(),
        "it belongs to the last partition: {found:?}"
    );
}

#[test]
fn a_second_luks_header_counts_even_if_it_is_damaged() {
    for at in [0x4000u64, 0x8000, 0x1_0000, 0x40_0000] {
        let mut disk = Sparse::new(SIZE, BlockSize::B512);
        disk.put(at, b"SKUL\xBA\xBE\0\x02");
        let found = only(&disk);
        assert_eq!((found.kind, found.talos, found.at), ("crypto_LUKS", "", at));
        assert!(found.note.contains("(damaged)"), "{}", found.note);
    }
}
