//! What the config's own udev rules write to the disks that are there.
//!
//! Reads sysfs and udev's database through [`Root`], to tell whether a rule's conditions hold. What a rule does to other
//! rules (properties, jumps) counts as "cannot be told", and such a rule is no wish.

use std::path::Path;

use super::blame::{Holds, Rules};
use super::desired::{Origin, Wish, place};
use super::disk::Disk;
use crate::config::spec::{Location, Tuning};
use crate::root::Root;

/// The wishes, and sentences on the rules of which it cannot be told whether they hold.
pub fn ruled(root: &Root, config: &Tuning, disks: &[Disk]) -> (Vec<Wish>, Vec<String>) {
    let mut wishes: Vec<Wish> = Vec::new();
    let mut notes = Vec::new();
    for (text, at) in &config.udev_rules {
        let rules = Rules::parse(&as_talos_joins(text));
        for (number, disk) in disks.iter().enumerate() {
            for write in rules.writes(root, Path::new(&disk.dir)) {
                if write.holds == Holds::Unknown {
                    notes.push(doubt(at, disk, &write.key));
                    continue;
                }
                wishes.retain(|known| known.disk != Some(number) || known.key != write.key);
                wishes.push(Wish {
                    disk: Some(number),
                    path: disk.attribute(&write.key),
                    key: write.key,
                    value: write.value,
                    reason: "a udev rule of the config sets it".to_owned(),
                    origin: Origin::Config(place(at)),
                    whole: false,
                });
            }
        }
    }
    (wishes, notes)
}

/// Talos writes each entry as one rule: its lines are joined.
fn as_talos_joins(entry: &str) -> String {
    entry.trim_end_matches('\n').replace('\n', "\\\n")
}

fn doubt(at: &Location, disk: &Disk, key: &str) -> String {
    format!(
        "{}: whether this udev rule sets {key} of {} cannot be told",
        place(at),
        disk.path()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_entry_are_one_rule() {
        assert_eq!(as_talos_joins("A==\"b\", \\\n"), "A==\"b\", \\");
        assert_eq!(as_talos_joins("one\ntwo\n"), "one\\\ntwo");
    }
}
