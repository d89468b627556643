//! The device mapper by its ioctls: no library, no helper process.
//!
//! Owns the control node and one wrapper for each question. Never decides which mapping may be touched. Buffers are
//! wiped, and the kernel is told to wipe its own.
//! Spec: `linux/dm-ioctl.h`, interface version 4.

#![expect(
    unsafe_code,
    reason = "ioctl has no safe form; the one wrapper is here"
)]
#![expect(
    clippy::disallowed_types,
    reason = "this module owns the control node of the device mapper"
)]

pub mod packet;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;

use nix::sys::stat::{major, minor};

use crate::secret::Secret;
use packet::{Command, HEADER, PacketError, Reply, Request, TableLine, Target, flag};

/// The control node.
pub const CONTROL: &str = "/dev/mapper/control";

/// Room for a reply at first, and the most that one may take.
const ROOM: usize = 16 << 10;
const MOST_ROOM: usize = 1 << 20;

/// What udev is told about our mappings: they were made on purpose, get their link below `/dev/mapper`, and nobody is to
/// look into them, link their content or start anything for it. The lower half would be a semaphore that udev
/// raises when it is done; none is waited for, because every link that is needed is made here.
const UDEV: u32 = (0x40 | 0x02 | 0x04 | 0x08) << 16;

/// Why the device mapper did not answer.
#[derive(Debug, thiserror::Error)]
pub enum DmError {
    /// There is no driver behind the control node, or no node.
    #[error("this kernel has no device mapper")]
    Missing(#[source] io::Error),
    /// The control node cannot be opened for another reason.
    #[error("cannot open {CONTROL}")]
    Open(#[source] io::Error),
    /// An interface that is not known.
    #[error("the device mapper speaks version {0}, not 4")]
    Version(u32),
    /// The kernel refused.
    #[error("the device mapper did not {}", .command.word())]
    Call {
        /// What was asked.
        command: Command,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// A packet that cannot be.
    #[error("talking to the device mapper")]
    Packet(#[from] PacketError),
}

impl DmError {
    /// The kernel's reason, if it gave one.
    pub fn os_error(&self) -> Option<i32> {
        match self {
            Self::Missing(source) | Self::Open(source) | Self::Call { source, .. } => {
                source.raw_os_error()
            }
            Self::Version(_) | Self::Packet(_) => None,
        }
    }
}

/// State of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// Major and minor number.
    pub number: (u64, u64),
    /// How often it is open; a mounted filesystem counts once.
    pub open_count: u32,
    /// Whether it takes no writes.
    pub read_only: bool,
    /// Whether it has a live table.
    pub live: bool,
}

/// The open control node.
#[derive(Debug)]
pub struct Dm(File);

impl Dm {
    /// Opens the control node and checks the version of the interface.
    ///
    /// # Errors
    /// [`DmError::Missing`] where the kernel has no device mapper, or it is not loaded.
    pub fn open() -> Result<Self, DmError> {
        let file = OpenOptions::new().read(true).write(true).open(CONTROL);
        let file = file.map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ENOENT | nix::libc::ENODEV | nix::libc::ENXIO) => {
                DmError::Missing(error)
            }
            _ => DmError::Open(error),
        })?;
        let dm = Self(file);
        let buffer = dm.ask(Command::Version, &Request::default())?;
        match Reply::decode(buffer.expose())?.version() {
            [4, ..] => Ok(dm),
            [other, ..] => Err(DmError::Version(other)),
        }
    }

