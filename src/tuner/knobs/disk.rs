//! The tables of the USB device and of the disk's share of dirty memory.
//!
//! Spec: `drivers/usb/core/{sysfs,port}.c`, `mm/backing-dev.c`.

use super::judge::UINT_MAX;
use super::scsi::USB_DRIVERS;
use super::{Accepts, Access, Harm, Idle, Knob, Owner, PLAIN, rank};

const USB_DEVICE: Knob = Knob {
    owner: Owner::UsbDevice,
    rank: rank::USB,
    ..PLAIN
};

const NO_AUTOSUSPEND: &str =
    "uas does not support autosuspend, and under usb-storage the SCSI disk keeps the device awake";

/// `usb/*`: attributes of the USB device and of its port.
pub(super) const USB: &[Knob] = &[
    Knob {
        key: "usb/power/control",
        accepts: Accepts::Words(&[("on", "on"), ("auto", "auto")]),
        default: Some("on"),
        idles: &[Idle {
            value: "*",
            on: USB_DRIVERS,
            why: NO_AUTOSUSPEND,
        }],
        ..USB_DEVICE
    },
    Knob {
        key: "usb/power/autosuspend_delay_ms",
        accepts: Accepts::Range {
            min: -2_147_483_648,
            max: 2_147_483_647,
        },
        default: Some("2000"),
        idles: &[Idle {
            value: "*",
            on: USB_DRIVERS,
            why: NO_AUTOSUSPEND,
        }],
        ..USB_DEVICE
    },
    Knob {
        key: "usb/power/autosuspend",
        accepts: Accepts::Range {
            min: -2_147_483,
            max: 2_147_483,
        },
        default: Some("2"),
        idles: &[Idle {
            value: "*",
            on: USB_DRIVERS,
            why: NO_AUTOSUSPEND,
        }],
        ..USB_DEVICE
    },
    Knob {
        key: "usb/power/persist",
        accepts: Accepts::Flag,
        default: Some("1"),
        harms: &[Harm {
            value: "0",
            why: "after a suspend the disk comes back as another one, and its file systems are lost to the system",
        }],
        idles: &[Idle {
            value: "1",
            on: &[],
            why: "1 is the default",
        }],
        ..USB_DEVICE
    },
    Knob {
        key: "usb/power/usb3_hardware_lpm_u1",
        access: Access::ReadOnly,
        ..USB_DEVICE
    },
    Knob {
        key: "usb/power/usb3_hardware_lpm_u2",
        access: Access::ReadOnly,
        ..USB_DEVICE
    },
    Knob {
        key: "usb/usb3_lpm_permit",
        accepts: Accepts::Words(&[("0", "0"), ("u1", "u1"), ("u2", "u2"), ("u1_u2", "u1_u2")]),
        default: Some("u1_u2"),
        ..USB_DEVICE
    },
    Knob {
        key: "usb/authorized",
        accepts: Accepts::Flag,
        default: Some("1"),
        harms: &[Harm {
            value: "0",
            why: "it unplugs the device",
        }],
        ..USB_DEVICE
    },
    Knob {
        key: "usb/remove",
        access: Access::WriteOnly,
        harms: &[Harm {
            value: "*",
            why: "it unplugs the device until it is plugged again by hand",
        }],
        ..USB_DEVICE
    },
];

const SHARE: Knob = Knob {
    owner: Owner::Bdi,
    ..PLAIN
};

/// Of what the kernel keeps as a ratio, a thousandth or 64 KiB is lost in the arithmetic.
const AS_RATIO: Option<(i128, i128)> = Some((1, 65_536));

/// `bdi/*`.
pub(super) const BDI: &[Knob] = &[
    Knob {
        key: "bdi/read_ahead_kb",
        accepts: Accepts::Step {
            max: UINT_MAX,
            step: 4,
        },
        rank: rank::READ_AHEAD,
        ..SHARE
    },
    Knob {
        key: "bdi/min_ratio",
        accepts: Accepts::Range { min: 0, max: 100 },
        default: Some("0"),
        ..SHARE
    },
    Knob {
        key: "bdi/max_ratio",
        accepts: Accepts::Range { min: 0, max: 100 },
        default: Some("100"),
        idles: &[Idle {
            value: "100",
            on: &[],
            why: "100 is the default",
        }],
        ..SHARE
    },
    Knob {
        key: "bdi/min_ratio_fine",
        accepts: Accepts::Range {
            min: 0,
            max: 1_000_000,
        },
        default: Some("0"),
        ..SHARE
    },
    Knob {
        key: "bdi/max_ratio_fine",
        accepts: Accepts::Range {
            min: 0,
            max: 1_000_000,
        },
        default: Some("1000000"),
        ..SHARE
    },
    Knob {
        key: "bdi/min_bytes",
        accepts: Accepts::Range {
            min: 0,
            max: i64::MAX as i128,
        },
        default: Some("0"),
        tolerance: AS_RATIO,
        ..SHARE
    },
    Knob {
        key: "bdi/max_bytes",
        accepts: Accepts::Range {
            min: 0,
            max: i64::MAX as i128,
        },
        tolerance: AS_RATIO,
        ..SHARE
    },
    Knob {
        key: "bdi/strict_limit",
        accepts: Accepts::Bit,
        default: Some("0"),
        ..SHARE
    },
    Knob {
        key: "bdi/stable_pages_required",
        access: Access::ReadOnly,
        ..SHARE
    },
];
