//! Network interfaces, from `/sys/class/net`, with their addresses.
//!
//! Format: Documentation/ABI/testing/sysfs-class-net. Never brings a link up and never asks a driver anything that sysfs
//! does not tell.

mod addresses;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::nic::{Nic, NicKind};
use super::reader::Reader;

/// More interfaces than this are not recorded; what is left out is said.
const MOST: usize = 4096;

const ETHERNET: u64 = 1;
const LOOPBACK: u64 = 772;

const NO_MAC: &str = "00:00:00:00:00:00";

/// Every interface, sorted by name; `None` if the machine shows none, not even a loopback.
pub(super) fn nics(reader: &Reader<'_>) -> Option<Vec<Nic>> {
    let names = reader.names("/sys/class/net");
    let dirs: Vec<(String, PathBuf)> = names
        .into_iter()
        // `bonding_masters` is a file.
        .filter_map(|name| {
            let dir = reader.link(Path::new("/sys/class/net").join(&name))?;
            Some((name, dir))
        })
        .collect();
    if dirs.is_empty() {
        return None;
    }
    if dirs.len() > MOST {
        let left = dirs.len() - MOST;
        reader.say(format!("{left} of the network interfaces were left out"));
    }
    let mut addresses = addresses::read(reader);
    let nics = dirs.into_iter().take(MOST).map(|(name, dir)| Nic {
        addresses: addresses.remove(&name).unwrap_or_default(),
        ..nic(reader, name, &dir)
    });
    Some(nics.collect())
}

fn nic(reader: &Reader<'_>, name: String, dir: &Path) -> Nic {
    let device = reader.link(dir.join("device"));
    let properties = device.as_ref().map_or_else(BTreeMap::new, |device| {
        properties(&reader.text(device.join("uevent")))
    });
    let property = |key: &str| properties.get(key).cloned().unwrap_or_default();
    let mac = reader.text(dir.join("address"));
    // What the loopback has, and what a card without an address of its own shows before it gets one.
    let mac = if mac == NO_MAC { String::new() } else { mac };
    Nic {
        kind: kind(reader, dir),
        driver: property("DRIVER"),
        bus_path: device.as_ref().map_or_else(String::new, |device| {
            bus_path(reader, device, &property("PCI_SLOT_NAME"))
        }),
        pci_id: property("PCI_ID"),
        usb_id: usb_id(&property("PRODUCT"), &property("DEVTYPE")),
        permanent_mac: permanent_mac(reader, dir, &mac),
        mac,
        operstate: reader.text(dir.join("operstate")),
        carrier: reader
            .number(dir.join("carrier"))
            .map(|carrier| carrier == 1),
        speed: speed(&reader.text(dir.join("speed"))),
        mtu: small(reader.number(dir.join("mtu"))),
        addresses: Vec::new(),
        name,
    }
}

fn kind(reader: &Reader<'_>, dir: &Path) -> NicKind {
    let number = reader.number(dir.join("type"));
    if number == Some(LOOPBACK) {
        return NicKind::Loopback;
    }
    let properties = properties(&reader.text(dir.join("uevent")));
    match properties.get("DEVTYPE").map_or("", String::as_str) {
        "wlan" => NicKind::Wireless,
        "bond" => NicKind::Bond,
        "bridge" => NicKind::Bridge,
        "vlan" => NicKind::Vlan,
        "wireguard" => NicKind::Wireguard,
        _ if dir.starts_with("/sys/devices/virtual") => NicKind::Virtual,
        _ if reader.exists(dir.join("phy80211")) => NicKind::Wireless,
        _ if number == Some(ETHERNET) => NicKind::Physical,
        _ => NicKind::Other,
    }
}

/// `KEY=value` lines.
fn properties(uevent: &str) -> BTreeMap<String, String> {
    let pairs = uevent.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The PCI slot, or what the driver calls its place: the slot above virtio, and host and port above USB.
fn bus_path(reader: &Reader<'_>, device: &Path, slot: &str) -> String {
    if !slot.is_empty() {
        return slot.to_owned();
    }
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let own = name(device);
    let above = |path: &Path| path.parent().map(Path::to_owned);
    if own.starts_with("virtio") {
        return above(device).map(|pci| name(&pci)).unwrap_or_default();
    }
    // The interface `2-3:1.0` of the device `2-3` with the devpath `3`, below the bus `usb2` of its host.
    let Some(usb) = above(device) else {
        return String::new();
    };
    let port = reader.text(usb.join("devpath"));
    let is_bus = |path: &&Path| {
        let number = name(path).strip_prefix("usb").map(str::to_owned);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let host = usb.ancestors().find(is_bus).and_then(Path::parent);
    match host {
        Some(host) if !port.is_empty() => format!("usb-{}-{port}", name(host)),
        _ => String::new(),
    }
}

/// `bda/8153/3000` as `0bda:8153`.
fn usb_id(product: &str, devtype: &str) -> String {
    let mut parts = product.split('/').map(|part| u16::from_str_radix(part, 16));
    match (devtype, parts.next(), parts.next()) {
        ("usb_interface", Some(Ok(vendor)), Some(Ok(product))) => {
            format!("{vendor:04x}:{product:04x}")
        }
        _ => String::new(),
    }
}

/// What the bond remembers of a member, or the address in use where nobody has set another one.
fn permanent_mac(reader: &Reader<'_>, dir: &Path, mac: &str) -> String {
    const PERMANENT: u64 = 0;
    let of_bond = reader.text(dir.join("bonding_slave/perm_hwaddr"));
    if !of_bond.is_empty() {
        return of_bond;
    }
    match reader.number(dir.join("addr_assign_type")) {
        Some(PERMANENT) => mac.to_owned(),
        _ => String::new(),
    }
}

/// -1 is how drivers say that they do not know.
fn speed(text: &str) -> Option<u32> {
    text.parse().ok().filter(|speed| *speed > 0)
}

fn small(number: Option<u64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests;
