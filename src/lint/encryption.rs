//! Encryption that locks a node out, or that everybody can open. Pure; quotes nothing, for keys stand there.

use std::rc::Rc;

use super::catalogue::encryption as catalogue;
use super::finding::{Finding, Sink};
use super::part::{Part, below, items, text};
use super::unit::Facts;
use crate::config::node::Node;
use crate::config::schema::url::Url;
use crate::config::spec::{Encryption, Location, Spec};

/// Perf options that Talos knows.
const OPTIONS: [&str; 3] = ["no_read_workqueue", "no_write_workqueue", "same_cpu_crypt"];

/// Where keys come from, in the order in which Talos looks for them in an entry.
const SOURCES: [&str; 4] = ["static", "nodeID", "kms", "tpm"];

/// Checks the encryption of the volume `name`.
pub(super) fn check(part: &Part<'_>, name: &str, node: &Node, facts: &Facts, sink: &mut Sink) {
    let keys = items(below(node, &["keys"]));
    slots(part, keys, sink);
    alone(part, name, keys, sink);
    for key in keys {
        sources(part, key, sink);
        if name == "STATE" {
            state(part, key, sink);
        }
        if let Some(tpm) = key.get("tpm").filter(|it| !it.value.is_null())
            && facts.secureboot == Some(false)
        {
            let message = format!("{name} has a TPM key, and the image is none for SecureBoot");
            sink.add(Finding::new(
                &catalogue::TPM_WITHOUT_SECUREBOOT,
                part.at(tpm.at),
                message,
            ));
        }
        if let Some(endpoint) = below(key, &["kms", "endpoint"]) {
            kms(part, endpoint, sink);
        }
    }
    for option in items(below(node, &["options"])) {
        let known = text(option).is_none_or(|it| OPTIONS.contains(&it) || it.contains(['$', '{']));
        if !known {
            let message = format!("Talos knows {}", OPTIONS.join(", "));
            sink.add(Finding::new(
                &catalogue::OPTION,
                part.at(option.place),
                message,
            ));
        }
    }
}

/// A key with several sources, of which one counts.
fn sources(part: &Part<'_>, key: &Node, sink: &mut Sink) {
    let all = SOURCES.iter().filter_map(|source| key.get(source));
    let mut all = all.filter(|entry| !entry.value.is_null());
    let Some(first) = all.next() else { return };
    for other in all {
        let message = format!("Talos takes {} and passes over {}", first.key, other.key);
        let finding = Finding::new(&catalogue::TWO_SOURCES, part.at(other.at), message);
        sink.add(finding.also(part.at(first.at)));
    }
}

/// What holds for STATE alone: it has to be open before the configuration can be read.
fn state(part: &Part<'_>, key: &Node, sink: &mut Sink) {
    if let Some(lock) = below(key, &["lockToState"])
        && text(lock) == Some("true")
    {
        let message = "a key of STATE is locked to STATE";
        let at = part.at(lock.place);
        sink.add(Finding::new(&catalogue::LOCKED_STATE, at, message));
    }
    if let Some(entry) = key.get("static").filter(|it| !it.value.is_null()) {
        let message = "Talos copies the passphrase of STATE into META, which is not encrypted";
        let at = part.at(entry.at);
        sink.add(Finding::new(&catalogue::STATE_IN_META, at, message));
    }
}

/// Volumes that are locked to a STATE that anybody can read. `spec` is of a whole node.
pub(super) fn locks(spec: &Spec) -> Vec<(Location, String)> {
    if spec.state.encryption.is_some() {
        return Vec::new();
    }
    let ephemeral = ("EPHEMERAL", spec.ephemeral.encryption.as_ref());
    let others = spec.volumes.iter();
    let all = others.map(|volume| (&*volume.id, volume.encryption.as_ref()));
    let locked = |(id, encryption): (&str, Option<&Encryption>)| {
        let key = encryption?
            .keys
            .iter()
            .find(|key| key.lock_to_state == Some(true))?;
        let message = format!("{id} is locked to STATE, and STATE is not encrypted");
        Some((key.at.clone(), message))
    };
    std::iter::once(ephemeral)
        .chain(all)
        .filter_map(locked)
        .collect()
}

