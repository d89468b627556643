//! Why a configuration cannot be read or a patch cannot be applied. Names places, never values.

use crate::config::problem::Problem;

/// Why a text is no machine configuration, or no patch made of documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not YAML.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// Nothing in it.
    #[error("no document in it")]
    Empty,
    /// Something else than a mapping.
    #[error("line {line}: {shape} where a document must stand")]
    NotADocument {
        /// Line, from 1.
        line: u32,
        /// What it is.
        shape: &'static str,
    },
    /// No `kind`, and no key that only the old document has.
    #[error("line {line}: the document has no kind")]
    NoKind {
        /// Line, from 1.
        line: u32,
    },
    /// No `apiVersion`.
    #[error("line {line}: the document has no apiVersion")]
    NoApiVersion {
        /// Line, from 1.
        line: u32,
    },
    /// A kind that Talos does not have.
    #[error("line {line}: unknown kind {kind}{}", near_words(near))]
    UnknownKind {
        /// Line, from 1.
        line: u32,
        /// The kind, shortened.
        kind: String,
        /// Kinds that come near.
        near: Vec<&'static str>,
    },
    /// Keys and values that Talos does not take.
    #[error("{document}: {}", lines(problems))]
    Document {
        /// Kind and name.
        document: String,
        /// At least one.
        problems: Vec<Problem>,
    },
    /// The same kind and name twice.
    #[error("{document} is there twice")]
    Twice {
        /// Kind and name.
        document: String,
    },
    /// Documents that exclude each other.
    #[error("{one} and {other} exclude each other: {why}")]
    Conflict {
        /// Kind and name.
        one: String,
        /// Kind and name.
        other: String,
        /// What they both claim.
        why: String,
    },
    /// `$patch: delete` where it cannot stand.
    #[error("line {line}: $patch: delete at {path}: {why}")]
    Delete {
        /// Line, from 1.
        line: u32,
        /// Where.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Why something cannot be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// Nothing is there.
    #[error("lookup failed: the configuration has nothing there")]
    NotFound,
    /// Below an element of a list.
    #[error(
        "only a whole element of a list can be deleted, and only in a list that is in no other"
    )]
    InList,
}

/// Why two values cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A number over text, and the like.
    #[error("the values are of different types")]
    Mismatch,
    /// Talos has no way to change it.
    #[error("Talos cannot change this value by a strategic patch once it is set")]
    Fixed,
}

/// Why an operation of a JSON patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// Not one of `add`, `remove`, `replace`, `move`, `copy` and `test`.
    #[error("unknown operation; allowed: add, remove, replace, move, copy, test")]
    Unknown,
    /// No `path`, or none that is text.
    #[error("the operation has no path")]
    NoPath,
    /// No `from`, or none that is text.
    #[error("the operation has no from")]
    NoFrom,
    /// The place is not there.
    #[error("the configuration has no such place")]
    Missing,
    /// Not a position in the list.
    #[error("not a position in the list")]
    Index,
    /// The value is another one.
    #[error("the test failed: another value stands there")]
    Test,
    /// Something else than a mapping for the whole document.
    #[error("only a mapping or a list can replace the whole document")]
    Root,
}

/// Why a patch cannot be read or applied. `patch` is the name that the caller gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// No strategic patch, nor a JSON patch.
    #[error("{patch} is no patch that Talos takes")]
    Load {
        /// The patch.
        patch: String,
        /// Why it is no strategic patch.
        source: LoadError,
    },
    /// It looks like a JSON patch, but is none.
    #[error("{patch} is no JSON patch: line {line}, column {column}: {message}")]
    Json {
        /// The patch.
        patch: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: &'static str,
    },
    /// A JSON patch for a configuration of several documents.
    #[error(
        "{patch}: JSON6902 patches are not supported for multi-document machine configuration, and this one has {documents} documents; \
         write it as a strategic merge patch: the part of the document that changes, with its keys as they stand there, or $patch: delete"
    )]
    MultiDocument {
        /// The patch.
        patch: String,
        /// How many there are.
        documents: usize,
    },
    /// An operation of a JSON patch does not apply.
    #[error("{patch}: operation {index} ({operation} {path})")]
    Operation {
        /// The patch.
        patch: String,
        /// From 0.
        index: usize,
        /// `add`, `remove` and so on.
        operation: String,
        /// The JSON pointer.
        path: String,
        /// Why.
        source: OperationError,
    },
    /// Something to be deleted cannot be.
    #[error("{patch}: $patch: delete at {path} in {document}")]
    Delete {
        /// The patch.
        patch: String,
        /// Kind and name.
        document: String,
        /// Where.
        path: String,
        /// Why.
        source: DeleteError,
    },
    /// A value cannot be merged.
    #[error("{patch}: {path} in {document} cannot be merged")]
    Merge {
        /// The patch.
        patch: String,
        /// Kind and name.
        document: String,
        /// Where.
        path: String,
        /// Why.
        source: MergeError,
    },
    /// With the patch it is no machine configuration any more.
    #[error("{patch}: what it makes of the configuration is none that Talos takes")]
    Result {
        /// The patch.
        patch: String,
        /// Why.
        source: LoadError,
    },
}

fn near_words(near: &[&str]) -> String {
    match near {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

fn lines(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    texts.join("\n")
}
