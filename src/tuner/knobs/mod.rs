//! What the kernel does with each setting of a disk, of its USB device and of dirty memory.
//!
//! Owns the facts: what a knob accepts and what it makes of the rest, its default, what else a write to it changes,
//! and the order in which knobs have to be written. Pure data; never says which value a machine should have.
//! Spec: the kernel's `block/blk-sysfs.c`, `drivers/scsi/{sd,scsi_sysfs}.c`, `drivers/usb/core/{sysfs,quirks}.c`,
//! `mm/{backing-dev,page-writeback}.c`, 6.12 to 7.3, and `Documentation/ABI/stable/sysfs-block`.

mod disk;
mod judge;
mod machine;
mod path;
mod queue;
mod scsi;
#[cfg(test)]
mod tests;

pub use judge::{Judgement, Likeness};
pub use path::{kernel_name, key_of_path, of_path};

/// How a disk hangs on the machine, as far as the defaults of its knobs depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attachment {
    /// USB, driver `uas`.
    Uas,
    /// USB, driver `usb-storage`: bulk-only transport, one command at a time.
    BulkOnly,
    /// AHCI and other libata hosts.
    Ata,
    /// NVMe.
    Nvme,
}

/// Whose knob it is, and so where its file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The disk: `/sys/class/block/<disk>/queue/…`. A partition has none.
    Queue,
    /// The SCSI device: `/sys/class/block/<disk>/device/…`.
    ScsiDevice,
    /// The driver of SCSI disks: `/sys/class/block/<disk>/device/scsi_disk/<h:c:t:l>/…`.
    ScsiDisk,
    /// The USB device: `/sys/bus/usb/devices/<port>/…`.
    UsbDevice,
    /// The disk's share of dirty memory: `/sys/class/block/<disk>/bdi/…`.
    Bdi,
    /// The machine: `/proc/sys/…`.
    Sysctl,
    /// A kernel module: its parameter on the kernel's command line, or `/sys/module/<module>/parameters/…`.
    Module,
}

/// What may be done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read and written.
    ReadWrite,
    /// Only read; opening it for writing fails with `EACCES`.
    ReadOnly,
    /// Only written: an action, not a setting.
    WriteOnly,
}

/// What a write may hold. Numbers are decimal: the kernel refuses `0x80`, `128k` and blanks in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// A whole number of the range; `EINVAL` outside.
    Range {
        /// The smallest.
        min: i128,
        /// The largest.
        max: i128,
    },
    /// The same; rounded down to a multiple of `step`.
    Step {
        /// The largest.
        max: i128,
        /// What it is a multiple of afterwards.
        step: i128,
    },
    /// The same from 0; what is below `floor` becomes `floor`.
    Floor {
        /// The smallest that is kept.
        floor: i128,
        /// The largest.
        max: i128,
    },
    /// 0 for the driver's default, or at least `min`, clamped to a limit of the hardware.
    Clamped {
        /// The smallest besides 0.
        min: i128,
    },
    /// A number; everything but 0 becomes 1.
    Flag,
    /// 0 and 1 alone.
    Bit,
    /// One of these; `otherwise` says what comes of another number.
    Small {
        /// The largest of 0, 1, ….
        max: i128,
        /// What becomes of a larger one.
        otherwise: Otherwise,
    },
    /// One of these words; the second is what is read back.
    Words(&'static [(&'static str, &'static str)]),
    /// The name of an I/O scheduler.
    Scheduler,
    /// Any text: the kernel does not look at it when it is written.
    Text,
}

/// What the kernel makes of a number that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The write succeeds and changes nothing.
    Ignored,
    /// It becomes this one.
    Becomes(&'static str),
    /// `EINVAL`.
    Rejected,
}

/// Values with which a knob does damage, or none that anybody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// The value; one that ends in `*` stands for all that begin so.
    pub value: &'static str,
    /// What happens.
    pub why: &'static str,
}

/// Values with which a write changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The value; `*` for any, and one that ends in `*` for all that begin so.
    pub value: &'static str,
    /// Where; empty for everywhere.
    pub on: &'static [Attachment],
    /// Why.
    pub why: &'static str,
}

/// One knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Its name: `queue/…`, `device/…`, `scsi_disk/…`, `bdi/…`, `usb/…`, a sysctl, or `module.parameter`.
    pub key: &'static str,
    /// Whose it is.
    pub owner: Owner,
    /// What may be done with it.
    pub access: Access,
    /// What may be written.
    pub accepts: Accepts,
    /// Its default wherever it is the same, as text that is read back.
    pub default: Option<&'static str>,
    /// Defaults that differ from it.
    pub defaults: &'static [(Attachment, &'static str)],
    /// Place in the order of writes, see [`Self::rank`].
    rank: u8,
    /// Whether a write makes the kernel compute the queue's limits anew, which raises `queue/read_ahead_kb` to twice
    /// `queue/optimal_io_size` again, even if the value stays the same.
    pub raises_read_ahead: bool,
    /// The other form of the same limit, which a write sets to 0.
    pub zeroes: Option<&'static str>,
    /// Knobs that go back to their default with a write.
    pub resets: &'static [&'static str],
    /// How far what is read back may be from what was written: this many thousandths, or bytes, whichever is more.
    pub tolerance: Option<(i128, i128)>,
    /// Values that do harm.
    pub harms: &'static [Harm],
    /// Values that do nothing.
    pub idles: &'static [Idle],
    /// The first kernel that has it, if that is younger than 6.12.
    pub since: Option<&'static str>,
}

