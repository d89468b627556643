//! Selectors are read as Talos reads them: accepted or refused alike, and of the same disks.
//!
//! The judge is Talos' own machinery at the version in `tests/talos/go.mod`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests"
)]

#[path = "support/disks.rs"]
mod disks;
#[path = "support/expressions.rs"]
mod expressions;
#[path = "support/talos.rs"]
mod talos;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use keelblock::config;
use keelblock::config::spec::{DiskSelector, Install, InstallTarget, Location, Spec};
use keelblock::probe::inventory::{Inventory, Machine, TalosDisk};
use keelblock::selector::cel::{Env, Expression, TalosVolume};
use keelblock::selector::selection::{Outcome, Role};
use keelblock::selector::{Request, legacy, select};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::disks::{blank, talos_disks};
use self::expressions::boolean;
use self::talos::{Answer, Judge};

/// Together with [`LEGACY_CASES`] the 5,000 pairs that every run compares.
const CEL_CASES: u32 = 6000;
const LEGACY_CASES: u32 = 1500;

/// How many expressions were accepted and refused, and how many disks matched, so that the generator
/// cannot quietly lose its teeth.
static SEEN: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

static JUDGE: LazyLock<Mutex<Judge>> = LazyLock::new(|| Mutex::new(Judge::start()));

fn ask(request: &Value) -> Answer {
    JUDGE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .ask(request)
}

/// The seed is fixed, so that a failure can be repeated; `PROPTEST_RNG_SEED` asks for another.
fn proptest_config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: match std::env::var("PROPTEST_RNG_SEED") {
            Ok(_) => ProptestConfig::default().rng_seed,
            Err(_) => proptest::test_runner::RngSeed::Fixed(14_0000),
        },
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    }
}

fn install(target: InstallTarget) -> Spec {
    Spec {
        install: Some(Install {
            at: Location::default(),
            target,
            wipe: false,
            wipe_explicit: false,
            image: None,
            legacy_bios: false,
        }),
        ..Spec::default()
    }
}

fn inventory(disks: &[TalosDisk]) -> Inventory {
    Inventory {
        schema: String::new(),
        machine: Machine::default(),
        disks: disks.iter().cloned().map(blank).collect(),
        notes: Vec::new(),
    }
}

/// Whether there is no room for the layout on `disk`, where Talos finds out after it has wiped it.
fn is_too_small(role: &Role, disk: &TalosDisk) -> bool {
    let mut verdicts = role.verdicts.iter();
    let verdict = verdicts.find(|v| v.disk == disk.dev_path).unwrap();
    let mut checks = verdict.checks.iter();
    let room = checks.find(|check| check.check == "room").unwrap();
    if disk.size < 2 << 30 || disk.size > 8 << 30 {
        assert_eq!(room.pass, disk.size > 8 << 30, "{} bytes", disk.size);
    }
    !room.pass
}

/// `select` takes the only match, refuses where Talos would take the first of several or give up or where the disk is
/// too small, and has none where Talos has none.
fn compare_selection(spec: &Spec, disks: &[TalosDisk], answer: &Answer) {
    let results = answer.results.as_deref().unwrap_or_default();
    let matched: Vec<&TalosDisk> = disks
        .iter()
        .zip(results)
        .filter(|(_, result)| result.matched)
        .map(|(disk, _)| disk)
        .collect();
    let selection = select(spec, &inventory(disks), &Request::default());
    let role = selection.role("install").unwrap();
    let failed = results.iter().any(|result| !result.error.is_empty());
    let wanted = match &*matched {
        _ if failed => Outcome::Refused,
        [] => Outcome::None,
        [only] if only.readonly || only.cdrom => Outcome::Refused,
        [only] if is_too_small(role, only) => Outcome::Refused,
        [_] => Outcome::Selected,
        _ => Outcome::Refused,
    };
    assert_eq!(role.outcome, wanted, "{role:#?}");
    if wanted == Outcome::Selected {
        assert_eq!(role.disk.as_deref(), Some(&*matched[0].dev_path));
    }
    if !failed && matched.len() > 1 {
        let first = matched
            .iter()
            .map(|disk| disk.dev_path.as_str())
            .min()
            .unwrap();
        let said = format!("Talos would take {first} ");
        assert!(role.reason.contains(&said), "{}", role.reason);
    }
}

/// What the Go engine reads and ours says it does not.
fn is_known_gap(message: &str) -> bool {
    message.contains("is not supported")
}

