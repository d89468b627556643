//! The bytes that go to `/dev/mapper/control` and come back, as types. No I/O.
//!
//! Owns the layouts (`linux/dm-ioctl.h`, interface version 4) and every bound: whatever a reply holds, decoding
//! neither panics nor loops nor reads beyond the buffer.
//!
//! ```text
//! offset  size  struct dm_ioctl               offset  size
//! 0       12    version                       28      4     flags
//! 12      4     data_size                     32      4     event_nr
//! 16      4     data_start                    40      8     dev
//! 20      4     target_count                  48      128   name
//! 24      4     open_count                    176     129   uuid
//! ```
//! The payload begins at byte 312. Numbers are in the byte order of the machine.

use crate::secret::Secret;

/// Length of `struct dm_ioctl`.
pub const HEADER: usize = 312;
/// Length of `struct dm_target_spec`, before its parameters.
const SPEC: usize = 40;

const DATA_SIZE: usize = 12;
const DATA_START: usize = 16;
const TARGET_COUNT: usize = 20;
const OPEN_COUNT: usize = 24;
const FLAGS: usize = 28;
const EVENT: usize = 32;
const DEVICE: usize = 40;
const NAME: std::ops::Range<usize> = 48..176;
const UUID: std::ops::Range<usize> = 176..305;

/// Bits of `flags`.
pub mod flag {
    /// The table opens its devices for reading only, and the mapping takes no writes.
    pub const READ_ONLY: u32 = 1;
    /// Suspended, in a reply.
    pub const SUSPENDED: u32 = 1 << 1;
    /// Table status: the table itself rather than its statistics.
    pub const STATUS_TABLE: u32 = 1 << 4;
    /// There is a live table, in a reply.
    pub const ACTIVE: u32 = 1 << 5;
    /// The reply did not fit into the buffer.
    pub const BUFFER_FULL: u32 = 1 << 8;
    /// The kernel wipes its copy of the buffer.
    pub const SECURE_DATA: u32 = 1 << 15;
}

/// What can be asked of the driver; the number of the ioctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Version of the interface.
    Version = 0,
    /// Names of all devices.
    List = 2,
    /// A new device without a table.
    Create = 3,
    /// Removes a device.
    Remove = 4,
    /// Suspends, or without the flag makes the loaded table live.
    Suspend = 6,
    /// State of a device.
    Status = 7,
    /// Loads a table beside the live one.
    Load = 9,
    /// Devices below the live table.
    Deps = 11,
    /// The live table.
    Table = 12,
    /// Versions of the targets that are loaded.
    Versions = 13,
    /// Version of one target, which is loaded for that (interface 4.41).
    TargetVersion = 17,
}

impl Command {
    /// The number of the ioctl.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// In words, for messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Version => "ask for the version",
            Self::List => "list the mappings",
            Self::Create => "create the mapping",
            Self::Remove => "remove the mapping",
            Self::Suspend => "make the table live",
            Self::Status => "look at the mapping",
            Self::Load => "load the table",
            Self::Deps => "list the devices below the mapping",
            Self::Table => "read the table",
            Self::Versions | Self::TargetVersion => "ask for the target's version",
        }
    }
}

/// One line of a table.
#[derive(Debug)]
pub struct Target<'a> {
    /// Sectors of 512 bytes.
    pub sectors: u64,
    /// Such as `crypt`.
    pub kind: &'a str,
    /// May hold a key.
    pub parameters: &'a Secret,
}

/// A question.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// Of the device, or the target that [`Command::TargetVersion`] asks for.
    pub name: &'a str,
    /// Of the device. Where both are given, it is a new device's.
    pub uuid: &'a str,
    /// Bits of [`flag`].
    pub flags: u32,
    /// What the kernel hands to udev as `DM_COOKIE`.
    pub event: u32,
    /// The table to load, from sector 0.
    pub target: Option<Target<'a>>,
}

/// A packet that is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A name, UUID or target name that does not fit, or has a NUL.
    #[error("a name of the request is too long")]
    Name,
    /// Parameters that do not fit.
    #[error("the table is too long")]
    Table,
    /// The reply contradicts itself.
    #[error("the kernel's reply is malformed: {0}")]
    Reply(&'static str),
}

