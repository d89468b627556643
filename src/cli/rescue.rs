//! `keelblock rescue`: what is wrong with this node's disks and what to type next; at a terminal, a choice of that.

use std::path::{Path, PathBuf};

use crate::cli::args::{Global, OptionalConfigArgs, parse_block_size};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{ask, context, files, inspect};
use crate::config::spec::Spec;
use crate::exec;
use crate::exit::Exit;
use crate::inspect::trial::Trying;
use crate::partitioner::meta::{Meta, PARTITION_SIZE, tag};
use crate::probe;
use crate::probe::inventory::{Disk, Inventory};
use crate::rescue::next::{Line, Place, Typed};
use crate::rescue::{self, Examined, Report, Severity, State};
use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{BlockSize, Bytes};

const ABOUT: &str = "\
Reads every disk of this node, or the one that is named, and writes nothing. For each disk and volume it says what is \
the matter, why, and which command to type next; the first line says what Talos will do at its next boot.

With -c it tries the configuration's keys, and META's own, on every sealed volume (but not with --no-keys). Each try \
takes as long as Talos itself takes to open the volume. At a terminal it offers the commands to choose from and runs \
them when you say yes.";

/// Arguments of `rescue`.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub struct RescueArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// Only this disk (its id or path)
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    pub disk: Option<String>,
    /// Only this image
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// UUID of the machine, for nodeID keys [default: this machine's]
    #[arg(long, value_name = "UUID")]
    pub uuid: Option<String>,
    /// Do not try keys, which takes long
    #[arg(long)]
    pub no_keys: bool,
    /// Ask nothing, even at a terminal
    #[arg(long)]
    pub plain: bool,
    /// Logical block size of the image [default: where its table is]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
}

pub fn run(global: &Global, args: &RescueArgs, output: &mut Output) -> Result<Exit, Failure> {
    if global.hardware.is_some() {
        let failure = Failure::new(Exit::Usage, "a recorded machine has no disks to read");
        return Err(failure.hint("leave --hardware out, or name a copy of the disk with --image"));
    }
    let spec = match args.config.config.as_slice() {
        [] => None,
        paths => Some(files::config(paths, &args.config.node)?),
    };
    loop {
        let report = look(global, args, spec.as_ref())?;
        output.print(&report, |_| render(&report))?;
        if args.plain || !ask::somebody(global) || report.next().is_empty() {
            return Ok(Exit::Done);
        }
        match choose(&report.next()) {
            None => return Ok(Exit::Done),
            Some(line) => carry_out(line)?,
        }
    }
}

/// Reads all disks and judges them.
fn look(global: &Global, args: &RescueArgs, spec: Option<&Spec>) -> Result<Report, Failure> {
    let machine = context::live(global);
    let sources = sources(args, &machine)?;
    // META's override of the UUID counts for the volumes of every disk.
    let stored = sources
        .iter()
        .find_map(|disk| uuid_override(disk.source.as_deref().ok()?));
    let own = args
        .image
        .is_none()
        .then(|| machine.machine.uuid.clone())
        .flatten();
    let uuid = stored.or_else(|| args.uuid.clone()).or(own);
    let memory = Bytes::new(machine.machine.memory_available.get() / 4 * 3);
    let trying = (!args.no_keys).then_some(Trying {
        spec,
        uuid: uuid.as_deref(),
        memory,
    });
    let examine = |found: Found| {
        let path = found.place.path().to_owned();
        let state = match &found.source {
            Ok(source) => {
                tracing::info!(disk = path, "looking");
                State::Open(Box::new(rescue::examine(
                    source.as_ref(),
                    &path,
                    spec,
                    trying,
                )))
            }
            Err(why) => State::Closed(why.clone()),
        };
        Examined {
            place: found.place,
            id: found.id,
            usage: found.usage,
            state,
        }
    };
    let disks: Vec<Examined> = sources.into_iter().map(examine).collect();
    let typed = Typed {
        config: args.config.config.clone(),
        node: args.config.node.node.clone(),
        uuid: args.uuid.clone(),
    };
    Ok(rescue::report(&disks, spec, &typed))
}

/// A disk, open for reading or not.
struct Found {
    place: Place,
    id: String,
    usage: Vec<String>,
    source: Result<Box<dyn BlockSource>, String>,
}

