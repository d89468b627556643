//! A run as a service: what the journal and the service manager are told, by the program itself.
//!
//! journald and systemd are played by sockets in a folder of the test's own. The journal's place is fixed, so the
//! program gets a mount namespace in which that folder lies there. Format of its datagrams: "Native Journal Protocol".
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "a test program"
)]

#[path = "support/cli.rs"]
mod cli;

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::thread::{self, JoinHandle};

use cli::{Bench, Ran, apply, config, program, root};

/// Ends a [`Listener`]; neither journald nor systemd would ever get it.
const END: &[u8] = b"end of the test";

/// Receives everything that is sent to a socket.
struct Listener {
    received: JoinHandle<Vec<Vec<u8>>>,
}

impl Listener {
    fn new(socket: UnixDatagram) -> Self {
        let received = thread::spawn(move || {
            let mut all = Vec::new();
            let mut buf = vec![0; 1 << 16];
            loop {
                let len = socket.recv(&mut buf).unwrap();
                if &buf[..len] == END {
                    return all;
                }
                all.push(buf[..len].to_vec());
            }
        });
        Self { received }
    }

    fn end(self, address: &SocketAddr) -> Vec<Vec<u8>> {
        let socket = UnixDatagram::unbound().unwrap();
        socket.send_to_addr(END, address).unwrap();
        self.received.join().unwrap()
    }
}

type Fields = BTreeMap<String, String>;

/// `KEY=value`, or `KEY`, a newline, the length as eight bytes and the value; a newline ends each.
fn fields(datagram: &[u8]) -> Fields {
    let mut fields = Fields::new();
    let mut rest = datagram;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8(rest[..end].to_vec()).unwrap();
        rest = &rest[end + 1..];
        match line.split_once('=') {
            Some((key, value)) => drop(fields.insert(key.to_owned(), value.to_owned())),
            None => {
                let (len, after) = rest.split_at(8);
                let len = usize::try_from(u64::from_le_bytes(len.try_into().unwrap())).unwrap();
                let value = String::from_utf8(after[..len].to_vec()).unwrap();
                assert_eq!(after[len], b'\n');
                fields.insert(line, value);
                rest = &after[len + 1..];
            }
        }
    }
    fields
}

/// How a run as a service ended, and what was told.
struct Service {
    ran: Ran,
    journal: Vec<Fields>,
    notified: Vec<String>,
    /// What stderr was: the stream that the journal reads.
    stream: String,
}

fn serve(bench: &Bench, arguments: &[&str]) -> Service {
    std::fs::create_dir(bench.path("journal")).unwrap();
    let path = bench.path("journal/socket");
    let journal = Listener::new(UnixDatagram::bind(&path).unwrap());
    let journal_at = SocketAddr::from_pathname(&path).unwrap();
    let name = format!("keelblock-service-{}", bench.folder().display());
    let manager_at = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Listener::new(UnixDatagram::bind_addr(&manager_at).unwrap());
    let script = r#"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal &&
        mount --bind journal /run/systemd/journal &&
        exec 2> stream && JOURNAL_STREAM=$(stat -L -c %d:%i stream) exec "$@""#;
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(program())
        .args(arguments)
        .env("NOTIFY_SOCKET", format!("@{name}"))
        .env_remove("KEELBLOCK_LOG")
        .current_dir(bench.folder())
        .output()
        .expect("cannot run unshare: install the Debian package util-linux");
    let text = |datagram: Vec<u8>| String::from_utf8(datagram).unwrap();
    let datagrams = journal.end(&journal_at).into_iter();
    Service {
        ran: Ran::of(&output),
        // An empty one only asks whether anybody is there.
        journal: datagrams
            .filter(|d| !d.is_empty())
            .map(|d| fields(&d))
            .collect(),
        notified: manager.end(&manager_at).into_iter().map(text).collect(),
        stream: std::fs::read_to_string(bench.path("stream")).unwrap_or_default(),
    }
}

