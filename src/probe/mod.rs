//! The probe: reads a machine, says what it found and what it could not read.

mod content;
pub mod inventory;
pub mod marker;
mod signature;
#[cfg(test)]
mod sparse;

pub use content::inspect_source;
