//! A TRIM test in a new file: what a filesystem makes of a hole that is punched.

use std::path::Path;

use super::{Report, TrimArgs, exit, held, tested, text, troubled};
use crate::cli::error::Failure;
use crate::cli::files;
use crate::cli::output::Output;
use crate::clock;
use crate::exit::Exit;
use crate::root::Root;
use crate::sys::signals::Held;
use crate::target::BlockSource as _;
use crate::target::image::ImageFile;
use crate::tuner::trim::run::save;
use crate::tuner::trim::{LONGEST, Plan, PlanError};
use crate::units::{BlockSize, Bytes, Extent};

/// Holes are punched in pages and filesystem blocks of this size, whatever smaller ones exist.
const BLOCK: Bytes = Bytes::new(4096);

pub fn run(args: &TrimArgs, path: &Path, output: &mut Output) -> Result<Exit, Failure> {
    // Before a file of that size is made.
    if args.size > LONGEST {
        return Err(PlanError::Long { found: args.size }.into());
    }
    if files::exists(path) {
        let message = format!("{} is there already", path.display());
        let failure = Failure::new(Exit::Refused, message);
        return Err(
            failure.hint("name a new file: the test writes to nothing that it has not made")
        );
    }
    let held = held()?;
    let mut file = ImageFile::create(path, args.size, BlockSize::B512, 512)?;
    let result = test(args, path, &mut file, &held);
    drop(file);
    files::remove(path)?;
    let failed = match result {
        Ok((report, None)) => {
            output.print(&report, |_| text::render(&report))?;
            return Ok(report.verdict.map_or(Exit::Internal, exit));
        }
        Ok((_, Some(failure))) => failure,
        Err(failure) => failure,
    };
    // A signal that was held back ends the program below: what came of it has to be said before.
    if held.pending().is_some() {
        let code = output.fail(&failed);
        drop(held);
        return Ok(code);
    }
    Err(failed)
}

fn test(
    args: &TrimArgs,
    path: &Path,
    file: &mut ImageFile,
    held: &Held,
) -> Result<(Report, Option<Failure>), Failure> {
    let name = path.display().to_string();
    let window = Extent::new(Bytes::ZERO, args.size);
    let seed = clock::now().seconds();
    let plan = Plan::new(window, file.geometry(), BLOCK, seed)?;
    let mut report = Report::new(name.clone());
    report.kernel = Root::live()
        .read_to_string("/proc/sys/kernel/osrelease")
        .ok()
        .flatten()
        .unwrap_or_default()
        .trim()
        .to_owned();
    report.granularity = BLOCK.get();
    report.planned(&plan);
    let before = save(file, &plan).map_err(|error| {
        Failure::new(Exit::Io, format!("cannot test with {name}"))
            .because(&error)
            .hint("check the filesystem")
    })?;
    let ran = tested(file, &plan, &before, held);
    let failure = troubled(&name, &plan, &ran, None);
    report.ran(ran);
    Ok((report, failure))
}
