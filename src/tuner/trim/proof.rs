//! The record of a test that passed, and whether it speaks for a drive. Pure.
//!
//! JSON, `keelblock/trim-proof/v1`. A proof is about one drive with one firmware behind one driver: another revision may
//! treat the command differently, and another bridge may not pass it on. The port does not matter.

use serde::{Deserialize, Serialize};

use super::subject::Subject;
use super::{Blocks, Verdict};
use crate::timestamp::Timestamp;
use crate::units::Extent;

/// The name and version of the record.
pub const SCHEMA: &str = "keelblock/trim-proof/v1";

/// What a test found out about a drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Proof {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of keelblock that made it.
    pub version: String,
    /// When the test ended, by the machine's clock.
    pub made: Timestamp,
    /// The drive.
    pub disk: Subject,
    /// Kernel release; for people, a proof holds under another one.
    pub kernel: String,
    /// `provisioning_mode` during the test, such as `unmap`; empty where there is none (NVMe, virtio).
    pub mode: String,
    /// What was written, unmapped and restored.
    pub range: Extent,
    /// How the blocks read that were unmapped on the granularity.
    pub reads: Option<Blocks>,
    /// What came of it.
    pub verdict: Verdict,
}

/// Why a proof says nothing about a drive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is of another version.
    #[error("its schema is {0:?}, not {SCHEMA}")]
    Schema(String),
    /// The test did not pass.
    #[error("the test did not pass: {}", .0.word())]
    Verdict(Verdict),
    /// The drive has nothing of its own that tells it from another.
    #[error("the drive has no id of its own, so it cannot be told whether it is the tested one")]
    Anonymous,
    /// The drive does not say which firmware it has.
    #[error("the drive does not say which firmware it has")]
    NoFirmware,
    /// A fact differs.
    #[error("{field} differs (tested: {tested:?}, found: {found:?})")]
    Differs {
        /// Which.
        field: &'static str,
        /// Its value then.
        tested: String,
        /// Its value now.
        found: String,
    },
}

/// Whether `proof` shows that unmapping is safe on `disk`, as it is connected now.
///
/// # Errors
/// [`Why`] not.
pub fn holds(proof: &Proof, disk: &Subject) -> Result<(), Why> {
    if proof.schema != SCHEMA {
        return Err(Why::Schema(proof.schema.clone()));
    }
    if proof.verdict != Verdict::Pass {
        return Err(Why::Verdict(proof.verdict));
    }
    if !proof.disk.is_known() || !disk.is_known() {
        return Err(Why::Anonymous);
    }
    let tested = &proof.disk;
    let mut facts = vec![("id", tested.id.clone(), disk.id.clone())];
    let identities = tested
        .identity
        .fields()
        .into_iter()
        .zip(disk.identity.fields());
    let moves = |field: &str| field == "bus_path";
    facts.extend(
        identities
            .filter(|((field, _), _)| !moves(field))
            .map(|((field, one), (_, other))| (field, one.to_owned(), other.to_owned())),
    );
    facts.push(("size", tested.size.to_string(), disk.size.to_string()));
    facts.push(("firmware", tested.firmware.clone(), disk.firmware.clone()));
    facts.push(("driver", tested.driver.clone(), disk.driver.clone()));
    if let Some((field, tested, found)) = facts.into_iter().find(|(_, one, other)| one != other) {
        return Err(Why::Differs {
            field,
            tested,
            found,
        });
    }
    match disk.firmware.is_empty() {
        true => Err(Why::NoFirmware),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::DiskIdentity;
    use crate::units::Bytes;

    fn t5() -> Subject {
        Subject {
            id: String::from("usb 04e8:61f5 1234568941AC"),
            identity: DiskIdentity {
                wwid: String::from("naa.5002538e00000000"),
                uuid: String::new(),
                serial: String::new(),
                model: String::from("Portable SSD T5"),
                usb: String::from("04e8:61f5 1234568941AC"),
                transport: String::from("usb"),
                bus_path: String::from("/pci0000:00/0000:00:14.0/usb2/2-3"),
            },
            size: 1_000_204_886_016,
            firmware: String::from("0"),
            driver: String::from("uas"),
        }
    }

    fn proof() -> Proof {
        Proof {
            schema: SCHEMA.to_owned(),
            version: String::from("0.1.0"),
            made: Timestamp::from_seconds(1_790_000_000),
            disk: t5(),
            kernel: String::from("6.12.117"),
            mode: String::from("unmap"),
            range: Extent::new(Bytes::mib(100), Bytes::mib(16)),
            reads: None,
            verdict: Verdict::Pass,
        }
    }

    #[test]
    fn a_proof_follows_its_drive_to_another_port_and_kernel() {
        let mut moved = t5();
        moved.identity.bus_path = String::from("/pci0000:00/0000:08:00.0/usb4/4-1");
        assert_eq!(holds(&proof(), &moved), Ok(()));
        let mut newer = proof();
        newer.kernel = String::from("7.3.4");
        assert_eq!(holds(&newer, &moved), Ok(()));
    }

    #[test]
    fn any_fact_of_the_drive_that_differs_ends_it() {
        type Change = fn(&mut Subject);
        let changes: [(&str, Change); 8] = [
            ("id", |disk| disk.id.push('x')),
            ("wwid", |disk| disk.identity.wwid.push('x')),
            ("serial", |disk| disk.identity.serial.push('x')),
            ("model", |disk| disk.identity.model.push('x')),
            ("usb", |disk| disk.identity.usb.push('x')),
            ("size", |disk| disk.size += 512),
            ("firmware", |disk| disk.firmware.push('1')),
            ("driver", |disk| "usb-storage".clone_into(&mut disk.driver)),
        ];
        for (name, change) in changes {
            let mut other = t5();
            change(&mut other);
            let why = holds(&proof(), &other).unwrap_err();
            assert!(
                matches!(why, Why::Differs { field, .. } if field == name),
                "{name}: {why}"
            );
        }
    }

    #[test]
    fn what_cannot_be_told_proves_nothing() {
        let mut nameless = proof();
        nameless.disk.id = String::from("path /pci0000:00/0000:00:14.0");
        assert_eq!(holds(&nameless, &nameless.disk), Err(Why::Anonymous));
        let mut twin = proof();
        twin.disk.id.push_str(" path /pci0000:00/0000:00:14.0");
        assert_eq!(holds(&twin, &twin.disk), Err(Why::Anonymous));
        let mut silent = proof();
        silent.disk.firmware.clear();
        assert_eq!(holds(&silent, &silent.disk), Err(Why::NoFirmware));
        for verdict in [
            Verdict::Ineffective,
            Verdict::Unsupported,
            Verdict::Dangerous,
        ] {
            let failed = Proof { verdict, ..proof() };
            assert_eq!(holds(&failed, &t5()), Err(Why::Verdict(verdict)));
        }
        let other = Proof {
            schema: String::from("keelblock/plan/v1"),
            ..proof()
        };
        assert!(matches!(holds(&other, &t5()), Err(Why::Schema(_))));
    }

    #[test]
    fn a_proof_survives_its_file() {
        let text = serde_json::to_string(&proof()).unwrap();
        assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof());
    }
}
