//! Which release of Talos a configuration is made for, and what that changes in it.
//!
//! Pure. Spec: Talos' `pkg/machinery/config/contract.go`. Releases before 1.8 are taken like 1.8's nearest rules say.

use std::fmt;

/// A minor release of Talos 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contract(u32);

impl Contract {
    /// The contract of a version such as `v1.13.9` or `1.14.0-beta.1`; `None` if it is no version of Talos 1.
    pub fn of(version: &str) -> Option<Self> {
        let rest = version.strip_prefix('v').unwrap_or(version);
        let rest = rest.strip_prefix("1.")?;
        let minor = rest.split(['.', '-', '+']).next()?;
        let digits = !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| minor.parse().ok()).flatten().map(Self)
    }

    /// Whether it is 1.`minor` or newer.
    pub const fn from(self, minor: u32) -> bool {
        self.0 >= minor
    }

    /// Names, resolvers and links are documents of their own.
    pub const fn has_network_documents(self) -> bool {
        self.from(12)
    }

    /// Everything about Kubernetes is in documents of its own, and so are sysctls, discovery and the host's DNS.
    pub const fn has_kubernetes_documents(self) -> bool {
        self.from(14)
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_release_is_what_counts() {
        for (version, contract) in [
            ("v1.13.9", Some(13)),
            ("1.14.0-beta.1", Some(14)),
            ("v1.14-alpha", Some(14)),
            ("v1.8", Some(8)),
            ("v2.0.0", None),
            ("v1.", None),
            ("v1.x.0", None),
            ("v1.+3", None),
            ("", None),
        ] {
            assert_eq!(Contract::of(version), contract.map(Contract), "{version}");
        }
        let old = Contract(11);
        assert!(!old.has_network_documents() && !old.has_kubernetes_documents());
        assert!(Contract(14).has_network_documents() && Contract(14).has_kubernetes_documents());
    }
}
