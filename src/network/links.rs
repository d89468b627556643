//! Links: which interfaces are meant, who asks for addresses, and what switches that off. Pure.

use std::collections::BTreeSet;

use super::Machine;
use super::code::Code;
use super::finding::Finding;
use super::text::Text;
use super::wanted::{Link, Target, Wanted};
use crate::config::nearest::nearest;
use crate::probe::nic::Nic;
use crate::selector::cel::glob;

pub(super) fn check(wanted: &Wanted, machine: &Machine<'_>, found: &mut Vec<Finding>) {
    for link in &wanted.links {
        router(link, found);
    }
    no_address(wanted, found);
    let Some(nics) = machine.nics else {
        return;
    };
    let mut meant: BTreeSet<&str> = BTreeSet::new();
    let mut aliases: BTreeSet<&str> = BTreeSet::new();
    for alias in &wanted.aliases {
        aliases.insert(&alias.name.text);
        let Some(fields) = conjunction(&alias.matches.text) else {
            // What cannot be read here may mean any of them.
            meant.extend(nics.iter().map(|nic| nic.name.as_str()));
            continue;
        };
        // `net%d` numbers all that match.
        let is_many = alias.name.text.contains('%');
        let matching = selected(&fields, nics);
        judge(&matching, is_many, &alias.matches, found);
        meant.extend(matching.iter().map(|nic| nic.name.as_str()));
    }
    for link in &wanted.links {
        match &link.target {
            Target::Name(name) => {
                meant.insert(&name.text);
                if !aliases.contains(name.text.as_str()) && !is_alias_of(&aliases, &name.text) {
                    named(name, wanted, nics, found);
                }
            }
            Target::Selector(fields, at) => {
                let fields: Vec<Field<'_>> = fields.iter().filter_map(field).collect();
                let matching = selected(&fields, nics);
                judge(&matching, false, at, found);
                meant.extend(matching.iter().map(|nic| nic.name.as_str()));
            }
        }
    }
    if let Some(document) = &wanted.no_default_dhcp {
        without_dhcp(document, nics, &meant, found);
    }
}

/// Whether `name` is what an alias such as `net%d` gives to one of its links.
fn is_alias_of(aliases: &BTreeSet<&str>, name: &str) -> bool {
    let of = |alias: &&str| {
        let number = alias
            .split_once("%d")
            .and_then(|(before, after)| name.strip_prefix(before)?.strip_suffix(after));
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    aliases.iter().any(of)
}

fn router(link: &Link, found: &mut Vec<Finding>) {
    let is_v6 = |gateway: &&Text| gateway.text.contains(':');
    if let Some(gateway) = link.default_routes.iter().find(is_v6)
        && link.dhcp6
    {
        let message = "a static IPv6 default route stands beside DHCPv6";
        found.push(Finding::at(Code::Dhcpv6StaticRoute, gateway, message));
    }
}

fn no_address(wanted: &Wanted, found: &mut Vec<Finding>) {
    let Some(document) = &wanted.no_default_dhcp else {
        return;
    };
    let gives = |link: &Link| link.dhcp4 || link.dhcp6 || !link.addresses.is_empty();
    if !wanted.links.iter().any(gives) {
        let message = "the node gets no address: neither DHCP nor a static one";
        found.push(Finding::at(Code::NoAddress, document, message));
    }
}

fn named(name: &Text, wanted: &Wanted, nics: &[Nic], found: &mut Vec<Finding>) {
    let is_there = nics.iter().any(|nic| nic.name == name.text);
    if is_there || wanted.made.contains(&name.text) {
        return;
    }
    let known: Vec<&str> = nics
        .iter()
        .filter(|nic| nic.is_physical())
        .map(|nic| nic.name.as_str())
        .collect();
    let finding = Finding::at(
        Code::LinkNotFound,
        name,
        format!("the machine has no interface {}", name.text),
    );
    let hint = match (nearest(&name.text, &known).first(), known.is_empty()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, false) => format!("it has {}", known.join(", ")),
        (None, true) => {
            "it shows no physical interface at all; look for a missing driver".to_owned()
        }
    };
    found.push(finding.hint(hint));
}

