//! What rescue says of disks in memory: the next boot, the urgency of each verdict, and which keys open what.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test program"
)]

mod support;

use std::io;
use std::sync::LazyLock;

use keelblock::config::spec::Spec;
use keelblock::config::{self, Source};
use keelblock::guid::Guid;
use keelblock::inspect::trial::Trying;
use keelblock::partitioner::gpt;
use keelblock::probe::marker;
use keelblock::repair::diagnose;
use keelblock::rescue::next::{Place, Typed};
use keelblock::rescue::{self, Examined, Report, Severity, State};
use keelblock::target::BlockSource;
use keelblock::target::testing::Memory;
use keelblock::units::{Bytes, Extent, Geometry};
use support::lab::{CASES, Lab, UUID};

static SOUND: LazyLock<Memory> = LazyLock::new(|| {
    let lab = Lab::new(&CASES[4]);
    lab.record(&lab.plan).0
});

fn spec() -> Spec {
    let path = format!(
        "{}/examples/nodes/{}",
        env!("CARGO_MANIFEST_DIR"),
        CASES[4].config
    );
    #[allow(clippy::disallowed_methods, reason = "a test reads an example")]
    let text = std::fs::read_to_string(path).unwrap();
    let name = "node.yaml";
    config::parse(&[Source { name, text: &text }]).unwrap()
}

fn report(disks: &[(&str, &dyn BlockSource)], uuid: Option<&str>) -> Report {
    let spec = spec();
    let trying = Trying {
        spec: Some(&spec),
        uuid,
        memory: Bytes::GIB,
    };
    let examined: Vec<Examined> = disks
        .iter()
        .map(|(path, disk)| Examined {
            place: Place::Disk((*path).to_owned()),
            id: String::new(),
            usage: Vec::new(),
            state: State::Open(Box::new(rescue::examine(
                *disk,
                path,
                Some(&spec),
                Some(trying),
            ))),
        })
        .collect();
    let typed = Typed {
        config: vec!["node.yaml".into()],
        node: None,
        uuid: None,
    };
    rescue::report(&examined, Some(&spec), &typed)
}

fn of<'a>(report: &'a Report, volume: &str) -> &'a rescue::Finding {
    let mut all = report.findings.iter();
    all.find(|finding| finding.volume == volume)
        .unwrap_or_else(|| panic!("{volume}: {report:#?}"))
}

fn extent(name: &str) -> Extent {
    let found = gpt::read(&*SOUND).unwrap();
    let mut all = found.table().unwrap().partitions();
    let (_, entry) = all.find(|(_, entry)| entry.name.is(name)).unwrap();
    entry.extent(SOUND.geometry().logical).unwrap()
}

#[test]
fn a_sound_node_comes_up_and_has_nothing_to_type() {
    let report = report(&[("/dev/sda", &*SOUND)], Some(UUID));
    assert_eq!(report.boot, "Talos adopts what is there and comes up");
    assert!(
        report.findings.iter().all(|f| f.severity == Severity::Ok),
        "{report:#?}"
    );
    assert!(report.next().is_empty());
}

#[test]
fn two_disks_with_the_same_volumes_are_the_worst_news() {
    let report = report(&[("/dev/sda", &*SOUND), ("/dev/sdb", &*SOUND)], Some(UUID));
    assert!(
        report.boot.contains("/dev/sda and /dev/sdb have META"),
        "{}",
        report.boot
    );
    for volume in ["META", "STATE", "EPHEMERAL"] {
        let finding = of(&report, volume);
        assert_eq!(
            (finding.severity, finding.disk.as_str()),
            (Severity::Broken, ""),
            "{finding:?}"
        );
    }
}

#[test]
fn keys_of_another_machine_make_talos_hang_and_an_unknown_machine_leaves_it_open() {
    let other = report(
        &[("/dev/sda", &*SOUND)],
        Some("12345678-1234-5678-1234-567812345678"),
    );
    assert!(other.boot.contains("HANGS at STATE"), "{}", other.boot);
    let state = of(&other, "STATE");
    assert_eq!(state.severity, Severity::Broken);
    assert_eq!(state.next[0].to_string(), "keelblock reset --disk /dev/sda");
    let unknown = report(&[("/dev/sda", &*SOUND)], None);
    assert!(unknown.boot.contains("not tried"), "{}", unknown.boot);
    assert_eq!(of(&unknown, "STATE").severity, Severity::Unclear);
    assert!(of(&unknown, "STATE").cause.contains("--uuid"));
}

