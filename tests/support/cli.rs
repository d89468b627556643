//! Runs the program as a script does, in a folder of its own, and checks how it refuses.
//!
//! Every refusal is asked for twice, in text and in JSON, and everything in the folder is compared before and after.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::unistd::{Whence, lseek};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The UUID of the recorded Mac mini, as any machine's would look.
pub const UUID: &str = "9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213";

/// A recorded machine of the examples.
pub const MACMINI_2014: &str = include_str!("../../examples/hardware/macmini-2014.json");

/// Key derivation that is cheap enough for a test, and leaves EPHEMERAL's filesystem, the slowest part, to Talos.
pub const CHEAP: [&str; 5] = [
    "--kdf-memory",
    "32M",
    "--kdf-time",
    "1",
    "--no-ephemeral-filesystem",
];

/// `KEELBLOCK_BIN` if it is set, so that the gate can put the shipped static binary here.
pub fn program() -> OsString {
    env::var_os("KEELBLOCK_BIN").unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_keelblock")))
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The result as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A folder with configurations, recorded machines, images and a state folder; removed at the end.
#[derive(Debug)]
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self::below(&env::temp_dir())
    }

    pub fn below(parent: &Path) -> Self {
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix("keelblock-cli-").tempdir_in(parent);
        Self {
            folder: folder.unwrap(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, body: impl AsRef<[u8]>) {
        fs::write(self.path(name), body).unwrap();
    }

    /// A sparse file of zeros.
    pub fn blank(&self, name: &str, size: u64) {
        File::create(self.path(name))
            .unwrap()
            .set_len(size)
            .unwrap();
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The 2014 Mac mini with changes.
    pub fn machine(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut machine = serde_json::from_str(MACMINI_2014).unwrap();
        change(&mut machine);
        self.write(name, machine.to_string());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder());
        for variable in ["KEELBLOCK_LOG", "KEELBLOCK_ROOT", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// `apply` with cheap keys and the folder's own state folder.
    pub fn apply(&self, arguments: &[&str]) -> Ran {
        self.run(&apply(arguments))
    }

    /// Expects `arguments` to be refused with `exit`, naming all of `words`, and to change nothing.
    #[track_caller]
    pub fn refuses(&self, exit: i32, arguments: &[&str], words: &[&str]) {
        self.refuses_so(exit, words, |format| {
            let mut all = vec!["--format", format];
            all.extend(arguments);
            self.run(&all)
        });
    }

    /// The same for a run that needs more than arguments; it gets the format.
    #[track_caller]
    pub fn refuses_so(&self, exit: i32, words: &[&str], run: impl Fn(&str) -> Ran) {
        let before = contents(self.folder());
        let text = run("text").exits(exit);
        assert_text(&text, words);
        let json = run("json").exits(exit);
        assert_json(&json, exit, words);
        let after = contents(self.folder());
        assert_eq!(before, after, "something was changed: {text:#?}");
    }
}

/// The arguments of an `apply` that keeps to the folder.
pub fn apply<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["apply", "--state-dir", "state", "--uuid", UUID];
    all.extend(CHEAP);
    all.extend(arguments);
    all
}

#[track_caller]
fn assert_text(ran: &Ran, words: &[&str]) {
    assert!(ran.stderr.contains("error: "), "no error: {ran:#?}");
    assert!(!ran.stderr.contains('\u{1b}'), "escape codes: {ran:#?}");
    for word in words {
        assert!(ran.stderr.contains(word), "does not say {word:?}: {ran:#?}");
    }
}

/// The last line is the error, and it says what to do.
#[track_caller]
pub fn assert_json(ran: &Ran, exit: i32, words: &[&str]) {
    let last = ran.stdout.lines().last().unwrap_or_default();
    let error: Value =
        serde_json::from_str(last).unwrap_or_else(|wrong| panic!("{wrong}: {ran:#?}"));
    assert_eq!(error["schema"], "keelblock/error/v1", "{ran:#?}");
    assert_eq!(error["exit"], exit, "{ran:#?}");
    let mut said = error["error"].as_str().unwrap().to_owned();
    assert!(!said.is_empty(), "{ran:#?}");
    for cause in error["causes"].as_array().unwrap() {
        said.push('\n');
        said.push_str(cause.as_str().unwrap());
    }
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(!hint.is_empty(), "says not what to do: {ran:#?}");
    said.push('\n');
    said.push_str(hint);
    for word in words {
        assert!(said.contains(word), "does not say {word:?}: {ran:#?}");
    }
}

/// Name, permissions, size and digest of everything below a folder, but for the journals and receipts.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                if entry.file_name() != "state" {
                    open.push(entry.path());
                }
                continue;
            }
            let mut facts = format!("{kind:?}");
            if kind.is_file() {
                let data = entry.metadata().unwrap();
                let mode = data.permissions().mode();
                facts = format!("{mode:o} {} {}", data.len(), digest(&entry.path()));
            }
            found.insert(entry.path(), facts);
        }
    }
    found
}

/// SHA-256 over the blocks that are not all zero, and where they lie. Holes cost nothing.
pub fn digest(path: &Path) -> String {
    let file = File::open(path).unwrap();
    let mut hash = Sha256::new();
    let mut at = 0;
    let mut block = vec![0; 1 << 16];
    while let Ok(data) = lseek(file.as_fd(), at, Whence::SeekData) {
        let end = lseek(file.as_fd(), data, Whence::SeekHole).unwrap();
        // Whole blocks from a multiple of their size, so that where the holes lie does not matter.
        let mut here = data / 65536 * 65536;
        while here < end {
            let count = read_some(&file, &mut block, here.unsigned_abs());
            if block[..count].iter().any(|byte| *byte != 0) {
                hash.update(here.to_le_bytes());
                hash.update(&block[..count]);
            }
            here += 65536;
        }
        at = here;
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read_some(file: &File, block: &mut [u8], at: u64) -> usize {
    let mut count = 0;
    while count < block.len() {
        match file
            .read_at(&mut block[count..], at + count as u64)
            .unwrap()
        {
            0 => break,
            more => count += more,
        }
    }
    count
}

/// Whether a test that needs root can run. It must in CI; elsewhere it says so and is left out.
pub fn root(what: &str) -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    assert!(
        env::var_os("CI").is_none(),
        "needs root: {what}; CI runs as root"
    );
    eprintln!("needs root: {what}");
    false
}

/// Runs a tool of a Debian package.
#[track_caller]
pub fn tool(package: &str, name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!("{name} of Debian's package {package} is needed by this test: {error}")
    });
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A configuration that wants STATE and EPHEMERAL sealed on the disk that `install` names.
pub fn config(install: &str) -> String {
    format!(
        "version: v1alpha1
machine:
  type: controlplane
  install:
{install}
    image: ghcr.io/siderolabs/installer:v1.10.5
  systemDiskEncryption:
    state:
      provider: luks2
      keys:
        - nodeID: {{}}
          slot: 0
    ephemeral:
      provider: luks2
      keys:
        - nodeID: {{}}
          slot: 0
cluster:
  clusterName: example
  controlPlane:
    endpoint: https://10.0.0.1:6443
"
    )
}
