//! `keelblock snapshot`: the machine into a file, and what came of it in words.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::output::{self, Output};
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{context, files};
use crate::entropy::{Entropy as _, OsEntropy};
use crate::exit::Exit;
use crate::partitioner::adopt;
use crate::secret::Secret;
use crate::snapshot::{self, Snapshot, redact};
use crate::units::Bytes;

const SCHEMA: &str = "keelblock/snapshot-report/v1";

/// A key that cannot be found by trying all.
const LEAST_KEY: usize = 16;

/// What stays in a redacted snapshot.
const LEFT: &str = "models, vendors, firmware versions, sizes, places on the bus, kernel version, mount points and \
names of mappings, kinds and places of partitions, names that Talos or an installer gives them, who makes a disk or \
network card (the first digits of its id), private IPv4 addresses";

const AFTER_HELP: &str = "\
A snapshot holds what selecting and planning look at: the machine, its disks with their identities, sizes, uses and \
kinds of content, its network interfaces with their addresses, udev's properties, and the sysfs attributes behind them. It holds no files, no keys, no passphrases, \
no configuration and no kernel command line. Nothing is written but FILE, whole or not at all, readable by its owner \
only.

Record a node:      keelblock snapshot -o mini01.json
Rehearse elsewhere: keelblock select -c mini01.yaml --hardware mini01.json
                    keelblock apply -c mini01.yaml --hardware mini01.json \\
                      --image mini01.img --size 32G
Give it away:       keelblock snapshot --redact -o bug-report.json
Redact an old one:  keelblock snapshot --hardware mini01.json --redact \\
                      -o bug-report.json

With --redact, serials, world-wide ids, UUIDs, MAC addresses, labels and digests have stand-ins of the same shape, \
also inside of links, and so have IPv6 and public IPv4 addresses. One input has one stand-in, so that clones and doubled ids stay visible, and a selector that \
names none of them selects the same disk. The key of the stand-ins is random and forgotten; with --redact-key, the \
snapshots of several machines, or of one machine at several times, have the same stand-ins for the same disks.