    /// Version of the target `name`, which is loaded if need be; `None` if the kernel has none.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn target_version(&self, name: &str) -> Result<Option<[u32; 3]>, DmError> {
        let request = Request {
            name,
            ..Request::default()
        };
        let buffer = match self.ask(Command::TargetVersion, &request) {
            // Before Linux 5.5 only what is loaded can be asked for.
            Err(error) if error.os_error() == Some(nix::libc::ENOTTY) => {
                self.ask(Command::Versions, &Request::default())?
            }
            Err(error) if error.os_error() == Some(nix::libc::EINVAL) => return Ok(None),
            buffer => buffer?,
        };
        let versions = Reply::decode(buffer.expose())?.versions()?;
        let found = versions.into_iter().find(|(target, _)| target == name);
        Ok(found.map(|(_, version)| version))
    }

    /// Names of all mappings.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn names(&self) -> Result<Vec<String>, DmError> {
        let buffer = self.ask(Command::List, &Request::default())?;
        let devices = Reply::decode(buffer.expose())?.devices()?;
        Ok(devices.into_iter().map(|(_, name)| name).collect())
    }

    /// State of the mapping `name`; `None` if there is none.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn status(&self, name: &str) -> Result<Option<Status>, DmError> {
        let request = Request {
            name,
            ..Request::default()
        };
        let buffer = match self.ask(Command::Status, &request) {
            Err(error) if error.os_error() == Some(nix::libc::ENXIO) => return Ok(None),
            buffer => buffer?,
        };
        let reply = Reply::decode(buffer.expose())?;
        Ok(Some(Status {
            name: reply.name(),
            uuid: reply.uuid(),
            number: (major(reply.device()), minor(reply.device())),
            open_count: reply.open_count(),
            read_only: reply.flags() & flag::READ_ONLY != 0,
            live: reply.flags() & flag::ACTIVE != 0,
        }))
    }

    /// Numbers of the devices below the mapping with this UUID.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn deps(&self, uuid: &str) -> Result<Vec<(u64, u64)>, DmError> {
        let buffer = self.ask(Command::Deps, &of(uuid, 0))?;
        let deps = Reply::decode(buffer.expose())?.deps()?;
        Ok(deps
            .into_iter()
            .map(|dev| (major(dev), minor(dev)))
            .collect())
    }

    /// The live table of the mapping with this UUID.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn table(&self, uuid: &str) -> Result<Vec<TableLine>, DmError> {
        let flags = flag::STATUS_TABLE | flag::SECURE_DATA;
        let buffer = self.ask(Command::Table, &of(uuid, flags))?;
        Ok(Reply::decode(buffer.expose())?.table()?)
    }

    /// Makes a mapping without a table; its number.
    ///
    /// # Errors
    /// [`DmError::Call`] with `EBUSY` where name or UUID is taken.
    pub fn create(&self, name: &str, uuid: &str) -> Result<(u64, u64), DmError> {
        let request = Request {
            name,
            uuid,
            ..Request::default()
        };
        let buffer = self.ask(Command::Create, &request)?;
        let device = Reply::decode(buffer.expose())?.device();
        Ok((major(device), minor(device)))
    }

    /// Loads a table of one line into the mapping with this UUID. It is not live before [`Self::resume`].
    ///
    /// # Errors
    /// [`DmError`]; the kernel's log says more.
    pub fn load(&self, uuid: &str, read_only: bool, target: Target<'_>) -> Result<(), DmError> {
        let mode = if read_only { flag::READ_ONLY } else { 0 };
        let request = Request {
            target: Some(target),
            ..of(uuid, mode | flag::SECURE_DATA)
        };
        self.ask(Command::Load, &request).map(drop)
    }

    /// Makes the loaded table of the mapping with this UUID live.
    ///
    /// # Errors
    /// [`DmError`].
    pub fn resume(&self, uuid: &str) -> Result<(), DmError> {
        self.ask(Command::Suspend, &announced(uuid)).map(drop)
    }

    /// Removes the mapping with this UUID. By UUID, because another may have its name by now.
    ///
    /// # Errors
    /// [`DmError::Call`] with `EBUSY` while it is open, `ENXIO` where there is none.
    pub fn remove(&self, uuid: &str) -> Result<(), DmError> {
        self.ask(Command::Remove, &announced(uuid)).map(drop)
    }

    /// Asks, with more room each time that the reply does not fit.
    fn ask(&self, command: Command, request: &Request<'_>) -> Result<Secret, DmError> {
        let mut room = ROOM;
        loop {
            let mut buffer = request.encode(room)?;
            self.call(command, &mut buffer)
                .map_err(|source| DmError::Call { command, source })?;
            if Reply::decode(buffer.expose())?.flags() & flag::BUFFER_FULL == 0 {
                return Ok(buffer);
            }
            room *= 4;
            if room > MOST_ROOM {
                return Err(PacketError::Reply("it is longer than 1 MiB").into());
            }
        }
    }

    fn call(&self, command: Command, buffer: &mut Secret) -> io::Result<()> {
        let number = nix::request_code_readwrite!(0xfd, command.number(), HEADER);
        let bytes = buffer.expose_mut().as_mut_ptr();
        // SAFETY: the buffer begins with a struct dm_ioctl whose data_size is the buffer's length; the kernel reads
        // and writes no more than that, and keeps no pointer.
        let result = unsafe { nix::libc::ioctl(self.0.as_raw_fd(), number, bytes) };
        nix::errno::Errno::result(result)?;
        Ok(())
    }
}

fn of(uuid: &str, flags: u32) -> Request<'_> {
    Request {
        uuid,
        flags,
        ..Request::default()
    }
}

fn announced(uuid: &str) -> Request<'_> {
    Request {
        event: UDEV,
        ..of(uuid, 0)
    }
}
