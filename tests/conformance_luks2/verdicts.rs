//! Headers that were tampered with, with checksums that fit: keelblock and cryptsetup agree on which are valid.

use std::fs;

use keelblock::config::spec::Cipher;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use super::volume::{Volume, params};

/// Puts other metadata into both copies, with the checksum made to fit.
fn rewrite(image: &mut [u8], text: &[u8], pad: u8, sha512: bool) {
    for at in [0, 0x4000] {
        let copy = &mut image[at..at + 0x4000];
        copy[4096..].fill(pad);
        copy[4096..4096 + text.len()].copy_from_slice(text);
        copy[0x1C0..0x200].fill(0);
        if sha512 {
            copy[72..78].copy_from_slice(b"sha512");
            let sum = Sha512::digest(&*copy);
            copy[0x1C0..0x200].copy_from_slice(&sum);
        } else {
            let sum = Sha256::digest(&*copy);
            copy[0x1C0..0x1E0].copy_from_slice(&sum);
        }
    }
}

/// How keelblock's verdict on a header differs from cryptsetup's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not at all.
    Same,
    /// keelblock refuses the header, cryptsetup does not: the volume would be unusable or dangerous.
    HeaderRefused,
    /// Both take the header; cryptsetup opens the slot, although the header asks for something else than it does.
    NotOpened,
}

/// Places in the metadata, with what is put there; `null` takes the member out.
fn keyslot_mutations() -> Vec<(&'static str, Value, Verdict)> {
    use Verdict::{HeaderRefused, NotOpened, Same};
    let absent = Value::Null;
    vec![
        ("/keyslots/0/area/offset", json!(32768), Same),
        ("/keyslots/0/area/size", json!(258048), Same),
        ("/keyslots/0/area/size", json!("256000"), HeaderRefused),
        ("/keyslots/0/area/size", json!("253952"), HeaderRefused),
        ("/keyslots/0/area/offset", json!("16384"), Same),
        ("/keyslots/1/area/offset", json!("291328"), HeaderRefused),
        ("/keyslots/0/area/offset", json!("36864"), Same),
        ("/keyslots/0/area/offset", json!("16776704"), Same),
        ("/keyslots/0/area/offset", json!("-1"), Same),
        ("/keyslots/0/area/encryption", absent.clone(), Same),
        ("/keyslots/0/area/key_size", json!("64"), Same),
        ("/keyslots/0/key_size", absent.clone(), Same),
        ("/keyslots/0/key_size", json!(32), Same),
        ("/keyslots/0/af/stripes", json!(100), NotOpened),
        ("/keyslots/0/af/stripes", json!("4000"), Same),
        ("/keyslots/0/af/hash", absent.clone(), Same),
        ("/keyslots/0/kdf/type", json!("scrypt"), Same),
        ("/keyslots/0/kdf/memory", json!("256"), Same),
        ("/keyslots/0/kdf/memory", json!(512), Same),
        ("/keyslots/0/kdf/cpus", json!(3), Same),
        ("/keyslots/0/kdf/salt", absent.clone(), Same),
        ("/keyslots/0/type", json!("luks3"), Same),
        ("/keyslots/0/priority", json!(2), Same),
        ("/keyslots/0/unknown", json!("x"), Same),
        ("/keyslots/40", json!({"type": "x"}), Same),
        ("/keyslots/1/area/offset", json!("286720"), Same),
        ("/keyslots/1/area/offset", json!("32768"), Same),
        ("/keyslots/1/area/offset", json!("1048576"), Same),
    ]
}

/// The same for everything but keyslots.
fn other_mutations() -> Vec<(&'static str, Value, Verdict)> {
    use Verdict::{HeaderRefused, NotOpened, Same};
    let absent = Value::Null;
    vec![
        ("/segments/0/offset", json!(16777216), Same),
        ("/segments/0/offset", json!("16777728"), HeaderRefused),
        ("/segments/0/offset", json!("0"), Same),
        ("/segments/0/sector_size", json!("4096"), Same),
        ("/segments/0/sector_size", json!(520), Same),
        ("/segments/0/sector_size", json!(8192), HeaderRefused),
        ("/segments/0/iv_tweak", json!(0), Same),
        ("/segments/0/iv_tweak", absent.clone(), Same),
        ("/segments/0/size", json!("4194304"), Same),
        ("/segments/0/size", json!("1000"), Same),
        ("/segments/0/size", json!("all"), Same),
        ("/segments/0/encryption", absent.clone(), Same),
        ("/segments/0", absent.clone(), Same),
        ("/segments", absent.clone(), Same),
        ("/digests/0/keyslots", json!([]), Same),
        ("/digests/0/keyslots", json!([0]), Same),
        ("/digests/0/keyslots", json!(["0", "9"]), Same),
        ("/digests/0/segments", json!(["1"]), Same),
        ("/digests/0/iterations", json!(100), Same),
        ("/digests/0/digest", absent.clone(), HeaderRefused),
        ("/digests/0/digest", json!("AAAA"), NotOpened),
        ("/digests/0", absent.clone(), Same),
        ("/tokens", absent.clone(), Same),
        ("/tokens/0", json!({"type": "x", "keyslots": [0]}), Same),
        ("/tokens/0", json!({"type": "x"}), Same),
        ("/tokens/0", json!({"keyslots": []}), Same),
        ("/tokens/0", json!({"type": "x", "keyslots": ["7"]}), Same),
        (
            "/tokens/0",
            json!({"type": "x", "keyslots": ["0"], "a": {"b": [1, {"c": null}]}}),
            Same,
        ),
        (
            "/tokens/32",
            json!({"type": "x", "keyslots": []}),
            HeaderRefused,
        ),
        ("/config", absent.clone(), Same),
        ("/config/json_size", json!("16384"), Same),
        ("/config/json_size", json!(12288), Same),
        ("/config/keyslots_size", json!("16744000"), Same),
        ("/config/keyslots_size", json!("16748544"), Same),
        ("/config/keyslots_size", json!("258048"), Same),
        ("/config/keyslots_size", json!("4096"), Same),
        ("/config/flags", json!(["allow-discards"]), Same),
        ("/config/flags", json!("allow-discards"), Same),
        (
            "/config/requirements",
            json!({"mandatory": ["time-travel"]}),
            NotOpened,
        ),
        ("/config/requirements", json!({"mandatory": "x"}), Same),
        ("/unknown", json!({}), Same),
    ]
}

