//! Makes a mapping, and removes it. Owns the order, and that nothing is left behind when a step fails.
//!
//! The key goes through the keyring of this thread into the kernel, and out of the keyring again; only where the kernel
//! knows no such thing it goes in as digits, in memory that is kept out of swap and wiped.

use std::io;
use std::path::PathBuf;

use super::identity::Identity;
use super::kernel::Number;
use super::node;
use super::table::{Crypt, Version, has_keyring, keyring_form, plain_form};
use crate::secret::Secret;
use crate::sys::dm::packet::Target;
use crate::sys::dm::{Dm, DmError};
use crate::sys::keyring::LogonKey;

const CRYPT: &str = "crypt";

/// Why a mapping was not made or removed.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The device mapper refused.
    #[error("cannot {verb} /dev/mapper/{name}")]
    Mapper {
        /// `open` or `close`.
        verb: &'static str,
        /// The mapping.
        name: String,
        /// Why.
        #[source]
        source: DmError,
    },
    /// What the kernel has is not what it was given.
    #[error("/dev/mapper/{name} is not what was asked for: {what} differs")]
    Differs {
        /// The mapping.
        name: String,
        /// What.
        what: &'static str,
    },
    /// The node below `/dev/mapper`.
    #[error("cannot make {path}")]
    Node {
        /// The node.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// What is to be mapped.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Name and UUID.
    pub identity: &'a Identity,
    /// The table's line.
    pub crypt: &'a Crypt,
    /// The device below.
    pub device: Number,
    /// Whether nothing is to be written.
    pub read_only: bool,
    /// The header's UUID; names the key.
    pub luks: &'a str,
    /// The slot that opened; names the key.
    pub slot: u32,
}

/// The version of the kernel's dm-crypt; `None` if it has none.
///
/// # Errors
/// [`DmError`].
pub fn crypt_version(dm: &Dm) -> Result<Option<Version>, DmError> {
    dm.target_version(CRYPT)
}

/// Makes a mapping; its number. If it fails, there is none.
///
/// # Errors
/// [`ActivateError`].
pub fn open(
    dm: &Dm,
    opening: &Opening<'_>,
    key: &Secret,
    kernel: Version,
) -> Result<Number, ActivateError> {
    let Identity { name, uuid } = opening.identity;
    let mapper = |source| ActivateError::Mapper {
        verb: "open",
        name: name.clone(),
        source,
    };
    let number = dm.create(name, uuid).map_err(mapper)?;
    let made = load(dm, opening, key, kernel)
        .and_then(|()| dm.resume(uuid))
        .map_err(mapper)
        .and_then(|()| check(dm, opening))
        .and_then(|()| {
            node::make(name, number).map_err(|source| ActivateError::Node {
                path: node::path(name),
                source,
            })
        });
    if let Err(error) = made {
        // What failed is what is to be told.
        if let Err(left) = remove(dm, opening.identity, number) {
            tracing::warn!(name, error = %left, "the mapping was left behind");
        }
        return Err(error);
    }
    tracing::info!(
        name,
        read_only = opening.read_only,
        slot = opening.slot,
        "mapping opened"
    );
    Ok(number)
}

fn load(dm: &Dm, opening: &Opening<'_>, key: &Secret, kernel: Version) -> Result<(), DmError> {
    let description = format!("keelblock:{}:slot{}", opening.luks, opening.slot);
    let in_keyring = if has_keyring(kernel) {
        LogonKey::add(&description, key)
            .inspect_err(|error| tracing::debug!(%error, "the keyring takes no key"))
            .ok()
    } else {
        None
    };
    let form = match &in_keyring {
        Some(_) => keyring_form(key.len(), &description),
        None => plain_form(key),
    };
    let parameters = opening.crypt.parameters(&form, opening.device);
    let target = Target {
        sectors: opening.crypt.sectors,
        kind: CRYPT,
        parameters: &parameters,
    };
    let loaded = dm.load(&opening.identity.uuid, opening.read_only, target);
    // dm-crypt has a copy of its own by now.
    drop(in_keyring);
    loaded
}

/// Reads back what the kernel made of it.
fn check(dm: &Dm, opening: &Opening<'_>) -> Result<(), ActivateError> {
    let Identity { name, uuid } = opening.identity;
    let mapper = |source| ActivateError::Mapper {
        verb: "open",
        name: name.clone(),
        source,
    };
    let differs = |what| ActivateError::Differs {
        name: name.clone(),
        what,
    };
    let status = dm.status(name).map_err(mapper)?;
    let status = status.ok_or_else(|| differs("its existence"))?;
    if status.uuid != *uuid || !status.live {
        return Err(differs("its state"));
    }
    if status.read_only != opening.read_only {
        return Err(differs("its mode"));
    }
    let table = dm.table(uuid).map_err(mapper)?;
    let [line] = table.as_slice() else {
        return Err(differs("its number of lines"));
    };
    let wanted = opening.crypt.parameters(&Secret::default(), opening.device);
    let same = line.start == 0 && line.sectors == opening.crypt.sectors && line.kind == CRYPT;
    if same && without_key(&line.parameters).eq(without_key(&wanted)) {
        Ok(())
    } else {
        Err(differs("its table"))
    }
}

/// The words of a line but for its second one.
fn without_key(line: &Secret) -> impl Iterator<Item = &[u8]> {
    let words = line.expose().split(|byte| *byte == b' ').enumerate();
    words.filter_map(|(index, word)| (index != 1).then_some(word))
}

/// Removes a mapping and its node.
///
/// # Errors
/// [`ActivateError::Mapper`]; the mapping is then still there.
pub fn close(dm: &Dm, identity: &Identity, number: Number) -> Result<(), ActivateError> {
    remove(dm, identity, number).map_err(|source| ActivateError::Mapper {
        verb: "close",
        name: identity.name.clone(),
        source,
    })?;
    tracing::info!(name = identity.name, "mapping closed");
    Ok(())
}

fn remove(dm: &Dm, identity: &Identity, number: Number) -> Result<(), DmError> {
    // udev may have it open for a moment after it changed.
    let mut tries = 20;
    loop {
        match dm.remove(&identity.uuid) {
            Err(error) if error.os_error() == Some(nix::libc::EBUSY) && tries > 0 => {
                tries -= 1;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            Err(error) if error.os_error() == Some(nix::libc::ENXIO) => break,
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    if let Err(error) = node::remove(&identity.name, number) {
        tracing::warn!(name = identity.name, %error, "its node was left behind");
    }
    Ok(())
}
