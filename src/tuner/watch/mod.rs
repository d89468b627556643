//! Follows the kernel: what is plugged in is tuned within a tenth of a second, and what has drifted is told.
//!
//! One thread and one `poll`: on the kernel's messages, on whoever asks for metrics, and on the end. While nothing
//! happens no timer runs. Knows nothing of settings: a [`Tuner`] does what is to be done.

pub mod http;
pub mod metrics;
pub mod schedule;
pub mod uevent;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::sys::netlink::{Received, UeventSocket};
use http::Server;
use metrics::Metrics;
use schedule::{Schedule, Work};
use uevent::{DevPath, parse};

/// The kernel's messages have 2 KiB at most; a longer one counts as lost.
const MESSAGE: usize = 8192;

/// So many messages are taken before whoever else waits gets a turn.
const BATCH: usize = 512;

/// Who tunes.
pub trait Tuner {
    /// Looks at every disk that is one of `devices` or lies below one, and sets what differs. Gives those devices to
    /// which something was written: the kernel may send a message for that.
    fn tune(&mut self, devices: &[DevPath], metrics: &mut Metrics) -> Vec<DevPath>;

    /// Does the same with every disk that there is.
    fn rescan(&mut self, metrics: &mut Metrics) -> Vec<DevPath>;

    /// Takes in that these disks are gone.
    fn gone(&mut self, devices: &[DevPath], metrics: &mut Metrics);

    /// Comes after every round of work, such as to write the metrics to a file.
    fn rested(&mut self, metrics: &Metrics);
}

/// Where messages come from.
pub trait Events: AsFd {
    /// Takes the next one into `buf`, without waiting.
    ///
    /// # Errors
    /// The system's; the follower ends then.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Received>;
}

impl Events for UeventSocket {
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        Self::receive(self, buf)
    }
}

/// Follows until `stop` can be read, such as a signalfd or the end of a pipe. Begins with a look at everything:
/// `events` has been open since before, so nothing comes unnoticed in between.
///
/// # Errors
/// The system's, if it can no longer be waited for or listened to.
pub fn run(
    events: &mut impl Events,
    mut server: Option<Server>,
    stop: BorrowedFd<'_>,
    tuner: &mut dyn Tuner,
) -> io::Result<()> {
    let began = Instant::now();
    let mut metrics = Metrics::default();
    let mut schedule = Schedule::starting(Duration::ZERO);
    loop {
        let now = began.elapsed();
        let next = schedule
            .next()
            .into_iter()
            .chain(server.as_ref().and_then(Server::next))
            .min();
        let timeout = next.map(|next| next.saturating_sub(now));
        if wait(events.as_fd(), server.as_ref(), stop, timeout)? {
            return Ok(());
        }
        let now = began.elapsed();
        take(events, &mut schedule, &mut metrics, now)?;
        let work = schedule.due(now);
        if !work.is_empty() {
            round(&work, tuner, &mut metrics, &mut schedule, || {
                began.elapsed()
            });
        }
        if let Some(server) = &mut server {
            server.step(began.elapsed(), &|| metrics.render());
        }
    }
}

/// Waits for whatever comes first. Whether it is the end.
fn wait(
    events: BorrowedFd<'_>,
    server: Option<&Server>,
    stop: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let mut all = vec![
        PollFd::new(stop, PollFlags::POLLIN),
        PollFd::new(events, PollFlags::POLLIN),
    ];
    for (fd, writes) in server.iter().flat_map(|server| server.waits()) {
        let what = if writes {
            PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        };
        all.push(PollFd::new(fd, what));
    }
    // Rounded up: a loop that comes round a little early finds nothing to do, and turns again.
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
        let millis = timeout.as_nanos().div_ceil(1_000_000);
        PollTimeout::try_from(millis.min(3_600_000)).unwrap_or(PollTimeout::ZERO)
    });
    match poll(&mut all, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(all[0].any().unwrap_or(true))
}

/// Takes in the messages that are there.
fn take(
    events: &mut impl Events,
    schedule: &mut Schedule,
    metrics: &mut Metrics,
    now: Duration,
) -> io::Result<()> {
    let mut buf = [0; MESSAGE];
    for _ in 0..BATCH {
        match events.receive(&mut buf)? {
            Received::Nothing => break,
            Received::Foreign => {}
            Received::Lost => {
                tracing::warn!("messages of the kernel were lost: looking at every disk");
                metrics.lost();
                schedule.lost(now);
            }
            Received::Message(len) => {
                let event = buf.get(..len).and_then(parse);
                if event.is_some_and(|event| schedule.event(&event, now)) {
                    metrics.event();
                }
            }
        }
    }
    Ok(())
}

fn round(
    work: &Work,
    tuner: &mut dyn Tuner,
    metrics: &mut Metrics,
    schedule: &mut Schedule,
    now: impl Fn() -> Duration,
) {
    if !work.gone.is_empty() {
        tuner.gone(&work.gone, metrics);
    }
    let wrote = if work.rescan {
        tuner.rescan(metrics)
    } else if work.tune.is_empty() {
        Vec::new()
    } else {
        tuner.tune(&work.tune, metrics)
    };
    schedule.looked(&work.tune, &wrote, now());
    tuner.rested(metrics);
}
