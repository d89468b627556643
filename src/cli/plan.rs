//! `keelblock plan`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::apply::filesystem;
use crate::cli::args::{ConsentArgs, Global, NodeArgs, PlanningArgs, TargetArgs};
use crate::cli::context::{self, Subject};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::picture::{KEY, draw};
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{expiry, files, kdf};
use crate::config;
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::guid::Seed;
use crate::hex;
use crate::partitioner::layout::{Bootloader, TalosVersion};
use crate::partitioner::planner::{self, Options};
use crate::picture::{self, Sheet, html, svg};
use crate::plan::validity::Expiry;
use crate::plan::{ContentPlan, DiskPlan, KdfCost, Plan, canonical};
use crate::printable::printable;
use crate::probe::inventory::{Disk, Machine};
use crate::units::Bytes;

const AFTER_HELP: &str = "\
Equal inputs give equal plans with equal ids: the configuration, the facts of the machine and its disks, what is on \
them, and these options. What was measured is an input, too; --kdf-memory and --kdf-time fix it. The plan is bound to \
all of that, so it does not expire by itself; --expires 24h makes it, and the time is then part of it and of its id.

`apply FILE` refuses a plan that was changed by as much as a byte, another machine, another disk, and a disk on which \
anything changed; it says what. Pictures hold no key and load nothing, so they can be passed on.";

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct PlanArgs {
    /// Machine configuration, or talconfig.yaml with --node; may be given several times, `-` is
    /// standard input
    #[arg(
        short,
        long = "config",
        value_name = "FILE",
        required_unless_present = "show"
    )]
    pub config: Vec<PathBuf>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Show a plan of `plan -o` again, and make pictures of it, instead of planning
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["config", "image", "disk", "output", "expires"])]
    pub show: Option<PathBuf>,
    /// What is laid out.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What may be wiped.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// What it depends on.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Write the plan to this file, for `apply FILE`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw every disk before and after to a file that ends in .svg or .html; may be given several
    /// times
    #[arg(long, value_name = "FILE")]
    pub picture: Vec<PathBuf>,
    /// When the plan expires: a time from now, such as 24h or 7d, or a moment in UTC, such as
    /// 2026-12-01T08:00:00Z [default: never]
    #[arg(long, value_name = "WHEN", value_parser = Expiry::parse)]
    pub expires: Option<Expiry>,
}

pub fn run(global: &Global, args: &PlanArgs, output: &mut Output) -> Result<Exit, Failure> {
    for path in &args.picture {
        Kind::of(path)?;
    }
    let plan = match &args.show {
        Some(path) => files::plan(path)?,
        None => planned(global, args)?,
    };
    if let Some(path) = &args.output {
        files::write(path, canonical::file(&plan).as_bytes())?;
    }
    for path in &args.picture {
        let sheet = Sheet::of(&plan);
        let drawn = match Kind::of(path)? {
            Kind::Svg => svg::render(&sheet),
            Kind::Html => html::render(&sheet),
        };
        files::write(path, drawn.as_bytes())?;
    }
    output.print(&plan, |colour| render(&plan, colour))?;
    Ok(Exit::Done)
}

fn planned(global: &Global, args: &PlanArgs) -> Result<Plan, Failure> {
    let spec = files::config(&args.config, &args.node)?;
    let subject = context::subject(global, &spec, &args.target, &args.consent)?;
    expiry::expiring(make(&spec, &subject, &args.planning)?, args.expires)
}

/// What a picture is drawn as; its name says so.
#[derive(Clone, Copy)]
enum Kind {
    Svg,
    Html,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "html" | "htm" => Ok(Self::Html),
            _ => {
                let message = format!("{} says not which kind of picture it is", path.display());
                let failure = Failure::new(Exit::Usage, message);
                Err(failure.hint("give it a name that ends in .svg or .html"))
            }
        }
    }
}

