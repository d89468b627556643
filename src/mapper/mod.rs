//! Opens sealed volumes for rescue, and closes them again.
//!
//! [`identity`], [`table`] and [`rules`] are pure: names, the line that the kernel gets, and whether it may get it.
//! [`kernel`] reads what the kernel has open; [`activate`] and [`mount`] change it. Never writes to a disk: what is
//! opened read-only is read-only in the loop device, in the mapping and in the mount.

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
