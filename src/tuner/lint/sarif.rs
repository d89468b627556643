//! Findings as SARIF 2.1.0, which code hosts show beside the lines of a change.
//!
//! Owns what a rule and a result of the linter are; the log around them is [`crate::fleet::sarif`]'s.

use serde_json::{Value, json};

use super::{Code, Finding};
use crate::exit::Exit;
use crate::fleet::sarif;
use crate::printable::printable;

/// The findings as a SARIF log of one run that ended with `exit`.
pub fn log(findings: &[Finding], exit: Exit) -> Value {
    let rules = Code::ALL.iter().map(|code| {
        json!({
            "id": code.word(),
            "shortDescription": { "text": code.meaning() },
            "fullDescription": { "text": code.explanation() },
            "defaultConfiguration": { "level": code.level().word() },
        })
    });
    let results = findings.iter().map(result).collect();
    let version = env!("CARGO_PKG_VERSION");
    let id = "keelblock-tune-lint/";
    sarif::log_of(version, id, rules.collect(), results, exit.code())
}

fn result(finding: &Finding) -> Value {
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    let mut text = printable(&finding.message).into_owned();
    if let Some(hint) = &finding.hint {
        text = format!("{text}; {}", printable(hint));
    }
    let word = finding.code.word();
    let parts = [word, "", &finding.at.file, &finding.message];
    let mut result = json!({
        "ruleId": word,
        "ruleIndex": index,
        "level": finding.code.level().word(),
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
