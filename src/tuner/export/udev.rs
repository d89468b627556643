//! udev rules (udev(7)) that do what the profiles say, when a disk appears or changes.
//!
//! All parent conditions of one rule must hold for one parent, and the ids of the USB device, the driver of its
//! interface and the model of the SCSI device belong to three. So each is noted in a property first, and the rules that
//! follow look at the properties. Every rule stands for itself, without jumps, so that Talos can take them one by one.

use std::collections::BTreeSet;

use super::HEAD;
use crate::tuner::order;
use crate::tuner::profile::{Match, Profile, Setting};

const EVENT: &str = r#"ACTION=="add|change", SUBSYSTEM=="block", ENV{DEVTYPE}=="disk""#;

/// One rule and what stands above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Sentences.
    pub comment: Vec<String>,
    /// The rule, on one line.
    pub text: String,
}

/// A file below `udev/rules.d/`.
pub fn udev(profiles: &[&Profile]) -> String {
    let mut text = format!(
        "# {HEAD}\n# Install below /etc/udev/rules.d or /usr/lib/udev/rules.d.\n#\n\
         # Not here on purpose: TRIM (a rule cannot ask the firmware whether UNMAP works), and what `keelblock tune\n\
         # --print-profiles` lists as left alone.\n"
    );
    for rule in rules(profiles) {
        if !rule.comment.is_empty() {
            text.push('\n');
        }
        for line in &rule.comment {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("{}\n", rule.text));
    }
    text
}

/// The rules, in the order in which they have to stand.
pub fn rules(profiles: &[&Profile]) -> Vec<Rule> {
    let mut rules = properties(profiles);
    let with_match = || {
        let profiles = profiles.iter();
        profiles.filter_map(|profile| Some((*profile, profile.matching.as_ref()?)))
    };
    for (profile, matching) in with_match() {
        let ids = match matching.usb.as_slice() {
            [] => vec![String::new()],
            ids => ids.to_vec(),
        };
        for (number, id) in ids.iter().enumerate() {
            let first = number == 0;
            rules.push(Rule {
                comment: Vec::from_iter(first.then(|| format!("{}.", profile.title))),
                text: format!(
                    r#"{EVENT}, ENV{{KEELBLOCK_PROFILE}}=="", {}, ENV{{KEELBLOCK_PROFILE}}="{}""#,
                    conditions(matching, id),
                    profile.name
                ),
            });
        }
    }
    rules.extend(writes(profiles));
    rules
}

/// Name and drivers of a profile.
type Who<'a> = (&'a str, &'a [String]);

/// One rule for each setting, for all profiles that have it.
fn writes(profiles: &[&Profile]) -> Vec<Rule> {
    let mut settings: Vec<(&Setting, Vec<Who<'_>>)> = Vec::new();
    for profile in profiles {
        let Some(matching) = &profile.matching else {
            continue;
        };
        let who = (profile.name.as_str(), matching.driver.as_slice());
        for setting in profile.settings.iter().filter(|it| is_for_udev(it)) {
            match settings.iter_mut().find(|(known, _)| *known == setting) {
                Some((_, all)) => all.push(who),
                None => settings.push((setting, vec![who])),
            }
        }
    }
    settings.sort_by_key(|(setting, _)| order::rank(&setting.key));
    let rules = settings.into_iter().map(|(setting, all)| {
        // The profile says so already; whoever reads the rule alone should see it too.
        let driver = match all.first() {
            Some((_, [driver])) if all.iter().all(|(_, of)| *of == [driver.clone()]) => {
                format!(r#"DRIVERS=="{driver}", "#)
            }
            _ => String::new(),
        };
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        Rule {
            comment: vec![format!("Why: {}.", setting.reason)],
            text: format!(
                r#"{EVENT}, ENV{{KEELBLOCK_PROFILE}}=="{}", {driver}ATTR{{{}}}="{}""#,
                names.join("|"),
                setting.key,
                setting.value
            ),
        }
    });
    rules.collect()
}

/// What the parents are, noted for the rules that follow. A property outlives its event, so it is emptied first.
fn properties(profiles: &[&Profile]) -> Vec<Rule> {
    let matches = || {
        profiles
            .iter()
            .filter_map(|profile| profile.matching.as_ref())
    };
    let drivers: BTreeSet<&str> = matches()
        .flat_map(|matching| matching.driver.iter().map(String::as_str))
        .collect();
    let rule = |text: String| Rule {
        comment: Vec::new(),
        text: format!("{EVENT}, {text}"),
    };
    let mut rules = vec![Rule {
        comment: vec!["What the disk hangs on.".to_owned()],
        text: format!(
            r#"{EVENT}, ENV{{KEELBLOCK_PROFILE}}="", ENV{{KEELBLOCK_DRIVER}}="", ENV{{KEELBLOCK_USB}}="""#
        ),
    }];
    for driver in drivers {
        rules.push(rule(format!(
            r#"DRIVERS=="{driver}", ENV{{KEELBLOCK_DRIVER}}="{driver}""#
        )));
    }
    let ids: BTreeSet<&str> = matches()
        .flat_map(|matching| matching.usb.iter().map(String::as_str))
        .collect();
    for id in ids {
        if let Some((vendor, product)) = id.split_once(':') {
            rules.push(rule(format!(
                r#"ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", ENV{{KEELBLOCK_USB}}="{id}""#
            )));
        }
    }
    rules
}

fn conditions(matching: &Match, id: &str) -> String {
    let mut conditions = Vec::new();
    if !id.is_empty() {
        conditions.push(format!(r#"ENV{{KEELBLOCK_USB}}=="{id}""#));
    }
    if !matching.driver.is_empty() {
        let drivers = matching.driver.join("|");
        conditions.push(format!(r#"ENV{{KEELBLOCK_DRIVER}}=="{drivers}""#));
    }
    if let Some(model) = &matching.model {
        conditions.push(format!(r#"ATTRS{{model}}=="{model}""#));
    }
    let flag = |value: bool| if value { "1" } else { "0" };
    if let Some(rotational) = matching.rotational {
        conditions.push(format!(
            r#"ATTR{{queue/rotational}}=="{}""#,
            flag(rotational)
        ));
    }
    if let Some(removable) = matching.removable {
        conditions.push(format!(r#"ATTR{{removable}}=="{}""#, flag(removable)));
    }
    if let Some(size) = matching.optimal_io_size {
        conditions.push(format!(r#"ATTR{{queue/optimal_io_size}}=="{size}""#));
    }
    conditions.join(", ")
}

/// A rule for a block device sets what lies below it, and cannot tell whether a proof holds.
fn is_for_udev(setting: &Setting) -> bool {
    let below = ["queue/", "bdi/", "device/"];
    !setting.needs_proof && below.iter().any(|prefix| setting.key.starts_with(prefix))
}
