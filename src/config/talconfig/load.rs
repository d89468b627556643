//! The order in which everything happens to talconfig.yaml, and what is said about it.
//!
//! Findings become [`Diagnostic`]s at the place where the file has them. Quotes nothing that a variable brought in.

mod document;

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::Variables;
use super::check::{self, Issue};
use super::contents::{self, ContentError};
use super::envfile;
use super::files::{FileError, Files};
use super::groups;
use super::model::{NodeConfigs, Talconfig, Text};
use super::patches::{self, Patch, PatchError, PatchTexts};
use super::paths;
use super::shape::{Findings, Misfit, TALCONFIG, UnknownKey};
use super::sops;
use super::value::At;
use crate::config::Source;
use crate::config::context::Context;
use crate::config::diagnostic::{ConfigError, Diagnostic, DiagnosticKind, one_line};
use crate::config::node::Place;
use crate::config::spec::Location;

/// Files of secrets in the order in which talhelper looks for them; the last one that is there wins.
const SECRETS: [&str; 4] = [
    "talsecret.yaml",
    "talsecret.sops.yaml",
    "talsecret.yml",
    "talsecret.sops.yml",
];

/// What to load.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The path of talconfig.yaml, absolute and without `.` and `..`.
    pub path: &'r str,
    /// The folder that no file may be outside of, in the same form: the top of the repository, or the folder of
    /// talconfig.yaml.
    pub root: &'r str,
    /// The environment.
    pub env: &'r Variables,
}

/// talconfig.yaml with all its nodes, valid by talhelper's rules. Has no `Debug`: it holds keys and tokens.
pub struct Loaded {
    /// The file. Every node has its group's fields, and contents of files stand where the names of the files were.
    pub config: Talconfig,
    /// Keys that talhelper drops without a word.
    pub unknown: Vec<UnknownKey>,
    /// What is accepted but deserves a word.
    pub warnings: Vec<Issue>,
    /// The file of secrets, if there is one.
    pub secrets: Option<String>,
    /// Every file that patches, manifests and contents name, whichever nodes they are for.
    pub references: BTreeSet<String>,
    /// The environment with the variables of the talenv files.
    pub env: Variables,
    path: String,
    root: String,
}

/// Loads talconfig.yaml.
///
/// # Errors
/// [`ConfigError`] with what talhelper refuses, what it crashes on, and what is outside of the repository or encrypted.
pub fn load(request: Request<'_>, files: &dyn Files) -> Result<Loaded, ConfigError> {
    let mut loader = Loader {
        request,
        files,
        folder: paths::parent(request.path),
        diagnostics: Vec::new(),
        warnings: Vec::new(),
    };
    let loaded = loader.load();
    match loaded {
        Some(loaded) if loader.diagnostics.is_empty() => Ok(loaded),
        _ => Err(ConfigError::new(loader.diagnostics)),
    }
}

impl Loaded {
    /// The patches of the node with this index, in the order in which they apply. `texts` keeps what is read for the
    /// next node.
    ///
    /// # Errors
    /// [`ConfigError`] with every patch that cannot be read.
    pub fn patches(
        &self,
        index: usize,
        files: &dyn Files,
        texts: &PatchTexts,
    ) -> Result<Vec<Patch>, ConfigError> {
        let reader = patches::Reader {
            files,
            env: &self.env,
            talconfig: &self.path,
            root: &self.root,
            texts,
        };
        let Some(node) = self.config.nodes.get(index) else {
            return Ok(Vec::new());
        };
        let (patches, errors) = reader.all(&self.config, node);
        if errors.is_empty() {
            return Ok(patches);
        }
        let diagnostic = |(at, error): (At, PatchError)| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            bad(&self.path, at, "patches", message)
        };
        Err(ConfigError::new(
            errors.into_iter().map(diagnostic).collect(),
        ))
    }

    /// The file that an entry of `extraManifests` names, before its template is rendered.
    ///
    /// # Errors
    /// [`ContentError`].
    pub(crate) fn manifest(
        &self,
        path: &str,
        files: &dyn Files,
    ) -> Result<Zeroizing<String>, ContentError> {
        paths::permit(path, &self.path, &self.root)?;
        let text = files.read(path)?;
        sops::check_content(path, &text)?;
        Ok(text)
    }

    /// The path of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Replaces the variables of a patch of the file `path` after it has been rendered.
    ///
    /// # Errors
    /// [`PatchError`].
    pub fn substitute_patch(
        &self,
        path: &str,
        text: &str,
    ) -> Result<Zeroizing<String>, PatchError> {
        patches::substitute(path, text, &self.env)
    }
}

fn bad(file: &str, at: At, path: &str, message: String) -> Diagnostic {
    Diagnostic {
        kind: DiagnosticKind::BadValue,
        at: location(file, at),
        path: path.to_owned(),
        message,
        found: None,
        allowed: None,
        hint: None,
        also: None,
    }
}

/// A place in a file; its start if the place is not known.
fn location(file: &str, at: At) -> Location {
    Location {
        file: file.to_owned(),
        line: at.line.max(1),
        column: at.column.max(1),
    }
}

struct Loader<'l> {
    request: Request<'l>,
    files: &'l dyn Files,
    folder: &'l str,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Issue>,
}

