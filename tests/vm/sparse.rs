//! Sparse files: copies and digests that cost what they hold, not what they could.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use sha2::{Digest as _, Sha256};

use super::tools::{Fallible, failed};

const CHUNK: usize = 1 << 16;

/// Opens an image to read and change it.
pub fn open(path: &Path) -> Fallible<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    file.map_err(failed(path.display()))
}

/// Makes `to` the same as `from`, in place: whoever has `to` open sees the new contents.
pub fn overwrite(from: &File, to: &File) -> io::Result<()> {
    let size = from.metadata()?.len();
    to.set_len(0)?;
    to.set_len(size)?;
    each_chunk(from, 0, size, &mut |at, bytes| to.write_all_at(bytes, at))
}

/// SHA-256 over what is not zero in a range, and where it lies. Where the holes are does not matter.
pub fn digest(file: &File, start: u64, length: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    each_chunk(file, start, start + length, &mut |at, bytes| {
        for (index, block) in bytes.chunks(512).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                hash.update((at + 512 * index as u64).to_le_bytes());
                hash.update(block);
            }
        }
        Ok(())
    })?;
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Calls `each` with every piece of a range that is no hole. Pieces start at multiples of 512 if the range does.
fn each_chunk(
    file: &File,
    start: u64,
    end: u64,
    each: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut at = start;
    while at < end {
        let data = match seek(file, at, Whence::SeekData)? {
            Some(data) if data < end => data,
            _ => return Ok(()),
        };
        let hole = seek(file, data, Whence::SeekHole)?.unwrap_or(end).min(end);
        at = data.max(at);
        while at < hole {
            let count = usize::try_from(hole - at).unwrap_or(CHUNK).min(CHUNK);
            file.read_exact_at(&mut buffer[..count], at)?;
            each(at, &buffer[..count])?;
            at += count as u64;
        }
    }
    Ok(())
}

fn seek(file: &File, at: u64, whence: Whence) -> io::Result<Option<u64>> {
    let at = i64::try_from(at).map_err(io::Error::other)?;
    match lseek(file.as_fd(), at, whence) {
        Ok(found) => Ok(Some(found.unsigned_abs())),
        // Nothing but holes up to the end.
        Err(Errno::ENXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_in_place_is_the_same_whatever_was_there() {
        let (from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        from.set_len(10 << 20).unwrap();
        from.write_all_at(b"far", 9 << 20).unwrap();
        to.write_all_at(&[7; 4096], 0).unwrap();
        overwrite(&from, &to).unwrap();
        let whole = |file: &File| digest(file, 0, 10 << 20).unwrap();
        assert_eq!(whole(&from), whole(&to));
        to.write_all_at(&[0; 4096], 4096).unwrap();
        assert_eq!(whole(&from), whole(&to));
        to.write_all_at(b"F", 9 << 20).unwrap();
        assert_ne!(whole(&from), whole(&to));
        assert_eq!(
            digest(&from, 0, 9 << 20).unwrap(),
            digest(&to, 0, 9 << 20).unwrap()
        );
    }
}
