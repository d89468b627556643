//! In which order settings are written, and which of them set one another back. Pure: no I/O.
//!
//! The kernel raises `queue/read_ahead_kb` again whenever a limit of the queue is written, resets `nr_requests` with the
//! scheduler, takes `max_ratio` in shares of what the sysctls say, and keeps only one of the two forms of each limit on
//! dirty memory (Documentation/admin-guide/sysctl/vm.rst).

/// The two forms of one value: writing either sets the other to 0.
const FORMS: [(&str, &str); 2] = [
    ("vm.dirty_bytes", "vm.dirty_ratio"),
    ("vm.dirty_background_bytes", "vm.dirty_background_ratio"),
];

/// The setting that a write to `key` sets back.
pub fn displaces(key: &str) -> Option<&'static str> {
    FORMS.iter().find_map(|(one, other)| match key {
        key if key == *one => Some(*other),
        key if key == *other => Some(*one),
        _ => None,
    })
}

/// Settings with a lower rank are written first.
pub fn rank(key: &str) -> u32 {
    const ORDER: [&str; 9] = [
        "module/",
        "scsi_disk/",
        "queue/discard_max_bytes",
        "queue/",
        "queue/scheduler",
        "queue/nr_requests",
        "queue/wbt_lat_usec",
        "bdi/",
        "queue/read_ahead_kb",
    ];
    // Sysctls, whatever their name: before all that is a share of them.
    if !key.contains('/') {
        return 0;
    }
    let best = ORDER
        .iter()
        .enumerate()
        .filter(|(_, prefix)| key.starts_with(**prefix))
        .max_by_key(|(_, prefix)| prefix.len());
    let rank = best.map_or(3, |(rank, _)| rank);
    u32::try_from(rank).unwrap_or(u32::MAX).saturating_add(1)
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
        assert!(rank("device/timeout") < rank("queue/read_ahead_kb"));
        assert!(rank("bdi/max_ratio") < rank("queue/read_ahead_kb"));
    }
}