Run it as root: what nobody else may read is said to be missing.";

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct SnapshotArgs {
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace what identifies the machine and its disks by stand-ins
    #[arg(long)]
    pub redact: bool,
    /// Draw the stand-ins with the key in this file [default: random]
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub redact_key: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Report {
    schema: &'static str,
    file: String,
    bytes: usize,
    disks: usize,
    /// Network interfaces.
    nics: usize,
    attributes: usize,
    /// What is missing, in sentences.
    missing: Vec<String>,
    redaction: Option<Redaction>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Redaction {
    /// Different identifiers that were replaced.
    replaced: usize,
    /// What stays, in words.
    left: &'static str,
}

pub fn run(global: &Global, args: &SnapshotArgs, output: &mut Output) -> Result<Exit, Failure> {
    // The key is read first: a wrong one should not cost a probe.
    let key = args
        .redact
        .then(|| key(args.redact_key.as_deref()))
        .transpose()?;
    let mut snapshot = match &global.hardware {
        Some(path) => context::recorded(path)?,
        None => snapshot::take(&context::root(global)),
    };
    let mut redaction = None;
    if let Some(key) = key {
        let (redacted, replaced) = redact::redact(&snapshot, &key)
            .map_err(|error| Failure::internal("the snapshot cannot be redacted", error))?;
        snapshot = redacted;
        redaction = Some(Redaction {
            replaced,
            left: LEFT,
        });
    }
    let body = output::document(&snapshot)?;
    let report = Report {
        schema: SCHEMA,
        file: args.output.display().to_string(),
        bytes: body.len(),
        disks: snapshot.inventory.disks.len(),
        nics: snapshot.inventory.machine.nics.iter().flatten().count(),
        attributes: snapshot.attributes.len(),
        missing: missing(&snapshot),
        redaction,
    };
    if args.output == Path::new("-") {
        output::write_out(&body)?;
        output.aside(&render(&report, &snapshot));
    } else {
        files::write(&args.output, body.as_bytes())?;
        output.print(&report, |_| render(&report, &snapshot))?;
    }
    Ok(Exit::Done)
}

fn key(file: Option<&Path>) -> Result<Secret, Failure> {
    if let Some(file) = file {
        return files::key(file, LEAST_KEY);
    }
    let mut key = Secret::new(vec![0; 32]);
    let filled = OsEntropy.fill(key.expose_mut());
    filled.map_err(|error| Failure::internal("there is no random key for the stand-ins", error))?;
    Ok(key)
}

/// What a snapshot lacks that another one may have, in sentences.
fn missing(snapshot: &Snapshot) -> Vec<String> {
    let inventory = &snapshot.inventory;
    let mut missing = Vec::new();
    if inventory.machine.uuid.is_none() {
        missing
            .push("UUID of the machine; for nodeID keys it has to be given with --uuid".to_owned());
    }
    if !inventory.machine.udev {
        missing.push(
            "udev: no udevd runs, so there are no properties of it and maybe no links".to_owned(),
        );
    }
    if inventory.disks.is_empty() {
        missing.push("disks: there is none".to_owned());
    }
    if inventory.machine.nics.is_none() {
        missing.push("network interfaces: none was recorded".to_owned());
    }
    for disk in &inventory.disks {
        if let crate::probe::inventory::Content::Unreadable { reason } = &disk.content {
            missing.push(format!("content of {}: {reason}", disk.path));
        }
        missing.extend(
            disk.unread
                .iter()
                .map(|what| format!("{}: {what}", disk.path)),
        );
    }
    if snapshot.attributes.is_empty() {
        missing.push("attributes of sysfs: none was recorded".to_owned());
    }
    missing.extend(snapshot.unread.iter().cloned());
    missing
}

fn render(report: &Report, snapshot: &Snapshot) -> String {
    let inventory = &snapshot.inventory;
    let machine = [
        inventory.machine.vendor.as_str(),
        inventory.machine.product.as_str(),
    ]
    .join(" ");
    let machine = match machine.trim() {
        "" => "unknown machine",
        known => known,
    };
    let to = if report.file == "-" {
        "standard output"
    } else {
        &report.file
    };
    let size = Bytes::from(report.bytes);
    let recorded = format!(
        "recorded {machine}, {} disks and {} attributes in {to} ({size})",
        report.disks, report.attributes
    );
    let mut text = format!("{}\n", wrap(&recorded, WIDTH, 2));
    let mut table = Table::new(&["DISK", "SIZE", "MODEL", "CONTENT"], &[1]);
    for disk in &inventory.disks {
        let model = if disk.talos.model.is_empty() {
            "-"
        } else {
            &disk.talos.model
        };
        let size = Bytes::new(disk.talos.size).to_string();
        table.row([
            disk.path.clone(),
            size,
            model.to_owned(),
            adopt::in_words(&disk.content),
        ]);
    }
    if !inventory.disks.is_empty() {
        text.push_str(&format!("\n{}\n", table.render()));
    }
    for what in &report.missing {
        text.push_str(&format!("missing: {}\n", wrap(what, WIDTH - 9, 9)));
    }
    for note in &inventory.notes {
        text.push_str(&format!("note: {}\n", wrap(note, WIDTH - 6, 6)));
    }
    text.push_str(&in_words(report.redaction.as_ref(), snapshot.redacted));
    if report.file != "-" {
        let next = format!(
            "use it: keelblock select -c NODE.yaml --hardware {}",
            report.file
        );
        text.push_str(&format!("{}\n", wrap(&next, WIDTH, 8)));
    }
    text
}

fn in_words(redaction: Option<&Redaction>, already: bool) -> String {
    let Some(Redaction { replaced, left }) = redaction else {
        let text = if already {
            "redacted: it was so before\n"
        } else {
            "not redacted: it holds serials, UUIDs and labels; --redact replaces them\n"
        };
        return text.to_owned();
    };
    let left = format!("{left}; look at the file before you give it away");
    format!(
        "redacted: {replaced} different identifiers have stand-ins\nleft: {}\n",
        wrap(&left, WIDTH - 6, 6)
    )
}
