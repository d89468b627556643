//! What can be typed. Nothing is looked up here.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::check::CheckArgs;
use crate::cli::diff::DiffArgs;
use crate::cli::doctor::DoctorArgs;
use crate::cli::install::InstallArgs;
use crate::cli::lock::LockArgs;
use crate::cli::plan::PlanArgs;
use crate::cli::render::RenderArgs;
use crate::cli::repair::RepairArgs;
use crate::cli::rescue::RescueArgs;
use crate::cli::reset::ResetArgs;
use crate::cli::schema::SchemaArgs;
use crate::cli::select::SelectArgs;
use crate::cli::snapshot::SnapshotArgs;
use crate::cli::tune::TuneArgs;
use crate::cli::unlock::UnlockArgs;
use crate::cli::validate::ValidateArgs;
use crate::guid::Seed;
use crate::partitioner::layout::{Bootloader, TalosVersion};
use crate::units::{BlockSize, Bytes};

const ABOUT: &str = "Chooses, lays out and seals the disks of a Talos Linux node, and says why";

const AFTER_HELP: &str = "\
The usual way: `probe` what is there, `select` to see which disk would be used and why, `plan` to see what would be \
done to it, `apply` to do it, `inspect` to look at the result.

Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 no eligible disk, 4 refused, 5 I/O failure, \
6 drift or read-back mismatch.";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "keelblock", version, about = ABOUT, after_help = AFTER_HELP)]
#[command(max_term_width = 80, help_expected = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// How to print the result; the log always goes to standard error
    #[arg(long, global = true, default_value = "text", value_parser = plain_format())]
    pub format: Format,
    /// Say more; twice for every step
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Work on a recorded machine (a file of `snapshot -o`) instead of this one
    #[arg(long, global = true, value_name = "FILE")]
    pub hardware: Option<PathBuf>,
    /// Read sysfs, procfs and /run below this folder instead of /
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "KEELBLOCK_ROOT",
        hide = true
    )]
    pub root: Option<PathBuf>,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: tables and pictures of at most 80 columns.
    Text,
    /// For machines: one JSON document.
    Json,
    /// For code hosts: SARIF 2.1.0. Of `check`, `validate` and `tune lint`.
    Sarif,
    /// For CI systems: JUnit XML. Only of `check`.
    Junit,
}

/// The formats that every command has.
fn plain_format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["text", "json"]).map(|text| match text.as_str() {
        "json" => Format::Json,
        _ => Format::Text,
    })
}

/// The formats of the linters, `validate` and `tune lint`.
pub fn linter_format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["text", "json", "sarif"]).map(|text| match text.as_str() {
        "json" => Format::Json,
        "sarif" => Format::Sarif,
        _ => Format::Text,
    })
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the machine and its disks: identity, size, use, content
    Probe,
    /// Record the machine in a file, to rehearse on it elsewhere
    Snapshot(SnapshotArgs),
    /// Show which disk each role gets, and why
    Select(SelectArgs),
    /// Show what apply would do
    Plan(PlanArgs),
    /// Lay out and seal the selected disks
    Apply(ApplyArgs),
    /// Show what is on a disk or image, and what Talos would do with it
    Inspect(InspectArgs),
    /// Open sealed volumes for rescue, read-only unless asked otherwise
    Unlock(UnlockArgs),
    /// Close what unlock opened
    Lock(LockArgs),
    /// Show what is wrong with the disks of this node, and what to type next
    Rescue(RescueArgs),
    /// Restore a damaged copy of a partition table or LUKS header from the good one
    Repair(RepairArgs),
    /// Wipe STATE and EPHEMERAL, and nothing else
    Reset(ResetArgs),
    /// Set what USB SSDs need, read it back, compare it, or put it back
    Tune(TuneArgs),
    /// Stand in for the installer of a Talos installer image, and seal what it laid out
    Install(InstallArgs),
    /// Show the machine configuration that a talconfig.yaml makes for a node
    Render(RenderArgs),
    /// Say what is wrong with configurations, patches, a talconfig.yaml or a repository
    Validate(ValidateArgs),
    /// Check the configurations of a whole fleet on its recorded machines
    Check(CheckArgs),
    /// Show what a change of configurations does to disks, keys and tuning, then what changed
    Diff(DiffArgs),
    /// Show what is wrong with this machine, and what to do first
    Doctor(DoctorArgs),
    /// Print the JSON Schema of a document, for editors and scripts
    Schema(SchemaArgs),
    /// Lay out a Mac mini's disk in an image file, from built-in examples, and inspect it
    Demo(DemoArgs),
}

/// The configuration.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Machine configuration, or talconfig.yaml with --node; may be given several times, `-` is
    /// standard input
    #[arg(short, long = "config", value_name = "FILE", required = true)]
    pub config: Vec<PathBuf>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Whose configuration it is.
#[derive(Clone, Debug, Default, Args)]
pub struct NodeArgs {
    /// With -c talconfig.yaml: the node, by its hostname
    #[arg(long, value_name = "HOST", requires = "config")]
    pub node: Option<String>,
}

