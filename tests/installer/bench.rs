//! A disk, a configuration, the stand-in, and the program under the installer's name.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::panicking;

use crate::cli::{self, Bench, Ran, UUID, tool};

/// The stand-in. bash runs it by the name `install`, so that the command line is the stock installer's.
pub const STOCK: &str = include_str!("stock");

/// Held while a loop device is looked for.
static NAMES: Mutex<()> = Mutex::new(());

fn names() -> MutexGuard<'static, ()> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A loop device; gone at the end.
#[derive(Debug)]
pub struct Loop(String);

impl Loop {
    pub fn new(image: &Path, more: &[&str]) -> Self {
        let _names = names();
        let image = image.display().to_string();
        let arguments = [&["--find", "--show"][..], more, &[&image]].concat();
        Self(tool("mount", "losetup", &arguments))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if !panicking() {
            tool("mount", "losetup", &["--detach", &self.0]);
            return;
        }
        // A second panic would end the whole test program and hide the first.
        let mut losetup = Command::new("/usr/sbin/losetup");
        drop(losetup.args(["--detach", &self.0]).status());
    }
}

/// A node that is about to be installed.
#[derive(Debug)]
pub struct Node {
    pub bench: Bench,
    pub disk: Loop,
}

/// The passphrase of EPHEMERAL.
pub const PASSPHRASE: &str = "correct <horse> & battery";

/// STATE by nodeID, EPHEMERAL by passphrase.
pub fn config(install: &str) -> String {
    let text = cli::config(install);
    let (state, ephemeral) = text.split_once("    ephemeral:").unwrap();
    let ephemeral = ephemeral.replace(
        "nodeID: {}",
        &format!("static: {{passphrase: {PASSPHRASE:?}}}"),
    );
    format!("{state}    ephemeral:{ephemeral}")
}

impl Node {
    /// With a blank disk that the configuration names.
    pub fn new(size: u64) -> Self {
        Self::with(size, &[])
    }

    pub fn with(size: u64, losetup: &[&str]) -> Self {
        let bench = Bench::new();
        bench.blank("disk.img", size);
        let disk = Loop::new(&bench.path("disk.img"), losetup);
        bench.write("install", STOCK);
        let node = Self { bench, disk };
        node.configure(&config(&format!("    disk: {}", node.disk.name())));
        node
    }

    pub fn configure(&self, text: &str) {
        self.bench.write("node.yaml", text);
    }

    /// Talos' own arguments for the disk.
    pub fn arguments(&self) -> Vec<String> {
        let disk = format!("--disk={}", self.disk.name());
        let talos = [
            "install",
            &disk,
            "--platform=metal",
            "--config=none",
            "--upgrade=false",
            "--force=true",
            "--zero=false",
        ];
        talos.map(String::from).to_vec()
    }

    /// The program under the installer's name.
    pub fn installer(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(cli::program());
        command.arg0("/bin/installer").args(arguments);
        self.dress(&mut command);
        command
    }

    /// `keelblock install`, with cheap keys.
    pub fn by_hand(&self, more: &[&str], arguments: &[String]) -> Command {
        let mut command = Command::new(cli::program());
        command.args(["install", "--uuid", UUID, "--state-dir", "state"]);
        command.args(["--kdf-memory", "32M", "--kdf-time", "1"]);
        command.args(more);
        // The first word is the command itself.
        command.args(&arguments[1..]);
        self.dress(&mut command);
        command
    }

    /// The stand-in without anything around it.
    pub fn stock(&self, arguments: &[String]) -> Command {
        let mut command = Command::new("/bin/bash");
        command.arg0("/bin/installer").args(arguments);
        self.dress(&mut command);
        command
    }

    fn dress(&self, command: &mut Command) {
        command.current_dir(self.bench.folder());
        for variable in ["KEELBLOCK_LOG", "KEELBLOCK_ROOT", "KEELBLOCK_WIPE"] {
            command.env_remove(variable);
        }
        command.env("KEELBLOCK_INSTALLER", "/bin/bash");
        command.stdin(fs::File::open(self.bench.path("node.yaml")).unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// SHA-256 over what the disk holds.
    pub fn digest(&self) -> String {
        cli::digest(&self.bench.path("disk.img"))
    }

    /// What keelblock says is on the disk.
    pub fn inspect(&self) -> serde_json::Value {
        let arguments = [
            "--format",
            "json",
            "inspect",
            self.disk.name(),
            "-c",
            "node.yaml",
            "--uuid",
            UUID,
        ];
        self.bench.run(&arguments).exits(0).json()
    }

    /// Name, what it holds and what Talos would do with it, of every partition.
    pub fn partitions(&self) -> Vec<(String, String, String)> {
        let report = self.inspect();
        let text = |part: &serde_json::Value, field: &str| part[field].as_str().unwrap().to_owned();
        let parts = report["partitions"].as_array().unwrap();
        parts
            .iter()
            .map(|part| (text(part, "name"), text(part, "found"), text(part, "talos")))
            .collect()
    }
}

/// Runs to the end.
#[track_caller]
pub fn ran(mut command: Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

/// Runs to the end with this on a pipe as standard input.
#[track_caller]
pub fn fed(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not read all of it has its reasons.
    child.stdin.take().unwrap().write_all(input).ok();
    Ran::of(&child.wait_with_output().unwrap())
}

/// Waits until `file` is there, which a program that ends without making it never makes.
#[track_caller]
pub fn wait_for(file: &Path, child: &mut Child) {
    while !file.exists() {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "it ended before {file:?} was made"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// A program in a folder below the bench, and the search path that has it first.
pub fn fake(bench: &Bench, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(bench.path("bin")).unwrap();
    let file = format!("bin/{name}");
    bench.write(&file, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(bench.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{}:{own}", bench.path("bin").display())
}

/// What stands in a file of the bench.
pub fn read(bench: &Bench, name: &str) -> Vec<u8> {
    fs::read(bench.path(name)).unwrap()
}

/// The words of a command line.
pub fn words<S: AsRef<OsStr>>(words: &[S]) -> Vec<String> {
    let text = |word: &S| word.as_ref().to_str().unwrap().to_owned();
    words.iter().map(text).collect()
}
