//! Labels, annotations and taints by the rules of Kubernetes, and names of images by those of registries.

use super::super::model::Texts;

/// Annotations that Talos keeps for itself.
const RESERVED: [&str; 3] = [
    "talos.dev/owned-annotations",
    "talos.dev/owned-labels",
    "talos.dev/owned-taints",
];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
/// Most bytes that all annotations of a node may have.
const MOST_ANNOTATIONS: usize = 256 << 10;

/// Whether a text is a template, which is not looked at before it is rendered.
fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("}}")
}

/// What is wrong with labels; templates are passed over.
pub(super) fn labels(labels: &Texts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, value) in labels.iter().filter(|(_, value)| !is_template(value)) {
        wrong.extend(qualified_name(key));
        wrong.extend(label_value(value));
    }
    wrong
}

/// What is wrong with annotations; templates are passed over.
pub(super) fn annotations(annotations: &Texts) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut size = 0_usize;
    for (key, value) in annotations.iter().filter(|(_, value)| !is_template(value)) {
        wrong.extend(qualified_name(key));
        if RESERVED.contains(&&**key) {
            wrong.push(format!("the annotation {:?} is Talos' own", &**key));
        }
        size = size.saturating_add(key.len()).saturating_add(value.len());
    }
    if size > MOST_ANNOTATIONS {
        wrong.push(String::from(
            "all annotations together have more than 256 KiB",
        ));
    }
    wrong
}

/// What is wrong with taints: `value:effect`, or the effect alone.
pub(super) fn taints(taints: &Texts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, taint) in taints {
        if let Some(message) = qualified_name(key) {
            wrong.push(message);
            continue;
        }
        let (value, effect) = taint.split_once(':').unwrap_or(("", taint));
        if EFFECTS.contains(&effect) {
            wrong.extend(label_value(value));
        } else {
            wrong.push(format!(
                "the taint {:?} has no effect: it ends with one of {}",
                &**key,
                EFFECTS.join(", ")
            ));
        }
    }
    wrong
}

fn qualified_name(text: &str) -> Option<String> {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(p, n)| (Some(p), n));
    let fits = !name.contains('/')
        && is_name(name)
        && prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label));
    (!fits).then(|| {
        format!("{text:?} is no key of Kubernetes: up to 63 letters, digits, `-`, `_` and `.`, with a domain before a slash")
    })
}

fn label_value(text: &str) -> Option<String> {
    let fits = text.is_empty() || is_name(text);
    // Values may come from a variable, so they are not shown.
    (!fits).then(|| {
        String::from("a value is no label value: up to 63 letters, digits, `-`, `_` and `.`")
    })
}

fn is_name(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && is_outer(bytes.first())
        && is_outer(bytes.last())
        && bytes.iter().copied().all(is_inner)
}

/// A label of a domain in small letters.
fn is_label(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(is_inner)
}

/// Whether it is the whole name of an image, registry included, without tag and digest.
pub(super) fn is_image_name(text: &str) -> bool {
    let Some((registry, path)) = text.split_once('/') else {
        return false;
    };
    let is_registry = registry == "localhost"
        || registry.contains(['.', ':'])
        || registry.contains(|c: char| c.is_ascii_uppercase());
    // The registry of Docker has other names, and short paths that stand for longer ones.
    let is_short = registry == "docker.io" && !path.contains('/');
    is_registry
        && registry != "index.docker.io"
        && !is_short
        && path.len() <= 255
        && is_host(registry)
        && path.split('/').all(is_component)
}

fn is_host(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let is_address = |b: u8| b.is_ascii_hexdigit() || b == b':';
        let is_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return !address.is_empty() && address.bytes().all(is_address) && is_end;
    }
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(h, p)| (h, Some(p)));
    let is_part = |part: &str| {
        let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let is_outer = !part.starts_with('-') && !part.ends_with('-');
        !part.is_empty() && is_outer && part.bytes().all(is_inner)
    };
    host.split('.').all(is_part) && port.is_none_or(is_port)
}

/// Small letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = text.bytes().peekable();
    if !bytes.peek().copied().is_some_and(is_part) {
        return false;
    }
    while bytes.peek().is_some() {
        while bytes.next_if(|b| is_part(*b)).is_some() {}
        let Some(separator) = bytes.next() else {
            return true;
        };
        match separator {
            b'.' => {}
            b'_' => drop(bytes.next_if_eq(&b'_')),
            b'-' => while bytes.next_if_eq(&b'-').is_some() {},
            _ => return false,
        }
        if !bytes.peek().copied().is_some_and(is_part) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_whole_and_bare() {
        for (text, wanted) in [
            ("factory.talos.dev/installer/abc", true),
            ("localhost/a", true),
            ("[::1]:5000/a__b", true),
            ("Registry/a", true),
            ("ghcr.io/a/b:v1", false),
            ("ghcr.io/a/b@sha256:0", false),
            ("siderolabs/installer", false),
            ("docker.io/a", false),
            ("docker.io/a/b", true),
            ("index.docker.io/a/b", false),
            ("ghcr.io/A", false),
            ("ghcr.io/a-", false),
            ("ghcr.io/a___b", false),
            ("installer", false),
        ] {
            assert_eq!(is_image_name(text), wanted, "{text}");
        }
    }
}
