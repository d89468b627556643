//! `keelblock inspect`.

use std::path::Path;

use crate::cli::args::{Global, InspectArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::picture::strip;
use crate::cli::table::{Table, WIDTH, wrap};
use crate::cli::{context, files};
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::inspect::facts::Facts;
use crate::inspect::trial::Trying;
use crate::inspect::{self, Report};
use crate::partitioner::gpt;
use crate::picture::strip::{Mark, Segment};
use crate::printable::printable;
use crate::probe;
use crate::target::BlockSource;
use crate::target::device::BlockDevice;
use crate::target::image::ImageFile;
use crate::units::{BlockSize, Bytes, Extent};

pub fn run(global: &Global, args: &InspectArgs, output: &mut Output) -> Result<Exit, Failure> {
    let path = args
        .path
        .as_ref()
        .or(args.image.as_ref())
        .or(args.disk.as_ref());
    let path = path.ok_or_else(|| {
        Failure::new(Exit::Usage, "there is nothing to inspect").hint("name a disk or an image")
    })?;
    let spec = if args.config.config.is_empty() {
        None
    } else {
        Some(files::config(&args.config.config, &args.config.node)?)
    };
    let uuid = match (&args.uuid, &spec) {
        (Some(uuid), _) => Some(uuid.clone()),
        (None, Some(_)) => context::inventory(global)?.machine.uuid,
        (None, None) => None,
    };
    let report = report(path, args.sector_size, spec.as_ref(), uuid.as_deref())?;
    output.print(&report, |colour| render(&report, colour))?;
    Ok(Exit::Done)
}

/// Looks at a disk or image.
///
/// # Errors
/// Exit 5 if it cannot be opened.
pub fn report(
    path: &Path,
    block: Option<BlockSize>,
    spec: Option<&Spec>,
    uuid: Option<&str>,
) -> Result<Report, Failure> {
    let source = open(path, block)?;
    let (content, _) = probe::inspect_source(source.as_ref());
    let trying = spec.map(|spec| Trying {
        spec: Some(spec),
        uuid,
        memory: Bytes::new(4 << 30),
    });
    let facts = Facts::read(source.as_ref(), &content, trying);
    Ok(inspect::inspect(
        &path.display().to_string(),
        source.geometry(),
        &content,
        &facts,
        spec,
    ))
}

/// Opens a disk or image for reading. A device knows its block size; an image has it where its table is.
///
/// # Errors
/// Exit 4 or 5 if it does not open, 2 if it is neither.
pub fn open(path: &Path, block: Option<BlockSize>) -> Result<Box<dyn BlockSource>, Failure> {
    if files::is_block_device(path)? {
        return Ok(Box::new(BlockDevice::open_read_only(path)?));
    }
    if let Some(block) = block {
        return Ok(Box::new(ImageFile::open_read_only(path, block, 0)?));
    }
    let image = ImageFile::open_read_only(path, BlockSize::B512, 0)?;
    match gpt::read(&image) {
        Ok(found)
            if found.table().is_none() && found.other_block_size == Some(BlockSize::B4096) =>
        {
            drop(image);
            Ok(Box::new(ImageFile::open_read_only(
                path,
                BlockSize::B4096,
                0,
            )?))
        }
        _ => Ok(Box::new(image)),
    }
}

/// A report for people.
pub fn render(report: &Report, colour: bool) -> String {
    let geometry = report.geometry;
    let mut text = format!(
        "{}: {}, {}-byte blocks, {}\n",
        report.path,
        geometry.size,
        geometry.logical.get(),
        printable(&report.content)
    );
    let pieces: Vec<Segment> = report
        .partitions
        .iter()
        .map(|part| Segment {
            number: Some(part.number),
            label: part.name.clone(),
            mark: if part.found == "luks" {
                Mark::Sealed
            } else {
                Mark::Made
            },
            extent: Extent::new(part.start, part.size),
            parts: 1,
        })
        .collect();
    if !pieces.is_empty() {
        text.push_str(&format!("{}\n", strip(geometry.size, &pieces, colour)));
        let mut table = Table::new(&["#", "NAME", "SIZE", "HOLDS", "TALOS", "BECAUSE"], &[0, 2]);
        for part in &report.partitions {
            table.row([
                part.number.to_string(),
                part.name.clone(),
                part.size.to_string(),
                part.found.clone(),
                part.talos.word().to_owned(),
                part.why.clone(),
            ]);
        }
        text.push_str(&table.render());
    }
    for part in report
        .partitions
        .iter()
        .filter(|part| !part.detail.is_empty())
    {
        let line = format!("{}: {}", part.name, part.detail);
        text.push_str(&format!("{}\n", wrap(&line, WIDTH - 4, 4)));
    }
    for finding in &report.findings {
        let word = if finding.problem { "problem" } else { "note" };
        let indent = word.len() + 2;
        let said = wrap(&finding.text, WIDTH - indent, indent);
        text.push_str(&format!("{word}: {said}\n"));
    }
    text
}
