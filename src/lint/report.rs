//! What other parts say about a file, as findings of this one: the reader of YAML, talhelper's rules, the strict parser.
//!
//! Pure. Owns which code each of their words has.

use super::catalogue::encryption::OPEN_LOCK;
use super::catalogue::{reading, repository as rules};
use super::encryption;
use super::finding::{Finding, Sink};
use super::part::Part;
use super::{Dropped, File, Repository};
use crate::config::kinds::MACHINE_KEYS;
use crate::config::spec::Location;
use crate::config::yaml::FaultKind;
use crate::config::{self, ConfigError, Diagnostic, DiagnosticKind, Source};

/// A finding for a file that cannot be read.
pub fn unreadable(name: &str, why: &str) -> Finding {
    let at = Location {
        file: name.to_owned(),
        line: 0,
        column: 0,
    };
    Finding::new(
        &reading::UNREADABLE,
        at,
        format!("it cannot be read: {why}"),
    )
}

/// Reports on one file.
pub(super) struct Reporter<'f> {
    files: &'f [File],
    file: &'f File,
}

impl<'f> Reporter<'f> {
    pub fn new(files: &'f [File], index: usize) -> Self {
        let file = &files[index];
        Self { files, file }
    }

    fn at(&self, line: u32, column: u32) -> Location {
        Location {
            file: self.file.name.clone(),
            line,
            column,
        }
    }

    /// Why the text stops being YAML; whether it does, so that nothing else can be said.
    pub fn fault(&self, part: &Part<'_>, sink: &mut Sink) -> bool {
        let Some(fault) = &part.fault else {
            return false;
        };
        if part.text().contains("{{") || part.is_open(fault.at.line) {
            let at = part.at(fault.at);
            let message =
                "no YAML before it is rendered or its variables are replaced: not checked";
            sink.add(Finding::new(&reading::TEMPLATE, at, message));
            return true;
        }
        let at = part.at(fault.at);
        let finding = match &fault.kind {
            FaultKind::Syntax => Finding::new(&reading::SYNTAX, at, fault.message.clone()),
            FaultKind::Limit => Finding::new(&reading::LIMIT, at, fault.message.clone()),
            FaultKind::DuplicateKey(key, first) => {
                let message = match part.is_tainted(fault.at.line) {
                    true => "the same key is there twice".to_owned(),
                    false => format!("{} is there twice", config::one_line(key)),
                };
                Finding::new(&reading::REPEATED, at, message).also(part.at(*first))
            }
        };
        sink.add(finding.fix(format!("allowed: {}", fault.allowed)));
        true
    }

    pub fn encrypted(&self, sink: &mut Sink) {
        let message = "it is encrypted with SOPS";
        sink.add(Finding::new(&reading::ENCRYPTED, self.at(1, 1), message));
    }

    pub fn not_talos(&self, sink: &mut Sink) {
        let message = "neither a configuration of Talos, nor a patch, nor a talconfig.yaml";
        sink.add(Finding::new(&reading::NOT_TALOS, self.at(1, 1), message));
    }

    pub fn unreferenced(&self, sink: &mut Sink) {
        let message = "no talconfig.yaml refers to this file";
        sink.add(Finding::new(&rules::UNREFERENCED, self.at(1, 1), message));
    }

    /// What talhelper would say.
    pub fn loaded(&self, repository: &Repository, sink: &mut Sink) {
        for unknown in &repository.unknown {
            sink.add(self.dropped(unknown));
        }
        for issue in &repository.warnings {
            let at = self.at(issue.at.line.max(1), issue.at.column.max(1));
            let message = format!("{}: {}", issue.field, issue.message);
            sink.add(Finding::new(&rules::TALHELPER_WARNS, at, message));
        }
        for error in &repository.refused {
            self.refused(error, sink);
        }
    }

    fn dropped(&self, unknown: &Dropped) -> Finding {
        let at = self.at(unknown.at.0, unknown.at.1);
        let path = config::one_line(&unknown.path);
        let message = format!("talhelper has no key {path} and drops it");
        let finding = Finding::new(&rules::DROPPED_KEY, at, message);
        if !unknown.close.is_empty() {
            return finding.fix(format!("did you mean {}?", unknown.close.join(" or ")));
        }
        let key = unknown.path.rsplit('.').next().unwrap_or_default();
        if MACHINE_KEYS.contains(&key) {
            return finding.fix(format!("put it into a patch, as {key} below machine"));
        }
        finding
    }

    fn refused(&self, error: &ConfigError, sink: &mut Sink) {
        for diagnostic in error.diagnostics() {
            let at = self.own(&diagnostic.at);
            let rule = match diagnostic.kind {
                // The reader of YAML has said it with a code of its own.
                DiagnosticKind::Syntax | DiagnosticKind::Limit | DiagnosticKind::Duplicate
                    if at.file == self.file.name =>
                {
                    continue;
                }
                _ if diagnostic.message.contains("encrypted with SOPS") => &reading::ENCRYPTED,
                _ => &rules::TALHELPER,
            };
            sink.add(self.of(rule, at, diagnostic));
        }
    }

    /// The place with the name that the file was given by.
    fn own(&self, at: &Location) -> Location {
        let mut files = self.files.iter();
        let file = files.find(|file| !file.path.is_empty() && file.path == at.file);
        Location {
            file: file.map_or_else(|| at.file.clone(), |file| file.name.clone()),
            ..at.clone()
        }
    }

    fn of(
        &self,
        rule: &'static super::rule::Rule,
        at: Location,
        diagnostic: &Diagnostic,
    ) -> Finding {
        let mut message = diagnostic.message.clone();
        if !diagnostic.path.is_empty() {
            message = format!("{}: {message}", diagnostic.path);
        }
        if let Some(found) = &diagnostic.found {
            message = format!("{message}: `{found}`");
        }
        let mut finding = Finding::new(rule, at, message);
        finding.also = diagnostic.also.as_ref().map(|also| self.own(also));
        let allowed = diagnostic
            .allowed
            .as_ref()
            .map(|it| format!("allowed: {it}"));
        finding.fix = diagnostic.hint.clone().or(allowed);
        finding
    }

    /// What the strict parser says of a rendered configuration, beyond what was said of its types.
    pub fn config(&self, sink: &mut Sink) {
        let source = Source {
            name: &self.file.name,
            text: &self.file.text,
        };
        match config::parse(&[source]) {
            Ok(spec) => {
                for (at, message) in encryption::locks(&spec) {
                    sink.add(Finding::new(&OPEN_LOCK, at, message));
                }
                for (at, message) in &spec.warnings {
                    sink.add(Finding::new(
                        &reading::DOUBTFUL,
                        at.clone(),
                        message.clone(),
                    ));
                }
            }
            Err(error) => {
                for diagnostic in error.diagnostics() {
                    if !sink.has_error_at(&diagnostic.at.file, diagnostic.at.line) {
                        sink.add(self.of(&reading::REFUSED, diagnostic.at.clone(), diagnostic));
                    }
                }
            }
        }
    }
}
