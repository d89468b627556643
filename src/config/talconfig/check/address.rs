//! Addresses, subnets and paths as Go's `net` reads them.

use std::net::IpAddr;

/// `net.ParseIP`: no zone, no leading zeros.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// `net.ParseCIDR`: the bits of the host may be set, and the length may have leading zeros.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let is_number = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.trim_start_matches('0');
    is_number
        && bits.len() <= 3
        && bits
            .parse()
            .map_or(bits.is_empty(), |bits: u16| bits <= most)
}

/// An address, or one with a length.
pub(super) fn is_ip_or_cidr(text: &str) -> bool {
    if text.contains('/') {
        is_cidr(text)
    } else {
        is_ip(text)
    }
}

/// A host and a port, as `net.SplitHostPort` takes them apart; the port may be any text.
pub(super) fn has_port(text: &str) -> bool {
    let Some((host, _)) = text.rsplit_once(':') else {
        return false;
    };
    let host = match host.strip_prefix('[') {
        Some(inner) => match inner.strip_suffix(']') {
            Some(inner) => inner,
            None => return false,
        },
        None if host.contains(':') => return false,
        None => host,
    };
    let rest = text.strip_prefix('[').unwrap_or(text);
    let brackets = rest.matches(['[', ']']).count();
    let is_bracketed = text.starts_with('[');
    brackets == usize::from(is_bracketed)
        && (!host.contains(':') || host.split('%').next().is_some_and(is_ip))
}

/// An absolute path without NUL.
pub(super) fn is_unix_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains('\0')
}

/// Letters, digits, `_` and `-` between dots, and one dot or `_` at the end.
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        (1..=63).contains(&label.len()) && !label.starts_with('-') && label.bytes().all(is_part)
    };
    let are_labels = |text: &str| text.split('.').all(is_label);
    let dots = text.matches('.').count();
    let shorter = text.strip_suffix(['.', '_']);
    text.len() - dots <= 255 && (are_labels(text) || shorter.is_some_and(are_labels))
}

/// Letters, digits and `-` between dots.
pub(super) fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let inner = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && inner && label.bytes().all(is_part)
    };
    (1..=255).contains(&text.len()) && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_takes_is_taken() {
        let yes = true;
        for (found, wanted) in [
            (is_ip("::ffff:1.2.3.4"), yes),
            (is_ip("1.2.3.04"), false),
            (is_ip("fe80::1%eth0"), false),
            (is_cidr("10.0.0.5/08"), yes),
            (is_cidr("10.0.0.0/33"), false),
            (is_cidr("fd00::/128"), yes),
            (is_cidr("10.0.0.0/"), false),
            (has_port("1.2.3.4:x"), yes),
            (has_port("[::1]:1"), yes),
            (has_port("::1:1"), false),
            (has_port("[x:y]:1"), false),
            (has_port("host"), false),
            (is_domain("a_b.c-."), yes),
            (is_domain("-a"), false),
            (is_domain("a..b"), false),
            (is_hostname("a-b.C"), yes),
            (is_hostname("a_b"), false),
            (is_unix_path("/"), yes),
            (is_unix_path("a"), false),
        ] {
            assert_eq!(found, wanted);
        }
    }
}
