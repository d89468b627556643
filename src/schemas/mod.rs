//! The JSON Schemas of the files that people write for keelblock and of every document that it prints.
//!
//! Pure. The texts are the files in `schemas/`, compiled in as they are: `schemars`, which makes those of printed documents
//! from the very types that are printed, and the makers of the others, which read the tables of the strict readers, are
//! only in test builds (feature `schemas`). A test makes all of them anew and compares, so they cannot drift, and the
//! program carries no code for them. Draft 7, because that is the newest one that yaml-language-server validates with.
//! Not to be confused with `config`'s knowledge of Talos' own documents.
//! Spec: <https://json-schema.org/draft-07>.

#[cfg(feature = "schemas")]
pub mod make;

/// Who writes the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// People, in YAML.
    People,
    /// keelblock, in JSON.
    Keelblock,
}

/// One type of document.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Its name: the middle of `keelblock/<type>/v1`.
    pub name: &'static str,
    /// Who writes it.
    pub author: Author,
    /// The commands that read it if people write it, else those that write it.
    pub commands: &'static [&'static str],
    /// What it is, in a few words.
    pub about: &'static str,
    /// The JSON Schema, as JSON with a line break at its end.
    pub text: &'static str,
}

impl Type {
    /// The `$id` of the schema.
    pub fn id(&self) -> String {
        format!("urn:keelblock:{}:v1", self.name)
    }

    /// The type with this name; `keelblock/<type>/v1` is understood, too.
    pub fn named(name: &str) -> Option<&'static Self> {
        let inner = name.strip_prefix("keelblock/");
        let name = inner.and_then(|it| it.strip_suffix("/v1")).unwrap_or(name);
        ALL.iter().find(|it| it.name == name)
    }
}

macro_rules! types {
    ($($name:literal $author:ident [$($command:literal),+] $about:literal;)+) => {
        /// Every type: what people write first, then in the order of the work.
        pub const ALL: &[Type] = &[$(Type {
            name: $name,
            author: Author::$author,
            commands: &[$($command),+],
            about: $about,
            text: include_str!(concat!("../../schemas/", $name, ".json")),
        }),+];
    };
}

types! {
    "talconfig" People ["render", "validate", "check"] "talconfig.yaml, as talhelper 3.1.17 reads it";
    "expect" People ["check"] "expect.yaml: what a fleet's owner knows of its disks";
    "profiles" People ["tune"] "what kinds of disks want, for --profiles";
    "inventory" Keelblock ["probe"] "a machine and its disks";
    "snapshot" Keelblock ["snapshot"] "a recorded machine, for --hardware";
    "snapshot-report" Keelblock ["snapshot"] "what was recorded";
    "selection" Keelblock ["select"] "a disk for each role, and why";
    "plan" Keelblock ["plan"] "what apply would do";
    "receipt" Keelblock ["apply", "reset", "install"] "what was done";
    "journal" Keelblock ["apply"] "lines of the journal of a running apply";
    "inspection" Keelblock ["inspect"] "what is on a disk, and what Talos does with it";
    "mappings" Keelblock ["unlock", "lock"] "volumes that are open";
    "rescue" Keelblock ["rescue"] "what is wrong with a node's disks";
    "repair" Keelblock ["repair"] "what was or would be repaired";
    "repair-backup" Keelblock ["repair"] "the bytes from before a repair, for --undo";
    "tune" Keelblock ["tune"] "each setting: wanted, before and now";
    "tune-receipt" Keelblock ["tune"] "the values from before, for --undo";
    "tune-export" Keelblock ["tune"] "settings in another program's language";
    "tune-lint" Keelblock ["tune"] "what is wrong with tuning files";
    "tune-lint-codes" Keelblock ["tune"] "the codes of those findings";
    "trim-test" Keelblock ["tune"] "what a disk's TRIM did";
    "trim-proof" Keelblock ["tune"] "a test of TRIM that passed, for --proof";
    "rendered" Keelblock ["render"] "machine configurations of nodes";
    "validation" Keelblock ["validate"] "the configuration of one node";
    "lint" Keelblock ["validate"] "what is wrong with files";
    "lint-codes" Keelblock ["validate"] "the codes of those findings";
    "check" Keelblock ["check"] "what is wrong with a fleet";
    "diff" Keelblock ["diff"] "what a change of configurations does to every node";
    "doctor" Keelblock ["doctor"] "what is wrong with this machine";
    "schemas" Keelblock ["schema"] "this list";
    "error" Keelblock ["all"] "why a command failed, on the last line";
}
