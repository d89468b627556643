//! The addresses of this machine's network interfaces, as getifaddrs(3) tells them. Never changes any.

#![expect(
    unsafe_code,
    reason = "the list is linked by raw pointers that have no safe form"
)]

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use nix::libc;

/// More addresses than this are left out.
const MOST: usize = 65_536;

/// Interface name, address, and the mask as leading ones, of every address of the namespace of this process.
///
/// # Errors
/// The kernel's.
pub fn addresses() -> io::Result<Vec<(String, IpAddr, u8)>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the call writes one pointer.
    let done = unsafe { libc::getifaddrs(&raw mut first) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let list = List(first);
    let mut found = Vec::new();
    let mut at = list.0;
    while !at.is_null() && found.len() < MOST {
        // SAFETY: a pointer of the list that getifaddrs made, which lives until `list` is dropped.
        let entry = unsafe { &*at };
        if let (Some(address), Some(mask)) = (ip(entry.ifa_addr), ip(entry.ifa_netmask)) {
            // SAFETY: the name of an entry is a string that lives as long as the list.
            let name = unsafe { CStr::from_ptr(entry.ifa_name) };
            found.push((name.to_string_lossy().into_owned(), address, ones(mask)));
        }
        at = entry.ifa_next;
    }
    Ok(found)
}

/// What getifaddrs allocated.
struct List(*mut libc::ifaddrs);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the pointer came from getifaddrs, and nobody frees it but this.
        unsafe { libc::freeifaddrs(self.0) }
    }
}

/// The address at `at`; `None` for another family than IPv4 and IPv6, and for none.
fn ip(at: *const libc::sockaddr) -> Option<IpAddr> {
    if at.is_null() {
        return None;
    }
    // SAFETY: every address of the list begins with its family.
    let family = i32::from(unsafe { (*at).sa_family });
    match family {
        libc::AF_INET => {
            // SAFETY: an address of this family has this shape; the place need not be aligned for it.
            let v4 = unsafe { at.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family has this shape; the place need not be aligned for it.
            let v6 = unsafe { at.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(v4) => v4.to_bits().leading_ones(),
        IpAddr::V6(v6) => v6.to_bits().leading_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_the_loopback_address_if_it_has_any() {
        let found = addresses().unwrap();
        let loopback = (String::from("lo"), IpAddr::from(Ipv4Addr::LOCALHOST), 8);
        assert!(found.is_empty() || found.contains(&loopback), "{found:?}");
        for (name, address, mask) in found {
            assert!(!name.is_empty());
            assert!(mask <= if address.is_ipv4() { 32 } else { 128 });
        }
    }
}
