//! The exit code and the way out of what fails on disks: reading their tables, opening them, preparing and applying a plan.

use std::error::Error;

use crate::apply::ApplyError;
use crate::apply::execute::StepError;
use crate::apply::precondition::PreconditionError;
use crate::apply::prepare::PrepareError;
use crate::cli::error::{Failure, key_exit};
use crate::exit::Exit;
use crate::partitioner::disk::DiskError;
use crate::probe::memory;
use crate::root::Root;
use crate::target::device::DeviceError;
use crate::target::image::ImageError;
use crate::target::is_unplugged;

/// `error`, which has `source` as its cause, with the exit code and the hint of that.
pub fn disk_failure(error: &dyn Error, source: &DiskError) -> Failure {
    let (exit, hint) = disk_exit(source);
    Failure::of(exit, error).hint(hint)
}

pub(super) fn disk_exit(error: &DiskError) -> (Exit, String) {
    let (exit, hint) = match error {
        DiskError::Foreign { name, .. } => {
            let hint = format!(
                "to lose that, set `wipe: true` in the configuration and give --wipe {name}"
            );
            return (Exit::Refused, hint);
        }
        DiskError::Erasing(_) => (
            Exit::Refused,
            "finish it first: `keelblock reset --confirm SAFE-RESET`",
        ),
        DiskError::Key(key) => (key_exit(key), key.hint()),
        DiskError::NoSpace { .. } | DiskError::TooSmallToSeal { .. } => (
            Exit::Refused,
            "use a larger disk, or less space for the other volumes",
        ),
        DiskError::Unreadable(_) => (Exit::Refused, "run as root, and check cable and port"),
        DiskError::BlockSize(_) => (Exit::Refused, "use a disk with blocks of 512 or 4096 bytes"),
        DiskError::Mismatch { .. } => (
            Exit::Refused,
            "Talos would stop at this volume too: change the configuration, or wipe the volume",
        ),
        DiskError::NoMeta | DiskError::Duplicate(_) | DiskError::TableFull => {
            (Exit::Refused, "look at the disk with `keelblock inspect`")
        }
    };
    (exit, hint.to_owned())
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let (exit, hint) = match &error {
            ImageError::Locked(_) => (Exit::Refused, "wait for the other run to end"),
            ImageError::Exists { .. } => (
                Exit::Refused,
                "leave --size out to use the file that is there, or name another file",
            ),
            ImageError::NotAFile {
                kind: "a block device",
                ..
            } => (Exit::Usage, "name a device with --disk"),
            ImageError::NotAFile { .. } => (Exit::Usage, "name a file with --image"),
            ImageError::Size { size: 0, .. } => (
                Exit::Usage,
                "remove the empty file and make a new image with --size, such as --size 32G",
            ),
            ImageError::Size { .. } => (
                Exit::Usage,
                "give an image of whole blocks: it may be cut off or still be copied",
            ),
            ImageError::Open {
                verb: "create",
                source,
                ..
            } if source.kind() == std::io::ErrorKind::NotFound => {
                (Exit::Io, "make its folder first, or name one that is there")
            }
            ImageError::Open { source, .. } => (Exit::Io, open_hint(source)),
        };
        Self::of(exit, &error).hint(hint)
    }
}

