//! Who uses a device: mounts, what is stacked upon it, swap, processes. Reads only.

use std::path::Path;

use super::{KernelError, Number, holders};
use crate::probe::{self, Mount};
use crate::root::Root;
use crate::sys::dm::Status;

/// No more uses of one mapping are named.
const MOST_USERS: usize = 8;

/// Where a device is mounted, in whatever namespace.
pub fn mounts_of(root: &Root, number: Number) -> Vec<Mount> {
    let (mounts, unread) = probe::mounts(root);
    for sentence in unread {
        tracing::debug!("{sentence}");
    }
    mounts
        .into_iter()
        .filter(|mount| mount.number == number)
        .collect()
}

/// Who uses the mapping, but for the mount at `own`: mounts, what is stacked upon it, swap, processes.
///
/// # Errors
/// [`KernelError::Read`].
pub fn users(root: &Root, status: &Status, own: Option<&str>) -> Result<Vec<String>, KernelError> {
    let mut users = Vec::new();
    for mount in mounts_of(root, status.number) {
        if !(mount.own && Some(mount.point.as_str()) == own) {
            users.push(format!("mounted at {}", mount.point));
        }
    }
    for holder in holders(root, status.number)? {
        users.push(
            format!("/dev/{} {}", holder.device, holder.name)
                .trim_end()
                .to_owned(),
        );
    }
    let nodes = [
        format!("/dev/dm-{}", status.number.1),
        format!("/dev/mapper/{}", status.name),
    ];
    let swaps = root
        .read_to_string("/proc/swaps")
        .ok()
        .flatten()
        .unwrap_or_default();
    let is_node = |line: &str| {
        nodes
            .iter()
            .any(|node| line.split(' ').next() == Some(node))
    };
    users.extend(swaps.lines().any(is_node).then(|| String::from("swap")));
    users.extend(processes(root, &nodes, own));
    users.truncate(MOST_USERS);
    Ok(users)
}

/// Processes that have one of the nodes open, or something below the mount point. A process that ends meanwhile is none.
fn processes(root: &Root, nodes: &[String], mount: Option<&str>) -> Vec<String> {
    let uses = |link: &Path| {
        let inside = mount.is_some_and(|mount| link.starts_with(mount));
        inside || nodes.iter().any(|node| link == Path::new(node))
    };
    let own = std::process::id().to_string();
    let all = root.read_dir("/proc").ok().flatten().unwrap_or_default();
    let is_process = |name: &String| name.bytes().all(|b| b.is_ascii_digit()) && *name != own;
    let mut found = Vec::new();
    for process in all.into_iter().filter(is_process) {
        let dir = Path::new("/proc").join(&process);
        let fds = root
            .read_dir(dir.join("fd"))
            .ok()
            .flatten()
            .unwrap_or_default();
        let mut links = ["cwd", "root", "exe"].map(|name| dir.join(name)).to_vec();
        links.extend(fds.into_iter().map(|fd| dir.join("fd").join(fd)));
        let mut targets = links
            .iter()
            .filter_map(|link| root.read_link(link).ok().flatten());
        if targets.any(|target| uses(&target)) {
            let name = root
                .read_to_string(dir.join("comm"))
                .ok()
                .flatten()
                .unwrap_or_default();
            found.push(format!("process {process} ({})", name.trim()));
        }
    }
    found
}
