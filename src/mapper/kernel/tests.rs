//! What is read of trees that stand for sysfs and procfs.

use super::*;
use std::fs;

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    for (path, body) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
    let root = Root::at(dir.path());
    (dir, root)
}

const DISK: Number = (8, 0);

fn with_partitions() -> (tempfile::TempDir, Root) {
    tree(&[
        ("sys/dev/block/8:0/size", "62914560\n"),
        ("sys/dev/block/8:0/sda5/partition", "5\n"),
        ("sys/dev/block/8:0/sda5/start", "4300800\n"),
        ("sys/dev/block/8:0/sda5/size", "204800\n"),
        ("sys/dev/block/8:0/sda5/dev", "8:5\n"),
        ("sys/dev/block/8:5/holders/dm-0/x", ""),
        ("sys/block/dm-0/dm/name", "luks2-STATE\n"),
        ("sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n"),
    ])
}

fn extent(start: u64, len: u64) -> Extent {
    Extent::new(Bytes::new(start * 512), Bytes::new(len * 512))
}

#[test]
fn a_partition_is_found_by_its_number_where_the_table_says() {
    let (_dir, root) = with_partitions();
    let place = partition(&root, "/dev/sda", DISK, 5, extent(4_300_800, 204_800)).unwrap();
    assert_eq!((place.number, place.path.as_str()), ((8, 5), "/dev/sda5"));
    assert!(!place.shared);
    let holders = holders(&root, place.number).unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].name, "luks2-STATE");
}

#[test]
fn a_kernel_that_knows_another_table_is_not_believed() {
    let (_dir, root) = with_partitions();
    for (number, start, len) in [
        (5, 4_300_800, 204_801),
        (5, 2048, 204_800),
        (6, 4_300_800, 204_800),
    ] {
        let got = partition(&root, "/dev/sda", DISK, number, extent(start, len));
        assert!(matches!(got, Err(KernelError::Stale { .. })), "{got:?}");
    }
}

#[test]
fn a_disk_without_partitions_in_the_kernel_is_used_as_a_whole() {
    let (_dir, root) = tree(&[("sys/dev/block/7:0/size", "62914560\n")]);
    let place = partition(&root, "/dev/loop0", (7, 0), 5, extent(2048, 4096)).unwrap();
    assert_eq!(place.start, Bytes::mib(1));
    assert!(place.shared);
}

#[test]
fn loop_devices_are_found_by_their_file() {
    let (_dir, root) = tree(&[
        ("sys/block/loop0/loop/backing_file", "/img/a b.raw\n"),
        ("sys/block/loop0/dev", "7:0\n"),
        ("sys/block/loop0/ro", "1\n"),
        ("sys/block/loop1/loop/backing_file", "/img/other\n"),
        ("sys/block/loop1/dev", "7:1\n"),
        ("sys/block/sda/dev", "8:0\n"),
    ]);
    let loops = loops_on(&root, Path::new("/img/a b.raw")).unwrap();
    assert_eq!(loops.len(), 1);
    assert_eq!((loops[0].number, loops[0].read_only), ((7, 0), true));
}

#[test]
fn everybody_who_uses_a_mapping_is_named() {
    let (dir, root) = tree(&[
        (
            "proc/1/mountinfo",
            "30 1 254:0 / /mnt/r/STATE ro - xfs /dev/mapper/x ro\n31 1 254:0 / /other ro - xfs x ro\n",
        ),
        ("proc/swaps", "Filename Type\n/dev/dm-0 partition 1\n"),
        ("proc/77/comm", "vi\n"),
        ("proc/77/fd/x", ""),
        ("sys/dev/block/254:0/holders/dm-3/x", ""),
        ("sys/block/dm-3/dm/name", "vg-lv\n"),
    ]);
    std::os::unix::fs::symlink("/mnt/r/STATE/config.yaml", dir.path().join("proc/77/fd/5"))
        .unwrap();
    let status = Status {
        name: String::from("keelblock-STATE"),
        uuid: String::new(),
        number: (254, 0),
        open_count: 1,
        read_only: true,
        live: true,
    };
    let found = users(&root, &status, Some("/mnt/r/STATE")).unwrap();
    let want = [
        "mounted at /other",
        "/dev/dm-3 vg-lv",
        "swap",
        "process 77 (vi)",
    ];
    assert_eq!(found, want);
}