/// Plans `subject`.
///
/// # Errors
/// As the planner's.
pub fn make(spec: &Spec, subject: &Subject, planning: &PlanningArgs) -> Result<Plan, Failure> {
    let (kdf, kdf_seconds) = kdf::choose(planning, &subject.inventory.machine)?;
    let options = Options {
        kdf,
        kdf_seconds,
        wipe: subject.wipe.clone(),
        only: subject.only.clone(),
        ..options(spec, &subject.inventory.machine, &used(subject), planning)
    };
    Ok(planner::plan(
        spec,
        &subject.inventory,
        &subject.selection,
        &options,
    )?)
}

/// The disks that roles were given.
fn used(subject: &Subject) -> Vec<&Disk> {
    let roles = &subject.selection.roles;
    let is_used = |disk: &&Disk| {
        roles
            .iter()
            .any(|role| role.disk_id.as_ref() == Some(&disk.id))
    };
    subject.inventory.disks.iter().filter(is_used).collect()
}

/// What `planning`, the machine and the `disks` to be written say, without the cost of a keyslot: that takes a
/// measurement.
pub fn options(
    spec: &Spec,
    machine: &Machine,
    disks: &[&Disk],
    planning: &PlanningArgs,
) -> Options {
    let talos = planning
        .talos
        .or_else(|| version_of(spec))
        .unwrap_or(TalosVersion::NEWEST);
    let bootloader = planning.layout.unwrap_or(match machine.uefi {
        Some(false) => Bootloader::Grub,
        _ if talos < TalosVersion::UKI_ON_UEFI => Bootloader::Grub,
        _ => Bootloader::Uki,
    });
    let uuid = planning.uuid.clone().or_else(|| machine.uuid.clone());
    let config_digest = config_digest(spec);
    let derived = || derived_seed(&config_digest, uuid.as_deref(), disks);
    Options {
        seed: planning.seed.unwrap_or_else(derived),
        talos,
        bootloader,
        kdf: KdfCost {
            memory: Bytes::ZERO,
            time: 0,
            lanes: 0,
        },
        kdf_seconds: None,
        ephemeral_filesystem: !planning.no_ephemeral_filesystem,
        mark: !planning.no_mark,
        mkfs: filesystem::mkfs_facts(talos),
        uuid,
        wipe: Vec::new(),
        only: None,
        config_digest,
    }
}

fn version_of(spec: &Spec) -> Option<TalosVersion> {
    let (major, minor) = config::talos_version(spec)?;
    let version = TalosVersion { major, minor };
    (version >= TalosVersion::OLDEST).then_some(version)
}

/// The seed of a plan that was given none: the same for the same configuration, machine and disks with the same
/// contents, and so another one once anything was written. Disks count in the order of their identities.
fn derived_seed(config_digest: &str, uuid: Option<&str>, disks: &[&Disk]) -> Seed {
    let mut disks = disks.to_vec();
    disks.sort_by_key(|disk| (&disk.id, &disk.path));
    let facts = |disk: &&Disk| {
        let size = disk.talos.size.to_string();
        [&disk.id, &disk.path, &size, &disk.fingerprint].map(String::clone)
    };
    let facts: Vec<String> = disks.iter().flat_map(facts).collect();
    let inputs = [config_digest, uuid.unwrap_or_default()].into_iter();
    Seed::derive(inputs.chain(facts.iter().map(String::as_str)))
}

/// SHA-256 over the configuration without its secrets and places.
pub fn config_digest(spec: &Spec) -> String {
    use sha2::{Digest as _, Sha256};
    hex::lower(&Sha256::digest(spec.canonical().to_string()))
}

