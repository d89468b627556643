//! Reads and writes the files that are named on the command line.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "files that the user names"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::apply::ApplyError;
use crate::cli::args::NodeArgs;
use crate::cli::error::{Failure, open_hint};
use crate::cli::{talconfig, trace};
use crate::config::spec::Spec;
use crate::config::{self, Source};
use crate::exit::Exit;
use crate::plan::Plan;
use crate::plan::canonical::{self, CanonicalError};
use crate::secret::Secret;

/// The most that a configuration or a plan may have.
const LIMIT: u64 = 16 << 20;

const NAME_THE_RIGHT_ONE: &str = "name a text file: a configuration, a plan of `keelblock plan -o`, or a machine of `keelblock snapshot -o`";

/// The texts of configurations with their names; of a talconfig.yaml, that of the node.
///
/// # Errors
/// Exit 2 for what cannot be read or rendered.
pub fn configurations(
    paths: &[PathBuf],
    node: &NodeArgs,
) -> Result<Vec<(String, Zeroizing<String>)>, Failure> {
    let mut texts = Vec::new();
    let mut is_rendered = false;
    for path in paths {
        let text = Zeroizing::new(text(path)?);
        if talconfig::is_one(path, &text) {
            is_rendered = true;
            texts.push(talconfig::node(path, node.node.as_deref())?);
        } else {
            texts.push((path.display().to_string(), text));
        }
    }
    if let Some(node) = node.node.as_deref().filter(|_| !is_rendered) {
        let message = format!("--node {node} has no talconfig.yaml to look into");
        let hint = "give it with -c; a machine configuration is of one node already";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    Ok(texts)
}

/// Reads and parses configurations; of a talconfig.yaml, that of `node`.
///
/// # Errors
/// Exit 2 with every diagnostic.
pub fn config(paths: &[PathBuf], node: &NodeArgs) -> Result<Spec, Failure> {
    parse(&configurations(paths, node)?, paths, node)
}

/// Parses what [`configurations`] read.
///
/// # Errors
/// As [`config`]'s.
pub fn parse(
    texts: &[(String, Zeroizing<String>)],
    paths: &[PathBuf],
    node: &NodeArgs,
) -> Result<Spec, Failure> {
    let sources: Vec<Source<'_>> = texts
        .iter()
        .map(|(name, text)| Source { name, text })
        .collect();
    config::parse(&sources).map_err(|error| {
        let rendered = texts.iter().zip(paths).find_map(|((name, text), path)| {
            let host = node.node.as_deref()?;
            let is_rendered = *name != path.display().to_string();
            is_rendered.then_some(trace::Node {
                path,
                host,
                name,
                text,
            })
        });
        if let Some(node) = rendered {
            return trace::failure(error, &node);
        }
        // Where an expression is wrong, a column number alone is hard to follow.
        let expression = |d: &&config::Diagnostic| d.message.starts_with("not a valid expression");
        let mut places = error.diagnostics().iter().filter(expression);
        let snippet = places.find_map(|place| config::snippet(place, &sources));
        Failure {
            snippet,
            ..Failure::from(error)
        }
    })
}

/// Reads a plan that this keelblock made, and that nobody changed by as much as a byte.
///
/// # Errors
/// Exit 2 for what is no plan, 4 for one of another version or one that was changed, with the part that was.
pub fn plan(path: &Path) -> Result<Plan, Failure> {
    let text = text(path)?;
    let name = path.display();
    let version = serde_json::from_str::<PlanHead>(&text).ok();
    let other =
        version.filter(|head| head.version != env!("CARGO_PKG_VERSION") && !head.id.is_empty());
    if let Some(head) = other {
        return Err(ApplyError::PlanVersion(head.version).into());
    }
    canonical::parse(&text).map_err(|error| match &error {
        CanonicalError::Shape(cause) => Failure::new(Exit::Usage, format!("{name} is not a plan"))
            .because(cause)
            .hint("make one with `keelblock plan -c CONFIG -o FILE`"),
        _ => ApplyError::Damaged(error).into(),
    })
}

/// What every version of a plan has; the other fields may be others.
#[derive(serde::Deserialize)]
struct PlanHead {
    id: String,
    version: String,
}

/// The text of a file, or of standard input for `-`.
///
/// # Errors
/// Exit 2 if it cannot be read, is too big or is no text.
pub fn text(path: &Path) -> Result<String, Failure> {
    text_up_to(path, LIMIT)
}

/// The same for a file of up to `limit` bytes, a multiple of a MiB.
///
/// # Errors
/// As [`text`]'s.
pub fn text_up_to(path: &Path, limit: u64) -> Result<String, Failure> {
    let name = path.display();
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::new(Exit::Usage, format!("cannot read {name}"))
            .because(&error)
            .hint("check the path and its permissions; `-` reads standard input")
    })?;
    if bytes.len() as u64 > limit {
        let message = format!("{name} is larger than {} MiB", limit >> 20);
        return Err(Failure::new(Exit::Usage, message).hint(NAME_THE_RIGHT_ONE));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        drop(Zeroizing::new(error.into_bytes()));
        let message = format!("{name} is not text: byte {at} is not UTF-8");
        Failure::new(Exit::Usage, message).hint(NAME_THE_RIGHT_ONE)
    })
}

