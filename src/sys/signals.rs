//! Signals: those that would end the process in the middle of a write, and those that are another program's to answer.

#![expect(
    unsafe_code,
    reason = "changing what a signal does, or what a child starts with, has no safe form"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, pthread_sigmask, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// What is passed on to a program that runs in the place of this one.
const PASSED_ON: [Signal; 6] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// Makes a write beyond the file size limit fail with `EFBIG`, so that it is reported and the journal says where.
///
/// # Errors
/// The kernel's.
pub fn report_file_size_limit() -> io::Result<()> {
    // SAFETY: ignoring a signal installs no handler, so no code runs where it must not.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    Ok(())
}

/// What a program that this one starts has to find as this one found it: signal mask and limit of core dumps.
#[derive(Clone, Copy, Debug)]
pub struct AsStarted {
    mask: SigSet,
    core: (rlim_t, rlim_t),
}

impl AsStarted {
    /// As it is now: call it before anything is changed.
    ///
    /// # Errors
    /// The kernel's.
    pub fn now() -> io::Result<Self> {
        Ok(Self {
            mask: SigSet::thread_get_mask()?,
            core: getrlimit(Resource::RLIMIT_CORE)?,
        })
    }

    /// Lets `command` start with it, and with the default answer to a file that is too large.
    pub fn give_to(self, command: &mut Command) {
        // SAFETY: between fork and exec only calls that are safe in a signal handler are made: sigaction, setrlimit,
        // pthread_sigmask. They allocate nothing and take no lock.
        unsafe { command.pre_exec(move || self.restore()) };
    }

    fn restore(self) -> io::Result<()> {
        // SAFETY: the default disposition installs no handler.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigDfl) }?;
        // Raising a limit again needs a privilege that not everybody has; a smaller core dump harms nobody.
        setrlimit(Resource::RLIMIT_CORE, self.core.0, self.core.1).ok();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None)?;
        Ok(())
    }
}

/// A descriptor that can be read once somebody asked for the end (`SIGINT`, `SIGTERM`), which then no longer ends the
/// process by itself. Threads that run already are not held back.
///
/// # Errors
/// The kernel's.
pub fn ending() -> io::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    Ok(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?)
}

/// Signals that wait until somebody asks for them. When this goes, those that are left do what they always do.
///
/// The main thread takes it before it starts another one: threads inherit it, and one without it would take the
/// signals; the kernel throws the news of a child away while the main thread does not hold it back.
#[derive(Debug)]
pub struct Held {
    before: SigSet,
}

impl Held {
    /// Holds back what is passed on to a child, and the news of a child's end.
    ///
    /// # Errors
    /// The kernel's.
    pub fn take() -> io::Result<Self> {
        let before = SigSet::thread_get_mask()?;
        watched().thread_block()?;
        Ok(Self { before })
    }

    /// Waits for the next one; `None` is the news that a child changed its state.
    ///
    /// # Errors
    /// The kernel's.
    pub fn next(&self) -> io::Result<Option<Signal>> {
        let signal = watched().wait()?;
        Ok((signal != Signal::SIGCHLD).then_some(signal))
    }

    /// One that came in already, without waiting for it and without taking it.
    pub fn pending(&self) -> Option<Signal> {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: the kernel fills the whole set, for which there is room.
        let asked = unsafe { nix::libc::sigpending(set.as_mut_ptr()) };
        if asked != 0 {
            return None;
        }
        // SAFETY: the call above succeeded, so the set is initialised.
        let set = unsafe { set.assume_init() };
        // SAFETY: it is a set that the kernel made.
        let set = unsafe { SigSet::from_sigset_t_unchecked(set) };
        PASSED_ON.into_iter().find(|signal| set.contains(*signal))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It was accepted before, so it is accepted again.
        self.before.thread_set_mask().ok();
    }
}

fn watched() -> SigSet {
    PASSED_ON.into_iter().chain([Signal::SIGCHLD]).collect()
}

/// Sends `signal` to a child that has not been waited for yet.
///
/// # Errors
/// The kernel's.
pub fn send(child: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(child).map_err(io::Error::other)?;
    kill(Pid::from_raw(pid), signal)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_signal_waits_and_is_handed_out() {
        let held = Held::take().unwrap();
        assert_eq!(held.pending(), None);
        // To this thread alone: the others of the test program hold nothing back.
        nix::sys::signal::raise(Signal::SIGUSR1).unwrap();
        assert_eq!(held.pending(), Some(Signal::SIGUSR1));
        assert_eq!(held.next().unwrap(), Some(Signal::SIGUSR1));
        assert_eq!(held.pending(), None);
    }
}