fn sources(args: &RescueArgs, machine: &Inventory) -> Result<Vec<Found>, Failure> {
    if let Some(image) = &args.image {
        let source = inspect::open(image, args.sector_size)?;
        return Ok(vec![Found {
            place: Place::Image(image.display().to_string()),
            id: String::new(),
            usage: Vec::new(),
            source: Ok(source),
        }]);
    }
    let on_machine = |disk: &Disk| Found {
        place: Place::Disk(disk.path.clone()),
        id: disk.id.clone(),
        usage: disk
            .usage
            .iter()
            .map(|u| format!("{} by {}", u.device, u.by))
            .collect(),
        source: inspect::open(Path::new(&disk.path), None).map_err(|failure| in_words(&failure)),
    };
    let Some(name) = &args.disk else {
        let real = machine.disks.iter().filter(|disk| is_worth_reading(disk));
        return Ok(real.map(on_machine).collect());
    };
    if let Some(disk) = machine.disks.iter().find(|disk| disk.is_named(name)) {
        return Ok(vec![on_machine(disk)]);
    }
    let source = inspect::open(Path::new(name), None)?;
    Ok(vec![Found {
        place: Place::Disk(name.clone()),
        id: String::new(),
        usage: Vec::new(),
        source: Ok(source),
    }])
}

fn is_worth_reading(disk: &Disk) -> bool {
    !disk.talos.cdrom && disk.talos.size > 0 && !disk.talos.bus_path.starts_with("/virtual")
}

fn in_words(failure: &Failure) -> String {
    let mut words = vec![failure.message.clone()];
    words.extend(failure.causes.iter().cloned());
    words.join(": ")
}

/// The UUID that META has in the place of the machine's.
fn uuid_override(source: &dyn BlockSource) -> Option<String> {
    let (content, _) = probe::inspect_source(source);
    let layout = content.layout()?;
    let is_meta =
        |p: &&probe::inventory::Partition| p.name == "META" && p.extent.len == PARTITION_SIZE;
    let partition = layout.partitions.iter().find(is_meta)?;
    let bytes = Secret::new(source.read_extent(partition.extent).ok()?);
    let meta = Meta::decode(bytes.expose()).ok()?;
    let uuid = String::from_utf8(meta.get(tag::UUID_OVERRIDE)?.expose().to_vec()).ok()?;
    (!uuid.is_empty()).then_some(uuid)
}

/// Shows the commands with numbers; `None` to leave.
fn choose<'a>(lines: &[&'a Line]) -> Option<&'a Line> {
    let mut menu = String::from("\nwhat next?\n");
    for (number, line) in (1..).zip(lines) {
        menu.push_str(&format!("  {number}) {line}\n"));
    }
    menu.push_str("  q) quit\n>");
    loop {
        let answer = ask::line(&menu)?;
        match answer.as_str() {
            "q" | "quit" | "" => return None,
            answer => {
                let number: Option<usize> = answer.parse().ok();
                let chosen = number.and_then(|n| lines.get(n.checked_sub(1)?));
                if let Some(line) = chosen
                    && ask::confirm(&format!("run `{line}`?"))
                {
                    return Some(line);
                }
            }
        }
    }
}

/// Runs the command in a process of its own, at this terminal; how it ends is its own affair.
fn carry_out(line: &Line) -> Result<(), Failure> {
    let ended = exec::ourselves(line.words()).map_err(|error| {
        Failure::new(Exit::Internal, "the command could not be started")
            .because(&error)
            .hint(format!("type it yourself: {line}"))
    })?;
    tracing::info!(%ended, command = %line, "the command has ended");
    Ok(())
}

/// A report for people.
fn render(report: &Report) -> String {
    let mut text = format!("next boot: {}\n\n", wrap(&report.boot, WIDTH - 11, 11));
    for finding in &report.findings {
        let name = [finding.disk.as_str(), finding.volume.as_str()];
        let name: Vec<&str> = name.into_iter().filter(|word| !word.is_empty()).collect();
        let head = format!("{}: {}", name.join(" "), finding.what);
        let word = finding.severity.word();
        text.push_str(&format!("{word:<8} {}\n", wrap(&head, WIDTH - 9, 9)));
        if finding.severity != Severity::Ok || !finding.volume.is_empty() {
            text.push_str(&format!(
                "         {}\n",
                wrap(&finding.cause, WIDTH - 9, 9)
            ));
        }
        for line in &finding.next {
            // Never broken, so that it can be pasted.
            text.push_str(&format!("         $ {line}\n"));
        }
    }
    for meta in &report.meta {
        let copies = meta.copies.join(", second copy ");
        text.push_str(&format!("\nMETA on {}: first copy {copies}\n", meta.disk));
        let mut table = Table::new(&["TAG", "NAME", "VALUE"], &[]);
        for tag in &meta.tags {
            table.row([tag.tag.clone(), tag.name.to_owned(), tag.value.clone()]);
        }
        if !meta.tags.is_empty() {
            text.push_str(&table.render());
        }
    }
    text
}
