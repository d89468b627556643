//! The only place that starts a process: the distribution's mkfs, this program again, git, and the stock installer
//! ([`stand_in`]).
#![expect(clippy::disallowed_methods, reason = "this module starts processes")]

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

pub mod stand_in;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// There is no such program.
    #[error("{program} is not installed")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Its name.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It ran and failed.
    #[error("{program} failed ({status}): {message}")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said on standard error, shortened.
        message: String,
    },
    /// It printed more than anybody wants.
    #[error("{program} printed more than {most} bytes")]
    TooMuch {
        /// Its name.
        program: String,
        /// The limit.
        most: u64,
    },
}

impl ExecError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { program } => {
                let package = match program.as_str() {
                    "mkfs.xfs" => "xfsprogs",
                    "mkfs.vfat" => "dosfstools",
                    other => other,
                };
                format!("install it (Debian's package {package}), or add its folder to PATH")
            }
            Self::Start { program, .. } => format!("check that {program} may be executed"),
            Self::Failed { program, .. } => {
                format!("run {program} by hand on a file to see more; the disk is as it was")
            }
            Self::TooMuch { .. } => String::from("ask for less at a time"),
        }
    }
}

/// Where distributions keep mkfs. A user's PATH seldom has the sbin folders, and a service may have no PATH at all.
const USUAL: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";

/// Where programs are looked for: the caller's PATH, then the usual places. Only absolute folders: an empty or
/// relative one is the current folder or lies in it, and what lies there must not be run with root's rights.
fn search_path(own: Option<&OsStr>) -> OsString {
    let own = own.map(std::env::split_paths).into_iter().flatten();
    let all = own.chain(std::env::split_paths(USUAL));
    std::env::join_paths(all.filter(|folder| folder.is_absolute()))
        .unwrap_or_else(|_| OsString::from(USUAL))
}

/// How a program that [`run`] started opens the file it works on, which has no name of its own.
const WORK_FILE: &str = "/proc/self/fd/0";

/// Runs `argv` on `file`, whose path is its last argument, and waits for it.
///
/// The file is handed over as standard input: a process that may not be dumped, as this one, hides its own descriptors
/// from other processes unless they are root's.
///
/// # Errors
/// [`ExecError`].
pub fn run(argv: &[String], file: OwnedFd) -> Result<(), ExecError> {
    let (program, options) = argv.split_first().ok_or_else(|| ExecError::Missing {
        program: String::new(),
    })?;
    let output = Command::new(program)
        .args(options)
        .arg(WORK_FILE)
        .env_clear()
        .env("PATH", search_path(std::env::var_os("PATH").as_deref()))
        .env("LC_ALL", "C")
        .stdin(Stdio::from(file))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let output = output.map_err(|source| not_started(program, source))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ExecError::Failed {
        program: program.clone(),
        status: output.status,
        message: first_line(&output.stderr),
    })
}

fn not_started(program: &str, source: io::Error) -> ExecError {
    let program = program.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ExecError::Missing { program },
        _ => ExecError::Start { program, source },
    }
}

/// What `argv` prints, which is at most `most` bytes. Of the environment it gets PATH as every program here, the variables in
/// `kept`, and those in `set`; it reads `input`.
///
/// # Errors
/// [`ExecError`].
pub fn printed(
    argv: &[&str],
    kept: &[&str],
    set: &[(&str, &str)],
    input: &[u8],
    most: u64,
) -> Result<Zeroizing<Vec<u8>>, ExecError> {
    let (program, options) = argv.split_first().ok_or_else(|| ExecError::Missing {
        program: String::new(),
    })?;
    let kept = kept
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new(program)
        .args(options)
        .env_clear()
        .envs(kept)
        .env("PATH", search_path(std::env::var_os("PATH").as_deref()))
        .env("LC_ALL", "C")
        .envs(set.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| not_started(program, source))?;
    let failed = |source| ExecError::Start {
        program: (*program).to_owned(),
        source,
    };
    let (out, err, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let mut printed = Zeroizing::new(Vec::new());
    let mut said = Vec::new();
    let read = std::thread::scope(|scope| {
        let errors = scope.spawn(|| read_up_to(err, 1 << 16, &mut said));
        // A program that stops reading says why it failed in its own words.
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input)));
        let read = read_up_to(out, most + 1, &mut printed);
        // Whatever else it has to print would never be read.
        let too_much = printed.len() as u64 > most;
        if too_much {
            drop(child.kill());
        }
        let errors = errors.join().unwrap_or(Ok(()));
        read.and(errors).map(|()| too_much)
    });
    let status = child.wait().map_err(failed)?;
    if read.map_err(failed)? {
        let program = (*program).to_owned();
        return Err(ExecError::TooMuch { program, most });
    }
    if status.success() {
        return Ok(printed);
    }
    Err(ExecError::Failed {
        program: (*program).to_owned(),
        status,
        message: first_line(&said),
    })
}

