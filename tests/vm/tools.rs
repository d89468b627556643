//! Programs of the host: runs them, and names the Debian package of one that is missing.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong, as one sentence for the person who started the run.
pub type Fallible<T> = Result<T, String>;

/// Where Debian keeps programs; a user's PATH seldom has the sbin folders.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Debian's package of each program that the rig starts or copies into a guest.
const PACKAGES: [(&str, &str); 32] = [
    ("apt-cache", "apt"),
    ("apt-get", "apt"),
    ("blkid", "util-linux"),
    ("blockdev", "util-linux"),
    ("busybox", "busybox-static"),
    ("cryptsetup", "cryptsetup-bin"),
    ("depmod", "kmod"),
    ("dmsetup", "dmsetup"),
    ("dpkg-deb", "dpkg"),
    ("dpkg-query", "dpkg"),
    ("file", "file"),
    ("fio", "fio"),
    ("lsblk", "util-linux"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mkfs.xfs", "xfsprogs"),
    ("modprobe", "kmod"),
    ("mount", "mount"),
    ("partx", "util-linux"),
    ("qemu-img", "qemu-utils"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("sfdisk", "fdisk"),
    ("sgdisk", "gdisk"),
    ("strip", "binutils"),
    ("swtpm", "swtpm"),
    ("udevadm", "udev"),
    ("wipefs", "util-linux"),
    ("xfs_db", "xfsprogs"),
    ("xfs_info", "xfsprogs"),
    ("xfs_repair", "xfsprogs"),
    ("xorriso", "xorriso"),
    ("xz", "xz-utils"),
];

/// Wraps a failure of the system with what was tried.
pub fn failed<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

/// The sentence for a program that is not there.
pub fn missing(name: &str) -> String {
    let package = PACKAGES.iter().find(|(program, _)| *program == name);
    let package = package.map_or(name, |(_, package)| package);
    format!("{name} is not installed: install the Debian package {package}")
}

/// Where a program lies.
pub fn find(name: &str) -> Fallible<String> {
    let places = PATH.split(':').map(|folder| format!("{folder}/{name}"));
    let mut found = places.filter(|path| Path::new(path).is_file());
    found.next().ok_or_else(|| missing(name))
}

/// A command of a program that is known to be there.
pub fn command(name: &str) -> Fallible<Command> {
    let mut command = Command::new(find(name)?);
    command
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    Ok(command)
}

/// Runs a program to its end and gives its standard output.
pub fn run(name: &str, arguments: &[&str]) -> Fallible<String> {
    run_in(Path::new("."), name, arguments)
}

/// The same in a folder.
pub fn run_in(folder: &Path, name: &str, arguments: &[&str]) -> Fallible<String> {
    let output = command(name)?.current_dir(folder).args(arguments).output();
    let output = output.map_err(failed(format_args!("cannot run {name}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    Err(format!(
        "{name} {arguments:?} failed ({status}): {}",
        said.trim()
    ))
}