/// A plan for people.
pub fn render(plan: &Plan, colour: bool) -> String {
    let mut text = format!("plan {}", plan.id);
    if !plan.machine.product.is_empty() {
        text.push_str(&format!(" for {}", printable(&plan.machine.product)));
    }
    text.push_str(&format!(", sizes of Talos {}\n", plan.talos));
    if let Some(valid) = plan.valid {
        text.push_str(&format!("valid until {}\n", valid.until));
    }
    for disk in &plan.disks {
        text.push_str(&render_disk(disk, colour));
    }
    text.push_str(&format!("\n{KEY}\n"));
    if plan.is_converged() {
        text.push_str("nothing to lay out: everything is there; apply checks that it opens\n");
    } else {
        let seconds = plan
            .cost
            .seconds
            .map_or(String::new(), |s| format!(", about {s} s"));
        text.push_str(&format!(
            "cost: {} written, {} of memory{seconds}\n",
            plan.cost.bytes_written, plan.cost.memory
        ));
    }
    if let Some(kdf) = measured(plan) {
        let again = format!(
            "--kdf-memory {}M --kdf-time {} --kdf-lanes {}",
            kdf.memory.get() >> 20,
            kdf.time,
            kdf.lanes
        );
        let note = format!("the cost of a key was measured; for this very plan again give {again}");
        text.push_str(&format!("note: {}\n", wrap(&note, WIDTH - 6, 6)));
    }
    for remark in &plan.remarks {
        text.push_str(&format!("note: {}\n", wrap(remark, WIDTH - 6, 6)));
    }
    text
}

/// What a key costs, if that was measured.
fn measured(plan: &Plan) -> Option<KdfCost> {
    plan.cost.seconds?;
    let partitions = plan.disks.iter().flat_map(|disk| &disk.partitions);
    let mut made = partitions.filter(|p| p.is_made());
    made.find_map(|p| match &p.content {
        ContentPlan::Sealed(seal) => Some(seal.kdf),
        _ => None,
    })
}

fn render_disk(disk: &DiskPlan, colour: bool) -> String {
    let mut text = format!(
        "\n{}\n  id {}, for {}\n",
        printable(&disk.title),
        printable(&disk.id),
        disk.roles.join(", ")
    );
    text.push_str(&format!(
        "  now: {}\n",
        wrap(&disk.before.content, WIDTH - 7, 7)
    ));
    for wipe in disk.wipe.iter().filter(|wipe| !wipe.table) {
        text.push_str(&format!("  lost: {}\n", wrap(&wipe.why, WIDTH - 8, 8)));
    }
    if !disk.discard.is_empty() {
        let gone = disk.discard.iter().map(|extent| extent.len.get()).sum();
        let text_gone = format!(
            "{} of old data, where the disk can (TRIM)",
            Bytes::new(gone)
        );
        text.push_str(&format!("  discarded: {text_gone}\n"));
    }
    text.push_str(&pictures(disk, colour));
    let mut table = Table::new(&["#", "NAME", "START", "SIZE", "DO", "CONTENT"], &[0, 2, 3]);
    for partition in &disk.partitions {
        table.row([
            partition.number.to_string(),
            partition.name.clone(),
            partition.start.to_string(),
            partition.size.to_string(),
            partition.action.word().to_owned(),
            partition.content.in_words(),
        ]);
    }
    text + &table.render()
}

/// The disk before and after.
pub(super) fn pictures(disk: &DiskPlan, colour: bool) -> String {
    let drawn = picture::disk(disk);
    let mut text = String::new();
    let mut enlarged: Vec<String> = Vec::new();
    for (title, strip) in [("before", &drawn.before), ("after", &drawn.after)] {
        let drawn = draw(strip, colour);
        text.push_str(&format!("{title}\n{}\n", drawn.line));
        let new = drawn
            .enlarged
            .into_iter()
            .filter(|name| !enlarged.contains(name));
        enlarged.extend(new.collect::<Vec<_>>());
    }
    if !enlarged.is_empty() {
        let names = enlarged.join(", ");
        text.push_str(&format!(
            "  wider than to scale: {}\n",
            wrap(&names, WIDTH - 24, 24)
        ));
    }
    text
}
