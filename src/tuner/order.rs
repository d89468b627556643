//! In which order settings are written, and which of them set one another back. Pure: no I/O.
//!
//! What is known of a setting stands in [`knobs`]; the config may ask for others too, which have a place here.

use super::knobs::{self, Knob};
use super::parameter;

/// What is known of the setting `key`.
pub fn knob(key: &str) -> Option<&'static Knob> {
    match key.starts_with("module/") {
        true => knobs::of_path(&parameter::machine_path(key)?),
        false => knobs::by_key(key),
    }
}

/// The setting that a write to `key` sets to 0: the other form of the same limit.
pub fn displaces(key: &str) -> Option<&'static str> {
    knob(key)?.zeroes
}

/// Settings with a lower rank are written first.
pub fn rank(key: &str) -> u8 {
    /// Of sysctls that are not in the tables: before all that may be a share of them.
    const SYSCTL: u8 = 10;
    /// Of attributes that are not in the tables: among the others, before the read-ahead.
    const OTHER: u8 = 70;
    let unknown = if key.contains('/') { OTHER } else { SYSCTL };
    knob(key).map_or(unknown, Knob::rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_back_by_another_write_is_written_after_it() {
        let order = [
            "vm.dirty_bytes",
            "scsi_disk/provisioning_mode",
            "queue/discard_max_bytes",
            "queue/rotational",
            "queue/scheduler",
            "queue/nr_requests",
            "queue/wbt_lat_usec",
            "queue/read_ahead_kb",
        ];
        for pair in order.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]), "{pair:?}");
        }
        for other in [
            "device/timeout",
            "bdi/max_ratio",
            "queue/nosuch",
            "module/usb_storage/quirks",
            "net.x",
        ] {
            assert!(rank(other) < rank("queue/read_ahead_kb"), "{other}");
        }
        assert_eq!(displaces("vm.dirty_ratio"), Some("vm.dirty_bytes"));
        assert_eq!(displaces("vm.dirty_bytes"), Some("vm.dirty_ratio"));
        assert!(knob("module/usb_storage/quirks").is_some());
    }
}
