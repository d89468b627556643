//! What a packet looks like to the kernel, and that no reply harms the reader.

use proptest::prelude::{any, prop, proptest};

use super::*;

const LINE: &str = "aes-xts-plain64 :64:logon:keelblock:x 0 7:0 32768";

fn header(count: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    let size = u32::try_from(HEADER + data.len()).unwrap();
    put(&mut bytes, DATA_SIZE, &size.to_ne_bytes());
    put(&mut bytes, DATA_START, &312u32.to_ne_bytes());
    put(&mut bytes, TARGET_COUNT, &count.to_ne_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn ne(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// What `sizeof`, `offsetof` and the request numbers of `linux/dm-ioctl.h` are, printed by a C program.
#[test]
fn a_load_is_laid_out_as_the_kernel_reads_it() {
    let parameters = Secret::from(LINE.to_owned());
    let request = Request {
        uuid: "CRYPT-LUKS2-x",
        flags: flag::READ_ONLY | flag::SECURE_DATA,
        event: 0x004E_0000,
        target: Some(Target {
            sectors: 172_032,
            kind: "crypt",
            parameters: &parameters,
        }),
        ..Request::default()
    };
    let packet = request.encode(0).unwrap();
    let bytes = packet.expose();
    assert_eq!(
        bytes.len(),
        312 + 96,
        "40 of the line and its text, to a multiple of 8"
    );
    assert_eq!(u32_at(bytes, 0), Some(4), "major version");
    assert_eq!(u32_at(bytes, 12), Some(408), "data_size");
    assert_eq!(u32_at(bytes, 16), Some(312), "data_start");
    assert_eq!(u32_at(bytes, 20), Some(1), "target_count");
    assert_eq!(u32_at(bytes, 28), Some(0x8001), "flags");
    assert_eq!(u32_at(bytes, 32), Some(0x004E_0000), "event_nr");
    assert_eq!(text(&bytes[176..305]), "CRYPT-LUKS2-x");
    assert_eq!(u64_at(bytes, 312), Some(0), "sector_start");
    assert_eq!(u64_at(bytes, 320), Some(172_032), "length");
    assert_eq!(u32_at(bytes, 332), Some(96), "next");
    assert_eq!(text(&bytes[336..352]), "crypt");
    assert_eq!(text(&bytes[352..]), LINE);
    assert_eq!(
        nix::request_code_readwrite!(0xfd, Command::Load.number(), HEADER),
        0xC138_FD09
    );
}

#[test]
fn names_that_do_not_fit_are_refused_and_never_cut() {
    let long = "n".repeat(128);
    for (name, uuid) in [(long.as_str(), ""), ("", &*"u".repeat(129)), ("a\0b", "")] {
        let request = Request {
            name,
            uuid,
            ..Request::default()
        };
        assert_eq!(request.encode(0).map(drop), Err(PacketError::Name));
    }
}

#[test]
fn a_list_is_read_entry_by_entry() {
    let mut data = [0xFD00u64.to_ne_bytes().as_slice(), &ne(&[24]), b"one\0"].concat();
    data.resize(24, 0);
    data.extend([0xFD01u64.to_ne_bytes().as_slice(), &ne(&[0]), b"two\0"].concat());
    let bytes = header(0, &data);
    let devices = Reply::decode(&bytes).unwrap().devices().unwrap();
    assert_eq!(
        devices,
        [(0xFD00, "one".to_owned()), (0xFD01, "two".to_owned())]
    );
    // Linux 6.1 says 312 bytes in all when there is no device.
    for none in [header(0, &[]), header(0, &[0; 16])] {
        assert_eq!(Reply::decode(&none).unwrap().devices(), Ok(Vec::new()));
    }
}

#[test]
fn a_table_is_read_with_offsets_that_count_from_its_first_line() {
    let mut data = Vec::new();
    for next in [64u32, 128] {
        let at = data.len();
        data.extend(7u64.to_ne_bytes());
        data.extend(8u64.to_ne_bytes());
        data.extend(ne(&[0, next]));
        data.extend(b"linear\0\0\0\0\0\0\0\0\0\0");
        data.extend(b"7:0 2048\0");
        data.resize(at + 64, 0);
    }
    let bytes = header(2, &data);
    let lines = Reply::decode(&bytes).unwrap().table().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[1].start, lines[1].sectors), (7, 8));
    assert_eq!(lines[1].kind, "linear");
    assert_eq!(lines[1].parameters.expose(), b"7:0 2048");
    assert!(!format!("{lines:?}").contains("2048"), "may hold a key");
}

#[test]
fn versions_and_devices_below_are_read() {
    let bytes = header(0, &[ne(&[0, 1, 24, 0]), b"crypt\0\0\0".to_vec()].concat());
    let versions = Reply::decode(&bytes).unwrap().versions().unwrap();
    assert_eq!(versions, [("crypt".to_owned(), [1, 24, 0])]);
    let bytes = header(0, &[ne(&[1, 0]), 0x0700u64.to_ne_bytes().to_vec()].concat());
    assert_eq!(Reply::decode(&bytes).unwrap().deps(), Ok(vec![0x0700]));
}

#[test]
fn a_count_beyond_the_buffer_is_an_error_and_allocates_nothing() {
    let bytes = header(u32::MAX, &ne(&[u32::MAX, 0]));
    let reply = Reply::decode(&bytes).unwrap();
    assert!(reply.deps().is_err());
    assert!(reply.table().is_err());
}

#[test]
fn an_entry_that_points_at_itself_or_back_ends_the_reading() {
    let mut data = vec![0; 64];
    data.splice(20..24, ne(&[0]));
    let bytes = header(u32::MAX, &data);
    assert_eq!(Reply::decode(&bytes).unwrap().table().unwrap().len(), 1);
}

proptest! {
    #[test]
    fn no_reply_makes_the_reader_panic_or_loop(
        bytes in prop::collection::vec(any::<u8>(), 0..1024),
    ) {
        read_all(&bytes);
    }

    #[test]
    fn no_damaged_payload_makes_the_reader_panic_or_loop(
        count in any::<u32>(),
        words in prop::collection::vec(prop::sample::select(
            vec![0u32, 1, 7, 8, 12, 16, 24, 40, 64, 0xFD00, u32::MAX, u32::MAX - 7]), 0..64),
    ) {
        read_all(&header(count, &ne(&words)));
    }
}

fn read_all(bytes: &[u8]) {
    let Ok(reply) = Reply::decode(bytes) else {
        return;
    };
    drop(reply.devices());
    drop(reply.deps());
    drop(reply.table());
    drop(reply.versions());
    drop((reply.name(), reply.uuid(), reply.version()));
}
