//! An address with the length of its network: `10.244.0.0/16`, `fd00::11/64`. Pure.
//!
//! Owns: reading it as Go's `netip.ParsePrefix` does (no leading zeros, no zone), its canonical form, and whether two
//! of them share an address. Formats: RFC 4632, RFC 4291, RFC 5952.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address and how many of its first bits are the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The family of an address.
pub const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// A text that is no address with a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no network such as 10.244.0.0/16 or fd00::/64")]
pub struct PrefixError;

impl Prefix {
    /// `None` if the family has fewer bits than `len`.
    pub const fn new(address: IpAddr, len: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if len > bits {
            return None;
        }
        Some(Self { address, len })
    }

    /// An address alone: all of its bits.
    pub const fn host(address: IpAddr) -> Self {
        let len = if address.is_ipv4() { 32 } else { 128 };
        Self { address, len }
    }

    /// The address as it was written, host bits included.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of the network.
    pub const fn bits(self) -> u8 {
        self.len
    }

    /// Whether it holds every address of its family.
    pub const fn is_everything(self) -> bool {
        self.len == 0
    }

    /// Bits behind the network's.
    pub const fn host_bits(self) -> u8 {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        bits - self.len
    }

    /// IPv4 or IPv6.
    pub const fn family(self) -> Family {
        family(self.address)
    }

    /// The same with all bits behind the network zero.
    pub fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(u32::from(self.host_bits()));
                IpAddr::V4((v4.to_bits() & mask.unwrap_or(0)).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(u32::from(self.host_bits()));
                IpAddr::V6((v6.to_bits() & mask.unwrap_or(0)).into())
            }
        };
        Self { address, ..self }
    }

    /// Whether no bit behind the network is set.
    pub fn is_canonical(self) -> bool {
        self.masked() == self
    }

    /// Whether `address` is in the network.
    pub fn contains(self, address: IpAddr) -> bool {
        let of_address = Self {
            address,
            len: self.len,
        };
        self.family() == family(address) && of_address.masked().address == self.masked().address
    }

    /// Whether an address is in both networks.
    pub fn overlaps(self, other: Self) -> bool {
        let wider = if self.len <= other.len { self } else { other };
        let narrower = if self.len <= other.len { other } else { self };
        wider.contains(narrower.address)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, len) = text.split_once('/').ok_or(PrefixError)?;
        let plain = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (len.len() > 1 && len.starts_with('0')) {
            return Err(PrefixError);
        }
        let address = address.parse().map_err(|_| PrefixError)?;
        let len = len.parse().map_err(|_| PrefixError)?;
        Self::new(address, len).ok_or(PrefixError)
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_is_read_as_go_reads_it() {
        for text in [
            "10.0.0.1/8",
            "0.0.0.0/0",
            "::/0",
            "fd00::1/128",
            "1.2.3.4/32",
        ] {
            assert_eq!(prefix(text).to_string(), text);
        }
        for text in [
            "10.0.0.1",
            "10.0.0.1/",
            "10.0.0.1/33",
            "::/129",
            "10.0.0.1/08",
            "10.0.0.1/+8",
            "010.0.0.1/8",
            "fe80::1%eth0/64",
            "10.0.0/8",
            "/8",
            "",
            "10.0.0.1/8/8",
            "10.0.0.1/999999999999",
        ] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_canonical_form_has_no_host_bits() {
        for (text, masked) in [
            ("10.244.3.9/16", "10.244.0.0/16"),
            ("10.244.3.9/32", "10.244.3.9/32"),
            ("10.244.3.9/0", "0.0.0.0/0"),
            ("fd47:25e1:2f96:51:2000::/64", "fd47:25e1:2f96:51::/64"),
            ("fd47::1/0", "::/0"),
        ] {
            assert_eq!(prefix(text).masked(), prefix(masked), "{text}");
            assert_eq!(prefix(text).is_canonical(), text == masked, "{text}");
        }
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        for (one, other, overlap) in [
            ("10.0.0.0/8", "10.244.0.0/16", true),
            ("10.244.0.0/16", "10.245.0.0/16", false),
            ("0.0.0.0/0", "::/0", false),
            ("0.0.0.0/0", "192.0.2.1/32", true),
            ("fd00::/64", "fd00::1/128", true),
            ("fd00::/64", "fd00:0:0:1::/64", false),
        ] {
            assert_eq!(
                prefix(one).overlaps(prefix(other)),
                overlap,
                "{one} {other}"
            );
            assert_eq!(
                prefix(other).overlaps(prefix(one)),
                overlap,
                "{other} {one}"
            );
        }
    }
}
