//! What is wrong with a node's disks, and what to type next.

pub mod next;
