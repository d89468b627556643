//! Programs that rules start, entries of Talos that hold two rules, and arguments of the kernel.
//!
//! Pure.

use crate::tuner::knobs::{self, Judgement};
use crate::tuner::rules::{Key, Place, Token, parse};

use super::code::Code;
use super::conditions::short;
use super::finding::{Finding, Sink};
use super::source::{Argument, RuleSet};
use super::subject::Subject;

const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "busybox"];

/// Where udev's own helpers lie; a name without a slash is one of them.
const HELPERS: [&str; 2] = ["/usr/lib/udev/", "/lib/udev/"];

/// Checks the programs of a rule.
pub(super) fn check_rule(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    for token in &subject.rule.tokens {
        if is_program(token) {
            program(set, token, sink);
        }
    }
}

fn is_program(token: &Token) -> bool {
    let attribute = token.attribute.as_deref();
    match token.key {
        Key::Run => !token.is_match() && attribute != Some("builtin"),
        Key::Program => true,
        Key::Import => attribute == Some("program"),
        _ => false,
    }
}

fn program(set: &RuleSet, token: &Token, sink: &mut Sink) {
    let command = token.value.as_str();
    let path = command.split_whitespace().next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let shell = SHELLS.contains(&name);
    let at = set.location(token.value_at);
    let writes = command.contains("/sys/") && command.contains('>');
    let hint = match writes {
        true => "ATTR{queue/…}=\"…\" writes the attribute without a program",
        false => "leave it out",
    };
    let helper = !path.contains('/') || HELPERS.iter().any(|dir| path.starts_with(dir));
    if set.is_talos && (shell || !helper || name == "systemctl") {
        let message = format!("Talos has no {}", short(path));
        return sink.add(Finding::new(Code::NoPrograms, at, message).hint(hint));
    }
    let syntax = [" > ", " >> ", " | ", " && ", " || ", "; "];
    if !shell && syntax.iter().any(|word| command.contains(word)) {
        let message = "udev starts programs without a shell, so nothing is redirected or chained";
        return sink.add(Finding::new(Code::NoShell, at, message).hint(hint));
    }
    if shell && writes && token.key == Key::Run {
        let message = "RUN comes after all rules, so this write may undo read_ahead_kb";
        sink.add(Finding::new(Code::RunWrites, at, message).hint(hint));
    }
}

/// Entries of `machine.udev.rules` that were meant as several rules.
pub(super) fn check_entries(set: &RuleSet, sink: &mut Sink) {
    for (text, spot) in &set.entries {
        let Some(line) = second_rule(text) else {
            continue;
        };
        let message = "Talos makes one rule of this entry, and here a second one begins";
        let at = set.location_in_entry(*spot, line);
        sink.add(Finding::new(Code::TwoRules, at, message).hint("give it an entry of its own"));
    }
}

/// The line in which a second rule begins: one that is a rule by itself, behind another that is complete.
fn second_rule(text: &str) -> Option<u32> {
    let mut complete = false;
    for (number, line) in (1..).zip(text.split('\n')) {
        let body = line.trim();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let continued = body.strip_suffix('\\').map(str::trim);
        let text = continued.unwrap_or(body).trim_end_matches(',');
        let alone = parse(text);
        let starts = alone
            .rules
            .first()
            .is_some_and(|rule| rule.at == Place { line: 1, column: 1 });
        let jump = |key| {
            alone
                .rules
                .first()
                .is_some_and(|rule| rule.value_of(key).is_some())
        };
        let compares = alone
            .rules
            .first()
            .is_some_and(|rule| rule.matches().next().is_some());
        if complete && starts && (compares || jump(Key::Label) || jump(Key::Goto)) {
            return Some(number);
        }
        complete = starts && continued.is_none() && !body.ends_with(',');
        // A jump without its label further down is a rule for all that.
        let goto = text.contains("GOTO=");
        complete |= goto && continued.is_none() && !body.ends_with(',');
    }
    None
}

/// Checks an argument of the kernel.
pub(super) fn check_argument(argument: &Argument, sink: &mut Sink) {
    let Some((name, value)) = argument.text.split_once('=') else {
        return;
    };
    let at = argument.at.clone();
    if name == "elevator" {
        let message = "the kernel has not known elevator= since 5.0";
        let finding = Finding::new(Code::NoSuchArgument, at, message);
        return sink.add(finding.hint("leave it out; the default of a USB disk is mq-deadline"));
    }
    let sysctl = name
        .strip_prefix("sysctl.")
        .map(crate::tuner::sysctl_file::dotted);
    let key = sysctl.unwrap_or_else(|| match name.split_once('.') {
        Some(("usb_storage", parameter)) => format!("usb-storage.{parameter}"),
        _ => name.to_owned(),
    });
    let Some(knob) = knobs::by_key(&key) else {
        return;
    };
    if let Judgement::Rejected(why) = knob.judge(value) {
        let message = format!("the kernel refuses {:?} for {key}: {why}", short(value));
        return sink
            .add(Finding::new(Code::Rejected, at, message).hint("write a value that it takes"));
    }
    if key == "usbcore.autosuspend" {
        let message = "uas and usb-storage keep their disks awake already";
        return sink.add(Finding::new(Code::NoEffect, at, message).hint("leave it out"));
    }
    if key.ends_with(".quirks")
        && let Some(wrong) = value.split(',').find(|quirk| !is_quirk(quirk))
    {
        let message = format!(
            "{:?} is no quirk, and the kernel passes over it without a word",
            short(wrong)
        );
        let hint =
            "write vendor:product:letters, four hexadecimal digits each, such as 04e8:61f5:u";
        sink.add(Finding::new(Code::IgnoredValue, at, message).hint(hint));
    }
}

/// `04e8:61f5:u`
fn is_quirk(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let id = |text: &str| {
        (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match parts.as_slice() {
        [vendor, product, letters] => {
            id(vendor) && id(product) && letters.bytes().all(|byte| byte.is_ascii_lowercase())
        }
        _ => false,
    }
}
