//! The last line of defence: passphrases that are taken out of messages wherever they slipped in.
//!
//! Messages leave them out by place already ([`super::context`], [`super::taint`]); this looks for their text.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::diagnostic::Diagnostic;
use super::node::{Node, Value};
use super::spec::Location;
use super::taint::{is_passphrase, lines, names_passphrase};

/// Shorter texts are in everything; taking them out would only spoil messages.
const SHORTEST: usize = 4;
/// What stands in the place of a passphrase.
const HIDDEN: &str = "(hidden)";

/// The passphrases of a configuration, and everything that looks like one.
pub(super) struct Redactor {
    secrets: Vec<Zeroizing<String>>,
}

impl Redactor {
    /// Collects from the trees, and from the text of lines that name a passphrase.
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>, roots: &[Rc<Node>]) -> Self {
        let mut redactor = Self {
            secrets: Vec::new(),
        };
        for text in texts {
            redactor.read_lines(text);
        }
        for root in roots {
            redactor.walk(root, false);
        }
        redactor
    }

    /// What follows the word on its line, and the next two lines that have text: a block, or a value that slipped down.
    fn read_lines(&mut self, text: &str) {
        let mut following = 0;
        for line in lines(text).filter(|line| !line.trim().is_empty()) {
            if let Some((_, value)) = line
                .split_once(':')
                .filter(|(key, _)| names_passphrase(key))
            {
                self.add_line(value);
                following = 2;
            } else if following > 0 {
                self.add_line(line);
                following -= 1;
            }
        }
    }

    /// The line, and what may be left of it when it is read as YAML.
    fn add_line(&mut self, line: &str) {
        self.add(line.trim().trim_matches(['"', '\'']));
        if let Some((value, _)) = line.split_once(": ") {
            self.add(value);
        }
    }

    fn walk(&mut self, node: &Node, secret: bool) {
        match &node.value {
            Value::Scalar(scalar) if secret => {
                self.add(&scalar.text);
                if let Some(decoded) = scalar.as_text() {
                    self.add(&decoded);
                }
            }
            Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|item| self.walk(item, secret)),
            Value::Map(entries) => {
                for entry in entries {
                    let below = secret || &*entry.key == "static" || is_passphrase(&entry.key);
                    self.walk(&entry.value, below);
                }
            }
        }
    }

    fn add(&mut self, text: &str) {
        for part in std::iter::once(text).chain(lines(text)) {
            let part = part.trim();
            if part.chars().count() >= SHORTEST {
                self.secrets.push(Zeroizing::new(part.to_owned()));
            }
        }
    }

    fn clean(&self, text: &mut String) {
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }

    /// Whether a passphrase stands in `text`.
    pub fn finds_in(&self, text: &str) -> bool {
        self.secrets
            .iter()
            .any(|secret| text.contains(secret.as_str()))
    }

    /// Cleans what `diagnostic` takes from the file; what is allowed and the hint are words of ours.
    pub fn diagnostic(&self, diagnostic: &mut Diagnostic) {
        self.clean(&mut diagnostic.path);
        self.clean(&mut diagnostic.message);
        diagnostic
            .found
            .iter_mut()
            .for_each(|text| self.clean(text));
    }

    /// Cleans a warning.
    pub fn warning(&self, warning: &mut (Location, String)) {
        self.clean(&mut warning.1);
    }
}
