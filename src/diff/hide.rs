//! Which values of a configuration are never shown, and taking them out of everything else.
//!
//! Errs on the side of hiding: a hidden value costs a look into the file, a shown one may cost the cluster. What stands
//! at a hidden place is taken out wherever else it stands, too.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::tree::Documents;
use crate::config::node::{Node, Value};

/// Words in a key below which nothing is shown.
const WORDS: [&str; 14] = [
    "secret",
    "token",
    "passw",
    "phrase",
    "private",
    "static",
    "auth",
    "crt",
    "credential",
    "binary",
    "content",
    "header",
    "psk",
    "sealed",
];

/// Keys below which nothing is shown.
const KEYS: [&str; 8] = [
    "env",
    "environment",
    "variables",
    "data",
    "key",
    "manifest",
    "apiUrl",
    "jwt",
];

/// In values: what follows is a secret.
const ASSIGNED: [&str; 5] = ["token=", "secret=", "password=", "passwd=", "key="];

/// Shorter texts are in everything; taking them out would only spoil messages.
const SHORTEST: usize = 6;

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";

/// The secrets of the documents.
pub(super) struct Hider {
    secrets: Vec<Secret>,
}

/// A text that is taken out wherever it stands.
struct Secret {
    text: Zeroizing<String>,
    /// The index of the longest other one that it begins with.
    start: Option<usize>,
}

impl Hider {
    /// Collects the secrets of both sides.
    pub fn of(sides: [&Documents; 2]) -> Self {
        let mut found = BTreeSet::new();
        for (_, root) in sides.iter().flat_map(|side| side.iter()) {
            collect(root, "", false, &mut found);
        }
        let mut secrets: Vec<Secret> = Vec::with_capacity(found.len());
        for text in found {
            // In this order, all that it begins with stand before it, and the last of them begins with the others.
            let mut start = secrets.len().checked_sub(1);
            while let Some(index) = start
                && !text.starts_with(secrets[index].text.as_str())
            {
                start = secrets[index].start;
            }
            let text = Zeroizing::new(text.to_owned());
            secrets.push(Secret { text, start });
        }
        Self { secrets }
    }

    /// The length of the longest secret that `text` begins with.
    fn starts(&self, text: &str) -> Option<usize> {
        let after = |secret: &Secret| secret.text.as_str() <= text;
        let mut last = self.secrets.partition_point(after).checked_sub(1)?;
        let common = self.secrets[last].text.bytes().zip(text.bytes());
        let common = common.take_while(|(a, b)| a == b).count();
        while self.secrets[last].text.len() > common {
            last = self.secrets[last].start?;
        }
        Some(self.secrets[last].text.len())
    }

    /// The first place of `text` from `from` on that is of secrets, which may overlap.
    fn next(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let found = |at| Some((at, at + self.starts(text.get(at..)?)?));
        let (start, mut end) = (from..text.len()).find_map(found)?;
        let mut at = start + 1;
        while at < end {
            end = found(at).map_or(end, |(_, other)| other.max(end));
            at += 1;
        }
        Some((start, end))
    }

    /// Whether the value `text` at `path` is not shown.
    pub fn hides(&self, path: &str, text: &str) -> bool {
        is_secret_place(path) || looks_secret(text) || self.next(text, 0).is_some()
    }

    /// Hides a value that may be a secret by its look, and takes every secret out of another one.
    pub fn value(&self, text: &mut String) {
        match looks_secret(text) {
            true => HIDDEN.clone_into(text),
            false => self.clean(text),
        }
    }

    /// Takes every secret out of `text`.
    pub fn clean(&self, text: &mut String) {
        let (mut shown, mut from) = (String::new(), 0);
        while let Some((start, end)) = self.next(text, from) {
            shown.push_str(&text[from..start]);
            shown.push_str(HIDDEN);
            from = end;
        }
        if from > 0 {
            shown.push_str(&text[from..]);
            *text = shown;
        }
    }
}

fn collect<'n>(node: &'n Node, path: &str, hidden: bool, found: &mut BTreeSet<&'n str>) {
    match &node.value {
        Value::Scalar(scalar) => {
            if hidden || is_secret_place(path) || looks_secret(&scalar.text) {
                add(&scalar.text, found);
            }
        }
        Value::List(items) => {
            for item in items {
                collect(item, path, hidden, found);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let path = match path {
                    "" => entry.key.to_string(),
                    path => format!("{path}.{}", entry.key),
                };
                let below = hidden || is_secret_key(&entry.key);
                collect(&entry.value, &path, below, found);
            }
        }
    }
}

