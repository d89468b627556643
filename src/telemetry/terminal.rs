//! The last line of stderr, which is drawn over until a line of the log takes its place.
//!
//! Owns whether there is such a line. What it says is the caller's.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether stderr ends in a line that is to be drawn over.
static LINE: AtomicBool = AtomicBool::new(false);

/// Draws `text` over the last line of stderr, without ending it; the next line of the log takes its place.
pub fn draw_line(text: &str) {
    let mut stderr = io::stderr().lock();
    LINE.store(true, Ordering::Relaxed);
    // Nothing is left to tell it to if stderr is gone.
    drop(write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()));
}

/// Takes away what [`draw_line`] drew.
pub fn clear_line() {
    drop(clear(&mut io::stderr().lock()));
}

fn clear(stderr: &mut impl Write) -> io::Result<()> {
    if LINE.swap(false, Ordering::Relaxed) {
        stderr.write_all(b"\r\x1b[K")?;
    }
    Ok(())
}

/// stderr without the line that is drawn over.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        clear(&mut stderr)?;
        stderr.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
