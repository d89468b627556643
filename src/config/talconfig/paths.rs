//! Paths as talhelper writes them out: `@file` below certain keys, relative to the folder of talconfig.yaml.
//!
//! Pure. [`clean`] is Go's `filepath.Clean`. Two rules are keelblock's own: no path leads out of the repository, and
//! talconfig.yaml is not one of the files that it names.

use thiserror::Error;

/// Keys below which a text that starts with `@` is a path.
const MARKED: [&str; 3] = ["machineFiles", "patches", "inlineManifests"];
/// The key below which every text is one.
const ALWAYS: &str = "extraManifests";

/// Whether the texts at a path of keys are names of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// They are texts.
    Text,
    /// They are if they start with `@`.
    Marked,
    /// They are.
    Path,
}

impl Role {
    /// The role below `key`; the outermost key that has one decides.
    pub fn below(self, key: &str) -> Self {
        match self {
            Self::Text if key == ALWAYS => Self::Path,
            Self::Text if MARKED.contains(&key) => Self::Marked,
            other => other,
        }
    }

    /// The text that talhelper goes on with; `None` if it stays as it is.
    pub fn rewrite(self, text: &str, folder: &str) -> Option<String> {
        let path = match (self, text.strip_prefix('@')) {
            (Self::Text, _) | (Self::Marked, None) => return None,
            (Self::Path, None) => text,
            (_, Some(path)) => path,
        };
        match path.trim() {
            "" => (!text.starts_with('@')).then(|| format!("@{text}")),
            path => Some(format!("@{}", absolute(path, folder))),
        }
    }
}

/// `path` itself if it is absolute, otherwise below `folder`.
pub(crate) fn absolute(path: &str, folder: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        clean(&format!("{folder}/{path}"))
    }
}

/// Without `.`, `..` and repeated slashes; nothing is looked up.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => String::from("."),
        (false, false) => parts.join("/"),
    }
}

/// The folder that a path is in.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// Why a file is not read although it is named.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It is not in the repository.
    #[error("{path} is outside of {root}, and keelblock reads only what is inside")]
    Outside {
        /// The file.
        path: String,
        /// The top of the repository, or the folder of talconfig.yaml.
        root: String,
    },
    /// It is talconfig.yaml.
    #[error("{0} names itself")]
    Itself(String),
}

/// Whether `path` may be read from the configuration `talconfig` in the repository `root`.
///
/// # Errors
/// [`PathError`].
pub(crate) fn permit(path: &str, talconfig: &str, root: &str) -> Result<(), PathError> {
    let path = clean(path);
    if path == talconfig {
        return Err(PathError::Itself(path));
    }
    let inside = root == "/"
        || path
            .strip_prefix(root)
            .is_some_and(|it| it.starts_with('/'));
    if inside {
        return Ok(());
    }
    let root = root.to_owned();
    Err(PathError::Outside { path, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_where_talhelper_does() {
        for (keys, text, wanted) in [
            (&["patches"][..], "@p.yaml", Some("@/r/p.yaml")),
            (
                &["nodes", "patches"],
                "@ ../x/./p.yaml ",
                Some("@/x/p.yaml"),
            ),
            (&["patches"], "@/abs/../p.yaml", Some("@/abs/../p.yaml")),
            (&["patches"], "machine: {}", None),
            (&["patches"], "@", None),
            (&["patches"], "@  ", None),
            (&["extraManifests"], "m.yaml", Some("@/r/m.yaml")),
            (&["extraManifests"], "@m.yaml", Some("@/r/m.yaml")),
            (&["extraManifests"], " ", Some("@ ")),
            (&["extraManifests"], "@", None),
            (&["machineFiles", "extraManifests"], "m", None),
            (&["nodeLabels"], "@p.yaml", None),
        ] {
            let role = keys.iter().fold(Role::Text, |role, key| role.below(key));
            assert_eq!(
                role.rewrite(text, "/r").as_deref(),
                wanted,
                "{keys:?} {text:?}"
            );
        }
    }

    #[test]
    fn only_files_of_the_repository_are_permitted() {
        assert!(permit("/r/a/b", "/r/talconfig.yaml", "/r").is_ok());
        assert!(permit("/r/a/../b", "/r/talconfig.yaml", "/r").is_ok());
        for path in [
            "/r2/a",
            "/r/../a",
            "/etc/shadow",
            "/r",
            "/r/x/../talconfig.yaml",
        ] {
            assert!(permit(path, "/r/talconfig.yaml", "/r").is_err(), "{path}");
        }
    }
}
