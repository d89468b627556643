//! The follower as a whole: messages in, looks out, metrics for whoever asks, and an end when it is told.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "support/cli.rs"]
mod cli;
#[path = "support/loops.rs"]
mod loops;

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keelblock::sys::netlink::{Received, UeventSocket};
use keelblock::tuner::watch::http::{Server, address};
use keelblock::tuner::watch::metrics::{Metrics, Sample};
use keelblock::tuner::watch::uevent::{Action, DevPath, parse};
use keelblock::tuner::watch::{Events, Tuner, run};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const SDA: &str = "/devices/pci0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0/block/sda";

/// Messages from the test in the place of the kernel's; an empty one stands for a full socket.
struct Wire(UnixDatagram);

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Events for Wire {
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        match self.0.recv(buf) {
            Ok(0) => Ok(Received::Lost),
            Ok(len) => Ok(Received::Message(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            Err(error) => Err(error),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Did {
    Tune(Vec<String>),
    Rescan,
    Gone(Vec<String>),
}

struct Teller(Sender<Did>);

fn texts(devices: &[DevPath]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}

impl Tuner for Teller {
    fn tune(&mut self, devices: &[DevPath], metrics: &mut Metrics) -> Vec<DevPath> {
        let sample = Sample {
            value: Some(128.0),
            wanted: Some(128.0),
            drift: false,
        };
        metrics.sample("usb 04e8:61f5 S1", "queue/read_ahead_kb", sample);
        self.0.send(Did::Tune(texts(devices))).unwrap();
        Vec::new()
    }

    fn rescan(&mut self, _: &mut Metrics) -> Vec<DevPath> {
        self.0.send(Did::Rescan).unwrap();
        Vec::new()
    }

    fn gone(&mut self, devices: &[DevPath], metrics: &mut Metrics) {
        metrics.gone("usb 04e8:61f5 S1");
        self.0.send(Did::Gone(texts(devices))).unwrap();
    }

    fn rested(&mut self, _: &Metrics) {}
}

struct Following {
    wire: UnixDatagram,
    stop: UnixStream,
    did: Receiver<Did>,
    port: u16,
    thread: JoinHandle<io::Result<()>>,
}

impl Following {
    fn start() -> Self {
        let (wire, theirs) = UnixDatagram::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let (sender, did) = mpsc::channel();
        let server = Server::listen(address("0").unwrap()).unwrap();
        let port = server.address().unwrap().port();
        let thread = thread::spawn(move || {
            run(
                &mut Wire(theirs),
                Some(server),
                stopped.as_fd(),
                &mut Teller(sender),
            )
        });
        let following = Self {
            wire,
            stop,
            did,
            port,
            thread,
        };
        assert_eq!(
            following.next(),
            Did::Rescan,
            "it begins with a look at everything"
        );
        following
    }

    fn next(&self) -> Did {
        self.did.recv_timeout(PATIENCE).unwrap()
    }

    fn say(&self, action: &str, path: &str) {
        let parts = format!(
            "{action}@{path}\0ACTION={action}\0DEVPATH={path}\0SUBSYSTEM=block\0DEVTYPE=disk\0SEQNUM=1\0"
        );
        self.wire.send(parts.as_bytes()).unwrap();
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn end(self) {
        drop(self.stop);
        self.thread.join().unwrap().unwrap();
        assert!(self.did.try_recv().is_err(), "nothing more was done");
    }
}

#[test]
fn a_disk_that_comes_and_goes_is_tuned_and_told() {
    let following = Following::start();
    for _ in 0..100 {
        following.say("add", SDA);
    }
    assert_eq!(following.next(), Did::Tune(vec![SDA.to_owned()]));
    let answer = following.metrics();
    let line = "keelblock_tune_value{disk=\"usb 04e8:61f5 S1\",key=\"queue/read_ahead_kb\"} 128\n";
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains(line),
        "{answer}"
    );
    following.say("remove", SDA);
    // Messages that came late may have been worth another look.
    loop {
        match following.next() {
            Did::Gone(paths) => break assert_eq!(paths, [SDA]),
            Did::Tune(paths) => assert_eq!(paths, [SDA]),
            Did::Rescan => panic!("nothing was lost"),
        }
    }
    let answer = following.metrics();
    assert!(!answer.contains("keelblock_tune_value"), "{answer}");
    assert!(
        answer.contains("keelblock_tune_events_lost_total 0\n"),
        "{answer}"
    );
    following.end();
}

#[test]
fn lost_messages_and_rubbish_end_in_one_look_at_everything() {
    let following = Following::start();
    following.wire.send(b"rubbish").unwrap();
    following.wire.send(b"libudev\0\xfe\xed\xca\xfe").unwrap();
    following.say("add", "/devices/virtual/block/loop0");
    following.wire.send(b"").unwrap();
    assert_eq!(following.next(), Did::Rescan);
    let answer = following.metrics();
    assert!(
        answer.contains("keelblock_tune_events_lost_total 1\n"),
        "{answer}"
    );
    assert!(
        answer.contains("keelblock_tune_events_total 0\n"),
        "{answer}"
    );
    following.end();
}

/// The kernel repeats a `change` for whoever writes that word to `uevent`.
#[test]
fn the_kernel_is_heard() {
    if !cli::root("to have the kernel send a message") {
        return;
    }
    let bench = cli::Bench::new();
    bench.blank("disk.img", 1 << 20);
    let device = loops::Loop::new(&bench.path("disk.img"), &[]);
    let name = device.name().trim_start_matches("/dev/");
    let socket = UeventSocket::open().unwrap();
    std::fs::write(format!("/sys/block/{name}/uevent"), "change").unwrap();
    let path = format!("/devices/virtual/block/{name}");
    let began = Instant::now();
    let mut buf = [0; 8192];
    loop {
        assert!(began.elapsed() < PATIENCE, "no message came");
        let mut waits = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut waits, PollTimeout::from(1000_u16)).unwrap();
        let Received::Message(len) = socket.receive(&mut buf).unwrap() else {
            continue;
        };
        let event = parse(&buf[..len])
            .unwrap_or_else(|| panic!("no message: {:?}", String::from_utf8_lossy(&buf[..len])));
        if event.path.as_str() == path && event.action == Action::Change {
            assert_eq!(
                (event.subsystem.as_str(), event.kind.as_str()),
                ("block", "disk")
            );
            break;
        }
    }
}
