//! `keelblock apply`.

use std::path::Path;
use std::time::Duration;

use crate::apply::filesystem::Distribution;
use crate::apply::prepare::Means;
use crate::apply::receipt::{Erased, Outcome, Receipt};
use crate::apply::{self, Run};
use crate::cli::args::{ApplyArgs, Global};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::table::Table;
use crate::cli::{context, expiry, files, plan, reset, targets, wait};
use crate::config::spec::Spec;
use crate::entropy::OsEntropy;
use crate::exit::Exit;
use crate::keys::Keys;
use crate::partitioner::kdf::TooMuchMemory;
use crate::partitioner::meta;
use crate::plan::{ContentPlan, EraseMethod, Plan};
use crate::probe::memory;
use crate::root::Root;
use crate::secret::Secret;
use crate::target::BlockTarget;
use crate::units::Bytes;

pub fn run(global: &Global, args: &ApplyArgs, output: &mut Output) -> Result<Exit, Failure> {
    let patience = Duration::from_secs(args.wait);
    let (spec, plan) = match &args.plan {
        Some(path) => planned(path, args)?,
        None => {
            if args.config.config.is_empty() {
                let failure = Failure::new(Exit::Usage, "there is nothing to apply");
                return Err(failure.hint("give a plan, or a configuration with -c"));
            }
            let spec = files::config(&args.config.config, &args.config.node)?;
            let subject =
                context::subject_in(patience, global, &spec, &args.target, &args.consent)?;
            let plan = plan::make(&spec, &subject, &args.planning)?;
            (spec, plan)
        }
    };
    if args.plan.is_some() || global.hardware.is_some() {
        wait::for_disk(global, patience, || {
            targets::same_disks(&plan, || context::live(global))
        })?;
    }
    let receipt = execute(&spec, &plan, args.state_dir.as_deref())?;
    output.print(&receipt, |_| render(&receipt, &plan))?;
    Ok(Exit::Done)
}

/// A plan from a file, and the configuration that has its keys.
fn planned(path: &Path, args: &ApplyArgs) -> Result<(Spec, Plan), Failure> {
    let plan = files::plan(path)?;
    expiry::in_time(&plan, args.expired_ok)?;
    if plan.is_reset() {
        reset::confirmed(args.confirm.as_deref())?;
    }
    let sealed = plan
        .disks
        .iter()
        .flat_map(|d| &d.partitions)
        .any(|p| matches!(p.content, ContentPlan::Sealed(_)));
    if args.config.config.is_empty() {
        if sealed {
            let failure = Failure::new(
                Exit::Usage,
                "the plan seals volumes, and their keys are not in it",
            );
            return Err(failure.hint("give the configuration that the plan was made from with -c"));
        }
        return Ok((Spec::default(), plan));
    }
    let spec = files::config(&args.config.config, &args.config.node)?;
    if plan::config_digest(&spec) != plan.config {
        let failure = Failure::new(
            Exit::Refused,
            "the configuration is not the one that the plan was made from",
        );
        return Err(failure.hint("run `keelblock plan` again"));
    }
    Ok((spec, plan))
}

/// Applies a plan.
///
/// # Errors
/// As [`apply::apply`]'s, and for disks that cannot be opened.
pub fn execute(spec: &Spec, plan: &Plan, state_dir: Option<&Path>) -> Result<Receipt, Failure> {
    execute_on(spec, plan, state_dir, || targets::open(plan))
}

