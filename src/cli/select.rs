//! `keelblock select`.

use crate::cli::args::{Global, SelectArgs};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{consent, context, files};
use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::probe::inventory::Inventory;
use crate::selector::{self, Elsewhere};

pub fn run(global: &Global, args: &SelectArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = if args.config.is_empty() {
        Spec::default()
    } else {
        files::config(&args.config)?
    };
    let inventory = context::inventory(global)?;
    consent::check(&inventory, &args.consent.wipe)?;
    let want = args.want.as_deref();
    let want = want.map(|name| context::named_disk(&inventory, name));
    let want = want.transpose()?;
    let others = others(args)?;
    let elsewhere: Vec<Elsewhere<'_>> = others
        .iter()
        .map(|(name, inventory)| Elsewhere { name, inventory })
        .collect();
    let request = selector::Request {
        wipe_consent: args.consent.wipe.clone(),
    };
    let mut selection = selector::select(&spec, &inventory, &request);
    selector::advise(&mut selection, &spec, &inventory, &elsewhere, want);
    if args.config.is_empty() {
        // There is no configuration that could have asked for an installation.
        selection.notes.clear();
    }
    output.print(&selection, |_| selector::render(&selection, &inventory))?;
    Ok(selection.exit())
}

/// The machines that are recorded in the files of `--also`.
fn others(args: &SelectArgs) -> Result<Vec<(String, Inventory)>, Failure> {
    args.also
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            Ok((name, context::recorded(path)?.inventory))
        })
        .collect()
}
