//! What OLD and NEW name: files and folders, or revisions and what is in them. Read as git reads them, and what could be
//! either is refused.

use std::path::{Path, PathBuf};

use super::DiffArgs;
use super::git;
use crate::cli::error::Failure;
use crate::exec::ExecError;
use crate::exit::Exit;

/// What one side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file or folder.
    Path(PathBuf),
    /// A file or folder of a revision.
    Revision {
        /// The revision as it was typed.
        name: String,
        /// Its commit.
        commit: String,
        /// The path from the top of the repository; empty for the top.
        path: String,
    },
}

const SPELL: &str = "name a file, a folder, a revision such as main, or REVISION:PATH";

/// What the two sides are.
///
/// # Errors
/// Exit 2 with what could be meant.
pub fn places(args: &DiffArgs) -> Result<(Place, Place), Failure> {
    let old = place(&args.old, args)?;
    let new = match &args.new {
        Some(new) => place(new, args)?,
        None => work_tree(&old, args)?,
    };
    let is_bare = |word: &str| !word.contains(':');
    let of_revision =
        |place: &Place, word: &str| matches!(place, Place::Revision { .. }) && is_bare(word);
    let takes_path = of_revision(&old, &args.old)
        || args
            .new
            .as_ref()
            .is_some_and(|word| of_revision(&new, word));
    if args.path.is_some() && !takes_path {
        let message = "--path is of revisions, and none stands alone here";
        return Err(Failure::new(Exit::Usage, message).hint("leave --path out"));
    }
    Ok((old, new))
}

/// The work tree's side of a revision that stands alone.
fn work_tree(old: &Place, args: &DiffArgs) -> Result<Place, Failure> {
    match old {
        Place::Path(path) => {
            let message = format!("there is nothing to compare {} with", path.display());
            let hint = "name OLD and NEW; a revision alone is compared with the work tree, such as `keelblock diff main`";
            Err(Failure::new(Exit::Usage, message).hint(hint))
        }
        Place::Revision { path, .. } if args.old.contains(':') => {
            let top =
                git::top().map_err(|error| git::failure("the work tree is not known", &error))?;
            Ok(Place::Path(Path::new(&top).join(path)))
        }
        Place::Revision { .. } => {
            let path = args.path.clone().unwrap_or_else(|| PathBuf::from("."));
            Ok(Place::Path(path))
        }
    }
}

fn place(word: &str, args: &DiffArgs) -> Result<Place, Failure> {
    let wrong = |message: String, hint: &str| Err(Failure::new(Exit::Usage, message).hint(hint));
    if word.is_empty() || word.starts_with('-') {
        return wrong(format!("{word:?} is neither a path nor a revision"), SPELL);
    }
    let path = Path::new(word);
    let is_there = path.symlink_metadata().is_ok();
    if word.starts_with(['/', '.']) && (is_there || !word.contains(':')) {
        return match is_there {
            true => Ok(Place::Path(path.to_owned())),
            false => wrong(format!("there is no {word}"), SPELL),
        };
    }
    let found = revision(word, args);
    match (is_there, found) {
        (true, Ok(Some(_))) => wrong(
            format!("{word:?} is a path and a revision"),
            &format!("write ./{word} for the path, or {word}:./ for this folder in the revision"),
        ),
        (true, _) => Ok(Place::Path(path.to_owned())),
        (false, Ok(Some(place))) => Ok(place),
        (false, Ok(None)) if word.contains("..") && !word.contains(':') => wrong(
            format!("{word:?} is a range of revisions"),
            "name both: keelblock diff OLD NEW",
        ),
        (false, Ok(None)) => wrong(
            format!("{word:?} is neither a path here nor a revision"),
            SPELL,
        ),
        (false, Err(failure)) => Err(failure),
    }
}

/// The revision that a word names, and the path in it; `None` if it names none.
fn revision(word: &str, args: &DiffArgs) -> Result<Option<Place>, Failure> {
    let doing = format!("{word:?} is no path here, and whether it is a revision is not known");
    let failed = |error: ExecError| git::failure(&doing, &error);
    let (name, path) = split(word);
    if name.is_empty() {
        let message = format!("{word:?} is of git's index, which is not read");
        return Err(Failure::new(Exit::Usage, message).hint(SPELL));
    }
    let Some(commit) = git::commit(name).map_err(failed)? else {
        if path.is_some() {
            let message = format!("{name:?} is no revision of this repository");
            return Err(Failure::new(Exit::Usage, message)
                .hint("`git log` and `git branch -a` show what there is"));
        }
        return Ok(None);
    };
    let prefix = git::prefix().map_err(failed)?;
    let path = match path {
        Some(path) if path.starts_with("./") || path.starts_with("../") => {
            clean(&format!("{prefix}{path}"))
        }
        Some(path) => clean(path),
        None => {
            let typed = args.path.as_deref().unwrap_or_else(|| Path::new("."));
            let typed = typed.to_str().unwrap_or_default();
            if typed.starts_with('/') {
                let top = git::top().map_err(failed)?;
                typed.strip_prefix(&top).and_then(clean)
            } else {
                clean(&format!("{prefix}{typed}"))
            }
        }
    };
    let Some(path) = path else {
        let message = format!("{word:?} leads out of the repository");
        return Err(Failure::new(Exit::Usage, message)
            .hint("paths of a revision begin at the top of the repository, or with ./"));
    };
    let name = name.to_owned();
    Ok(Some(Place::Revision { name, commit, path }))
}

/// At the first colon that is not in braces, as in `HEAD^{/fix: disks}:talos`.
fn split(word: &str) -> (&str, Option<&str>) {
    let mut depth = 0_u32;
    for (at, c) in word.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return (&word[..at], Some(&word[at + 1..])),
            _ => {}
        }
    }
    (word, None)
}

/// Without `.`, `..` and empty parts; `None` if it leads above the top.
fn clean(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_ends_at_the_first_colon_outside_of_braces() {
        for (word, name, path) in [
            ("main", "main", None),
            ("HEAD~1:talos", "HEAD~1", Some("talos")),
            ("HEAD^{/fix: disks}:a:b", "HEAD^{/fix: disks}", Some("a:b")),
            ("main:", "main", Some("")),
            (":a", "", Some("a")),
        ] {
            assert_eq!(split(word), (name, path));
        }
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for (path, wanted) in [
            ("", Some("")),
            ("a/./b//c", Some("a/b/c")),
            ("a/../b", Some("b")),
            ("..", None),
            ("a/../../b", None),
        ] {
            assert_eq!(clean(path).as_deref(), wanted, "{path}");
        }
    }
}
