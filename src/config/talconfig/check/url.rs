//! URLs of endpoints, as Go's `net/url` takes them apart, and what siderolabs' `ValidateEndpointURI` wants of them.

use std::net::IpAddr;

/// Why a text is no endpoint; `None` if it is one.
pub(super) fn endpoint(text: &str) -> Option<&'static str> {
    let host = match host(text) {
        Ok(host) => host,
        Err(why) => return Some(why),
    };
    let port_at = host.rfind(':').filter(|at| is_optional_port(&host[*at..]));
    let (name, port) = match port_at {
        Some(at) => (&host[..at], &host[at + 1..]),
        None => (host.as_str(), ""),
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    if host.matches(':').count() > 2 && !(host.contains('[') && host.contains(']')) {
        return Some("an IPv6 address needs brackets");
    }
    if bare.unwrap_or(name).is_empty() {
        return Some("there is no host in it: it must look like https://10.0.0.1:6443");
    }
    let port_fits = port.is_empty()
        || port
            .parse()
            .is_ok_and(|port: u32| (1..=65535).contains(&port));
    (!port_fits).then_some("its port must be between 1 and 65535")
}

/// The name or address of an endpoint, without its port and its brackets; empty if it has none.
pub(crate) fn hostname(text: &str) -> String {
    let host = host(text).unwrap_or_default();
    let port_at = host.rfind(':').filter(|at| is_optional_port(&host[*at..]));
    let name = port_at.map_or(host.as_str(), |at| &host[..at]);
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name).to_owned()
}

/// The part between the slashes, unescaped.
fn host(text: &str) -> Result<String, &'static str> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err("there is a control character in it");
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = scheme(text)?;
    let rest = rest.split('?').next().unwrap_or("");
    if !rest.starts_with('/') {
        let segment = rest.split('/').next().unwrap_or("");
        if scheme.is_empty() && segment.contains(':') {
            return Err("it has a colon and no scheme before it");
        }
        return escapes(rest, scheme.is_empty()).map(|()| String::new());
    }
    let authority = rest
        .strip_prefix("//")
        .filter(|_| !scheme.is_empty() || !rest.starts_with("///"));
    let (authority, path) = match authority {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    escapes(path, true)?;
    escapes(fragment, true)?;
    let (user, host) = authority
        .rsplit_once('@')
        .map_or((None, authority), |(u, h)| (Some(u), h));
    if let Some(user) = user {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !user.chars().all(is_allowed) {
            return Err("there is a character in its user that cannot be there");
        }
        escapes(user, true)?;
    }
    parse_host(host, &scheme.to_ascii_lowercase())
}

fn scheme(text: &str) -> Result<(&str, &str), &'static str> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("there is no scheme before its colon"),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// Every `%` stands before two hexadecimal digits.
fn escapes(text: &str, checked: bool) -> Result<(), &'static str> {
    let is_escape = |part: &str| {
        let digits = part.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if checked && !text.split('%').skip(1).all(is_escape) {
        return Err("there is a `%` in it without two digits after it");
    }
    Ok(())
}

fn parse_host(host: &str, scheme: &str) -> Result<String, &'static str> {
    const PORT: &str = "what follows its host is no port";
    match (host.rfind('['), host.find(':')) {
        (Some(0), _) => {
            let end = host.rfind(']').ok_or("there is no `]` after its host")?;
            let (inner, port) = (&host[1..end], &host[end + 1..]);
            if !is_optional_port(port) {
                return Err(PORT);
            }
            let (address, zone) = match inner.find("%25") {
                Some(at) => (&inner[..at], Some(unescape(&inner[at..], true)?)),
                None => (inner, None),
            };
            let address = unescape(address, false)?;
            let is_zoned = zone.as_ref().is_none_or(|zone| zone.len() > 1);
            if !is_zoned || !matches!(address.parse(), Ok(IpAddr::V6(_))) {
                return Err("there is no IPv6 address in its brackets");
            }
            return Ok(format!("[{address}{}]{port}", zone.unwrap_or_default()));
        }
        (Some(_), _) => return Err("there is a bracket in its host"),
        (None, Some(first)) => {
            // Names with several ports are an old habit of databases, and Go lets schemes other than these two have it.
            let at = match scheme {
                "http" | "https" => first,
                _ => host.rfind(':').unwrap_or(first),
            };
            if !is_optional_port(&host[at..]) {
                return Err(PORT);
            }
        }
        (None, None) => {}
    }
    unescape(host, false)
}

fn is_optional_port(text: &str) -> bool {
    let digits = text.strip_prefix(':');
    text.is_empty() || digits.is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

/// Replaces escapes; in a host only those of bytes that are no ASCII may stand, in a zone a few more.
fn unescape(text: &str, zone: bool) -> Result<String, &'static str> {
    const WRONG: &str = "there is a character in its host that cannot be there";
    escapes(text, true)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = text.get(text.len() - after.len()..text.len() - after.len() + 2);
            let byte = digits
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or(WRONG)?;
            let allowed =
                !byte.is_ascii() || (zone && (byte == b'%' || byte == b' ' || is_host_byte(byte)));
            if !allowed {
                return Err(WRONG);
            }
            bytes.push(byte);
            rest = after.get(2..).unwrap_or(&[]);
        } else if first.is_ascii() && !is_host_byte(*first) {
            return Err(WRONG);
        } else {
            bytes.push(*first);
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_have_a_host_and_maybe_a_port() {
        for (text, wanted) in [
            ("https://10.0.0.1:6443", true),
            ("https://[fd00::1]:6443/path?q#f", true),
            ("https://user:pw@host", true),
            ("//host", true),
            ("https://host:", true),
            ("10.0.0.1:6443", false),
            ("host", false),
            ("", false),
            ("https://", false),
            ("https:///x", false),
            ("https://host:0", false),
            ("https://host:65536", false),
            ("https://host:1x", false),
            ("https://fd00::1:6443", false),
            ("https://[fd00::1", false),
            ("https://[10.0.0.1]", false),
            ("https://ho st", false),
            ("https://host/%zz", false),
            ("mailto:a@b", false),
            ("https://host\n", false),
        ] {
            assert_eq!(endpoint(text).is_none(), wanted, "{text}");
        }
    }
}
