//! Programs that judge what keelblock lays out: the partitioning tools, cryptsetup, the filesystem checkers, an
//! XTS that is not ours, and Talos' own prober. Nothing here reads a byte with keelblock's code.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// A machine UUID that is nobody's.
pub const UUID: &str = "4c4c4544-0042-3510-8054-b7c04f4d3132";

/// Runs `KEELBLOCK_BIN` if it is set, so that the shipped static binary can be put here.
pub fn keelblock(arguments: &[&str]) -> Output {
    keelblock_in(Path::new("."), arguments)
}

/// The same in a working folder of its own, for short paths.
pub fn keelblock_in(folder: &Path, arguments: &[&str]) -> Output {
    let built = || OsString::from(env!("CARGO_BIN_EXE_keelblock"));
    let program = std::env::var_os("KEELBLOCK_BIN").unwrap_or_else(built);
    let mut command = Command::new(program);
    let command = command.args(arguments).env("PATH", PATH);
    command.current_dir(folder).output().unwrap()
}

/// What keelblock prints on standard output; it has to succeed.
pub fn printed(arguments: &[&str]) -> String {
    let output = keelblock(arguments);
    assert!(
        output.status.success(),
        "keelblock {} exits with {:?}: {}",
        arguments.join(" "),
        output.status.code(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The same as JSON.
pub fn json(arguments: &[&str]) -> Value {
    let text = printed(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a judge of the Debian package `package`.
pub fn ask(package: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(arguments[0])
        .args(&arguments[1..])
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "cannot run {}: {error}; install the Debian package {package}",
                arguments[0]
            )
        });
    // A judge that ends before it reads everything has said what it had to say.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}

/// Runs a judge that has to be content, and returns all that it says.
pub fn tool(package: &str, arguments: &[&str]) -> String {
    tool_with(package, arguments, b"")
}

/// The same with something on its standard input.
pub fn tool_with(package: &str, arguments: &[&str], input: &[u8]) -> String {
    let output = ask(package, arguments, input);
    let said = said(&output);
    assert!(
        output.status.success(),
        "{arguments:?} exits with {:?}: {said}",
        output.status.code()
    );
    said
}

/// Standard output and standard error together.
pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|s| String::from_utf8_lossy(s).into_owned())
        .concat()
}

/// A partition as Talos' prober sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GPT name.
    pub label: String,
    /// Signature; empty for none.
    pub name: String,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Filesystem label.
    pub fs_label: String,
}

/// An image file and a folder beside it for keys and copies; both go with it.
#[derive(Debug)]
pub struct Image {
    pub dir: TempDir,
    pub path: String,
    pub sector: u32,
}

impl Image {
    /// No file yet.
    pub fn absent(sector: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        Self {
            path: path.to_str().unwrap().to_owned(),
            dir,
            sector,
        }
    }

    /// A file of zeros.
    pub fn blank(sector: u32, size: u64) -> Self {
        let image = Self::absent(sector);
        File::create(&image.path).unwrap().set_len(size).unwrap();
        image
    }

