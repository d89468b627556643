//! A key for the kernel alone: in the keyring of this thread, readable by nobody, gone when dropped.
//!
//! Spec: add_key(2), keyctl(2), keyrings(7). The type `logon` cannot be read back by user space.

#![expect(unsafe_code, reason = "add_key and keyctl have no safe form")]

use std::ffi::{CString, c_long};
use std::io;

use nix::errno::Errno;
use nix::libc;

use crate::secret::Secret;

/// `KEY_SPEC_THREAD_KEYRING`: the kernel looks here for a key that this thread asks for, and nobody else can.
const THREAD_KEYRING: c_long = -1;
/// `KEYCTL_UNLINK`.
const UNLINK: c_long = 9;

/// A key in the keyring of the thread that made it. Dropping it takes it out; the kernel then wipes it.
#[derive(Debug)]
pub struct LogonKey(c_long);

impl LogonKey {
    /// Adds `key` under `description`, which must have a prefix that ends with a colon.
    ///
    /// # Errors
    /// `ENOSYS` where the kernel has no keyrings, `EDQUOT` where the user has too many keys.
    pub fn add(description: &str, key: &Secret) -> io::Result<Self> {
        let description = CString::new(description)?;
        let bytes = key.expose();
        // SAFETY: both texts end with a NUL, `bytes` has the length that is given, and the kernel copies all three.
        let id = unsafe {
            libc::syscall(
                libc::SYS_add_key,
                c"logon".as_ptr(),
                description.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                THREAD_KEYRING,
            )
        };
        Ok(Self(Errno::result(id)?))
    }
}

impl Drop for LogonKey {
    fn drop(&mut self) {
        // SAFETY: the request takes two numbers. A key that is no longer there is what is wanted.
        unsafe { libc::syscall(libc::SYS_keyctl, UNLINK, self.0, THREAD_KEYRING) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KEYCTL_SEARCH`: finds a key as the kernel does for this thread.
    fn is_found(description: &str) -> bool {
        const SEARCH: c_long = 10;
        let description = CString::new(description).unwrap();
        // SAFETY: both texts end with a NUL and outlive the call.
        let found = unsafe {
            libc::syscall(
                libc::SYS_keyctl,
                SEARCH,
                THREAD_KEYRING,
                c"logon".as_ptr(),
                description.as_ptr(),
                0,
            )
        };
        found > 0
    }

    #[test]
    fn a_key_is_found_while_it_is_held_and_then_no_more() {
        let name = format!("keelblock:unit-{}", std::process::id());
        let key = LogonKey::add(&name, &Secret::new(vec![7; 64])).unwrap();
        assert!(is_found(&name));
        let other = name.clone();
        let asked = std::thread::spawn(move || is_found(&other));
        assert!(!asked.join().unwrap(), "another thread finds {name}");
        drop(key);
        assert!(!is_found(&name));
    }

    #[test]
    fn a_description_without_a_prefix_is_refused_by_the_kernel() {
        assert!(LogonKey::add("noprefix", &Secret::new(vec![7; 64])).is_err());
        assert!(LogonKey::add("a:nul\0", &Secret::new(vec![7; 64])).is_err());
    }
}