#[test]
fn damage_is_as_urgent_as_what_it_breaks() {
    let geometry = SOUND.geometry();
    let block = geometry.logical.bytes();
    let last = Bytes::new(geometry.size.get() - block.get());
    let (state, meta) = (extent("STATE"), extent("META"));
    for (at, severity, boot) in [
        (block, Severity::Broken, "sees no partitions on /dev/sda"),
        (last, Severity::Warning, "comes up"),
        (
            Bytes::new(meta.start.get() + 60),
            Severity::Warning,
            "comes up",
        ),
        // Talos reads both headers and refuses two that contradict each other.
        (
            Bytes::new(state.start.get() + 4200),
            Severity::Broken,
            "HANGS at STATE",
        ),
    ] {
        let mut disk = SOUND.clone();
        disk.put(at, &[0xA5; 32]);
        let report = report(&[("/dev/sda", &disk)], Some(UUID));
        assert!(report.boot.contains(boot), "{at}: {}", report.boot);
        let lines: Vec<String> = report.next().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines[0], "keelblock repair --disk /dev/sda",
            "{at}: {report:#?}"
        );
        let repair = |f: &&rescue::Finding| f.next.iter().any(|l| l.to_string() == lines[0]);
        assert_eq!(
            report.findings.iter().find(repair).unwrap().severity,
            severity,
            "{at}"
        );
        let sorted = report.findings.is_sorted_by_key(|finding| finding.severity);
        assert!(sorted, "{report:#?}");
    }
}

#[test]
fn an_interrupted_apply_comes_first_and_nothing_is_to_be_repaired() {
    let mut disk = SOUND.clone();
    disk.put(marker::MARKER_OFFSET, &marker::encode("a plan").unwrap());
    disk.put(Bytes::new(512), &[0; 512]);
    let report = report(&[("/dev/sda", &disk)], Some(UUID));
    assert!(
        report.boot.contains("interrupted on /dev/sda"),
        "{}",
        report.boot
    );
    let lines: Vec<String> = report.next().iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "keelblock apply --disk /dev/sda -c node.yaml");
    assert!(
        !lines.iter().any(|line| line.contains("repair")),
        "{lines:?}"
    );
}

#[test]
fn what_a_reset_has_begun_to_destroy_is_not_offered_to_an_apply() {
    let mut disk = SOUND.clone();
    disk.put(marker::MARKER_OFFSET, &marker::encode("a plan").unwrap());
    let mut table = gpt::read(&disk).unwrap().table().unwrap().clone();
    let mut all = table.partitions();
    let (number, _) = all.find(|(_, entry)| entry.name.is("STATE")).unwrap();
    drop(all);
    let mut entry = table.remove(number).unwrap();
    entry.name = "erasing STATE".parse().unwrap();
    entry.type_guid = Guid::KEELBLOCK_ERASING;
    table.insert(number, entry).unwrap();
    let bytes = table.encode();
    for (at, bytes) in [
        bytes.backup_entries,
        bytes.backup_header,
        bytes.primary_entries,
        bytes.primary_header,
    ] {
        disk.put(at, &bytes);
    }
    let report = report(&[("/dev/sda", &disk)], Some(UUID));
    let first = &report.findings[0];
    let what = "a reset of STATE was interrupted here (plan a plan)";
    assert_eq!(first.what, what, "{report:#?}");
    let lines: Vec<String> = report.next().iter().map(ToString::to_string).collect();
    assert!(
        lines[0].starts_with("keelblock reset --disk /dev/sda"),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("apply")),
        "{lines:?}"
    );
}

#[test]
fn without_any_disk_nothing_is_claimed() {
    assert!(report(&[], None).boot.contains("cannot be told"));
    let blank = Memory::new(Bytes::GIB, SOUND.geometry().logical);
    let report = report(&[("/dev/sda", &blank)], None);
    assert!(report.boot.contains("not installed"), "{}", report.boot);
}

/// A disk of which some bytes cannot be read.
#[derive(Debug)]
struct Scratched<'a> {
    disk: &'a Memory,
    bad: Extent,
}

impl BlockSource for Scratched<'_> {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        if Extent::new(at, Bytes::from(buf.len())).overlaps(self.bad) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.disk.read_exact_at(at, buf)
    }
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_repaired() {
    let (state, meta) = (extent("STATE"), extent("META"));
    let sector = |at: u64| Extent::new(Bytes::new(at), Bytes::new(512));
    let size = SOUND.geometry().size.get();
    for at in [
        0,
        512,
        1024,
        size - 512,
        state.start.get() + 4096,
        meta.start.get() + (300 << 10),
    ] {
        // Something else is damaged, too, and could be restored if all could be read.
        let mut disk = SOUND.clone();
        disk.put(Bytes::new(meta.start.get() + 60), &[0xA5; 3]);
        let disk = Scratched {
            disk: &disk,
            bad: sector(at),
        };
        let found = diagnose(&disk, None);
        let touched = found.repairs.iter().flat_map(|r| r.pieces());
        let mut touched = touched.filter(|piece| piece.extent().overlaps(disk.bad));
        assert!(touched.next().is_none(), "{at}");
        assert!(
            found.blocked.is_some() || !found.refusals.is_empty(),
            "{at}: {found:?}"
        );
        let report = report(&[("/dev/sda", &disk)], Some(UUID));
        let worst = report.findings[0].severity;
        assert!(worst <= Severity::Unclear, "{at}: {report:#?}");
    }
}
