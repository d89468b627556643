//! What `unlock` and `lock` share: the record of what is open, how mapping fails, and the table for people.

use std::path::PathBuf;

use crate::cli::error::{Failure, open_hint};
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{files, targets};
use crate::exit::Exit;
use crate::mapper::activate::ActivateError;
use crate::mapper::image::LoopError;
use crate::mapper::kernel::KernelError;
use crate::mapper::mount::MountError;
use crate::mapper::report::{Mapping, Mappings, SCHEMA};
use crate::mapper::rules::Conflict;
use crate::mapper::table::TableError;
use crate::sys::dm::DmError;

/// Which mount points and slots belong to what is open. Lost with a reboot, as the mappings are.
#[derive(Debug)]
pub struct Record {
    path: Option<PathBuf>,
    /// As the last run left it.
    pub mappings: Vec<Mapping>,
}

impl Record {
    /// Reads it; an empty one if there is none.
    pub fn read() -> Self {
        let state = targets::state_dir(None);
        let path = state.ok().map(|state| state.join("mappings.json"));
        let text = path
            .as_deref()
            .filter(|path| files::exists(path))
            .and_then(|path| files::text(path).ok());
        let read = text.and_then(|text| serde_json::from_str::<Mappings>(&text).ok());
        let mappings = read.filter(|read| read.schema == SCHEMA);
        Self {
            path,
            mappings: mappings.map(|read| read.mappings).unwrap_or_default(),
        }
    }

    /// What it says of this mapping; nothing if it speaks of an earlier one of the same name.
    pub fn of(&self, mapping: &Mapping) -> Option<&Mapping> {
        self.mappings.iter().find(|known| {
            known.mapping == mapping.mapping
                && known.device == mapping.device
                && known.uuid == mapping.uuid
        })
    }

    /// Puts `now` into the place of what it says of the same mappings.
    pub fn update(&mut self, now: &[Mapping], is_open: bool) {
        self.mappings
            .retain(|known| now.iter().all(|new| new.mapping != known.mapping));
        if is_open {
            self.mappings.extend_from_slice(now);
        }
    }

    /// Writes it. Without it `lock` unmounts nothing, as it cannot tell whose a mount is.
    pub fn keep(&self) {
        let report = Mappings::new(self.mappings.clone(), Vec::new());
        let written = match (&self.path, serde_json::to_vec_pretty(&report)) {
            (Some(path), Ok(json)) => files::write(path, &json).map_err(|failure| failure.message),
            (None, _) => Err(String::from("there is no folder for it")),
            (_, Err(error)) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(
                error,
                "mounts are not recorded: unmount them before `keelblock lock`"
            );
        }
    }
}

/// A report for people.
pub fn render(report: &Mappings) -> String {
    if report.mappings.is_empty() && report.notes.is_empty() {
        return String::from("nothing is open\n");
    }
    let mut text = String::new();
    if !report.mappings.is_empty() {
        let header = ["VOLUME", "PARTITION", "MAPPING", "MODE", "SLOT", "MOUNT"];
        let mut table = Table::new(&header, &[]);
        for mapping in &report.mappings {
            table.row([
                mapping.volume.clone(),
                partition(mapping),
                mapping
                    .mapping
                    .trim_start_matches("/dev/mapper/")
                    .to_owned(),
                mapping.mode.word().to_owned(),
                mapping
                    .slot
                    .map_or_else(|| String::from("?"), |slot| slot.to_string()),
                mapping.mount.clone().unwrap_or_else(|| String::from("-")),
            ]);
        }
        text.push_str(&table.render());
        for mapping in &report.mappings {
            let key = if mapping.key.is_empty() {
                String::new()
            } else {
                format!(" with {}", mapping.key)
            };
            text.push_str(&format!(
                "{}: {}{key}\n",
                mapping.volume,
                mapping.outcome.word()
            ));
        }
    }
    for note in &report.notes {
        text.push_str(&format!("note: {}\n", wrap(note, WIDTH - 6, 6)));
    }
    text
}

