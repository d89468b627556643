//! What is found in files of every kind, and where.

use super::*;

const FILE: &str = "\
nodes:
  - hostname: a
    patches:
      - |-
        machine:
          sysfs:
            block.sda.queue.scheduler: none
          udev:
            rules:
              - |
                # comment
                ACTION==\"add\"
              - 'KERNEL==\"x\"'
      - '@file.yaml'
controlPlane:
  inlinePatch:
    machine:
      install:
        extraKernelArgs: [a=1]
---
apiVersion: v1alpha1
kind: SysctlConfig
params:
  vm.swappiness: \"1\"
";

#[test]
fn items_are_found_in_patches_and_documents_with_their_places() {
    let found = tuning_items(FILE);
    assert_eq!(found.fault, None);
    let places: Vec<(u32, u32)> = found
        .items
        .iter()
        .map(|item| match item {
            TuningItem::Rule { spot, .. } | TuningItem::Argument { spot, .. } => spot.at(1, 1),
            TuningItem::Parameter { key_spot, .. } => key_spot.at(1, 1),
            TuningItem::Swap | TuningItem::For(_) => (0, 0),
        })
        .collect();
    let wanted = [
        (0, 0),
        (19, 27),
        (0, 0),
        (11, 17),
        (13, 18),
        (7, 13),
        (24, 3),
    ];
    assert_eq!(places, wanted);
    let TuningItem::Rule { spot, .. } = &found.items[3] else {
        panic!()
    };
    assert_eq!(spot.at(2, 3), (12, 19));
}

#[test]
fn operations_of_rfc_6902_are_read_like_what_they_set() {
    let patch = "\
- {op: add, path: /machine/udev/rules/-, value: 'KERNEL==\"x\"'}
- op: replace
  path: /machine/sysctls
  value: {vm.swappiness: \"1\"}
- {op: add, path: /machine/sysfs/block.sda.queue~1x, value: none}
- {op: add, path: /machine/install, value: {extraKernelArgs: [a=1]}}
- {op: remove, path: /machine/install/extraKernelArgs/0, value: b=1}
- {op: add, path: /cluster, value: {}}
- text
";
    let found = tuning_items(patch);
    let said: Vec<String> = found
        .items
        .iter()
        .map(|item| match item {
            TuningItem::Rule { text, spot, .. } | TuningItem::Argument { text, spot } => {
                format!("{}:{} {text}", spot.line, spot.column)
            }
            TuningItem::Parameter {
                key,
                key_spot,
                value,
                ..
            } => {
                format!("{}:{} {key}={value}", key_spot.line, key_spot.column)
            }
            item => format!("{item:?}"),
        })
        .collect();
    let wanted = [
        "1:50 KERNEL==\"x\"",
        "4:11 vm.swappiness=1",
        "5:19 block.sda.queue/x=none",
        "6:63 a=1",
    ];
    assert_eq!(said, wanted);
    // Talos takes it as JSON too, and talhelper as a patch within its file.
    let json = "[{\"op\":\"add\",\"path\":\"/machine/udev/rules/-\",\"value\":\"A==1\"}]";
    assert_eq!(tuning_items(json).items.len(), 1);
    let inline = format!("patches:\n  - '{json}'\n");
    assert_eq!(tuning_items(&inline).items.len(), 1);
}

#[test]
fn what_is_no_yaml_is_said_with_its_place() {
    let found = tuning_items("machine:\n  sysctls: [\n");
    assert!(found.fault.is_some());
    assert_eq!(tuning_items("").items, Vec::new());
    assert_eq!(tuning_items("- 1\n- 2\n").items, Vec::new());
}
