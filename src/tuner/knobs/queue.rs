//! The table of `queue/*`: what may be written, and what only tells.
//!
//! Spec: `block/blk-sysfs.c` of 6.12 and 7.3.

use super::judge::UINT_MAX;
use super::{Accepts, Access, Attachment, Harm, Idle, Knob, Otherwise, PLAIN, rank};

const USB: &[Attachment] = &[Attachment::Uas, Attachment::BulkOnly];
const UAS: &[Attachment] = &[Attachment::Uas];

/// A knob of the queue's limits: a write computes all of them anew.
const LIMIT: Knob = Knob {
    rank: rank::LIMITS,
    raises_read_ahead: true,
    ..PLAIN
};

const USB_IS_SLOWER: &str = "a USB disk takes at most 30 commands and milliseconds for a flush: nothing measurable comes of it";

/// What can be written.
pub(super) const WRITABLE: &[Knob] = &[
    Knob {
        key: "queue/scheduler",
        accepts: Accepts::Scheduler,
        rank: rank::SCHEDULER,
        default: Some("mq-deadline"),
        resets: &["queue/nr_requests", "queue/async_depth"],
        idles: &[
            Idle {
                value: "mq-deadline",
                on: &[Attachment::Uas, Attachment::BulkOnly, Attachment::Ata],
                why: "mq-deadline is the default of a disk with one hardware queue",
            },
            Idle {
                value: "deadline",
                on: &[Attachment::Uas, Attachment::BulkOnly, Attachment::Ata],
                why: "it means mq-deadline, the default of a disk with one hardware queue",
            },
        ],
        ..PLAIN
    },
    Knob {
        key: "queue/nr_requests",
        accepts: Accepts::Floor {
            floor: 4,
            max: 2048,
        },
        rank: rank::REQUESTS,
        defaults: &[
            (Attachment::Uas, "60"),
            (Attachment::BulkOnly, "2"),
            (Attachment::Ata, "64"),
        ],
        ..PLAIN
    },
    Knob {
        key: "queue/async_depth",
        accepts: Accepts::Range {
            min: 1,
            max: UINT_MAX,
        },
        rank: rank::REQUESTS + 1,
        since: Some("7.0"),
        ..PLAIN
    },
    Knob {
        key: "queue/read_ahead_kb",
        accepts: Accepts::Step {
            max: UINT_MAX,
            step: 4,
        },
        rank: rank::READ_AHEAD,
        defaults: &[(Attachment::Ata, "128"), (Attachment::Nvme, "128")],
        harms: &[
            Harm {
                value: "65532",
                why: "64 MiB for each page fault: this is the bogus value that has to go",
            },
            Harm {
                value: "0",
                why: "it switches read-ahead off: every sequential read becomes one request for each page",
            },
        ],
        ..PLAIN
    },
    Knob {
        key: "queue/max_sectors_kb",
        accepts: Accepts::Clamped { min: 4 },
        defaults: &[
            (Attachment::Uas, "512"),
            (Attachment::BulkOnly, "1024"),
            (Attachment::Ata, "1280"),
        ],
        ..LIMIT
    },
    Knob {
        key: "queue/rotational",
        accepts: Accepts::Flag,
        defaults: &[(Attachment::BulkOnly, "1"), (Attachment::Nvme, "0")],
        idles: &[Idle {
            value: "0",
            on: &[Attachment::Uas, Attachment::Nvme],
            why: "under uas the kernel reads from the disk that nothing spins",
        }],
        ..LIMIT
    },
    Knob {
        key: "queue/add_random",
        accepts: Accepts::Flag,
        defaults: &[
            (Attachment::Uas, "0"),
            (Attachment::BulkOnly, "1"),
            (Attachment::Nvme, "0"),
        ],
        idles: &[Idle {
            value: "0",
            on: &[Attachment::Uas, Attachment::Nvme],
            why: "the kernel clears it with rotational",
        }],
        ..LIMIT
    },
    Knob {
        key: "queue/iostats",
        accepts: Accepts::Flag,
        default: Some("1"),
        harms: &[Harm {
            value: "0",
            why: "the counters that iostat, node exporters and Longhorn read stand still",
        }],
        idles: &[Idle {
            value: "1",
            on: &[],
            why: "1 is the default",
        }],
        ..LIMIT
    },
    Knob {
        key: "queue/iostats_passthrough",
        accepts: Accepts::Flag,
        default: Some("0"),
        ..LIMIT
    },
    Knob {
        key: "queue/stable_writes",
        accepts: Accepts::Flag,
        default: Some("0"),
        ..LIMIT
    },
    Knob {
        key: "queue/write_cache",
        accepts: Accepts::Words(&[
            ("write back", "write back"),
            ("write through", "write through"),
            ("none", "write through"),
        ]),
        default: Some("write back"),
        harms: &[
            Harm {
                value: "write through",
                why: "the kernel stops sending flushes while the disk goes on caching: a power failure loses what fsync promised",
            },
            Harm {
                value: "none",
                why: "it means write through: the kernel stops sending flushes while the disk goes on caching",
            },
        ],
        ..LIMIT
    },
    Knob {
        key: "queue/discard_max_bytes",
        accepts: Accepts::Clamped { min: 1 },
        rank: rank::DISCARD,
        defaults: &[(Attachment::Uas, "0"), (Attachment::BulkOnly, "0")],
        ..LIMIT
    },
    Knob {
        key: "queue/rq_affinity",
        accepts: Accepts::Small {
            max: 2,
            otherwise: Otherwise::Ignored,
        },
        default: Some("1"),
        idles: &[
            Idle {
                value: "1",
                on: &[],
                why: "1 is the default",
            },
            Idle {
                value: "2",
                on: USB,
                why: USB_IS_SLOWER,
            },
        ],
        ..PLAIN
    },
    Knob {
        key: "queue/nomerges",
        accepts: Accepts::Small {
            max: 2,
            otherwise: Otherwise::Becomes("1"),
        },
        default: Some("0"),
        harms: &[Harm {
            value: "2",
            why: "small sequential writes are no longer merged, and USB is bound by the number of commands",
        }],
        idles: &[Idle {
            value: "0",
            on: &[],
            why: "0 is the default",
        }],
        ..PLAIN
    },
    Knob {
        key: "queue/wbt_lat_usec",
        accepts: Accepts::Range {
            min: -1,
            max: i64::MAX as i128,
        },
        rank: rank::WRITEBACK,
        defaults: &[
            (Attachment::Uas, "2000"),
            (Attachment::BulkOnly, "75000"),
            (Attachment::Ata, "2000"),
            (Attachment::Nvme, "2000"),
        ],
        ..PLAIN
    },
    Knob {
        key: "queue/io_timeout",
        accepts: Accepts::Range {
            min: 1,
            max: UINT_MAX,
        },
        default: Some("30000"),
        ..PLAIN
    },
    Knob {
        key: "queue/io_poll",
        accepts: Accepts::Flag,
        default: Some("0"),
        idles: &[Idle {
            value: "*",
            on: USB,
            why: "the queue of a USB disk cannot be polled: the write fails or does nothing",
        }],
        ..PLAIN
    },
    Knob {
        key: "queue/io_poll_delay",
        default: Some("-1"),
        idles: &[Idle {
            value: "*",
            on: &[],
            why: "the kernel takes any value and does nothing with it",
        }],
        ..PLAIN
    },
    Knob {
        key: "queue/write_zeroes_unmap_max_bytes",
        accepts: Accepts::Clamped { min: 1 },
        since: Some("6.17"),
        idles: &[Idle {
            value: "*",
            on: UAS,
            why: "a USB disk has no such command",
        }],
        ..LIMIT
    },
];