fn partition(mapping: &Mapping) -> String {
    let is_own = mapping.number.is_none() || mapping.partition.starts_with(&mapping.disk);
    let at = if is_own && !mapping.partition.is_empty() {
        return mapping.partition.clone();
    } else {
        mapping.disk.rsplit('/').next().unwrap_or_default()
    };
    mapping
        .number
        .map_or_else(|| at.to_owned(), |number| format!("{at} #{number}"))
}

fn failure(exit: Exit, error: &dyn std::error::Error, hint: impl Into<String>) -> Failure {
    let failure = Failure::new(exit, error.to_string()).hint(hint);
    match error.source() {
        Some(source) => failure.because(source),
        None => failure,
    }
}

impl From<DmError> for Failure {
    fn from(error: DmError) -> Self {
        let (exit, hint) = match &error {
            DmError::Missing(_) => (
                Exit::Refused,
                "modprobe dm-crypt; a kernel without it opens nothing, but `keelblock inspect -c` still \
                 shows whether the keys fit",
            ),
            DmError::Open(_) => (Exit::Io, "run as root"),
            DmError::Version(_) => (Exit::Refused, "use a rescue system with a newer kernel"),
            DmError::Call { source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                (Exit::Io, "run as root, in a container with CAP_SYS_ADMIN")
            }
            DmError::Call { .. } | DmError::Packet(_) => {
                (Exit::Io, "the kernel's log (dmesg) says more")
            }
        };
        failure(exit, &error, hint)
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        let (exit, hint) = match error {
            KernelError::Mapper(error) => return error.into(),
            KernelError::Stale { ref disk, .. } => (
                Exit::Refused,
                format!("make the kernel read the table: blockdev --rereadpt {disk}"),
            ),
            KernelError::Read { .. } => (
                Exit::Io,
                String::from("run as root, with /sys and /proc mounted"),
            ),
        };
        failure(exit, &error, hint)
    }
}

impl From<Conflict> for Failure {
    fn from(error: Conflict) -> Self {
        failure(Exit::Refused, &error, error.hint())
    }
}

impl From<ActivateError> for Failure {
    fn from(error: ActivateError) -> Self {
        let busy = matches!(&error, ActivateError::Mapper { source, .. }
            if source.os_error() == Some(nix::libc::EBUSY));
        if busy {
            return failure(
                Exit::Refused,
                &error,
                "something holds the device: `keelblock probe` shows who uses it",
            );
        }
        failure(
            Exit::Io,
            &error,
            "the kernel's log (dmesg) says more; nothing was written",
        )
    }
}

impl From<MountError> for Failure {
    fn from(error: MountError) -> Self {
        let (exit, hint) = match &error {
            MountError::Folder { .. } => (Exit::Refused, "name an empty or a new folder"),
            MountError::Make { .. } => (Exit::Io, "name a folder that can be made"),
            MountError::Mount { .. } => (
                Exit::Io,
                "the kernel's log (dmesg) says more; without --mount the mapping alone is opened",
            ),
            MountError::Unmount { source, .. }
                if source.raw_os_error() == Some(nix::libc::EBUSY) =>
            {
                (Exit::Refused, "end what uses it, and run it again")
            }
            MountError::Unmount { .. } => (Exit::Io, "unmount it by hand, and run it again"),
        };
        failure(exit, &error, hint)
    }
}

impl From<LoopError> for Failure {
    fn from(error: LoopError) -> Self {
        let (exit, hint) = match &error {
            LoopError::Open { source, .. } => (Exit::Io, open_hint(source)),
            LoopError::Locked(_) => (Exit::Refused, "wait for the other run to end"),
            LoopError::Attach { .. } => (
                Exit::Io,
                "modprobe loop; before Linux 5.8 use losetup, and name the loop device with --disk",
            ),
        };
        failure(exit, &error, hint)
    }
}

/// A volume whose header cannot be mapped.
pub fn unmappable(volume: &str, error: &TableError) -> Failure {
    Failure::new(Exit::Refused, format!("{volume} cannot be opened"))
        .because(error)
        .hint("`cryptsetup luksDump` shows its header; cryptsetup may open it")
}
