//! GUID partition tables: bytes to types and back.
