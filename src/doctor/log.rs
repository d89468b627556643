//! Lines of the kernel log that point at a cause. Pure.
//!
//! Knows the kernel's own words (drivers/usb, drivers/scsi, block/blk-core.c, fs/xfs, fs/ext4, drivers/md/dm-crypt.c) and
//! nothing else: what it does not know, it does not judge.

use super::{Check, Gathered};
use crate::exit::Exit;

const TOPIC: &str = "kernel log";

/// Longer lines are cut in what is shown.
const LONGEST: usize = 200;

/// What a line says, by what is in it.
struct Sign {
    /// All of one of these have to be in the line.
    words: &'static [&'static [&'static str]],
    /// What it is called.
    what: &'static str,
    /// Whether data or the node are at risk.
    is_bad: bool,
    cause: &'static str,
    fix: &'static str,
}

/// Most telling first: a broken cable brings I/O errors, and those a broken filesystem.
const SIGNS: [Sign; 11] = [
    Sign {
        words: &[&["over-current"]],
        what: "a USB port ran out of current",
        is_bad: true,
        cause: "the port cannot feed what hangs on it",
        fix: "plug the disk into a powered hub or another port",
    },
    Sign {
        words: &[&["uas_eh_abort_handler"], &["uas_eh_device_reset_handler"]],
        what: "UAS gave up commands",
        is_bad: true,
        cause: "the disk's bridge or cable does not stand UAS",
        fix: "change cable and port; if it stays, add usb-storage.quirks=VENDOR:PRODUCT:u to the kernel arguments, with the ids that `keelblock probe` shows",
    },
    Sign {
        words: &[&["usb ", "reset ", "USB device number"]],
        what: "USB devices were reset",
        is_bad: false,
        cause: "the link of the device broke off: cable, port or current",
        fix: "change cable and port, and look whether it stops",
    },
    Sign {
        words: &[
            &["usb ", "device descriptor read", "error"],
            &["usb ", "device not accepting address"],
        ],
        what: "a USB device did not answer",
        is_bad: false,
        cause: "cable, port or current",
        fix: "change cable and port",
    },
    Sign {
        words: &[
            &["critical medium error"],
            &["Medium Error"],
            &["Unrecovered read error"],
        ],
        what: "a disk could not read its own medium",
        is_bad: true,
        cause: "the disk is failing",
        fix: "copy what is needed off it now, and replace it",
    },
    Sign {
        words: &[&["nvme", "I/O", "timeout"], &["nvme", "controller is down"]],
        what: "an NVMe disk did not answer",
        is_bad: true,
        cause: "its firmware hangs, often in a power state",
        fix: "add nvme_core.default_ps_max_latency_us=0 to the kernel arguments; if it stays, replace the disk",
    },
    Sign {
        words: &[&["I/O error, dev "], &["Buffer I/O error on dev"]],
        what: "reads or writes failed",
        is_bad: true,
        cause: "the disk, its cable, or it was pulled out",
        fix: "look at the lines before it in `dmesg`, change the cable, and check the disk with `keelblock inspect`",
    },
    Sign {
        words: &[
            &["XFS ", "orruption"],
            &["XFS ", "Metadata CRC error"],
            &["XFS ", "has been shut down"],
        ],
        what: "an XFS filesystem is damaged",
        is_bad: true,
        cause: "writes were lost or changed below it",
        fix: "`keelblock rescue` says how to open it; then run xfs_repair -n, and copy what is needed first",
    },
    Sign {
        words: &[&["EXT4-fs error"], &["EXT4-fs", "mounting fs with errors"]],
        what: "an ext4 filesystem is damaged",
        is_bad: true,
        cause: "writes were lost or changed below it",
        fix: "`keelblock rescue` says how to open it; then run e2fsck -n, and copy what is needed first",
    },
    Sign {
        words: &[
            &["device-mapper", "crypt", "rror"],
            &["dm-crypt", "rror"],
            &["LUKS", "rror"],
            &["luks", "failed"],
        ],
        what: "a sealed volume could not be opened",
        is_bad: true,
        cause: "a cipher that the kernel lacks, a key that is not the one, or a damaged header",
        fix: "`keelblock inspect -c NODE.yaml DISK` says whether header and keys fit",
    },
    Sign {
        words: &[
            &["GPT:", "not at the end"],
            &["GPT: Use GNU Parted"],
            &["Alternate GPT", "invalid"],
        ],
        what: "a partition table has a damaged copy",
        is_bad: false,
        cause: "the disk has another size than when it was laid out, or a copy was overwritten",
        fix: "`keelblock inspect DISK` says which; `keelblock repair` restores it from the good one",
    },
];

/// Devices without a medium of their own.
const VIRTUAL: [&str; 4] = ["loop", "ram", "zram", "dm-"];

/// What lines say that name a device without a medium, and those that name a disk which is not there.
const OTHERS: [Sign; 2] = [
    Sign {
        words: &[],
        what: "reads or writes failed on a loop device, a RAM disk or a mapping",
        is_bad: false,
        cause: "the file, the disk or the filesystem below it; no disk said so itself",
        fix: "look what it is made of: `losetup -l` and `dmsetup table`",
    },
    Sign {
        words: &[],
        what: "reads or writes failed on a disk that is not there now",
        is_bad: false,
        cause: "it was pulled out, or its link broke off",
        fix: "plug it in again if it is needed; if nobody pulled it out, change cable and port",
    },
];

/// Whose line it is, as far as it names a device that reads or writes failed on.
fn other(line: &str, disks: &[&str]) -> Option<usize> {
    let (_, rest) = line.split_once(" dev ")?;
    let ends = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '!');
    let name = rest.split(ends).next()?;
    let is_numbered = |kind: &&str| {
        let rest = name.strip_prefix(*kind);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if VIRTUAL.iter().any(is_numbered) {
        return Some(0);
    }
    let is_of = |disk: &&str| {
        let rest = name.strip_prefix(*disk);
        let rest = rest.map(|rest| rest.strip_prefix('p').unwrap_or(rest));
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // Where no disk could be told, every one may be there.
    (!disks.is_empty() && !disks.iter().any(is_of)).then_some(1)
}

/// Judges the log; `disks` are the paths of the disks that are there.
pub(super) fn check(
    here: &Gathered,
    disks: &[&str],
    checks: &mut Vec<Check>,
    not_looked_at: &mut Vec<String>,
) {
    let disks: Vec<&str> = disks
        .iter()
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    not_looked_at.extend(here.unread.iter().cloned());
    let Some(log) = &here.log else {
        if !here.unread.iter().any(|line| line.starts_with(TOPIC)) {
            not_looked_at.push(format!("{TOPIC}: there is none"));
        }
        return;
    };
    let mut matched = vec![(0_u32, ""); SIGNS.len() + OTHERS.len()];
    for line in log.lines().map(message) {
        // A CD drive without a disc and a floppy drive that is none say so all the time.
        if line.contains("dev sr") || line.contains("dev fd0") {
            continue;
        }
        let holds = |sign: &Sign| {
            sign.words
                .iter()
                .any(|all| all.iter().all(|word| line.contains(word)))
        };
        if let Some(at) = SIGNS.iter().position(holds) {
            let at = match other(line, &disks) {
                Some(other) => SIGNS.len() + other,
                None => at,
            };
            let (count, last) = &mut matched[at];
            *count = count.saturating_add(1);
            *last = line;
        }
    }
    let before = checks.len();
    for (sign, (count, last)) in SIGNS
        .iter()
        .chain(&OTHERS)
        .zip(matched)
        .filter(|(_, (count, _))| *count > 0)
    {
        let last: String = last.chars().take(LONGEST).collect();
        let times = if count == 1 {
            "once".to_owned()
        } else {
            format!("{count} times")
        };
        let found = format!("{}, {times}, last: {last}", sign.what);
        checks.push(match sign.is_bad {
            true => Check::bad(TOPIC, Exit::Io, found, sign.cause, sign.fix),
            false => Check::warn(TOPIC, found, sign.cause, sign.fix),
        });
    }
    if checks.len() == before {
        checks.push(Check::ok(
            TOPIC,
            "no line of it points at a disk, a cable or a filesystem",
        ));
    }
}

/// A line without level and time: `<6>[    1.23] text` of syslog(2), `6,123,456789,-;text` of /dev/kmsg.
fn message(line: &str) -> &str {
    let plain = match line.split_once(';') {
        Some((head, text))
            if head.split(',').count() >= 3 && head.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            text
        }
        _ => line,
    };
    let plain = plain
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .map_or(plain, |(_, text)| text);
    let timed = plain
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    match timed {
        Some((time, text)) if time.trim().starts_with(|c: char| c.is_ascii_digit()) => text,
        _ => plain,
    }
}
