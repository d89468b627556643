//! Command lines that a person can type, or paste, or have run: words, quoted as a shell wants them. Runs nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// A command line of this program: its arguments, without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Vec<String>);

/// The disk or image that a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A disk, named with `--disk`.
    Disk(String),
    /// An image, named with `--image`.
    Image(String),
}

impl Place {
    /// Its path.
    pub fn path(&self) -> &str {
        match self {
            Self::Disk(path) | Self::Image(path) => path,
        }
    }

    fn option(&self) -> &'static str {
        match self {
            Self::Disk(_) => "--disk",
            Self::Image(_) => "--image",
        }
    }
}

/// What was typed and belongs to the next commands, too.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Configurations.
    pub config: Vec<PathBuf>,
    /// `--node`.
    pub node: Option<String>,
    /// `--uuid`.
    pub uuid: Option<String>,
}

impl Line {
    /// The command `name` alone.
    pub fn new(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The command `name` on `place`.
    pub fn on(name: &str, place: &Place) -> Self {
        Self::new(name).with(&[place.option(), place.path()])
    }

    /// The same with more words.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// The same with the configurations, their node and the UUID that were typed.
    pub fn as_typed(mut self, typed: &Typed) -> Self {
        for path in &typed.config {
            self = self.with(&["-c", &shown(path)]);
        }
        if let Some(node) = &typed.node {
            self = self.with(&["--node", node]);
        }
        match &typed.uuid {
            Some(uuid) => self.with(&["--uuid", uuid]),
            None => self,
        }
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl fmt::Display for Line {
    /// With the program's name, as it can be pasted into a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keelblock")?;
        for word in &self.0 {
            write!(f, " {}", quoted(word))?;
        }
        Ok(())
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Line {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_read_otherwise_are_quoted() {
        let place = Place::Image(String::from("it's a disk.img"));
        let typed = Typed {
            config: vec![PathBuf::from("node.yaml"), PathBuf::from("$HOME/x")],
            node: None,
            uuid: None,
        };
        let line = Line::on("apply", &place).as_typed(&typed);
        assert_eq!(
            line.to_string(),
            r"keelblock apply --image 'it'\''s a disk.img' -c node.yaml -c '$HOME/x'"
        );
    }
}