/// The configuration, where it may be left out.
#[derive(Debug, Args)]
pub struct OptionalConfigArgs {
    /// Machine configuration, or talconfig.yaml with --node; may be given several times, `-` is
    /// standard input
    #[arg(short, long = "config", value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// Consent to lose data.
#[derive(Debug, Default, Args)]
pub struct ConsentArgs {
    /// Consent to wipe the foreign data on this disk (its id, as `probe` shows it, or a link
    /// below /dev/disk/by-id); the configuration must have `wipe: true`, too
    #[arg(long, value_name = "DISK")]
    pub wipe: Vec<String>,
}

/// What is laid out.
#[derive(Debug, Default, Args)]
pub struct TargetArgs {
    /// Use this image file in the place of the selected disk
    #[arg(long, value_name = "FILE", conflicts_with = "disk")]
    pub image: Option<PathBuf>,
    /// Make the image file new, with this size (such as 32G)
    #[arg(long, value_name = "SIZE", requires = "image", value_parser = parse_size)]
    pub size: Option<Bytes>,
    /// Logical block size of the image [default: that of the disk it stands for, or 512]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
    /// The role whose disk the image stands for
    #[arg(
        long,
        value_name = "ROLE",
        default_value = "install",
        requires = "image"
    )]
    pub role: String,
    /// Only this disk of the selected ones (its id or path)
    #[arg(long, value_name = "PATH")]
    pub disk: Option<String>,
}

/// What a plan depends on.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanningArgs {
    /// UUID of the machine, for nodeID keys [default: this machine's]
    #[arg(long, value_name = "UUID")]
    pub uuid: Option<String>,
    /// Derive all GUIDs from this number (hexadecimal) [default: from configuration, machine, disks
    /// and what is on them, so that equal inputs give equal plans]
    #[arg(long, value_name = "HEX")]
    pub seed: Option<Seed>,
    /// Talos version whose sizes apply [default: from the installer image's tag]
    #[arg(long, value_name = "VERSION")]
    pub talos: Option<TalosVersion>,
    /// Boot partitions of a fresh system disk [default: uki on UEFI from Talos 1.10 on]
    #[arg(long, value_name = "KIND", value_parser = parse_bootloader)]
    pub layout: Option<Bootloader>,
    /// Memory of each key derivation [default: measured, at most 1G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub kdf_memory: Option<Bytes>,
    /// Passes of each key derivation [default: measured, at least 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub kdf_time: Option<u32>,
    /// Lanes of each key derivation [default: CPUs, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub kdf_lanes: Option<u32>,
    /// Leave the filesystem of EPHEMERAL to Talos
    #[arg(long)]
    pub no_ephemeral_filesystem: bool,
    /// Do not mark the disk while it is unfinished
    #[arg(long)]
    pub no_mark: bool,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A plan from `plan -o`; without one, everything is planned now
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// The configuration; with a plan, only its keys are used.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// What is laid out.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What may be wiped.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// What it depends on.
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// For a plan of `reset`: its word, SAFE-RESET
    #[arg(long, value_name = "WORD", requires = "plan")]
    pub confirm: Option<String>,
    /// Apply the plan although it expired, or this machine's clock cannot tell; everything else is
    /// still checked
    #[arg(long, requires = "plan")]
    pub expired_ok: bool,
    /// Where scratch files, journal and receipt go [default: /run/keelblock, or the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// How long to wait for a disk that is not there yet, such as a USB disk right after boot; no
    /// other disk ever takes its place
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=86400))]
    pub wait: u64,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The disk or image
    #[arg(value_name = "PATH", required_unless_present_any = ["image", "disk"])]
    pub path: Option<PathBuf>,
    /// The image
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "disk"])]
    pub image: Option<PathBuf>,
    /// The disk
    #[arg(long, value_name = "PATH", conflicts_with = "path")]
    pub disk: Option<PathBuf>,
    /// The configuration.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// Logical block size of an image [default: where its table is]
    #[arg(long, value_name = "BYTES", value_parser = parse_block_size)]
    pub sector_size: Option<BlockSize>,
    /// UUID of the machine, for nodeID keys [default: this machine's]
    #[arg(long, value_name = "UUID")]
    pub uuid: Option<String>,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The image file to make
    #[arg(long, value_name = "FILE", default_value = "demo.img")]
    pub image: PathBuf,
    /// Its size
    #[arg(long, value_name = "SIZE", default_value = "32G", value_parser = parse_size)]
    pub size: Bytes,
}

/// `512`, `64M`, `32G`, `1.5TiB`: binary units, with or without `iB`.
pub fn parse_size(text: &str) -> Result<Bytes, String> {
    let wrong = || format!("{text:?} is not a size; write a number with K, M, G or T, such as 32G");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let shift = match unit.strip_suffix("ib").unwrap_or(&unit) {
        "" | "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let bytes = number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes <= 1 << 60);
    bytes.map(Bytes::new).ok_or_else(wrong)
}

pub fn parse_block_size(text: &str) -> Result<BlockSize, String> {
    let number: u32 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a block size; 512 and 4096 are"))?;
    BlockSize::try_from(number).map_err(|error| error.to_string())
}

fn parse_bootloader(text: &str) -> Result<Bootloader, String> {
    match text {
        "uki" => Ok(Bootloader::Uki),
        "grub" => Ok(Bootloader::Grub),
        _ => Err(format!("{text:?} is neither uki nor grub")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent_and_every_option_has_help() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_binary() {
        for (text, want) in [
            ("512", 512),
            ("64K", 65536),
            ("32G", 32 << 30),
            ("1MiB", 1 << 20),
            ("2t", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(Bytes::new(want)), "{text}");
        }
        for text in [
            "",
            "G",
            "-1",
            "1.5G",
            "3X",
            "99999999999999999999",
            "9999999T",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
