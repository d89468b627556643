//! Where values of small nodes were written.

use super::*;
use zeroize::Zeroizing;

fn file(name: &str, text: &str) -> File {
    File {
        name: name.to_owned(),
        path: format!("/r/{name}"),
        text: Zeroizing::new(text.to_owned()),
        named: true,
    }
}

const TALCONFIG: &str = "\
nodes:
  - hostname: a
    controlPlane: true
    installDisk: /dev/sda
    patches:
      - '@own.yaml'
  - hostname: b
    controlPlane: true
    overridePatches: true
    patches:
      - |
        machine:
          sysctls: {a: '1', b: '2'}
  - hostname: c
controlPlane:
  patches:
    - '@group.yaml'
worker:
  patches:
    - '@group.yaml'
  userVolumes:
    - name: data
      provisioning: {minSize: 1GiB}
patches:
  - 'machine: {certSANs: [z]}'
";
const GROUP: &str = "machine:\n  sysctls:\n    a: '1'\n    b: '1'\n  certSANs: [x, y]\n";
const OWN: &str = "machine:\n  sysctls:\n    b: ${B}\n  certSANs:\n    - x\n";

/// The document and place of what stands at a line and column.
fn asked(node: (u32, u32), rendered: &str, line: u32, column: u32) -> (String, String) {
    let files = [
        file("group.yaml", GROUP),
        file("talconfig.yaml", TALCONFIG),
        file("own.yaml", OWN),
    ];
    let origins = Origins::of(&files, 1, node, rendered);
    let found = origins.find(line, column).unwrap();
    let at = found.at.map_or(String::new(), |at| at.to_string());
    (found.document, at)
}

#[test]
fn a_value_is_traced_to_the_last_patch_that_has_it() {
    let a = "machine:\n  install:\n    disk: /dev/sda\n  sysctls:\n    a: '1'\n    b: '7'\n  certSANs:\n    - x\n    - y\n    - x\n    - z\n";
    for (line, column, at) in [
        (3, 5, "talconfig.yaml:4:5"),
        (3, 11, "talconfig.yaml:4:5"),
        (5, 5, "group.yaml:3:5"),
        (6, 8, "own.yaml:3:5"),
        // Both patches have an x.
        (8, 7, ""),
        (9, 7, "group.yaml:5:17"),
        (11, 7, "talconfig.yaml:25:27"),
    ] {
        let wanted = (String::new(), at.to_owned());
        assert_eq!(asked((2, 5), a, line, column), wanted, "{line}:{column}");
    }
}

#[test]
fn a_node_that_overrides_has_not_the_patches_of_its_group() {
    let b = "machine:\n  sysctls:\n    a: '1'\n    b: '1'\n---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  minSize: 1GiB\n  maxSize: 2GiB\n";
    for (line, document, at) in [
        (3, "", "talconfig.yaml:13:21"),
        // Only the patch of the group has this value.
        (4, "", ""),
        (10, "UserVolumeConfig data", ""),
    ] {
        let wanted = (document.to_owned(), at.to_owned());
        assert_eq!(asked((7, 5), b, line, 6), wanted, "{line}");
    }
}

#[test]
fn documents_come_from_the_fields_of_the_group() {
    let c = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  minSize: 1GiB\n  maxSize: 2GiB\n";
    for (line, at) in [(5, "talconfig.yaml:23:22"), (6, "")] {
        let wanted = ("UserVolumeConfig data".to_owned(), at.to_owned());
        assert_eq!(asked((14, 5), c, line, 6), wanted, "{line}");
    }
}
