//! What changes in a table, decoded: header fields and entries by name. Never writes.

use super::refusal;
use crate::partitioner::gpt::raw::{self, RawCopy};
use crate::repair::{Piece, Refusal, Side, fields_differ, pieces};
use crate::units::{Bytes, Geometry};

/// What is written, and what that means.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) stages: Vec<Vec<Piece>>,
    pub(super) difference: Vec<String>,
}

impl Change {
    pub(super) fn add(
        &mut self,
        name: &str,
        start: Bytes,
        old: &[u8],
        new: &[u8],
        geometry: Geometry,
    ) {
        let changes = pieces(name, start, old, new, geometry.logical.bytes().to_usize());
        if changes.is_empty() {
            return;
        }
        self.stages.push(changes);
        if name.ends_with("header") {
            let (was, becomes) = (raw::header_fields(old), raw::header_fields(new));
            self.difference.extend(fields_differ(name, &was, &becomes));
        } else if name.ends_with("entries") {
            self.difference.extend(entries_differ(name, old, new));
        } else {
            self.difference.push(format!(
                "{name}: type 0xee from block 1 to the end of the disk"
            ));
        }
    }
}

/// Entries that come, go or change. Of an array of rubbish only the first are shown.
fn entries_differ(name: &str, old: &[u8], new: &[u8]) -> Vec<String> {
    let (was, becomes) = (raw::entries_in_words(old), raw::entries_in_words(new));
    let of = |list: &[(u32, String)], number: u32| {
        let found = list.iter().find(|(n, _)| *n == number);
        found.map_or(String::from("unused"), |(_, words)| words.clone())
    };
    let mut lines: Vec<String> = (1..=128)
        .map(|number| (number, of(&was, number), of(&becomes, number)))
        .filter(|(_, was, becomes)| was != becomes)
        .map(|(number, was, becomes)| format!("{name}, {number}: {was} → {becomes}"))
        .collect();
    let more = lines.len().saturating_sub(16);
    if more > 0 {
        lines.truncate(16);
        lines.push(format!("{name}: {more} more entries differ"));
    }
    lines
}

/// Why somebody has to choose.
pub(super) fn differ(primary: &RawCopy, backup: &RawCopy) -> Refusal {
    let fields = [primary, backup].map(|copy| raw::header_fields(&copy.header));
    let usual = [
        "header checksum",
        "own block",
        "other header",
        "entries at block",
    ];
    let mut difference = fields_differ("backup header against primary", &fields[0], &fields[1]);
    difference.retain(|line| {
        !usual
            .iter()
            .any(|field| line.contains(&format!(", {field}:")))
    });
    let entries = entries_differ("backup against primary", &primary.entries, &backup.entries);
    difference.extend(entries);
    Refusal {
        difference,
        choices: vec![Side::Primary, Side::Backup],
        ..refusal(
            String::from("the primary and the backup GPT are both whole, and differ"),
            "nothing tells which one is right; the kernel and Talos use the primary",
            Vec::new(),
        )
    }
}