/// What to do about a file or device that does not open.
pub fn open_hint(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => {
            "check the path; a new image is made with --size, such as --size 32G"
        }
        ErrorKind::PermissionDenied => "run as root, or as the owner of the file",
        ErrorKind::FileTooLarge => {
            "use a smaller --size, or a filesystem and a limit (`ulimit -f`) that allow such files"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space, or put the image on another filesystem"
        }
        ErrorKind::ReadOnlyFilesystem => "put the image on a filesystem that can be written",
        _ => "check the path, its permissions and the room on its filesystem",
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        let (exit, hint) = match &error {
            DeviceError::Busy(_) => (
                Exit::Refused,
                "`keelblock probe` shows who uses it; unmount or stop that first",
            ),
            DeviceError::PartitionOpen(path) => {
                let path = path.display();
                let hint = format!(
                    "`fuser -v {path}*` shows who has it; stop that, then run the same again"
                );
                return Self::of(Exit::Refused, &error).hint(hint);
            }
            DeviceError::Locked(_) => (Exit::Refused, "wait for the other program to end"),
            DeviceError::Replaced { .. } => (Exit::Refused, "run `keelblock plan` again"),
            DeviceError::ReadOnly(_) => (
                Exit::Refused,
                "take the write protection away, or use another disk",
            ),
            DeviceError::BlockSize { .. } => {
                (Exit::Refused, "use a disk with blocks of 512 or 4096 bytes")
            }
            DeviceError::Open { .. } | DeviceError::Geometry { .. } => (
                Exit::Io,
                "run as root, and check that the disk is still plugged in: `keelblock probe` lists what is there",
            ),
        };
        Self::of(exit, &error).hint(hint)
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let failure = Self::of(prepare_exit(&error), &error);
        match prepare_hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

const fn prepare_exit(error: &PrepareError) -> Exit {
    match error {
        PrepareError::Seal { source, .. } if source.lacks_memory().is_some() => Exit::Refused,
        PrepareError::NoKey { .. } | PrepareError::NoStateEncryption => Exit::Usage,
        PrepareError::Cipher { .. } => Exit::Refused,
        PrepareError::Filesystem { .. }
        | PrepareError::Seal { .. }
        | PrepareError::SectorCipher { .. }
        | PrepareError::Fingerprint(_) => Exit::Io,
    }
}

fn prepare_hint(error: &PrepareError) -> Option<String> {
    use crate::apply::filesystem::FilesystemError;
    match error {
        PrepareError::Filesystem {
            source: FilesystemError::Mkfs { source, .. },
            ..
        } => Some(source.hint()),
        PrepareError::Filesystem {
            source: FilesystemError::Scratch { .. } | FilesystemError::NoRoom { .. },
            ..
        } => Some(String::from(
            "name a folder with more room with --state-dir",
        )),
        PrepareError::NoKey { .. } | PrepareError::NoStateEncryption => Some(String::from(
            "give the configuration that the plan was made from with -c",
        )),
        PrepareError::Seal { source, .. } if source.lacks_memory().is_some() => {
            let free = memory::available(&Root::live());
            Some(format!(
                "{free} are free now, and the disk is as it was; free some memory, or plan with less: --kdf-memory"
            ))
        }
        PrepareError::Cipher { .. } => Some(String::from("run `keelblock plan` again")),
        PrepareError::Fingerprint(_) => None,
        PrepareError::Filesystem { .. } => Some(String::from(
            "the disk is as it was; check mkfs and the folder named with --state-dir",
        )),
        PrepareError::Seal { .. } | PrepareError::SectorCipher { .. } => Some(String::from(
            "the disk is as it was; free some memory, or plan with less: --kdf-memory",
        )),
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let (exit, hint) = match &error {
            ApplyError::Damaged(_) | ApplyError::PlanVersion(_) => (
                Exit::Refused,
                Some(String::from("run `keelblock plan` again")),
            ),
            ApplyError::Refused { source, .. } => {
                let read = matches!(source, PreconditionError::Read(_));
                (
                    if read { Exit::Io } else { Exit::Refused },
                    Some(source.hint().to_owned()),
                )
            }
            ApplyError::Lockout { .. } => {
                let hint =
                    "Talos could not open it either: give the configuration it was sealed with";
                (Exit::Refused, Some(hint.to_owned()))
            }
            ApplyError::Table { .. } | ApplyError::Meta { .. } => (
                Exit::Refused,
                Some(String::from("look at the disk with `keelblock inspect`")),
            ),
            ApplyError::UuidOverride { uuid, .. } => (
                Exit::Refused,
                Some(format!("run it again with --uuid {uuid}")),
            ),
            ApplyError::Read { .. } | ApplyError::ReadTable { .. } => (
                Exit::Io,
                Some(String::from(
                    "nothing was written; check cable, port and power, then run it again",
                )),
            ),
            ApplyError::Prepare(source) => (prepare_exit(source), prepare_hint(source)),
            ApplyError::Step { source, .. } => {
                let (exit, hint) = step_exit(source);
                (exit, Some(hint.to_owned()))
            }
        };
        let failure = Self::of(exit, &error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

const REPLUG: &str = "plug it in again, into another port or with another cable if that happens twice, then run \
                      `keelblock apply -c …` again: it finishes the disk (a plan in a file has to be made again)";

fn step_exit(error: &StepError) -> (Exit, &'static str) {
    use crate::apply::published::PublishError;
    use crate::apply::readback::ReadBackError;
    match error {
        StepError::Io { source, .. } | StepError::ReadBack(ReadBackError::Read { source, .. })
            if is_unplugged(source) =>
        {
            (Exit::Io, REPLUG)
        }
        StepError::Io { .. }
        | StepError::ReadBack(ReadBackError::Read { .. })
        | StepError::Publish {
            source: PublishError::Io(_),
            ..
        } => (
            Exit::Io,
            "check cable, port and power (an image: the room on its filesystem), then run the same \
             again: it converges",
        ),
        StepError::ReadBack(_) => (
            Exit::Drift,
            "the disk does not keep what it is given: try another cable and port, then another disk",
        ),
        StepError::Publish { .. } => (
            Exit::Drift,
            "stop what has a partition of the disk open (`fuser -v`), or reboot, then run the same again",
        ),
    }
}
