//! Replaces every form in which an identifier is written: upper and lower case, with blanks, underscores or udev's
//! escapes, without hyphens, and in hexadecimal as NVMe's world-wide ids have it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::Identifiers;
use super::stand_in::StandIns;
use crate::hex;

/// Shorter identifiers are replaced only where they are all that there is.
pub(super) const SHORTEST: usize = 5;

/// Draws for one identifier before giving up.
const DRAWS: u32 = 64;

/// Bytes that a form is looked up by.
const HEAD: usize = 4;

/// Identifiers and what they are replaced by.
pub(super) struct Replacer {
    /// First bytes → forms that start with them and their stand-ins, longest first.
    forms: BTreeMap<[u8; HEAD], Vec<(String, String)>>,
    short: BTreeMap<String, String>,
}

impl Replacer {
    /// Draws a stand-in for each of `found`; `None` if there are not enough different ones.
    pub(super) fn new(found: &Identifiers, stand_ins: &StandIns<'_>) -> Option<Self> {
        let mut replacer = Self {
            forms: BTreeMap::new(),
            short: BTreeMap::new(),
        };
        let mut taken: BTreeSet<String> =
            found.long.keys().map(|text| text.to_lowercase()).collect();
        let mut by_length: Vec<(&String, &usize)> = found.long.iter().collect();
        // An identifier inside of another one looks the same there as by itself.
        by_length.sort_by_key(|(text, _)| (text.len(), *text));
        for (text, keep) in by_length {
            // Another way to write a known one, or several of them in a row.
            if replacer.covers(text) {
                continue;
            }
            let mut draws = (0..DRAWS).map(|draw| replacer.draw(text, *keep, stand_ins, draw));
            let stand_in = draws.find(|drawn| !taken.contains(&drawn.to_lowercase()))?;
            taken.insert(stand_in.to_lowercase());
            replacer.add(text, &stand_in);
        }
        for text in &found.short {
            replacer
                .short
                .insert(text.clone(), stand_ins.draw(text, 0, 0));
        }
        Some(replacer)
    }

    /// Whether nothing of `text` is left when every known form is taken out of it.
    fn covers(&self, text: &str) -> bool {
        let mut rest = text;
        while let Some((form, _)) = self.at(rest) {
            rest = &rest[form.len()..];
        }
        rest.is_empty()
    }

    fn draw(&self, text: &str, keep: usize, stand_ins: &StandIns<'_>, draw: u32) -> String {
        let mut out = String::new();
        let mut own = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((form, stand_in)) = self.at(rest) {
                out.push_str(&stand_ins.draw(&std::mem::take(&mut own), 0, draw));
                out.push_str(stand_in);
                rest = &rest[form.len()..];
            } else {
                own.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        let keep = if out.is_empty() { keep } else { 0 };
        out + &stand_ins.draw(&own, keep, draw)
    }

    fn add(&mut self, text: &str, stand_in: &str) {
        type Form = fn(&str) -> String;
        const CASES: [Form; 3] = [str::to_owned, str::to_lowercase, str::to_uppercase];
        let forms: [Form; 8] = [
            str::to_owned,
            |text| one_blank(text, " "),
            |text| one_blank(text, "_"),
            |text| text.replace(' ', "_"),
            |text| text.replace(' ', "\\x20"),
            |text| text.replace(['-', ':'], ""),
            |text| hex::lower(text.as_bytes()),
            |text| hex::lower(text.as_bytes()).to_uppercase(),
        ];
        for case in CASES {
            for form in forms {
                self.add_form(form(&case(text)), form(&case(stand_in)));
            }
        }
    }

    fn add_form(&mut self, from: String, to: String) {
        let Some(head) = head(&from).filter(|_| from.len() >= SHORTEST) else {
            return;
        };
        let forms = self.forms.entry(head).or_default();
        if !forms.iter().any(|(known, _)| *known == from) {
            forms.push((from, to));
            forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        }
    }

    /// The longest form that `text` starts with.
    fn at(&self, text: &str) -> Option<(&str, &str)> {
        let forms = self.forms.get(&head(text)?)?;
        let found = forms
            .iter()
            .find(|(form, _)| text.starts_with(form.as_str()));
        found.map(|(form, stand_in)| (form.as_str(), stand_in.as_str()))
    }

    /// Whether any form of any identifier is in `text`.
    pub(super) fn finds(&self, text: &str) -> bool {
        text.char_indices()
            .any(|(at, _)| self.at(&text[at..]).is_some())
    }

    /// `text`, the value under `key`, with stand-ins.
    pub(super) fn replace(&self, key: &str, text: &str) -> String {
        if let Some(stand_in) = self.short.get(text.trim())
            && may_be_short(key)
        {
            return stand_in.clone();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((form, stand_in)) = self.at(rest) {
                out.push_str(stand_in);
                rest = &rest[form.len()..];
            } else {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if key == "id"
            && let Some((before, last)) = out.rsplit_once(' ')
            && let Some(stand_in) = self.short.get(last)
        {
            out = format!("{before} {stand_in}");
        }
        out
    }
}

/// Fields and properties that hold nothing but an identifier.
fn may_be_short(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    matches!(
        name,
        "serial" | "wwid" | "uuid" | "label" | "name" | "ID_FS_LABEL" | "ID_FS_LABEL_ENC"
    ) || name.contains("SERIAL")
}

fn head(text: &str) -> Option<[u8; HEAD]> {
    text.as_bytes().get(..HEAD)?.try_into().ok()
}

fn one_blank(text: &str, blank: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(blank)
}