#[test]
fn the_journal_gets_disk_step_and_plan_as_fields_and_the_manager_the_progress() {
    if !root("to make a mount namespace") {
        return;
    }
    let bench = Bench::new();
    bench.blank("disk.img", 4 << 30);
    bench.write("node.yaml", config("    wipe: true"));
    let image = ["-c", "node.yaml", "--image", "disk.img", "--format", "json"];
    let service = serve(&bench, &apply(&image));
    let receipt = service.ran.exits(0).json();
    let step = |number: usize| {
        let is = |entry: &&Fields| {
            let at = entry.get("KEELBLOCK_STEP");
            at == Some(&number.to_string()) && entry["TARGET"] == "keelblock::step"
        };
        service.journal.iter().find(is)
    };
    let steps = receipt["steps"].as_array().unwrap();
    assert!(steps.len() > 20, "{steps:?}");
    for (number, wanted) in (1..).zip(steps) {
        let entry = step(number).unwrap_or_else(|| panic!("no step {number}"));
        assert_eq!(entry["MESSAGE"], wanted["name"].as_str().unwrap());
        assert_eq!(entry["KEELBLOCK_PLAN"], receipt["plan"].as_str().unwrap());
        assert_eq!(entry["KEELBLOCK_DISK"], "disk.img");
        assert_eq!(entry["SYSLOG_IDENTIFIER"], "keelblock");
        assert_eq!(entry["PRIORITY"], "5");
    }
    assert_eq!(service.stream, "", "the journal has it all");
    let told = |text: &str| service.notified.iter().any(|line| line.starts_with(text));
    assert!(
        told(&format!("STATUS=step 1 of {}: mark", steps.len())),
        "{:?}",
        service.notified
    );
    assert!(told("EXTEND_TIMEOUT_USEC="));
    let ready = service.notified.iter().position(|line| line == "READY=1");
    let last_step = service
        .notified
        .iter()
        .rposition(|line| line.starts_with("STATUS=step"));
    assert!(
        ready > last_step && last_step.is_some(),
        "{:?}",
        service.notified
    );
}

#[test]
fn a_failed_step_is_in_the_journal_with_its_fields_and_the_manager_never_hears_ready() {
    if !root("to make a mount namespace and mount a small filesystem") {
        return;
    }
    let bench = Bench::new();
    let disk = Failing::new(&bench);
    bench.write("node.yaml", config(&format!("    disk: {}", disk.device)));
    let arguments = apply(&["-c", "node.yaml", "--disk", &disk.device]);
    let service = serve(&bench, &arguments);
    service.ran.exits(5);
    let failure = |entry: &&Fields| entry["TARGET"] == "keelblock::failure";
    let failure = service.journal.iter().find(failure).unwrap();
    assert_eq!(failure["PRIORITY"], "3");
    assert_eq!(failure["KEELBLOCK_DISK"], disk.device);
    assert!(failure.contains_key("KEELBLOCK_STEP") && failure.contains_key("KEELBLOCK_PLAN"));
    let said = service.stream.matches("error: ").count();
    assert_eq!(said, 1, "{}", service.stream);
    let last = service.notified.last().unwrap();
    assert_eq!(
        last.strip_prefix("STATUS="),
        Some(failure["MESSAGE"].as_str())
    );
    assert!(!service.notified.iter().any(|line| line == "READY=1"));
}

/// A disk on a filesystem without room for its blocks: the kernel finds out when it writes pages back.
struct Failing {
    device: String,
    mount: String,
}

impl Failing {
    fn new(bench: &Bench) -> Self {
        let folder = bench.path("small");
        std::fs::create_dir(&folder).unwrap();
        let mount = folder.display().to_string();
        let options = ["-t", "tmpfs", "-o", "size=2M", "tmpfs", &mount];
        cli::tool("mount", "mount", &options);
        bench.blank("small/disk.img", 4 << 30);
        let image = folder.join("disk.img").display().to_string();
        let device = cli::tool("mount", "losetup", &["--find", "--show", &image]);
        Self { device, mount }
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // A second panic would end the whole test program and hide the first.
        if !thread::panicking() {
            cli::tool("mount", "losetup", &["--detach", &self.device]);
            cli::tool("mount", "umount", &["--lazy", &self.mount]);
        }
    }
}