/// All of standard input, as it is.
///
/// # Errors
/// Exit 2 if it cannot be read or is too big.
pub fn standard_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    io::stdin()
        .lock()
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Failure::new(Exit::Usage, "cannot read standard input")
                .because(&error)
                .hint("give the configuration on standard input, or close it with `</dev/null`")
        })?;
    if bytes.len() as u64 > LIMIT {
        let message = "the configuration on standard input is larger than 16 MiB";
        return Err(Failure::new(Exit::Usage, message).hint(NAME_THE_RIGHT_ONE));
    }
    Ok(bytes)
}

/// Whether two paths lead to the same file.
///
/// # Errors
/// The system's, if one of them cannot be looked at.
pub fn are_same(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (one, other) = (std::fs::metadata(one)?, std::fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Writes a file whole or not at all, readable by its owner only.
///
/// # Errors
/// Exit 5; also if a device, a pipe or a folder has the name, for the new file would take its place.
pub fn write(path: &Path, body: &[u8]) -> Result<(), Failure> {
    write_whole(path, body, true)
}

/// The same for what can be made again at any time: it is not waited for the disk, which for a folder of files takes longer
/// than making them. After a power cut the file may be empty, but never another one. A file that is what it should be
/// already keeps its date.
///
/// # Errors
/// As [`write`].
pub fn write_made(path: &Path, body: &[u8]) -> Result<(), Failure> {
    if is_written(path, body).unwrap_or(false) {
        return Ok(());
    }
    write_whole(path, body, false)
}

/// Whether the file is there with this content, readable by its owner only.
fn is_written(path: &Path, body: &[u8]) -> io::Result<bool> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let found = path.symlink_metadata()?;
    let is_private = found.permissions().mode() & 0o7777 == 0o600;
    if !found.is_file() || !is_private || found.nlink() != 1 || found.len() != body.len() as u64 {
        return Ok(false);
    }
    let mut held = Zeroizing::new(Vec::with_capacity(body.len() + 1));
    let file = File::open(path)?;
    file.take(body.len() as u64 + 1).read_to_end(&mut held)?;
    Ok(*held == *body)
}

fn write_whole(path: &Path, body: &[u8], sync: bool) -> Result<(), Failure> {
    if path
        .symlink_metadata()
        .is_ok_and(|found| !found.is_file() && !found.is_symlink())
    {
        let message = format!("cannot write {}: it is there, and no file", path.display());
        return Err(Failure::new(Exit::Io, message).hint("name a file"));
    }
    let failed = |error: io::Error| {
        Failure::new(Exit::Io, format!("cannot write {}", path.display()))
            .because(&error)
            .hint("name a file in a folder that can be written and has room")
    };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(body)?;
            if sync { file.sync_all() } else { Ok(()) }
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        drop(std::fs::remove_file(&temporary));
    }
    written.map_err(failed)
}

/// A key from a file: all its bytes but white space around them, wiped when dropped.
///
/// # Errors
/// Exit 2 if it cannot be read, or has fewer than `least` bytes or more than 64 KiB.
pub fn key(path: &Path, least: usize) -> Result<Secret, Failure> {
    const MOST: u64 = 1 << 16;
    let name = path.display();
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 << 16));
    let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        Failure::new(Exit::Usage, format!("cannot read {name}"))
            .because(&error)
            .hint("check the path and its permissions")
    })?;
    let key = Secret::new(bytes.trim_ascii().to_vec());
    if key.len() < least || bytes.len() as u64 > MOST {
        let message = format!("{name} is no key: it must have {least} to {MOST} bytes");
        return Err(Failure::new(Exit::Usage, message).hint(format!(
            "make one: head -c 32 /dev/urandom | base64 > {name}"
        )));
    }
    Ok(key)
}

/// Makes a folder that only its owner can enter, if it is not there, and says whether it can be written.
///
/// # Errors
/// The system's.
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    let probe = path.join(format!(".probe-{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)?;
    std::fs::remove_file(&probe)
}

/// The same for a folder whose name anybody can guess: what is there must be ours alone, for in a folder of
/// somebody else our files could be links to files of ours.
///
/// # Errors
/// The system's, and [`io::ErrorKind::PermissionDenied`] if the folder is not ours alone.
pub fn own_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    private_folder(path)?;
    let found = std::fs::symlink_metadata(path)?;
    let ours = found.uid() == nix::unistd::geteuid().as_raw();
    if found.is_dir() && ours && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let why = "it is not a folder of this user alone";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Opens a new journal.
///
/// # Errors
/// The system's.
pub fn journal(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
}

/// Removes a file that this run made; no error if it is gone already.
///
/// # Errors
/// Exit 5.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let failure = Failure::new(Exit::Io, format!("cannot remove {}", path.display()));
            Err(failure.because(&error).hint("remove it by hand"))
        }
        _ => Ok(()),
    }
}

/// Whether there is anything of this name, be it a link to nowhere.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// What kind of thing a path is: true for a block device.
///
/// # Errors
/// Exit 5 if it cannot be looked at.
pub fn is_block_device(path: &Path) -> Result<bool, Failure> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = std::fs::metadata(path).map_err(|error| {
        Failure::new(Exit::Io, format!("cannot look at {}", path.display()))
            .because(&error)
            .hint(if path.starts_with("/dev") {
                "`keelblock probe` lists the disks that are there"
            } else {
                open_hint(&error)
            })
    })?;
    Ok(kind.file_type().is_block_device())
}
