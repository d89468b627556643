//! Writes the archive that the kernel unpacks as its first root: cpio, "newc", as initramfs-tools makes it.
//!
//! Format: Linux' Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeSet;
use std::path::Path;

const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// An archive under construction. Folders above a file come by themselves.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    names: BTreeSet<String>,
}

impl Archive {
    /// A file; a path that is already there keeps its first contents.
    pub fn file(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.add(path, REGULAR | mode, contents);
    }

    pub fn folder(&mut self, path: &str) {
        self.add(path, FOLDER | 0o755, b"");
    }

    pub fn link(&mut self, path: &str, target: &str) {
        self.add(path, LINK | 0o777, target.as_bytes());
    }

    pub fn has(&self, path: &str) -> bool {
        self.names.contains(path.trim_start_matches('/'))
    }

    /// The whole archive, with its trailer.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, b"");
        self.bytes
    }

    fn add(&mut self, path: &str, mode: u32, contents: &[u8]) {
        let path = path.trim_start_matches('/');
        if path.is_empty() || !self.names.insert(path.to_owned()) {
            return;
        }
        if let Some(parent) = Path::new(path).parent().and_then(Path::to_str) {
            self.folder(parent);
        }
        self.entry(path, mode, contents);
    }

    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(contents.len()).expect("a file below 4 GiB");
        let name = u32::try_from(path.len() + 1).expect("a path below 4 GiB");
        // Magic, inode, mode, owner, group, links, time, size, device, device of a node, length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_starts_at_a_multiple_of_four_and_parents_come_first() {
        let mut archive = Archive::default();
        archive.file("/etc/x/name", 0o644, b"abc");
        archive.file("etc/x/name", 0o600, b"never");
        archive.link("bin/sh", "busybox");
        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        let at: Vec<usize> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert!(at.iter().all(|at| at % 4 == 0), "{at:?}");
        let names = [
            "etc\0",
            "etc/x\0",
            "etc/x/name\0",
            "bin\0",
            "bin/sh\0",
            "TRAILER!!!\0",
        ];
        let found: Vec<usize> = names.iter().filter_map(|name| text.find(name)).collect();
        assert_eq!(found.len(), names.len());
        assert!(found.is_sorted());
        assert!(!text.contains("never"));
    }
}
