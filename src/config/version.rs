//! Which Talos a configuration installs, told from the tag of its installer image.

use super::spec::Spec;

/// Major and minor version of Talos in the tag of the installer image: `v1.10.5` gives `(1, 10)`.
/// `None` if no image is named, or its tag is no version.
pub fn talos_version(spec: &Spec) -> Option<(u32, u32)> {
    let image = spec.install.as_ref()?.image.as_deref()?;
    let unpinned = image.split_once('@').map_or(image, |(name, _)| name);
    let (_, tagged) = unpinned.rsplit_once('/').unwrap_or(("", unpinned));
    let (_, tag) = tagged.split_once(':')?;
    let mut parts = tag.strip_prefix('v').unwrap_or(tag).splitn(3, '.');
    let major = number(parts.next()?)?;
    let minor = parts.next()?;
    // `v1.14-beta` has its qualifier here, `v1.14.0-beta.1` in the part that does not matter.
    let minor = minor.split(['-', '+']).next().unwrap_or(minor);
    Some((major, number(minor)?))
}

fn number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Install, InstallTarget, Location};
    use super::*;

    #[test]
    fn the_tag_of_the_installer_tells_the_version() {
        for (image, version) in [
            (
                "factory.talos.dev/metal-installer/376567:v1.10.5",
                Some((1, 10)),
            ),
            ("ghcr.io/siderolabs/installer:v1.14.0-beta.1", Some((1, 14))),
            ("localhost:5000/installer:1.13", Some((1, 13))),
            ("installer:v1.12.0@sha256:00", Some((1, 12))),
            ("localhost:5000/installer", None),
            ("installer:latest", None),
            ("installer:v1", None),
            ("installer:v1.x", None),
            ("installer:v+1.2", None),
            ("", None),
        ] {
            let spec = Spec {
                install: Some(Install {
                    at: Location::default(),
                    target: InstallTarget::Unnamed,
                    wipe: false,
                    wipe_explicit: false,
                    image: Some(image.to_owned()),
                    legacy_bios: false,
                }),
                ..Spec::default()
            };
            assert_eq!(talos_version(&spec), version, "{image}");
        }
        assert_eq!(talos_version(&Spec::default()), None);
    }
}