fn judge(matching: &[&Nic], is_many: bool, at: &Text, found: &mut Vec<Finding>) {
    match matching {
        [] => {
            let message = "no interface of the machine matches";
            found.push(Finding::at(Code::SelectorNoMatch, at, message));
        }
        [_, _, ..] if !is_many => {
            let names: Vec<&str> = matching.iter().map(|nic| nic.name.as_str()).collect();
            let message = format!("{} interfaces match: {}", names.len(), names.join(", "));
            found.push(Finding::at(Code::SelectorAmbiguous, at, message));
        }
        _ => {}
    }
}

fn without_dhcp(document: &Text, nics: &[Nic], meant: &BTreeSet<&str>, found: &mut Vec<Finding>) {
    let is_left = |nic: &&Nic| {
        nic.is_physical() && nic.carrier == Some(true) && !meant.contains(nic.name.as_str())
    };
    for nic in nics.iter().filter(is_left) {
        let message = format!(
            "{} has a cable and gets no address: a document for {} switches its DHCP off",
            nic.name, document.text
        );
        let hint = format!(
            "add a DHCPv4Config with `name: {}`, if it should have one",
            nic.name
        );
        found.push(Finding::at(Code::DefaultDhcpOff, document, message).hint(hint));
    }
}

/// One condition of a selector.
enum Field<'t> {
    Mac(&'t str),
    PermanentMac(&'t str),
    PciId(&'t str),
    Driver(&'t str),
    Bus(&'t str),
    Physical(bool),
}

/// A field of a `deviceSelector`.
fn field(text: &Text) -> Option<Field<'_>> {
    let value = text.text.as_str();
    if value.is_empty() {
        return None;
    }
    Some(match text.path.rsplit('.').next()? {
        "hardwareAddr" => Field::Mac(value),
        "permanentAddr" => Field::PermanentMac(value),
        "pciID" => Field::PciId(value),
        "driver" => Field::Driver(value),
        "busPath" => Field::Bus(value),
        "physical" => Field::Physical(value == "true"),
        _ => return None,
    })
}

/// The conditions of an expression that has nothing but them, joined by `&&`, in the forms that are in use:
/// `glob("…", link.driver)`, `link.bus_path == "…"`, `mac(link.permanent_addr) == "…"`, `link.type == 1`.
fn conjunction(expression: &str) -> Option<Vec<Field<'_>>> {
    expression
        .split("&&")
        .map(|part| condition(part.trim()))
        .collect()
}

fn condition(text: &str) -> Option<Field<'_>> {
    if text == "link.type == 1" {
        return Some(Field::Physical(true));
    }
    let call = text
        .strip_prefix("glob(")
        .and_then(|rest| rest.strip_suffix(')'));
    let (subject, value) = match call {
        Some(arguments) => {
            let (pattern, subject) = arguments.split_once(',')?;
            (subject.trim(), literal(pattern)?)
        }
        None => {
            let (subject, value) = text.split_once("==")?;
            // Compared as it is, and a pattern otherwise.
            let value = literal(value).filter(|value| !value.contains('*'))?;
            (subject.trim(), value)
        }
    };
    Some(match subject {
        "mac(link.hardware_addr)" => Field::Mac(value),
        "mac(link.permanent_addr)" => Field::PermanentMac(value),
        "link.pciid" => Field::PciId(value),
        "link.driver" => Field::Driver(value),
        "link.bus_path" => Field::Bus(value),
        _ => return None,
    })
}

/// The text between quotes, if nothing in it is escaped.
fn literal(text: &str) -> Option<&str> {
    let text = text.trim();
    let mut marks = ['"', '\''].into_iter();
    let inner = marks.find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark))?;
    (!inner.contains(['"', '\'', '\\'])).then_some(inner)
}

/// The interfaces that all of `fields` match; none if there is no field.
fn selected<'n>(fields: &[Field<'_>], nics: &'n [Nic]) -> Vec<&'n Nic> {
    let holds = |field: &Field<'_>, nic: &Nic| match field {
        Field::Mac(pattern) => glob(pattern, &nic.mac),
        Field::PermanentMac(pattern) => glob(pattern, &nic.permanent_mac),
        Field::PciId(pattern) => glob(pattern, &nic.pci_id),
        Field::Driver(pattern) => glob(pattern, &nic.driver),
        Field::Bus(pattern) => glob(pattern, &nic.bus_path),
        Field::Physical(wanted) => nic.is_physical() == *wanted,
    };
    let all = |nic: &&Nic| !fields.is_empty() && fields.iter().all(|field| holds(field, nic));
    nics.iter().filter(all).collect()
}
