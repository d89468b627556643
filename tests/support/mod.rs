//! What several test files need.

pub mod disks;
pub mod expressions;
pub mod talos;
