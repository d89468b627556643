//! `keelblock unlock`.

mod media;
mod opener;
mod place;
mod salt;

use std::path::PathBuf;

use crate::cli::args::{ConfigArgs, Global, parse_block_size};
use crate::cli::error::Failure;
use crate::cli::files;
use crate::cli::mappings::{Record, render};
use crate::cli::output::Output;
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::mapper::activate;
use crate::mapper::report::{Mapping, Mappings};
use crate::mapper::session::Session;
use crate::probe::memory;
use crate::root::Root;
use crate::sys::dm::Dm;
use crate::units::BlockSize;
use media::{Candidate, Machine, Medium, MetaSays, Sought};
use opener::Opener;

/// Arguments of `unlock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every sealed volume of the configuration that is found is opened as /dev/mapper/keelblock-VOLUME, or \
none if one of them does not open: name the volumes to open only some. STATE is tried with the keys \
in META first, as Talos does at boot. Nothing is written to the disk unless --write is given.

  keelblock unlock -c node.yaml --disk /dev/sda --mount /mnt/node
  keelblock lock")]
pub struct UnlockArgs {
    /// Only these volumes, such as STATE, EPHEMERAL or u-data
    #[arg(value_name = "VOLUME")]
    pub volumes: Vec<String>,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The image
    #[arg(long, value_name = "FILE", conflicts_with = "disk")]
    pub image: Option<PathBuf>,
    /// The disk (its id or path) [default: every disk of this machine]
    #[arg(long, value_name = "PATH")]
    pub disk: Option<String>,
    /// Logical block size of the image [default: where its table is]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
    /// UUID of the machine, for nodeID keys [default: META's, then this machine's]
    #[arg(long, value_name = "UUID")]
    pub uuid: Option<String>,
    /// Open for writing, too; without it even a filesystem's log is not replayed
    #[arg(long)]
    pub write: bool,
    /// Mount the filesystems as DIR/STATE, DIR/EPHEMERAL and so on
    #[arg(long, value_name = "DIR")]
    pub mount: Option<PathBuf>,
}

pub fn run(global: &Global, args: &UnlockArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = files::config(&args.config.config, &args.config.node)?;
    if global.root.is_some() {
        let failure = Failure::new(
            Exit::Usage,
            "unlock works on this machine, not on a recorded tree",
        );
        return Err(failure.hint("unset KEELBLOCK_ROOT"));
    }
    let mut machine = Machine::new(global);
    let names = |name: &str| name == "STATE" || spec.encryption_of(name).is_some();
    let (disks, mut notes) = media::media(args, &mut machine, names)?;
    let mut meta = media::meta(&disks);
    notes.append(&mut meta.notes);
    let wanted = wanted(args, &spec, &meta, &disks, &mut notes)?;
    let dm = Dm::open()?;
    let kernel = activate::crypt_version(&dm)?.ok_or_else(|| {
        Failure::new(Exit::Refused, "this kernel has no dm-crypt").hint("modprobe dm-crypt")
    })?;
    let mut record = Record::read();
    let opener = Opener {
        args,
        spec: &spec,
        disks: &disks,
        meta: &meta,
        uuid: uuid(args, &meta, &mut machine)?,
        dm: &dm,
        memory: memory::available(&Root::live()),
        session: Session::new(&dm, kernel),
        loops: Vec::new(),
        opened: Vec::new(),
        notes,
        record: &record,
    };
    let (opened, notes) = opener.all(wanted)?;
    record.update(&opened, true);
    record.keep();
    let report = Mappings::new(opened, notes);
    output.print(&report, |_| render(&report))?;
    Ok(Exit::Done)
}

/// The machine's UUID, and where it comes from.
fn uuid(
    args: &UnlockArgs,
    meta: &MetaSays,
    machine: &mut Machine<'_>,
) -> Result<Option<String>, Failure> {
    match (&args.uuid, &meta.uuid) {
        (Some(uuid), _) | (None, Some(uuid)) => Ok(Some(uuid.clone())),
        (None, None) => machine.uuid(),
    }
}

/// The volumes to open that are there, in the order of opening.
fn wanted(
    args: &UnlockArgs,
    spec: &Spec,
    meta: &MetaSays,
    disks: &[Medium],
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Box<Candidate>)>, Failure> {
    let sealed = media::sealed(spec, meta);
    for volume in &args.volumes {
        if !sealed.iter().any(|(known, _)| known == volume) {
            return Err(not_sealed(volume, &sealed));
        }
    }
    let is_named = |volume: &String| args.volumes.is_empty() || args.volumes.contains(volume);
    let mut found = Vec::new();
    for (volume, whole_disk) in sealed.into_iter().filter(|(volume, _)| is_named(volume)) {
        let missing = match media::seek(disks, &volume, whole_disk)? {
            Sought::Sealed(candidate) => {
                found.push((volume, candidate));
                continue;
            }
            Sought::Plain => format!("{volume} is there, and is not sealed"),
            Sought::Missing => format!("{volume} is not there"),
        };
        if !args.volumes.is_empty() {
            return Err(Failure::new(Exit::NoDisk, missing).hint(SEE));
        }
        notes.push(missing);
    }
    if found.is_empty() {
        let mut failure = Failure::new(
            Exit::NoDisk,
            "no sealed volume of the configuration was found",
        );
        failure.causes.append(notes);
        return Err(failure.hint(SEE));
    }
    Ok(found)
}

const SEE: &str = "`keelblock inspect` shows what is on a disk or image";

fn not_sealed(volume: &str, sealed: &[(String, bool)]) -> Failure {
    let known: Vec<&str> = sealed.iter().map(|(volume, _)| volume.as_str()).collect();
    let message = format!("the configuration has no sealed volume {volume}");
    Failure::new(Exit::Usage, message).hint(if known.is_empty() {
        String::from("it seals none")
    } else {
        format!("it seals {}", known.join(", "))
    })
}

/// What `lock` and a later `unlock` know a mapping by.
fn remembered(record: &Record, mut mapping: Mapping) -> Mapping {
    if let Some(known) = record.of(&mapping) {
        mapping.slot = known.slot;
        mapping.key = known.key.clone();
        mapping.mount = known.mount.clone();
        mapping.made_mount_point = known.made_mount_point;
    }
    mapping
}
