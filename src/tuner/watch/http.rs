//! Answers `GET /metrics`, and nothing else. One thread, no blocking call: whoever waits for devices waits for this too.
//!
//! Spec: RFC 9112, of which every answer closes its connection. Requests, connections and their time are bounded.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use super::metrics::CONTENT_TYPE;

/// The longest request that is read; a scraper's has some hundred bytes.
const LONGEST: usize = 8192;

/// More connections wait to be accepted.
const MOST: usize = 16;

/// How long a connection may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It is no address.
    #[error("{0:?} is no address and port")]
    Address(String),
    /// The system refuses.
    #[error("cannot listen on {at}")]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The address that `text` means: `9100` and `:9100` are on the loopback device, for only who writes an address of
/// another one wants to be heard there. Names are none: what they mean may change.
///
/// # Errors
/// [`ServeError::Address`].
pub fn address(text: &str) -> Result<SocketAddr, ServeError> {
    let port = text.strip_prefix(':').unwrap_or(text).parse();
    let own = port.map(|port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    own.or_else(|_| text.parse())
        .map_err(|_| ServeError::Address(text.to_owned()))
}

/// The server and whoever is connected.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    /// What is still to be sent; `None` while the request is not whole.
    answer: Option<Vec<u8>>,
    until: Duration,
}

