//! Network interfaces, from `/sys/class/net`, with their addresses.
//!
//! The addresses of this machine come from the kernel's interface; those of a tree, which has none, from the tables in
//! its `/proc/net`. Formats: Documentation/ABI/testing/sysfs-class-net, proc_pid_net(5). Never brings a link up and
//! never asks a driver anything that sysfs does not tell.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::nic::{Nic, NicKind};
use super::reader::Reader;
use crate::network::prefix::Prefix;
use crate::sys::addresses;

/// More interfaces than this are not recorded; what is left out is said.
const MOST: usize = 4096;

const ETHERNET: u64 = 1;
const LOOPBACK: u64 = 772;

const NO_MAC: &str = "00:00:00:00:00:00";

type Addresses = BTreeMap<String, Vec<Prefix>>;

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
    let mut addresses = read_addresses(reader);
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

fn read_addresses(reader: &Reader<'_>) -> Addresses {
    let mut found = Addresses::new();
    let mut add = |name: String, prefix: Prefix| {
        let of_name = found.entry(name).or_default();
        of_name.push(prefix);
        of_name.sort();
    };
    if !reader.root.is_live() {
        let [v6, trie, routes] = ["if_inet6", "fib_trie", "route"].map(|name| {
            // With its tabs, which a text for people would not keep.
            let text = reader.raw(Path::new("/proc/net").join(name));
            text.unwrap_or_default()
        });
        v6.lines()
            .filter_map(inet6)
            .for_each(|(name, prefix)| add(name, prefix));
        inet4(&trie, &routes)
            .into_iter()
            .for_each(|(name, prefix)| add(name, prefix));
        return found;
    }
    match addresses::addresses() {
        Ok(all) => {
            for (name, address, len) in all {
                if let Some(prefix) = Prefix::new(address, len) {
                    add(name, prefix);
                }
            }
        }
        Err(error) => reader.say(format!("addresses of network interfaces: {error}")),
    }
    found
}

/// A line of `if_inet6`: address, index, length, scope, flags, name; all but the name in hexadecimal.
fn inet6(line: &str) -> Option<(String, Prefix)> {
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let len = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let name = words.nth(2)?.to_owned();
    Some((name, Prefix::new(Ipv6Addr::from(address).into(), len)?))
}

/// Local addresses of `fib_trie`, each with the interface and length of the narrowest route of `route` to its network;
/// one without such a route belongs to no interface that this could name.
fn inet4(trie: &str, routes: &str) -> Vec<(String, Prefix)> {
    let routes: Vec<(&str, Prefix)> = routes.lines().filter_map(route).collect();
    let mut found = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf.take().map(IpAddr::from)
        {
            let holds = |route: &&(&str, Prefix)| route.1.contains(address);
            let narrowest = routes
                .iter()
                .filter(holds)
                .max_by_key(|route| route.1.bits());
            if let Some((name, network)) = narrowest
                && let Some(prefix) = Prefix::new(address, network.bits())
            {
                found.push(((*name).to_owned(), prefix));
            }
        }
    }
    // The trie shows the tables one after the other, and a local address may be in two.
    found.sort();
    found.dedup();
    found
}

