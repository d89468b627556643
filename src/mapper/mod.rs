//! Opens sealed volumes for rescue, and closes them again.
//!
//! [`identity`], [`table`] and [`rules`] are pure: names, the line that the kernel gets, and whether it may get it.
//! [`unseal`] tries keys. [`kernel`] reads what the kernel has open. [`image`], [`activate`], [`node`] and [`mount`] change
//! it, and [`session`] undoes that when a later step fails. Never writes to a disk itself: what is opened read-only is
//! read-only in the loop device, in the mapping and in the mount.

pub mod activate;
pub mod identity;
pub mod image;
pub mod kernel;
pub mod mount;
pub mod node;
pub mod report;
pub mod rules;
pub mod session;
pub mod table;
pub mod unseal;
