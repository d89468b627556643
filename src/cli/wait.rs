//! Waits for a disk that comes late, as USB disks do; never settles for another one.
//!
//! Every decision is made anew on the machine as it is by then, and only once it stands still: two looks in a row
//! that see the same disks, with udev idle. A disk that is found first has no advantage.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::args::Global;
use crate::cli::context;
use crate::cli::error::Failure;
use crate::exit::Exit;
use crate::probe::census::Census;
use crate::root::Root;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// A machine whose disks come and go for longer than this is taken as it is.
const SETTLING: Duration = Duration::from_secs(10);
/// Things that no census shows may change, too: after this long the machine is probed again.
const PROBE: Duration = Duration::from_secs(1);

/// Calls `attempt` until it ends in anything but [`Exit::NoDisk`], or `patience` is over.
///
/// # Errors
/// The last attempt's.
pub fn for_disk<T>(
    global: &Global,
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    if patience.is_zero() {
        return attempt();
    }
    let root = context::root(global);
    let began = Instant::now();
    let mut said = false;
    loop {
        let seen = settle(&root);
        let failure = match attempt() {
            Err(failure) if failure.exit == Exit::NoDisk => failure,
            result => return result,
        };
        if began.elapsed() >= patience {
            let waited = format!("waited {} s for it", patience.as_secs());
            return Err(failure.also(waited));
        }
        if !said {
            tracing::info!(
                "{}: waiting up to {} s for it",
                failure.message,
                patience.as_secs()
            );
            said = true;
        }
        until_change(&root, &seen, patience.saturating_sub(began.elapsed()));
    }
}

/// Returns what is there when it has stood still.
fn settle(root: &Root) -> Census {
    let began = Instant::now();
    let mut before = Census::take(root);
    loop {
        sleep(LOOK);
        let now = Census::take(root);
        if now.is_settled_since(&before) {
            return now;
        }
        if began.elapsed() >= SETTLING {
            tracing::warn!("disks still come and go: going on with those that are there");
            return now;
        }
        before = now;
    }
}

/// Returns when something is there that was not `seen`, and in any case before long.
fn until_change(root: &Root, seen: &Census, left: Duration) {
    let began = Instant::now();
    while began.elapsed() < PROBE.min(left) && Census::take(root) == *seen {
        sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Format;

    fn nowhere(tree: &tempfile::TempDir) -> Global {
        Global {
            format: Format::Text,
            verbose: 0,
            hardware: None,
            root: Some(tree.path().to_owned()),
        }
    }

    #[test]
    fn only_a_missing_disk_is_waited_for() {
        let tree = tempfile::tempdir().unwrap();
        for exit in [Exit::Refused, Exit::Usage, Exit::Io] {
            let mut attempts = 0;
            let result: Result<(), Failure> =
                for_disk(&nowhere(&tree), Duration::from_secs(3600), || {
                    attempts += 1;
                    Err(Failure::new(exit, "no"))
                });
            assert_eq!((result.unwrap_err().exit, attempts), (exit, 1));
        }
        let mut attempts = 0;
        let late = for_disk(&nowhere(&tree), Duration::from_secs(3600), || {
            attempts += 1;
            match attempts {
                3 => Ok("there"),
                _ => Err(Failure::new(Exit::NoDisk, "no disk for u-data")),
            }
        });
        assert_eq!(late.unwrap(), "there");
    }

    #[test]
    fn patience_ends_and_is_said() {
        let tree = tempfile::tempdir().unwrap();
        let result: Result<(), Failure> =
            for_disk(&nowhere(&tree), Duration::from_millis(1), || {
                Err(Failure::new(Exit::NoDisk, "no disk for u-data"))
            });
        let failure = result.unwrap_err();
        assert!(
            failure
                .causes
                .iter()
                .any(|cause| cause.starts_with("waited"))
        );
        let mut attempts = 0;
        let at_once: Result<(), Failure> = for_disk(&nowhere(&tree), Duration::ZERO, || {
            attempts += 1;
            Err(Failure::new(Exit::NoDisk, "no disk for u-data"))
        });
        assert!(at_once.unwrap_err().causes.is_empty());
        assert_eq!(attempts, 1);
    }
}
