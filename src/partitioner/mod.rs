//! The partitioner: from configuration and selection to a plan, and the codecs for what goes onto a disk. Pure.

pub mod adopt;
pub mod binding;
pub mod content;
pub mod cost;
pub mod disk;
pub mod gpt;
pub mod kdf;
pub mod layout;
pub mod luks2;
pub mod meta;
pub mod planner;
pub mod remarks;
pub mod reset;
pub mod steps;
pub mod wanted;
pub mod wipe;
