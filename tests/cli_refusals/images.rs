//! Images that cannot be the target: no file, no room, no permission, no lock.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::cli::{Bench, Ran, apply, config, root, tool};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("node.yaml", config("    wipe: false"));
    bench
}

fn onto<'a>(image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&apply(&["-c", "node.yaml", "--image", image])[..], more].concat()
}

#[test]
fn what_is_no_image_file_is_named_as_what_it_is() {
    let bench = bench();
    fs::create_dir(bench.path("folder")).unwrap();
    nix::unistd::mkfifo(&bench.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, words) in [
        ("folder", "folder is a directory"),
        ("pipe", "pipe is a pipe"),
        ("/dev/null", "/dev/null is a character device"),
    ] {
        bench.refuses(2, &onto(path, &[]), &[words, "--image"]);
        bench.refuses(2, &["inspect", path], &[words]);
    }
    for arguments in [&onto("nosuch.img", &[])[..], &["inspect", "nosuch.img"]] {
        bench.refuses(5, arguments, &["nosuch.img", "No such file", "--size"]);
    }
}

#[test]
fn an_image_that_is_no_disk_is_refused_with_its_size() {
    let bench = bench();
    bench.blank("empty.img", 0);
    bench.blank("odd.img", 1000);
    bench.blank("tiny.img", 1 << 20);
    bench.refuses(
        2,
        &onto("empty.img", &[]),
        &["empty.img has 0 bytes", "--size"],
    );
    bench.refuses(2, &onto("odd.img", &[]), &["odd.img has 1000 bytes", "512"]);
    bench.refuses(4, &onto("tiny.img", &[]), &["tiny.img", "no room for"]);
    let blocks = ["--sector-size", "4096"];
    bench.blank("half.img", (4 << 30) + 512);
    bench.refuses(2, &onto("half.img", &blocks), &["4294967808", "4096"]);
}

#[test]
fn a_new_image_needs_a_size_that_a_disk_can_have() {
    let bench = bench();
    for (size, exit, words) in [
        ("0", 2, "--size 0"),
        ("1000", 2, "--size 1000"),
        ("64M", 4, "no room for"),
        ("900000T", 5, "File too large"),
        ("9999999T", 2, "is not a size"),
        ("-1G", 2, "-1"),
    ] {
        bench.refuses(exit, &onto("new.img", &["--size", size]), &[words]);
        assert!(!bench.exists("new.img"), "{size}");
    }
    let nowhere = onto("nosuch/new.img", &["--size", "4G"]);
    let words = ["nosuch/new.img", "No such file", "make its folder first"];
    bench.refuses(5, &nowhere, &words);
}

#[test]
fn a_size_never_replaces_a_file_that_is_there() {
    let bench = bench();
    bench.write("notes.txt", "the only copy".repeat(1000));
    let words = ["notes.txt", "exists already"];
    bench.refuses(4, &onto("notes.txt", &["--size", "4G"]), &words);
    // The same command again is no new image, but the same one.
    let arguments = onto("new.img", &["--size", "4G"]);
    bench.run(&arguments).exits(0);
    let again = bench.run(&arguments).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:#?}");
    let other = onto("new.img", &["--size", "5G"]);
    bench.refuses(4, &other, &["new.img exists already", "4 GiB", "--size"]);
}

#[test]
fn an_image_that_another_run_has_is_left_to_it() {
    let bench = bench();
    bench.blank("disk.img", 4 << 30);
    let file = fs::File::open(bench.path("disk.img")).unwrap();
    let _lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
    let words = ["disk.img is locked by another run", "wait"];
    bench.refuses(4, &onto("disk.img", &[]), &words);
    bench.refuses(4, &["inspect", "disk.img"], &words);
}

