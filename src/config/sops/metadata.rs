//! What SOPS writes into a file about itself: who can open it, what of it is encrypted, and the code over all of it.
//!
//! Pure. Spec: <https://github.com/getsops/sops/blob/v3.13.3/stores/stores.go>.

use regex_lite::Regex;

use crate::config::node::{Node, Value};

use super::SopsError;

/// The section `sops`.
pub(super) struct Metadata {
    /// `lastmodified`, as it stands there.
    pub modified: String,
    /// `mac`, encrypted.
    pub mac: String,
    /// Whether the code is over encrypted values only.
    pub mac_only_encrypted: bool,
    /// The key of the file, encrypted for each of these.
    pub age: Vec<Recipient>,
    rule: Rule,
}

/// Who can open it.
pub(super) struct Recipient {
    /// `age1…`.
    pub name: String,
    /// An armored file of age.
    pub sealed: String,
}

/// Which values are encrypted.
enum Rule {
    NotSuffix(String),
    Suffix(String),
    NotMatching(Regex),
    Matching(Regex),
}

impl Metadata {
    /// Reads the section.
    pub fn read(section: &Node) -> Result<Self, SopsError> {
        let text = |key: &str| text_at(section, key);
        let is_set = |key: &&&str| {
            section
                .get(key)
                .is_some_and(|entry| !is_empty(&entry.value))
        };
        let groups = [
            "key_groups",
            "unencrypted_comment_regex",
            "encrypted_comment_regex",
        ];
        if let Some(other) = groups.iter().find(is_set) {
            return Err(SopsError::Unsupported(other));
        }
        let age = section
            .get("age")
            .map_or(&[][..], |entry| list(&entry.value));
        let recipient = |node: &std::rc::Rc<Node>| {
            let (name, sealed) = (text_at(node, "recipient")?, text_at(node, "enc")?);
            Some(Recipient { name, sealed })
        };
        let age: Vec<Recipient> = age.iter().filter_map(recipient).collect();
        if age.is_empty() {
            return Err(SopsError::NotForAge);
        }
        let (Some(modified), Some(mac)) = (text("lastmodified"), text("mac")) else {
            return Err(SopsError::Incomplete);
        };
        Ok(Self {
            modified,
            mac,
            mac_only_encrypted: text("mac_only_encrypted").as_deref() == Some("true"),
            age,
            rule: rule(&text)?,
        })
    }

    /// Whether the value below these keys is encrypted.
    pub fn encrypts(&self, path: &[&str]) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| path.iter().any(|key| test(key));
        match &self.rule {
            Rule::NotSuffix(end) => !any(&|key| key.ends_with(end)),
            Rule::Suffix(end) => any(&|key| key.ends_with(end)),
            Rule::NotMatching(regex) => !any(&|key| regex.is_match(key)),
            Rule::Matching(regex) => any(&|key| regex.is_match(key)),
        }
    }
}

fn rule(text: &dyn Fn(&str) -> Option<String>) -> Result<Rule, SopsError> {
    let names = [
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
    ];
    let mut set = names
        .into_iter()
        .filter_map(|name| Some((name, text(name).filter(|it| !it.is_empty())?)));
    let found = set.next();
    if set.next().is_some() {
        return Err(SopsError::Incomplete);
    }
    let regex =
        |name: &'static str, text: &str| Regex::new(text).map_err(|_| SopsError::Unsupported(name));
    Ok(match found {
        None => Rule::NotSuffix(String::from("_unencrypted")),
        Some(("unencrypted_suffix", end)) => Rule::NotSuffix(end),
        Some(("encrypted_suffix", end)) => Rule::Suffix(end),
        Some((name @ "unencrypted_regex", text)) => Rule::NotMatching(regex(name, &text)?),
        Some((name, text)) => Rule::Matching(regex(name, &text)?),
    })
}

fn text_at(node: &Node, key: &str) -> Option<String> {
    match &node.get(key)?.value.value {
        Value::Scalar(scalar) if !scalar.is_null() => Some((*scalar.text).clone()),
        _ => None,
    }
}

fn list(node: &Node) -> &[std::rc::Rc<Node>] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Scalar(scalar) => scalar.is_null() || scalar.text.is_empty(),
    }
}
