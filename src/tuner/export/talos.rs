//! A patch for Talos' machine configuration that does what the profiles say.
//!
//! Up to 1.13 everything stands in the v1alpha1 document; 1.14 has `SysctlConfig`, 1.15 `UdevRulesConfig`, whose list
//! replaces the old one. Each entry of a list of rules is one rule: Talos joins the lines of an entry.

use std::fmt::Write as _;

use super::{HEAD, of_machine, parameter, rules};
use crate::tuner::profile::Profile;

/// Major and minor version of Talos.
pub type Version = (u32, u32);

/// The patch for nodes of this version.
pub fn talos(profiles: &[&Profile], version: Version) -> String {
    let mut text = format!("# {HEAD}\n# For Talos {}.{}.\n", version.0, version.1);
    for line in limits(profiles) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", format!("# {line}").trim_end());
    }
    let sysctls: Vec<(String, String)> = of_machine(profiles, |key| !key.contains('/'))
        .into_iter()
        .map(|setting| (setting.key.clone(), setting.value.clone()))
        .collect();
    let rules = rules(profiles).into_iter().map(|rule| rule.text);
    let rules: Vec<String> = rules.collect();
    let (sysctl_document, rules_document) = (version >= (1, 14), version >= (1, 15));
    if !(sysctl_document && rules_document) {
        text.push_str("machine:\n");
        if !sysctl_document {
            text.push_str("  sysctls:\n");
            add_map(&mut text, "    ", &sysctls);
        }
        if !rules_document {
            text.push_str("  udev:\n    rules:\n");
            add_list(&mut text, "      ", &rules);
        }
    }
    if sysctl_document {
        add_document(&mut text, "SysctlConfig", "params:\n");
        add_map(&mut text, "  ", &sysctls);
    }
    if rules_document {
        add_document(&mut text, "UdevRulesConfig", "rules:\n");
        add_list(&mut text, "  ", &rules);
    }
    text
}

/// What the patch cannot do.
fn limits(profiles: &[&Profile]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "Talos runs the rules when it boots and when a disk is plugged in; nothing looks again"
            .to_owned(),
        "later. examples/kubernetes/tune-daemonset.yaml does.".to_owned(),
    ];
    for setting in of_machine(profiles, |key| key.starts_with("module/")) {
        if let Some((module, parameter)) = parameter(&setting.key) {
            lines.push(String::new());
            lines.push("For the kernel's command line (the schematic of the image):".to_owned());
            lines.push(format!("  {module}.{parameter}={}", setting.value));
        }
    }
    lines
}

fn add_document(text: &mut String, kind: &str, rest: &str) {
    if text.ends_with('\n') && text.lines().any(|line| !line.starts_with('#')) {
        text.push_str("---\n");
    }
    text.push_str(&format!("apiVersion: v1alpha1\nkind: {kind}\n{rest}"));
}

fn add_map(text: &mut String, indent: &str, entries: &[(String, String)]) {
    for (key, value) in entries {
        text.push_str(&format!("{indent}{key}: \"{value}\"\n"));
    }
}

/// In single quotes, where only the quote itself has to be doubled; rules have double ones.
fn add_list(text: &mut String, indent: &str, entries: &[String]) {
    for entry in entries {
        text.push_str(&format!("{indent}- '{}'\n", entry.replace('\'', "''")));
    }
}
