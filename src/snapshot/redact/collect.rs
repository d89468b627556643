//! Finds what identifies a machine: from the fields that hold identifiers, and by their looks in every other text. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::replace::SHORTEST;
use super::texts;
use super::words::{PublicWords, is_public_label, is_public_property};
use crate::probe::identity::is_unique;
use crate::probe::inventory::{Content, Disk};
use crate::snapshot::Snapshot;

/// `naa.5`, and the company: what stays of a world-wide name.
const NAA_COMPANY: usize = 7;
/// The company in an EUI-64.
const EUI_COMPANY: usize = 6;
/// The company in a MAC address, with its colons.
const MAC_COMPANY: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    /// Identifier (in lower case where case means nothing) → how many characters at its start say only who made it.
    pub(super) long: BTreeMap<String, usize>,
    /// Too short to be looked for inside of other texts.
    pub(super) short: BTreeSet<String>,
}

impl Identifiers {
    /// How many different ones.
    pub(super) fn count(&self) -> usize {
        self.long.len() + self.short.len()
    }
}

/// Everything in `snapshot` that identifies; `value` is the same as JSON.
pub(super) fn identifiers(snapshot: &Snapshot, value: &Value) -> Identifiers {
    let words = PublicWords::of(&snapshot.inventory);
    let mut search = Search {
        words: &words,
        found: Identifiers::default(),
    };
    if let Some(uuid) = &snapshot.inventory.machine.uuid {
        search.add(uuid, 0);
    }
    for disk in &snapshot.inventory.disks {
        search.disk(disk);
    }
    for (path, text) in &snapshot.attributes {
        search.attribute(path, text);
    }
    texts(value, "", &mut |_, text| search.looks(text));
    search.found
}

struct Search<'w> {
    words: &'w PublicWords,
    found: Identifiers,
}

