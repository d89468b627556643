//! Whether machine and disks are the ones that a plan is for. Pure: compares facts, field by field.
//!
//! Size, block sizes and content are compared on the open target instead, by [`super::precondition`].

use std::fmt;

use crate::partitioner::binding;
use crate::plan::{DiskPlan, Plan};
use crate::probe::inventory::{Disk, Machine};

/// A fact that is not what it was when planning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Its name in the plan, such as `serial`.
    pub field: &'static str,
    /// Its value then.
    pub planned: String,
    /// Its value now.
    pub found: String,
}

impl Mismatch {
    fn between(field: &'static str, planned: &str, found: &str) -> Option<Self> {
        (planned != found).then(|| Self {
            field,
            planned: planned.to_owned(),
            found: found.to_owned(),
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &str| match value {
            "" => String::from("none"),
            value => value.to_owned(),
        };
        let (planned, found) = (shown(&self.planned), shown(&self.found));
        write!(f, "{} (planned: {planned}, found: {found})", self.field)
    }
}

/// What differs between this machine and the one that has the plan's disks. Nothing if the plan only writes images.
pub fn machine(plan: &Plan, found: &Machine) -> Vec<Mismatch> {
    let Some(host) = &plan.machine.host else {
        return Vec::new();
    };
    // A UUID that could not be read when planning binds to nothing; one that cannot be read now is none.
    let uuid = host.uuid.as_deref().and_then(|planned| {
        let found = found.uuid.as_deref().unwrap_or_default();
        Mismatch::between("machine uuid", planned, found)
    });
    let product = Mismatch::between("machine product", &host.product, &found.product);
    [uuid, product].into_iter().flatten().collect()
}

/// What differs between a disk and the one that was planned; its identity comes first.
pub fn disk(planned: &DiskPlan, found: &Disk) -> Vec<Mismatch> {
    let now = binding::identity(found);
    let id = Mismatch::between("disk id", &planned.id, &found.id);
    let path = Mismatch::between("path", &planned.path, &found.path);
    let pairs = planned.identity.fields().into_iter().zip(now.fields());
    let facts =
        pairs.filter_map(|((field, planned), (_, found))| Mismatch::between(field, planned, found));
    id.into_iter().chain(path).chain(facts).collect()
}