fn compare_expression(text: &str, disks: &[TalosDisk], system: Option<usize>) {
    let system_disk = system.map(|at| (0..disks.len()).map(|i| i == at).collect::<Vec<_>>());
    let answer = ask(&json!({
        "env": "disk", "text": text, "disks": disks, "system_disk": system_disk,
    }));
    let expression = match Expression::parse(text, Env::Disk) {
        Err(error) if is_known_gap(&error.message) => return,
        Err(error) => {
            assert!(!answer.error.is_empty(), "refused here: {error}\n{text}");
            SEEN[1].fetch_add(1, Ordering::Relaxed);
            return;
        }
        Ok(expression) => expression,
    };
    assert!(
        answer.error.is_empty(),
        "accepted here: {text}\n{}",
        answer.error
    );
    SEEN[0].fetch_add(1, Ordering::Relaxed);
    let results = answer.results.as_deref().unwrap_or_default();
    for (i, (disk, result)) in disks.iter().zip(results).enumerate() {
        let found = expression.matches_disk(disk, system.map(|at| at == i));
        match &found {
            Err(error) => assert!(!result.error.is_empty(), "error here: {error}\n{text}"),
            Ok(found) => {
                assert!(
                    result.error.is_empty(),
                    "error there: {}\n{text}",
                    result.error
                );
                assert_eq!(*found, result.matched, "{text}\n{disk:?}");
                SEEN[2].fetch_add(u32::from(*found), Ordering::Relaxed);
            }
        }
        let checks = expression.explain_disk(disk, system.map(|at| at == i));
        let all = checks.iter().all(|check| check.pass);
        assert_eq!(found == Ok(true), all, "{text}\n{checks:#?}");
    }
}

/// A `diskSelector` as a configuration has it, with sizes that are not all readable.
fn legacy_selector() -> impl Strategy<Value = Value> {
    let part = |choices: &'static [&'static str]| prop::sample::select(choices);
    let ops = part(&[
        "", "==", ">=", "<=", ">", "<", " >=", "< ", "=", "!=", "=>", ">>",
    ]);
    let numbers = part(&[
        "0",
        "1",
        "1073741824",
        "64",
        "1.5",
        "1_000",
        "1,000.2",
        "1000204886016",
        "18446744073709549568",
        "18446744073709551615",
        "-1",
        "1.2.3",
        ".5",
        "5.",
        "",
        "0x10",
    ]);
    let units = part(&[
        "", "", "", "B", "kB", " MB", "GB", "gib", "TB", " TiB", "Ki", "g", "EB", "e", "%", "GBs",
        " G B",
    ]);
    let size = (ops, part(&["", " "]), numbers, units)
        .prop_map(|(op, gap, number, unit)| format!("{op}{gap}{number}{unit}"));
    let pattern = || {
        part(&[
            "*",
            "APPLE*",
            "*T5",
            "S1",
            "S[0-9]",
            "naa.*",
            "a\"b\\",
            "/pci*",
            "*\t\u{1}ü\u{200b}",
            "APPLE SSD SM0128G",
            "*ata*",
            "",
        ])
    };
    let fields = [
        "model", "serial", "modalias", "uuid", "wwid", "busPath", "name",
    ];
    let globs = prop::collection::vec(prop::option::weighted(0.2, pattern()), fields.len());
    let kinds = part(&["ssd", "hdd", "nvme", "sd", "", "SSD", "usb"]);
    (
        prop::option::of(size),
        globs,
        prop::option::weighted(0.4, kinds),
    )
        .prop_map(move |(size, globs, kind)| {
            let mut selector = serde_json::Map::new();
            selector.extend(size.map(|size| ("size".to_owned(), size.into())));
            selector.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
            for (field, glob) in fields.iter().zip(globs) {
                // Most names are refused, so only few selectors have one.
                let glob = glob.filter(|glob| *field != "name" || glob.len() < 2);
                selector.extend(glob.map(|glob| ((*field).to_owned(), glob.into())));
            }
            Value::Object(selector)
        })
}

/// The selector as keelblock reads it; `None` if it refuses.
fn read_selector(selector: &Value) -> Option<DiskSelector> {
    let text = json!({"machine": {"install": {"diskSelector": selector}}}).to_string();
    let source = config::Source {
        name: "node.yaml",
        text: &text,
    };
    match config::parse(&[source]).ok()?.install?.target {
        InstallTarget::Selector(selector) => Some(selector),
        other => panic!("{other:?}"),
    }
}

