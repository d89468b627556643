//! Files and arguments that set sysctls and module parameters.
//!
//! Reads through [`Root`] alone.

use crate::root::Root;
use crate::tuner::rules::matches;
use crate::tuner::sysctl_file;

use super::drop_in::drop_ins;
use super::holds::Holds;
use super::{Evidence, Origin};

/// Everything that sets the sysctl or module parameter `key`, in the order in which it takes effect.
pub(super) fn evidence(root: &Root, key: &str) -> Vec<Evidence> {
    if is_module(root, key) {
        let mut found = modprobe(root, key);
        found.extend(arguments(root, key, ""));
        return found;
    }
    let mut found: Vec<Evidence> = arguments(root, key, "sysctl.").collect();
    found.extend(sysctls(root, key));
    found
}

/// Why there is no such file.
pub(super) fn missing(root: &Root, key: &str) -> String {
    let (module, _) = key.split_once('.').unwrap_or((key, ""));
    let module = module.replace('-', "_");
    if !is_module(root, key) {
        let why = "this kernel does not have it, or the module that brings it is not loaded";
        return format!("/proc/sys/{}: {why}", key.replace('.', "/"));
    }
    let loaded = root.exists(format!("/sys/module/{module}")).unwrap_or(true);
    match loaded {
        true => format!("{key}: the module {module} has no such parameter"),
        false => format!("{key}: the module {module} is not loaded"),
    }
}

fn is_module(root: &Root, key: &str) -> bool {
    let known = crate::tuner::knobs::by_key(key);
    if let Some(knob) = known {
        return knob.owner == crate::tuner::knobs::Owner::Module;
    }
    let module = key.split_once('.').map_or(key, |(module, _)| module);
    let path = format!("/sys/module/{}", module.replace('-', "_"));
    root.exists(path).unwrap_or(false)
        && !root.exists(format!("/proc/sys/{module}")).unwrap_or(false)
}

fn text(root: &Root, path: &str) -> String {
    let text = root.read_to_string(path).ok().flatten();
    text.unwrap_or_default()
}

/// Arguments of the kernel; `-` and `_` are one in their names.
fn arguments(root: &Root, key: &str, prefix: &str) -> impl Iterator<Item = Evidence> {
    let plain = |text: &str| text.replace('-', "_");
    let wanted = plain(key);
    let line = text(root, "/proc/cmdline");
    let mut found = Vec::new();
    for word in line.split_whitespace() {
        let Some((name, value)) = word.split_once('=') else {
            continue;
        };
        let Some(name) = name.strip_prefix(prefix) else {
            continue;
        };
        let name = match prefix {
            "" => name.to_owned(),
            _ => sysctl_file::dotted(name),
        };
        if plain(&name) == wanted {
            found.push(Evidence {
                from: Origin::KernelArgument,
                file: "/proc/cmdline".to_owned(),
                line: 1,
                value: Some(value.trim_matches('"').to_owned()),
                holds: Holds::Yes,
            });
        }
    }
    found.into_iter()
}

fn sysctls(root: &Root, key: &str) -> Vec<Evidence> {
    let mut files = drop_ins(root, "sysctl.d", ".conf");
    // Only procps reads it by itself; where a link in sysctl.d leads to it, it is there already.
    let linked = files.iter().any(|(path, _)| {
        let target = root.canonical(path).ok().flatten();
        target.is_some_and(|target| target.as_os_str() == "/etc/sysctl.conf")
    });
    let own = text(root, "/etc/sysctl.conf");
    if !linked && !own.is_empty() {
        files.push(("/etc/sysctl.conf".to_owned(), own));
    }
    let mut found = Vec::new();
    let mut by_pattern = Vec::new();
    for (file, text) in files {
        for setting in sysctl_file::parse(&text).settings {
            let Some(value) = setting.value else {
                // `-key` takes it out of what patterns set.
                if setting.key == key {
                    by_pattern.clear();
                }
                continue;
            };
            let evidence = Evidence {
                from: Origin::Sysctl,
                file: file.clone(),
                line: setting.at.line,
                value: Some(value),
                holds: Holds::Yes,
            };
            if setting.key == key {
                found.push(evidence);
            } else if setting.key.contains(['*', '?', '[']) && matches(&setting.key, key, false) {
                by_pattern.push(evidence);
            }
        }
    }
    // A key that is written out wins over every pattern.
    if found.is_empty() { by_pattern } else { found }
}

fn modprobe(root: &Root, key: &str) -> Vec<Evidence> {
    let Some((module, parameter)) = key.split_once('.') else {
        return Vec::new();
    };
    let plain = |text: &str| text.replace('-', "_");
    let mut found = Vec::new();
    for (file, text) in drop_ins(root, "modprobe.d", ".conf") {
        for (line, words) in (1..).zip(text.lines().map(str::split_whitespace)) {
            let mut words = words;
            let is_options = words.next() == Some("options");
            if !is_options || words.next().map(plain) != Some(plain(module)) {
                continue;
            }
            let values = words.filter_map(|word| word.split_once('='));
            for (_, value) in values.filter(|(name, _)| plain(name) == plain(parameter)) {
                found.push(Evidence {
                    from: Origin::ModuleOptions,
                    file: file.clone(),
                    line,
                    value: Some(value.to_owned()),
                    holds: Holds::Yes,
                });
            }
        }
    }
    found
}