impl Server {
    /// Listens on `at`; port 0 is any free one.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub fn listen(at: SocketAddr) -> Result<Self, ServeError> {
        let listener = TcpListener::bind(at).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = listener.map_err(|source| ServeError::Listen { at, source })?;
        Ok(Self {
            listener,
            connections: Vec::new(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The descriptors to wait for, and for each whether for room to write rather than for something to read.
    pub fn waits(&self) -> Vec<(BorrowedFd<'_>, bool)> {
        // Without room for another connection it is left to wait, which costs no turn of the loop.
        let listener = (self.connections.len() < MOST).then(|| (self.listener.as_fd(), false));
        let open = self.connections.iter();
        let open = open.map(|one| (one.stream.as_fd(), one.answer.is_some()));
        listener.into_iter().chain(open).collect()
    }

    /// When the first connection has taken too long.
    pub fn next(&self) -> Option<Duration> {
        self.connections.iter().map(|one| one.until).min()
    }

    /// Goes on with everything that can go on. `metrics` is asked for when somebody wants it.
    pub fn step(&mut self, now: Duration, metrics: &dyn Fn() -> String) {
        while self.connections.len() < MOST {
            // Whatever the error is, the next one who knocks gets another try.
            let Ok((stream, _)) = self.listener.accept() else {
                break;
            };
            if stream.set_nonblocking(true).is_ok() {
                self.connections.push(Connection {
                    stream,
                    request: Vec::new(),
                    answer: None,
                    until: now + PATIENCE,
                });
            }
        }
        self.connections
            .retain_mut(|one| one.until > now && one.step(metrics));
    }
}

impl Connection {
    /// Whether it stays open.
    fn step(&mut self, metrics: &dyn Fn() -> String) -> bool {
        if self.answer.is_none() {
            match self.read() {
                Ok(None) => return true,
                Ok(Some(status)) => self.answer = Some(answer(status, metrics)),
                Err(_) => return false,
            }
        }
        self.write().unwrap_or(false)
    }

    /// Reads what is there; the status once the request is whole or will not do.
    fn read(&mut self) -> io::Result<Option<Status>> {
        let mut buf = [0; 1024];
        loop {
            let count = match self.stream.read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.request.extend_from_slice(&buf[..count]);
            if self.request.len() > LONGEST {
                return Ok(Some(Status::TooLong));
            }
            if self.request.windows(4).any(|end| end == b"\r\n\r\n") {
                return Ok(Some(status(&self.request)));
            }
        }
    }

    /// Writes what goes; whether something is left.
    fn write(&mut self) -> io::Result<bool> {
        let Some(answer) = &mut self.answer else {
            return Ok(true);
        };
        while !answer.is_empty() {
            match self.stream.write(answer) {
                Ok(0) => return Ok(false),
                Ok(count) => drop(answer.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    Bad,
    NotFound,
    NotAllowed,
    TooLong,
}

/// What the first line of a request asks for.
fn status(request: &[u8]) -> Status {
    let line = request
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else {
        return Status::Bad;
    };
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["GET", target, "HTTP/1.0" | "HTTP/1.1"] => {
            let path = target.split('?').next().unwrap_or_default();
            if path == "/metrics" {
                Status::Ok
            } else {
                Status::NotFound
            }
        }
        [_, _, "HTTP/1.0" | "HTTP/1.1"] => Status::NotAllowed,
        _ => Status::Bad,
    }
}

fn answer(status: Status, metrics: &dyn Fn() -> String) -> Vec<u8> {
    const PLAIN: &str = "text/plain; charset=utf-8";
    let (line, kind, body) = match status {
        Status::Ok => ("200 OK", CONTENT_TYPE, metrics()),
        Status::Bad => ("400 Bad Request", PLAIN, String::from("bad request\n")),
        Status::NotFound => (
            "404 Not Found",
            PLAIN,
            String::from("there is only /metrics\n"),
        ),
        Status::NotAllowed => ("405 Method Not Allowed", PLAIN, String::from("only GET\n")),
        Status::TooLong => (
            "431 Request Header Fields Too Large",
            PLAIN,
            String::from("too long\n"),
        ),
    };
    let allow = if status == Status::NotAllowed {
        "Allow: GET\r\n"
    } else {
        ""
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Shutdown;

    const NOW: Duration = Duration::from_secs(1);

    fn server() -> Server {
        Server::listen(address("0").unwrap()).unwrap()
    }

    fn connect(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.address().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    }

    /// Goes round until the server has closed the connection; what it said.
    fn said(server: &mut Server, stream: &mut TcpStream, body: &str) -> String {
        let mut all = Vec::new();
        let mut buf = [0; 4096];
        loop {
            server.step(NOW, &|| body.to_owned());
            match stream.read(&mut buf) {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&buf[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What we sent was more than it wanted to read.
                Err(_) => break,
            }
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_scraper_gets_the_metrics_however_its_request_comes_in_pieces() {
        let mut server = server();
        let mut stream = connect(&server);
        let body = "keelblock_tune_events_total 1\n".repeat(100_000);
        for piece in ["GET /met", "rics HTTP/1.1\r\nHost: x\r", "\n\r\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
            server.step(NOW, &|| {
                panic!("the request is not whole, or is the last piece")
            });
            if piece == "rics HTTP/1.1\r\nHost: x\r" {
                break;
            }
        }
        stream.write_all(b"\n\r\n").unwrap();
        let answer = said(&mut server, &mut stream, &body);
        let (head, found) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains(CONTENT_TYPE) && head.contains("Connection: close"),
            "{head}"
        );
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(found == body);
        assert!(server.connections.is_empty());
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!(
            "GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n",
            "x".repeat(LONGEST)
        );
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/../etc HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("GET /metrics\r\n\r\n", "400"),
            ("GET /metrics HTTP/2\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
            (&long, "431"),
        ] {
            let mut server = server();
            let mut stream = connect(&server);
            stream.write_all(request.as_bytes()).unwrap();
            let answer = said(&mut server, &mut stream, "x 1\n");
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:.40}: {answer}"
            );
        }
    }

    #[test]
    fn who_says_nothing_is_left_after_a_while_and_who_leaves_at_once() {
        let mut server = server();
        let silent = connect(&server);
        while server.connections.is_empty() {
            server.step(NOW, &String::new);
        }
        assert_eq!(server.next(), Some(NOW + PATIENCE));
        server.step(NOW + PATIENCE - Duration::from_millis(1), &String::new);
        assert_eq!(server.connections.len(), 1);
        server.step(NOW + PATIENCE, &String::new);
        assert!(server.connections.is_empty() && server.next().is_none());
        drop(silent);
        let leaver = connect(&server);
        while server.connections.is_empty() {
            server.step(NOW, &String::new);
        }
        leaver.shutdown(Shutdown::Both).unwrap();
        while !server.connections.is_empty() {
            server.step(NOW, &String::new);
        }
    }

    #[test]
    fn a_crowd_waits_outside() {
        let mut server = server();
        let crowd: Vec<TcpStream> = (0..MOST + 8).map(|_| connect(&server)).collect();
        for _ in 0..1000 {
            server.step(NOW, &String::new);
            assert!(server.connections.len() <= MOST);
        }
        assert_eq!(server.waits().len(), MOST, "the listener is not waited for");
        drop(crowd);
    }

    #[test]
    fn a_port_alone_is_on_the_loopback_device() {
        for (text, found) in [
            ("9100", "127.0.0.1:9100"),
            (":9100", "127.0.0.1:9100"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:9100", "[::1]:9100"),
            ("0.0.0.0:9100", "0.0.0.0:9100"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), found);
        }
        for text in ["", ":", "localhost:9100", "*:9100", "127.0.0.1", "70000"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
