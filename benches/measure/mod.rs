//! Runs a command and says what it cost, for every bench that measures runs of a program as a whole.
//!
//! Processor time, peak memory and bytes written are the kernel's own account (`ru_utime`, `ru_stime`, `ru_maxrss`,
//! `ru_oublock`), read through GNU time.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The program could not be started.
    #[error("cannot start {program}: {hint}")]
    Start {
        /// Its name.
        program: String,
        /// What to install.
        hint: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The program did not end with success.
    #[error("{command} ended with {status}: {message}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line that it said on stderr.
        message: String,
    },
    /// A file of the bench itself could not be read, written or removed.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something answered in a way that the bench does not understand.
    #[error("{0}")]
    Unexpected(String),
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Wall time.
    pub seconds: f64,
    /// Time on processors, in seconds, to the hundredth.
    pub processor: Option<f64>,
    /// Largest resident set of any process of the run, in bytes.
    pub memory: Option<u64>,
    /// Bytes that the run's processes handed to block devices and filesystems.
    pub written: Option<u64>,
}

impl Sample {
    /// One after the other: times and bytes add up, the larger memory counts.
    pub fn then(self, next: Self) -> Self {
        fn both<T: Copy>(one: Option<T>, two: Option<T>, join: fn(T, T) -> T) -> Option<T> {
            one.zip(two)
                .map(|(one, two)| join(one, two))
                .or(one)
                .or(two)
        }
        Self {
            seconds: self.seconds + next.seconds,
            processor: both(self.processor, next.processor, |one, two| one + two),
            memory: both(self.memory, next.memory, u64::max),
            written: both(self.written, next.written, u64::saturating_add),
        }
    }
}

/// A command line to measure.
#[derive(Debug)]
pub struct Work {
    program: PathBuf,
    arguments: Vec<std::ffi::OsString>,
    libraries: Option<PathBuf>,
    folder: Option<PathBuf>,
    hint: &'static str,
}

/// The program under measurement: what `KEELBLOCK_BIN` names, or the one that cargo built for this bench.
pub fn keelblock() -> PathBuf {
    let named = std::env::var_os("KEELBLOCK_BIN");
    named.map_or_else(|| env!("CARGO_BIN_EXE_keelblock").into(), PathBuf::from)
}

impl Work {
    /// `hint` says what to install if `program` is not there.
    pub fn new(program: impl Into<PathBuf>, hint: &'static str) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            libraries: None,
            folder: None,
            hint,
        }
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|it| it.as_ref().to_owned()));
        self
    }

    /// Lets the program find its shared libraries below `directory` first.
    pub fn libraries(mut self, directory: &Path) -> Self {
        self.libraries = Some(directory.to_owned());
        self
    }

    /// Lets it run in `folder`.
    pub fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it for its time alone.
    pub fn time(&self) -> Result<Sample, BenchError> {
        let mut command = Command::new(&self.program);
        let (sample, _) = self.finish(command.args(&self.arguments))?;
        Ok(sample)
    }

    /// Runs it and returns what it printed.
    pub fn output(&self) -> Result<String, BenchError> {
        let mut command = Command::new(&self.program);
        let (_, output) = self.finish(command.args(&self.arguments))?;
        Ok(output)
    }

    /// Runs it under GNU time, which adds a millisecond and knows the rest; with what it printed.
    pub fn account(&self, scratch: &Path) -> Result<(Sample, String), BenchError> {
        let report = scratch.join("time");
        let mut command = Command::new("/usr/bin/time");
        command
            .args(["--format", "%M %O %U %S", "--output"])
            .arg(&report);
        command.arg(&self.program).args(&self.arguments);
        let (sample, output) = self.finish(&mut command)?;
        let text = std::fs::read_to_string(&report).map_err(|source| BenchError::File {
            what: "read",
            path: report,
            source,
        })?;
        let unexpected = || BenchError::Unexpected(format!("GNU time said '{text}'"));
        let numbers: Vec<&str> = text.split_whitespace().collect();
        let [kibibytes, blocks, user, system] = numbers[..] else {
            return Err(unexpected());
        };
        let count = |text: &str| text.parse::<u64>().map_err(|_| unexpected());
        let seconds = |text: &str| text.parse::<f64>().map_err(|_| unexpected());
        let (kibibytes, blocks) = (count(kibibytes)?, count(blocks)?);
        let sample = Sample {
            processor: Some(seconds(user)? + seconds(system)?),
            memory: Some(kibibytes << 10),
            written: Some(blocks << 9),
            ..sample
        };
        Ok((sample, output))
    }

    fn finish(&self, command: &mut Command) -> Result<(Sample, String), BenchError> {
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let start = Instant::now();
        let output = command.output().map_err(|source| BenchError::Start {
            program: command.get_program().display().to_string(),
            hint: if command.get_program() == "/usr/bin/time" {
                "install the Debian package time"
            } else {
                self.hint
            },
            source,
        })?;
        let seconds = start.elapsed().as_secs_f64();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(BenchError::Failed {
                command: self.command_line(),
                status: output.status,
                message: stderr
                    .trim()
                    .lines()
                    .last()
                    .unwrap_or("no word on stderr")
                    .to_owned(),
            });
        }
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let sample = Sample {
            seconds,
            ..Sample::default()
        };
        Ok((sample, stdout))
    }

    fn command_line(&self) -> String {
        let mut words = vec![self.program.display().to_string()];
        words.extend(self.arguments.iter().map(|it| it.display().to_string()));
        words.join(" ")
    }
}

/// The run in the middle, by wall time.
pub fn middle(mut runs: Vec<Sample>) -> Option<Sample> {
    runs.sort_by(|one, two| one.seconds.total_cmp(&two.seconds));
    runs.get(runs.len() / 2).copied()
}

/// The middle one; the mean of the two in the middle of an even number. Zero of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
