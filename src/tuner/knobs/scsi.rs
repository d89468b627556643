//! The tables of the SCSI device and of its disk driver.
//!
//! Spec: `drivers/scsi/{sd,scsi_sysfs}.c`.

use super::judge::UINT_MAX;
use super::{Accepts, Access, Attachment, Harm, Idle, Knob, Otherwise, Owner, PLAIN, rank};

pub(super) const USB_DRIVERS: &[Attachment] = &[Attachment::Uas, Attachment::BulkOnly];

const DEVICE: Knob = Knob {
    owner: Owner::ScsiDevice,
    rank: rank::SCSI,
    ..PLAIN
};

const DISK: Knob = Knob {
    owner: Owner::ScsiDisk,
    rank: rank::SCSI,
    ..PLAIN
};

const DISK_FIXED: Knob = Knob {
    access: Access::ReadOnly,
    ..DISK
};

/// `kstrtobool` as sd uses it.
const BOOL: Accepts = Accepts::Words(&[
    ("0", "0"),
    ("1", "1"),
    ("n", "0"),
    ("y", "1"),
    ("N", "0"),
    ("Y", "1"),
    ("off", "0"),
    ("on", "1"),
]);

const MODES: Accepts = Accepts::Words(&[
    ("full", "full"),
    ("unmap", "unmap"),
    ("writesame_16", "writesame_16"),
    ("writesame_10", "writesame_10"),
    ("writesame_zero", "writesame_zero"),
    ("disabled", "disabled"),
]);

const CACHE_TYPES: Accepts = Accepts::Words(&[
    ("write through", "write through"),
    ("none", "none"),
    ("write back", "write back"),
    ("write back, no read (daft)", "write back, no read (daft)"),
    ("temporary write through", "write through"),
    ("temporary none", "none"),
    ("temporary write back", "write back"),
    (
        "temporary write back, no read (daft)",
        "write back, no read (daft)",
    ),
]);

