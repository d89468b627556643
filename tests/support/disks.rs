//! Random disks over few values, so that selectors meet them.
#![allow(dead_code, reason = "each test file takes what it needs")]

use keelblock::probe::inventory::{Content, Disk, TalosDisk};
use proptest::prelude::*;

fn pick(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(choices).prop_map(str::to_owned)
}

/// Talos' properties of a disk at `path`.
pub fn talos_disk(path: String) -> impl Strategy<Value = TalosDisk> {
    let sizes = prop::sample::select(vec![
        0,
        1,
        512,
        4096,
        1 << 30,
        64_000_000_000,
        121_332_826_112,
        1_000_204_886_016,
        u64::MAX,
    ]);
    let texts = (
        pick(&[
            "",
            "APPLE SSD SM0128G",
            "APPLE HDD HTS541010A9E662",
            "Portable SSD T5",
            "QEMU \"D\"",
        ]),
        pick(&["", "S1", "S2", "S4B0NS0R"]),
        pick(&["", "naa.5002538e40a1b2c3", "eui.0026b7"]),
        pick(&["", "usb", "nvme", "sata", "mmc"]),
        pick(&[
            "",
            "/pci0000:00/0000:00:1f.2/ata1/host0",
            "/pci0000:00/0000:00:14.0/usb2",
        ]),
    );
    let links = prop::sample::subsequence(
        vec![
            "/dev/disk/by-id/usb-T5-0:0",
            "/dev/disk/by-id/ata-APPLE",
            "12",
            "usb",
        ],
        0..=3,
    );
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (sizes, texts, links, flags).prop_map(move |(size, texts, links, flags)| TalosDisk {
        size,
        io_size: 512,
        sector_size: 512,
        model: texts.0,
        serial: texts.1,
        wwid: texts.2,
        transport: texts.3,
        bus_path: texts.4,
        rotational: flags.0,
        readonly: flags.1,
        cdrom: flags.2,
        dev_path: path.clone(),
        symlinks: links.into_iter().map(str::to_owned).collect(),
        ..TalosDisk::default()
    })
}

/// A blank disk that nothing speaks against.
pub fn blank(talos: TalosDisk) -> Disk {
    let path = talos.dev_path.clone();
    Disk {
        id: format!("path {path}"),
        path,
        talos,
        udev: std::collections::BTreeMap::new(),
        usb: None,
        vendor: String::new(),
        removable: false,
        physical_sector_size: 512,
        diskseq: None,
        usage: Vec::new(),
        boot_medium: Vec::new(),
        boot_evidence: Vec::new(),
        content: Content::Blank,
        fingerprint: String::new(),
        unread: Vec::new(),
    }
}

/// Up to `most` disks with names that sort as strings otherwise than as numbers.
pub fn talos_disks(most: usize) -> impl Strategy<Value = Vec<TalosDisk>> {
    let names = vec![
        "sda", "sdb", "sdaa", "nvme0n1", "nvme10n1", "nvme2n1", "vda", "mmcblk0",
    ];
    prop::sample::subsequence(names, 0..=most).prop_flat_map(|names| {
        let disks: Vec<_> = names
            .iter()
            .map(|n| talos_disk(format!("/dev/{n}")))
            .collect();
        disks
    })
}