/// What most knobs are; every entry of the tables names what differs.
const PLAIN: Knob = Knob {
    key: "",
    owner: Owner::Queue,
    access: Access::ReadWrite,
    accepts: Accepts::Text,
    default: None,
    defaults: &[],
    rank: rank::OTHER,
    raises_read_ahead: false,
    zeroes: None,
    resets: &[],
    tolerance: None,
    harms: &[],
    idles: &[],
    since: None,
};

/// The order of writes. What is computed from another knob, or reset by it, comes after it.
mod rank {
    pub(super) const MODULE: u8 = 0;
    pub(super) const SYSCTL: u8 = 10;
    pub(super) const USB: u8 = 20;
    pub(super) const SCSI: u8 = 30;
    pub(super) const PROVISIONING: u8 = 35;
    pub(super) const DISCARD: u8 = 40;
    pub(super) const LIMITS: u8 = 50;
    pub(super) const SCHEDULER: u8 = 60;
    pub(super) const REQUESTS: u8 = 65;
    pub(super) const OTHER: u8 = 70;
    pub(super) const WRITEBACK: u8 = 75;
    pub(super) const READ_AHEAD: u8 = 100;
}

/// Every knob, in no particular order.
pub fn all() -> impl Iterator<Item = &'static Knob> {
    let tables = [
        queue::WRITABLE,
        queue::FIXED,
        scsi::SCSI,
        disk::USB,
        disk::BDI,
        machine::SYSCTLS,
        machine::MODULES,
    ];
    tables.into_iter().flatten()
}

/// The knob of this name, such as `queue/read_ahead_kb`, `vm.dirty_bytes` or `usb-storage.quirks`.
pub fn by_key(key: &str) -> Option<&'static Knob> {
    all().find(|knob| knob.key == key)
}

/// Whether the tables hold every knob beside `key`, so that one that is not there does not exist.
pub fn is_complete_for(key: &str) -> bool {
    let whole = ["queue/", "scsi_disk/", "bdi/", "vm."];
    let open = ["queue/iosched/", "bdi/power/", "scsi_disk/power/"];
    whole.iter().any(|prefix| key.starts_with(prefix))
        && !open.iter().any(|prefix| key.starts_with(prefix))
}

/// The names beside `key`, for a hint at what was meant.
pub fn beside(key: &str) -> Vec<&'static str> {
    let end = key.find(['/', '.']).map_or(0, |at| at + 1);
    let prefix = key.get(..end).unwrap_or_default();
    let names = all().map(|knob| knob.key);
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// `queue/read_ahead_kb` as the kernel computes it from `queue/optimal_io_size`, in KiB: twice that, at least 128,
/// in whole pages of 4096 bytes.
pub const fn read_ahead_of(optimal_io_size: u64) -> u64 {
    let twice = optimal_io_size.saturating_mul(2) / 4096 * 4;
    if twice < 128 { 128 } else { twice }
}

impl Knob {
    /// Its place in the order of writes: lower ones first. Within one rank the order is free.
    ///
    /// Modules and sysctls, the USB device, the SCSI device, `provisioning_mode`, `discard_max_bytes`, the queue's
    /// limits, `scheduler`, `nr_requests`, the rest, and `read_ahead_kb` last.
    pub const fn rank(&self) -> u8 {
        self.rank
    }

    /// The default on a disk that hangs on `attachment`, as text that is read back; `None` where it is not known, or
    /// depends on the disk or on memory.
    pub fn default_on(&self, attachment: Attachment) -> Option<&'static str> {
        let other = self.defaults.iter().find(|(on, _)| *on == attachment);
        other.map(|(_, value)| *value).or(self.default)
    }

    /// Why `value` does harm.
    pub fn harm(&self, value: &str) -> Option<&'static str> {
        let harm = self.harms.iter().find(|harm| covers(harm.value, value));
        harm.map(|harm| harm.why)
    }

    /// Why a write of `value` changes nothing on a disk that hangs on `attachment`; `None` for an attachment asks for
    /// what holds everywhere.
    pub fn idle(&self, value: &str, attachment: Option<Attachment>) -> Option<&'static str> {
        let holds = |idle: &&Idle| {
            let here = attachment.is_some_and(|it| idle.on.contains(&it));
            covers(idle.value, value) && (idle.on.is_empty() || here)
        };
        self.idles.iter().find(holds).map(|idle| idle.why)
    }
}

/// Whether `pattern` of the tables stands for `value`.
fn covers(pattern: &str, value: &str) -> bool {
    let value = value.trim();
    match pattern.strip_suffix('*') {
        Some(start) => value.starts_with(start),
        None => value == pattern,
    }
}