/// Volumes with one kind of key only.
fn alone(part: &Part<'_>, name: &str, keys: &[Rc<Node>], sink: &mut Sink) {
    for (kind, rule, message) in [
        (
            "nodeID",
            &catalogue::NODE_ID_ALONE,
            "can be opened with the machine's UUID alone",
        ),
        (
            "kms",
            &catalogue::NETWORK_ALONE,
            match name {
                "STATE" => {
                    "can be opened with a key from the network alone, and the network settings of this configuration lie on STATE"
                }
                _ => "can be opened with a key from the network alone",
            },
        ),
    ] {
        let others = SOURCES.into_iter().filter(|it| *it != kind);
        let others: Vec<&str> = others.collect();
        let only = |key: &Rc<Node>| {
            below(key, &[kind]).is_some() && others.iter().all(|it| below(key, &[it]).is_none())
        };
        if let Some(first) = keys.first()
            && keys.iter().all(only)
            && let Some(entry) = first.get(kind)
        {
            sink.add(Finding::new(
                rule,
                part.at(entry.at),
                format!("{name} {message}"),
            ));
        }
    }
}

fn slots(part: &Part<'_>, keys: &[Rc<Node>], sink: &mut Sink) {
    let mut seen: Vec<(u64, &Rc<Node>)> = Vec::new();
    for key in keys {
        let slot = match below(key, &["slot"]).map(|it| text(it).unwrap_or_default()) {
            None => 0,
            Some(text) => match text.parse() {
                Ok(slot) => slot,
                Err(_) => return,
            },
        };
        if let Some((_, first)) = seen.iter().find(|(taken, _)| *taken == slot) {
            let message = format!("slot {slot} is taken already");
            let finding = Finding::new(&catalogue::SLOT_TWICE, part.at(key.place), message);
            sink.add(finding.also(part.at(first.place)));
        }
        seen.push((slot, key));
    }
    seen.sort_by_key(|(slot, _)| *slot);
    for pair in seen.windows(2) {
        let ((below, _), (slot, key)) = (pair[0], pair[1]);
        if slot > below.saturating_add(1) {
            let message = format!("slot {slot} comes after slot {below}");
            sink.add(Finding::new(
                &catalogue::SLOT_GAP,
                part.at(key.place),
                message,
            ));
        }
    }
}

fn kms(part: &Part<'_>, node: &Node, sink: &mut Sink) {
    let Some(written) = text(node).filter(|it| !it.contains('$') && !it.contains("{{")) else {
        return;
    };
    if let Some(why) = wrong_endpoint(written) {
        let finding = Finding::new(&catalogue::KMS_ENDPOINT, part.at(node.place), why);
        sink.add(finding);
    }
}

/// What is wrong with an endpoint. Talos takes https with TLS, and everything without a scheme for grpc without it.
fn wrong_endpoint(text: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some(match Url::parse(&format!("grpc://{text}")) {
            Some(_) if !text.is_empty() => "without a scheme Talos talks to the KMS without TLS",
            _ => "the endpoint is no URL",
        });
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    match scheme {
        _ if Url::parse(text).is_none() => Some("the endpoint is no URL"),
        "https" | "grpc" if host.is_empty() || host.starts_with(':') => {
            Some("the endpoint has no host")
        }
        "https" | "grpc" => None,
        _ => Some("Talos knows the schemes https and grpc"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host() {
        for (text, wrong) in [
            ("https://kms.example.org:4050", false),
            ("grpc://[fd00::1]:4050", false),
            ("kms.example.org:4050", true),
            ("https://kms.example.org", false),
            ("http://kms.example.org:4050", true),
            ("https://:4050", true),
            ("https://", true),
            ("", true),
        ] {
            assert_eq!(wrong_endpoint(text).is_some(), wrong, "{text}");
        }
    }
}
