//! Power cuts: one run of a command with every write logged, then many disks as they would be if power had gone at some
//! moment of it. Each is booted, and the command run again must bring it to its end, with everything kept that it
//! had to keep.

mod log;
mod power;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::initramfs;
use super::machine::Machine;
use super::qemu::{Boot, Guest, Image};
use super::run::{Rig, make_images, wrong_lines};
use super::scenario::Scenario;
use super::sparse;
use super::tools::{Fallible, failed};
use log::Event;
use power::{Cut, Dice};

/// Cuts after one boot: the kernel forgets the disk before each, so that a boot for every cut would only cost time.
const PER_BOOT: usize = 8;

/// A part of the disk that nothing may change, as the guest named it.
#[derive(Clone, Debug)]
struct Kept {
    name: String,
    start: u64,
    length: u64,
}

/// A logged run, and what is needed to cut it.
struct Rehearsal<'a> {
    rig: &'a Rig,
    scenario: &'a Scenario,
    machine: Machine,
    folder: PathBuf,
    initramfs: PathBuf,
    /// As the disks were before the command.
    images: Vec<Image>,
    /// Which of them the power is cut of.
    index: usize,
    events: Vec<Event>,
    log: File,
    kept: Vec<(Kept, String)>,
}

/// Cuts the power `count` times, and says what came of it.
pub fn run(rig: &Rig, scenario: &Scenario, count: usize, seed: u64) -> Fallible<()> {
    let rehearsal = Rehearsal::record(rig, scenario)?;
    let name = &scenario.name;
    let events = &rehearsal.events;
    let flushes = events
        .iter()
        .filter(|event| **event == Event::Flush)
        .count();
    println!(
        "{name}: {} writes and {flushes} flushes logged; {count} cuts, seed {seed}",
        events.len() - flushes
    );
    let mut dice = Dice(seed);
    let block = rehearsal.block();
    let cuts: Vec<Cut> = (0..count)
        .map(|_| Cut::random(events, block, &mut dice))
        .collect();
    let batches: Vec<_> = cuts.chunks(PER_BOOT).enumerate().collect();
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(batches.len());
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let recovered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (rehearsal, batches, next) = (&rehearsal, &batches, &next);
            let (failures, recovered) = (&failures, &recovered);
            scope.spawn(move || {
                while let Some((batch, cuts)) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let wrong = rehearsal.boot(worker, batch * PER_BOOT, cuts, recovered);
                    failures.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let recovered = recovered.into_inner();
    println!("{name}: {recovered} of {count} cuts recovered, seed {seed}");
    if failures.is_empty() {
        return std::fs::remove_dir_all(&rehearsal.folder).map_err(failed(name));
    }
    Err(format!(
        "{}\nbase, log and failing images: {}",
        failures.join("\n"),
        rehearsal.folder.display()
    ))
}

impl<'a> Rehearsal<'a> {
    fn record(rig: &'a Rig, scenario: &'a Scenario) -> Fallible<Self> {
        let booted = &scenario.machines[0];
        let folder = rig.fresh(&format!("cuts {}", scenario.name))?;
        let machine = Machine::load(&booted.machine)?;
        let disk = scenario.cut.as_deref().unwrap_or_default();
        let index = machine.disks.iter().position(|it| it.name == disk);
        let index =
            index.ok_or_else(|| format!("{} cuts no disk of its machine", scenario.name))?;
        let images = make_images(&machine, &folder)?;
        let archive = initramfs::build(scenario, booted, &machine, &rig.kernel, &rig.keelblock)?;
        let initramfs = folder.join("initramfs");
        std::fs::write(&initramfs, archive).map_err(failed(initramfs.display()))?;
        let log = sparse::open(&folder.join("log"))?;
        let events = Vec::new();
        let kept = Vec::new();
        let mut this = Self {
            rig,
            scenario,
            machine,
            folder,
            initramfs,
            images,
            index,
            events,
            log,
            kept,
        };
        this.phase(1, &this.images)?;
        let mut written = this.copies("written")?;
        written[index].log = Some(this.folder.join("log"));
        let kept = this.phase(2, &written)?;
        this.kept = this.digests(kept)?;
        this.events = log::read(&this.log)?;
        this.verify(&sparse::open(&written[index].file)?)?;
        Ok(this)
    }

    /// Copies of all disks as they were before the command.
    fn copies(&self, name: &str) -> Fallible<Vec<Image>> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(failed(folder.display()))?;
        let copy = |image: &Image| {
            let file = folder.join(image.file.file_name().unwrap_or_default());
            let copied = sparse::overwrite(&sparse::open(&image.file)?, &sparse::open(&file)?);
            copied.map_err(failed(file.display()))?;
            Ok(Image { file, log: None })
        };
        self.images.iter().map(copy).collect()
    }

    fn boot_of<'b>(&'b self, folder: &'b Path, images: &[Image], cmdline: &str) -> Boot<'b> {
        let udev = u8::from(self.scenario.machines[0].udev);
        Boot {
            machine: &self.machine,
            kernel: &self.rig.kernel,
            initramfs: &self.initramfs,
            cmdline: format!("vm_udev={udev}{} {cmdline}", self.scenario.cmdline),
            folder,
            images: images.to_vec(),
            timeout: self.scenario.timeout,
        }
    }

    fn phase(&self, phase: u32, images: &[Image]) -> Fallible<Vec<Kept>> {
        let boot = self.boot_of(&self.folder, images, &format!("vm_phase={phase}"));
        let lines = boot.run(&format!("phase{phase}"))?;
        let title = format!("{} [{phase}]", self.scenario.name);
        let wrong = wrong_lines(&lines, phase);
        if !wrong.is_empty() {
            return Err(format!(
                "{title} {}; logs: {}",
                wrong.join(", "),
                self.folder.display()
            ));
        }
        let kept = lines.iter().filter_map(|line| line.strip_prefix("keep "));
        kept.map(|line| Kept::parse(line).ok_or_else(|| format!("{title}: keep {line}")))
            .collect()
    }

    fn digests(&self, kept: Vec<Kept>) -> Fallible<Vec<(Kept, String)>> {
        let base = sparse::open(&self.images[self.index].file)?;
        let digest = |kept: Kept| {
            let digest = sparse::digest(&base, kept.start, kept.length);
            digest
                .map(|digest| (kept, digest))
                .map_err(failed("cannot read the image"))
        };
        kept.into_iter().map(digest).collect()
    }

    fn block(&self) -> u32 {
        self.machine.disks[self.index].block
    }

    /// Makes `image` what the disk would hold after a cut.
    fn strike(&self, cut: &Cut, image: &File) -> Fallible<()> {
        let base = sparse::open(&self.images[self.index].file)?;
        let done = sparse::overwrite(&base, image)
            .and_then(|()| cut.replay(&self.events, &self.log, self.block(), image));
        done.map_err(failed("cannot replay the log"))
    }

    /// The log has everything: replayed to its end it gives what the guest wrote.
    fn verify(&self, written: &File) -> Fallible<()> {
        let replayed = sparse::open(&self.folder.join("replayed"))?;
        self.strike(&Cut::none(&self.events), &replayed)?;
        let size = self.machine.disks[self.index].bytes;
        let digest =
            |file: &File| sparse::digest(file, 0, size).map_err(failed("cannot read the image"));
        match digest(&replayed)? == digest(written)? {
            true => Ok(()),
            false => Err(format!(
                "{}: the log lacks writes; {}",
                self.scenario.name,
                self.folder.display()
            )),
        }
    }

    /// Boots once, runs phase 3 after each of these cuts, and gives what went wrong.
    fn boot(
        &self,
        worker: usize,
        first: usize,
        cuts: &[Cut],
        recovered: &AtomicUsize,
    ) -> Vec<String> {
        let name = &self.scenario.name;
        let mut wrong = Vec::new();
        let mut done = 0;
        let mut each = |cut: &Cut, result: Fallible<()>| {
            done += 1;
            let number = first + done;
            match result {
                Ok(()) => {
                    recovered.fetch_add(1, Ordering::Relaxed);
                    println!("{name} cut {number}: ok, {cut}");
                }
                Err(error) => {
                    println!("{name} cut {number}: FAILED, {cut}: {error}");
                    wrong.push(format!("{name} cut {number} ({cut}): {error}"));
                }
            }
        };
        let ended = self.cut_all(worker, first, cuts, &mut each);
        if let Err(error) = ended {
            wrong.push(format!("{name} cut {}: {error}", first + done + 1));
        }
        wrong
    }

    fn cut_all(
        &self,
        worker: usize,
        first: usize,
        cuts: &[Cut],
        each: &mut dyn FnMut(&Cut, Fallible<()>),
    ) -> Fallible<()> {
        let worker = format!("worker{worker}");
        let images = self.copies(&worker)?;
        let image = sparse::open(&images[self.index].file)?;
        self.strike(&cuts[0], &image)?;
        let folder = self.folder.join(&worker);
        let boot = self.boot_of(&folder, &images, "vm_cuts=1");
        let mut guest = boot.start(&format!("cuts{}", first + 1))?;
        for (index, cut) in cuts.iter().enumerate() {
            let ready = guest.line()?;
            if ready.as_deref() != Some("ready") {
                return Err(
                    guest.wrong(&format!("the guest said {ready:?} instead of being ready"))
                );
            }
            if index > 0 {
                self.strike(cut, &image)?;
            }
            let before = self.changed(&image)?;
            guest.extend(self.scenario.timeout);
            guest.say("go")?;
            let result = self.judge(&mut guest, before, &image);
            if result.is_err() {
                self.save(first + index + 1, cut)?;
            }
            each(cut, result);
        }
        guest.line()?;
        guest.say("end")?;
        guest.finish()
    }

    /// Reads what the guest says of one cut.
    fn judge(&self, guest: &mut Guest, before: Vec<String>, image: &File) -> Fallible<()> {
        let mut lines = Vec::new();
        while let Some(line) = guest.line()? {
            let done = line == "done 3";
            lines.push(line);
            if done {
                break;
            }
        }
        let mut wrong = wrong_lines(&lines, 3);
        wrong.extend(
            before
                .into_iter()
                .map(|name| format!("the cut changed {name}")),
        );
        wrong.extend(
            self.changed(image)?
                .into_iter()
                .map(|name| format!("the second run changed {name}")),
        );
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(guest.wrong(&wrong.join(", "))),
        }
    }

    /// What was to be kept and is not as it was.
    fn changed(&self, image: &File) -> Fallible<Vec<String>> {
        let mut changed = Vec::new();
        for (kept, digest) in &self.kept {
            let now = sparse::digest(image, kept.start, kept.length);
            if now.map_err(failed("cannot read the image"))? != *digest {
                changed.push(kept.name.clone());
            }
        }
        Ok(changed)
    }

    fn save(&self, number: usize, cut: &Cut) -> Fallible<()> {
        self.strike(
            cut,
            &sparse::open(&self.folder.join(format!("cut{number}.img")))?,
        )
    }
}

impl Kept {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let start = words.next()?.parse().ok()?;
        let length = words.next()?.parse().ok()?;
        Some(Self {
            name,
            start,
            length,
        })
    }
}
