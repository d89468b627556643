//! Folders of configuration files, as systemd reads them.
//!
//! Owns: of two files of one name the one in the more important folder counts, an empty one or a link to /dev/null
//! masks it, and all are read in the order of their names, whatever their folders.

use std::collections::BTreeMap;

use crate::root::Root;

/// The more important folder stands first.
const ROOTS: [&str; 4] = ["/etc", "/run", "/usr/local/lib", "/usr/lib"];

/// The files of `folder` (such as `udev/rules.d`) whose names end in `suffix`, with their texts, in the order in which
/// they are read. Folders and files that cannot be read are left out: there is nothing that they could be blamed for.
pub fn drop_ins(root: &Root, folder: &str, suffix: &str) -> Vec<(String, String)> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for base in ROOTS {
        let directory = format!("{base}/{folder}");
        let names = root.read_dir(&directory).ok().flatten();
        for name in names.unwrap_or_default() {
            if name.ends_with(suffix) && !name.starts_with('.') {
                let path = format!("{directory}/{name}");
                by_name.entry(name).or_insert(path);
            }
        }
    }
    let mut files = Vec::new();
    for path in by_name.into_values() {
        if is_masked(root, &path) {
            continue;
        }
        if let Ok(Some(text)) = root.read_to_string(&path) {
            files.push((path, text));
        }
    }
    files
}

fn is_masked(root: &Root, path: &str) -> bool {
    let link = root.read_link(path).ok().flatten();
    link.is_some_and(|target| target.as_os_str() == "/dev/null")
}
