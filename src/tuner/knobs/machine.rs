//! The tables of sysctls and module parameters.
//!
//! Spec: `Documentation/admin-guide/sysctl/vm.rst`, `Documentation/admin-guide/kernel-parameters.txt`.

use super::{Accepts, Harm, Idle, Knob, Owner, PLAIN, rank};

const INT_MAX: i128 = 2_147_483_647;

/// The largest `unsigned long` that the kernel reads: 20 digits are too many.
const LONG_MAX: i128 = 9_999_999_999_999_999_999;

const SYSCTL: Knob = Knob {
    owner: Owner::Sysctl,
    rank: rank::SYSCTL,
    ..PLAIN
};

macro_rules! others {
    ($($key:literal),* $(,)?) => {
        [$(Knob { key: $key, ..SYSCTL }),*]
    };
}

/// The rest of `vm.*`: nothing that a disk is tuned with.
const OTHERS: [Knob; 45] = others![
    "vm.admin_reserve_kbytes",
    "vm.block_dump",
    "vm.compact_memory",
    "vm.compact_unevictable_allowed",
    "vm.compaction_proactiveness",
    "vm.defrag_mode",
    "vm.dirtytime_expire_seconds",
    "vm.enable_soft_offline",
    "vm.extfrag_threshold",
    "vm.hugetlb_optimize_vmemmap",
    "vm.hugetlb_shm_group",
    "vm.laptop_mode",
    "vm.legacy_va_layout",
    "vm.lowmem_reserve_ratio",
    "vm.max_map_count",
    "vm.mem_profiling",
    "vm.memfd_noexec",
    "vm.memory_failure_early_kill",
    "vm.memory_failure_recovery",
    "vm.min_free_kbytes",
    "vm.min_slab_ratio",
    "vm.min_unmapped_ratio",
    "vm.mmap_min_addr",
    "vm.mmap_rnd_bits",
    "vm.mmap_rnd_compat_bits",
    "vm.movable_gigantic_pages",
    "vm.nr_hugepages",
    "vm.nr_hugepages_mempolicy",
    "vm.nr_overcommit_hugepages",
    "vm.numa_stat",
    "vm.numa_zonelist_order",
    "vm.oom_dump_tasks",
    "vm.oom_kill_allocating_task",
    "vm.overcommit_kbytes",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.page-cluster",
    "vm.page_lock_unfairness",
    "vm.panic_on_oom",
    "vm.percpu_pagelist_high_fraction",
    "vm.shrink_inodes_with_pagecache",
    "vm.stat_interval",
    "vm.stat_refresh",
    "vm.unprivileged_userfaultfd",
    "vm.user_reserve_kbytes",
];

/// Those that have to do with disks.
const DISKS: [Knob; 14] = [
    Knob {
        key: "vm.dirty_ratio",
        accepts: Accepts::Range { min: 0, max: 100 },
        default: Some("20"),
        zeroes: Some("vm.dirty_bytes"),
        idles: &[Idle {
            value: "20",
            on: &[],
            why: "20 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.dirty_background_ratio",
        accepts: Accepts::Range { min: 0, max: 100 },
        default: Some("10"),
        zeroes: Some("vm.dirty_background_bytes"),
        idles: &[Idle {
            value: "10",
            on: &[],
            why: "10 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.dirty_bytes",
        accepts: Accepts::Range {
            min: 8192,
            max: LONG_MAX,
        },
        default: Some("0"),
        zeroes: Some("vm.dirty_ratio"),
        ..SYSCTL
    },
    Knob {
        key: "vm.dirty_background_bytes",
        accepts: Accepts::Range {
            min: 1,
            max: LONG_MAX,
        },
        default: Some("0"),
        zeroes: Some("vm.dirty_background_ratio"),
        ..SYSCTL
    },
    Knob {
        key: "vm.dirty_expire_centisecs",
        accepts: Accepts::Range {
            min: 0,
            max: INT_MAX,
        },
        default: Some("3000"),
        idles: &[Idle {
            value: "3000",
            on: &[],
            why: "3000 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.dirty_writeback_centisecs",
        accepts: Accepts::Range {
            min: -1,
            max: INT_MAX,
        },
        default: Some("500"),
        harms: &[Harm {
            value: "0",
            why: "it switches periodic writeback off: data stays in memory until somebody waits for it",
        }],
        idles: &[Idle {
            value: "500",
            on: &[],
            why: "500 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.swappiness",
        accepts: Accepts::Range { min: 0, max: 200 },
        default: Some("60"),
        idles: &[Idle {
            value: "60",
            on: &[],
            why: "60 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.vfs_cache_pressure",
        accepts: Accepts::Range {
            min: 0,
            max: INT_MAX,
        },
        default: Some("100"),
        harms: &[Harm {
            value: "0",
            why: "the kernel never gives directory entries and inodes back, until memory runs out",
        }],
        idles: &[Idle {
            value: "100",
            on: &[],
            why: "100 is the default",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.vfs_cache_pressure_denom",
        accepts: Accepts::Range {
            min: 1,
            max: INT_MAX,
        },
        ..SYSCTL
    },
    Knob {
        key: "vm.drop_caches",
        accepts: Accepts::Range { min: 1, max: 4 },
        harms: &[Harm {
            value: "*",
            why: "it is an action, not a setting: it throws the page cache away each time it is written",
        }],
        ..SYSCTL
    },
    Knob {
        key: "vm.watermark_boost_factor",
        accepts: Accepts::Range {
            min: 0,
            max: INT_MAX,
        },
        default: Some("15000"),
        ..SYSCTL
    },
    Knob {
        key: "vm.watermark_scale_factor",
        accepts: Accepts::Range { min: 1, max: 3000 },
        default: Some("10"),
        ..SYSCTL
    },
    Knob {
        key: "vm.zone_reclaim_mode",
        accepts: Accepts::Range {
            min: 0,
            max: INT_MAX,
        },
        default: Some("0"),
        ..SYSCTL
    },
    Knob {
        key: "fs.aio-max-nr",
        accepts: Accepts::Range {
            min: 0,
            max: LONG_MAX,
        },
        default: Some("65536"),
        ..SYSCTL
    },
];

/// Sysctls.
pub(super) const SYSCTLS: &[Knob] = &joined::<14, 45, 59>(DISKS, OTHERS);

const fn joined<const A: usize, const B: usize, const C: usize>(
    first: [Knob; A],
    second: [Knob; B],
) -> [Knob; C] {
    assert!(A + B == C, "the lengths do not add up");
    let mut all = [PLAIN; C];
    let mut at = 0;
    while at < C {
        all[at] = if at < A { first[at] } else { second[at - A] };
        at += 1;
    }
    all
}

const PARAMETER: Knob = Knob {
    owner: Owner::Module,
    rank: rank::MODULE,
    ..PLAIN
};

/// Module parameters.
pub(super) const MODULES: &[Knob] = &[
    Knob {
        key: "usbcore.autosuspend",
        accepts: Accepts::Range {
            min: -2_147_483_648,
            max: INT_MAX,
        },
        default: Some("2"),
        ..PARAMETER
    },
    Knob {
        key: "usbcore.quirks",
        default: Some(""),
        ..PARAMETER
    },
    Knob {
        key: "usb-storage.quirks",
        default: Some(""),
        ..PARAMETER
    },
    Knob {
        key: "usb-storage.delay_use",
        default: Some("1"),
        ..PARAMETER
    },
    Knob {
        key: "block.events_dfl_poll_msecs",
        accepts: Accepts::Range {
            min: 0,
            max: LONG_MAX,
        },
        default: Some("0"),
        ..PARAMETER
    },
];