/// Reads the start of `from` and passes over the rest if there is little of it.
fn read_up_to(from: Option<impl io::Read>, most: u64, into: &mut Vec<u8>) -> io::Result<()> {
    match from {
        Some(from) => from.take(most).read_to_end(into).map(drop),
        None => Ok(()),
    }
}

/// Runs this very program with other arguments, at the same terminal, and waits for it.
///
/// # Errors
/// [`ExecError::Start`]; how it ended is for the caller to judge.
pub fn ourselves(arguments: &[String]) -> Result<std::process::ExitStatus, ExecError> {
    // The file that is running, whatever lies at its path by now.
    let status = Command::new("/proc/self/exe").args(arguments).status();
    status.map_err(|source| ExecError::Start {
        program: String::from("keelblock"),
        source,
    })
}

fn first_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it said nothing");
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> OwnedFd {
        tempfile::tempfile().unwrap().into()
    }

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn programs_are_looked_for_in_absolute_folders_only() {
        let path = |own: Option<&str>| {
            let path = search_path(own.map(OsStr::new));
            path.into_string().unwrap()
        };
        assert_eq!(path(None), USUAL);
        for own in ["", ":", ".", "bin:", "::./x"] {
            assert_eq!(path(Some(own)), USUAL, "{own:?}");
        }
        assert_eq!(path(Some("/opt/a:bin:/b")), format!("/opt/a:/b:{USUAL}"));
    }

    #[test]
    fn what_a_program_prints_is_taken_up_to_a_limit() {
        // The harness of tests dies of writing to whoever does not read, so those get nothing to read.
        let sh = |script| printed(&["sh", "-c", script], &[], &[("A", "b")], b"", 5);
        assert_eq!(&**sh("printf $A$A").unwrap(), b"bb");
        let cat = printed(&["cat"], &[], &[], b"in", 5);
        assert_eq!(&**cat.unwrap(), b"in");
        assert!(matches!(
            sh("printf 123456"),
            Err(ExecError::TooMuch { most: 5, .. })
        ));
        assert!(matches!(sh("yes"), Err(ExecError::TooMuch { .. })));
        let failed = sh("echo no >&2; exit 3").unwrap_err();
        assert_eq!(failed.to_string(), "sh failed (exit status: 3): no");
        let missing = printed(&["nosuch-program"], &[], &[], b"", 5).unwrap_err();
        assert!(matches!(missing, ExecError::Missing { .. }));
        assert!(
            sh("test -z \"$HOME\"").is_ok(),
            "nothing else of the environment"
        );
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = run(&argv(&["mkfs.nosuch"]), file()).unwrap_err();
        assert_eq!(error.to_string(), "mkfs.nosuch is not installed");
        let error = ExecError::Missing {
            program: "mkfs.xfs".into(),
        };
        assert!(error.hint().contains("xfsprogs"));
    }

    #[test]
    fn a_failing_program_is_quoted_by_its_first_line() {
        let error = run(&argv(&["sh", "-c", "echo 'no room' >&2; exit 3"]), file()).unwrap_err();
        assert_eq!(error.to_string(), "sh failed (exit status: 3): no room");
    }
}
