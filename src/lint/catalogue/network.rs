//! KB7: the network of a node as a whole, as [`crate::network`] judges it.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 3] = [&BREAKS, &DOUBTFUL, &REMARK];

const CAUSE: &str = "Addresses, networks, links and selectors of all documents of a node are held against each other, and against the interfaces of a recorded machine where one is named. The finding names what is wrong in brackets.";
const FIX: &str =
    "`keelblock validate --explain` with the word in brackets says why, and what to do.";

/// KB701: the network of the node does not work like this.
pub static BREAKS: Rule = rule(
    "KB701",
    Level::Risk,
    "the network of the node does not work like this",
    [
        CAUSE,
        FIX,
        r#"# found: the services have addresses of the pods
podSubnets: [10.244.0.0/16]
serviceSubnets: [10.244.128.0/20]"#,
    ],
);

/// KB702: the network does something else than it seems to.
pub static DOUBTFUL: Rule = rule(
    "KB702",
    Level::Warning,
    "the network does something else than it seems to",
    [
        CAUSE,
        FIX,
        r#"# found: DHCP is off on every other interface
apiVersion: v1alpha1
kind: LinkConfig
name: enp1s0"#,
    ],
);

/// KB703: a remark on the network.
pub static REMARK: Rule = rule(
    "KB703",
    Level::Note,
    "a remark on the network",
    [
        CAUSE,
        FIX,
        r#"# found where only one of several nodes is concerned
interfaces:
  - deviceSelector: {driver: tg3}"#,
    ],
);