impl Request<'_> {
    /// The bytes, in a buffer of `room` bytes for the reply or of as many as the request takes.
    ///
    /// # Errors
    /// [`PacketError::Name`] and [`PacketError::Table`].
    pub fn encode(&self, room: usize) -> Result<Secret, PacketError> {
        let payload = match &self.target {
            None => 0,
            Some(target) => (SPEC + target.parameters.len() + 1).next_multiple_of(8),
        };
        let size = room.max(HEADER + payload);
        let length = u32::try_from(size).map_err(|_| PacketError::Table)?;
        let mut packet = Secret::in_ram(size);
        let bytes = packet.expose_mut();
        put(bytes, 0, &4u32.to_ne_bytes());
        put(bytes, DATA_SIZE, &length.to_ne_bytes());
        put(bytes, DATA_START, &312u32.to_ne_bytes());
        let count = u32::from(self.target.is_some());
        put(bytes, TARGET_COUNT, &count.to_ne_bytes());
        put(bytes, FLAGS, &self.flags.to_ne_bytes());
        put(bytes, EVENT, &self.event.to_ne_bytes());
        put_text(bytes, NAME, self.name)?;
        put_text(bytes, UUID, self.uuid)?;
        if let Some(target) = &self.target {
            let next = u32::try_from(payload).map_err(|_| PacketError::Table)?;
            put(bytes, HEADER + 8, &target.sectors.to_ne_bytes());
            put(bytes, HEADER + 20, &next.to_ne_bytes());
            put_text(bytes, HEADER + 24..HEADER + SPEC, target.kind)?;
            put(bytes, HEADER + SPEC, target.parameters.expose());
        }
        Ok(packet)
    }
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    bytes[at..at + data.len()].copy_from_slice(data);
}

fn put_text(
    bytes: &mut [u8],
    field: std::ops::Range<usize>,
    text: &str,
) -> Result<(), PacketError> {
    // At least one NUL ends it.
    if text.len() >= field.len() || text.contains('\0') {
        return Err(PacketError::Name);
    }
    put(bytes, field.start, text.as_bytes());
    Ok(())
}

/// An answer.
#[derive(Debug)]
pub struct Reply<'a> {
    bytes: &'a [u8],
    data: &'a [u8],
}

/// A line of a live table.
#[derive(Debug)]
pub struct TableLine {
    /// First sector of 512 bytes.
    pub start: u64,
    /// Sectors of 512 bytes.
    pub sectors: u64,
    /// Such as `crypt`.
    pub kind: String,
    /// May hold a key in hexadecimal digits.
    pub parameters: Secret,
}

