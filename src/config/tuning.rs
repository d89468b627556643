//! Kernel parameters and udev rules: `machine.sysctls`, `machine.sysfs`, `machine.udev`, and their documents.

use std::collections::BTreeMap;

use super::context::{Context, Field};
use super::diagnostic::{Diagnostic, DiagnosticKind};
use super::spec::Location;

/// A map of kernel parameters with where each value stands; null is the empty value, as in Go.
pub(super) fn parameters(
    ctx: &mut Context<'_>,
    field: Field<'_>,
) -> BTreeMap<String, (String, Location)> {
    let mut found = BTreeMap::new();
    if !ctx.is_map(&field) {
        return found;
    }
    for entry in field.entries() {
        if entry.key.is_empty() {
            let at = ctx.location(entry.at);
            ctx.report(Diagnostic {
                kind: DiagnosticKind::BadValue,
                at,
                path: field.path.clone(),
                message: String::from("the key is empty"),
                found: Some(String::new()),
                allowed: Some(String::from(
                    "the name of a parameter, such as vm.swappiness",
                )),
                hint: None,
                also: None,
            });
            continue;
        }
        let below = field.below(entry);
        let value = match entry.value.is_null() {
            true => Some(String::new()),
            false => ctx.text(&below),
        };
        if let Some(value) = value {
            found.insert(
                entry.key.to_string(),
                (value, ctx.location(entry.value.place)),
            );
        }
    }
    found
}

/// `rules` below `field`.
pub(super) fn rules(ctx: &mut Context<'_>, field: &Field<'_>) -> Vec<(String, Location)> {
    field
        .get("rules")
        .map(|f| ctx.texts(&f))
        .unwrap_or_default()
}

/// SysctlConfig and SysfsConfig.
pub(super) fn parameter_document(
    ctx: &mut Context<'_>,
    root: Field<'_>,
) -> BTreeMap<String, (String, Location)> {
    let root = ctx.map(root, &["apiVersion", "kind", "params"]);
    let params = root.and_then(|root| root.get("params"));
    params.map(|f| parameters(ctx, f)).unwrap_or_default()
}

/// UdevRulesConfig.
pub(super) fn rules_document(ctx: &mut Context<'_>, root: Field<'_>) -> Vec<(String, Location)> {
    let root = ctx.map(root, &["apiVersion", "kind", "rules"]);
    root.map(|root| rules(ctx, &root)).unwrap_or_default()
}
