//! What is written: values that the kernel refuses, changes, ignores, or that do harm or nothing.
//!
//! Pure; what the kernel does comes from [`crate::tuner::knobs`].

use crate::config::ParameterKind;
use crate::config::spec::Location;
use crate::tuner::knobs::{self, Access, Attachment, Judgement, Knob};
use crate::tuner::rules::{Key, Token};

use super::code::Code;
use super::conditions::short;
use super::finding::{Finding, Sink};
use super::source::{Origin, Parameter, RuleSet, Sources};
use super::subject::Subject;

/// A write whose value is checked.
struct Write<'w> {
    knob: &'static Knob,
    value: &'w str,
    at: Location,
    /// How the disks that it is for may hang on the machine; empty if it is not for disks.
    attachments: Vec<Attachment>,
    /// Whether the rule looks first whether the value is another one.
    is_guarded: bool,
}

/// The name of the knob that a rule writes with this attribute; `None` if it is not about disks.
pub(super) fn key_of(subject: &Subject<'_>, attribute: &str) -> Option<String> {
    let disk = attribute.starts_with("queue/") || attribute.starts_with("bdi/");
    let scsi_disk = attribute.strip_prefix("device/scsi_disk/");
    match subject.subsystem() {
        Some("scsi_disk") => Some(format!("scsi_disk/{attribute}")),
        Some("usb") => Some(format!("usb/{attribute}")),
        Some("scsi") => Some(format!("device/{attribute}")),
        Some("bdi") => Some(format!("bdi/{attribute}")),
        Some("block") | None => match scsi_disk {
            Some(rest) => rest
                .split_once('/')
                .map(|(_, name)| format!("scsi_disk/{name}")),
            None if disk || attribute.starts_with("device/") => Some(attribute.to_owned()),
            None => None,
        },
        Some(_) => None,
    }
}

/// Checks what a rule writes.
pub(super) fn check_rule(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    for (token, attribute) in subject.rule.writes() {
        let Some(key) = key_of(subject, attribute) else {
            continue;
        };
        if let Some(right) = super::device::respelled_attribute(&key) {
            let message =
                format!("the attribute is called {right}: this writes to a file that is not there");
            let finding = Finding::new(Code::WrongCase, set.location(token.at), message);
            sink.add(finding.hint(format!("write {right}")));
            continue;
        }
        let at = set.location(token.at);
        let Some(knob) = known(&key, &at, sink) else {
            continue;
        };
        // What is substituted is not known here.
        if token.value.contains(['$', '%']) {
            continue;
        }
        value(
            &Write {
                knob,
                value: &token.value,
                at: set.location(token.value_at),
                attachments: subject.attachments(),
                // Of a USB device that may be no disk nothing is known.
                is_guarded: guarded(subject, token)
                    || (key.starts_with("usb/") && !subject.names_an_ssd()),
            },
            sink,
        );
    }
    for token in &subject.rule.tokens {
        let property = token.attribute.as_deref();
        if token.key == Key::Env && !token.is_match() && property == Some("ID_SSD") {
            let message = "nothing reads ID_SSD";
            let finding = Finding::new(Code::UnreadProperty, set.location(token.at), message);
            sink.add(finding.hint("leave it out; queue/rotational is what tells an SSD"));
        }
        if token.key == Key::Sysctl && !token.is_match() {
            sysctl(set, token, sink);
        }
    }
    partition(set, subject, sink);
}

fn sysctl(set: &RuleSet, token: &Token, sink: &mut Sink) {
    let name = token.attribute.as_deref().unwrap_or_default();
    let key = crate::tuner::sysctl_file::dotted(name);
    if let Some(knob) = known(&key, &set.location(token.at), sink) {
        let write = Write {
            knob,
            value: &token.value,
            at: set.location(token.value_at),
            attachments: Vec::new(),
            is_guarded: false,
        };
        value(&write, sink);
    }
}

/// Whether the rule compares the attribute that it writes.
fn guarded(subject: &Subject<'_>, written: &Token) -> bool {
    let same = |token: &Token| token.key == Key::Attr && token.attribute == written.attribute;
    subject.conditions().any(same)
}

/// The knob; a finding if there can be none.
fn known(key: &str, at: &Location, sink: &mut Sink) -> Option<&'static Knob> {
    let knob = knobs::by_key(key);
    // A pattern of sysctl.d stands for several.
    if knob.is_none() && knobs::is_complete_for(key) && !key.contains(['*', '?', '[', '$', '%']) {
        let finding = Finding::new(
            Code::UnknownKnob,
            at.clone(),
            format!("no kernel has {}", short(key)),
        );
        let close = closest(key);
        let hint = close.map(|close| format!("did you mean {close}?"));
        sink.add(finding.hint(hint.unwrap_or_else(|| "leave it out".to_owned())));
    }
    knob
}

/// The knob that differs by a letter or two.
fn closest(key: &str) -> Option<&'static str> {
    crate::config::nearest::nearest(key, &knobs::beside(key))
        .first()
        .copied()
}

