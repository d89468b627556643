//! A network interface as plain data. Pure: no I/O.
//!
//! `driver`, `bus_path`, `pci_id`, `mac` and `permanent_mac` carry the values that Talos' link resource has, which its
//! device selectors compare; what is empty here is empty there.

use serde::{Deserialize, Serialize};

use crate::network::prefix::Prefix;

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Nic {
    /// Kernel name, such as `enp3s0f0`. Never an identity: it changes with the cards in the machine.
    pub name: String,
    /// What it is.
    pub kind: NicKind,
    /// Driver of the device, such as `tg3`; empty for virtual ones.
    pub driver: String,
    /// Talos' `busPath`: `0000:03:00.0` for a PCI function and for virtio on one, `usb-0000:00:14.0-3` behind USB.
    pub bus_path: String,
    /// Talos' `pciID`: vendor and device in capitals, `14E4:1686`; empty for all but PCI functions.
    pub pci_id: String,
    /// USB vendor and product in lower case, `0bda:8153`; empty for all but USB devices.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub usb_id: String,
    /// Address in use, `00:00:5e:00:53:12`; empty without one.
    pub mac: String,
    /// Address that the hardware was made with; empty if nothing tells it.
    pub permanent_mac: String,
    /// `up`, `down`, `dormant`, `lowerlayerdown`, `unknown`, …
    pub operstate: String,
    /// Whether a cable or a network is there; `None` while the interface is down.
    pub carrier: Option<bool>,
    /// Mbit/s; `None` if unknown.
    pub speed: Option<u32>,
    /// Longest packet, in bytes.
    pub mtu: Option<u32>,
    /// Addresses with the length of their network, sorted.
    pub addresses: Vec<Prefix>,
}

/// Kinds of interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NicKind {
    /// Ethernet with a device behind it.
    Physical,
    /// Wi-Fi with a device behind it.
    Wireless,
    /// `lo`.
    Loopback,
    /// Several as one.
    Bond,
    /// A switch in the kernel.
    Bridge,
    /// Tagged frames of another one.
    Vlan,
    /// A WireGuard tunnel.
    Wireguard,
    /// Every other one without a device: veth, dummy, tun, …
    #[default]
    Virtual,
    /// Something with a device that is no Ethernet: InfiniBand, a modem, …
    Other,
}

impl NicKind {
    /// The word for tables, as JSON has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Wireless => "wireless",
            Self::Loopback => "loopback",
            Self::Bond => "bond",
            Self::Bridge => "bridge",
            Self::Vlan => "vlan",
            Self::Wireguard => "wireguard",
            Self::Virtual => "virtual",
            Self::Other => "other",
        }
    }
}

impl Nic {
    /// What Talos calls physical: Ethernet, wireless too, that no program made.
    pub const fn is_physical(&self) -> bool {
        matches!(self.kind, NicKind::Physical | NicKind::Wireless)
    }
}
