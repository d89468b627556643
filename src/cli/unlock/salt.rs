//! The salt inside STATE, for keys with `lockToState`.

use std::path::Path;

use crate::cli::targets;
use crate::keys;
use crate::mapper::identity::ours;
use crate::mapper::report::Mapping;
use crate::mapper::{kernel, mount, node};
use crate::probe;
use crate::root::Root;
use crate::secret::Secret;
use crate::sys::dm::Dm;
use crate::target::device::BlockDevice;

/// Talos' own name of the file.
const FILE: &str = "/encryption-salt.yaml";

/// Reads it from STATE, which was opened before: where it is mounted, or from a mount of our own for that moment.
///
/// # Errors
/// In words, what is missing.
pub fn read(dm: &Dm, opened: &[Mapping]) -> Result<Secret, String> {
    let without =
        |why: &str| format!("locked to STATE, whose encryption-salt.yaml is missing: {why}");
    let all = kernel::mappings(dm).map_err(|error| without(&error.to_string()))?;
    let state = all
        .iter()
        .find(|status| ours(&status.uuid).is_some_and(|(volume, _)| volume == "STATE"))
        .ok_or_else(|| without("STATE is not open; unlock it in the same command"))?;
    let own = opened.iter().find(|mapping| mapping.volume == "STATE");
    if let Some(point) = own.and_then(|state| state.mount.as_deref()) {
        return from(Path::new(point)).map_err(|why| without(&why));
    }
    let mounts = kernel::mounts_of(&Root::live(), state.number);
    if let Some(mounted) = mounts.iter().find(|mount| mount.own) {
        return from(Path::new(&mounted.point)).map_err(|why| without(&why));
    }
    let device = node::path(&state.name);
    for_a_moment(&device).map_err(|why| without(&why))
}

fn for_a_moment(device: &Path) -> Result<Secret, String> {
    let found = BlockDevice::open_read_only(device).map_err(|error| error.to_string())?;
    let (content, _) = probe::inspect_source(&found);
    drop(found);
    let layout = content.layout();
    let kind = layout
        .and_then(|layout| layout.signatures.first())
        .and_then(|signature| mount::kind(&signature.kind))
        .ok_or("STATE holds no filesystem that is known")?;
    let state = targets::state_dir(None).map_err(|failure| failure.message)?;
    let place = state.join(format!("salt-{}", std::process::id()));
    let made = mount::on(device, kind, &place, true).map_err(|error| error.to_string())?;
    let salt = from(&place);
    mount::off(&place, made).map_err(|error| error.to_string())?;
    salt
}

/// A link inside STATE leads nowhere out of it.
fn from(mount_point: &Path) -> Result<Secret, String> {
    let text = Root::at(mount_point).read_to_string(FILE);
    let text = text.map_err(|error| error.to_string())?;
    let text = zeroize::Zeroizing::new(text.ok_or("there is no such file in STATE")?);
    keys::salt(&text).ok_or_else(|| String::from("the file holds no salt"))
}
