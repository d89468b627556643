//! What Talos itself asks of a header before it opens a volume. Judges; never reads.
//!
//! Spec: `validateHeader` of siderolabs/go-blockdevice v2.0.32, `encryption/luks/header.go`.

use super::cipher::by_name;
use super::header::Header;
use super::metadata::{Kdf, Keyslot, Segment};

/// Every reason for which Talos would refuse the volume; empty if it would not.
pub fn talos_header_check(header: &Header) -> Vec<String> {
    let mut reasons = Vec::new();
    if header.metadata.keyslots.is_empty() {
        reasons.push(String::from("there are no keyslots"));
    }
    for (id, keyslot) in &header.metadata.keyslots {
        match keyslot {
            Keyslot::Other => reasons.push(format!("keyslot {id} is not of type luks2")),
            Keyslot::Luks2(keyslot) => {
                let encryption = &keyslot.area.encryption;
                if !is_known(encryption) {
                    reasons.push(format!("keyslot {id} is encrypted with {encryption:?}"));
                }
                match keyslot.kdf {
                    Kdf::Argon2id(_) | Kdf::Argon2i(_) => {}
                    Kdf::Pbkdf2 { .. } => reasons.push(format!("keyslot {id} uses pbkdf2")),
                    Kdf::Other => reasons.push(format!("keyslot {id} uses no argon2")),
                }
            }
        }
    }
    let segments = &header.metadata.segments;
    if segments.len() != 1 {
        reasons.push(format!("there are {} segments, not one", segments.len()));
    }
    match segments.get(&0) {
        None => reasons.push(String::from("there is no segment 0")),
        Some(Segment::Other) => reasons.push(String::from("segment 0 is not of type crypt")),
        Some(Segment::Crypt(segment)) => {
            if !is_known(&segment.encryption) {
                let encryption = &segment.encryption;
                reasons.push(format!("segment 0 is encrypted with {encryption:?}"));
            }
            if !segment.flags.is_empty() {
                reasons.push(format!("segment 0 has flags: {}", segment.flags.join(", ")));
            }
            if header.is_detached() {
                reasons.push(String::from("segment 0 starts at byte 0"));
            }
        }
    }
    reasons
}

fn is_known(encryption: &str) -> bool {
    by_name(encryption).is_some()
}
