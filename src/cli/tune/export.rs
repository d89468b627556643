//! `keelblock tune export`: the profiles in the languages of others.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::args::{Global, OptionalConfigArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{context, files};
use crate::config;
use crate::exit::Exit;
use crate::tuner::disk::{self, Disk};
use crate::tuner::export::{self, Version};
use crate::tuner::machine::Recorded;
use crate::tuner::profile::{self, Profile};

const ABOUT: &str = "\
Takes the profiles of the disks that are there, or, with --all, every profile. What needs a proof, or an order that \
the other program cannot keep, is left out; `keelblock tune` does it.

A patch for Talos is for the version that the configuration installs, or for --talos-version:
  keelblock tune export --as talos -c mini01.yaml -o tune.yaml
  keelblock tune export --as talos --talos-version 1.10 --hardware mini01.json";

/// Arguments of `tune export`.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub struct ExportArgs {
    /// The language
    #[arg(long = "as", value_enum, value_name = "LANGUAGE")]
    pub language: Language,
    /// The configuration, which tells the version of Talos.
    #[command(flatten)]
    pub config: OptionalConfigArgs,
    /// Version of Talos, such as 1.12
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub talos_version: Option<Version>,
    /// Every profile, whether there is such a disk or not
    #[arg(long)]
    pub all: bool,
    /// A file of profiles that are tried before the built-in ones
    #[arg(long, value_name = "FILE")]
    pub profiles: Option<PathBuf>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What the profiles can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// A patch for Talos' machine configuration
    Talos,
    /// A file for /etc/udev/rules.d
    Udev,
    /// A file for /etc/sysctl.d
    Sysctl,
    /// A file for /etc/modprobe.d
    Modprobe,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Exported<'a> {
    schema: &'static str,
    language: Language,
    profiles: Vec<&'a str>,
    text: String,
}

fn parse_version(text: &str) -> Result<Version, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err("a version has the form 1.12".to_owned()),
    }
}

pub fn run(global: &Global, args: &ExportArgs, output: &mut Output) -> Result<Exit, Failure> {
    let profiles = super::wants::profiles(args.profiles.as_deref())?;
    let profiles = match args.all {
        true => profiles.iter().collect(),
        false => present(global, &profiles)?,
    };
    let text = match args.language {
        Language::Talos => export::talos(&profiles, version(args)?),
        Language::Udev => export::udev(&profiles),
        Language::Sysctl => export::sysctl(&profiles),
        Language::Modprobe => export::modprobe(&profiles),
    };
    if let Some(path) = &args.output {
        files::write(path, text.as_bytes())?;
        output.aside(&format!("wrote {}\n", path.display()));
        return Ok(Exit::Done);
    }
    let exported = Exported {
        schema: "keelblock/tune-export/v1",
        language: args.language,
        profiles: profiles.iter().map(|it| it.name.as_str()).collect(),
        text,
    };
    output.print(&exported, |_| exported.text.clone())?;
    Ok(Exit::Done)
}

/// The profiles of the disks that are there.
fn present<'a>(global: &Global, profiles: &'a [Profile]) -> Result<Vec<&'a Profile>, Failure> {
    let disks = match &global.hardware {
        Some(path) => disk::disks(&Recorded(&context::recorded(path)?.attributes)),
        None => disk::disks(&context::root(global)),
    };
    let is_there = |profile: &&Profile| {
        let of = |disk: &Disk| profile::of_disk(profiles, disk).map(|it| &it.name);
        disks.iter().any(|disk| of(disk) == Some(&profile.name))
    };
    let present: Vec<&Profile> = profiles.iter().filter(is_there).collect();
    if present.is_empty() {
        let failure = Failure::new(Exit::NoDisk, "no disk that is there has a profile");
        return Err(failure.hint("add --all for every profile, or name a machine with --hardware"));
    }
    Ok(present)
}

fn version(args: &ExportArgs) -> Result<Version, Failure> {
    if let Some(version) = args.talos_version {
        return Ok(version);
    }
    let unknown = |message: &str| {
        Failure::new(Exit::Usage, message).hint("add --talos-version, such as --talos-version 1.12")
    };
    match args.config.config.as_slice() {
        [] => Err(unknown(
            "which version of Talos the patch is for is not said",
        )),
        paths => {
            config::talos_version(&files::config(paths, &args.config.node)?).ok_or_else(|| {
                unknown("the configuration does not say which version of Talos it installs")
            })
        }
    }
}
