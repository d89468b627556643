//! What the machine should be set to, as data.
//!
//! Pure: no I/O. `udev-rules/` and `sysctl.d/` ship the same values for systems without the agent, and
//! `tests/shipped_files.rs` holds both together. Names and values are those of the kernel's
//! `Documentation/ABI/stable/sysfs-block` and `Documentation/admin-guide/sysctl/vm.rst`.
//!
//! Never holds a setting that repeats a default, and never one that trades away durability.

pub mod blame;
pub mod knobs;
pub mod lint;
pub mod rules;
pub mod sysctl_file;

/// One value of one kernel setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// A sysctl such as `vm.dirty_bytes`, or a path below the disk's sysfs directory such as `queue/read_ahead_kb`.
    pub key: &'static str,
    /// What to write. Decimal, no prefix, no newline: queue attributes parse nothing else.
    pub value: &'static str,
    /// Which disks it is meant for.
    pub scope: Scope,
    /// Why it differs from the kernel's default.
    pub reason: &'static str,
}

/// What a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole machine.
    Machine,
    /// A known USB SSD behind `usb-storage`, the driver without command queueing.
    BulkOnly,
    /// A known USB SSD behind either driver, and any USB disk with [`BOGUS_OPTIMAL_IO_SIZE`].
    UsbSsd,
}

/// A USB SSD by the ids of its USB device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// `idVendor`, four hexadecimal digits.
    pub vendor_id: &'static str,
    /// `idProduct`, four hexadecimal digits.
    pub product_id: &'static str,
}

/// The USB SSDs that the settings of [`Scope::BulkOnly`] and [`Scope::UsbSsd`] are meant for: the Samsung T5, unlocked.
pub const USB_SSDS: &[Product] = &[Product {
    vendor_id: "04e8",
    product_id: "61f5",
}];

/// `queue/optimal_io_size`, in bytes, of bridges that report 65535 blocks of 512 bytes instead of a measured size.
/// The kernel reads twice that ahead.
pub const BOGUS_OPTIMAL_IO_SIZE: u64 = 65_535 * 512;

/// Every shipped setting, in the order in which they have to be written.
///
/// The order matters: the kernel raises `queue/read_ahead_kb` again whenever one of the queue's limits is
/// written, even with the value it has. So it is the last one of each disk.
pub const fn shipped() -> &'static [Setting] {
    &[
        Setting {
            key: "vm.dirty_bytes",
            value: "268435456",
            scope: Scope::Machine,
            reason: "20 % of memory is more than a USB SSD writes in half a minute, and fsync waits for it",
        },
        Setting {
            key: "vm.dirty_background_bytes",
            value: "67108864",
            scope: Scope::Machine,
            reason: "writeback has to start before writers come to wait",
        },
        Setting {
            key: "queue/rotational",
            value: "0",
            scope: Scope::BulkOnly,
            reason: "usb-storage does not read the page that says that the medium does not spin",
        },
        Setting {
            key: "queue/add_random",
            value: "0",
            scope: Scope::BulkOnly,
            reason: "the timing of an SSD is no entropy; the kernel knows when it knows that nothing spins",
        },
        Setting {
            key: "queue/read_ahead_kb",
            value: "128",
            scope: Scope::UsbSsd,
            reason: "the bridge's bogus optimal transfer size makes it 65532: 64 MiB for a page fault",
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_ahead_is_written_last() {
        let last = shipped().last().map(|setting| setting.key);
        assert_eq!(last, Some("queue/read_ahead_kb"));
    }

    #[test]
    fn no_key_is_set_twice() {
        let mut keys: Vec<_> = shipped().iter().map(|setting| setting.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), shipped().len());
    }

    #[test]
    fn values_are_plain_decimal_numbers() {
        for setting in shipped() {
            let digits = setting.value.bytes().all(|byte| byte.is_ascii_digit());
            assert!(digits && !setting.value.is_empty(), "{setting:?}");
        }
    }

    #[test]
    fn background_writeback_starts_below_the_limit() {
        let value = |key| {
            let setting = shipped().iter().find(|setting| setting.key == key);
            setting.unwrap().value.parse::<u64>().unwrap()
        };
        assert!(value("vm.dirty_background_bytes") <= value("vm.dirty_bytes") / 2);
    }

    #[test]
    fn a_locked_t5_is_not_tuned() {
        assert!(USB_SSDS.iter().all(|ssd| ssd.product_id != "61f6"));
    }
}