impl Loader<'_> {
    /// Reports something wrong with another file, or with this one as a whole.
    fn refuse(&mut self, file: &str, kind: DiagnosticKind, message: String, hint: Option<&str>) {
        let mut diagnostic = bad(file, At::default(), "", message);
        diagnostic.kind = kind;
        diagnostic.hint = hint.map(str::to_owned);
        self.diagnostics.push(diagnostic);
    }

    fn load(&mut self) -> Option<Loaded> {
        let text = match self.files.read(self.request.path) {
            Ok(text) => text,
            Err(error) => {
                let hint = "name the talconfig.yaml of the cluster";
                self.refuse(
                    self.request.path,
                    DiagnosticKind::Missing,
                    error.to_string(),
                    Some(hint),
                );
                return None;
            }
        };
        let env = self.environment()?;
        let value = self.value(&text, &env)?;
        let mut findings = Findings::default();
        findings.check(&value, &TALCONFIG, "");
        if !findings.misfits.is_empty() {
            self.misfits(findings.misfits, &text);
            return None;
        }
        let mut config = Talconfig::of(&value);
        let references = references(&config);
        self.merge(&mut config, &env)?;
        let issues = check::check(&config, self.files);
        for issue in issues.errors {
            let diagnostic = bad(self.request.path, issue.at, &issue.field, issue.message);
            self.diagnostics.push(diagnostic);
        }
        self.warnings.extend(issues.warnings);
        Some(Loaded {
            config,
            unknown: findings.unknown,
            warnings: std::mem::take(&mut self.warnings),
            secrets: self.secrets()?,
            references,
            env,
            path: self.request.path.to_owned(),
            root: self.request.root.to_owned(),
        })
    }

    /// The environment with the talenv files in it.
    fn environment(&mut self) -> Option<Variables> {
        let mut env = self.request.env.clone();
        for name in envfile::FILES {
            let path = paths::absolute(name, self.folder);
            let text = match self.files.read(&path) {
                Ok(text) => text,
                Err(FileError::Missing) => continue,
                Err(error) => {
                    self.refuse(&path, DiagnosticKind::BadValue, error.to_string(), None);
                    return None;
                }
            };
            if let Err(error) = sops::check_mapping(&text) {
                let hint = "variables stand there one a line: NAME: value";
                self.refuse(
                    &path,
                    DiagnosticKind::BadValue,
                    error.to_string(),
                    Some(hint),
                );
                return None;
            }
            if let Err(error) = envfile::read_into(&text, &mut env) {
                let message = format!("talhelper passes over all of {name}: {error}");
                let field = name.to_owned();
                let at = At::default();
                self.warnings.push(Issue { field, message, at });
            }
        }
        Some(env)
    }

    fn misfits(&mut self, misfits: Vec<Misfit>, text: &str) {
        let sources = [Source {
            name: self.request.path,
            text,
        }];
        let ctx = Context::new(&sources);
        for misfit in misfits {
            let place = Place {
                line: misfit.at.line,
                ..Place::default()
            };
            let found = misfit.found.filter(|_| !ctx.is_tainted(place));
            self.diagnostics.push(Diagnostic {
                kind: DiagnosticKind::WrongType,
                at: location(self.request.path, misfit.at),
                path: misfit.path,
                message: misfit.message,
                found: found.map(|found| one_line(&found)),
                allowed: Some(misfit.allowed),
                hint: None,
                also: None,
            });
        }
    }

    /// Groups and contents.
    fn merge(&mut self, config: &mut Talconfig, env: &Variables) -> Option<()> {
        let (control_plane, worker) = (config.control_plane.clone(), config.worker.clone());
        for node in &mut config.nodes {
            let group = if node.control_plane {
                &control_plane
            } else {
                &worker
            };
            groups::merge(node, group);
        }
        let (path, root) = (self.request.path, self.request.root);
        let mut reader = contents::Reader::new(self.files, env, path, root);
        let failures = reader.fill(config);
        for (at, path) in std::mem::take(&mut reader.folded) {
            let message = format!(
                "{path} has several lines, and replacing its variables made fewer of them: set skipEnvsubst"
            );
            let field = String::from("machineFiles");
            self.warnings.push(Issue { field, message, at });
        }
        let is_fine = failures.is_empty();
        for failure in failures {
            let message = format!("{}: {}", failure.path, failure.error);
            self.diagnostics
                .push(bad(path, failure.at, &failure.field, message));
        }
        is_fine.then_some(())
    }

    /// The file of secrets that wins.
    fn secrets(&mut self) -> Option<Option<String>> {
        let mut found = None;
        for name in SECRETS {
            let path = paths::absolute(name, self.folder);
            match self.files.exists(&path) {
                Ok(true) => found = Some(path),
                Ok(false) => {}
                Err(error) => {
                    self.refuse(&path, DiagnosticKind::BadValue, error.to_string(), None);
                    return None;
                }
            }
        }
        Some(found)
    }
}

/// Every file that the file names, before the names are replaced by contents.
fn references(config: &Talconfig) -> BTreeSet<String> {
    let groups = [&config.control_plane, &config.worker].into_iter();
    let configs = groups.chain(config.nodes.iter().map(|node| &node.configs));
    let of = |configs: &'_ NodeConfigs| -> Vec<Text> {
        let contents = configs
            .machine_files
            .iter()
            .flatten()
            .map(|file| &file.content);
        let patches = configs.patches.iter().flatten();
        let manifests = configs.extra_manifests.iter().flatten();
        patches.chain(manifests).chain(contents).cloned().collect()
    };
    let manifests = config
        .inline_manifests
        .iter()
        .flatten()
        .map(|it| it.contents.clone());
    let patches = config.patches.iter().flatten().cloned();
    let all = configs.flat_map(of).chain(manifests).chain(patches);
    let named = all.filter_map(|text| text.strip_prefix('@').map(paths::clean));
    named.filter(|path| path != ".").collect()
}
