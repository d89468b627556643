//! Why an apply did not finish.

use crate::apply::execute::StepError;
use crate::apply::precondition::PreconditionError;
use crate::apply::prepare::PrepareError;
use crate::apply::tables::TableError;
use crate::apply::verify::Difference;
use crate::partitioner::gpt::GptError;
use crate::partitioner::meta::MetaError;
use crate::plan::canonical::CanonicalError;

/// Why an apply did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan was changed by hand, or by what carried it.
    #[error("the plan is damaged")]
    Damaged(#[from] CanonicalError),
    /// The plan is from another keelblock.
    #[error("the plan was made by keelblock {0}, and this is {current}", current = env!("CARGO_PKG_VERSION"))]
    PlanVersion(String),
    /// The disk is not as it was.
    #[error("refusing to write {disk}")]
    Refused {
        /// Id and path.
        disk: String,
        /// Why.
        #[source]
        source: PreconditionError,
    },
    /// A volume that is to be kept does not open.
    #[error("refusing to go on with {disk}")]
    Lockout {
        /// Id and path.
        disk: String,
        /// Which.
        #[source]
        source: Difference,
    },
    /// The table cannot be built.
    #[error("cannot complete the partition table of {disk}")]
    Table {
        /// Id and path.
        disk: String,
        /// Why.
        #[source]
        source: TableError,
    },
    /// The table cannot be read.
    #[error("cannot read the partition table of {disk}")]
    ReadTable {
        /// Id and path.
        disk: String,
        /// Why.
        #[source]
        source: GptError,
    },
    /// META cannot be completed.
    #[error("cannot complete META on {disk}")]
    Meta {
        /// Id and path.
        disk: String,
        /// Why.
        #[source]
        source: MetaError,
    },
    /// META names another UUID than the one that keys derive from.
    #[error(
        "META on {disk} overrides the machine's UUID with {uuid}, and the keys were to derive from {planned}"
    )]
    UuidOverride {
        /// Id and path.
        disk: String,
        /// META's.
        uuid: String,
        /// The plan's.
        planned: String,
    },
    /// A disk cannot be read before anything is written.
    #[error("cannot read {disk}")]
    Read {
        /// Id and path.
        disk: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something could not be made in memory; nothing was written.
    #[error("nothing was written")]
    Prepare(#[from] PrepareError),
    /// A step failed; nothing was done after it.
    #[error("{disk} is unfinished; run the same again to finish it")]
    Step {
        /// Id and path.
        disk: String,
        /// Which.
        #[source]
        source: StepError,
    },
}
