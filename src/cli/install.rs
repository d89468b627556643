//! `keelblock install`, and what this program does under the name of Talos' installer.
//!
//! The configuration on standard input is read whole, the disk is checked against it, the stock installer runs with
//! the very same arguments, environment and input, and what it laid out is completed and sealed. Upgrades and
//! everything else are handed over untouched.

mod after;
mod before;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::cli::args::{ConsentArgs, Format, Global, PlanningArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{files, prepare};
use crate::exec::ExecError;
use crate::exec::stand_in::{Ended, Start};
use crate::exit::Exit;
use crate::installer::arguments::{self, Errand};
use crate::installer::code::Code;
use crate::sys::memory::forbid_own_core_dumps;
use crate::sys::signals::{AsStarted, Held};
use crate::telemetry;

/// Names the stock installer.
const STOCK_VARIABLE: &str = "KEELBLOCK_INSTALLER";
/// Names disks whose foreign data may be lost, separated by commas.
const WIPE_VARIABLE: &str = "KEELBLOCK_WIPE";
/// The stock installer's name beside this program.
const STOCK_NAME: &str = "installer.stock";

const AFTER_HELP: &str = "\
In an installer image this program is /bin/installer, and the stock one lies beside it as installer.stock: Talos \
starts it with the stock installer's arguments and the configuration on standard input. `keelblock install` with \
these arguments does the same by hand.

A fresh install is checked against the configuration before the stock installer may discard the disk, and STATE and \
EPHEMERAL are sealed after it. An upgrade is the stock installer's alone.

Exit codes are the stock installer's: 0 done, 1 unknown, 2 invalid input, 3 unsupported, 4 environment, \
5 dependency, 6 I/O, 7 installed but not sealed; what the stock installer ends with is passed on.

Variables, such as in machine.env: KEELBLOCK_WIPE, names of disks for --wipe, separated by commas.";

/// Arguments of `install`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct InstallArgs {
    /// The stock installer [default: installer.stock beside this program]
    #[arg(long, value_name = "PATH", env = STOCK_VARIABLE, hide_env_values = true)]
    pub stock: Option<PathBuf>,
    /// What may be wiped.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// What it depends on.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Where scratch files, journal and receipt go [default: /run/keelblock, or the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// What the stock installer is told, such as --disk=/dev/sda --platform=metal
    #[arg(
        value_name = "INSTALLER ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub installer: Vec<OsString>,
}

/// Under which name, and with which arguments, the stock installer is called.
#[derive(Debug)]
struct Call {
    name: Option<OsString>,
    arguments: Vec<OsString>,
}

/// Why there is no installed, sealed system.
#[derive(Debug)]
struct Stop {
    code: Code,
    failure: Failure,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        let code = Code::from(failure.exit);
        Self { code, failure }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Failure::internal("signals cannot be held back", error).into()
    }
}

/// What this program does under the name of the installer or of the imager; `None` under any other.
pub fn by_name(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let name = words.next()?;
    let base = Path::new(&name).file_name().and_then(OsStr::to_str)?;
    if !matches!(base, "installer" | "imager") {
        return None;
    }
    let is_imager = base == "imager";
    let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let global = Global {
        format: Format::Text,
        verbose: 0,
        hardware: None,
        root: set("KEELBLOCK_ROOT").map(PathBuf::from),
    };
    let args = InstallArgs {
        stock: set(STOCK_VARIABLE).map(PathBuf::from),
        ..InstallArgs::default()
    };
    let call = Call {
        name: Some(name),
        arguments: words.collect(),
    };
    Some(guarded(&global, &args, &call, is_imager))
}

/// `keelblock install`.
pub fn run(global: &Global, args: &InstallArgs) -> ExitCode {
    let mut arguments = vec![OsString::from("install")];
    arguments.extend(args.installer.iter().cloned());
    let call = Call {
        name: None,
        arguments,
    };
    guarded(global, args, &call, false)
}

fn guarded(global: &Global, args: &InstallArgs, call: &Call, is_imager: bool) -> ExitCode {
    let code = AtomicU8::new(Code::Unknown.number());
    telemetry::guarded(|| {
        let mut output = Output::new(global.format);
        let ended = attempt(global, args, call, is_imager, &mut output).unwrap_or_else(|stop| {
            output.fail_as(&stop.failure, stop.code.number());
            stop.code.number()
        });
        code.store(ended, Ordering::Relaxed);
        Exit::Done
    });
    ExitCode::from(code.into_inner())
}

