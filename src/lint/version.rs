//! Which release of Talos has which kind of document.
//!
//! Pure data, and only what is certain: a kind that is not listed is taken for there.

use super::unit::Version;
use crate::config::schema::Schema;

/// Kinds that Talos 1.10 has; it has no others.
const IN_1_10: [&str; 13] = [
    "EthernetConfig",
    "EventSinkConfig",
    "ExtensionServiceConfig",
    "KmsgLogConfig",
    "KubeSpanEndpointsConfig",
    "NetworkDefaultActionConfig",
    "NetworkRuleConfig",
    "PCIDriverRebindConfig",
    "SideroLinkConfig",
    "TrustedRootsConfig",
    "UserVolumeConfig",
    "VolumeConfig",
    "WatchdogTimerConfig",
];

/// Kinds that came with Talos 1.14, beside those of Kubernetes.
const FROM_1_14: [&str; 6] = [
    "EtcFileConfig",
    "KernelModuleConfig",
    "SysctlConfig",
    "SysfsConfig",
    "UdevRulesConfig",
    "UnattendedInstallConfig",
];

/// The release that the kind came with; the earliest that it can be, and `None` for any.
pub(super) fn since(kind: &str) -> Option<Version> {
    let kubernetes = kind.starts_with("Kube") && !kind.starts_with("KubeSpan");
    if FROM_1_14.contains(&kind) || kubernetes {
        return Some((1, 14));
    }
    (!IN_1_10.contains(&kind) && Schema::get().document(kind).is_some()).then_some((1, 11))
}

/// The release that the types are of.
pub(super) fn newest() -> Version {
    parse(Schema::get().release).unwrap_or((1, 14))
}

/// Major and minor of `v1.10.5`, `1.10` and the like.
pub(super) fn parse(text: &str) -> Option<Version> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).splitn(3, '.');
    let mut number = || {
        let digits = parts.next()?;
        let digits = digits.split(['-', '+']).next()?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some((number()?, number()?))
}

/// `v1.10`.
pub(super) fn shown((major, minor): Version) -> String {
    format!("v{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_kind_is_one_that_talos_has() {
        for kind in IN_1_10.iter().chain(&FROM_1_14) {
            assert!(Schema::get().document(kind).is_some(), "{kind}");
        }
        assert_eq!(since("SysctlConfig"), Some((1, 14)));
        assert_eq!(since("KubeletConfig"), Some((1, 14)));
        assert_eq!(since("KubeSpanEndpointsConfig"), None);
        assert_eq!(since("RawVolumeConfig"), Some((1, 11)));
        assert_eq!(since("v1"), None);
        assert_eq!(parse("v1.14.0-beta.1"), Some((1, 14)));
        assert_eq!(parse("1"), None);
        assert_eq!(newest(), (1, 14));
    }
}
