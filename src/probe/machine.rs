//! The machine around the disks.
//!
//! Memory and CPUs of the running machine come from `sysinfo`, which knows about offline CPUs; for a fixture tree,
//! where it cannot look, from the tree's `/proc`. What is left of the memory, [`memory`] knows.

use super::inventory::Machine;
use super::memory;
use super::nics;
use super::reader::Reader;
use super::udev;
use crate::units::Bytes;

pub(super) fn machine(reader: &Reader<'_>) -> Machine {
    let (memory, cpus) = if reader.root.is_live() {
        live_resources(reader)
    } else {
        tree_resources(reader)
    };
    let uuid = reader.text("/sys/class/dmi/id/product_uuid").to_lowercase();
    Machine {
        uuid: (!uuid.is_empty()).then_some(uuid),
        vendor: reader.text("/sys/class/dmi/id/sys_vendor"),
        product: reader.text("/sys/class/dmi/id/product_name"),
        uefi: reader
            .exists("/sys/firmware")
            .then(|| reader.exists("/sys/firmware/efi")),
        memory,
        memory_available: memory::available(reader.root),
        cpus,
        kernel: reader.text("/proc/sys/kernel/osrelease"),
        udev: udev::is_running(reader),
        nics: nics::nics(reader),
    }
}

fn live_resources(reader: &Reader<'_>) -> (Bytes, u32) {
    use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
    let wanted = RefreshKind::nothing()
        .with_memory(MemoryRefreshKind::nothing().with_ram())
        .with_cpu(CpuRefreshKind::nothing());
    match System::new_with_specifics(wanted) {
        Ok(system) => (
            Bytes::new(system.total_memory()),
            u32::try_from(system.cpus().len()).unwrap_or(u32::MAX),
        ),
        Err(error) => {
            reader.say(format!("memory and CPUs: {error}"));
            (Bytes::ZERO, 0)
        }
    }
}

fn tree_resources(reader: &Reader<'_>) -> (Bytes, u32) {
    let meminfo = reader.text("/proc/meminfo");
    let cpuinfo = reader.text("/proc/cpuinfo");
    let cpus = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    (
        kib(&meminfo, "MemTotal:"),
        u32::try_from(cpus).unwrap_or(u32::MAX),
    )
}

fn kib(meminfo: &str, key: &str) -> Bytes {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let kib: u64 = number.and_then(|number| number.parse().ok()).unwrap_or(0);
    Bytes::new(kib.saturating_mul(1024))
}