#[test]
fn expressions_are_accepted_and_match_as_in_talos() {
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(CEL_CASES));
    let cases = (boolean(3), talos_disks(4), prop::option::of(0..4usize));
    runner
        .run(&cases, |(text, disks, system)| {
            compare_expression(&text, &disks, system);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let [accepted, refused, matched] = SEEN.each_ref().map(|n| n.load(Ordering::Relaxed));
    println!("{accepted} accepted, {refused} refused, {matched} matches");
    assert!(accepted > CEL_CASES / 2 && refused > CEL_CASES / 20 && matched > CEL_CASES / 4);
}

#[test]
fn an_expression_selects_the_only_disk_that_talos_would_find() {
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(CEL_CASES / 4));
    let cases = (boolean(2), talos_disks(4));
    runner
        .run(&cases, |(text, disks)| {
            let Ok(expression) = Expression::parse(&text, Env::Disk) else {
                return Ok(());
            };
            // While Talos is installed, no disk is the system disk.
            let answer = ask(&json!({
                "env": "disk", "text": text, "disks": disks, "system_disk": vec![false; disks.len()],
            }));
            compare_selection(&install(InstallTarget::Expression(expression)), &disks, &answer);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn disk_selectors_are_read_print_and_match_as_in_talos() {
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(LEGACY_CASES));
    let [accepted, refused] = [const { AtomicU32::new(0) }; 2];
    runner
        .run(&(legacy_selector(), talos_disks(4)), |(written, disks)| {
            let answer = ask(&json!({
                "env": "disk", "legacy": written, "disks": disks,
                "system_disk": vec![false; disks.len()],
            }));
            let Some(selector) = read_selector(&written) else {
                assert!(!answer.error.is_empty(), "refused here: {written}");
                refused.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            };
            assert!(
                answer.error.is_empty(),
                "accepted here: {written}\n{}",
                answer.error
            );
            accepted.fetch_add(1, Ordering::Relaxed);
            assert_eq!(legacy::expression(&selector), answer.printed);
            let results = answer.results.as_deref().unwrap_or_default();
            for (disk, result) in disks.iter().zip(results) {
                assert_eq!(legacy::matches(&selector, disk), result.matched, "{disk:?}");
            }
            compare_selection(&install(InstallTarget::Selector(selector)), &disks, &answer);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
    assert!(
        accepted > LEGACY_CASES / 4 && refused > LEGACY_CASES / 10,
        "{accepted} accepted, {refused} refused"
    );
}

/// Disks that every expression of the wide comparison is asked of, and expressions, together the 50,000 pairs.
const WIDE_DISKS: usize = 12;
const WIDE_CASES: u32 = 4500;

fn wide() -> impl Strategy<Value = (String, Vec<TalosDisk>)> {
    let path = prop::sample::select(vec!["/dev/sda", "/dev/sdb", "/dev/nvme0n1"]);
    let disk = path.prop_flat_map(|path| disks::talos_disk(path.to_owned()));
    (boolean(3), prop::collection::vec(disk, 0..=WIDE_DISKS * 2))
}

#[test]
fn fifty_thousand_pairs_of_expression_and_disk_agree_with_talos() {
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(WIDE_CASES));
    let pairs = AtomicU32::new(0);
    runner
        .run(&wide(), |(text, disks)| {
            compare_expression(&text, &disks, None);
            pairs.fetch_add(u32::try_from(disks.len()).unwrap(), Ordering::Relaxed);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let pairs = pairs.into_inner();
    println!("{pairs} pairs");
    assert!(pairs >= 50_000, "{pairs} pairs");
}

/// A disagreement is of use only if a person can read it: a reader with a planted mistake, for which no case counts in
/// models, is caught, and what is left of expression and disks is about that mistake alone.
#[test]
fn a_disagreement_shrinks_to_one_disk_and_a_short_expression() {
    let misread = |disk: &TalosDisk| TalosDisk {
        model: disk.model.to_lowercase(),
        ..disk.clone()
    };
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(WIDE_CASES));
    let failed = runner.run(&wide(), |(text, disks)| {
        let answer = ask(&json!({
            "env": "disk", "text": text, "disks": disks, "system_disk": vec![false; disks.len()],
        }));
        let Ok(expression) = Expression::parse(&text, Env::Disk) else {
            return Ok(());
        };
        for (disk, theirs) in disks.iter().zip(answer.results.unwrap_or_default()) {
            let ours = expression.matches_disk(&misread(disk), Some(false));
            prop_assert!(ours.is_err() || ours == Ok(theirs.matched));
        }
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, (text, disks))) = failed else {
        panic!("the planted mistake was not found: {failed:?}");
    };
    assert_eq!(disks.len(), 1, "{disks:?}");
    assert!(text.contains("disk.model") && text.len() <= 60, "{text}");
}

/// A valid expression with one place broken: the grammar's borders are where readers differ.
#[test]
fn damaged_expressions_are_accepted_or_refused_as_in_talos() {
    const BITS: &[&str] = &[
        "",
        " ",
        "(",
        ")",
        "!",
        "!!",
        "-",
        "--",
        "'",
        "\"",
        "`",
        ".",
        "..",
        ",",
        "u",
        "U",
        "0x",
        "e3",
        "1",
        "&&",
        "||",
        "?",
        ":",
        "[",
        "]",
        "{",
        "}",
        "in",
        " in ",
        "//",
        "\n",
        "\\",
        "\\x4",
        "r'",
        "b'",
        "'''",
        "as",
        "true",
        "null",
        "@",
        "#",
        "=",
        "==",
        "&",
        "|",
        "ü",
        "\u{0}",
        "_",
        "\t",
        "has(",
        ".exists(x, ",
        ".all(",
        "1.",
        ".5",
        "1e",
        "08",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551616u",
        "0xffffffffffffffffffu",
        "while",
        ".disk",
        "disk.`size`",
        "{1: 2}",
        "[,]",
        "[1,]",
        "{,}",
        "(,)",
        "disk{}",
        "x",
        "\\u00e",
        "'\\q'",
        "'\\777'",
        "b'\\u0041'",
        "'\\U0001F600'",
    ];
    let mut runner = proptest::test_runner::TestRunner::new(proptest_config(CEL_CASES / 2));
    let cases = (
        boolean(1),
        any::<prop::sample::Index>(),
        0..4usize,
        prop::sample::select(BITS),
    );
    runner
        .run(&cases, |(text, at, cut, bit)| {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let end = (at + cut).min(chars.len());
            let damaged: String = chars[..at]
                .iter()
                .copied()
                .chain(bit.chars())
                .chain(chars[end..].iter().copied())
                .collect();
            compare_expression(&damaged, &[], None);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Talos' own locators, what users write for existing volumes, and what that environment lacks.
#[test]
fn volume_expressions_are_accepted_and_match_as_in_talos() {
    let volumes: Vec<TalosVolume> = [
        ("META", "", 1_048_576),
        ("u-data", "xfs", 5 << 30),
        ("", "ext4", 7),
    ]
    .into_iter()
    .map(|(label, name, size)| TalosVolume {
        partition_label: label.into(),
        name: name.into(),
        size,
        block_size: 4096,
        volume_type: "partition".into(),
        parent: "sda".into(),
        ..TalosVolume::default()
    })
    .collect();
    let disk = TalosDisk {
        transport: "usb".into(),
        ..TalosDisk::default()
    };
    let mut matches = 0;
    for text in [
        "volume.partition_label == 'META' && volume.name in ['', 'talosmeta'] && volume.size == 1048576u",
        "volume.partition_label == 'STATE' && volume.name != ''",
        "volume.name == 'xfs' && disk.transport == 'usb'",
        "volume.block_size == 4096u && volume.filesystem_block_size == 0u",
        "volume.type == 'partition' && volume.parent == 'sda'",
        "has(volume.label) || has(volume.partition_label)",
        "volume.size > 1u * GiB",
        "volume.size > 1",
        "volume.nope == ''",
        "glob('u-*', volume.partition_label)",
        "system_disk",
        "volume.partition_label.startsWith('u-') ? volume.size >= 5u * GiB : false",
        "volume == volume && disk != null",
        "volume == disk",
        "dyn(volume) == disk",
        "volume.partition_index == 0u && volume.offset == 0u && volume.probed_size == 0u",
        "false",
    ] {
        let disks = vec![&disk; volumes.len()];
        let answer =
            ask(&json!({"env": "volume", "text": text, "volumes": volumes, "disks": disks}));
        let expression = Expression::parse(text, Env::Volume);
        assert_eq!(
            expression.is_ok(),
            answer.error.is_empty(),
            "{text}: {answer:?}"
        );
        let Ok(expression) = expression else { continue };
        for (volume, result) in volumes.iter().zip(answer.results.unwrap()) {
            let found = expression.matches_volume(volume, Some(&disk));
            assert_eq!(found, Ok(result.matched), "{text}: {}", result.error);
            matches += u32::from(result.matched);
        }
    }
    assert!(matches > 8, "{matches} matches");
}
