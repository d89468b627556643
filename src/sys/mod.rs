//! The only place where unsafe code may stand: system calls, each wrapped into a safe function.
//! The file that needs it opens with `#![expect(unsafe_code, reason = "…")]`.

pub mod addresses;
pub mod block;
pub mod dm;
pub mod kernel_log;
pub mod keyring;
pub mod loopback;
pub mod memory;
pub mod netlink;
pub mod signals;