#[test]
fn of_two_runs_at_once_one_does_it_and_the_other_is_refused() {
    let bench = bench();
    bench.blank("disk.img", 4 << 30);
    // Both plans are made while the disk is blank; then both are applied at once.
    for plan in ["a.plan", "b.plan"] {
        let mut arguments = vec!["plan", "-c", "node.yaml", "--image", "disk.img", "-o", plan];
        arguments.extend(["--uuid", crate::cli::UUID]);
        arguments.extend(crate::cli::CHEAP);
        bench.run(&arguments).exits(0);
    }
    let start = |plan| {
        let arguments = ["apply", plan, "-c", "node.yaml", "--state-dir", "state"];
        let mut command = bench.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let runs = ["a.plan", "b.plan"].map(start);
    let mut ended = runs.map(|run| Ran::of(&run.wait_with_output().unwrap()));
    ended.sort_by_key(|run| run.code);
    assert_eq!(
        ended.each_ref().map(|run| run.code),
        [Some(0), Some(4)],
        "{ended:#?}"
    );
    assert!(ended[1].stderr.contains("disk.img"), "{ended:#?}");
}

#[test]
fn an_image_of_somebody_else_is_refused_with_what_to_do() {
    if !root("to become somebody else") {
        return;
    }
    let bench = bench();
    bench.blank("disk.img", 4 << 30);
    fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let image = bench.path("disk.img");
    fs::set_permissions(&image, fs::Permissions::from_mode(0o644)).unwrap();
    let words = ["disk.img", "Permission denied", "run as root"];
    let state = Bench::new();
    fs::set_permissions(state.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    let folder = state.folder().display().to_string();
    bench.refuses_so(5, &words, |format| {
        let mut arguments = onto("disk.img", &["--state-dir", &folder, "--format", format]);
        arguments.retain(|word| *word != "state");
        let at = arguments.iter().position(|word| *word == "--state-dir");
        arguments.remove(at.unwrap());
        nobody(&bench, &arguments)
    });
}

/// Runs the program without any right.
pub fn nobody(bench: &Bench, arguments: &[&str]) -> Ran {
    // The program may lie where only root can read it.
    let place = Bench::new();
    fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path("keelblock");
    fs::copy(crate::cli::program(), &program).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(&program).args(arguments);
    command.current_dir(bench.folder()).stdin(Stdio::null());
    Ran::of(&command.output().unwrap())
}

/// A small filesystem in memory below the bench.
#[derive(Debug)]
pub struct Memory<'a>(pub &'a Bench);

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        let path = self.0.path("memory").display().to_string();
        tool("mount", "umount", &["-l", &path]);
    }
}

impl<'a> Memory<'a> {
    pub fn mount(bench: &'a Bench, size: &str) -> Self {
        let path = bench.path("memory");
        fs::create_dir(&path).unwrap();
        let (path, size) = (path.display().to_string(), format!("size={size}"));
        tool(
            "mount",
            "mount",
            &["-t", "tmpfs", "-o", &size, "none", &path],
        );
        Self(bench)
    }

    pub fn resize(&self, size: &str) {
        let path = self.0.path("memory").display().to_string();
        let size = format!("remount,size={size}");
        tool("mount", "mount", &["-o", &size, &path]);
    }
}

#[test]
fn a_filesystem_without_room_is_found_out_before_anything_is_written() {
    if !root("to mount a small filesystem") {
        return;
    }
    let bench = bench();
    let _memory = Memory::mount(&bench, "4M");
    let arguments = onto("memory/new.img", &["--size", "4G"]);
    bench.refuses(5, &arguments, &["no room for memory/new.img", "free"]);
    assert!(!bench.exists("memory/new.img"));
    bench.blank("memory/disk.img", 4 << 30);
    bench.refuses(
        5,
        &onto("memory/disk.img", &[]),
        &["no room for memory/disk.img"],
    );
}

#[test]
fn an_error_half_way_keeps_the_journal_and_the_same_again_converges() {
    let bench = bench();
    bench.blank("disk.img", 4 << 30);
    // 1.5 GiB: the volumes begin below that, and the backup table at the end does not.
    let limited = {
        let arguments = onto("disk.img", &["--format", "json"]);
        let line = format!(
            "ulimit -f 3145728; exec {} \"$@\"",
            crate::cli::program().display()
        );
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(line).arg("sh").args(arguments);
        command.current_dir(bench.folder()).stdin(Stdio::null());
        Ran::of(&command.output().unwrap()).exits(5)
    };
    let words = [
        "disk.img",
        "unfinished",
        "File too large",
        "run the same again",
    ];
    crate::cli::assert_json(&limited, 5, &words);
    let journal = fs::read_dir(bench.path("state")).unwrap();
    let journal = journal.map(|entry| entry.unwrap().path());
    let journal = journal.filter(|path| path.extension().is_some_and(|it| it == "journal"));
    let journal = fs::read_to_string(journal.into_iter().next().unwrap()).unwrap();
    assert!(journal.lines().count() > 2, "{journal}");
    assert!(
        journal.lines().last().unwrap().contains("\"failed\""),
        "{journal}"
    );
    let inspected = bench.run(&["inspect", "disk.img"]).exits(0);
    assert!(inspected.stdout.contains("interrupted"), "{inspected:#?}");
    bench.run(&onto("disk.img", &[])).exits(0);
    let again = bench.run(&onto("disk.img", &[])).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:#?}");
}

#[test]
fn a_pipe_without_a_writer_does_not_hang_it() {
    let bench = bench();
    nix::unistd::mkfifo(&bench.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (ended, wait) = mpsc::channel();
    let mut child = bench.command(&["inspect", "pipe"]).spawn().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| ended.send(child.wait().unwrap().code()));
        let code = wait.recv_timeout(Duration::from_secs(20));
        if code.is_err() {
            // Somebody who writes lets it go on, so that the test can end.
            drop(fs::File::options().write(true).open(bench.path("pipe")));
        }
        assert_eq!(code, Ok(Some(2)));
    });
}
