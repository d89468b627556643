//! The extension lldpd and its configuration, which have to come together. Pure.

use super::Machine;
use super::code::Code;
use super::finding::Finding;
use super::wanted::Wanted;

pub(super) fn check(wanted: &Wanted, machine: &Machine<'_>, found: &mut Vec<Finding>) {
    let lldpd = &wanted.lldpd;
    if let Some(name) = &lldpd.misnamed {
        let message = "no extension is called ext-lldpd, so nothing reads this document";
        found.push(Finding::at(Code::LldpdName, name, message));
    }
    for text in &lldpd.ineffective {
        let message = format!("{} does not reach lldpd", text.text);
        found.push(Finding::at(Code::LldpdIneffective, text, message));
    }
    let named = |extensions: &[String]| extensions.iter().any(|name| is_lldpd(name));
    let in_schematic = machine.extensions.map(named);
    match (&lldpd.document, &lldpd.installed, in_schematic) {
        (None, Some(image), _) => {
            let message = "the image has lldpd, and there is no configuration for it";
            found.push(Finding::at(Code::LldpdNotConfigured, image, message));
        }
        (None, None, Some(true)) => found.push(Finding {
            code: Code::LldpdNotConfigured,
            level: Code::LldpdNotConfigured.level(),
            at: None,
            path: String::new(),
            message: "the schematic has lldpd, and there is no configuration for it".to_owned(),
            hint: Code::LldpdNotConfigured.fix().to_owned(),
        }),
        (Some(name), None, Some(false)) => {
            let message = "the schematic has no lldpd that could read this";
            found.push(Finding::at(Code::LldpdNotInstalled, name, message));
        }
        _ => {}
    }
}

/// `siderolabs/lldpd`, `ghcr.io/siderolabs/lldpd:1.0.18`.
fn is_lldpd(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split([':', '@']).next() == Some("lldpd")
}