/// `device/*` and `scsi_disk/*`.
pub(super) const SCSI: &[Knob] = &[
    Knob {
        key: "device/timeout",
        accepts: Accepts::Range {
            min: 1,
            max: 4_294_967,
        },
        default: Some("30"),
        harms: &[Harm {
            value: "0",
            why: "the kernel up to 6.12 takes it, and every command times out at once",
        }],
        idles: &[Idle {
            value: "30",
            on: &[],
            why: "30 seconds are the default",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/eh_timeout",
        accepts: Accepts::Range {
            min: 0,
            max: 4_294_967,
        },
        default: Some("10"),
        idles: &[Idle {
            value: "10",
            on: &[],
            why: "10 seconds are the default",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/queue_depth",
        accepts: Accepts::Range { min: 1, max: 4096 },
        defaults: &[
            (Attachment::Uas, "30"),
            (Attachment::BulkOnly, "1"),
            (Attachment::Ata, "32"),
        ],
        idles: &[Idle {
            value: "*",
            on: USB_DRIVERS,
            why: "the file is read-only under uas and usb-storage",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/queue_type",
        default: Some("simple"),
        idles: &[Idle {
            value: "*",
            on: &[],
            why: "the kernel takes any value, changes nothing, and logs that it is deprecated",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/queue_ramp_up_period",
        accepts: Accepts::Range {
            min: 0,
            max: UINT_MAX,
        },
        idles: &[Idle {
            value: "*",
            on: &[Attachment::Uas],
            why: "uas has no such file",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/state",
        accepts: Accepts::Words(&[("running", "running"), ("offline", "offline")]),
        default: Some("running"),
        harms: &[Harm {
            value: "offline",
            why: "the disk stops: every read and write fails",
        }],
        idles: &[Idle {
            value: "running",
            on: &[],
            why: "running is the default",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/delete",
        access: Access::WriteOnly,
        harms: &[Harm {
            value: "*",
            why: "it removes the disk from the machine",
        }],
        ..DEVICE
    },
    Knob {
        key: "device/rescan",
        access: Access::WriteOnly,
        rank: rank::PROVISIONING,
        raises_read_ahead: true,
        ..DEVICE
    },
    Knob {
        key: "scsi_disk/provisioning_mode",
        accepts: MODES,
        rank: rank::PROVISIONING,
        raises_read_ahead: true,
        defaults: &[
            (Attachment::Uas, "full"),
            (Attachment::BulkOnly, "full"),
            (Attachment::Ata, "writesame_16"),
        ],
        harms: &[Harm {
            value: "writesame*",
            why: "behind a USB bridge nobody has checked that it unmaps rather than writes zeroes",
        }],
        ..DISK
    },
    Knob {
        key: "scsi_disk/cache_type",
        accepts: CACHE_TYPES,
        default: Some("write back"),
        raises_read_ahead: true,
        harms: &[
            Harm {
                value: "temporary *",
                why: "it changes what the kernel believes, not what the disk does: with write through it stops sending flushes",
            },
            Harm {
                value: "none",
                why: "it switches the disk's caches off, or is refused, and the kernel stops sending flushes",
            },
            Harm {
                value: "write through",
                why: "a bridge that does not pass it on goes on caching, and the kernel stops sending flushes",
            },
        ],
        ..DISK
    },
    Knob {
        key: "scsi_disk/zeroing_mode",
        accepts: Accepts::Words(&[
            ("write", "write"),
            ("writesame", "writesame"),
            ("writesame_16_unmap", "writesame_16_unmap"),
            ("writesame_10_unmap", "writesame_10_unmap"),
        ]),
        harms: &[Harm {
            value: "writesame*",
            why: "with a disk that lies about it, blocks that were zeroed read as something else",
        }],
        ..DISK
    },
    Knob {
        key: "scsi_disk/allow_restart",
        accepts: BOOL,
        defaults: &[
            (Attachment::Uas, "0"),
            (Attachment::BulkOnly, "1"),
            (Attachment::Ata, "1"),
        ],
        idles: &[Idle {
            value: "*",
            on: USB_DRIVERS,
            why: "a USB SSD is never found stopped",
        }],
        ..DISK
    },
    Knob {
        key: "scsi_disk/manage_system_start_stop",
        accepts: BOOL,
        ..DISK
    },
    Knob {
        key: "scsi_disk/manage_runtime_start_stop",
        accepts: BOOL,
        ..DISK
    },
    Knob {
        key: "scsi_disk/manage_shutdown",
        accepts: BOOL,
        ..DISK
    },
    Knob {
        key: "scsi_disk/manage_restart",
        accepts: BOOL,
        since: Some("7.0"),
        ..DISK
    },
    Knob {
        key: "scsi_disk/max_retries",
        accepts: Accepts::Range { min: -1, max: 5 },
        default: Some("5"),
        ..DISK
    },
    Knob {
        key: "scsi_disk/max_medium_access_timeouts",
        accepts: Accepts::Range {
            min: 0,
            max: UINT_MAX,
        },
        default: Some("2"),
        ..DISK
    },
    Knob {
        key: "scsi_disk/max_write_same_blocks",
        accepts: Accepts::Range {
            min: 0,
            max: UINT_MAX,
        },
        raises_read_ahead: true,
        ..DISK
    },
    Knob {
        key: "scsi_disk/protection_type",
        accepts: Accepts::Small {
            max: 3,
            otherwise: Otherwise::Rejected,
        },
        default: Some("0"),
        ..DISK
    },
    Knob {
        key: "scsi_disk/manage_start_stop",
        ..DISK_FIXED
    },
    Knob {
        key: "scsi_disk/thin_provisioning",
        ..DISK_FIXED
    },
    Knob {
        key: "scsi_disk/FUA",
        ..DISK_FIXED
    },
    Knob {
        key: "scsi_disk/protection_mode",
        ..DISK_FIXED
    },
    Knob {
        key: "scsi_disk/app_tag_own",
        ..DISK_FIXED
    },
    Knob {
        key: "scsi_disk/zoned_cap",
        ..DISK_FIXED
    },
];
