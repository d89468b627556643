//! A rule with what the guards above it already decide.
//!
//! Owns: `ACTION!="add", GOTO="end"` makes everything up to that label a matter of `add`. Pure.

use crate::tuner::knobs::Attachment;
use crate::tuner::rules::{Key, Operator, Rule, RulesFile, Token, matches};

use super::device::{DISKS, PARTITIONS};

/// Products of Samsung (04e8) that are portable SSDs: T3, T5, T7 and their kin.
const SAMSUNG_SSDS: [&str; 6] = ["61f3", "61f5", "61f6", "4001", "61fb", "61fd"];

/// Most guards that are kept at a time.
const MOST_GUARDS: usize = 16;

/// A rule and what holds where udev comes to it.
#[derive(Debug)]
pub(super) struct Subject<'r> {
    pub(super) rule: &'r Rule,
    /// What guards above it ask for.
    pub(super) implied: Vec<Token>,
    /// How many labels and jumps stand above it: rules with another number may be for other disks.
    pub(super) section: usize,
}

/// Every rule with its guards.
pub(super) fn subjects(file: &RulesFile) -> Vec<Subject<'_>> {
    let mut guards: Vec<(String, Token)> = Vec::new();
    let mut section = 0;
    let mut all = Vec::new();
    for rule in &file.rules {
        if let Some(label) = rule.value_of(Key::Label) {
            guards.retain(|(end, _)| end != label);
            section += 1;
        }
        all.push(Subject {
            rule,
            implied: guards.iter().map(|(_, token)| token.clone()).collect(),
            section,
        });
        let Some(end) = rule.value_of(Key::Goto) else {
            continue;
        };
        match guard(rule) {
            Some(token) if guards.len() < MOST_GUARDS => guards.push((end.to_owned(), token)),
            Some(_) => {}
            None => section += 1,
        }
    }
    all
}

/// What holds below a rule that jumps over everything else: its only comparison, turned around.
fn guard(rule: &Rule) -> Option<Token> {
    let mut compared = rule.matches();
    let (Some(token), None) = (compared.next(), compared.next()) else {
        return None;
    };
    (token.operator == Operator::NoMatch).then(|| Token {
        operator: Operator::Match,
        ..token.clone()
    })
}

impl<'r> Subject<'r> {
    /// What has to hold: of the rule and of its guards.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &Token> {
        self.rule.matches().chain(&self.implied)
    }

    /// The values that `key` must have one of, where the rule says so.
    pub(super) fn wanted(&self, key: Key) -> impl Iterator<Item = &Token> {
        let holds = move |token: &&Token| token.key == key && token.operator == Operator::Match;
        self.conditions().filter(holds)
    }

    /// Whether a device with this kernel name and type could be meant.
    fn may_be(&self, name: &str, devtype: &str) -> bool {
        self.conditions().all(|token| {
            let text = match (token.key, token.attribute.as_deref()) {
                (Key::Kernel, _) => name,
                (Key::Env, Some("DEVTYPE")) => devtype,
                _ => return true,
            };
            let fits = matches(&token.value, text, token.ignores_case);
            fits == (token.operator == Operator::Match)
        })
    }

    /// Whether the rule could be for a whole disk.
    pub(super) fn may_be_disk(&self) -> bool {
        DISKS.iter().any(|name| self.may_be(name, "disk"))
    }

    /// Whether the rule could be for a partition.
    pub(super) fn may_be_partition(&self) -> bool {
        PARTITIONS.iter().any(|name| self.may_be(name, "partition"))
    }

    /// Whether the rule says which devices it is for by their names.
    pub(super) fn asks_for_names(&self) -> bool {
        self.wanted(Key::Kernel).next().is_some()
    }

    /// The subsystem that the rule is for; none if it does not say.
    pub(super) fn subsystem(&self) -> Option<&str> {
        self.wanted(Key::Subsystem)
            .next()
            .map(|token| token.value.as_str())
    }

    /// Whether the rule is for disks rather than for anything.
    pub(super) fn is_about_disks(&self) -> bool {
        let named = self.asks_for_names() && self.may_be_disk();
        let queue = |attribute: &str| attribute.starts_with("queue/");
        self.subsystem() == Some("block")
            || named
            || self.rule.writes().any(|(_, attribute)| queue(attribute))
    }

    /// Whether the rule asks for the ids of a portable SSD.
    pub(super) fn names_an_ssd(&self) -> bool {
        self.conditions().any(|token| {
            let product = token.attribute.as_deref() == Some("idProduct");
            product && token.alternatives().all(|id| SAMSUNG_SSDS.contains(&id))
        })
    }

    /// How the disks that the rule is for may hang on the machine.
    pub(super) fn attachments(&self) -> Vec<Attachment> {
        let mut left = vec![
            Attachment::Uas,
            Attachment::BulkOnly,
            Attachment::Ata,
            Attachment::Nvme,
        ];
        let scsi = ["sda", "sdb", "sdaa"];
        if !scsi.iter().any(|name| self.may_be(name, "disk")) {
            left.retain(|it| *it == Attachment::Nvme);
        }
        if !self.may_be("nvme0n1", "disk") {
            left.retain(|it| *it != Attachment::Nvme);
        }
        if self.names_an_ssd() || self.subsystem() == Some("usb") {
            left.retain(|it| is_usb(*it));
        }
        for token in self.conditions() {
            let wanted = token.operator == Operator::Match;
            let is = |text: &str| matches(&token.value, text, token.ignores_case);
            match (token.key, token.attribute.as_deref()) {
                (Key::Drivers, _) if is("uas") || is("usb-storage") => left.retain(|it| match it {
                    Attachment::Uas => is("uas") == wanted,
                    Attachment::BulkOnly => is("usb-storage") == wanted,
                    _ => !wanted,
                }),
                (Key::Subsystems, _) if is("usb") => {
                    left.retain(|it| is_usb(*it) == wanted);
                }
                (Key::Env, Some("ID_USB_DRIVER")) => left.retain(|it| match it {
                    Attachment::Uas => is("uas") == wanted,
                    Attachment::BulkOnly => is("usb-storage") == wanted,
                    _ => !wanted,
                }),
                (Key::Attrs, Some("idVendor" | "idProduct")) if wanted => {
                    left.retain(|it| is_usb(*it));
                }
                // The T5's and T7's own names.
                (Key::Attrs, Some("model"))
                    if wanted && token.alternatives().all(|it| it.contains("SSD T")) =>
                {
                    left.retain(|it| is_usb(*it));
                }
                _ => {}
            }
        }
        left
    }
}

const fn is_usb(attachment: Attachment) -> bool {
    matches!(attachment, Attachment::Uas | Attachment::BulkOnly)
}
