//! The receipt of `tune` on the disk: `tune.json` in the folder for state, only for its owner.

use std::path::{Path, PathBuf};

use crate::cli::error::Failure;
use crate::cli::{files, output, targets};
use crate::exit::Exit;
use crate::tuner::receipt::{Receipt, SCHEMA};

/// Where the receipt is.
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    /// In the folder that was wished for, or in the usual one.
    pub(super) fn open(wished: Option<&Path>) -> Result<Self, Failure> {
        let dir = targets::state_dir(wished)?;
        Ok(Self {
            path: dir.join("tune.json"),
        })
    }

    pub(super) fn load(&self) -> Result<Option<Receipt>, Failure> {
        if !files::exists(&self.path) {
            return Ok(None);
        }
        let text = files::text(&self.path)?;
        let name = self.path.display();
        let receipt: Receipt = serde_json::from_str(&text).map_err(|error| {
            let failure = Failure::new(Exit::Usage, format!("{name} is not a receipt of tune"));
            failure
                .because(&error)
                .hint("remove it; the values from before are then lost until the next boot")
        })?;
        if receipt.schema != SCHEMA {
            let failure = Failure::new(Exit::Usage, format!("{name} is of another version"));
            return Err(failure.hint("use the keelblock that made it, or remove it"));
        }
        Ok(Some(receipt))
    }

    pub(super) fn save(&self, receipt: &Receipt) -> Result<(), Failure> {
        files::write(&self.path, output::document(receipt)?.as_bytes())
    }

    pub(super) fn nothing_to_undo(&self) -> Failure {
        let message = format!("there is nothing to undo: no {}", self.path.display());
        Failure::new(Exit::Usage, message)
            .hint("name the folder of the run that is to be undone with --state-dir")
    }
}
