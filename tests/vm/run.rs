//! One scenario on one machine: makes the disks, boots each phase, reads the checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::initramfs;
use super::kernel::Kernel;
use super::machine::Machine;
use super::qemu::{Boot, Image};
use super::scenario::{Booted, Scenario};
use super::tools::{self, Fallible, failed};

/// What all runs share.
#[derive(Debug)]
pub struct Rig {
    pub kernel: Kernel,
    /// Static, for the guest.
    pub keelblock: tempfile::TempPath,
    /// Below the target folder.
    pub folder: PathBuf,
}

impl Rig {
    /// Runs every phase. The folder with console logs and images stays behind only if something failed.
    pub fn run(&self, scenario: &Scenario, booted: &Booted) -> Fallible<()> {
        let title = title(scenario, booted);
        let folder = self.fresh(&title)?;
        let machine = Machine::load(&booted.machine)?;
        let images = make_images(&machine, &folder)?;
        let archive = initramfs::build(scenario, booted, &machine, &self.kernel, &self.keelblock)?;
        let initramfs = folder.join("initramfs");
        fs::write(&initramfs, archive).map_err(failed(initramfs.display()))?;
        println!(
            "{title}: {} with Linux {}",
            machine.product, self.kernel.version
        );
        let mut wrong = 0;
        for phase in 1..=scenario.phases {
            let udev = u8::from(booted.udev);
            let boot = Boot {
                machine: &machine,
                kernel: &self.kernel,
                initramfs: &initramfs,
                cmdline: format!("vm_phase={phase} vm_udev={udev}{}", scenario.cmdline),
                folder: &folder,
                images: images.clone(),
                timeout: scenario.timeout,
            };
            let start = Instant::now();
            let name = format!("phase{phase}");
            let results = boot.run(&name).map_err(failed(&title))?;
            wrong += report(&title, phase, &results);
            let seconds = start.elapsed().as_secs_f32();
            println!("{title} [{phase}] took {seconds:.1} s");
            if wrong > 0 {
                let console = folder.join(format!("{name}.console"));
                return Err(format!(
                    "{title}: {wrong} checks of phase {phase} failed; console: {}",
                    console.display()
                ));
            }
        }
        fs::remove_dir_all(&folder).map_err(failed(folder.display()))
    }

    /// An empty folder for one run.
    pub fn fresh(&self, name: &str) -> Fallible<PathBuf> {
        let folder = self.folder.join("runs").join(name.replace(' ', "-"));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed(folder.display()))?;
        }
        fs::create_dir_all(&folder).map_err(failed(folder.display()))?;
        Ok(folder)
    }
}

/// How a run is called in the output.
pub fn title(scenario: &Scenario, booted: &Booted) -> String {
    let udev = if booted.udev { " udev" } else { "" };
    format!("{} {}{udev}", scenario.name, booted.machine)
}

/// Prints what the guest said, and counts what is wrong.
fn report(title: &str, phase: u32, lines: &[String]) -> usize {
    for line in lines {
        println!("{title} [{phase}] {line}");
    }
    let wrong = wrong_lines(lines, phase);
    for line in wrong.iter().filter(|line| !lines.contains(line)) {
        println!("{title} [{phase}] {line}");
    }
    wrong.len()
}

/// The checks that failed; a phase that ended early or checked nothing fails, too.
pub fn wrong_lines(lines: &[String], phase: u32) -> Vec<String> {
    let failed = lines.iter().filter(|line| line.starts_with("FAILED "));
    let mut wrong: Vec<String> = failed.cloned().collect();
    if !lines.contains(&format!("done {phase}")) {
        wrong.push("FAILED the phase did not come to its end".to_owned());
    }
    if !lines.iter().any(|line| line.starts_with("ok ")) {
        wrong.push("FAILED the phase checked nothing".to_owned());
    }
    wrong
}

/// Sparse images of the machine's disks.
pub fn make_images(machine: &Machine, folder: &Path) -> Fallible<Vec<Image>> {
    let mut images = Vec::new();
    for disk in &machine.disks {
        let path = folder.join(format!("{}.img", disk.name));
        match &disk.iso {
            Some(label) => make_iso(label, &path)?,
            None => fs::write(&path, b"").map_err(failed(path.display()))?,
        }
        if disk.bytes > 0 {
            let file = fs::OpenOptions::new().write(true).open(&path);
            let grown = file.and_then(|file| file.set_len(disk.bytes));
            grown.map_err(failed(path.display()))?;
        }
        images.push(Image {
            file: path,
            log: None,
        });
    }
    Ok(images)
}

fn make_iso(label: &str, path: &Path) -> Fallible<()> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/guest");
    let path = path.display().to_string();
    let arguments = ["-as", "mkisofs", "-quiet", "-V", label, "-o", &path, source];
    tools::run("xorriso", &arguments).map(drop)
}
