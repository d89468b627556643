//! Standing in for the installer of a Talos installer image: what it is told, what it answers, what it leaves. Pure.
//!
//! Talos starts `/bin/installer` of the image that `machine.install.image` names, with the node's configuration on
//! standard input. The contract is that of Talos 1.8 to 1.14: `internal/pkg/install/install.go`,
//! `cmd/installer/cmd/installer`, `pkg/installer/exitcode`.

pub mod arguments;
pub mod code;
pub mod leftover;
pub mod next_boot;
