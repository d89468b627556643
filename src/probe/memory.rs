//! How much memory this process may still take: what the machine has, and what its control groups leave of it.
//!
//! Formats: `MemAvailable` of proc_meminfo(5); `memory.max`, `memory.current`, `memory.stat` of
//! `Documentation/admin-guide/cgroup-v2.rst`, and their names in version 1. Going beyond either ends in the kernel
//! killing somebody, so a limit that cannot be read counts as none only where there is no such file.

use std::path::Path;

use crate::root::Root;
use crate::units::Bytes;

/// The files of a memory control group.
struct Names {
    root: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// Line of `memory.stat`: cache that goes before anybody has to.
    cache: &'static str,
}

const V2: Names = Names {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    cache: "inactive_file",
};
const V1: Names = Names {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cache: "total_inactive_file",
};

/// Bytes that can be had without anybody being killed; zero where it cannot be told.
pub fn available(root: &Root) -> Bytes {
    let meminfo = text(root, Path::new("/proc/meminfo"));
    let machine = field(&meminfo, "MemAvailable:").saturating_mul(1024);
    let groups = text(root, Path::new("/proc/self/cgroup"));
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        match (number, controllers) {
            ("0", "") => Some(left(root, &V2, path)),
            (_, controllers) if controllers.split(',').any(|name| name == "memory") => {
                Some(left(root, &V1, path))
            }
            _ => None,
        }
    });
    Bytes::new(limits.flatten().fold(machine, u64::min))
}

/// What the group `path` and those above it leave; `None` if none of them has a limit.
fn left(root: &Root, names: &Names, path: &str) -> Option<u64> {
    let inside = Path::new(path.trim_start_matches('/'));
    let groups = inside
        .ancestors()
        .map(|path| Path::new(names.root).join(path));
    groups
        .filter_map(|group| left_in(root, names, &group))
        .min()
}

fn left_in(root: &Root, names: &Names, group: &Path) -> Option<u64> {
    let limit = text(root, &group.join(names.limit)).trim().parse::<u64>();
    // `max` is no limit; neither is the number that version 1 has for it, which no machine reaches.
    let limit = limit.ok()?;
    let usage = text(root, &group.join(names.usage)).trim().parse::<u64>();
    let cache = field(&text(root, &group.join("memory.stat")), names.cache);
    let used = usage.unwrap_or(limit).saturating_sub(cache);
    Some(limit.saturating_sub(used))
}

fn text(root: &Root, path: &Path) -> String {
    root.read_to_string(path).ok().flatten().unwrap_or_default()
}

/// The number behind `key`, 0 if there is none.
fn field(text: &str, key: &str) -> u64 {
    let mut lines = text.lines().map(str::split_whitespace);
    let number = lines.find_map(|mut words| (words.next()? == key).then(|| words.next())?);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test makes a tree")]
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    const MEMINFO: (&str, &str) = (
        "proc/meminfo",
        "MemTotal:        8000 kB\nMemAvailable:    4000 kB\n",
    );

    #[test]
    fn the_tightest_of_machine_and_groups_decides() {
        let own = "sys/fs/cgroup/system.slice/keelblock-apply.service";
        let group = [
            MEMINFO,
            (
                "proc/self/cgroup",
                "0::/system.slice/keelblock-apply.service\n",
            ),
            (&format!("{own}/memory.max"), "1000000\n"),
            (&format!("{own}/memory.current"), "600000\n"),
            (
                &format!("{own}/memory.stat"),
                "anon 1\ninactive_file 100000\n",
            ),
            ("sys/fs/cgroup/system.slice/memory.max", "max\n"),
        ];
        let without = tree(&[MEMINFO]);
        assert_eq!(available(&Root::at(without.path())), Bytes::new(4_096_000));
        let within = tree(&group);
        assert_eq!(available(&Root::at(within.path())), Bytes::new(500_000));
        let above = tree(
            &[
                &group[..],
                &[
                    ("sys/fs/cgroup/system.slice/memory.max", "300000\n"),
                    ("sys/fs/cgroup/system.slice/memory.current", "100000\n"),
                ],
            ]
            .concat(),
        );
        assert_eq!(available(&Root::at(above.path())), Bytes::new(200_000));
    }

    #[test]
    fn the_first_version_of_control_groups_counts_too() {
        let tree = tree(&[
            MEMINFO,
            (
                "proc/self/cgroup",
                "4:memory:/job\n1:name=systemd:/job\n0::/job\n",
            ),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "70000\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "50000\n"),
            (
                "sys/fs/cgroup/memory/job/memory.stat",
                "total_inactive_file 5000\n",
            ),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "60000\n"),
        ]);
        assert_eq!(available(&Root::at(tree.path())), Bytes::new(25_000));
    }

    #[test]
    fn a_group_whose_use_cannot_be_told_leaves_nothing() {
        let tree = tree(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "70000\n"),
        ]);
        assert_eq!(available(&Root::at(tree.path())), Bytes::ZERO);
    }
}
