//! KB8: what Talos' own validation refuses, as `talosctl validate --mode metal` does.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 8] = [
    &MACHINE,
    &STORAGE,
    &NETWORK,
    &SYSTEM,
    &KUBERNETES,
    &CONTAINERS,
    &TOGETHER,
    &REMARK,
];

const CAUSE: &str = "Talos checks a configuration as a whole before it takes it: `talosctl validate`, `apply-config` and the first boot all refuse it. The rules are those of Talos v1.14; older releases know fewer documents, and a few rules differ.";

const FIX: &str = "Write what the finding says is wanted there.";

/// KB801: `machine` or `cluster`.
pub static MACHINE: Rule = rule(
    "KB801",
    Level::Error,
    "Talos refuses what machine or cluster say",
    [
        CAUSE,
        FIX,
        r#"# found: a control plane without an endpoint
cluster:
  controlPlane: {}
# not found:
cluster:
  controlPlane: {endpoint: "https://10.0.0.1:6443"}"#,
    ],
);

/// KB802: installation, disks, volumes.
pub static STORAGE: Rule = rule(
    "KB802",
    Level::Error,
    "Talos refuses an installation, a disk or a volume",
    [
        CAUSE,
        FIX,
        r#"# found: there is no diskSelector
kind: UserVolumeConfig
name: data
provisioning: {minSize: 100GiB}"#,
    ],
);

/// KB803: the network.
pub static NETWORK: Rule = rule(
    "KB803",
    Level::Error,
    "Talos refuses an address, a link or a rule of the network",
    [
        CAUSE,
        FIX,
        r#"# found: a VLAN from 1 to 4094 is required
kind: VLANConfig
name: eth0.0
vlanID: 0
parent: eth0"#,
    ],
);

/// KB804: documents of the system.
pub static SYSTEM: Rule = rule(
    "KB804",
    Level::Error,
    "Talos refuses a document of the system",
    [
        CAUSE,
        FIX,
        r#"# found: at least 10s
kind: WatchdogTimerConfig
device: /dev/watchdog0
timeout: 5s"#,
    ],
);

/// KB805: documents of Kubernetes.
pub static KUBERNETES: Rule = rule(
    "KB805",
    Level::Error,
    "Talos refuses a document of Kubernetes",
    [
        CAUSE,
        FIX,
        r#"# found: as many networks for services as for pods
kind: KubeNetworkConfig
podSubnets: [10.244.0.0/16, "fd00:10:244::/56"]
serviceSubnets: [10.96.0.0/12]"#,
    ],
);

/// KB806: containers.
pub static CONTAINERS: Rule = rule(
    "KB806",
    Level::Error,
    "Talos refuses a container",
    [
        CAUSE,
        FIX,
        r#"# found: an image is required
kind: ContainerConfig
name: agent"#,
    ],
);

/// KB807: documents together.
pub static TOGETHER: Rule = rule(
    "KB807",
    Level::Error,
    "Talos refuses documents beside each other",
    [
        CAUSE,
        "Say it in one of the documents; the newer kind is the one that stays.",
        r#"# found: both say where Talos is installed
machine:
  install: {disk: /dev/sda}
---
kind: UnattendedInstallConfig
provisioning: {diskSelector: {match: disk.transport == "nvme"}}"#,
    ],
);

/// KB808: accepted with a word.
pub static REMARK: Rule = rule(
    "KB808",
    Level::Note,
    "Talos accepts it with a warning",
    [
        "Talos takes the configuration and prints a warning; `talosctl validate --strict` refuses it.",
        FIX,
        r#"# found: join is the old name of worker
machine:
  type: join"#,
    ],
);
