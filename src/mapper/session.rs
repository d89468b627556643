//! All or nothing: what one `unlock` opens and mounts is undone when a later step fails.

use std::path::{Path, PathBuf};

use super::activate::{self, ActivateError, Opening};
use super::identity::Identity;
use super::kernel::Number;
use super::mount::{self, Kind, MountError};
use super::table::Version;
use crate::secret::Secret;
use crate::sys::dm::Dm;

#[derive(Debug)]
enum Done {
    Opened(Identity, Number),
    Mounted(PathBuf, bool),
}

/// What was done so far. Dropping it undoes that, unless it is [kept](Session::keep).
#[derive(Debug)]
pub struct Session<'a> {
    dm: &'a Dm,
    kernel: Version,
    done: Vec<Done>,
}

impl<'a> Session<'a> {
    /// Nothing is done yet.
    pub const fn new(dm: &'a Dm, kernel: Version) -> Self {
        Self {
            dm,
            kernel,
            done: Vec::new(),
        }
    }

    /// Version of the kernel's dm-crypt.
    pub const fn kernel(&self) -> Version {
        self.kernel
    }

    /// Opens a mapping; its number.
    ///
    /// # Errors
    /// [`ActivateError`].
    pub fn open(&mut self, opening: &Opening<'_>, key: &Secret) -> Result<Number, ActivateError> {
        let number = activate::open(self.dm, opening, key, self.kernel)?;
        self.done
            .push(Done::Opened(opening.identity.clone(), number));
        Ok(number)
    }

    /// Mounts a device; whether the folder was made for it.
    ///
    /// # Errors
    /// [`MountError`].
    pub fn mount(
        &mut self,
        device: &Path,
        kind: Kind,
        path: &Path,
        read_only: bool,
    ) -> Result<bool, MountError> {
        let made = mount::on(device, kind, path, read_only)?;
        self.done.push(Done::Mounted(path.to_owned(), made));
        Ok(made)
    }

    /// Leaves everything open.
    pub fn keep(mut self) {
        self.done.clear();
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        while let Some(done) = self.done.pop() {
            let undone = match &done {
                Done::Opened(identity, number) => {
                    activate::close(self.dm, identity, *number).map_err(|error| error.to_string())
                }
                Done::Mounted(path, made) => {
                    mount::off(path, *made).map_err(|error| error.to_string())
                }
            };
            if let Err(error) = undone {
                tracing::warn!(error, "not undone: run `keelblock lock`");
            }
        }
    }
}
