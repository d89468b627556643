//! Rules whose conditions cannot hold.
//!
//! Pure. Only says so where it is certain: what is not listed in [`super::device`] could be anything.

use crate::tuner::rules::{Key, Operator, Token, is_glob, matches};

use super::code::Code;
use super::device::{
    self, ACTIONS, ANY, Chain, owners_of_attribute, owners_of_driver, owners_of_subsystem,
    owners_of_value,
};
use super::finding::{Finding, Sink};
use super::source::RuleSet;
use super::subject::Subject;

/// What sysfs keeps of a SCSI disk's names.
const LONGEST: [(&str, usize); 3] = [("model", 16), ("vendor", 8), ("rev", 4)];

pub(super) fn check(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    parents(set, subject, sink);
    for token in subject.rule.matches() {
        if let Some((code, message, hint)) = word(token, subject) {
            sink.add(Finding::new(code, set.location(token.at), message).hint(hint));
        }
        for (code, message, hint) in doubts(token, subject) {
            sink.add(Finding::new(code, set.location(token.at), message).hint(hint));
        }
    }
    action(set, subject, sink);
}

/// Whether all that is asked of parents can be one device.
fn parents(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    let mut left: Chain = ANY;
    let mut before: Option<&Token> = None;
    for token in subject.rule.matches() {
        let owners = owners(token);
        if owners == ANY {
            continue;
        }
        if let Some(first) = before
            && left & owners == 0
        {
            let message = format!(
                "{} and {} belong to different devices, and one rule asks one parent only: it never matches",
                name(first),
                name(token)
            );
            let finding = Finding::new(Code::ParentsDiffer, set.location(token.at), message);
            sink.add(finding.also(set.location(first.at)).hint(
                "keep the USB ids and leave the other one out, or use a rule with GOTO for each parent",
            ));
            return;
        }
        left &= owners;
        before = before.or(Some(token));
    }
}

/// Which devices a pair that walks up the chain can hold for.
fn owners(token: &Token) -> Chain {
    let exact = token.operator == Operator::Match;
    let plain = exact && !is_glob(&token.value) && !token.value.contains('|');
    match (token.key, token.attribute.as_deref()) {
        (Key::Attrs, Some(attribute)) if plain => owners_of_value(attribute, &token.value),
        (Key::Attrs, Some(attribute)) if exact => owners_of_attribute(attribute),
        (Key::Subsystems, _) if plain => owners_of_subsystem(&token.value),
        (Key::Drivers, _) if plain => owners_of_driver(&token.value),
        _ => ANY,
    }
}

fn name(token: &Token) -> String {
    match (&token.attribute, token.key) {
        (Some(attribute), _) => attribute.chars().take(40).collect(),
        (None, Key::Subsystems) => format!("SUBSYSTEMS {:?}", short(&token.value)),
        (None, Key::Drivers) => format!("DRIVERS {:?}", short(&token.value)),
        (None, _) => short(&token.value),
    }
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

type Said = (Code, String, String);

/// A word that cannot occur, at `token`.
fn word(token: &Token, subject: &Subject<'_>) -> Option<Said> {
    if token.operator != Operator::Match || token.value.is_empty() {
        return None;
    }
    let words = || token.alternatives().filter(|word| !is_glob(word));
    let case = |wrong: &str, right: &str| {
        let message = format!(
            "{:?} is written {right:?}, so this never matches",
            short(wrong)
        );
        Some((Code::WrongCase, message, format!("write {right:?}")))
    };
    let spelled = |known: fn(&str) -> Option<&'static str>| {
        let wrong = words().find_map(|word| Some((word, known(word)?)))?;
        if token.ignores_case && wrong.0.eq_ignore_ascii_case(wrong.1) {
            return None;
        }
        if wrong.0.eq_ignore_ascii_case(wrong.1) {
            return case(wrong.0, wrong.1);
        }
        let message = format!("the driver is called {}, not {}", wrong.1, wrong.0);
        Some((Code::NeverMatches, message, format!("write {:?}", wrong.1)))
    };
    match (token.key, token.attribute.as_deref()) {
        (Key::Action, _) => words().find_map(|word| action_word(word, token.ignores_case)),
        (Key::Subsystem | Key::Subsystems, _) => spelled(device::respelled_subsystem),
        (Key::Driver | Key::Drivers, _) => spelled(device::respelled_driver),
        (Key::Kernel | Key::Kernels, _) if !token.ignores_case => {
            let upper = |word: &&str| word.starts_with("SD") || word.starts_with("NVME");
            let wrong = token.alternatives().find(upper)?;
            case(wrong, &wrong.to_ascii_lowercase())
        }
        (Key::Env, Some("DEVTYPE")) if !token.ignores_case => {
            let lower = |word: &str| word.to_ascii_lowercase();
            let known = |word: &&str| ["disk", "partition"].contains(&lower(word).as_str());
            let wrong = words().find(|word| known(word) && **word != lower(word))?;
            case(wrong, &lower(wrong))
        }
        (Key::Env, Some(property)) => {
            let upper = property.to_ascii_uppercase();
            let known = upper.starts_with("ID_") || upper == "DEVTYPE";
            (known && upper != property).then(|| case(property, &upper))?
        }
        (Key::Attr | Key::Attrs, Some(attribute)) => attribute_word(token, attribute, subject),
        _ => None,
    }
}