impl<'a> Reply<'a> {
    /// Checks the bounds of a reply.
    ///
    /// # Errors
    /// [`PacketError::Reply`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PacketError> {
        if bytes.len() < HEADER {
            return Err(PacketError::Reply("it is shorter than its header"));
        }
        let wrong = PacketError::Reply("its payload is not inside it");
        let start = usize::try_from(u32_at(bytes, DATA_START).ok_or(wrong)?).map_err(|_| wrong)?;
        let end = usize::try_from(u32_at(bytes, DATA_SIZE).ok_or(wrong)?).map_err(|_| wrong)?;
        // Some answers are the header alone, and say so by a size that ends before the payload.
        let data = if end <= start {
            &[][..]
        } else {
            bytes.get(start..end).ok_or(wrong)?
        };
        Ok(Self { bytes, data })
    }

    /// Bits of [`flag`].
    pub fn flags(&self) -> u32 {
        u32_at(self.bytes, FLAGS).unwrap_or(0)
    }

    /// Version of the interface.
    pub fn version(&self) -> [u32; 3] {
        [0, 4, 8].map(|at| u32_at(self.bytes, at).unwrap_or(0))
    }

    /// How often the device is open.
    pub fn open_count(&self) -> u32 {
        u32_at(self.bytes, OPEN_COUNT).unwrap_or(0)
    }

    /// Number of the device as the kernel's `dev_t` in 64 bits.
    pub fn device(&self) -> u64 {
        u64_at(self.bytes, DEVICE).unwrap_or(0)
    }

    /// Name of the device.
    pub fn name(&self) -> String {
        text(&self.bytes[NAME])
    }

    /// UUID of the device.
    pub fn uuid(&self) -> String {
        text(&self.bytes[UUID])
    }

    /// Every device: number and name.
    ///
    /// # Errors
    /// [`PacketError::Reply`].
    pub fn devices(&self) -> Result<Vec<(u64, String)>, PacketError> {
        const WRONG: PacketError = PacketError::Reply("an entry of the list is not inside it");
        let mut devices = Vec::new();
        // The kernel's size of the answer leaves out the entry that says that there is none.
        if self.data.is_empty() {
            return Ok(devices);
        }
        let mut at = 0;
        loop {
            let device = u64_at(self.data, at).ok_or(WRONG)?;
            let next = u32_at(self.data, at + 8).ok_or(WRONG)?;
            // One entry with number 0: there are none.
            if device == 0 {
                return Ok(devices);
            }
            devices.push((device, ended(self.data, at + 12).ok_or(WRONG)?));
            match step(at, next, WRONG)? {
                Some(further) => at = further,
                None => return Ok(devices),
            }
        }
    }

    /// Numbers of the devices below the table.
    ///
    /// # Errors
    /// [`PacketError::Reply`].
    pub fn deps(&self) -> Result<Vec<u64>, PacketError> {
        const WRONG: PacketError = PacketError::Reply("a device of the table is not inside it");
        let count = u32_at(self.data, 0).ok_or(WRONG)?;
        let count = usize::try_from(count).map_err(|_| WRONG)?;
        if count > self.data.len() / 8 {
            return Err(WRONG);
        }
        let device = |index| u64_at(self.data, 8 + 8 * index).ok_or(WRONG);
        (0..count).map(device).collect()
    }

    /// The lines of the table.
    ///
    /// # Errors
    /// [`PacketError::Reply`].
    pub fn table(&self) -> Result<Vec<TableLine>, PacketError> {
        const WRONG: PacketError = PacketError::Reply("a line of the table is not inside it");
        let count = u32_at(self.bytes, TARGET_COUNT).ok_or(WRONG)?;
        let mut lines = Vec::new();
        let mut at = 0;
        for _ in 0..count {
            let (line, rest) = self
                .data
                .get(at..)
                .and_then(|line| line.split_at_checked(SPEC))
                .ok_or(WRONG)?;
            let end = rest.iter().position(|byte| *byte == 0).ok_or(WRONG)?;
            lines.push(TableLine {
                start: u64_at(line, 0).ok_or(WRONG)?,
                sectors: u64_at(line, 8).ok_or(WRONG)?,
                kind: text(&line[24..]),
                parameters: Secret::new(rest[..end].to_vec()),
            });
            // Unlike in a load, this counts from the first line.
            let next = usize::try_from(u32_at(line, 20).ok_or(WRONG)?);
            let next = next.map_err(|_| WRONG)?;
            if next <= at {
                break;
            }
            at = next;
        }
        Ok(lines)
    }

    /// Targets and their versions.
    ///
    /// # Errors
    /// [`PacketError::Reply`].
    pub fn versions(&self) -> Result<Vec<(String, [u32; 3])>, PacketError> {
        const WRONG: PacketError = PacketError::Reply("a target is not inside it");
        let mut versions = Vec::new();
        let mut at = 0;
        // Without any target there is no entry at all.
        while let Some(next) = u32_at(self.data, at) {
            let number = |index: usize| u32_at(self.data, at + 4 * index).ok_or(WRONG);
            let version = [number(1)?, number(2)?, number(3)?];
            let name = ended(self.data, at + 16).ok_or(WRONG)?;
            if !name.is_empty() {
                versions.push((name, version));
            }
            match step(at, next, WRONG)? {
                Some(further) => at = further,
                None => break,
            }
        }
        Ok(versions)
    }
}

/// The entry behind the one at `at`; `next` counts from there, and 0 ends the list.
fn step(at: usize, next: u32, wrong: PacketError) -> Result<Option<usize>, PacketError> {
    if next == 0 {
        return Ok(None);
    }
    let next = usize::try_from(next).map_err(|_| wrong)?;
    at.checked_add(next).map(Some).ok_or(wrong)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_ne_bytes(field.try_into().ok()?))
}

/// Text up to the first NUL, or all of it.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}

/// Text that a NUL has to end.
fn ended(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests;
