//! KB2: talconfig.yaml, its patches, and the files around it.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 16] = [
    &TALHELPER,
    &DROPPED_KEY,
    &TALHELPER_WARNS,
    &UNREFERENCED,
    &JSON_ON_MANY,
    &TWO_TARGETS,
    &WRONG_PLACE,
    &NO_EXTENSION_CONFIG,
    &KERNEL_ARGS,
    &TWO_HOSTNAMES,
    &REFUSED_LATER,
    &SUBNET,
    &NOT_RENDERED,
    &SAME_FILE,
    &NO_FILE_NAME,
    &UNKNOWN_EXTENSIONS,
];

/// KB201: talhelper refuses this.
pub static TALHELPER: Rule = rule(
    "KB201",
    Level::Error,
    "talhelper refuses this",
    [
        "talhelper validates talconfig.yaml before it renders any node, and stops at the first thing that is wrong. Files outside of the repository are refused by keelblock.",
        "Correct it as the finding says.",
        r#"# found
nodes:
  - hostname: Mini_01
    ipAddress: 10.0.0.1"#,
    ],
);

/// KB202: talhelper drops this key.
pub static DROPPED_KEY: Rule = rule(
    "KB202",
    Level::Warning,
    "talhelper drops this key",
    [
        "talhelper reads the keys that it knows and passes over all others without a word. What stands below does nothing.",
        "Correct the key; what talhelper has no key for goes into a patch.",
        r#"# found
nodes:
  - hostname: a
    sysctls: {vm.swappiness: "1"}
# right
    patches:
      - "machine: {sysctls: {vm.swappiness: '1'}}""#,
    ],
);

/// KB203: talhelper has doubts.
pub static TALHELPER_WARNS: Rule = rule(
    "KB203",
    Level::Warning,
    "talhelper has doubts",
    [
        "talhelper renders the nodes, and what comes out may not be what is meant.",
        "Correct it as the finding says.",
        r#"# found: not in talhelper's list
talosVersion: v1.10.99"#,
    ],
);

/// KB204: nothing refers to this file.
pub static UNREFERENCED: Rule = rule(
    "KB204",
    Level::Warning,
    "nothing refers to this file",
    [
        "No list of patches, manifests or files of the talconfig.yaml names it. It has no effect on any node unless somebody applies it by hand.",
        r#"Name it under `patches` as "@path", or remove it."#,
        r#"# missing in talconfig.yaml
patches:
  - "@talos/patches/storage.yaml""#,
    ],
);

/// KB205: a JSON patch on several documents.
pub static JSON_ON_MANY: Rule = rule(
    "KB205",
    Level::Error,
    "a JSON patch on several documents",
    [
        "Talos applies RFC 6902 only to a configuration of one document. talhelper writes several from Talos 1.12 on, and earlier for volumes, firewall and extension services.",
        "Write it as a strategic merge patch.",
        r#"# found, with talosVersion: v1.12.0
- op: add
  path: /machine/sysctls
  value: {vm.swappiness: "1"}
# right
machine:
  sysctls: {vm.swappiness: "1"}"#,
    ],
);

/// KB206: a disk and a selector: the disk is ignored.
pub static TWO_TARGETS: Rule = rule(
    "KB206",
    Level::Warning,
    "a disk and a selector: the disk is ignored",
    [
        "Both are rendered, and Talos lets the selector win. The path looks like a decision, and is none.",
        "Remove one of the two.",
        r#"# found
installDisk: /dev/sda
installDiskSelector: {model: "APPLE*"}
# right
installDiskSelector: {model: "APPLE*"}"#,
    ],
);

/// KB207: an extension does not look here.
pub static WRONG_PLACE: Rule = rule(
    "KB207",
    Level::Warning,
    "an extension does not look here",
    [
        "An extension runs in a container of its own: variables of machine.env and files of machine.files do not reach it. Only the files of its ExtensionServiceConfig are mounted into it.",
        "Write an ExtensionServiceConfig document.",
        r#"# found
machine:
  env: {LLDPD_OPTIONS: -c}
# right
apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: lldpd
configFiles:
  - mountPath: /usr/local/etc/lldpd/lldpd.conf
    content: configure lldp portidsubtype ifname"#,
    ],
);

/// KB208: an extension waits for a configuration for ever.
pub static NO_EXTENSION_CONFIG: Rule = rule(
    "KB208",
    Level::Risk,
    "an extension waits for a configuration for ever",
    [
        "The service of this extension starts only once its ExtensionServiceConfig is there. Without one the boot never completes: after 70 minutes Talos gives up, takes the boot entry back and reboots.",
        "Add its ExtensionServiceConfig, or leave the extension out.",
        r#"# found
schematic:
  customization:
    systemExtensions:
      officialExtensions: [siderolabs/lldpd]
# right: with it
extensionServices:
  - name: lldpd
    configFiles: [...]"#,
    ],
);

