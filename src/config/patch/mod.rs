//! Talos' configuration patches, applied to a machine configuration as Talos applies them.
//!
//! ```text
//! text ─documents─▶ MachineConfig          text ─load─▶ Patch ─┬─ Strategic: delete, merge
//!        (tree, schema)                                        └─ Json: json6902
//! ```
//! Pure: reading files is the caller's work. Mirrors `config/configpatcher`, `config/merge` and
//! `config/configloader` of Talos' `pkg/machinery` at the release that `super::schema` names: what it refuses at load
//! is refused, and what it accepts comes out the same. It does not validate; a result may still be no valid
//! configuration. Values never reach a message.
//!
//! Known differences, none of which a configuration in use should meet:
//!
//! | what | here | Talos | why |
//! |---|---|---|---|
//! | `<<` with a mapping where the keys are known | merged | refused as an unknown key | all of keelblock reads YAML so |
//! | a key without quotes that is a number or boolean, in a blob of any keys | its text | crash | Talos cannot copy it |
//! | `.inf`, `.nan` in such a blob | refused | taken | a value has no such number |
//! | a date without quotes in a JSON patch | refused | a point in time | nothing in a configuration is one |
//! | `test` of a JSON patch against text with `<`, `>` or `&` | compares the text | compares escapes, and fails for JSON | the text is what is meant |
//! | `test` of a JSON patch in YAML for null where nothing is | holds | fails; holds in JSON | null is nothing in both |
//! | `failOverMac: 1` of a bond | refused | the second word | left over from older releases |
//! | a `NetworkRuleConfig` without `portSelector.protocol` | taken | written, and then not read again | nothing is to be read again here |

mod delete;
mod deprecated;
mod documents;
mod error;
mod json6902;
mod load;
mod merge;
mod strategic;

pub use deprecated::Deprecated;
pub use documents::MachineConfig;
pub use error::{DeleteError, LoadError, MergeError, OperationError, PatchError};
pub use load::Patch;

pub(crate) use load::refusal;

pub use super::problem::{Problem, Wrong};

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    const CONFIG: &str =
        "machine:\n  type: worker\n  token: hidden-token\n  certSANs: [a]\n  sysctls: {a.b: '1'}\n";

    fn patched(config: &str, patch: &str) -> Result<String, PatchError> {
        let config = MachineConfig::read(config).unwrap();
        let patch = Patch::load("patches[2]", patch)?;
        Ok(config.apply(&[patch])?.to_text())
    }

    fn refusal(config: &str, patch: &str) -> String {
        let error = patched(config, patch).unwrap_err();
        let cause = error.source().map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    }

    #[test]
    fn documents_merge_and_operations_apply() {
        let strategic = "machine:\n  certSANs: [b]\n  sysctls: {a.b: '2', c.d: '3'}\n";
        let text = patched(CONFIG, strategic).unwrap();
        assert!(text.contains("certSANs:\n    - a\n    - b\n"), "{text}");
        assert!(text.contains("a.b: '2'\n    c.d: '3'\n"), "{text}");
        let json = r#"[{"op": "replace", "path": "/machine/certSANs/-1", "value": "b"}]"#;
        let text = patched(CONFIG, json).unwrap();
        assert!(text.contains("certSANs:\n    - b\n"), "{text}");
        let text = patched(CONFIG, "machine: {sysctls: {$patch: delete}}").unwrap();
        assert!(!text.contains("sysctls"), "{text}");
    }

    #[test]
    fn refusals_name_the_patch_the_place_and_the_way_out_but_no_value() {
        let two = format!("{CONFIG}---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: a\n");
        let json = r#"[{"op": "test", "path": "/machine/token", "value": "hidden-other"}]"#;
        for (config, patch, words) in [
            (
                CONFIG,
                "machine: {userVolumes: []}",
                "machine.userVolumes: Talos does not have this key",
            ),
            (CONFIG, "machine: {sysctl: {}}", "did you mean sysctls?"),
            (
                CONFIG,
                "machine: {token: [hidden-other]}",
                "machine.token: a list where text must stand",
            ),
            (
                CONFIG,
                "machine: {certSANs: {$patch: delete}, udev: {rules: {$patch: delete}}}",
                "machine.udev.rules in v1alpha1: lookup failed",
            ),
            (
                CONFIG,
                "kind: NoSuchConfig\napiVersion: v1alpha1",
                "unknown kind NoSuchConfig",
            ),
            (
                CONFIG,
                json,
                "operation 0 (test /machine/token): the test failed",
            ),
            (CONFIG, "[{", "is no JSON patch: line 1"),
            (
                &two,
                json,
                "JSON6902 patches are not supported for multi-document machine configuration, and this one has 2",
            ),
        ] {
            let said = refusal(config, patch);
            assert!(
                said.contains(words) && said.contains("patches[2]"),
                "{said}"
            );
            assert!(!said.contains("hidden-"), "{said}");
        }
    }

    #[test]
    fn deprecated_keys_are_named_with_what_replaces_them() {
        let config = MachineConfig::read(CONFIG).unwrap();
        let found = config.deprecated();
        let found: Vec<_> = found.iter().map(|it| (&*it.path, it.instead)).collect();
        assert_eq!(found, [("machine.sysctls", "Use 'SysctlConfig' instead.")]);
        assert!(!format!("{config:?}").contains("hidden-"));
    }
}
