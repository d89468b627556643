//! URLs in the parts that Go's `net/url` has, since a patch merges them part by part. Pure.
//!
//! Reads the common forms, `scheme://user@host:port/path?query#fragment` and what is left of it when parts are absent.

use std::fmt;

/// A URL in parts; absent parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: String,
    opaque: String,
    user: Option<String>,
    host: String,
    path: String,
    empty_query: bool,
    query: String,
    fragment: String,
}

impl Url {
    /// `None` for what Go refuses.
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().any(|c| c.is_ascii_control()) {
            return None;
        }
        let mut url = Self::default();
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        if !escapes_fit(fragment) {
            return None;
        }
        url.fragment = fragment.to_owned();
        let rest = url.take_scheme(rest)?;
        let rest = match rest.split_once('?') {
            Some((rest, query)) => {
                url.empty_query = query.is_empty();
                url.query = query.to_owned();
                rest
            }
            None => rest,
        };
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_owned();
                return Some(url);
            }
            if rest.split('/').next().unwrap_or_default().contains(':') {
                return None;
            }
        }
        let path = match rest.strip_prefix("//") {
            Some(rest) if !rest.starts_with('/') || !url.scheme.is_empty() => {
                let end = rest.find('/').unwrap_or(rest.len());
                url.take_authority(&rest[..end])?;
                &rest[end..]
            }
            _ => rest,
        };
        if !escapes_fit(path) {
            return None;
        }
        url.path = path.to_owned();
        Some(url)
    }

    /// Takes the scheme off; `None` if there is only a colon.
    fn take_scheme<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
        match end {
            Some(0) if text.starts_with(':') => None,
            Some(end) if text[end..].starts_with(':') => {
                if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    // A digit in front: no scheme, and then no colon may be in the first part.
                    return Some(text);
                }
                self.scheme = text[..end].to_ascii_lowercase();
                Some(&text[end + 1..])
            }
            _ => Some(text),
        }
    }

    fn take_authority(&mut self, text: &str) -> Option<()> {
        let host = match text.rsplit_once('@') {
            Some((user, host)) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
                if !user.chars().all(plain) || !escapes_fit(user) {
                    return None;
                }
                self.user = Some(user.to_owned());
                host
            }
            None => text,
        };
        let port = match host.strip_prefix('[') {
            Some(inside) => &inside[inside.find(']')? + 1..],
            None => host.find(':').map_or("", |at| &host[at..]),
        };
        let digits = port.strip_prefix(':').unwrap_or(port);
        let valid = port.is_empty() || port.starts_with(':');
        if !valid || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if host.chars().any(|c| " \"<>\\^`{|}%".contains(c)) {
            return None;
        }
        self.host = host.to_owned();
        Some(())
    }

    /// The scheme in small letters.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The port, as digits.
    pub fn port(&self) -> &str {
        self.host
            .get(self.host_end()..)
            .map_or("", |it| it.trim_start_matches(':'))
    }

    /// The host alone, without brackets.
    pub fn host_name(&self) -> &str {
        let name = self.host.get(..self.host_end()).unwrap_or_default();
        let inside = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        inside.unwrap_or(name)
    }

    /// Where the port begins, with its colon.
    fn host_end(&self) -> usize {
        let end = self.host.rfind(':').unwrap_or(self.host.len());
        let digits = self.host[end..].bytes().skip(1).all(|b| b.is_ascii_digit());
        if digits { end } else { self.host.len() }
    }

    /// What a patch makes of it: parts that are there win; `None` if both name a user, which Talos cannot merge.
    pub fn merged(mut self, patch: Self) -> Option<Self> {
        let take = |into: &mut String, from: String| {
            if !from.is_empty() {
                *into = from;
            }
        };
        if patch.user.is_some() {
            if self.user.is_some() {
                return None;
            }
            self.user = patch.user;
        }
        take(&mut self.scheme, patch.scheme);
        take(&mut self.opaque, patch.opaque);
        take(&mut self.host, patch.host);
        take(&mut self.path, patch.path);
        take(&mut self.query, patch.query);
        take(&mut self.fragment, patch.fragment);
        self.empty_query = patch.empty_query;
        Some(self)
    }
}

/// Whether every percent sign has two digits behind it.
fn escapes_fit(text: &str) -> bool {
    let hex = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit());
    text.split('%').skip(1).all(|part| {
        let mut chars = part.chars();
        hex(chars.next()) && hex(chars.next())
    })
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    f.write_str("//")?;
                }
                if let Some(user) = &self.user {
                    write!(f, "{user}@")?;
                }
                f.write_str(&self.host)?;
            }
            if !self.path.is_empty() && !self.path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            f.write_str(&self.path)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.empty_query || !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.fragment)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_they_were_read_and_wrong_ones_refused() {
        for (text, written) in [
            ("https://10.0.0.1:6443", Some("https://10.0.0.1:6443")),
            ("HTTPS://a.example/x?y#z", Some("https://a.example/x?y#z")),
            ("https://[fd00::1]:6443", Some("https://[fd00::1]:6443")),
            ("https://user@a.example", Some("https://user@a.example")),
            ("udp://10.0.0.1:514/", Some("udp://10.0.0.1:514/")),
            ("", Some("")),
            ("a.example", Some("a.example")),
            ("a.example:6443", Some("a.example:6443")),
            ("10.0.0.1:6443", None),
            ("https://a.example:port", None),
            ("https://[fd00::1", None),
            ("https://a b", None),
            ("://", None),
            ("/%zz", None),
        ] {
            let found = Url::parse(text).map(|url| url.to_string());
            assert_eq!(found.as_deref(), written, "{text}");
        }
    }

    #[test]
    fn a_patch_replaces_the_parts_that_it_has() {
        let url = |text: &str| Url::parse(text).unwrap();
        let merged = url("https://a.example:6443/x").merged(url("https://b.example"));
        assert_eq!(merged.unwrap().to_string(), "https://b.example/x");
        assert!(url("https://a@h").merged(url("https://b@h")).is_none());
    }
}
