//! The probe: reads a machine, says what it found and what it could not read.

pub mod inventory;
pub mod marker;