impl Search<'_> {
    fn disk(&mut self, disk: &Disk) {
        self.serial(&disk.talos.serial);
        self.wwid(&disk.talos.wwid);
        self.add(&disk.talos.uuid, 0);
        if let Some(usb) = &disk.usb {
            self.serial(&usb.serial);
        }
        for (key, value) in disk.udev.iter().filter(|(key, _)| !is_public_property(key)) {
            self.property(key, value);
        }
        for link in &disk.talos.symlinks {
            self.link(link);
        }
        self.content(&disk.content);
    }

    fn content(&mut self, content: &Content) {
        let Some(layout) = content.layout() else {
            return;
        };
        let inside = layout
            .partitions
            .iter()
            .flat_map(|partition| &partition.signatures);
        for signature in layout.signatures.iter().chain(inside) {
            self.label(&signature.label);
            self.add(&signature.uuid, 0);
        }
        for partition in &layout.partitions {
            self.label(&partition.name);
        }
    }

    fn attribute(&mut self, path: &str, text: &str) {
        match path.rsplit('/').next().unwrap_or(path) {
            "serial" | "cid" => self.serial(text),
            "wwid" | "eui" | "nguid" | "uuid" => self.wwid(text),
            _ => {}
        }
    }

    fn property(&mut self, key: &str, value: &str) {
        let value = &unescaped(value);
        match key {
            // Places on a bus: only what looks like an address identifies.
            _ if key.starts_with("ID_PATH") || key == "ID_SAS_PATH" => {}
            _ if key.contains("LABEL") || key.contains("NAME") => self.label(value),
            _ => self.wwid(value),
        }
    }

    /// A name below `/dev`.
    fn link(&mut self, link: &str) {
        let names: Vec<&str> = link.split('/').collect();
        for pair in names.windows(2) {
            let name = unescaped(pair[1]);
            match pair[0] {
                "by-uuid" | "by-partuuid" => self.add(&name, 0),
                "by-label" | "by-partlabel" => self.label(&name),
                "by-id" => self.by_id(&name),
                _ => {}
            }
        }
    }

    fn by_id(&mut self, name: &str) {
        const KINDS: [&str; 5] = ["dm-uuid-", "md-uuid-", "md-name-", "lvm-pv-uuid-", "scsi-S"];
        if name.starts_with("dm-name-") {
            return;
        }
        let known = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
        let rest = known
            .or_else(|| Some(name.split_once('-')?.1))
            .unwrap_or(name);
        self.wwid(rest);
    }

    fn wwid(&mut self, text: &str) {
        let text = text.trim();
        let text = text.strip_prefix("mpath-").unwrap_or(text);
        // scsi_id puts the type of a designator before it: 3 for a world-wide name.
        let is_wwn = |rest: &&str| is_hex(rest) && matches!(rest.len(), 16 | 32);
        if let Some(wwn) = text.strip_prefix('3').filter(is_wwn) {
            self.add(wwn, NAA_COMPANY);
        } else if text.starts_with("CRYPT-") {
            // The UUID in it shows by its looks; the rest is kind and name of a mapping.
        } else if let Some(rest) = text.strip_prefix("nvme.") {
            // nvme.<vendor>-<serial>-<model>-<namespace>, both in hexadecimal.
            let serial = rest.split('-').nth(1).unwrap_or_default();
            match decoded(serial) {
                Some(serial) => self.serial(&serial),
                None => self.add(serial, 0),
            }
        } else if let Some(rest) = text.strip_prefix("naa.") {
            self.add(rest, NAA_COMPANY);
        } else if let Some(rest) = text.strip_prefix("eui.") {
            self.add(rest, if rest.len() == 16 { EUI_COMPANY } else { 0 });
        } else if let Some(rest) = text.strip_prefix("0x") {
            self.add(rest, if rest.len() >= 16 { NAA_COMPANY } else { 0 });
        } else {
            self.serial(text.strip_prefix("t10.").unwrap_or(text));
        }
    }

    fn serial(&mut self, text: &str) {
        self.add(self.words.strip(text), 0);
    }

    fn label(&mut self, text: &str) {
        if !is_public_label(text.trim()) {
            self.add(text, 0);
        }
    }

    fn add(&mut self, text: &str, keep: usize) {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        // What nearly every disk of a kind has is no identifier, and nothing but zeros is none.
        if !is_unique(text) || self.words.contain(text) {
            return;
        }
        if text.len() < SHORTEST {
            self.found.short.insert(text.to_owned());
            return;
        }
        // Digits mean the same in capitals. Mixed ones are a spelling of their own, which must be found as it is.
        let text = if is_hex(text) && text == text.to_uppercase() {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let known = self.found.long.entry(text).or_default();
        *known = keep.max(*known);
    }

    /// Identifiers that show by their looks.
    fn looks(&mut self, text: &str) {
        for found in PATTERNS
            .uuid
            .find_iter(text)
            .chain(PATTERNS.iscsi.find_iter(text))
        {
            self.add(found.as_str(), 0);
        }
        for found in PATTERNS.wwn.captures_iter(text) {
            let keep = if found[1].eq_ignore_ascii_case("eui.") {
                EUI_COMPANY
            } else {
                NAA_COMPANY
            };
            self.add(&found[2], keep);
        }
        for found in PATTERNS.mac.find_iter(text) {
            if found.as_str() == "00:00:00:00:00:00" {
                continue;
            }
            self.add(found.as_str(), MAC_COMPANY);
        }
        for found in PATTERNS.portal.captures_iter(text) {
            self.add(&found[1], 0);
        }
        for found in PATTERNS.digest.find_iter(text) {
            // A model in hexadecimal is text again when decoded.
            if decoded(found.as_str()).is_none() {
                self.add(found.as_str(), 0);
            }
        }
    }
}

struct Patterns {
    uuid: Regex,
    wwn: Regex,
    mac: Regex,
    digest: Regex,
    iscsi: Regex,
    portal: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let regex = |pattern| Regex::new(pattern).expect("a pattern of this file");
    Patterns {
        uuid: regex("(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        wwn: regex(r"(?i)(naa\.|eui\.|0x)([0-9a-f]{16}(?:[0-9a-f]{16})?)"),
        mac: regex(r"(?i)\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b"),
        digest: regex("(?i)[0-9a-f]{32,}"),
        iscsi: regex(r"iqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.:-]+"),
        portal: regex(r"ip-([0-9A-Fa-f.:\[\]]+)-(?:iscsi|nvme)"),
    }
});

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'))
}

/// The text that `hex` spells, if it spells one.
fn decoded(hex: &str) -> Option<String> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16)
            .ok()
            .filter(|byte| matches!(byte, b' '..=b'~'))
            .map(char::from)
    });
    let text: String = pairs.collect::<Option<_>>()?;
    (!text.is_empty()).then_some(text)
}

/// udev writes what a name cannot hold as `\xNN`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\x");
    let mut plain = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(byte) => {
                plain.push(byte);
                plain.extend(&part.as_bytes()[2..]);
            }
            None => {
                plain.extend(b"\\x");
                plain.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
