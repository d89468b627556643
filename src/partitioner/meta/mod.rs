//! Talos' META partition: bytes to types and back.
