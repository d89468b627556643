//! Texts that Talos reads with code of its own: addresses, networks, URLs, sizes, Base64.
//!
//! Pure. Each is brought into the form that Talos would write, so that equal values are equal texts. The forms are
//! those of Go's `net/netip`, `net/url`, `encoding/hex` and `encoding/base64`, and of go-humanize.

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;

use super::Form;
use crate::config::size::{MATCHER, parse_go_bytes, parse_matcher, parse_max};

/// A form of which nothing fits.
const OTHER: &str = "another form";

/// The text as Talos would write it; the words for what is allowed if it is none.
pub(crate) fn canonical(form: Form, text: &str) -> Result<String, &'static str> {
    let kept = || text.to_owned();
    match form {
        Form::Address { .. } => or_empty(text, address).ok_or("an IP address"),
        Form::Prefix { .. } => or_empty(text, prefix).ok_or("an IP network such as 10.0.0.0/8"),
        Form::AddressPort { .. } => {
            or_empty(text, address_port).ok_or("an IP address and a port such as 10.0.0.1:51820")
        }
        Form::Hardware => hardware(text).ok_or("a hardware address such as 52:54:00:12:34:56"),
        Form::Expression => Ok(kept()),
        Form::ByteSize | Form::Size if text.is_empty() => Ok(kept()),
        Form::ByteSize => byte_size(text)
            .map(|()| kept())
            .ok_or("a size such as 10GiB"),
        Form::Size => size(text)
            .map(|()| kept())
            .ok_or("a size such as 10GiB or 80%"),
        Form::Url | Form::Endpoint => {
            let url = super::url::Url::parse(text).ok_or("a URL")?;
            Ok(url.to_string())
        }
        Form::DiskSize => parse_go_bytes(text)
            .map(|bytes| bytes.get().to_string())
            .map_err(|_| "a size such as 10GiB"),
        Form::SizeMatcher => {
            let condition = text.trim();
            parse_matcher(condition).map_err(|_| MATCHER)?;
            Ok(condition.to_owned())
        }
        Form::Base64 => base64(text).ok_or("Base64"),
        Form::PortRange => ports(text).ok_or("a port, or two with a dash"),
        Form::ArgValue => Ok(kept()),
        Form::CertificateAndKey | Form::Certificate | Form::Key => Err(OTHER),
    }
}

fn or_empty(text: &str, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    read(text)
}

fn address(text: &str) -> Option<String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let parsed: IpAddr = address.parse().ok()?;
    match (parsed, zone) {
        (IpAddr::V6(v6), Some(zone)) if !zone.is_empty() => Some(format!("{v6}%{zone}")),
        (_, Some(_)) => None,
        (parsed, None) => Some(parsed.to_string()),
    }
}

fn prefix(text: &str) -> Option<String> {
    let (address, bits) = text.rsplit_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let count = number(bits)?;
    let plain = bits == "0" || !bits.starts_with('0');
    (plain && count <= most).then(|| format!("{address}/{count}"))
}

fn address_port(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let port = u16::try_from(number(port)?).ok()?;
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let canonical = address(bare.unwrap_or(host))?;
    if canonical.contains(':') != bare.is_some() {
        return None;
    }
    Some(match bare {
        Some(_) => format!("[{canonical}]:{port}"),
        None => format!("{canonical}:{port}"),
    })
}

fn hardware(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let fits = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !fits {
        return None;
    }
    let mut written = String::new();
    for (i, digit) in digits.to_ascii_lowercase().chars().enumerate() {
        if i > 0 && i % 2 == 0 {
            written.push(':');
        }
        written.push(digit);
    }
    Some(written)
}

fn byte_size(text: &str) -> Option<()> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    parse_go_bytes(unsigned).ok().map(drop)
}

fn size(text: &str) -> Option<()> {
    if text.contains('%') {
        return parse_max(text).ok().map(drop);
    }
    byte_size(text)
}

fn ports(text: &str) -> Option<String> {
    let port = |digits: &str| number(digits).and_then(|n| u16::try_from(n).ok());
    let (low, high) = text.split_once('-')?;
    let (low, high) = (port(low)?, port(high)?);
    if low == high {
        return Some(low.to_string());
    }
    let mut written = String::new();
    write!(written, "{low}-{high}").ok()?;
    Some(written)
}

/// Digits alone, without a sign.
fn number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Line breaks do not count, as for Go.
pub(crate) fn base64(text: &str) -> Option<String> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let engine = base64::engine::general_purpose::STANDARD;
    let lax = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let bytes = zeroize::Zeroizing::new(lax.decode(packed.as_bytes()).ok()?);
    Some(engine.encode(bytes.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_brought_into_the_form_that_talos_writes() {
        let address = Form::Address { merges: true };
        let prefix = Form::Prefix { merges: true };
        let port = Form::AddressPort { merges: true };
        for (form, text, written) in [
            (address, "fd00:0:0::1", Some("fd00::1")),
            (address, "fe80::1%eth0", Some("fe80::1%eth0")),
            (address, "10.0.0.1%eth0", None),
            (address, "10.0.0.01", None),
            (address, "", Some("")),
            (prefix, "10.1.2.3/8", Some("10.1.2.3/8")),
            (prefix, "10.0.0.0/33", None),
            (prefix, "10.0.0.0/08", None),
            (prefix, "10.0.0.0", None),
            (port, "10.0.0.1:51820", Some("10.0.0.1:51820")),
            (port, "[fd00::0:1]:1", Some("[fd00::1]:1")),
            (port, "fd00::1:1", None),
            (port, "10.0.0.1:65536", None),
            (
                Form::Hardware,
                "52:54:00:AB:cd:ef",
                Some("52:54:00:ab:cd:ef"),
            ),
            (Form::Hardware, "525400abcdef", Some("52:54:00:ab:cd:ef")),
            (Form::Hardware, "52-54", None),
            (Form::Size, "80%", Some("80%")),
            (Form::Size, "101%", None),
            (Form::Size, "-10GiB", Some("-10GiB")),
            (Form::ByteSize, "80%", None),
            (Form::ByteSize, "10 GiB", Some("10 GiB")),
            (Form::DiskSize, "1GiB", Some("1073741824")),
            (Form::SizeMatcher, " >= 1TB ", Some(">= 1TB")),
            (Form::SizeMatcher, "large", None),
            (Form::Base64, "aGVsbG8=", Some("aGVsbG8=")),
            (Form::Base64, "aGVs\nbG8=", Some("aGVsbG8=")),
            (Form::Base64, "a", None),
            (Form::PortRange, "80-443", Some("80-443")),
            (Form::PortRange, "80-80", Some("80")),
            (Form::PortRange, "80-65536", None),
        ] {
            let found = canonical(form, text).ok();
            assert_eq!(found.as_deref(), written, "{form:?} {text}");
        }
    }
}
