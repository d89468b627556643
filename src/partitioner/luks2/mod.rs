//! LUKS2: bytes to types and back.
