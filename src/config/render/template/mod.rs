//! Templates of Go in labels, annotations, patches, manifests and names of images.
//!
//! ```text
//! text ─lex─▶ tokens ─parse─▶ nodes ─eval, functions─▶ text
//! ```
//! Pure. The part of `text/template` and sprig that such templates are made of: fields, pipelines, `if`, `range`, `with`,
//! and the functions in [`functions`]. A template that needs anything else is refused by the name of what it needs, so what
//! is rendered is what Go renders.
//! Spec: <https://pkg.go.dev/text/template>, <https://masterminds.github.io/sprig>.

mod data;
mod eval;
mod functions;
mod lex;
mod parse;

use std::fmt;

use zeroize::Zeroizing;

use crate::config::talconfig::Variables;

pub(super) use data::Datum;

/// The most that a template may become.
const MOST: usize = 4 << 20;

/// What a template looks into.
pub(super) struct Data<'d> {
    /// The dot.
    pub root: Datum<'d>,
    /// The environment.
    pub env: &'d Variables,
}

/// What keeps a template from being rendered. Never quotes a text of the template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, or not rendered here.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl TemplateError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { line, message }
    }
}

/// Words that Go's own templates know; every other one is sprig's.
const PLAIN: [&str; 32] = [
    "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue",
    "nil", "true", "false", "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "index",
    "slice", "len", "print", "printf", "println", "html", "js", "urlquery", "call",
];

/// The same as [`render`] for a template that has no functions of sprig.
///
/// # Errors
/// As [`render`]'s, and for such a function.
pub(super) fn render_plain(
    text: &str,
    data: &Data<'_>,
) -> Result<Zeroizing<String>, TemplateError> {
    for piece in lex::lex(text)? {
        let lex::Piece::Action(line, tokens) = piece else {
            continue;
        };
        let foreign = |token: &lex::Token| matches!(token, lex::Token::Word(word) if !PLAIN.contains(&&**word));
        if tokens.iter().any(foreign) {
            let message = "it calls a function that is none of Go's own, and others are not there";
            return Err(TemplateError::new(line, message));
        }
    }
    render(text, data)
}

/// Renders `text` over `data`.
///
/// # Errors
/// [`TemplateError`] for what Go refuses, and for what is not rendered here.
pub(super) fn render(text: &str, data: &Data<'_>) -> Result<Zeroizing<String>, TemplateError> {
    let nodes = parse::parse(lex::lex(text)?)?;
    eval::render(&nodes, data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let config = json!({
            "debug": false,
            "machine": {"type": "worker", "certSANs": ["a", "b"], "nodeLabels": {"x": "1"}, "install": {"wipe": true}},
            "cluster": {"clusterName": "home", "controlPlane": {"endpoint": "https://10.0.0.1:6443"}},
        });
        let env = Variables::new();
        let data = Data {
            root: Datum::config(&config),
            env: &env,
        };
        let text = render(text, &data);
        text.map(|it| it.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn fields_pipelines_and_blocks_are_rendered() {
        for (text, wanted) in [
            ("a{{ .MachineConfig.MachineType }}b", "aworkerb"),
            (
                "{{- .ClusterConfig.ClusterName | upper | quote -}} \n x",
                "\"HOME\"x",
            ),
            (
                "{{ if eq .MachineConfig.MachineType \"worker\" }}w{{ else }}c{{ end }}",
                "w",
            ),
            (
                "{{ range .MachineConfig.MachineCertSANs }}<{{ . }}{{ $.ConfigDebug }}>{{ end }}",
                "<afalse><bfalse>",
            ),
            (
                "{{ .MachineConfig.MachineNodeLabels.x }}{{ index .MachineConfig.MachineNodeLabels \"y\" }}",
                "1",
            ),
            (
                "{{ .ClusterConfig.ControlPlane.Endpoint }}",
                "https://10.0.0.1:6443",
            ),
            (
                "{{/* nothing */}}{{ .MachineConfig.MachineToken | default \"none\" }}",
                "none",
            ),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_not_rendered_is_named() {
        for (text, words) in [
            ("\n{{ $x := 1 }}", "line 2: variables"),
            ("{{ define \"a\" }}{{ end }}", "define"),
            ("{{ toYaml . }}", "toYaml"),
            ("{{ .MachineConfig.Typo }}", "Typo"),
            (
                "{{ .MachineConfig.MachineNetwork.NetworkHostname }}",
                "MachineNetwork",
            ),
            ("{{ .MachineConfig.MachineCA.Crt }}", "MachineCA"),
            ("{{ .MachineConfig.MachineCertSANs }}", "a list"),
            ("{{ if true }}", "end"),
            ("{{ .MachineConfig.MachineNodeLabels.nope }}", "nope"),
            ("{{ .ConfigDebug | quote }}", "quote"),
            ("{{ \"a }}", "quote"),
        ] {
            let error = rendered(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