fn add<'n>(text: &'n str, found: &mut BTreeSet<&'n str>) {
    let lines = text.lines().filter(|line| line.len() >= 2 * SHORTEST);
    for part in std::iter::once(text).chain(lines) {
        let part = part.trim();
        if part.chars().count() >= SHORTEST {
            found.insert(part);
        }
    }
}

fn is_secret_place(path: &str) -> bool {
    // The key of a list's item stands in brackets.
    path == "cluster.id" || path.split(['.', '[']).any(is_secret_key)
}

fn is_secret_key(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    KEYS.contains(&key) || lower.ends_with("key") || WORDS.iter().any(|word| lower.contains(word))
}

/// What may be a secret wherever it stands: an address with a password or a query, an assignment, and long texts
/// of the letters of base64.
fn looks_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if lower.contains("://") && lower.contains(['@', '?'])
        || ASSIGNED.iter().any(|it| lower.contains(it))
    {
        return true;
    }
    let is_path = text.starts_with('/');
    let is_uuid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=_".contains(c);
    text.len() >= 32 && !is_path && !is_uuid && text.chars().all(of_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_place_and_by_their_look() {
        for (path, text) in [
            ("machine.token", "x"),
            ("machine.ca.key", "x"),
            ("cluster.id", "x"),
            ("cluster.secretboxEncryptionSecret", "x"),
            (
                "machine.systemDiskEncryption.state.keys[slot=0].static.passphrase",
                "x",
            ),
            ("machine.files[path=/a].content", "x"),
            ("machine.env.https_proxy", "x"),
            ("peers[0].presharedKey", "x"),
            (
                "machine.install.extraKernelArgs[0]",
                "siderolink.api=grpc://a?jointoken=b",
            ),
            ("url", "https://u:p@host/"),
            ("a.b", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmM="),
        ] {
            let nothing = Documents::default();
            assert!(
                Hider::of([&nothing, &nothing]).hides(path, text),
                "{path} {text}"
            );
        }
        for (path, text) in [
            (
                "machine.install.disk",
                "/dev/disk/by-id/ata-Samsung_SSD_870_EVO_1TB_S6PTNM0",
            ),
            (
                "machine.install.diskSelector.uuid",
                "9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213",
            ),
            (
                "machine.install.image",
                "factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.12.0",
            ),
            ("machine.systemDiskEncryption.state.keys[slot=0].slot", "0"),
            ("machine.sysctls.vm.swappiness", "10"),
        ] {
            let nothing = Documents::default();
            assert!(
                !Hider::of([&nothing, &nothing]).hides(path, text),
                "{path} {text}"
            );
        }
    }

    #[test]
    fn a_secret_is_hidden_wherever_else_it_stands() {
        let text = "machine: {token: hunter-two, sysctls: {a.b: has hunter-two in it}}";
        let documents = Documents::of([text].into_iter());
        let hider = Hider::of([&documents, &documents]);
        assert!(hider.hides("machine.sysctls.a.b", "has hunter-two in it"));
        let mut said = String::from("a.b is hunter-two");
        hider.clean(&mut said);
        assert_eq!(said, "a.b is (secret)");
    }

    #[test]
    fn secrets_that_overlap_or_begin_alike_leave_nothing_behind() {
        let text = "machine: {env: {a: abcdef, b: abcdefgh, c: abcdefzz, d: ghijklm, e: 'äöüäöü'}}";
        let documents = Documents::of([text].into_iter());
        let hider = Hider::of([&documents, &Documents::default()]);
        for (text, wanted) in [
            ("x abcdef y", "x (secret) y"),
            ("abcdefgx", "(secret)gx"),
            ("abcdefgh", "(secret)"),
            ("abcdefghijklm.", "(secret)."),
            ("abcdefzy abcdefzz", "(secret)zy (secret)"),
            ("aabcdeabcdef", "aabcde(secret)"),
            ("ghijkl", "ghijkl"),
            ("ö äöüäöü ö", "ö (secret) ö"),
            ("", ""),
        ] {
            let mut said = text.to_owned();
            hider.clean(&mut said);
            assert_eq!(said, wanted);
            assert_eq!(hider.hides("a.b", text), text != wanted, "{text}");
        }
    }
}
