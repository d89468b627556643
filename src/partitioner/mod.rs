//! The partitioner: layouts, and the codecs for what goes onto a disk. Pure.

pub mod gpt;
pub mod luks2;
pub mod meta;
