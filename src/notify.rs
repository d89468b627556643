//! Tells the service manager how far a run is (`sd_notify`). Without one, nothing happens.
//!
//! Spec: sd_notify(3). One datagram of `KEY=VALUE` lines to the socket that `NOTIFY_SOCKET` names: a path, or with
//! an `@` in front an abstract name. Nothing that goes wrong here stops a run.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variable with the socket's name.
pub const VARIABLE: &str = "NOTIFY_SOCKET";

/// The service manager, if one wants to be told.
#[derive(Debug)]
pub struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// The one that started this process.
    pub fn current() -> Self {
        let connected = env::var_os(VARIABLE)
            .filter(|name| !name.is_empty())
            .map(connect);
        Self(connected.and_then(|result| {
            result
                .inspect_err(|error| tracing::warn!(%error, "{VARIABLE} names no usable socket"))
                .ok()
        }))
    }

    /// One line on what is being done, for `systemctl status`.
    pub fn status(&self, text: &str) {
        // A line ends the value.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.send(&format!("STATUS={text}"));
    }

    /// The work is done; units that are ordered behind this one may start.
    pub fn ready(&self, text: &str) {
        self.send("READY=1");
        self.status(text);
    }

    /// The start may take so much longer from now on.
    pub fn extend_timeout(&self, by: Duration) {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()));
    }

    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

fn connect(name: OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        Some((b'/', _)) => SocketAddr::from_pathname(&name)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold the work up.
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buf = [0; 256];
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let len = socket.recv(&mut buf).unwrap();
        String::from_utf8(buf[..len].to_vec()).unwrap()
    }

    fn told(name: OsString, listener: &UnixDatagram) -> Vec<String> {
        let manager = ServiceManager(Some(connect(name).unwrap()));
        manager.status("step 1 of 2:\nseal STATE");
        manager.extend_timeout(Duration::from_secs(2));
        manager.ready("done");
        (0..4).map(|_| received(listener)).collect()
    }

    #[test]
    fn the_service_manager_is_told_through_a_path_or_an_abstract_name() {
        let wanted = [
            "STATUS=step 1 of 2:seal STATE",
            "EXTEND_TIMEOUT_USEC=2000000",
            "READY=1",
            "STATUS=done",
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        assert_eq!(told(path.into(), &listener), wanted);
        let name = format!("keelblock-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(told(format!("@{name}").into(), &listener), wanted);
    }

    #[test]
    fn a_name_that_is_none_is_an_error() {
        for name in ["relative", "", "vsock:2:1"] {
            assert!(connect(name.into()).is_err(), "{name}");
        }
    }
}
