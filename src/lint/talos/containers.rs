//! Documents of containers that Talos runs itself. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{Out, View};
use crate::config::size::parse_go_bytes;

const OPTIONS: [&str; 8] = [
    "ro", "rw", "noexec", "nosuid", "nodev", "noatime", "rbind", "rshared",
];
const CONDITIONS: [&str; 4] = ["addresses", "connectivity", "hostname", "etcfiles"];

/// Checks a ContainerConfig.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    if kind != "ContainerConfig" {
        return;
    }
    let (name, image) = (doc.get("name"), doc.get("image"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&name.text().len()) && name.text().chars().all(plain);
    out.refuse_if(!fits, &name, "at most 63 small letters, digits and hyphens");
    out.refuse_if(image.is_zero(), &image, "an image is required");
    for variable in doc.get("environment").items() {
        let fits = variable.text().contains('=');
        out.refuse_if(!fits, &variable, "not of the form NAME=value");
    }
    mounts(doc, out);
    security(&doc.get("security"), out);
    let mode = doc.at(&["network", "mode"]);
    let known = matches!(mode.text(), "" | "none" | "host");
    out.refuse_if(!known, &mode, "none or host");
    limits(&doc.at(&["resources", "limits"]), out);
    waits(doc, out);
    for key in ["uid", "gid"] {
        let id = doc.at(&["runAs", key]);
        out.refuse_if(id.number() < 0, &id, "it cannot be negative");
    }
}

fn absolute(path: &View<'_>, out: &mut Out<'_>) {
    let fits = path.text().starts_with('/');
    out.refuse_if(!fits, path, "an absolute path is required");
}

fn mounts(doc: &View<'_>, out: &mut Out<'_>) {
    let mut seen = BTreeSet::new();
    for mount in doc.get("mounts").items() {
        let kinds = ["userVolume", "tmpfs", "hostPath"].map(|kind| mount.get(kind));
        let given: Vec<&View<'_>> = kinds.iter().filter(|it| it.is_set()).collect();
        let [one] = given[..] else {
            out.refuse(&mount, "one of userVolume, tmpfs and hostPath is required");
            continue;
        };
        let target = one.get("destination");
        absolute(&target, out);
        let again = !seen.insert(target.text());
        out.refuse_if(again, &target, "something else is mounted there");
        if kinds[0].is_set() {
            let name = one.get("name");
            out.refuse_if(name.is_zero(), &name, "a volume is required");
        }
        if kinds[2].is_set() {
            absolute(&one.get("source"), out);
        }
        let options = one.get("options");
        for option in options.items() {
            let known = OPTIONS.contains(&option.text());
            out.refuse_if(!known, &option, format!("one of {}", OPTIONS.join(", ")));
        }
        let has = |word: &str| options.items().iter().any(|it| it.text() == word);
        out.refuse_if(has("ro") && has("rw"), &options, "ro excludes rw");
    }
}

fn security(security: &View<'_>, out: &mut Out<'_>) {
    let profile = security.get("profile");
    let known = matches!(profile.text(), "" | "restricted" | "privileged");
    out.refuse_if(!known, &profile, "restricted or privileged");
    let dropped = security.at(&["capabilities", "drop"]).items();
    for name in security.at(&["capabilities", "add"]).items() {
        let message = "write profile: privileged";
        out.refuse_if(name.text() == "ALL", &name, message);
        capability(&name, out);
        let both = dropped.iter().any(|it| it.text() == name.text());
        out.refuse_if(both, &name, "it is dropped as well");
    }
    for name in &dropped {
        capability(name, out);
    }
}

fn capability(name: &View<'_>, out: &mut Out<'_>) {
    let text = name.text();
    let capitals = text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let fits = !text.is_empty() && capitals && !text.starts_with("CAP_");
    out.refuse_if(!fits, name, "capitals without CAP_ in front");
}

