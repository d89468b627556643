//! Stand-ins for addresses of network interfaces. Pure.
//!
//! Addresses that thousands of sites have (private, link-local by IPv4, loopback) stay: they identify nothing, and what
//! is wrong with a network shows by them. Others stay in their family and scope, and two addresses of one network stay
//! in one: network and host part are drawn apart, the network's first 16 bits (`fd47`, `fe80`, `2001`) are kept, IPv4
//! goes into the range for measurements (RFC 2544). Unlike stand-ins of serials, two IPv4 addresses may come to share one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::stand_in::StandIns;
use crate::network::prefix::Prefix;

/// First 16 bits of an IPv6 address: its scope, and who gave it.
const SCOPE: u128 = 0xffff << 112;
/// Where a subnet ends and the host part begins, whatever the length that is configured.
const SUBNET_LEN: u8 = 64;
/// Of IPv4.
const SUBNET_LEN_V4: u8 = 24;

/// The stand-in of `prefix`, with its length.
pub(super) fn stand_in(prefix: Prefix, stand_ins: &StandIns<'_>) -> Prefix {
    let address = match prefix.address() {
        IpAddr::V4(v4) if is_public_v4(v4) => v4_stand_in(v4, stand_ins).into(),
        IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unspecified() => {
            v6_stand_in(v6, stand_ins).into()
        }
        other => other,
    };
    Prefix::new(address, prefix.bits()).unwrap_or(prefix)
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified())
}

fn subnet(address: IpAddr, len: u8) -> String {
    Prefix::new(address, len).map_or_else(String::new, |prefix| prefix.masked().to_string())
}

fn v4_stand_in(v4: Ipv4Addr, stand_ins: &StandIns<'_>) -> Ipv4Addr {
    let [second, third] = stand_ins.bytes(&subnet(v4.into(), SUBNET_LEN_V4));
    let [last] = stand_ins.bytes(&v4.to_string());
    // Neither the network's own address nor its broadcast.
    Ipv4Addr::new(198, 18 + second % 2, third, 1 + last % 254)
}

fn v6_stand_in(v6: Ipv6Addr, stand_ins: &StandIns<'_>) -> Ipv6Addr {
    let network = u128::from_be_bytes(stand_ins.bytes(&subnet(v6.into(), SUBNET_LEN)));
    let host = u128::from_be_bytes(stand_ins.bytes(&v6.to_string()));
    let hosts = u128::MAX >> SUBNET_LEN;
    let network = if v6.is_unicast_link_local() {
        v6.to_bits() & !hosts
    } else {
        (v6.to_bits() & SCOPE) | (network & !SCOPE & !hosts)
    };
    Ipv6Addr::from_bits(network | (host & hosts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn redacted(text: &str) -> Prefix {
        let key = Secret::new(vec![7; 32]);
        stand_in(text.parse().unwrap(), &StandIns::new(&key, 0))
    }

    #[test]
    fn addresses_that_everybody_has_stay() {
        for text in [
            "10.1.2.3/8",
            "172.29.51.11/24",
            "192.168.0.9/24",
            "127.0.0.1/8",
            "169.254.1.1/16",
            "::1/128",
        ] {
            assert_eq!(redacted(text).to_string(), text);
        }
    }

    #[test]
    fn what_identifies_is_drawn_anew_in_its_scope() {
        for text in [
            "fe80::211:22ff:fe33:4455/64",
            "fd47:25e1:2f96:51::11/64",
            "2001:db8:1::7/128",
        ] {
            let (old, new): (Prefix, Prefix) = (text.parse().unwrap(), redacted(text));
            let (IpAddr::V6(old_v6), IpAddr::V6(new_v6)) = (old.address(), new.address()) else {
                panic!("{new}");
            };
            assert_eq!(old_v6.segments()[0], new_v6.segments()[0]);
            assert_eq!(old.bits(), new.bits());
            assert_ne!(old_v6.segments()[4..], new_v6.segments()[4..]);
        }
        let link_local = redacted("fe80::211:22ff:fe33:4455/64");
        assert_eq!(link_local.masked(), "fe80::/64".parse().unwrap());
        let public = redacted("203.0.113.7/24").to_string();
        assert!(
            public.starts_with("198.18.") || public.starts_with("198.19."),
            "{public}"
        );
    }

    #[test]
    fn neighbours_stay_neighbours() {
        for (one, two) in [
            ("fd47:25e1:2f96:51::11/64", "fd47:25e1:2f96:51::12/64"),
            ("203.0.113.7/24", "203.0.113.8/24"),
        ] {
            assert_eq!(redacted(one).masked(), redacted(two).masked());
            assert_ne!(redacted(one), redacted(two));
        }
        let (one, two) = (
            redacted("fd47:25e1:2f96:51::11/64"),
            redacted("fd47:25e1:2f96:52::11/64"),
        );
        assert_ne!(one.masked(), two.masked());
    }
}
