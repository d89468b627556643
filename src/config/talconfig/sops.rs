//! Whether a file is still encrypted with SOPS, told from its metadata as SOPS tells it.
//!
//! Pure. Files of YAML come decrypted out of [`super::Files`]; one that is encrypted here is in another format, and is
//! refused with its name, never taken for its content. talhelper
//! reads files in the format of their names first, so text that does not fit its name is refused as well.
//! Spec: <https://github.com/getsops/sops/tree/v3.13.3/stores>.

use std::rc::Rc;

use thiserror::Error;

use crate::config::node::{Node, Value};
use crate::config::yaml::{self, FaultKind};

use super::reencode::reencode;

/// Why a file cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SopsError {
    /// It has SOPS metadata.
    #[error(
        "it is encrypted with SOPS in a format that keelblock does not decrypt; YAML is one that it does"
    )]
    Encrypted,
    /// It is not what its name says.
    #[error("it is not {0}, which talhelper takes it for by its name")]
    Format(&'static str),
    /// `sops` is something else than metadata.
    #[error("its `sops` is not a mapping, so talhelper cannot tell whether it is encrypted")]
    Metadata,
}

/// Whether the name of its section stands anywhere: what is without it needs no closer look.
pub(crate) fn is_named(text: &str) -> bool {
    let mut words = text.as_bytes().windows(4);
    words.any(|word| word.eq_ignore_ascii_case(b"sops"))
}

/// Whether `text` is a mapping without metadata, as talenv files, secrets and patches are looked at.
///
/// # Errors
/// [`SopsError`].
pub(crate) fn check_mapping(text: &str) -> Result<(), SopsError> {
    if text.is_empty() {
        return Ok(());
    }
    let stream = yaml::read(text, 0);
    let Some(root) = stream.documents.first() else {
        return match stream.fault.map(|fault| fault.kind) {
            // This reader takes a repeated key, and the last one counts.
            Some(FaultKind::DuplicateKey(..)) if reencode(text).is_err() => {
                Err(SopsError::Format("YAML"))
            }
            Some(FaultKind::DuplicateKey(..)) => {
                let metadata = |line: &str| line.starts_with("sops:") && line.trim() != "sops: {}";
                refuse_if(text.lines().any(metadata))
            }
            Some(_) => Err(SopsError::Format("YAML")),
            None => Ok(()),
        };
    };
    match &root.value {
        Value::Map(entries) => {
            let mut named = entries
                .iter()
                .filter(|entry| entry.key.eq_ignore_ascii_case("sops"));
            named.try_for_each(|entry| metadata(&entry.value))
        }
        _ if root.is_null() => Ok(()),
        _ => Err(SopsError::Format("a mapping of YAML")),
    }
}

fn metadata(value: &Node) -> Result<(), SopsError> {
    match &value.value {
        Value::Map(entries) if entries.is_empty() => Ok(()),
        Value::Map(_) => Err(SopsError::Encrypted),
        _ if value.is_null() => Ok(()),
        _ => Err(SopsError::Metadata),
    }
}

/// Whether `text` fits its name and has no metadata, as contents for the machine are looked at.
///
/// # Errors
/// [`SopsError`].
pub(crate) fn check_content(path: &str, text: &str) -> Result<(), SopsError> {
    let has_end = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    if has_end(&[".yaml", ".yml"]) {
        return check_yaml(text);
    }
    if has_end(&[".env"]) {
        return check_env(text);
    }
    if has_end(&[".ini"]) {
        return refuse_if(has_line(text, "[sops]"));
    }
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    match json {
        Some(serde_json::Value::Object(fields)) => refuse_if(fields.contains_key("sops")),
        _ if has_end(&[".json"]) => Err(SopsError::Format("an object of JSON")),
        _ => Ok(()),
    }
}

fn refuse_if(encrypted: bool) -> Result<(), SopsError> {
    if encrypted {
        Err(SopsError::Encrypted)
    } else {
        Ok(())
    }
}

fn check_yaml(text: &str) -> Result<(), SopsError> {
    let stream = yaml::read(text, 0);
    if stream.fault.is_some() {
        return Err(SopsError::Format("YAML"));
    }
    let is_mapping = |root: &Rc<Node>| matches!(root.value, Value::Map(_)) || root.is_null();
    if !stream.documents.iter().all(is_mapping) {
        return Err(SopsError::Format("a mapping of YAML"));
    }
    let mut named = stream.documents.iter().filter_map(|root| root.get("sops"));
    refuse_if(named.next().is_some())
}

fn check_env(text: &str) -> Result<(), SopsError> {
    let mut lines = text
        .split('\n')
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    if !lines.clone().all(|line| line.contains('=')) {
        return Err(SopsError::Format("lines of NAME=VALUE"));
    }
    refuse_if(lines.any(|line| line.starts_with("sops_")))
}

fn has_line(text: &str, start: &str) -> bool {
    text.lines().any(|line| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_found_in_every_format() {
        for (path, text, wanted) in [
            (
                "a.yaml",
                "a: 1\nsops:\n  mac: x\n",
                Err(SopsError::Encrypted),
            ),
            (
                "a.json",
                "{\"sops\": {\"mac\": \"x\"}}",
                Err(SopsError::Encrypted),
            ),
            (
                "a.bin",
                "{\"sops\": {\"mac\": \"x\"}}",
                Err(SopsError::Encrypted),
            ),
            ("a.env", "A=1\nsops_version=3\n", Err(SopsError::Encrypted)),
            (
                "a.ini",
                "[a]\nb=1\n[sops]\nmac=x\n",
                Err(SopsError::Encrypted),
            ),
            (
                "a.yaml",
                "- 1\n",
                Err(SopsError::Format("a mapping of YAML")),
            ),
            ("a.json", "[]", Err(SopsError::Format("an object of JSON"))),
            (
                "a.env",
                "A\n",
                Err(SopsError::Format("lines of NAME=VALUE")),
            ),
            ("a.conf", "anything: [", Ok(())),
            ("a.yaml", "a: 1\n", Ok(())),
        ] {
            assert_eq!(check_content(path, text), wanted, "{path} {text}");
        }
    }

    #[test]
    fn an_environment_is_a_mapping_without_metadata() {
        for (text, wanted) in [
            ("", Ok(())),
            ("# only\n", Ok(())),
            ("a: 1\nsops: {}\n", Ok(())),
            ("a: 1\na: 2\n", Ok(())),
            ("a: 1\nSOPS: {mac: x}\n", Err(SopsError::Encrypted)),
            ("sops: yes\n", Err(SopsError::Metadata)),
            ("A=1\nB=2\n", Err(SopsError::Format("a mapping of YAML"))),
            ("a: [\n", Err(SopsError::Format("YAML"))),
        ] {
            assert_eq!(check_mapping(text), wanted, "{text}");
        }
    }
}
