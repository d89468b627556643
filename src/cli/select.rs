//! `keelblock select`.

use crate::cli::args::{Global, SelectArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{context, files};
use crate::exit::Exit;
use crate::selector;

pub fn run(global: &Global, args: &SelectArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = files::config(&args.config.config)?;
    let inventory = context::inventory(global)?;
    let request = selector::Request {
        wipe_consent: args.consent.wipe.clone(),
    };
    let selection = selector::select(&spec, &inventory, &request);
    output.print(&selection, |_| selector::render(&selection, &inventory))?;
    Ok(selection.exit())
}
