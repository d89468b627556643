//! Findings as SARIF 2.1.0, which code hosts show beside the lines of a change.
//!
//! Owns what a rule and a result are; the log around them is [`crate::fleet::sarif`]'s.

use serde_json::{Value, json};

use super::Finding;
use super::rule::Rule;
use crate::exit::Exit;
use crate::fleet::sarif;
use crate::printable::printable;

/// The findings as a SARIF log of one run that ended with `exit`.
pub fn log(findings: &[Finding], exit: Exit) -> Value {
    let rules = Rule::all().map(|rule| {
        json!({
            "id": rule.code,
            "shortDescription": { "text": rule.title },
            "fullDescription": { "text": format!("{} {}", rule.cause, rule.fix) },
            "defaultConfiguration": { "level": rule.level.sarif() },
            "properties": { "level": rule.level.word() },
        })
    });
    let results = findings.iter().map(result).collect();
    let version = env!("CARGO_PKG_VERSION");
    sarif::log_of(
        version,
        "keelblock-validate/",
        rules.collect(),
        results,
        exit.code(),
    )
}

fn result(finding: &Finding) -> Value {
    let rule = finding.rule;
    let index = Rule::all().position(|it| it == rule);
    let text = format!(
        "{}; {}",
        printable(&finding.message),
        printable(finding.remedy())
    );
    let parts = [rule.code, "", &*finding.at.file, &finding.message];
    let mut result = json!({
        "ruleId": rule.code,
        "ruleIndex": index,
        "level": rule.level.sarif(),
        "message": { "text": text },
        "locations": [sarif::location(&finding.at)],
        "partialFingerprints": { "keelblock/v1": sarif::fingerprint_of(parts) },
    });
    if let Some(also) = &finding.also {
        let mut related = sarif::location(also);
        related["message"] = json!({ "text": "the other place" });
        result["relatedLocations"] = json!([related]);
    }
    result
}
