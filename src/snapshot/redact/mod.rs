//! Replaces what identifies a machine by stand-ins, so that its snapshot can be given away.
//!
//! Serials, world-wide ids, UUIDs, MAC addresses, labels and digests of contents are collected from the fields that hold
//! them and from every text (`collect`), get a stand-in of the same shape (`stand_in`) and are replaced wherever they
//! occur, inside links and sentences too (`replace`). Addresses of network interfaces have stand-ins of their own
//! (`address`); of a MAC address the company's three bytes stay, as of a world-wide id: they name a model, not a machine. The same input has the same stand-in within a snapshot, two
//! inputs never share one: clones stay visible, and so do disks that differ.
//! Stand-ins come from HMAC-SHA-256 under a key that is not in the snapshot. Without it they tell nothing: serials are
//! short, and a plain hash of one would be found by trying all.

use serde_json::{Map, Value};

use super::Snapshot;
use crate::network::prefix::Prefix;
use crate::secret::Secret;
use replace::Replacer;
use stand_in::StandIns;

mod address;
mod collect;
mod replace;
mod stand_in;
mod words;

/// Keys of objects whose values say what kind of thing it is, never which one.
const PUBLIC_KEYS: [&str; 25] = [
    "schema",
    "keelblock",
    "kind",
    "talos",
    "version",
    "transport",
    "sub_system",
    "type_guid",
    "model",
    "vendor",
    "product",
    "manufacturer",
    "kernel",
    "vendor_id",
    "product_id",
    "pretty_size",
    "driver",
    "firmware_version",
    "path",
    "dev_path",
    "secondary_disks",
    "pci_id",
    "usb_id",
    "operstate",
    "addresses",
];

/// How often another set of stand-ins is tried when one of them happens to spell an original.
const ATTEMPTS: u32 = 8;

/// Why a snapshot could not be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// After every attempt something was left; nothing is given out then.
    #[error("an identifier would remain in the redacted snapshot")]
    Remains,
    /// The redacted document is no snapshot any more.
    #[error("the redacted snapshot has lost its shape")]
    Shape(#[source] serde_json::Error),
}

/// Replaces what identifies the machine, and says how many different identifiers there were.
///
/// What is a model, a vendor, a size, a place on a bus, a mount point or a name of a Talos volume stays: selection and
/// planning come to the same result for every configuration that names no identifier.
///
/// # Errors
/// [`RedactError`]; no case is known in which it happens with a random key.
pub fn redact(snapshot: &Snapshot, key: &Secret) -> Result<(Snapshot, usize), RedactError> {
    let mut bare = snapshot.clone();
    // Put back afterwards: digits that are replaced one by one need not be an address any more.
    let addresses = taken_addresses(&mut bare);
    let value = serde_json::to_value(&bare).map_err(RedactError::Shape)?;
    let found = collect::identifiers(&bare, &value);
    for attempt in 0..ATTEMPTS {
        let stand_ins = StandIns::new(key, attempt);
        let Some(replacer) = Replacer::new(&found, &stand_ins) else {
            continue;
        };
        let mut redacted = value.clone();
        rewrite(&mut redacted, &replacer);
        if remains(&redacted, &replacer) {
            continue;
        }
        let mut redacted: Snapshot =
            serde_json::from_value(redacted).map_err(RedactError::Shape)?;
        for disk in &mut redacted.inventory.disks {
            disk.talos.symlinks.sort();
        }
        let nics = redacted.inventory.machine.nics.iter_mut().flatten();
        for (nic, of_nic) in nics.zip(&addresses) {
            let stand_in = |prefix: &Prefix| address::stand_in(*prefix, &stand_ins);
            nic.addresses = of_nic.iter().map(stand_in).collect();
            nic.addresses.sort();
        }
        redacted.redacted = true;
        return Ok((redacted, found.count()));
    }
    Err(RedactError::Remains)
}

fn taken_addresses(snapshot: &mut Snapshot) -> Vec<Vec<Prefix>> {
    let nics = snapshot.inventory.machine.nics.iter_mut().flatten();
    nics.map(|nic| std::mem::take(&mut nic.addresses)).collect()
}

/// Calls `each` with every text of the document that may identify, and the key that it stands under.
fn texts<'v>(value: &'v Value, key: &str, each: &mut impl FnMut(&str, &'v str)) {
    match value {
        Value::String(text) => each(key, text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, key, each)),
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !is_public(key)) {
                if key.starts_with('/') {
                    each("", key);
                }
                texts(value, key, each);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn rewrite(value: &mut Value, replacer: &Replacer) {
    rewrite_at(value, "", replacer);
}

fn rewrite_at(value: &mut Value, key: &str, replacer: &Replacer) {
    match value {
        Value::String(text) => *text = replacer.replace(key, text),
        Value::Array(values) => {
            for value in values {
                rewrite_at(value, key, replacer);
            }
        }
        Value::Object(map) => {
            let mut rewritten = Map::new();
            for (key, mut value) in std::mem::take(map) {
                if !is_public(&key) {
                    rewrite_at(&mut value, &key, replacer);
                }
                // Paths of attributes may hold an identifier; names of properties never do.
                let key = if key.starts_with('/') {
                    replacer.replace("", &key)
                } else {
                    key
                };
                rewritten.insert(key, value);
            }
            *map = rewritten;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn remains(value: &Value, replacer: &Replacer) -> bool {
    let mut found = false;
    texts(value, "", &mut |_, text| found |= replacer.finds(text));
    found
}

/// Whether the value under this key (a field, a udev property, or the path of an attribute) identifies nothing.
fn is_public(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((_, attribute)) => words::is_public_attribute(attribute),
        None => PUBLIC_KEYS.contains(&key) || words::is_public_property(key),
    }
}
