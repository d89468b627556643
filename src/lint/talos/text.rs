//! Forms of text that Talos' validation knows beside those of its types: addresses, names, labels, keys, PEM.
//!
//! Pure. Spec: Go's `net`, `net/netip` and `encoding/pem`; Kubernetes' rules for labels as Talos' `labels` has them.

use std::net::IpAddr;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::view::{Out, View};

/// An address and its bits, read as Go's `net.ParseCIDR` does, which takes zeros in front of the bits.
pub(super) fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
    let bits: u8 = digits.then(|| bits.parse().ok()).flatten()?;
    (bits <= width(address)).then_some((address, bits))
}

/// The same, read as `netip.ParsePrefix` does.
pub(super) fn prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (_, bits) = text.split_once('/')?;
    let plain = bits == "0" || !bits.starts_with('0');
    cidr(text).filter(|_| plain)
}

/// Bits of an address.
pub(super) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The network without its host bits.
pub(super) fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// Whether one network holds the address of the other.
pub(super) fn overlap(one: (IpAddr, u8), other: (IpAddr, u8)) -> bool {
    let bits = one.1.min(other.1);
    one.0.is_ipv4() == other.0.is_ipv4() && masked(one.0, bits) == masked(other.0, bits)
}

/// Whether it is an address, perhaps with a zone.
pub(super) fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// Whether it is an address or a network, both without a zone.
pub(super) fn is_address_or_network(text: &str) -> bool {
    match text.contains('/') {
        true => cidr(text).is_some(),
        false => text.parse::<IpAddr>().is_ok(),
    }
}

/// Refuses every element that is no network or address, perhaps with an exclamation mark in front.
pub(super) fn filters(list: &View<'_>, out: &mut Out<'_>) {
    for item in list.items() {
        let text = item.text().strip_prefix('!').unwrap_or(item.text());
        let fits = prefix(text).is_some() || is_address(text);
        out.refuse_if(!fits, &item, "not an address or a network");
    }
}

/// Host and port, as Go's `net.SplitHostPort` has them.
pub(super) fn host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        return (!inside.contains(['[', ']']) && !port.contains(['[', ']']))
            .then_some((inside, port));
    }
    (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

/// Whether it is Base64 of so many bytes.
pub(super) fn is_key(text: &str, length: usize) -> bool {
    let packed: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect());
    let lax = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let bytes = lax.decode(packed.as_bytes()).map(Zeroizing::new);
    bytes.is_ok_and(|bytes| bytes.len() == length)
}

/// Whether it is a name in the DNS, as Talos wants the cluster's domain.
pub(super) fn is_dns_name(name: &str) -> bool {
    let points = name.bytes().filter(|b| *b == b'.').count();
    let trimmed = name.strip_suffix(['.', '_']).unwrap_or(name);
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let first = bytes.first().is_some_and(|c| word(*c));
        first && bytes.len() <= 63 && bytes.iter().all(|c| word(*c) || *c == b'-')
    };
    let all = |name: &str| name.split('.').all(part);
    !name.is_empty() && name.len() - points <= 255 && (all(name) || all(trimmed))
}

/// Whether it is a lower-case domain, as Kubernetes names things.
pub(super) fn is_subdomain(name: &str) -> bool {
    let part = |part: &str| {
        let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let bytes = part.as_bytes();
        let inner = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-';
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn is_qualified(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |c: &u8| c.is_ascii_alphanumeric() || b"-_.".contains(c);
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner) && bytes.len() <= 63
}

/// Whether it is the key of a label: a name, perhaps with a domain and a slash in front.
fn is_label(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_qualified(name),
        None => is_qualified(key),
    }
}

const LABEL: &str = "not the key of a label: a name of at most 63 letters, digits, - _ and ., perhaps after a domain and a slash";
const LABEL_VALUE: &str = "not the value of a label: at most 63 letters, digits, - _ and .";

