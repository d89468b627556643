//! Targets that record, fail and lose power on purpose. Compiled for tests only.

mod crash;
mod faulty;
mod memory;
mod recorder;
mod shared;

pub use crash::{Crash, Survival};
pub use faulty::Faulty;
pub use memory::Memory;
pub use recorder::{Event, Recorder};
pub use shared::Shared;
