//! `keelblock plan`.

use crate::apply::filesystem;
use crate::cli::args::{Global, PlanArgs, PlanningArgs};
use crate::cli::context::{self, Subject};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::picture::{Piece, Shade, strip};
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{files, kdf};
use crate::config;
use crate::config::spec::Spec;
use crate::entropy::{Entropy as _, OsEntropy};
use crate::exit::Exit;
use crate::guid::Seed;
use crate::partitioner::layout::{Bootloader, TalosVersion};
use crate::partitioner::planner::{self, Options};
use crate::plan::{Action, ContentPlan, DiskPlan, KdfCost, PartitionPlan, Plan};
use crate::printable::printable;
use crate::probe::inventory::Machine;
use crate::units::{Bytes, Extent};

pub fn run(global: &Global, args: &PlanArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = files::config(&args.config.config)?;
    let subject = context::subject(global, &spec, &args.target, &args.consent)?;
    let plan = make(&spec, &subject, &args.planning)?;
    if let Some(path) = &args.output {
        let json = serde_json::to_vec_pretty(&plan);
        files::write(
            path,
            &json
                .map_err(|error| Failure::internal("the plan cannot be written as JSON", error))?,
        )?;
    }
    output.print(&plan, |colour| render(&plan, colour))?;
    Ok(Exit::Done)
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
        ..options(spec, &subject.inventory.machine, planning)?
    };
    Ok(planner::plan(
        spec,
        &subject.inventory,
        &subject.selection,
        &options,
    )?)
}

/// What `planning` and the machine say, without the cost of a keyslot: that takes a measurement.
///
/// # Errors
/// Exit 1 without random numbers.
pub fn options(
    spec: &Spec,
    machine: &Machine,
    planning: &PlanningArgs,
) -> Result<Options, Failure> {
    let talos = planning
        .talos
        .or_else(|| version_of(spec))
        .unwrap_or(TalosVersion::NEWEST);
    let bootloader = planning.layout.unwrap_or(match machine.uefi {
        Some(false) => Bootloader::Grub,
        _ if talos < TalosVersion::UKI_ON_UEFI => Bootloader::Grub,
        _ => Bootloader::Uki,
    });
    Ok(Options {
        seed: seed(planning)?,
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
        uuid: planning.uuid.clone().or_else(|| machine.uuid.clone()),
        wipe: Vec::new(),
        only: None,
        config_digest: config_digest(spec),
    })
}

fn version_of(spec: &Spec) -> Option<TalosVersion> {
    let (major, minor) = config::talos_version(spec)?;
    let version = TalosVersion { major, minor };
    (version >= TalosVersion::OLDEST).then_some(version)
}

fn seed(planning: &PlanningArgs) -> Result<Seed, Failure> {
    if let Some(seed) = planning.seed {
        return Ok(seed);
    }
    let mut bytes = [0; 16];
    OsEntropy
        .fill(&mut bytes)
        .map_err(|error| Failure::internal("there is no seed for GUIDs", error))?;
    Ok(Seed::new(bytes))
}

/// SHA-256 over the configuration without its secrets and places.
pub fn config_digest(spec: &Spec) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(spec.canonical().to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A plan for people.
pub fn render(plan: &Plan, colour: bool) -> String {
    let mut text = format!("plan {}", plan.id);
    if !plan.machine.product.is_empty() {
        text.push_str(&format!(" for {}", printable(&plan.machine.product)));
    }
    text.push_str(&format!(", sizes of Talos {}\n", plan.talos));
    for disk in &plan.disks {
        text.push_str(&render_disk(disk, colour));
    }
    text.push('\n');
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
    for remark in &plan.remarks {
        text.push_str(&format!("note: {}\n", wrap(remark, WIDTH - 6, 6)));
    }
    text
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
    let pieces: Vec<Piece> = disk
        .partitions
        .iter()
        .filter(|p| p.action != Action::Wipe)
        .map(piece)
        .collect();
    text.push_str(&format!("{}\n", strip(disk.geometry.size, &pieces, colour)));
    let mut table = Table::new(&["#", "NAME", "START", "SIZE", "DO", "CONTENT"], &[0, 2, 3]);
    for partition in &disk.partitions {
        table.row([
            partition.number.to_string(),
            partition.name.clone(),
            partition.start.to_string(),
            partition.size.to_string(),
            action(partition).to_owned(),
            content(&partition.content),
        ]);
    }
    text + &table.render()
}

pub(super) fn piece(partition: &PartitionPlan) -> Piece {
    let shade = match (&partition.content, partition.is_made()) {
        (_, false) => Shade::Kept,
        (ContentPlan::Sealed(_), true) => Shade::Sealed,
        (_, true) => Shade::Made,
    };
    Piece {
        label: partition.name.clone(),
        shade,
        extent: Extent::new(partition.start, partition.size),
    }
}

pub(super) const fn action(partition: &PartitionPlan) -> &'static str {
    match partition.action {
        Action::Keep => "keep",
        Action::Create => "create",
        Action::Seal => "seal",
        Action::Wipe => "wipe",
    }
}

pub(super) fn content(content: &ContentPlan) -> String {
    match content {
        ContentPlan::AsIs { found } => format!("{found}, as it is"),
        ContentPlan::Empty { then } => then.clone(),
        ContentPlan::Filesystem(plan) => plan.kind.clone(),
        ContentPlan::Meta {
            state: Some(crate::plan::StateTag::Encryption),
        } => String::from("how to open STATE (tag 0x09)"),
        ContentPlan::Meta { .. } => String::from("META without tag 0x09"),
        ContentPlan::Sealed(plan) => {
            let slots: Vec<String> = plan
                .slots
                .iter()
                .map(|s| format!("slot {} {}", s.slot, s.source))
                .collect();
            let inside = plan
                .filesystem
                .as_ref()
                .map_or("empty", |fs| fs.kind.as_str());
            format!(
                "LUKS2 {}, {}-byte sectors, {}, argon2id {} × {}; {inside} inside",
                plan.cipher,
                plan.sector_size,
                slots.join(", "),
                plan.kdf.memory,
                plan.kdf.time
            )
        }
    }
}
