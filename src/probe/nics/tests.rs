//! What is read of a tree as Linux writes it.

use super::*;
use crate::network::prefix::Prefix;
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
        assert_eq!(addresses::inet6(line), None, "{line}");
    }
    assert!(addresses::inet4("|-- 1.2.3.4\n/32 host LOCAL", "eth0 zz 00 1 0 0 0 ff").is_empty());
    assert!(addresses::inet4("/32 host LOCAL\n|-- 999.1.1.1\n/32 host LOCAL", "").is_empty());
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
