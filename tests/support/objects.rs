//! Objects of git that git itself would not make.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with what lies in its folder committed to `main`.
pub struct Objects<'b> {
    folder: &'b Path,
}

impl<'b> Objects<'b> {
    pub fn new(folder: &'b Path) -> Self {
        let git = Self { folder };
        git.run(&["init", "-q", "."], b"");
        git.run(&["add", "-A"], b"");
        git.run(&["commit", "-q", "-m", "x"], b"");
        git
    }

    fn run(&self, words: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(["-c", "init.defaultBranch=main"])
            .args(words)
            .current_dir(self.folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git is needed: install Debian's package git");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The name of the object that this word of git is for.
    pub fn name(&self, word: &str) -> String {
        self.run(&["rev-parse", word], b"")
    }

    /// An object, whatever is in it.
    pub fn write(&self, kind: &str, body: &[u8]) -> String {
        let words = ["hash-object", "-w", "--literally", "-t", kind, "--stdin"];
        self.run(&words, body)
    }

    pub fn blob(&self, body: &[u8]) -> String {
        self.write("blob", body)
    }

    /// A tree of `(mode, name, object)`.
    pub fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut body = Vec::new();
        for (mode, name, object) in entries {
            body.extend(format!("{mode} {name}\0").bytes());
            body.extend(bytes(object));
        }
        self.write("tree", &body)
    }

    /// Makes `branch` a commit with this root.
    pub fn point(&self, branch: &str, root: &str) {
        let who = "t <t@example.com> 1 +0000";
        let body = format!("tree {root}\nauthor {who}\ncommitter {who}\n\nx\n");
        self.point_at(branch, &self.write("commit", body.as_bytes()));
    }

    /// Makes `branch` this object.
    pub fn point_at(&self, branch: &str, object: &str) {
        let path = self.folder.join(".git/refs/heads").join(branch);
        fs::write(path, format!("{object}\n")).unwrap();
    }

    /// Puts other bytes in the place of an object.
    pub fn overwrite(&self, object: &str, body: &[u8]) {
        let path = format!(".git/objects/{}/{}", &object[..2], &object[2..]);
        let path = self.folder.join(path);
        fs::remove_file(&path).unwrap();
        fs::write(path, body).unwrap();
    }

    /// Packs what `main` has, and cuts the packs in half.
    pub fn pack_and_cut(&self) {
        let packs = self.folder.join(".git/objects/pack");
        let main = self.name("main");
        let pack = ["pack-objects", "-q", "--revs", ".git/objects/pack/pack"];
        self.run(&pack, format!("{main}\n").as_bytes());
        self.run(&["prune-packed", "-q"], b"");
        for entry in fs::read_dir(packs).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "pack") {
                let size = path.metadata().unwrap().len();
                let bytes = fs::read(&path).unwrap();
                fs::remove_file(&path).unwrap();
                let half = usize::try_from(size / 2).unwrap();
                let mut file = OpenOptions::new();
                let mut file = file.write(true).create_new(true).open(&path).unwrap();
                file.write_all(&bytes[..half]).unwrap();
            }
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// A pack of blobs, each made of copies of the one before. Spec: gitformat-pack(5).
///
/// The names are made up: git compares them with the contents only when it has unpacked those.
pub struct Pack {
    /// The name of each object.
    pub names: Vec<String>,
    pack: Vec<u8>,
    index: Vec<u8>,
}

impl Pack {
    /// 64 KiB of `letter`, then as many copies of the one before as `copies` has, and the first `end` bytes of that.
    pub fn of_copies(letter: u8, copies: &[usize], end: usize) -> Self {
        let mut size = 1 << 16;
        let mut objects = vec![(3, size, vec![letter; size])];
        for count in copies {
            let step = size.min(0xff_ffff);
            let made = step * count;
            let mut delta = [number(size), number(made)].concat();
            for _ in 0..*count {
                delta.extend(copy(step));
            }
            objects.push((6, delta.len(), delta));
            size = made;
        }
        let delta = [number(size), number(end), copy(end)].concat();
        objects.push((6, delta.len(), delta));
        let names: Vec<String> = (0..objects.len())
            .map(|i| format!("{:02x}", 0x10 + i).repeat(20))
            .collect();
        let count = u32::try_from(objects.len()).unwrap().to_be_bytes();
        let mut pack = [&b"PACK\0\0\0\x02"[..], &count].concat();
        let mut offsets: Vec<usize> = Vec::new();
        for (kind, size, body) in &objects {
            let at = pack.len();
            pack.extend(header(*kind, *size));
            if let Some(before) = offsets.last() {
                pack.extend(distance(at - before));
            }
            pack.extend(stored(body));
            offsets.push(at);
        }
        pack.extend([7; 20]);
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255_u8 {
            let below = names.iter().filter(|name| bytes(name)[0] <= first).count();
            index.extend(u32::try_from(below).unwrap().to_be_bytes());
        }
        names.iter().for_each(|name| index.extend(bytes(name)));
        index.extend(vec![0; 4 * names.len()]);
        for at in offsets {
            index.extend(u32::try_from(at).unwrap().to_be_bytes());
        }
        index.extend([7; 20]);
        index.extend([0; 20]);
        Self { names, pack, index }
    }

    /// Puts it into the repository in `folder`.
    pub fn write(&self, folder: &Path) {
        let path = folder.join(".git/objects/pack/pack-").display().to_string();
        let path = format!("{path}{}", "07".repeat(20));
        fs::write(format!("{path}.pack"), &self.pack).unwrap();
        fs::write(format!("{path}.idx"), &self.index).unwrap();
    }
}

/// The low bits of a number; never more than a byte has.
fn low(number: usize, bits: u32) -> u8 {
    u8::try_from(number & ((1 << bits) - 1)).unwrap()
}

/// Seven bits a byte, the lowest first.
fn number(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push(0x80 | low(number, 7));
        number >>= 7;
    }
    out.push(low(number, 7));
    out
}

/// The kind and the size of an object.
fn header(kind: u8, size: usize) -> Vec<u8> {
    let first = kind << 4 | low(size, 4);
    match size >> 4 {
        0 => vec![first],
        rest => [vec![0x80 | first], number(rest)].concat(),
    }
}

/// How far before an object its base is.
fn distance(mut distance: usize) -> Vec<u8> {
    let mut out = vec![low(distance, 7)];
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        out.insert(0, 0x80 | low(distance, 7));
        distance >>= 7;
    }
    out
}

/// The instruction that copies the first `size` bytes of the base.
fn copy(size: usize) -> Vec<u8> {
    let mut out = vec![0x80];
    for at in 0..3 {
        let byte = low(size >> (8 * at), 8);
        if byte != 0 {
            out[0] |= 0x10 << at;
            out.push(byte);
        }
    }
    out
}

/// As zlib stores what it does not compress. Spec: RFC 1950, RFC 1951 3.2.4.
fn stored(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let chunks: Vec<&[u8]> = body.chunks(0xffff).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        out.push(u8::from(index + 1 == chunks.len()));
        let size = u16::try_from(chunk.len()).unwrap();
        out.extend(size.to_le_bytes());
        out.extend((!size).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in body {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}
