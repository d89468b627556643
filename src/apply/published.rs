//! Whether the running kernel has taken over the partition table that is on the disk.

use std::io;

use crate::partitioner::gpt::{self, GptError};
use crate::target::partitions::{differences, of_table};
use crate::target::{BlockTarget, is_unplugged};

/// The table is on the disk, and the kernel goes by another one.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The disk went away, or cannot be read.
    #[error("the kernel cannot be asked for its partitions")]
    Io(#[source] io::Error),
    /// The table that was just written cannot be read.
    #[error("the table cannot be read")]
    Table(#[source] GptError),
    /// They differ.
    #[error("the kernel does not have the partitions of the new table: {found}")]
    Differs {
        /// In which way.
        found: String,
        /// Why the kernel did not take it over, if it said so.
        #[source]
        source: Option<io::Error>,
    },
}

/// Publishes the table of `target` and compares the kernel's partitions with it, start and size; returns what to say
/// of that in the receipt, if the kernel has partitions at all.
///
/// # Errors
/// [`PublishError`]; what the table says is on the disk all the same.
pub fn publish(target: &mut dyn BlockTarget) -> Result<Option<String>, PublishError> {
    let refused = match target.publish() {
        Ok(()) => None,
        Err(error) if is_unplugged(&error) => return Err(PublishError::Io(error)),
        Err(error) => Some(error),
    };
    // A target that failed for good does not say what the kernel has.
    let kernel = match (target.kernel_partitions(), refused) {
        (Ok(Some(kernel)), refused) => (kernel, refused),
        (Ok(None), None) => return Ok(None),
        (_, Some(error)) | (Err(error), None) => return Err(PublishError::Io(error)),
    };
    let (kernel, refused) = kernel;
    let read = gpt::read(target).map_err(PublishError::Table)?;
    let wanted = read.table().map(of_table).unwrap_or_default();
    let found = differences(&kernel, &wanted);
    if found.is_empty() {
        let count = wanted.len();
        return Ok(Some(format!(
            "the kernel has every partition of the table ({count})"
        )));
    }
    Err(PublishError::Differs {
        found: found.join("; "),
        source: refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partitioner::gpt::{Entry, Gpt};
    use crate::target::BlockSource;
    use crate::target::latched::Latched;
    use crate::target::partitions::Slot;
    use crate::target::testing::Memory;
    use crate::units::{BlockSize, Bytes, Extent, Geometry, Lba};

    /// A disk with a table of one partition, of which the kernel thinks something.
    #[derive(Debug)]
    struct Believed {
        disk: Memory,
        kernel: Option<Vec<Slot>>,
        refuses: Option<i32>,
    }

    fn one(extent: Extent) -> Slot {
        Slot { number: 1, extent }
    }

    fn disk(kernel: Option<Vec<Slot>>, refuses: Option<i32>) -> Believed {
        let mut disk = Memory::new(Bytes::mib(64), BlockSize::B512);
        let mut table = Gpt::new(disk.geometry(), crate::guid::Guid::LINUX_DATA).unwrap();
        let entry = Entry {
            type_guid: crate::guid::Guid::LINUX_DATA,
            guid: crate::guid::Guid::EFI_SYSTEM,
            first: Lba(2048),
            last: Lba(4095),
            attributes: 0,
            name: "one".parse().unwrap(),
        };
        table.insert(1, entry).unwrap();
        let encoded = table.encode();
        for (at, bytes) in [encoded.primary_entries, encoded.primary_header] {
            disk.put(at, &bytes);
        }
        disk.put(Bytes::ZERO, &gpt::protective_mbr(&[], disk.geometry()));
        Believed {
            disk,
            kernel,
            refuses,
        }
    }

    impl BlockSource for Believed {
        fn geometry(&self) -> Geometry {
            self.disk.geometry()
        }

        fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
            self.disk.read_exact_at(at, buf)
        }
    }

    impl BlockTarget for Believed {
        fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
            self.disk.write_all_at(at, buf)
        }

        fn zero(&mut self, extent: Extent) -> io::Result<()> {
            self.disk.zero(extent)
        }

        fn discard(&mut self, extent: Extent) -> io::Result<()> {
            self.disk.discard(extent)
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn publish(&mut self) -> io::Result<()> {
            self.refuses
                .map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
        }

        fn kernel_partitions(&self) -> io::Result<Option<Vec<Slot>>> {
            Ok(self.kernel.clone())
        }

        fn drop_caches(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_kernel_has_the_partitions_of_the_table_or_it_is_an_error() {
        let right = one(Extent::new(Bytes::MIB, Bytes::MIB));
        let said = publish(&mut disk(Some(vec![right]), None)).unwrap();
        assert_eq!(
            said.as_deref(),
            Some("the kernel has every partition of the table (1)")
        );
        assert_eq!(publish(&mut disk(None, None)).unwrap(), None);
        for wrong in [
            vec![],
            vec![one(Extent::new(Bytes::MIB, Bytes::new(512)))],
            vec![one(Extent::new(Bytes::mib(2), Bytes::MIB))],
        ] {
            let error = publish(&mut disk(Some(wrong), None)).unwrap_err();
            assert!(matches!(error, PublishError::Differs { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_kernel_that_refuses_is_asked_what_it_has() {
        let right = one(Extent::new(Bytes::MIB, Bytes::MIB));
        let mut busy = Latched::new(disk(Some(vec![]), Some(nix::libc::EBUSY)));
        let error = publish(&mut busy).unwrap_err();
        let PublishError::Differs { found, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!(found, "it does not have partition 1");
        assert_eq!(source.unwrap().kind(), io::ErrorKind::ResourceBusy);
        let mut same = disk(Some(vec![right]), Some(nix::libc::EBUSY));
        assert!(publish(&mut same).unwrap().is_some());
        let mut broken = disk(None, Some(nix::libc::EIO));
        let error = publish(&mut broken).unwrap_err();
        assert!(matches!(error, PublishError::Io(_)), "{error:?}");
    }
}