fn action_word(word: &str, ignores_case: bool) -> Option<Said> {
    let lower = word.to_ascii_lowercase();
    if ACTIONS.contains(&word) || (ignores_case && ACTIONS.contains(&lower.as_str())) {
        return None;
    }
    if ACTIONS.contains(&lower.as_str()) {
        let message = format!("{word:?} is written {lower:?}, so this never matches");
        return Some((Code::WrongCase, message, format!("write {lower:?}")));
    }
    let message = format!("the kernel has no action {:?}", short(word));
    Some((
        Code::NeverMatches,
        message,
        format!("use one of {}", ACTIONS.join(", ")),
    ))
}

fn attribute_word(token: &Token, attribute: &str, subject: &Subject<'_>) -> Option<Said> {
    if let Some(right) = device::respelled_attribute(attribute) {
        let message = format!("the attribute is called {right}, so this never matches");
        return Some((Code::WrongCase, message, format!("write {right}")));
    }
    let is_block = subject.subsystem() == Some("block");
    if token.key == Key::Attr && is_block && device::is_of_parents(attribute) {
        let message =
            format!("a block device has no attribute {attribute}: ATTR looks at the device alone");
        let hint = format!("ATTRS{{{attribute}}} looks at its parents too");
        return Some((Code::NeverMatches, message, hint));
    }
    let is_id = matches!(attribute, "idVendor" | "idProduct" | "bcdDevice");
    let plain = || {
        token
            .alternatives()
            .filter(|word| !is_glob(word) && !word.is_empty())
    };
    if is_id && let Some(wrong) = plain().find(|word| !is_id_text(word)) {
        let lower = wrong.to_ascii_lowercase();
        if is_id_text(&lower) && !token.ignores_case {
            let message = format!("sysfs writes {lower:?}, so this never matches");
            return Some((Code::WrongCase, message, format!("write {lower:?}")));
        }
        if !is_id_text(&lower) {
            let message = format!(
                "{attribute} has four hexadecimal digits, {:?} is none",
                short(wrong)
            );
            let hint = "write it as `lsusb` shows it, such as \"04e8\"".to_owned();
            return Some((Code::NeverMatches, message, hint));
        }
    }
    too_long(token, attribute, subject)
}

fn is_id_text(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 4 && text.bytes().all(digit)
}

