//! A machine on paper: everything that selecting and planning need, to be read on another machine.
//!
//! A [`Snapshot`] holds the [`Inventory`] as it is and, beside it, the plain text of the sysfs attributes that it and
//! the tuning settings come from, so that a later version can look again. It never holds user data, keys, passphrases,
//! configurations, the kernel's command line, or contents of files other than those attributes.
//! [`load`] reads every version that was ever written, and the plain inventory that `probe --format json` prints;
//! [`redact`] replaces what identifies the machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::probe::attributes::{self, Attributes};
use crate::probe::inventory::Inventory;
use crate::probe::probe;
use crate::root::Root;

pub mod load;
pub mod redact;
mod strict;

/// The name and version that a [`Snapshot`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/snapshot/v1";

/// One machine as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program that recorded it, such as `0.1.0`.
    #[serde(default)]
    pub keelblock: String,
    /// What identified the machine was replaced by stand-ins.
    #[serde(default)]
    pub redacted: bool,
    /// What the probe said, an envelope with a schema of its own.
    pub inventory: Inventory,
    /// Attributes below `/sys`, `/proc/sys`: absolute path → text without the newline at its end. A path that ends in
    /// `/driver` is a link, and its value the name that it points to.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Attributes that are there and could not be read, in sentences for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Snapshot {
    /// An inventory and the attributes beside it.
    pub fn new(inventory: Inventory, attributes: Attributes) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            keelblock: env!("CARGO_PKG_VERSION").to_owned(),
            redacted: false,
            inventory,
            attributes: attributes.values,
            unread: attributes.unread,
        }
    }
}

/// Records the machine under `root`.
///
/// Never fails as a whole: what could not be read is said in the inventory's notes, in a disk's `unread`, or in
/// [`Snapshot::unread`].
pub fn take(root: &Root) -> Snapshot {
    Snapshot::new(probe(root), attributes::read(root))
}