fn value(write: &Write<'_>, sink: &mut Sink) {
    let (knob, at) = (write.knob, &write.at);
    let shown = short(write.value);
    let mut say = |code, message: String, hint: &str| {
        sink.add(Finding::new(code, at.clone(), message).hint(hint));
    };
    match knob.judge(write.value) {
        Judgement::ReadOnly => {
            let message = format!("{} can only be read", knob.key);
            return say(Code::ReadOnly, message, "leave it out");
        }
        Judgement::Rejected(why) => {
            let message = format!("the kernel refuses {shown:?} for {}: {why}", knob.key);
            return say(Code::Rejected, message, "write a value that it takes");
        }
        Judgement::Ignored(why) => {
            let message = format!("{} = {shown:?}: {why}", knob.key);
            return say(Code::IgnoredValue, message, "leave it out");
        }
        Judgement::Rounded(_) | Judgement::Accepted => {}
    }
    if let Some(why) = knob.harm(write.value) {
        let message = format!("{} = {shown:?}: {why}", knob.key);
        return say(Code::Harmful, message, "leave it out");
    }
    if let Judgement::Rounded(to) = knob.judge(write.value) {
        let message = format!("the kernel makes {to:?} of {shown:?} for {}", knob.key);
        say(Code::Rounded, message, "write that");
    }
    if write.is_guarded {
        return;
    }
    if let Some((code, why)) = idle(write) {
        let message = format!("{} = {shown:?} changes nothing: {why}", knob.key);
        let hint = match code {
            Code::NoEffectUnderUas => "add DRIVERS==\"usb-storage\", or leave it out",
            _ => "leave it out",
        };
        say(code, message, hint);
    }
}

/// Whether the write does nothing on all disks that it is for, or under uas.
fn idle(write: &Write<'_>) -> Option<(Code, &'static str)> {
    let why = |on| write.knob.idle(write.value, on);
    if let Some(why) = why(None) {
        return Some((Code::NoEffect, why));
    }
    let everywhere = || write.attachments.iter().map(|on| why(Some(*on)));
    if let Some(Some(first)) = everywhere().next()
        && everywhere().all(|why| why.is_some())
    {
        return Some((Code::NoEffect, first));
    }
    let uas = write.attachments.contains(&Attachment::Uas);
    let elsewhere = why(Some(Attachment::BulkOnly)).is_none();
    let why = why(Some(Attachment::Uas)).filter(|_| uas && elsewhere)?;
    Some((Code::NoEffectUnderUas, why))
}

/// queue/ and bdi/ are the whole disk's.
fn partition(set: &RuleSet, subject: &Subject<'_>, sink: &mut Sink) {
    let whole = |attribute: &str| attribute.starts_with("queue/") || attribute.starts_with("bdi/");
    let mut written = subject.rule.writes();
    let Some((token, _)) = written.find(|(_, attribute)| whole(attribute)) else {
        return;
    };
    let at = set.location(token.at);
    if subject.may_be_partition() && !subject.may_be_disk() {
        let message = "the rule is for partitions, and a partition has no queue";
        let finding = Finding::new(Code::NoQueue, at, message);
        sink.add(finding.hint("match the disk: ENV{DEVTYPE}==\"disk\""));
    } else if subject.may_be_partition() && subject.asks_for_names() && !guarded(subject, token) {
        let message = "the rule also runs for partitions, where this write fails";
        let finding = Finding::new(Code::PartitionsToo, at, message);
        sink.add(finding.hint("add ENV{DEVTYPE}==\"disk\""));
    }
}

/// Checks a kernel parameter.
pub(super) fn check_parameter(it: &Parameter, sources: &Sources, sink: &mut Sink) {
    let key = match it.kind {
        ParameterKind::Sysctl => Some(it.key.clone()),
        ParameterKind::Sysfs => knobs::key_of_path(&it.key),
    };
    if it.kind == ParameterKind::Sysfs && knobs::kernel_name(&it.key).is_some_and(is_moving) {
        let name = knobs::kernel_name(&it.key).unwrap_or_default();
        let message = format!(
            "{} may be another disk after the next boot, and Talos writes this only when the configuration changes, not when the disk is plugged in",
            short(name)
        );
        let finding = Finding::new(Code::KernelName, it.at.clone(), message);
        sink.add(
            finding.hint("use a udev rule that asks for ATTRS{idVendor} and ATTRS{idProduct}"),
        );
    }
    let Some(knob) = key.and_then(|key| known(&key, &it.at, sink)) else {
        return;
    };
    let swapless = knob.key == "vm.swappiness" && !sources.has_swap;
    let write = Write {
        knob,
        value: &it.value,
        at: it.value_at.clone(),
        attachments: attachments(it),
        is_guarded: false,
    };
    value(&write, sink);
    if swapless && knob.judge(&it.value) == Judgement::Accepted {
        let (code, message) = match it.origin {
            Origin::File => (Code::NeedsSwap, "without swap this changes nothing"),
            Origin::Machine | Origin::Document => {
                let message = "Talos has no swap unless a SwapVolumeConfig makes some, and without swap this changes nothing";
                (Code::NoEffect, message)
            }
        };
        sink.add(Finding::new(code, it.value_at.clone(), message).hint("leave it out"));
    }
    let ratio = matches!(knob.key, "vm.dirty_ratio" | "vm.dirty_background_ratio");
    if ratio && knob.access == Access::ReadWrite {
        let message = format!(
            "{} is a share of memory: on a large machine still more than a USB SSD writes in seconds",
            knob.key
        );
        let hint = format!("set {} instead", knob.zeroes.unwrap_or_default());
        sink.add(Finding::new(Code::RatioOfMemory, it.at.clone(), message).hint(hint));
    }
}

/// Disks whose names follow from the order in which they are found.
fn is_moving(name: &str) -> bool {
    name.starts_with("sd") || name.starts_with("nvme")
}

fn attachments(it: &Parameter) -> Vec<Attachment> {
    let name = knobs::kernel_name(&it.key).unwrap_or_default();
    let usb_device = it.key.starts_with("bus/usb/") || it.key.starts_with("/sys/bus/usb/");
    match name {
        _ if usb_device => vec![Attachment::Uas, Attachment::BulkOnly],
        name if name.starts_with("sd") => {
            vec![Attachment::Uas, Attachment::BulkOnly, Attachment::Ata]
        }
        name if name.starts_with("nvme") => vec![Attachment::Nvme],
        _ => Vec::new(),
    }
}