fn set(root: &mut Value, pointer: &str, value: Value) {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = root.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => assert!(parent.remove(member).is_some(), "{pointer}"),
        value => drop(parent.insert(member.to_owned(), value)),
    }
}

#[test]
fn keelblock_and_cryptsetup_agree_on_which_metadata_is_valid() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 4096), &[0, 1]);
    let image = fs::read(&volume.path).unwrap();
    let metadata = serde_json::to_value(&sealed.header.metadata).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for (pointer, value, verdict) in keyslot_mutations().into_iter().chain(other_mutations()) {
        let mut changed = metadata.clone();
        set(&mut changed, pointer, value.clone());
        let mut bytes = image.clone();
        rewrite(&mut bytes, changed.to_string().as_bytes(), 0, false);
        volume.put(0, &bytes);
        let valid = volume.found().header().is_some();
        let what = format!("{pointer} = {value}: {:?}", volume.found());
        assert_eq!(
            volume.is_valid() && verdict != Verdict::HeaderRefused,
            valid,
            "{what}"
        );
        assert_eq!(
            volume.is_valid(),
            valid || verdict == Verdict::HeaderRefused,
            "{what}"
        );
        let opens = volume.unlocks(0, 0);
        match verdict {
            Verdict::Same => assert_eq!(volume.opens(0, 0), opens, "{what}"),
            Verdict::HeaderRefused => assert!(!opens, "{what}"),
            Verdict::NotOpened => assert!(volume.opens(0, 0) && !opens, "{what}"),
        }
        *(if opens { &mut opened } else { &mut refused }) += 1;
    }
    assert!(
        opened >= 8 && refused >= 40,
        "{opened} opened, {refused} refused"
    );
}

/// Something done to an image.
type Change = Box<dyn Fn(&mut [u8])>;

/// The metadata replaced by `text`, in both copies.
fn text(text: impl Into<Vec<u8>>, pad: u8, sha512: bool) -> Change {
    let text = text.into();
    Box::new(move |image| rewrite(image, &text, pad, sha512))
}

/// A field of the binary part replaced in both copies.
fn field(json: &str, at: usize, value: impl Into<Vec<u8>>) -> Change {
    let (json, value) = (json.to_owned(), value.into());
    Box::new(move |image| {
        for copy in [0, 0x4000] {
            image[copy + at..copy + at + value.len()].copy_from_slice(&value);
        }
        rewrite(image, json.as_bytes(), 0, false);
    })
}

/// Bytes zeroed.
fn zeroed(range: std::ops::Range<usize>) -> Change {
    Box::new(move |image| image[range.clone()].fill(0))
}

/// What is done to a header, and whether it still opens.
fn header_cases(json: &str, pretty: &str) -> Vec<(&'static str, Change, bool)> {
    let size = |size: u64| field(json, 8, size.to_be_bytes());
    vec![
        ("unchanged", zeroed(0..0), true),
        ("the same again", text(json, 0, false), true),
        ("pretty", text(pretty, 0, false), true),
        ("sha512", text(json, 0, true), true),
        ("padded with blanks", text(json, b' ', false), false),
        ("padded with ones", text(json, 0xFF, false), false),
        (
            "junk behind the text",
            text(format!("{json}\0junk"), 0, false),
            false,
        ),
        ("no JSON", text("{", 0, false), false),
        ("no text", text("", 0, false), false),
        ("size of its text", size(5026), false),
        ("size 12288", size(12288), false),
        ("size 32768", size(32768), false),
        ("version 3", field(json, 6, [0, 3]), false),
        ("no UUID", field(json, 168, [0; 40]), true),
        ("both copies at 0", field(json, 256, [0; 8]), true),
        ("primary zeroed", zeroed(0..0x4000), true),
        ("secondary zeroed", zeroed(0x4000..0x8000), true),
        ("both zeroed", zeroed(0..0x8000), false),
        (
            "primary with the other magic",
            Box::new(|b| b.copy_within(0x4000..0x4006, 0)),
            true,
        ),
    ]
}

#[test]
fn keelblock_and_cryptsetup_agree_on_which_headers_are_valid() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 4096), &[0]);
    let image = fs::read(&volume.path).unwrap();
    let json = serde_json::to_string(&sealed.header.metadata).unwrap();
    let pretty = serde_json::to_string_pretty(&sealed.header.metadata).unwrap();
    for (name, change, opens) in header_cases(&json, &pretty) {
        let mut bytes = image.clone();
        change(&mut bytes);
        volume.put(0, &bytes);
        let ours = volume.unlocks(0, 0);
        assert_eq!((ours, volume.opens(0, 0)), (opens, opens), "{name}");
    }
}
