//! Numbers, texts and UUIDs in superblocks. Bytes that are missing read as zero; text from a disk is made harmless.

/// `len` bytes from `at`, or nothing.
pub(crate) fn field(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    at.checked_add(len)
        .and_then(|end| bytes.get(at..end))
        .unwrap_or_default()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    field(bytes, at, N).try_into().unwrap_or([0; N])
}

pub(crate) fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

pub(crate) fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}

/// Text up to the first NUL without trailing blanks; control characters become U+FFFD, so that a label
/// cannot steer a terminal.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    harmless(&String::from_utf8_lossy(&bytes[..end]))
}

/// [`text`] of UTF-16 in little-endian order.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|unit| *unit != 0)
        .collect();
    harmless(&String::from_utf16_lossy(&units))
}

/// [`text`] of UTF-16 in big-endian order.
pub(crate) fn utf16_be(bytes: &[u8]) -> String {
    let swapped: Vec<u8> = bytes
        .chunks_exact(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    utf16(&swapped)
}

fn harmless(text: &str) -> String {
    text.trim_end()
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

/// A UUID in its usual text form; empty if all bytes are zero or missing.
pub(crate) fn uuid(bytes: &[u8]) -> String {
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) if bytes != [0; 16] => uuid::Uuid::from_bytes(bytes).as_hyphenated().to_string(),
        _ => String::new(),
    }
}

/// A FAT or exFAT volume number as `1A2B-3C4D`.
pub(crate) fn volume_number(bytes: &[u8], at: usize) -> String {
    let number = le32(bytes, at);
    if number == 0 {
        return String::new();
    }
    format!("{:04X}-{:04X}", number >> 16, number & 0xFFFF)
}
