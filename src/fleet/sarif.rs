//! A report as SARIF 2.1.0, which code hosts show beside the lines of a change.
//!
//! Paths are relative and percent-encoded, below `%SRCROOT%`; columns count Unicode code points, as everywhere here.
//! Spec: OASIS SARIF 2.1.0, sections 3.14 (run), 3.27 (result), 3.30 (region).

use serde_json::{Value, json};

use super::finding::{Code, Finding};
use super::report::Report;
use crate::config::spec::Location;
use crate::hex;
use crate::printable::printable;

/// The report as a SARIF log of one run.
pub fn log(report: &Report) -> Value {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    // Results of one shard must not take the place of another one's.
    let id = format!("keelblock-check/{}", report.shard);
    log_of(report.keelblock, &id, rules, results, report.exit)
}

/// The log of a run with these rules and results; results of another `id` do not take their place.
pub(crate) fn log_of(
    version: &str,
    id: &str,
    rules: Vec<Value>,
    results: Vec<Value>,
    exit: u8,
) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "keelblock",
                "version": version,
                "semanticVersion": version,
                "informationUri": "https://github.com/keelblock/keelblock",
                "rules": rules,
            }},
            "automationDetails": { "id": id },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "exitCode": exit }],
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.word(),
        "shortDescription": { "text": code.meaning() },
        "defaultConfiguration": { "level": code.level().word() },
    })
}

fn result(finding: &Finding) -> Value {
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    let mut text = printable(&finding.message).into_owned();
    if let Some(node) = &finding.node {
        text = format!("{}: {text}", printable(node));
    }
    if let Some(hint) = &finding.hint {
        text = format!("{text}; {}", printable(hint));
    }
    let mut result = json!({
        "ruleId": finding.code.word(),
        "ruleIndex": index,
        "level": finding.code.level().word(),
        "message": { "text": text },
        "locations": [location(&finding.at)],
        "partialFingerprints": { "keelblock/v1": fingerprint(finding) },
    });
    if let Some(also) = &finding.also {
        let mut related = location(also);
        related["message"] = json!({ "text": "the rule" });
        result["relatedLocations"] = json!([related]);
    }
    result
}

/// A place as SARIF has it.
pub(crate) fn location(at: &Location) -> Value {
    let mut artifact = json!({ "uri": uri(&at.file) });
    if !at.file.starts_with('/') {
        artifact["uriBaseId"] = json!("%SRCROOT%");
    }
    json!({ "physicalLocation": {
        "artifactLocation": artifact,
        // A file as a whole is shown at its first line.
        "region": { "startLine": at.line.max(1), "startColumn": at.column.max(1) },
    }})
}

/// The same finding in the same file has the same fingerprint, wherever it moves to.
fn fingerprint(finding: &Finding) -> String {
    fingerprint_of([
        finding.code.word(),
        finding.node.as_deref().unwrap_or_default(),
        &finding.at.file,
        &finding.message,
    ])
}

/// A fingerprint of the code, the node, the file and the words.
pub(crate) fn fingerprint_of(parts: [&str; 4]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::lower(&hash.finalize()[..16])
}

/// A path as a URI reference (RFC 3986): everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    if path.starts_with('/') {
        uri.insert_str(0, "file://");
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri_that_means_nothing_else() {
        for (path, wanted) in [
            ("fleet/a.yaml", "fleet/a.yaml"),
            ("a b:c?d#e%f", "a%20b%3Ac%3Fd%23e%25f"),
            ("ü.yaml", "%C3%BC.yaml"),
            ("/etc/x", "file:///etc/x"),
        ] {
            assert_eq!(uri(path), wanted);
        }
    }
}
