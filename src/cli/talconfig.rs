//! Nodes of a talconfig.yaml, rendered for the commands that take a machine configuration, and for `render`.

use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::error::Failure;
use crate::cli::repository::{Repository, Store};
use crate::config::generate::Secrets;
use crate::config::render::{self, RenderError};
use crate::config::talconfig::{self, Loaded, Request, Variables, is_talconfig};
use crate::exit::Exit;

/// A talconfig.yaml that was loaded.
pub struct Cluster {
    /// What is in it.
    pub loaded: Loaded,
    /// The secrets of its nodes, or stand-ins.
    pub secrets: Secrets,
    name: String,
    files: Box<dyn Store>,
    shared: render::Shared,
}

/// Whether a file is a talconfig.yaml, by its name or by what is in it.
pub fn is_one(path: &Path, text: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    matches!(&*name, "talconfig.yaml" | "talconfig.yml") || is_talconfig(text)
}

/// The environment of this process, as far as it is text.
pub fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let value = Zeroizing::new(value.into_string().ok()?);
            Some((name.into_string().ok()?, value))
        })
        .collect()
}

impl Cluster {
    /// Loads the file, with the environment of this process.
    ///
    /// # Errors
    /// Exit 2 with what talhelper would refuse.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if path == Path::new("-") {
            let failure = "a talconfig.yaml cannot be read from standard input";
            let hint = "name the file: what it names is relative to its folder";
            return Err(Failure::new(Exit::Usage, failure).hint(hint));
        }
        let files = Repository::around(path).map_err(|error| {
            Failure::new(Exit::Usage, format!("cannot read {name}"))
                .because(&error)
                .hint("name the talconfig.yaml of the cluster")
        })?;
        let (path, top) = (files.talconfig().to_owned(), files.top().to_owned());
        Self::of(name, &path, &top, Box::new(files))
    }

    /// Loads the file `path` of `files`, all of which are below `top`; messages call it `name`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn of(name: String, path: &str, top: &str, files: Box<dyn Store>) -> Result<Self, Failure> {
        let env = environment();
        let request = Request {
            path,
            root: top,
            env: &env,
        };
        let loaded = talconfig::load(request, &*files)?;
        Ok(Self {
            loaded,
            // Decisions about disks need no secrets of the cluster.
            secrets: Secrets::placeholders(),
            name,
            files,
            shared: render::Shared::default(),
        })
    }

    /// The bytes of the file of secrets as they are stored; `None` if there is none, or it cannot be read.
    pub fn stored_secrets(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.files.stored(self.loaded.secrets.as_deref()?).ok()
    }

    /// Reads the file of secrets, if there is one, in the place of the stand-ins.
    ///
    /// # Errors
    /// Exit 2.
    pub fn read_secrets(&mut self) -> Result<(), Failure> {
        let secrets = self.loaded.read_secrets(&*self.files).map_err(|error| {
            Failure::new(Exit::Usage, format!("{}: the secrets cannot be read", self.name))
                .because(&error)
                .hint("set SOPS_AGE_KEY_FILE to the file of your age key, or use --placeholders for a configuration that no node boots with")
        })?;
        if let Some(secrets) = secrets {
            self.secrets = secrets;
            self.shared = render::Shared::default();
        }
        Ok(())
    }

    /// What the operator should know of the file, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let unknown = self.loaded.unknown.iter().map(|key| {
            let close = match &key.close[..] {
                [] => String::new(),
                close => format!("; did you mean {}?", close.join(" or ")),
            };
            format!(
                "{}:{}: talhelper drops the unknown key {}{close}",
                self.name, key.at.line, key.path
            )
        });
        let warned = self
            .loaded
            .warnings
            .iter()
            .map(|issue| format!("{}: {}: {}", self.name, issue.field, issue.message));
        unknown.chain(warned).collect()
    }

    /// What to say of the secrets; nothing if they are real.
    pub fn placeholders(&self) -> Option<String> {
        if !self.secrets.are_placeholders {
            return None;
        }
        Some(match &self.loaded.secrets {
            None => "the secrets are placeholders, for there is no talsecret.yaml: no node boots with this".to_owned(),
            Some(_) => "the secrets are placeholders, as was asked for: no node boots with this".to_owned(),
        })
    }

    /// The text of a file of the repository; `None` if it cannot be read.
    pub fn text(&self, path: &str) -> Option<Zeroizing<String>> {
        self.files.read(path).ok()
    }

    /// The names of its nodes.
    pub fn hostnames(&self) -> Vec<String> {
        let nodes = self.loaded.config.nodes.iter();
        nodes.map(|node| node.hostname.to_string()).collect()
    }

    /// The position of the node `host`.
    ///
    /// # Errors
    /// Exit 2 with all nodes if there is none, or none is named.
    pub fn index(&self, host: Option<&str>) -> Result<usize, Failure> {
        let names = self.hostnames();
        let found = host.and_then(|host| names.iter().position(|name| name == host));
        found.ok_or_else(|| {
            let message = match host {
                Some(host) => format!("{} has no node {host}", self.name),
                None => format!("{} has the configurations of several nodes", self.name),
            };
            let hint = format!("say which one with --node: {}", names.join(", "));
            Failure::new(Exit::Usage, message).hint(hint)
        })
    }

    /// The text of the node's machine configuration.
    ///
    /// # Errors
    /// Exit 2.
    pub fn render(&self, index: usize) -> Result<Zeroizing<String>, Failure> {
        let failed = |error: RenderError| match error {
            RenderError::Patches(error) => Failure::from(error),
            error => {
                let node = self.loaded.config.nodes.get(index);
                let host = node.map_or("", |node| &*node.hostname);
                let message = format!("{}: {host} cannot be rendered", self.name);
                Failure::new(Exit::Usage, message)
                    .because(&error)
                    .hint(hint(&error))
            }
        };
        let config = render::node(
            &self.loaded,
            index,
            &self.secrets,
            &*self.files,
            &self.shared,
        );
        let config = config.map_err(failed)?;
        let text = config.map(|config| config.to_text()).unwrap_or_default();
        Ok(Zeroizing::new(text))
    }
}

fn hint(error: &RenderError) -> &'static str {
    match error {
        RenderError::Template { .. } | RenderError::Schematic { .. } => {
            "write it in a simpler way, or render the node with `talhelper genconfig` and use its file"
        }
        RenderError::Name { .. } => "put an @ before the name of a file",
        _ => "correct it in talconfig.yaml or in the file that is named",
    }
}

/// The text of the node `host` of the file at `path`, under the name that messages call it by.
///
/// # Errors
/// As [`Cluster::load`], [`Cluster::index`] and [`Cluster::render`].
pub fn node(path: &Path, host: Option<&str>) -> Result<(String, Zeroizing<String>), Failure> {
    let cluster = Cluster::load(path)?;
    let index = cluster.index(host)?;
    for warning in cluster.warnings() {
        tracing::warn!("{warning}");
    }
    let name = format!(
        "{} (rendered for {})",
        path.display(),
        cluster.hostnames()[index]
    );
    Ok((name, cluster.render(index)?))
}