fn attempt(
    global: &Global,
    args: &InstallArgs,
    call: &Call,
    is_imager: bool,
    output: &mut Output,
) -> Result<u8, Stop> {
    let stock = stock(args)?;
    let start = Start {
        program: &stock,
        name: call.name.as_deref().unwrap_or(stock.as_os_str()),
        arguments: &call.arguments,
        as_started: AsStarted::now()?,
        quiet: global.format == Format::Json,
    };
    let install = match arguments::errand(&call.arguments) {
        Errand::Install(install) if !is_imager => install,
        _ => return Err(not_started(&start.hand_over())),
    };
    if global.hardware.is_some() {
        let failure = Failure::new(Exit::Usage, "a recorded machine cannot be installed");
        return Err(failure.hint("leave --hardware out").into());
    }
    let input = files::standard_input()?;
    let held = Held::take()?;
    prepare(global, forbid_own_core_dumps)?;
    if input.trim_ascii().is_empty() {
        tracing::warn!("no configuration came in: the disk is not checked, and nothing is sealed");
        return Ok(told(start.run(&input, &held).map_err(|e| not_started(&e))?));
    }
    let mut ready = before::check(global, args, &install, &input)?;
    if let Some(signal) = held.pending() {
        tracing::error!(%signal, "told to stop before anything was written");
        let number = u8::try_from(signal as i32).unwrap_or(0);
        return Ok(Ended::Signal(number).code());
    }
    tracing::info!(disk = ready.path, stock = %stock.display(), "starting the stock installer");
    let code = told(start.run(&input, &held).map_err(|e| not_started(&e))?);
    drop(input);
    if code == 0 {
        after::complete(global, args, &mut ready, output)?;
    }
    Ok(code)
}

/// The exit code of the stock installer, after a word about it if it failed.
fn told(ended: Ended) -> u8 {
    match ended {
        Ended::Code(0) => {}
        Ended::Code(code) => {
            tracing::error!(code, "the stock installer failed: nothing was sealed");
        }
        Ended::Signal(signal) => {
            tracing::error!(signal, "the stock installer was killed: nothing was sealed");
        }
    }
    ended.code()
}

/// Where the stock installer is; never this program itself, which would start itself forever.
fn stock(args: &InstallArgs) -> Result<PathBuf, Stop> {
    let own = std::env::current_exe().ok();
    let beside = own.as_ref().map(|own| own.with_file_name(STOCK_NAME));
    let path = args
        .stock
        .clone()
        .or(beside)
        .unwrap_or_else(|| Path::new("/bin").join(STOCK_NAME));
    let hint =
        format!("put the stock installer there, or name it with --stock or in {STOCK_VARIABLE}");
    let refuse = |code, message: String| Stop {
        code,
        failure: Failure::new(Exit::Refused, message).hint(hint.clone()),
    };
    if !files::exists(&path) {
        let message = format!("there is no stock installer at {}", path.display());
        return Err(refuse(Code::Dependency, message));
    }
    let itself = own.is_some_and(|own| files::are_same(&own, &path).unwrap_or(false));
    if itself {
        let message = format!("{} is keelblock, not the stock installer", path.display());
        return Err(refuse(Code::Environment, message));
    }
    Ok(path)
}

fn not_started(error: &ExecError) -> Stop {
    let failure = Failure::new(Exit::Refused, "the stock installer cannot be started")
        .because(error)
        .hint(match error {
            ExecError::Missing { .. } => {
                "check that the file is there, and what its first line or its ELF header asks for"
            }
            _ => "check that the file may be executed and is for this machine",
        });
    Stop {
        code: Code::from(error),
        failure,
    }
}

/// Disks that may be wiped, from the command line and from the environment.
fn wipe_consent(args: &InstallArgs) -> Vec<String> {
    let variable = std::env::var(WIPE_VARIABLE).unwrap_or_default();
    let named = variable
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let typed = args.consent.wipe.iter().cloned();
    typed.chain(named.map(str::to_owned)).collect()
}