fn too_long(token: &Token, attribute: &str, subject: &Subject<'_>) -> Option<Said> {
    let bare = attribute.strip_prefix("device/").unwrap_or(attribute);
    let (_, longest) = LONGEST.iter().find(|(name, _)| *name == bare)?;
    let nvme = subject
        .attachments()
        .contains(&crate::tuner::knobs::Attachment::Nvme);
    if bare == "model" && nvme {
        return None;
    }
    let fixed = |word: &str| match word.find(['*', '?', '[']) {
        Some(end) => word.get(..end).unwrap_or_default().chars().count(),
        None => word.trim_end().chars().count(),
    };
    if token.alternatives().any(|word| fixed(word) <= *longest) {
        return None;
    }
    let message = format!(
        "sysfs has the first {longest} characters of the {bare} only, and this asks for more"
    );
    let hint =
        "shorten it and end it with *, or ask udev's ENV{ID_MODEL}, which has the whole name";
    Some((Code::NeverMatches, message, hint.to_owned()))
}

/// Things that hold, but not always where they are meant to.
fn doubts(token: &Token, subject: &Subject<'_>) -> Vec<Said> {
    let mut said = Vec::new();
    if token.operator != Operator::Match || !subject.is_about_disks() {
        return said;
    }
    let property = token.attribute.as_deref();
    let usb = matches(&token.value, "usb", false) && !matches(&token.value, "ata", false);
    if token.key == Key::Env && property == Some("ID_BUS") && usb {
        let message =
            "ID_BUS of a USB SSD is ata where udev's ata_id gets an answer, as from a Samsung T5";
        let hint = "ask ENV{ID_USB_DRIVER}==\"?*\" or SUBSYSTEMS==\"usb\"";
        said.push((Code::OtherProperty, message.to_owned(), hint.to_owned()));
    }
    if token.key == Key::Env && matches!(property, Some("ID_VENDOR_ID" | "ID_MODEL_ID")) {
        let property = property.unwrap_or_default();
        let message = format!(
            "{property} is not set where udev's ata_id gets an answer, as from a Samsung T5"
        );
        let usb = match property {
            "ID_VENDOR_ID" => "ID_USB_VENDOR_ID",
            _ => "ID_USB_MODEL_ID",
        };
        said.push((
            Code::OtherProperty,
            message,
            format!("ask ENV{{{usb}}}, which is always set"),
        ));
    }
    let writes = subject.rule.writes().next().is_some();
    if token.key == Key::Kernel && writes {
        said.extend(kernel_name(token));
    }
    said
}

/// Patterns and names of disks.
fn kernel_name(token: &Token) -> Option<Said> {
    let value = token.value.as_str();
    if matches(value, "sdz", false) && !matches(value, "sdaa", false) {
        let message = format!("{:?} is not true of sdaa, the 27th disk", short(value));
        let hint = "use \"sd*\" with ENV{DEVTYPE}==\"disk\"".to_owned();
        return Some((Code::NarrowName, message, hint));
    }
    let disk = |word: &&str| {
        let letters = word.strip_prefix("sd").unwrap_or_default();
        let nvme = word.starts_with("nvme") && word.contains('n');
        !is_glob(word)
            && (nvme
                || (!letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase())))
    };
    let named = token.alternatives().find(disk)?;
    let message = format!("{named} may be another disk after the next boot");
    let hint = "ask for the disk itself: ATTRS{idVendor} and ATTRS{idProduct}, or ENV{ID_SERIAL}";
    Some((Code::KernelName, message, hint.to_owned()))
}

/// A rule that changes settings, but not when Talos triggers it.
fn action(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    if !set.is_talos || subject.rule.writes().next().is_none() {
        return;
    }
    let asked = subject.wanted(Key::Action).find(|token| {
        let is = |action| matches(&token.value, action, token.ignores_case);
        is("change") && !is("add")
    });
    if let Some(token) = asked {
        let at = if subject.implied.contains(token) {
            subject.rule.at
        } else {
            token.at
        };
        let message = "Talos triggers `add` at boot, and this waits for `change`";
        let finding = Finding::new(Code::NotAtBoot, set.location(at), message);
        sink.add(finding.hint("write ACTION==\"add|change\""));
    }
}
