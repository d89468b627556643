//! Kinds of findings: their stable names, how much each weighs, and what it means.
//!
//! Pure data. CI settings name the codes, so none is ever renamed.

use crate::fleet::codes::codes;

codes! {
    meaning "What it means, in one sentence.",
    explanation "Why it is so and what to do, in a paragraph.";

    Syntax "syntax" Error
        "The line cannot be read, and is left out."
        "udev leaves out the whole rule when one of its pairs is wrong, and says so only in its log; sysctl leaves out the line. The rest of the file still counts."
    DoubtfulSyntax "doubtful-syntax" Warning
        "The line is read, but not as it is written."
        "udev takes some operators for others, passes over options that it does not know, and works through the pairs of a rule in an order of its own. `udevadm verify` says the same."
    ParentsDiffer "parents-differ" Error
        "The rule asks two different parents in one go, so it never matches."
        "All ATTRS, KERNELS, SUBSYSTEMS and DRIVERS of one rule have to hold for one and the same device of the chain. idVendor, idProduct and product belong to the USB device, bInterface* and the driver uas to its interface, model, vendor and rev to the SCSI device. Ask the USB ids alone, or jump: one rule for each parent with GOTO."
    WrongCase "wrong-case" Error
        "Upper and lower case differ from what the kernel writes, so the rule never matches."
        "udev compares letter by letter. Actions, subsystems, drivers and kernel names are in lower case; the hexadecimal digits of idVendor and idProduct too; property names such as ID_MODEL are in capitals. systemd 257 can compare with i\"…\", older ones cannot."
    NeverMatches "never-matches" Error
        "What is asked for cannot be true, so the rule does nothing."
        "Some values cannot occur: sysfs cuts the model of a SCSI disk to 16 characters and its vendor to 8, drivers are called usb-storage and not usb_storage, a block device has no idVendor of its own (ATTR looks at the device, ATTRS at its parents too)."
    NotAtBoot "not-at-boot" Error
        "The rule waits for a change event, which Talos does not trigger at boot."
        "Talos loads its rules and then triggers `add` for all devices. A rule for ACTION==\"change\" alone comes into force at the first change of the disk, if there is one. Ask for \"add|change\"."
    NoQueue "partition-has-no-queue" Error
        "The rule is for partitions, and a partition has no queue directory."
        "queue/ and bdi/ belong to the whole disk; a write below a partition fails and is logged. Match the disk: ENV{DEVTYPE}==\"disk\"."
    PartitionsToo "partitions-too" Note
        "The rule also runs for each partition, where its write fails."
        "KERNEL==\"sd*\" is also true of sda1. The failure does no harm but fills the log. Add ENV{DEVTYPE}==\"disk\"."
    UnreadProperty "unread-property" Warning
        "The property that is set is read by nothing."
        "ENV{ID_SSD} looks like a switch, but neither udev, nor the kernel, nor Talos or Kubernetes storage reads it. What tells an SSD from a hard disk is queue/rotational."
    OtherProperty "other-property" Warning
        "The property has another value on such a disk than the rule expects."
        "For a USB SSD behind a bridge that passes ATA commands on, udev runs ata_id first: ID_BUS is then ata, ID_VENDOR_ID and ID_MODEL_ID are unset. ID_USB_VENDOR_ID, ID_USB_MODEL_ID and ID_USB_DRIVER are always set."
    NoEffect "no-effect" Warning
        "The setting changes nothing."
        "It repeats the default, or the kernel does nothing with it on such a disk. A setting without effect hides the ones that matter, and some of them undo read_ahead_kb as they are written."
    NoEffectUnderUas "no-effect-under-uas" Warning
        "Under uas the setting changes nothing, and its write raises read_ahead_kb."
        "The driver uas reads from the disk that it does not spin, so rotational and add_random are 0 already. Under usb-storage they are not. Ask for the driver: DRIVERS==\"usb-storage\", or for the wrong value: ATTR{queue/rotational}==\"1\"."
    NeedsSwap "needs-swap" Note
        "Without swap the setting changes nothing."
        "vm.swappiness weighs swapping against dropping file pages. A node without swap can only do the latter."
    Harmful "harmful" Error
        "The value can lose data or stop the disk."
        "The kernel takes the value, and what it does then is not what a tuning is for; the finding says what."
    UnknownKnob "unknown-setting" Error
        "No kernel has this setting."
        "The file does not exist, so the write fails: udev logs it, sysctl reports it, Talos tries again for ever."
    Rejected "rejected-value" Error
        "The kernel refuses the value."
        "Queue attributes take plain decimal numbers within a range, others one of a few words. The old value stays."
    Rounded "rounded-value" Warning
        "The kernel makes another value of it."
        "The write succeeds, and another value is read back. Write what the kernel will have, so that what is wanted and what is found agree."
    ReadOnly "read-only" Error
        "The setting cannot be written."
        "The file only tells something. Opening it for writing fails, for root too."
    IgnoredValue "ignored-value" Warning
        "The write succeeds and changes nothing."
        "The kernel keeps the file for old programs, or passes over values that it does not know."
    UndoneByScheduler "undone-by-scheduler" Error
        "A later change of the scheduler sets this back."
        "Each change of queue/scheduler gives the queue the default of nr_requests and async_depth again. Write the scheduler first."
    ReadAheadUndone "read-ahead-undone" Error
        "A later write raises read_ahead_kb again."
        "Writes to rotational, add_random, iostats, stable_writes, max_sectors_kb, write_cache, discard_max_bytes and provisioning_mode make the kernel compute the queue's limits anew, with read-ahead at twice the optimal size that the disk reports: 65532 on a Samsung T5. Write read_ahead_kb last."
    BothLimits "both-dirty-limits" Error
        "Bytes and ratio of one limit are both set; the later one zeroes the other."
        "vm.dirty_bytes and vm.dirty_ratio are two forms of one limit, as are the background ones. Which is in force depends on the order of writing. Keep one form; bytes say the same on every machine."
    RatioOfMemory "ratio-of-memory" Note
        "The limit is a share of memory, so it grows with the machine."
        "5 % of 64 GiB are 3.2 GiB, eight seconds and more of writing on a USB SSD. vm.dirty_bytes and vm.dirty_background_bytes say what the disk can do."
    KernelName "kernel-name" Warning
        "The setting names a disk by its kernel name, which may be another disk's after the next boot."
        "sda is whichever disk came first. Talos writes machine.sysfs when the configuration changes and not when a disk is plugged in, so a disk that comes late keeps its defaults too. A udev rule that asks for the USB ids has neither fault."
    NarrowName "narrow-name" Note
        "The pattern misses disks beyond the 26th."
        "sd[a-z] is not true of sdaa. ENV{DEVTYPE}==\"disk\" tells disks from partitions without a pattern."
    NoPrograms "no-programs-on-talos" Error
        "Talos has no shell and no such program, so nothing runs."
        "Talos has neither /bin/sh nor systemctl; udev has only its own helpers. ATTR{…}=\"…\" writes an attribute without a program."
    NoShell "no-shell" Error
        "udev runs programs without a shell, so this is not done."
        "RUN and PROGRAM start a program with arguments; >, |, && and ; are arguments like any other. ATTR{…}=\"…\" writes an attribute without a program."
    RunWrites "program-writes-attribute" Note
        "A program is started to write an attribute that the rule can write itself."
        "ATTR{queue/x}=\"…\" writes at once and in order; RUN runs after all rules, so it comes after read_ahead_kb and may undo it."
    TwoRules "two-rules-in-one" Error
        "Talos joins the lines of one entry to one rule, so these two become one."
        "Within an entry of machine.udev.rules each newline becomes a continuation. The result asks everything at once and mostly never matches. Give each rule an entry of its own."
    Duplicate "duplicate" Warning
        "The same thing is set to the same value twice."
        "One of both can go; the later one counts."
    Shadowed "shadowed" Warning
        "A later line sets this to something else, so it has no effect."
        "udev works through the files in the order of their names and through each from top to bottom; sysctl likewise. In Talos a document wins over `machine`."
    Replaced "replaced" Warning
        "A UdevRulesConfig document takes the place of machine.udev as a whole."
        "Talos uses the rules of the document and none of machine.udev. Move all rules to one place."
    NoSuchArgument "no-such-argument" Warning
        "The kernel has passed over this argument for years."
        "elevator= went away with the single-queue block layer in 5.0; a udev rule sets the scheduler of a disk."
}

impl Code {
    /// The code of this name.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_that_leads_back_to_it() {
        for code in Code::ALL {
            assert_eq!(Code::by_word(code.word()), Some(*code));
            assert!(code.meaning().ends_with('.') && code.explanation().ends_with('.'));
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(code.word().bytes().all(plain), "{}", code.word());
        }
        assert_eq!(Code::by_word("nothing"), None);
    }
}
