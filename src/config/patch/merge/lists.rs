//! Lists whose elements are known by a key. Pure.

use serde_json::Value;

use super::object;
use crate::config::schema::Named;

/// Whether two elements are the same one by what Talos goes by.
pub(super) fn is_same(named: Named, left: &Value, right: &Value) -> bool {
    fn text<'v>(value: &'v Value, key: &str) -> &'v str {
        let found = value.get(key).and_then(Value::as_str);
        found.unwrap_or_default()
    }
    let by = |key: &str| text(left, key) == text(right, key);
    match named {
        Named::ConfigFiles => by("mountPath"),
        Named::AdmissionPlugins => by("name"),
        Named::Vlans => {
            let id = |value: &Value| value.get("vlanId").and_then(Value::as_u64).unwrap_or(0);
            id(left) == id(right)
        }
        Named::Devices if !text(right, "interface").is_empty() => by("interface"),
        Named::Devices => match (left.get("deviceSelector"), right.get("deviceSelector")) {
            (Some(left), Some(right)) => same_selector(left, right),
            _ => false,
        },
        Named::Args | Named::ImageRules | Named::InlineManifests => false,
    }
}

/// `physical` is a pointer in Talos, and two pointers are never equal.
fn same_selector(left: &Value, right: &Value) -> bool {
    let set = |value: &Value| -> Vec<(String, Value)> {
        let mut set: Vec<_> = object(Some(value.clone()))
            .into_iter()
            .filter(|(_, value)| value.as_str() != Some(""))
            .collect();
        set.sort_by(|one, other| one.0.cmp(&other.0));
        set
    };
    let physical = left.get("physical").is_some() || right.get("physical").is_some();
    !physical && set(left) == set(right)
}

/// Rules of an image that is there already take its place, the last of them if there are several.
pub(super) fn replace_rules(items: &mut Vec<Value>, right: &[Value]) {
    let image = |rule: &Value| {
        let found = rule.get("image").and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let before: Vec<String> = items.iter().map(image).collect();
    for rule in right {
        match before.iter().rposition(|it| *it == image(rule)) {
            Some(index) => items[index] = rule.clone(),
            None => items.push(rule.clone()),
        }
    }
}