/// Annotations that Talos keeps for itself.
const RESERVED: [&str; 3] = [
    "talos.dev/owned-annotations",
    "talos.dev/owned-labels",
    "talos.dev/owned-taints",
];

/// Bytes that all annotations may have together.
const MOST_ANNOTATIONS: usize = 256 << 10;

/// What a taint may do.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified(value)
}

/// Labels, annotations and taints of a node.
pub(super) fn of_node(labels: &View<'_>, notes: &View<'_>, taints: &View<'_>, out: &mut Out<'_>) {
    for (key, label) in labels.entries() {
        out.refuse_if(!is_label(key), &label, LABEL);
        out.refuse_if(!is_label_value(label.text()), &label, LABEL_VALUE);
    }
    let mut size = 0;
    for (key, note) in notes.entries() {
        out.refuse_if(!is_label(key), &note, LABEL);
        out.refuse_if(
            RESERVED.contains(&key),
            &note,
            "Talos keeps this annotation for itself",
        );
        size += key.len() + note.text().len();
    }
    out.refuse_if(size > MOST_ANNOTATIONS, notes, "more than 256 KiB");
    for (key, taint) in taints.entries() {
        let (value, effect) = taint.text().split_once(':').unwrap_or(("", taint.text()));
        if !is_label(key) {
            out.refuse(&taint, LABEL);
        } else if !EFFECTS.contains(&effect) {
            out.refuse(
                &taint,
                "its effect is not one of NoSchedule, PreferNoSchedule, NoExecute",
            );
        } else if !is_label_value(value) {
            out.refuse(&taint, LABEL_VALUE);
        }
    }
}

/// The types of the blocks of PEM in a text, whatever stands between them.
pub(super) fn pem_blocks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line
            .trim_end()
            .strip_prefix("-----BEGIN ")
            .and_then(|it| it.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let mut body = Zeroizing::new(String::new());
        for line in lines.by_ref() {
            if line.trim_end() == end {
                if is_base64(&body) {
                    found.push(kind);
                }
                break;
            }
            if !line.contains(':') {
                body.push_str(line.trim());
            }
        }
    }
    found
}

fn is_base64(text: &str) -> bool {
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(text.as_bytes()).map(Zeroizing::new).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_go_does_it() {
        for (text, loose, strict) in [
            ("10.0.0.1/8", true, true),
            ("10.0.0.1/08", true, false),
            ("10.0.0.1/0", true, true),
            ("10.0.0.1/33", false, false),
            ("10.0.0.1/", false, false),
            ("10.0.0.1/+8", false, false),
            ("fd00::/64", true, true),
            ("fd00::%eth0/64", false, false),
            ("10.0.0.01/8", false, false),
        ] {
            assert_eq!(cidr(text).is_some(), loose, "{text}");
            assert_eq!(prefix(text).is_some(), strict, "{text}");
        }
    }

    #[test]
    fn names_follow_the_rules_of_dns_and_kubernetes() {
        for (name, dns, subdomain, label) in [
            ("cluster.local", true, true, true),
            ("Cluster.local.", true, false, false),
            ("-a", false, false, false),
            ("a_b", true, false, true),
            ("a..b", false, false, true),
            ("", false, false, false),
            ("a/b", false, false, true),
            ("A/b", false, false, false),
            ("a/", false, false, false),
        ] {
            assert_eq!(is_dns_name(name), dns, "{name}");
            assert_eq!(is_subdomain(name), subdomain, "{name}");
            assert_eq!(is_label(name), label, "{name}");
        }
    }

    #[test]
    fn a_host_with_colons_needs_brackets() {
        for (text, host) in [
            ("a:1", Some("a")),
            ("[fd00::1]:1", Some("fd00::1")),
            ("fd00::1:1", None),
            ("a", None),
            (":", Some("")),
        ] {
            assert_eq!(host_port(text).map(|it| it.0), host, "{text}");
        }
    }
}
