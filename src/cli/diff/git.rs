//! Git, asked for revisions and what is in them; never for anything that runs hooks, filters or helpers of the repository.
//!
//! `ls-tree` and `cat-file` read objects alone. Settings of the repository that would start a program or fetch missing
//! objects are switched off.

use std::collections::{BTreeMap, HashMap};

use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::exec::{self, ExecError};
use crate::exit::Exit;

/// Most bytes of the list of a revision's files: some half a million of them.
const LIST: u64 = 48 << 20;

/// Before every command: no pager, no lock, paths as they are, nothing that runs or fetches.
const ALWAYS: [&str; 10] = [
    "git",
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
];

/// What tells git where the repository and the operator's settings are.
const KEPT: [&str; 12] = [
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "SUDO_UID",
];

/// A small pack can hold objects that take gigabytes to unpack; git itself does not take more memory at once than this.
const SET: [(&str, &str); 3] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOC_LIMIT", "64m"),
];

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The name of the object that has its content.
    pub object: Box<str>,
}

/// What a file of a revision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A symbolic link; its content is where it leads.
    Link,
    /// Another repository.
    Submodule,
}

fn run(words: &[&str], input: &[u8], most: u64) -> Result<Zeroizing<Vec<u8>>, ExecError> {
    let argv: Vec<&str> = ALWAYS.iter().chain(words).copied().collect();
    exec::printed(&argv, &KEPT, &SET, input, most)
}

/// The one line that git prints.
fn line(words: &[&str]) -> Result<String, ExecError> {
    let printed = run(words, b"", 1 << 16)?;
    let text = String::from_utf8_lossy(&printed);
    Ok(text.trim_end_matches('\n').to_owned())
}

/// A failure of git in words.
pub fn failure(doing: &str, error: &ExecError) -> Failure {
    match error {
        ExecError::Failed { message, .. } => {
            let hint = match message {
                it if it.contains("not a git repository") => "run it in the git repository, or name files and folders",
                it if it.contains("dubious ownership") => "git says what to do: it reads only repositories that are yours or trusted",
                it if it.contains("attempting to allocate") => "an object of the revision takes more than 64 MiB of memory; compare revisions without it, or folders",
                _ => "`git status` and `git fsck` show what is wrong with the repository",
            };
            Failure::new(Exit::Usage, doing).also(format!("git: {message}")).hint(hint)
        }
        ExecError::Missing { .. } => Failure::new(Exit::Usage, doing).because(error).hint(
            "install it (Debian's package git), add its folder to PATH, or name files and folders only",
        ),
        ExecError::TooMuch { .. } => Failure::new(Exit::Usage, doing).because(error).hint(
            "it has more in it than a repository of configurations; check it out and name folders of it",
        ),
        _ => Failure::new(Exit::Io, doing).because(error).hint(error.hint()),
    }
}

