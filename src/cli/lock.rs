//! `keelblock lock`.

use std::path::{Path, PathBuf};

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::mappings::{Record, render};
use crate::cli::output::Output;
use crate::exit::Exit;
use crate::mapper::identity::{Identity, ours};
use crate::mapper::report::{Mapping, Mappings, Mode, Outcome};
use crate::mapper::{activate, kernel, mount, node};
use crate::root::Root;
use crate::sys::dm::{Dm, DmError, Status};

/// Arguments of `lock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Unmounts what `unlock --mount` mounted and removes what `unlock` opened, and nothing else. Refuses \
while something uses it. Running it again does no harm.")]
pub struct LockArgs {
    /// Only these volumes, such as STATE, EPHEMERAL or u-data
    #[arg(value_name = "VOLUME")]
    pub volumes: Vec<String>,
    /// Only what lies on this image
    #[arg(long, value_name = "FILE", conflicts_with = "disk")]
    pub image: Option<PathBuf>,
    /// Only what lies on this disk
    #[arg(long, value_name = "PATH")]
    pub disk: Option<PathBuf>,
}

/// A mapping of ours, and what is known of it.
struct Open {
    status: Status,
    mapping: Mapping,
}

pub fn run(global: &Global, args: &LockArgs, output: &mut Output) -> Result<Exit, Failure> {
    if global.root.is_some() {
        let failure = Failure::new(
            Exit::Usage,
            "lock works on this machine, not on a recorded tree",
        );
        return Err(failure.hint("unset KEELBLOCK_ROOT"));
    }
    let mut record = Record::read();
    let mut closed = Vec::new();
    if let Some(dm) = mapper()? {
        let mut open = found(&dm, args, &record)?;
        // The last that was opened goes first, and STATE last of all.
        open.sort_by_key(|open| std::cmp::Reverse(rank(&open.mapping.volume)));
        unused(&open)?;
        for mut open in open {
            close(&dm, &open)?;
            open.mapping.outcome = Outcome::Closed;
            record.update(std::slice::from_ref(&open.mapping), false);
            record.keep();
            closed.push(open.mapping);
        }
    }
    let notes = args
        .volumes
        .iter()
        .filter(|volume| closed.iter().all(|mapping| mapping.volume != **volume))
        .map(|volume| format!("{volume} was not open"))
        .collect();
    let report = Mappings::new(closed, notes);
    output.print(&report, |_| render(&report))?;
    Ok(Exit::Done)
}

/// `None` if the kernel has no device mapper, so that nothing can be open.
fn mapper() -> Result<Option<Dm>, Failure> {
    match Dm::open() {
        Ok(dm) => Ok(Some(dm)),
        // Without a node the driver may be there all the same.
        Err(DmError::Missing(error))
            if error.kind() != std::io::ErrorKind::NotFound
                || matches!(
                    Root::live().exists("/sys/class/misc/device-mapper"),
                    Ok(false)
                ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn rank(volume: &str) -> usize {
    match volume {
        "STATE" => 0,
        "EPHEMERAL" => 1,
        _ => 2,
    }
}

/// Our mappings that are meant.
fn found(dm: &Dm, args: &LockArgs, record: &Record) -> Result<Vec<Open>, Failure> {
    let root = Root::live();
    let canonical = |path: &Path| {
        root.canonical(path)
            .ok()
            .flatten()
            .unwrap_or_else(|| path.to_owned())
    };
    let only = args
        .image
        .as_ref()
        .or(args.disk.as_ref())
        .map(|path| canonical(path));
    let mut found = Vec::new();
    for status in kernel::mappings(dm)? {
        let Some((volume, luks)) = ours(&status.uuid) else {
            continue;
        };
        if !args.volumes.is_empty() && !args.volumes.iter().any(|named| named == volume) {
            continue;
        }
        let mut mapping = Mapping {
            volume: volume.to_owned(),
            mapping: node::path(&status.name).display().to_string(),
            device: format!("/dev/dm-{}", status.number.1),
            uuid: luks.to_string(),
            mode: Mode::of(status.read_only),
            ..Mapping::default()
        };
        if let Some(number) = dm.deps(&status.uuid)?.first() {
            mapping.partition = kernel::node(&root, *number)?;
            let file = kernel::backing_file(&root, *number)?;
            mapping.disk = file.unwrap_or_else(|| mapping.partition.clone());
        }
        if let Some(known) = record.of(&mapping) {
            mapping = Mapping {
                mode: mapping.mode,
                ..known.clone()
            };
        }
        let lies_on = |path: &PathBuf| {
            [&mapping.disk, &mapping.partition]
                .iter()
                .any(|at| Path::new(at) == path)
        };
        if only.as_ref().is_none_or(lies_on) {
            found.push(Open { status, mapping });
        }
    }
    Ok(found)
}

/// Checks all before any is touched.
fn unused(open: &[Open]) -> Result<(), Failure> {
    let root = Root::live();
    let mut causes = Vec::new();
    for Open { status, mapping } in open {
        let own = mapping.mount.as_deref();
        let users = kernel::users(&root, status, own)?;
        causes.extend(
            users
                .iter()
                .map(|user| format!("{}: {user}", mapping.volume)),
        );
        let mounted = kernel::mounts_of(&root, status.number)
            .iter()
            .any(|m| m.own);
        if users.is_empty() && status.open_count > u32::from(mounted) {
            causes.push(format!(
                "{}: something has {} open",
                mapping.volume, mapping.device
            ));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new(
        Exit::Refused,
        "refusing to lock what is in use; nothing was closed",
    );
    failure.causes = causes;
    Err(failure.hint("unmount or end what uses it, and run `keelblock lock` again"))
}

fn close(dm: &Dm, Open { status, mapping }: &Open) -> Result<(), Failure> {
    if let Some(point) = &mapping.mount {
        // Somebody else may have unmounted it, and have something of his own there now.
        let mounts = kernel::mounts_of(&Root::live(), status.number);
        if mounts
            .iter()
            .any(|mount| mount.own && mount.point == *point)
        {
            mount::off(Path::new(point), mapping.made_mount_point)?;
        }
    }
    let identity = Identity {
        name: status.name.clone(),
        uuid: status.uuid.clone(),
    };
    Ok(activate::close(dm, &identity, status.number)?)
}