/// A line of `route` without a gateway: name, network and mask in hexadecimal, least significant byte first.
fn route(line: &str) -> Option<(&str, Prefix)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| {
        let number = u32::from_str_radix(words.get(at)?, 16).ok()?;
        Some(number.swap_bytes())
    };
    let (network, gateway, mask) = (number(1)?, number(2)?, number(7)?);
    let len = u8::try_from(mask.leading_ones()).ok()?;
    let prefix = Prefix::new(Ipv4Addr::from(network).into(), len)?;
    (gateway == 0 && len > 0).then_some((words[0], prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture;
    use crate::root::Root;

    fn read(tree: &str) -> Option<Vec<Nic>> {
        let dir = tempfile::tempdir().unwrap();
        fixture::expand(tree, dir.path()).unwrap();
        let root = Root::at(dir.path());
        nics(&Reader::new(&root))
    }

    // The files as Linux 6.12 writes them.
    const TREE: &str = r"
[/sys/class/net]
bonding_masters = bond0
bond0 -> ../../devices/virtual/net/bond0
enp3s0f0 -> ../../devices/pci0000:00/0000:03:00.0/net/enp3s0f0
enp1s0 -> ../../devices/pci0000:00/0000:01:00.0/virtio0/net/enp1s0
usb0 -> ../../devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3.1/2-3.1:1.0/net/usb0
wlan0 -> ../../devices/pci0000:00/0000:02:00.0/net/wlan0
lo -> ../../devices/virtual/net/lo
veth1 -> ../../devices/virtual/net/veth1
[/sys/devices/virtual/net/bond0]
uevent = DEVTYPE=bond\nINTERFACE=bond0\nIFINDEX=7
type = 1
[/sys/devices/pci0000:00/0000:03:00.0]
uevent = DRIVER=tg3\nPCI_CLASS=20000\nPCI_ID=14E4:1686\nPCI_SLOT_NAME=0000:03:00.0
[/sys/devices/pci0000:00/0000:03:00.0/net/enp3s0f0]
device -> ../../../0000:03:00.0
uevent = INTERFACE=enp3s0f0\nIFINDEX=2
type = 1
address = 02:00:5e:00:53:01
bonding_slave/perm_hwaddr = 00:00:5e:00:53:01
addr_assign_type = 3
operstate = up
carrier = 1
speed = 1000
mtu = 1500
[/sys/devices/pci0000:00/0000:01:00.0/virtio0]
uevent = DRIVER=virtio_net\nMODALIAS=virtio:d00000001v00001AF4
[/sys/devices/pci0000:00/0000:01:00.0/virtio0/net/enp1s0]
device -> ../../../virtio0
type = 1
address = 00:00:5e:00:53:02
addr_assign_type = 0
speed = -1
[/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3.1]
devpath = 3.1
[/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3.1/2-3.1:1.0]
uevent = DEVTYPE=usb_interface\nDRIVER=r8152\nPRODUCT=bda/8153/3100
[/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3.1/2-3.1:1.0/net/usb0]
device -> ../../../2-3.1:1.0
type = 1
address = 00:00:5e:00:53:03
addr_assign_type = 3
[/sys/devices/pci0000:00/0000:02:00.0/net/wlan0]
uevent = DEVTYPE=wlan\nINTERFACE=wlan0
type = 1
[/sys/devices/virtual/net/lo]
type = 772
[/sys/devices/virtual/net/veth1]
type = 1
[/proc/net]
if_inet6 = fd47000000000000000000000000000b 02 40 00 80 enp3s0f0\nfe8000000000000000005efffe005301 02 40 20 80 enp3s0f0
route = Iface\x09Destination\x09Gateway \x09Flags\x09RefCnt\x09Use\x09Metric\x09Mask\nenp3s0f0\x0900000000\x0901331DAC\x090003\x090\x090\x090\x0900000000\nenp3s0f0\x0900331DAC\x0900000000\x090001\x090\x090\x090\x0900FFFFFF
fib_trie = Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 172.29.51.0\n        /24 link UNICAST\n     |-- 172.29.51.11\n        /32 host LOCAL\nLocal:\n     |-- 172.29.51.11\n        /32 host LOCAL\n     |-- 172.29.51.255\n        /32 link BROADCAST\n     |-- 203.0.113.7\n        /32 host LOCAL
";

    #[test]
    fn an_interface_has_what_talos_device_selectors_compare() {
        let found = read(TREE).unwrap();
        let show = |nic: &Nic| {
            [
                &nic.name,
                nic.kind.word(),
                &nic.driver,
                &nic.bus_path,
                &nic.pci_id,
                &nic.usb_id,
                &nic.mac,
                &nic.permanent_mac,
            ]
            .join(" ")
        };
        let shown: Vec<String> = found.iter().map(show).collect();
        assert_eq!(
            shown,
            [
                "bond0 bond      ",
                "enp1s0 physical virtio_net 0000:01:00.0   00:00:5e:00:53:02 00:00:5e:00:53:02",
                "enp3s0f0 physical tg3 0000:03:00.0 14E4:1686  02:00:5e:00:53:01 00:00:5e:00:53:01",
                "lo loopback      ",
                "usb0 physical r8152 usb-0000:00:14.0-3.1  0bda:8153 00:00:5e:00:53:03 ",
                "veth1 virtual      ",
                "wlan0 wireless      ",
            ]
        );
        let main = &found[2];
        assert_eq!(
            (main.carrier, main.speed, main.mtu),
            (Some(true), Some(1000), Some(1500))
        );
        assert_eq!(found[1].speed, None, "-1 is no speed");
    }

    #[test]
    fn a_tree_has_the_addresses_of_its_procfs() {
        let found = read(TREE).unwrap();
        let addresses: Vec<String> = found[2].addresses.iter().map(Prefix::to_string).collect();
        assert_eq!(
            addresses,
            ["172.29.51.11/24", "fd47::b/64", "fe80::5eff:fe00:5301/64"]
        );
        let others = found.iter().filter(|nic| nic.name != "enp3s0f0");
        assert!(others.into_iter().all(|nic| nic.addresses.is_empty()));
    }

    #[test]
    fn a_tree_without_interfaces_is_not_one_that_has_none() {
        assert_eq!(read("[/sys/class]"), None);
    }

    #[test]
    fn nonsense_in_procfs_is_passed_over() {
        for line in [
            "",
            "xyz",
            "00 01",
            "fe80000000000000000000000000000102 02 40 20 80 eth0",
            "0 0 ff 0 0 eth0",
        ] {
            assert_eq!(inet6(line), None, "{line}");
        }
        assert!(inet4("|-- 1.2.3.4\n/32 host LOCAL", "eth0 zz 00 1 0 0 0 ff").is_empty());
        assert!(inet4("/32 host LOCAL\n|-- 999.1.1.1\n/32 host LOCAL", "").is_empty());
    }

    #[test]
    fn this_machine_shows_its_loopback() {
        let root = Root::live();
        let reader = Reader::new(&root);
        let found = nics(&reader).unwrap();
        assert!(
            found.iter().any(|nic| nic.kind == NicKind::Loopback),
            "{found:?}"
        );
    }
}