/// KB209: extraKernelArgs and grubUseUKICmdline exclude each other.
pub static KERNEL_ARGS: Rule = rule(
    "KB209",
    Level::Error,
    "extraKernelArgs and grubUseUKICmdline exclude each other",
    [
        "From Talos 1.12 on a generated configuration has install.grubUseUKICmdline: true, and Talos refuses extraKernelArgs beside it.",
        "Put the arguments into schematic.customization.extraKernelArgs.",
        r#"# found, with talosVersion: v1.12.0
machine:
  install:
    extraKernelArgs: [console=ttyS0]
# right
schematic:
  customization:
    extraKernelArgs: [console=ttyS0]"#,
    ],
);

/// KB210: a hostname and a HostnameConfig exclude each other.
pub static TWO_HOSTNAMES: Rule = rule(
    "KB210",
    Level::Error,
    "a hostname and a HostnameConfig exclude each other",
    [
        "From Talos 1.12 on talhelper writes a HostnameConfig for every node. Talos refuses machine.network.hostname and machine.features.stableHostname beside it.",
        "Remove the key; ignoreHostname: true gives a stable name instead.",
        r#"# found, with talosVersion: v1.12.0
machine:
  features:
    stableHostname: true
# right
ignoreHostname: true"#,
    ],
);

/// KB211: a later Talos refuses this.
pub static REFUSED_LATER: Rule = rule(
    "KB211",
    Level::Note,
    "a later Talos refuses this",
    [
        "It is right for the release that the configuration names, and the configuration is refused as soon as talosVersion is raised to the one that the finding names.",
        "Change it together with talosVersion.",
        r#"# found, with talosVersion: v1.10.5
machine:
  features:
    stableHostname: true  # refused from v1.12"#,
    ],
);

/// KB212: an address where a network must stand.
pub static SUBNET: Rule = rule(
    "KB212",
    Level::Risk,
    "an address where a network must stand",
    [
        "Bits behind the length of the prefix are set. Kubernetes takes the network that the address is in, which is not what is written; Talos 1.14 refuses it.",
        "Set the bits behind the length to zero, or make the prefix longer.",
        r#"# found: the network is fd00:0:0:1::/64
clusterPodNets: ["fd00:0:0:1:2000::/64"]
# right
clusterPodNets: ["fd00:0:0:2000::/64"]"#,
    ],
);

/// KB213: a node that cannot be rendered here.
pub static NOT_RENDERED: Rule = rule(
    "KB213",
    Level::Warning,
    "the node cannot be rendered",
    [
        "talconfig.yaml is sound, but a patch does not apply to this node, or it uses a template beyond what keelblock renders. What only shows in the whole configuration was not looked for.",
        "`keelblock render --node` says the same; correct the patch, or validate what talhelper renders.",
        r#"# found: nothing stands at this place
patches:
  - |-
    - op: remove
      path: /machine/nothing"#,
    ],
);

/// KB214: two nodes in one file.
pub static SAME_FILE: Rule = rule(
    "KB214",
    Level::Risk,
    "two nodes are written to one file",
    [
        "filenameTmpl gives several nodes the same name. talhelper writes one over the other without a word, and the node that was written first gets the configuration of the last.",
        "Have the template name what tells the nodes apart, such as {{ .Hostname }}.",
        r#"# found
worker:
  filenameTmpl: "{{ .ClusterName }}-{{ .Role }}.yaml"
# right
worker:
  filenameTmpl: "{{ .Role }}-{{ .Hostname }}.yaml""#,
    ],
);

/// KB215: a file without a name.
pub static NO_FILE_NAME: Rule = rule(
    "KB215",
    Level::Warning,
    "filenameTmpl makes no name of a file",
    [
        "The template has ClusterName, Hostname, IPAddress and Role, and Go's own functions; those of sprig that patches may call are missing here. A name that leads out of the folder is written there by talhelper, and refused by keelblock.",
        "Correct the template, or leave it out.",
        r#"# found
filenameTmpl: "{{ .Name | upper }}.yaml"
# right
filenameTmpl: "{{ .Hostname }}.yaml""#,
    ],
);

/// KB216: an image that says nothing of its extensions.
pub static UNKNOWN_EXTENSIONS: Rule = rule(
    "KB216",
    Level::Note,
    "which extensions the image has cannot be told",
    [
        "The id of a schematic is a digest: it tells of no extension unless the schematic is at hand. Whether the ExtensionServiceConfig here has an extension that reads it was not checked.",
        "Check the talconfig.yaml with its schematic in the same run, or ask the node: talosctl get extensions.",
        r#"# found: no talconfig.yaml makes this id
machine:
  install:
    image: factory.talos.dev/metal-installer/<64 digits>:v1.13.0
---
kind: ExtensionServiceConfig
name: lldpd"#,
    ],
);
