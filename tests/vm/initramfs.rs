//! The guest's root: busybox, keelblock, kernel modules, the scenario, and what it asks for of the host's programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::cpio::Archive;
use super::kernel::Kernel;
use super::machine::Machine;
use super::scenario::{Booted, Scenario, root};
use super::tools::{self, Fallible, failed};

/// What every guest loads: names of filesystems and partitions are read with them.
const ALWAYS: [&str; 3] = ["vfat", "nls_ascii", "loop"];

/// What udevd runs from its rules for disks, besides udevadm itself.
const UDEV_HELPERS: [&str; 4] = ["ata_id", "cdrom_id", "scsi_id", "dmi_memory_id"];

/// The archive for one scenario on one machine, uncompressed: unpacking would cost the guest more than reading it.
pub fn build(
    scenario: &Scenario,
    booted: &Booted,
    machine: &Machine,
    kernel: &Kernel,
    keelblock: &Path,
) -> Fallible<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in [
        "proc", "sys", "dev", "run", "tmp", "mnt", "etc", "usr/bin", "usr/sbin", "sbin",
    ] {
        archive.folder(folder);
    }
    let busybox = tools::find("busybox")?;
    add_file(&mut archive, Path::new(&busybox), "bin/busybox")?;
    archive.link("bin/sh", "busybox");
    add_file(&mut archive, keelblock, "usr/bin/keelblock")?;
    add_file(&mut archive, &root().join("guest/init"), "init")?;
    add_file(&mut archive, &root().join("guest/rig.sh"), "lib/rig.sh")?;
    archive.file("lib/scenario.sh", 0o644, scenario.script.as_bytes());
    archive.file("etc/disks", 0o644, disk_table(machine).as_bytes());
    archive.link("etc/mtab", "/proc/self/mounts");
    for name in ["etc/passwd", "etc/group"] {
        add_file(&mut archive, &Path::new("/").join(name), name)?;
    }
    for (from, to) in &scenario.files {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        add_file(&mut archive, &from, to)?;
    }
    add_modules(&mut archive, scenario, machine, kernel)?;
    for tool in &scenario.tools {
        add_program(&mut archive, &tools::find(tool)?)?;
    }
    if booted.udev {
        add_udev(&mut archive)?;
    }
    Ok(archive.finish())
}

/// Name and size of each disk, by which a guest finds it.
fn disk_table(machine: &Machine) -> String {
    let lines = machine.disks.iter();
    lines
        .map(|disk| format!("{} {}\n", disk.name, disk.bytes))
        .collect()
}

fn add_file(archive: &mut Archive, from: &Path, to: &str) -> Fallible<()> {
    let contents = fs::read(from).map_err(failed(from.display()))?;
    let data = fs::metadata(from).map_err(failed(from.display()))?;
    archive.file(to, data.permissions().mode() & 0o777, &contents);
    Ok(())
}

fn add_modules(
    archive: &mut Archive,
    scenario: &Scenario,
    machine: &Machine,
    kernel: &Kernel,
) -> Fallible<()> {
    let mut wanted: Vec<String> = machine.modules();
    wanted.extend(scenario.modules.iter().cloned());
    wanted.extend(ALWAYS.map(str::to_owned));
    let parameters = |name: &str| {
        let mut lines = wanted.iter().filter_map(|line| line.split_once(' '));
        lines
            .find(|(module, _)| *module == name)
            .map_or("", |(_, rest)| rest)
    };
    let names: Vec<&str> = wanted
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let mut order = String::new();
    for path in kernel.modules(&names)? {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, packed) = file.split_once(".ko").unwrap_or((&file, ""));
        let contents = match packed {
            "" => fs::read(&path).map_err(failed(path.display()))?,
            _ => decompressed(&path)?,
        };
        let name = stem.replace('-', "_");
        archive.file(&format!("lib/modules/{name}.ko"), 0o644, &contents);
        order.push_str(format!("{name} {}", parameters(&name)).trim_end());
        order.push('\n');
    }
    archive.file("lib/modules/order", 0o644, order.as_bytes());
    Ok(())
}

fn decompressed(path: &Path) -> Fallible<Vec<u8>> {
    let output = tools::command("xz")?.arg("-dc").arg(path).output();
    let output = output.map_err(failed("xz"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!("xz cannot unpack {}", path.display())),
    }
}

/// A program at the path it has here, and every library it names.
fn add_program(archive: &mut Archive, program: &str) -> Fallible<()> {
    let path = fs::canonicalize(program).map_err(failed(program))?;
    let path = path.display().to_string();
    // The name may be a link to a program that looks at its name.
    if path != program {
        archive.link(program, &path);
    }
    if archive.has(&path) {
        return Ok(());
    }
    add_file(archive, Path::new(&path), &path)?;
    let contents = fs::read(&path).map_err(failed(&path))?;
    if !contents.starts_with(b"\x7fELF") {
        // A script, such as xfs_info: its interpreter is the guest's busybox.
        return Ok(());
    }
    // `ldd` fails for a static program.
    let mut libraries = BTreeSet::new();
    for line in tools::run("ldd", &[&path]).unwrap_or_default().lines() {
        libraries.extend(
            line.split_whitespace()
                .find(|word| word.starts_with('/'))
                .map(str::to_owned),
        );
    }
    // glibc opens it only when a thread ends.
    let unwinder = "/lib/x86_64-linux-gnu/libgcc_s.so.1";
    if !libraries.is_empty() && Path::new(unwinder).exists() {
        libraries.insert(unwinder.to_owned());
    }
    for library in libraries {
        add_file(archive, Path::new(&library), &library)?;
    }
    Ok(())
}

/// udevd with Debian's rules and the helpers that describe disks.
fn add_udev(archive: &mut Archive) -> Fallible<()> {
    add_program(archive, &tools::find("udevadm")?)?;
    let daemon = [
        "/lib/systemd/systemd-udevd",
        "/usr/lib/systemd/systemd-udevd",
    ];
    let daemon = daemon.into_iter().find(|path| Path::new(path).exists());
    add_program(archive, daemon.ok_or_else(|| tools::missing("udevadm"))?)?;
    archive.link("sbin/udevd", daemon.unwrap_or_default());
    // Whoever changes a mapping waits for the rules of dmsetup, which answer through it.
    let dmsetup = tools::find("dmsetup")?;
    add_program(archive, &dmsetup)?;
    if dmsetup != "/sbin/dmsetup" {
        archive.link("sbin/dmsetup", &dmsetup);
    }
    let rules = tools::run("dpkg-query", &["-L", "udev", "dmsetup"])?;
    for path in rules.lines() {
        let name = Path::new(path)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        if path.contains("/rules.d/") && path.ends_with(".rules") {
            add_file(
                archive,
                Path::new(path),
                &format!("usr/lib/udev/rules.d/{name}"),
            )?;
        } else if UDEV_HELPERS.contains(&&*name) {
            add_program(archive, path)?;
            archive.link(&format!("usr/lib/udev/{name}"), path);
        }
    }
    Ok(())
}
