//! The selector: which disk for each role, and why. Pure.

pub mod cel;
pub mod selection;