fn limits(limits: &View<'_>, out: &mut Out<'_>) {
    let (memory, cpu) = (limits.get("memory"), limits.get("cpu"));
    let size = memory.is_zero() || parse_go_bytes(memory.text()).is_ok();
    out.refuse_if(!size, &memory, "not a size");
    let digits = cpu.text().strip_suffix('m').unwrap_or_default();
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    let count: Option<u64> = digits.parse().ok();
    let fits = cpu.is_zero() || number && count.is_some_and(|it| it > 0);
    out.refuse_if(!fits, &cpu, "not a count such as 1500m");
}

fn waits(doc: &View<'_>, out: &mut Out<'_>) {
    let waits = doc.get("dependsOn");
    for path in waits.get("paths").items() {
        absolute(&path, out);
    }
    for condition in waits.get("networks").items() {
        let known = CONDITIONS.contains(&condition.text());
        out.refuse_if(
            !known,
            &condition,
            format!("one of {}", CONDITIONS.join(", ")),
        );
    }
    for other in waits.get("containers").items() {
        out.refuse_if(other.is_zero(), &other, "a name is required");
    }
}

/// Containers that wait for one that there is not, or for each other.
pub(super) fn order(documents: &[(usize, View<'_>)], out: &mut Out<'_>) {
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, doc) in documents {
        let others = doc.at(&["dependsOn", "containers"]).items();
        let others = others.iter().map(View::text);
        waits.insert(doc.get("name").text(), others.collect());
    }
    let circles = circles(&waits);
    for (index, doc) in documents {
        out.about(*index, &super::rules::TOGETHER);
        let list = doc.at(&["dependsOn", "containers"]);
        for other in list.items() {
            let known = waits.contains_key(other.text());
            out.refuse_if(!known, &other, "there is no such container");
        }
        let circular = circles.contains(doc.get("name").text());
        out.refuse_if(circular, &list, "containers wait for each other");
    }
}

/// The containers that wait for themselves, be it over others.
fn circles<'n>(waits: &BTreeMap<&'n str, Vec<&'n str>>) -> BTreeSet<&'n str> {
    let mut back: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, others) in waits {
        for other in others {
            back.entry(other).or_default().push(name);
        }
    }
    let mut seen = BTreeSet::new();
    let mut finished = Vec::new();
    for name in waits.keys() {
        finished.append(&mut reached(waits, name, &mut seen));
    }
    // Who is reached against the arrows from the last one that was finished is in one circle with it.
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    for name in finished.iter().rev() {
        let together = reached(&back, name, &mut seen);
        let itself = waits.get(name).is_some_and(|others| others.contains(name));
        if together.len() > 1 || itself {
            found.extend(together);
        }
    }
    found
}

/// What `from` reaches and `seen` does not have yet, each after all that it reaches.
fn reached<'n>(
    waits: &BTreeMap<&'n str, Vec<&'n str>>,
    from: &'n str,
    seen: &mut BTreeSet<&'n str>,
) -> Vec<&'n str> {
    let mut found = Vec::new();
    let others = |name| waits.get(name).into_iter().flatten().copied();
    let mut open = Vec::new();
    if seen.insert(from) {
        open.push((from, others(from)));
    }
    while let Some((name, rest)) = open.last_mut() {
        match rest.find(|other| seen.insert(other)) {
            Some(next) => open.push((next, others(next))),
            None => {
                found.push(*name);
                open.pop();
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_waits_for_itself_is_in_a_circle() {
        for (waits, wanted) in [
            ("a>b b>c", ""),
            ("a>a", "a"),
            ("a>b b>a", "a b"),
            ("a>b b>c c>b c>d d>e e>f f>e f>g", "b c e f"),
            ("a>x", ""),
            ("a>b a>c b>d c>d d>a", "a b c d"),
        ] {
            let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (from, to) in waits.split(' ').filter_map(|it| it.split_once('>')) {
                map.entry(from).or_default().push(to);
            }
            let found: Vec<&str> = circles(&map).into_iter().collect();
            assert_eq!(found.join(" "), wanted, "{waits}");
        }
    }
}