/// The same on disks that `open` gives, in the order of the plan.
///
/// # Errors
/// As [`execute`]'s.
pub fn execute_on(
    spec: &Spec,
    plan: &Plan,
    state_dir: Option<&Path>,
    open: impl FnOnce() -> Result<Vec<Box<dyn BlockTarget>>, Failure>,
) -> Result<Receipt, Failure> {
    let keys = Keys::resolve_some(spec, plan.machine.uuid.as_deref(), |volume| {
        plan.needs_key(volume)
    })?;
    let state_tag: Option<Secret> = spec
        .state
        .encryption
        .as_ref()
        .map(meta::state_encryption_json);
    let available = memory::available(&Root::live());
    affordable(plan, available)?;
    let state = targets::state_dir(state_dir)?;
    let mut targets = open()?;
    let journal = targets::journal(plan, &state);
    let mut progress = Progress::new(journal, plan.steps.len());
    let mkfs = Distribution {
        scratch: state.clone(),
    };
    let mut entropy = OsEntropy;
    let means = Means {
        keys: &keys,
        state_tag: state_tag.as_ref(),
        mkfs: &mkfs,
        entropy: &mut entropy,
    };
    let memory_limit = Bytes::new(available.get() / 2);
    let run = Run {
        plan,
        means,
        memory_limit,
        journal: &mut progress,
    };
    let receipt = apply::apply(run, &mut targets)?;
    keep(&receipt, &state);
    Ok(receipt)
}

/// The plan fixed the cost; memory may have become scarce since.
///
/// # Errors
/// Exit 4 if a key derivation would take more than half of what is `available`.
pub fn affordable(plan: &Plan, available: Bytes) -> Result<(), Failure> {
    let seals = plan
        .disks
        .iter()
        .flat_map(|disk| &disk.partitions)
        .filter(|p| p.is_made());
    let wanted = seals.filter_map(|p| match &p.content {
        ContentPlan::Sealed(seal) => Some(seal.kdf.memory),
        _ => None,
    });
    match wanted.max() {
        Some(wanted) if wanted.get() > available.get() / 2 => {
            Err(TooMuchMemory { wanted, available }.into())
        }
        _ => Ok(()),
    }
}

/// The receipt is printed; a copy stays beside the journal.
fn keep(receipt: &Receipt, state: &Path) {
    let path = state.join(format!("{}.receipt.json", receipt.plan));
    let written = serde_json::to_vec_pretty(receipt)
        .map_err(|error| Failure::internal("the receipt cannot be written as JSON", error))
        .and_then(|json| files::write(&path, &json));
    if let Err(failure) = written {
        tracing::warn!(error = failure.message, "the receipt was not kept");
    }
}

/// A receipt for people.
pub fn render(receipt: &Receipt, plan: &Plan) -> String {
    if receipt.outcome == Outcome::Converged {
        return format!("plan {}: already converged, 0 writes\n", receipt.plan);
    }
    let mut text = format!(
        "plan {} applied in {:.1} s: {} writes, {}\n",
        receipt.plan, receipt.seconds, receipt.writes, receipt.bytes_written
    );
    let mut table = Table::new(&["PARTITION", "DISK", "READ BACK"], &[]);
    for made in &receipt.made {
        table.row([
            made.partition.clone(),
            made.disk.clone(),
            short(&made.digest),
        ]);
    }
    for erased in &receipt.erased {
        table.row([
            erased.volume.clone(),
            erased.disk.clone(),
            destroyed(erased),
        ]);
    }
    for kept in &receipt.kept {
        table.row([
            kept.partition.clone(),
            kept.disk.clone(),
            format!("kept, {}", short(&kept.digest)),
        ]);
    }
    text.push_str(&table.render());
    let slow = receipt.steps.iter().filter(|step| step.seconds >= 0.5);
    for step in slow {
        text.push_str(&format!("{:.1} s  {}\n", step.seconds, step.name));
    }
    let disks: Vec<&str> = plan.disks.iter().map(|disk| disk.path.as_str()).collect();
    text + &format!("look at it with `keelblock inspect {}`\n", disks.join(" "))
}

fn destroyed(erased: &Erased) -> String {
    let left = match erased.method {
        EraseMethod::CryptoErase => "no header and no key is left",
        EraseMethod::Zero => "reads as zeros",
    };
    let discarded = if erased.discarded {
        ", discarded"
    } else {
        ", the medium takes no discard"
    };
    format!("destroyed ({}): {left}{discarded}", erased.found)
}

fn short(digest: &str) -> String {
    let (kind, hex) = digest.split_once(':').unwrap_or(("", digest));
    format!("{kind} {}…", hex.chars().take(16).collect::<String>())
}
