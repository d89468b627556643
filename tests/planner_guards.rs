//! What the planner refuses by itself, whatever the selection said.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

use std::collections::BTreeMap;

use keelblock::config::{self, Source};
use keelblock::partitioner::content::MkfsFacts;
use keelblock::partitioner::disk::DiskError;
use keelblock::partitioner::layout::{Bootloader, TalosVersion};
use keelblock::partitioner::planner::{self, Options, PlanError};
use keelblock::plan::{Action, KdfCost, Plan};
use keelblock::probe::inventory::{
    Content, Disk, Inventory, Layout, Machine, Partition, Signature, Table, TalosDisk,
};
use keelblock::selector::selection::{Outcome, Role, Selection};
use keelblock::units::{Bytes, Extent};

const DATA: &str = "
machine:
  type: worker
  install: {disk: /dev/sda, wipe: true}
  disks:
    - device: /dev/sdb
      partitions:
        - {mountpoint: /var/mnt/a, size: 1GiB}
        - {mountpoint: /var/mnt/b}
---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: whole
volumeType: disk
provisioning:
  diskSelector: {match: 'disk.model == \"DATA\"'}
";

fn disk(content: Content) -> Disk {
    Disk {
        path: String::from("/dev/sdb"),
        id: String::from("serial DATA"),
        talos: TalosDisk {
            size: 8 << 30,
            sector_size: 512,
            model: String::from("DATA"),
            ..TalosDisk::default()
        },
        udev: BTreeMap::new(),
        usb: None,
        vendor: String::new(),
        removable: false,
        physical_sector_size: 512,
        diskseq: None,
        usage: Vec::new(),
        boot_medium: Vec::new(),
        boot_evidence: Vec::new(),
        content,
        fingerprint: String::from("f"),
        unread: Vec::new(),
    }
}

fn plan(role: &str, content: Content, wipe: &[&str]) -> Result<Plan, PlanError> {
    let spec = config::parse(&[Source {
        name: "data.yaml",
        text: DATA,
    }])
    .expect("a valid configuration");
    let disk = disk(content);
    let role = Role {
        role: role.to_owned(),
        outcome: Outcome::Selected,
        disk: Some(disk.path.clone()),
        disk_id: Some(disk.id.clone()),
        reason: String::new(),
        source: String::new(),
        rule: String::new(),
        verdicts: Vec::new(),
        proof: Default::default(),
    };
    let selection = Selection::of(vec![role]);
    let inventory = Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: vec![disk],
        notes: Vec::new(),
    };
    let options = Options {
        seed: "1".parse().expect("a seed"),
        talos: TalosVersion::NEWEST,
        bootloader: Bootloader::Uki,
        kdf: KdfCost {
            memory: Bytes::mib(32),
            time: 4,
            lanes: 1,
        },
        kdf_seconds: None,
        ephemeral_filesystem: true,
        mark: true,
        mkfs: MkfsFacts::default(),
        uuid: None,
        wipe: wipe.iter().map(ToString::to_string).collect(),
        only: None,
        config_digest: String::new(),
    };
    planner::plan(&spec, &inventory, &selection, &options)
}

fn signature(kind: &str, offset: u64) -> Signature {
    Signature {
        kind: kind.to_owned(),
        talos: kind.to_owned(),
        label: String::new(),
        uuid: String::new(),
        version: String::new(),
        offset: Bytes::new(offset),
        extents: Vec::new(),
        note: String::new(),
    }
}

/// A sound GPT with two XFS partitions without names, as Talos makes them for `machine.disks`.
fn legacy_layout() -> Content {
    let partition = |number: u32, start: u64, len: u64| Partition {
        type_guid: Some(keelblock::guid::Guid::LINUX_DATA),
        guid: Some(keelblock::guid::Guid::from_hash(
            [u8::try_from(number).expect("small"); 16],
        )),
        signatures: vec![signature("xfs", start << 20)],
        ..Partition::new(number, "", Extent::new(Bytes::mib(start), Bytes::mib(len)))
    };
    let table = Table {
        kind: String::from("gpt"),
        guid: Some(keelblock::guid::Guid::from_hash([9; 16])),
        block_size: None,
        usable: Some(Extent::between(Bytes::MIB, Bytes::mib(8190))),
        defects: Vec::new(),
    };
    let partitions = vec![partition(1, 1, 1024), partition(2, 1025, 7000)];
    Content::Foreign(Layout {
        table: Some(table),
        partitions,
        signatures: Vec::new(),
        unfinished: None,
    })
}

fn plain_xfs() -> Content {
    Content::Foreign(Layout {
        signatures: vec![signature("xfs", 0)],
        ..Layout::default()
    })
}

#[test]
fn a_whole_disk_volume_is_left_to_talos_whatever_is_on_its_disk() {
    for content in [Content::Blank, plain_xfs(), legacy_layout()] {
        let plan = plan("u-whole", content, &[]).expect("a plan without that disk");
        assert!(plan.disks.is_empty() && plan.steps.is_empty());
        assert!(
            plan.remarks.iter().any(|remark| remark.contains("u-whole")),
            "{:?}",
            plan.remarks
        );
    }
}

#[test]
fn foreign_data_never_gets_a_new_table_without_both_halves_of_the_consent() {
    for wipe in [&[][..], &["/dev/sda"][..]] {
        let error = plan("/dev/sdb", plain_xfs(), wipe).expect_err("a refusal");
        assert!(
            matches!(
                error,
                PlanError::Disk {
                    source: DiskError::Foreign { .. },
                    ..
                }
            ),
            "{error:?}"
        );
    }
    let plan = plan("/dev/sdb", plain_xfs(), &["/dev/sdb"]).expect("consent");
    assert!(plan.disks[0].fresh);
}

#[test]
fn partitions_without_names_are_adopted_by_their_numbers() {
    let plan = plan("/dev/sdb", legacy_layout(), &[]).expect("a plan");
    assert!(!plan.disks[0].fresh && plan.is_converged());
    assert!(
        plan.disks[0]
            .partitions
            .iter()
            .all(|p| p.action == Action::Keep)
    );
    assert!(plan.steps.is_empty());
}
