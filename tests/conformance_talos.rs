//! Selectors are read as Talos reads them: accepted or refused alike, and of the same disks.
//!
//! The judge is cel-go and go-glob at the versions that Talos pins, in Talos' environment as
//! `tests/talos/env.go` declares it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests"
)]

mod support;

use std::sync::{LazyLock, Mutex};

use keelblock::config::spec::{
    DiskSelector, DiskType, Install, InstallTarget, Location, SizeMatcher, SizeOp, Spec,
};
use keelblock::probe::inventory::{Inventory, Machine, TalosDisk};
use keelblock::selector::cel::{Env, Expression};
use keelblock::selector::selection::Outcome;
use keelblock::selector::{Request, legacy, select};
use keelblock::units::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::disks::{blank, talos_disks};
use support::expressions::boolean;
use support::talos::{Answer, Judge};

/// Together with [`LEGACY_CASES`] the 5,000 pairs that every run compares.
const CEL_CASES: u32 = 6000;
const LEGACY_CASES: u32 = 1500;

static JUDGE: LazyLock<Mutex<Judge>> = LazyLock::new(|| Mutex::new(Judge::start()));

fn ask(request: &Value) -> Answer {
    JUDGE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .ask(request)
}

/// The seed is fixed, so that a failure can be repeated; `PROPTEST_RNG_SEED` asks for another.
fn config(cases: u32) -> ProptestConfig {
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

/// `select` takes the only match, refuses where Talos would take the first of several or give up,
/// and has none where Talos has none.
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
            return;
        }
        Ok(expression) => expression,
    };
    assert!(
        answer.error.is_empty(),
        "accepted here: {text}\n{}",
        answer.error
    );
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
            }
        }
        let checks = expression.explain_disk(disk, system.map(|at| at == i));
        let all = checks.iter().all(|check| check.pass);
        assert_eq!(found == Ok(true), all, "{text}\n{checks:#?}");
    }
}

fn legacy_selector() -> impl Strategy<Value = DiskSelector> {
    let ops = prop::sample::select(vec![
        SizeOp::Equal,
        SizeOp::AtLeast,
        SizeOp::AtMost,
        SizeOp::Above,
        SizeOp::Below,
    ]);
    let sizes = prop::sample::select(vec![
        0,
        1 << 30,
        64_000_000_000,
        1_000_204_886_016,
        u64::MAX,
    ]);
    let size = (ops, sizes).prop_map(|(op, size)| SizeMatcher {
        op,
        size: Bytes::new(size),
        text: String::new(),
    });
    let pattern = || {
        let patterns = vec![
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
        ];
        prop::option::weighted(0.25, prop::sample::select(patterns).prop_map(str::to_owned))
    };
    let kinds = prop::sample::select(vec![
        DiskType::Ssd,
        DiskType::Hdd,
        DiskType::Nvme,
        DiskType::Sd,
    ]);
    let texts = (
        pattern(),
        pattern(),
        pattern(),
        pattern(),
        pattern(),
        pattern(),
    );
    (prop::option::of(size), texts, prop::option::of(kinds)).prop_map(|(size, texts, disk_type)| {
        DiskSelector {
            size,
            uuid: texts.0.filter(|t| t == "*"),
            wwid: texts.1,
            model: texts.2,
            serial: texts.3,
            modalias: texts.4.filter(|t| t == "*"),
            bus_path: texts.5,
            disk_type,
        }
    })
}

fn legacy_request(selector: &DiskSelector) -> Value {
    let kind = selector.disk_type.map(|kind| match kind {
        DiskType::Ssd => "ssd",
        DiskType::Hdd => "hdd",
        DiskType::Nvme => "nvme",
        DiskType::Sd => "sd",
    });
    json!({
        "op": selector.size.as_ref().map_or("", |size| size.op.symbol()),
        "size": selector.size.as_ref().map(|size| size.size.get()),
        "uuid": selector.uuid, "wwid": selector.wwid, "model": selector.model,
        "serial": selector.serial, "modalias": selector.modalias, "type": kind.unwrap_or(""),
        "busPath": selector.bus_path,
    })
}

#[test]
fn expressions_are_accepted_and_match_as_in_talos() {
    let mut runner = proptest::test_runner::TestRunner::new(config(CEL_CASES));
    let cases = (boolean(3), talos_disks(4), prop::option::of(0..4usize));
    runner
        .run(&cases, |(text, disks, system)| {
            compare_expression(&text, &disks, system);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_expression_selects_the_only_disk_that_talos_would_find() {
    let mut runner = proptest::test_runner::TestRunner::new(config(CEL_CASES / 4));
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
fn disk_selectors_print_and_match_as_in_talos() {
    let mut runner = proptest::test_runner::TestRunner::new(config(LEGACY_CASES));
    runner
        .run(&(legacy_selector(), talos_disks(4)), |(selector, disks)| {
            let answer = ask(&json!({
                "env": "disk", "legacy": legacy_request(&selector), "disks": disks,
                "system_disk": vec![false; disks.len()],
            }));
            assert_eq!(legacy::expression(&selector), answer.printed);
            let results = answer.results.as_deref().unwrap_or_default();
            for (disk, result) in disks.iter().zip(results) {
                assert_eq!(legacy::matches(&selector, disk), result.matched, "{disk:?}");
            }
            compare_selection(&install(InstallTarget::Selector(selector)), &disks, &answer);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