    /// A path beside the image.
    pub fn beside(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// A file beside the image.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.beside(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Overwrites bytes of the image.
    pub fn put(&self, at: u64, data: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(data, at).unwrap();
    }

    /// Writes the content of a file into the image.
    pub fn put_file(&self, at: u64, path: &str) {
        self.put(at, &fs::read(path).unwrap());
    }

    /// Bytes of the image.
    pub fn get(&self, at: u64, len: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        File::open(&self.path)
            .unwrap()
            .read_exact_at(&mut bytes, at)
            .unwrap();
        bytes
    }

    /// A copy of a range as a file of its own; what is zero becomes a hole.
    pub fn copy_of(&self, at: u64, len: u64, name: &str) -> String {
        let path = self.beside(name);
        drop(fs::remove_file(&path));
        let arguments = [
            String::from("dd"),
            format!("if={}", self.path),
            format!("of={path}"),
            String::from("bs=1M"),
            String::from("iflag=skip_bytes,count_bytes"),
            format!("skip={at}"),
            format!("count={len}"),
            String::from("conv=sparse"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        tool("coreutils", &arguments);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(len)
            .unwrap();
        path
    }

    /// What Talos' prober sees, and where its locators lead.
    pub fn talos(&self) -> (Vec<Seen>, Value) {
        let sector = self.sector.to_string();
        let answer = talos(&["probe", &sector, &self.path]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["name"], "gpt", "{answer}");
        let text = |part: &Value, field: &str| part[field].as_str().unwrap().to_owned();
        let seen = |part: &Value| Seen {
            label: text(part, "partition_label"),
            name: text(part, "name"),
            offset: part["offset"].as_u64().unwrap(),
            size: part["size"].as_u64().unwrap(),
            fs_label: text(part, "label"),
        };
        let parts = answer["parts"].as_array().unwrap();
        (parts.iter().map(seen).collect(), answer["located"].clone())
    }

    /// The partition with this GPT name, as Talos sees it.
    pub fn part(&self, label: &str) -> Seen {
        let (parts, _) = self.talos();
        let found = parts.iter().find(|part| part.label == label).cloned();
        found.unwrap_or_else(|| panic!("Talos sees no {label} in {parts:?}"))
    }

    /// A SHA-256 of everything in a partition that is not zero, and where it lies.
    pub fn digest(&self, label: &str) -> String {
        let part = self.part(label);
        let copy = self.copy_of(part.offset, part.size, "digest");
        tool("python3", &["python3", "-c", DIGEST, &copy])
    }

    /// A SHA-256 of everything in the image that is not zero, and where it lies.
    pub fn whole_digest(&self) -> String {
        tool("python3", &["python3", "-c", DIGEST, &self.path])
    }

    /// The partitioning tools find nothing wrong.
    pub fn judge_table(&self) {
        if self.sector == 512 {
            let verified = tool("gdisk", &["sgdisk", "--verify", &self.path]);
            assert!(verified.contains("No problems found"), "{verified}");
            let verified = tool("fdisk", &["sfdisk", "--verify", &self.path]);
            assert!(verified.contains("No errors detected"), "{verified}");
        }
        let sector = self.sector.to_string();
        let verified = tool_with(
            "fdisk",
            &["fdisk", "--sector-size", &sector, &self.path],
            b"p\nv\nq\n",
        );
        assert!(verified.contains("No errors detected"), "{verified}");
        assert!(verified.contains("Disklabel type: gpt"), "{verified}");
    }
}

/// The image as a block device with its own sector size; needs root.
#[derive(Debug)]
pub struct Loop(pub String);

impl Loop {
    pub fn new(path: &str, sector: u32) -> Self {
        let sector = sector.to_string();
        let arguments = [
            "losetup",
            "--find",
            "--show",
            "--sector-size",
            &sector,
            path,
        ];
        Self(tool("mount, and run as root", &arguments).trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        ask("mount", &["losetup", "--detach", &self.0], b"");
    }
}

/// A LUKS2 header (a whole partition or only its head) that cryptsetup judges.
#[derive(Debug)]
pub struct Sealed<'a> {
    pub image: &'a Image,
    pub path: String,
}

impl Sealed<'_> {
    /// cryptsetup's exit code.
    pub fn cryptsetup(&self, arguments: &[&str]) -> (i32, String) {
        let output = ask(
            "cryptsetup-bin",
            &[&["cryptsetup", "--batch-mode"], arguments].concat(),
            b"",
        );
        (output.status.code().unwrap(), said(&output))
    }

    fn must(&self, arguments: &[&str]) -> String {
        let (code, said) = self.cryptsetup(arguments);
        assert_eq!(code, 0, "cryptsetup {arguments:?}: {said}");
        said
    }

    pub fn dump(&self) -> String {
        self.must(&["luksDump", &self.path])
    }

    /// cryptsetup's exit code for this passphrase in this slot: 0 opens, 2 is a wrong passphrase.
    pub fn opens(&self, slot: u32, passphrase: &str) -> i32 {
        let key = self.image.file("passphrase", passphrase.as_bytes());
        let slot = slot.to_string();
        let arguments = [
            "open",
            "--test-passphrase",
            "--key-slot",
            &slot,
            "--key-file",
            &key,
            &self.path,
        ];
        self.cryptsetup(&arguments).0
    }

    /// Every slot opens with its own passphrase and with no other; Talos accepts the header.
    pub fn judge(&self, keys: &[(u32, String)]) {
        let dump = self.dump();
        assert!(dump.contains("Version:       \t2"), "{dump}");
        for (slot, passphrase) in keys {
            assert!(dump.contains(&format!("\n  {slot}: luks2\n")), "{dump}");
            assert_eq!(self.opens(*slot, passphrase), 0, "slot {slot}");
            assert_eq!(self.opens(*slot, "not the passphrase"), 2, "slot {slot}");
            let near = passphrase.strip_suffix(char::is_alphanumeric).unwrap();
            assert_eq!(self.opens(*slot, near), 2, "slot {slot}, a letter short");
        }
        assert_eq!(dump.matches(": luks2\n").count(), keys.len(), "{dump}");
        let accepted: Value = serde_json::from_str(&talos(&["luks", &self.path])).unwrap();
        assert_eq!(accepted.as_object().unwrap().len(), keys.len());
    }

    /// cryptsetup works on with the header: adds a slot, kills one, repairs.
    pub fn work_on(&self, keys: &[(u32, String)]) {
        let old = self.image.file("old", keys[0].1.as_bytes());
        let new = self.image.file("new", b"a key that was added");
        let cost = ["--pbkdf-memory", "32768", "--pbkdf-force-iterations", "4"];
        let add = [
            &["luksAddKey", "--key-file", &old, "--new-key-slot", "5"][..],
            &cost,
            &[&self.path, &new],
        ];
        self.must(&add.concat());
        assert_eq!(self.opens(5, "a key that was added"), 0);
        let first = keys[0].0.to_string();
        self.must(&["luksKillSlot", "--key-file", &new, &self.path, &first]);
        assert_ne!(self.opens(keys[0].0, &keys[0].1), 0);
        for (slot, passphrase) in &keys[1..] {
            assert_eq!(self.opens(*slot, passphrase), 0, "slot {slot}");
        }
        // The backup header, after the first one was destroyed.
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(&[0x5a; 4096], 0).unwrap();
        self.must(&["repair", &self.path]);
        assert_eq!(self.opens(5, "a key that was added"), 0);
    }

    /// Decrypts the whole partition in place, with libcryptsetup's own ciphers.
    pub fn decrypt_with_cryptsetup(&self, passphrase: &str) {
        let key = self.image.file("passphrase", passphrase.as_bytes());
        let header = self.image.beside("detached");
        drop(fs::remove_file(&header));
        self.must(&[
            "reencrypt",
            "--decrypt",
            "--force-offline-reencrypt",
            "--header",
            &header,
            "--key-file",
            &key,
            &self.path,
        ]);
    }

    /// The volume key, as cryptsetup hands it out.
    pub fn volume_key(&self, slot: u32, passphrase: &str) -> String {
        let key = self.image.file("passphrase", passphrase.as_bytes());
        let out = self.image.beside("volume.key");
        drop(fs::remove_file(&out));
        let slot = slot.to_string();
        self.must(&[
            "luksDump",
            "--dump-volume-key",
            "--key-slot",
            &slot,
            "--key-file",
            &key,
            "--volume-key-file",
            &out,
            &self.path,
        ]);
        out
    }
}

/// SHA-256 over the written ranges of a sparse file and where they lie.
const DIGEST: &str = r#"
import hashlib, os, sys
source, digest, at = os.open(sys.argv[1], os.O_RDONLY), hashlib.sha256(), 0
while True:
    try:
        at = os.lseek(source, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(source, at, os.SEEK_HOLE)
    while at < end:
        data = os.pread(source, min(end - at, 1 << 20), at)
        if data.count(0) != len(data):
            digest.update(b"%d %d " % (at, len(data)) + data)
        at += len(data)
print(digest.hexdigest(), os.fstat(source).st_size)
"#;

/// AES-XTS by OpenSSL, over every range of the partition that was written; holes stay holes.
/// IVs are plain64: the number of 512-byte sectors since the start of the payload, little endian.
const DECRYPT: &str = r#"
import ctypes, ctypes.util, os, sys
key_file, image, start, size, sector, out = sys.argv[1:]
start, size, sector = int(start), int(size), int(sector)
lib = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_xts"):
    getattr(lib, name).restype = ctypes.c_void_p
ptr, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
lib.EVP_DecryptInit_ex.argtypes = [ptr, ptr, ptr, text, text]
lib.EVP_DecryptUpdate.argtypes = [ptr, ptr, ptr, text, number]
ctx = lib.EVP_CIPHER_CTX_new()
key = open(key_file, "rb").read()
assert len(key) == 64, len(key)
assert lib.EVP_DecryptInit_ex(ctx, lib.EVP_aes_256_xts(), None, key, None) == 1
plain, length = ctypes.create_string_buffer(sector), ctypes.c_int()
source, target = os.open(image, os.O_RDONLY), open(out, "wb")
target.truncate(size)
at, end, sectors = start, start + size, 0
while at < end:
    try:
        at = os.lseek(source, at, os.SEEK_DATA)
    except OSError:
        break
    at -= (at - start) % sector
    stop = min(os.lseek(source, max(at, start) + 1, os.SEEK_HOLE), end)
    target.seek(at - start)
    while at < stop:
        iv = ((at - start) // 512).to_bytes(16, "little")
        assert lib.EVP_DecryptInit_ex(ctx, None, None, None, iv) == 1
        sealed = os.pread(source, sector, at)
        assert lib.EVP_DecryptUpdate(ctx, plain, ctypes.byref(length), sealed, sector) == 1
        target.write(plain.raw)
        at += sector
        sectors += 1
print(sectors)
"#;

/// Decrypts the payload at `start` of `image` into the file `out`.
pub fn decrypt_with_openssl(
    image: &Image,
    key: &str,
    start: u64,
    size: u64,
    sector: u32,
) -> String {
    let out = image.beside("payload");
    let numbers = [start.to_string(), size.to_string(), sector.to_string()];
    let arguments = [
        "python3",
        "-c",
        DECRYPT,
        key,
        &image.path,
        &numbers[0],
        &numbers[1],
        &numbers[2],
        &out,
    ];
    let sectors: u64 = tool("python3", &arguments).trim().parse().unwrap();
    assert!(sectors > 1000, "only {sectors} sectors were written");
    out
}

/// xfs_repair finds nothing to do, and the label is right.
pub fn judge_xfs(path: &str, label: &str) {
    tool("xfsprogs", &["xfs_repair", "-n", "-f", path]);
    let shown = tool("util-linux", &["blkid", "-p", path]);
    assert!(shown.contains("TYPE=\"xfs\""), "{shown}");
    let labelled = format!("LABEL=\"{label}\"");
    assert_eq!(shown.contains(&labelled), !label.is_empty(), "{shown}");
}

/// fsck.vfat finds nothing to do.
pub fn judge_fat(path: &str, label: &str) {
    tool("dosfstools", &["fsck.vfat", "-n", path]);
    let shown = tool("util-linux", &["blkid", "-p", path]);
    assert!(
        shown.contains("TYPE=\"vfat\"") && shown.contains(&format!("LABEL=\"{label}\"")),
        "{shown}"
    );
}

/// Mounts a filesystem, writes to it, unmounts it; needs root.
pub fn write_a_file(path: &str) {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap();
    tool("mount, and run as root", &["mount", "-o", "loop", path, at]);
    let written = fs::write(dir.path().join("a file"), vec![0x42; 3 << 20]);
    tool("mount", &["umount", at]);
    written.unwrap();
    tool("xfsprogs", &["xfs_repair", "-n", "-f", path]);
}

/// Runs Talos' own modules; they have to be content.
pub fn talos(arguments: &[&str]) -> String {
    let output = Command::new(&*TALOS).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "talos {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether Talos' own check refuses a LUKS2 header, and why.
pub fn talos_refuses(path: &str) -> Option<String> {
    let output = Command::new(&*TALOS).args(["luks", path]).output().unwrap();
    (!output.status.success()).then(|| said(&output))
}

static TALOS: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/talos");
    // Each test program builds its own, so that none runs one that is being replaced.
    let name = concat!("talos-prober-", env!("CARGO_CRATE_NAME"));
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&binary)
        .arg("./images")
        .current_dir(source)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run go: {error}; install the Debian package golang-go (1.25 or newer)")
        });
    assert!(output.status.success(), "go build: {}", said(&output));
    binary
});
