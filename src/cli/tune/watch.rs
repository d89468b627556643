//! `keelblock tune --watch`: what is plugged in is tuned, and what drifts is set again, until a signal ends it.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use crate::cli::error::Failure;
use crate::cli::files;
use crate::exit::Exit;
use crate::notify::ServiceManager;
use crate::root::Root;
use crate::sys::netlink::UeventSocket;
use crate::sys::signals;
use crate::tuner::desired::Desired;
use crate::tuner::disk::Disk;
use crate::tuner::report::{Outcome, Report, Setting};
use crate::tuner::watch::http::{self, Server};
use crate::tuner::watch::metrics::{Metrics, Sample};
use crate::tuner::watch::uevent::DevPath;
use crate::tuner::watch::{self, Tuner};

use super::wants::Wants;
use super::{TuneArgs, state};

/// Follows until it is told to end.
pub(super) fn run(root: &Root, args: &TuneArgs) -> Result<Exit, Failure> {
    let wants = Wants::read(args)?;
    let server = args.metrics.as_deref().map(serve).transpose()?;
    // Before the first look, so that nothing comes unnoticed in between.
    let mut events = UeventSocket::open().map_err(|error| {
        let failure = Failure::new(Exit::Io, "the kernel's messages cannot be received");
        failure
            .because(&error)
            .hint("run it as root, and in a container in the network namespace of the host")
    })?;
    let stop = signals::ending()
        .map_err(|error| Failure::internal("signals cannot be waited for", error))?;
    let mut follower = Follower {
        root,
        wants,
        store: state::Store::open(args.state_dir.as_deref())?,
        seen: BTreeMap::new(),
        textfile: args.textfile.clone(),
    };
    ServiceManager::current().ready("following the kernel's messages");
    watch::run(&mut events, server, stop.as_fd(), &mut follower).map_err(|error| {
        Failure::new(Exit::Io, "following the kernel's messages failed").because(&error)
    })?;
    Ok(Exit::Done)
}

fn serve(text: &str) -> Result<Server, Failure> {
    let refused = |error: http::ServeError| {
        let hint = "a port alone is on the loopback device: --metrics 9723, or --metrics [::]:9723 for all";
        Failure::of(Exit::Usage, &error).hint(hint)
    };
    let address = http::address(text).map_err(refused)?;
    let server = Server::listen(address).map_err(refused)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "the metrics can be read by whoever reaches this address");
    }
    Ok(server)
}

struct Follower<'a> {
    root: &'a Root,
    wants: Wants,
    store: state::Store,
    /// Id of each disk that was looked at → its place and instance then.
    seen: BTreeMap<String, (String, String)>,
    textfile: Option<PathBuf>,
}

impl Follower<'_> {
    /// Looks at the disks for which `is_meant` holds, and at the machine.
    fn look(&mut self, metrics: &mut Metrics, is_meant: impl Fn(&Disk) -> bool) -> Vec<DevPath> {
        let mut wanted = self.wants.of(self.root, Some(self.root));
        let meant: Vec<bool> = wanted.disks.iter().map(&is_meant).collect();
        wanted
            .wishes
            .retain(|wish| wish.disk.is_none_or(|place| meant[place]));
        self.remember(&wanted, &is_meant, metrics);
        match super::set(self.root, &wanted, &self.store) {
            Ok(report) => tell(&wanted, &report, metrics),
            Err(failure) => told(&failure),
        }
    }

    /// Counts the disks that were seen before as another instance.
    fn remember(
        &mut self,
        wanted: &Desired,
        is_meant: &impl Fn(&Disk) -> bool,
        metrics: &mut Metrics,
    ) {
        for disk in wanted.disks.iter().filter(|disk| is_meant(disk)) {
            let now = (disk.dir.clone(), disk.diskseq.clone());
            let before = self.seen.insert(disk.id(), now.clone());
            if before.is_some_and(|before| before != now) {
                tracing::info!(disk = disk.path(), id = disk.id(), "plugged in again");
                metrics.replug(&disk.id());
            }
        }
    }
}

impl Tuner for Follower<'_> {
    fn tune(&mut self, devices: &[DevPath], metrics: &mut Metrics) -> Vec<DevPath> {
        let places: Vec<String> = devices.iter().map(|path| format!("/sys{path}")).collect();
        self.look(metrics, |disk| {
            let below = |place: &String| Path::new(&disk.dir).starts_with(place);
            // What is written below the block device is its own; a device above it may have changed too.
            places.iter().any(below)
        })
    }

    fn rescan(&mut self, metrics: &mut Metrics) -> Vec<DevPath> {
        metrics.forget();
        self.look(metrics, |_| true)
    }

    fn gone(&mut self, devices: &[DevPath], metrics: &mut Metrics) {
        for (id, (dir, _)) in &self.seen {
            let below = |path: &DevPath| Path::new(dir).starts_with(format!("/sys{path}"));
            if devices.iter().any(below) {
                tracing::info!(id, "gone");
                metrics.gone(id);
            }
        }
    }

    fn rested(&mut self, metrics: &Metrics) {
        if let Some(path) = &self.textfile
            && let Err(failure) = files::write(path, metrics.render().as_bytes())
        {
            told(&failure);
        }
    }
}

/// A follower goes on: the next event may find things as they should be.
fn told(failure: &Failure) -> Vec<DevPath> {
    tracing::error!(causes = ?failure.causes, "{}", failure.message);
    Vec::new()
}

/// Says what was done, measures all of it, and gives the disks that were written to.
fn tell(wanted: &Desired, report: &Report, metrics: &mut Metrics) -> Vec<DevPath> {
    let mut wrote = Vec::new();
    for setting in &report.settings {
        let mut disks = wanted.disks.iter();
        let disk = disks.find(|disk| Some(disk.path()) == setting.disk);
        let id = disk.map_or_else(|| "machine".to_owned(), Disk::id);
        metrics.sample(&id, &setting.key, sample(setting));
        if setting.result == Outcome::AsWanted {
            continue;
        }
        say(&id, setting);
        if setting.result == Outcome::Set {
            metrics.reset(&id);
        }
        let path = disk.and_then(|disk| DevPath::new(disk.dir.strip_prefix("/sys")?));
        wrote.extend(path.filter(|path| !wrote.contains(path)));
    }
    wrote
}

fn say(id: &str, setting: &Setting) {
    let disk = setting.disk.as_deref().unwrap_or("machine");
    let (key, wanted) = (setting.key.as_str(), setting.wanted.as_str());
    let (before, now) = (setting.before.as_deref(), setting.now.as_deref());
    let result = setting.result.word();
    if setting.result.is_good() {
        tracing::info!(disk, id, key, wanted, before, now, result, "set");
    } else {
        let detail = setting.detail.as_deref();
        tracing::warn!(
            disk,
            id,
            key,
            wanted,
            before,
            now,
            result,
            detail,
            "not as wanted"
        );
    }
}

fn sample(setting: &Setting) -> Sample {
    let number = |text: &str| text.parse().ok();
    Sample {
        value: setting.now.as_deref().and_then(number),
        wanted: number(&setting.wanted),
        drift: !setting.result.is_good(),
    }
}
