//! The socket on which the kernel tells of devices that come, go and change (`NETLINK_KOBJECT_UEVENT`, netlink(7)).
//!
//! Only what the kernel itself sent counts: its port is 0 and its user is 0. udevd sends on another group, and anybody
//! may send to a socket's port. Never interprets a message.

#![expect(
    unsafe_code,
    reason = "netlink addresses and credentials have no safe form"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::libc;

/// The kernel's own messages; udevd's are in group 2.
const KERNEL_GROUP: u32 = 1;

/// Room for a storm: some ten thousand messages.
const BUFFER: c_int = 16 << 20;

/// Room for one struct ucred as a control message, in bytes.
const CONTROL: u8 = 64;

/// An open socket in the kernel's group.
#[derive(Debug)]
pub struct UeventSocket(OwnedFd);

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message of the kernel of so many bytes.
    Message(usize),
    /// A message of somebody else.
    Foreign,
    /// Messages were thrown away, or one was longer than the room for it.
    Lost,
    /// Nothing is there.
    Nothing,
}

impl UeventSocket {
    /// Opens one that does not block.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: the call takes three numbers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_KOBJECT_UEVENT) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor, and nobody else has it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.set(libc::SO_PASSCRED, 1)?;
        // Beyond the system's limit only with a privilege; up to it without.
        if socket.set(libc::SO_RCVBUFFORCE, BUFFER).is_err() {
            socket.set(libc::SO_RCVBUF, BUFFER)?;
        }
        socket.bind()?;
        Ok(socket)
    }

    fn set(&self, option: c_int, value: c_int) -> io::Result<()> {
        let len = u32::try_from(size_of::<c_int>()).map_err(io::Error::other)?;
        let at = (&raw const value).cast::<c_void>();
        // SAFETY: the kernel reads one int from `value`, which outlives the call.
        let done =
            unsafe { libc::setsockopt(self.0.as_raw_fd(), libc::SOL_SOCKET, option, at, len) };
        checked(done)
    }

    fn bind(&self) -> io::Result<()> {
        let mut address = nowhere();
        address.nl_groups = KERNEL_GROUP;
        let len = u32::try_from(size_of::<libc::sockaddr_nl>()).map_err(io::Error::other)?;
        let at = (&raw const address).cast::<libc::sockaddr>();
        // SAFETY: the kernel reads one address of this length, which outlives the call.
        let done = unsafe { libc::bind(self.0.as_raw_fd(), at, len) };
        checked(done)
    }

    /// Takes the next message into `buf`, without waiting for one.
    ///
    /// # Errors
    /// The kernel's, but for those that mean that something was lost.
    pub fn receive(&self, buf: &mut [u8]) -> io::Result<Received> {
        let mut sender = nowhere();
        // Aligned as the kernel wants control messages.
        let mut control = [0_u64; CONTROL as usize / 8];
        let mut piece = libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        // SAFETY: all zeros is a message header that names nothing.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = (&raw mut sender).cast();
        header.msg_namelen = u32::try_from(size_of_val(&sender)).map_err(io::Error::other)?;
        header.msg_iov = &raw mut piece;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        // The type of the length differs between C libraries.
        header.msg_controllen = CONTROL.into();
        // SAFETY: everything that the header points at outlives the call, with the lengths that stand in it.
        let count = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut header, 0) };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::EAGAIN) => Ok(Received::Nothing),
                Some(libc::ENOBUFS) => Ok(Received::Lost),
                _ => Err(error),
            };
        };
        if sender.nl_pid != 0 || user(&header) != Some(0) {
            return Ok(Received::Foreign);
        }
        if header.msg_flags & libc::MSG_TRUNC != 0 {
            return Ok(Received::Lost);
        }
        Ok(Received::Message(count))
    }

    /// The port that the kernel gave to this socket.
    ///
    /// # Errors
    /// The kernel's.
    pub fn port(&self) -> io::Result<u32> {
        let mut address = nowhere();
        let mut len = u32::try_from(size_of_val(&address)).map_err(io::Error::other)?;
        let at = (&raw mut address).cast::<libc::sockaddr>();
        // SAFETY: the kernel writes one address of at most this length.
        let done = unsafe { libc::getsockname(self.0.as_raw_fd(), at, &raw mut len) };
        checked(done)?;
        Ok(address.nl_pid)
    }
}

impl AsFd for UeventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The user who sent a message, as the kernel attests it.
fn user(header: &libc::msghdr) -> Option<u32> {
    // SAFETY: the kernel has filled in the control buffer and its length.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !at.is_null() {
        // SAFETY: it is the header of a control message inside the buffer.
        let message = unsafe { *at };
        if message.cmsg_level == libc::SOL_SOCKET && message.cmsg_type == libc::SCM_CREDENTIALS {
            // SAFETY: a control message of this type carries one struct ucred behind its header.
            let data = unsafe { libc::CMSG_DATA(at) };
            // SAFETY: as above; the place need not be aligned for it.
            let credentials = unsafe { data.cast::<libc::ucred>().read_unaligned() };
            return Some(credentials.uid);
        }
        // SAFETY: both are of the same message.
        at = unsafe { libc::CMSG_NXTHDR(header, at) };
    }
    None
}

fn nowhere() -> libc::sockaddr_nl {
    // SAFETY: all zeros is an address of no family.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    // The constant is 16.
    address.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap_or_default();
    address
}

fn checked(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `bytes` to `port` from a socket of our own.
    fn send(port: u32, bytes: &[u8]) {
        let from = UeventSocket::open().unwrap();
        let mut address = nowhere();
        address.nl_pid = port;
        let len = u32::try_from(size_of_val(&address)).unwrap();
        let at = (&raw const address).cast::<libc::sockaddr>();
        let fd = from.0.as_raw_fd();
        let data = bytes.as_ptr().cast::<c_void>();
        // SAFETY: the kernel reads `bytes` and the address, which outlive the call.
        let sent = unsafe { libc::sendto(fd, data, bytes.len(), 0, at, len) };
        assert_eq!(
            sent,
            isize::try_from(bytes.len()).unwrap(),
            "{}",
            io::Error::last_os_error()
        );
    }

    #[test]
    fn what_another_program_sends_is_not_taken_for_the_kernels() {
        let socket = UeventSocket::open().unwrap();
        let mut buf = [0; 64];
        send(
            socket.port().unwrap(),
            b"add@/devices/x/block/sda\0ACTION=add\0",
        );
        // The machine may say something in between.
        loop {
            match socket.receive(&mut buf).unwrap() {
                Received::Foreign => break,
                Received::Nothing => panic!("nothing came"),
                Received::Message(_) | Received::Lost => {}
            }
        }
    }
}