const FIXED_ONE: Knob = Knob {
    access: Access::ReadOnly,
    ..PLAIN
};

macro_rules! fixed {
    ($($key:literal),* $(,)?) => {
        &[$(Knob { key: $key, ..FIXED_ONE }),*]
    };
}

/// What only tells.
pub(super) const FIXED: &[Knob] = fixed![
    "queue/atomic_write_boundary_bytes",
    "queue/atomic_write_max_bytes",
    "queue/atomic_write_unit_max_bytes",
    "queue/atomic_write_unit_min_bytes",
    "queue/chunk_sectors",
    "queue/dax",
    "queue/discard_granularity",
    "queue/discard_max_hw_bytes",
    "queue/discard_zeroes_data",
    "queue/dma_alignment",
    "queue/fua",
    "queue/hw_sector_size",
    "queue/logical_block_size",
    "queue/max_active_zones",
    "queue/max_discard_segments",
    "queue/max_hw_sectors_kb",
    "queue/max_integrity_segments",
    "queue/max_open_zones",
    "queue/max_segment_size",
    "queue/max_segments",
    "queue/max_write_streams",
    "queue/minimum_io_size",
    "queue/nr_zones",
    "queue/optimal_io_size",
    "queue/physical_block_size",
    "queue/virt_boundary_mask",
    "queue/write_same_max_bytes",
    "queue/write_stream_granularity",
    "queue/write_zeroes_max_bytes",
    "queue/write_zeroes_unmap_max_hw_bytes",
    "queue/zone_append_max_bytes",
    "queue/zone_write_granularity",
    "queue/zoned",
];
