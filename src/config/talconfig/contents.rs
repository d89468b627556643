//! Contents that come from files: `contents: "@file"` of inline manifests and `content: "@file"` of machine files.
//!
//! Reads through [`Files`] and replaces variables unless the entry says not to. That writes the text anew as YAML: several
//! plain lines become one line, and a file that is no YAML is refused. What talhelper does to them they get here as well,
//! with a warning where it changed more than variables.

use std::collections::BTreeMap;

use thiserror::Error;
use zeroize::Zeroizing;

use super::envsubst::Env;
use super::files::{FileError, Files};
use super::model::{Talconfig, Text};
use super::paths::{self, PathError};
use super::sops::{self, SopsError};
use super::value::At;
use super::{TextError, substituted};

/// Why a content cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    /// It is not one of the files of the repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is encrypted, or not what its name says.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// Its variables cannot be replaced.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It starts with `@` itself, and talhelper may read the file that it names, or not.
    #[error("it starts with `@`, which talhelper may take for the name of another file")]
    Chain,
}

/// What is wrong with a content.
pub(super) struct Failure {
    pub at: At,
    pub field: String,
    /// The file.
    pub path: String,
    pub error: ContentError,
}

/// Reads contents, every file once.
pub(super) struct Reader<'r> {
    pub files: &'r dyn Files,
    pub env: &'r Env,
    /// The path of talconfig.yaml.
    pub talconfig: &'r str,
    /// The top of the repository.
    pub root: &'r str,
    read: BTreeMap<(String, bool), Result<Zeroizing<String>, ContentError>>,
    failures: Vec<Failure>,
    /// Files whose text was changed by more than variables.
    pub folded: Vec<(At, String)>,
}

impl<'r> Reader<'r> {
    pub fn new(files: &'r dyn Files, env: &'r Env, talconfig: &'r str, root: &'r str) -> Self {
        Self {
            files,
            env,
            talconfig,
            root,
            read: BTreeMap::new(),
            failures: Vec::new(),
            folded: Vec::new(),
        }
    }

    /// Replaces every name of a file in `config` by what is in it; the ones that could not be had.
    pub fn fill(&mut self, config: &mut Talconfig) -> Vec<Failure> {
        for (index, manifest) in config.inline_manifests.iter_mut().flatten().enumerate() {
            let field = || format!("inlineManifests[{index}].contents");
            self.text(&mut manifest.contents, manifest.skip_envsubst, field);
        }
        for (node, at) in config.nodes.iter_mut().zip(0..) {
            for (index, file) in node.configs.machine_files.iter_mut().flatten().enumerate() {
                let field = || format!("nodes[{at}].machineFiles[{index}].content");
                self.text(&mut file.content, file.skip_envsubst, field);
            }
        }
        std::mem::take(&mut self.failures)
    }

    fn text(&mut self, text: &mut Text, verbatim: bool, field: impl Fn() -> String) {
        let Some(path) = text.strip_prefix('@').map(str::to_owned) else {
            return;
        };
        let known = self.read.get(&(path.clone(), verbatim)).cloned();
        let content = known.unwrap_or_else(|| {
            let content = self.content(&path, verbatim, text.at);
            self.read.insert((path.clone(), verbatim), content.clone());
            content
        });
        match content {
            Ok(content) => {
                text.text = content;
                text.as_written = false;
            }
            Err(error) => self.failures.push(Failure {
                at: text.at,
                field: field(),
                path,
                error,
            }),
        }
    }

    fn content(
        &mut self,
        path: &str,
        verbatim: bool,
        at: At,
    ) -> Result<Zeroizing<String>, ContentError> {
        paths::permit(path, self.talconfig, self.root)?;
        let text = self.files.read(path)?;
        sops::check_content(path, &text)?;
        let content = if verbatim {
            text
        } else {
            let content = substituted(&text, self.env)?;
            if content.lines().count() < lines_without_comments(&text) {
                self.folded.push((at, path.to_owned()));
            }
            content
        };
        if content.starts_with('@') {
            return Err(ContentError::Chain);
        }
        Ok(content)
    }
}

/// Lines that say something.
fn lines_without_comments(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#') && *line != "---")
        .count()
}