/// The commit that `revision` names; `None` if it names none here.
///
/// # Errors
/// Git's, if there is no git or no repository.
pub fn commit(revision: &str) -> Result<Option<String>, ExecError> {
    if revision.starts_with('-') || revision.contains(['\0', '\n']) {
        return Ok(None);
    }
    let wanted = format!("{revision}^{{commit}}");
    match line(&[
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &wanted,
    ]) {
        Ok(found) => {
            let is_name = found.len() >= 40 && found.bytes().all(|b| b.is_ascii_hexdigit());
            Ok(is_name.then_some(found))
        }
        // Without a word: there is no such revision.
        Err(ExecError::Failed { message, .. })
            if !message.contains("not a git repository")
                && !message.contains("dubious ownership") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The folder where the command was typed, from the top of the repository; empty or ended by a slash.
///
/// # Errors
/// Git's.
pub fn prefix() -> Result<String, ExecError> {
    line(&["rev-parse", "--show-prefix"])
}

/// The top of the work tree.
///
/// # Errors
/// Git's.
pub fn top() -> Result<String, ExecError> {
    line(&["rev-parse", "--show-toplevel"])
}

/// Every file of a commit by its path. Names that are not UTF-8 are left out: no configuration can name them.
///
/// # Errors
/// Git's.
pub fn list(commit: &str) -> Result<BTreeMap<Box<str>, Entry>, ExecError> {
    // Without sizes: for those, git would open every object.
    let words = ["ls-tree", "-r", "-z", "--full-tree", commit];
    let printed = run(&words, b"", LIST)?;
    let lines = printed.split(|byte| *byte == 0);
    Ok(lines
        .filter_map(|line| entry(std::str::from_utf8(line).ok()?))
        .collect())
}

/// `mode SP type SP object TAB path`.
fn entry(line: &str) -> Option<(Box<str>, Entry)> {
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split_ascii_whitespace();
    let kind = match words.next()? {
        "120000" => Kind::Link,
        "160000" => Kind::Submodule,
        _ => Kind::File,
    };
    let object = words.nth(1)?.into();
    Some((path.into(), Entry { kind, object }))
}

/// How many bytes each of these objects has that is a file's content; what is not there is left out.
///
/// # Errors
/// Git's.
pub fn sizes(objects: &[&str]) -> Result<HashMap<Box<str>, u64>, ExecError> {
    let input = objects.join("\n") + "\n";
    let most = 128 * objects.len() as u64;
    let printed = run(&["cat-file", "--batch-check"], input.as_bytes(), most)?;
    let text = String::from_utf8_lossy(&printed);
    let size = |line: &str| {
        let (object, rest) = line.split_once(" blob ")?;
        Some((object.into(), rest.parse().ok()?))
    };
    Ok(text.lines().filter_map(size).collect())
}

/// The name of an object, and its bytes.
pub type Content = (Box<str>, Zeroizing<Vec<u8>>);

/// The content of objects, `most` bytes in all, by their names.
///
/// # Errors
/// Git's; an object that is not there is left out.
pub fn contents(objects: &[&str], most: u64) -> Result<Vec<Content>, ExecError> {
    let input = objects.join("\n") + "\n";
    let heads = 128 * objects.len() as u64;
    let printed = run(
        &["cat-file", "--batch"],
        input.as_bytes(),
        most.saturating_add(heads),
    )?;
    let mut rest: &[u8] = &printed;
    let mut found = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let words: Vec<&str> = head.split(' ').collect();
        let &[object, "blob", size] = &words[..] else {
            continue;
        };
        let size: usize = size.parse().unwrap_or(usize::MAX);
        let Some(body) = rest.get(..size) else {
            break;
        };
        found.push((object.into(), Zeroizing::new(body.to_vec())));
        rest = rest.get(size + 1..).unwrap_or_default();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ls_tree_is_an_entry() {
        let object = "a".repeat(40);
        for (line, path, kind) in [
            (
                format!("100644 blob {object}\ta b/c\td"),
                "a b/c\td",
                Kind::File,
            ),
            (format!("120000 blob {object}\tl"), "l", Kind::Link),
            (format!("160000 commit {object}\ts"), "s", Kind::Submodule),
        ] {
            let (found, entry) = entry(&line).unwrap();
            assert_eq!((&*found, entry.kind), (path, kind));
            assert_eq!(*entry.object, object);
        }
        assert_eq!(entry(""), None);
    }

    #[test]
    fn a_missing_git_is_named_with_its_package() {
        let program = String::from("git");
        let said = failure("main is not known", &ExecError::Missing { program });
        assert_eq!(
            (said.exit, &*said.causes[0]),
            (Exit::Usage, "git is not installed")
        );
        assert!(said.hint.unwrap().contains("Debian's package git"));
    }

    #[test]
    fn what_could_be_an_option_is_no_revision() {
        for word in ["-h", "--output=/tmp/x", "a\nb"] {
            assert!(matches!(commit(word), Ok(None)), "{word}");
        }
    }
}
