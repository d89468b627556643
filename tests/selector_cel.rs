//! Expressions: what is accepted, what it means, and that hostile text only ever yields an error.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests"
)]

#[path = "support/disks.rs"]
mod disks;

use std::cell::Cell;

use keelblock::config::spec::{Location, Provisioning, Spec, Volume, VolumeKind};
use keelblock::probe::inventory::{Inventory, Machine, TalosDisk};
use keelblock::selector::cel::{Env, EvalError, Expression, TalosVolume};
use keelblock::selector::selection::Outcome;
use keelblock::selector::{Request, select};
use proptest::prelude::*;

fn t5() -> TalosDisk {
    TalosDisk {
        size: 1_000_204_886_016,
        io_size: 512,
        sector_size: 512,
        model: "Portable SSD T5".into(),
        wwid: "naa.5002538e40a1b2c3".into(),
        bus_path: "/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/target4:0:0/4:0:0:0".into(),
        transport: "usb".into(),
        dev_path: "/dev/sdb".into(),
        pretty_size: "1.0 TB".into(),
        symlinks: vec![
            "/dev/disk/by-diskseq/9".into(),
            "/dev/disk/by-id/usb-Samsung_Portable_SSD_T5_1234567A-0:0".into(),
        ],
        ..TalosDisk::default()
    }
}

fn eval(text: &str) -> Result<bool, EvalError> {
    Expression::parse(text, Env::Disk)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .matches_disk(&t5(), Some(false))
}

#[test]
fn selectors_of_real_configs_mean_what_talos_means() {
    for (text, wanted) in [
        (r#"disk.model == "Portable SSD T5""#, true),
        (r#"glob("APPLE*", disk.model)"#, false),
        ("disk.transport == 'usb' && !system_disk", true),
        ("disk.size > 120u * GB && disk.size <= 1200u * GB", true),
        ("disk.size >= 1u * TiB", false),
        ("'/dev/disk/by-diskseq/9' in disk.symlinks", true),
        (
            "disk.symlinks.exists(s, glob('/dev/disk/by-id/usb-*', s))",
            true,
        ),
        ("disk.symlinks.all(s, s.startsWith('/dev/disk/'))", true),
        ("disk.symlinks.exists_one(s, s.contains('T5'))", true),
        (
            "disk.symlinks.filter(s, s.contains('T5')).size() == 1",
            true,
        ),
        ("disk.symlinks.map(s, s.size())[0] == 22", true),
        ("has(disk.serial) || has(disk.model)", true),
        ("disk.transport in ['nvme', 'usb']", true),
        ("disk.rotational ? false : disk.size / GiB > 900u", true),
        ("disk.model.matches('^Portable .* T[57]$')", true),
        ("uint(disk.size % 2u) == 0u", true),
    ] {
        assert_eq!(eval(text), Ok(wanted), "{text}");
    }
}

#[test]
fn errors_are_absorbed_only_where_the_other_side_decides() {
    let boom = "disk.size / 0u == 1u";
    for (text, wanted) in [
        (format!("false && {boom}"), Ok(false)),
        (format!("{boom} && false"), Ok(false)),
        (format!("true || {boom}"), Ok(true)),
        (format!("{boom} || true"), Ok(true)),
        (format!("{boom} && true"), Err(EvalError::DivisionByZero)),
        (format!("{boom} || false"), Err(EvalError::DivisionByZero)),
        (format!("!({boom})"), Err(EvalError::DivisionByZero)),
        (format!("[1u, 2u].exists(x, x == 2u || {boom})"), Ok(true)),
        (
            "disk.size - 2000u * GB > 0u".to_owned(),
            Err(EvalError::Overflow),
        ),
        ("disk.size * EiB > 0u".to_owned(), Err(EvalError::Overflow)),
    ] {
        assert_eq!(eval(&text), wanted, "{text}");
    }
}

#[test]
fn system_disk_has_no_value_until_one_is_known() {
    let expression = Expression::parse("system_disk", Env::Disk).unwrap();
    assert_eq!(expression.matches_disk(&t5(), Some(true)), Ok(true));
    assert!(matches!(
        expression.matches_disk(&t5(), None),
        Err(EvalError::Unbound { .. })
    ));
    let short = Expression::parse("disk.transport == 'usb' || system_disk", Env::Disk).unwrap();
    assert_eq!(short.matches_disk(&t5(), None), Ok(true));
}

#[test]
fn what_does_not_type_check_is_refused_with_its_place() {
    for (text, place, part) in [
        (
            "disk.size > 120",
            (1, 11),
            "found no matching overload for '_>_' applied to '(uint, int)'",
        ),
        ("disk.size > 64 * GiB", (1, 16), "applied to '(int, uint)'"),
        ("disk.sizee > 1u", (1, 5), "undefined field 'sizee'"),
        (
            "system_disk ||\n  diks.size > 1u",
            (2, 3),
            "undeclared reference to 'diks'",
        ),
        ("glob('a')", (1, 5), "found no matching overload for 'glob'"),
        (
            "disk.size",
            (1, 1),
            "expression output type is uint, expected bool",
        ),
        (
            "dyn(true)",
            (1, 1),
            "expression output type is dyn, expected bool",
        ),
        ("disk.model && true", (1, 12), "no matching overload"),
        ("nofunc(disk)", (1, 7), "undeclared reference to 'nofunc'"),
        ("false && disk.nope == 1", (1, 14), "undefined field 'nope'"),
        (
            "disk.model.lowerAscii() == 'x'",
            (1, 22),
            "undeclared reference to 'lowerAscii'",
        ),
        ("max(1, 2) == 2", (1, 4), "undeclared reference to 'max'"),
        ("optional.of(1).hasValue()", (1, 1), "undeclared"),
        ("disk.?model == 'x'", (1, 5), "unsupported syntax"),
        ("type(disk.size) == uint", (1, 5), "is not supported"),
        (
            "timestamp('2020-01-01T00:00:00Z') < timestamp(1)",
            (1, 10),
            "is not supported",
        ),
        ("'ü' == 1", (1, 5), "no matching overload"),
        ("disk.size >", (1, 12), ""),
        ("'ü' == 'é' > )", (1, 14), ""),
        ("", (1, 1), ""),
        ("KB > 1u", (1, 1), "undeclared reference to 'KB'"),
        (
            "volume.size > 1u",
            (1, 1),
            "undeclared reference to 'volume'",
        ),
        (
            "disk.symlinks.exists(s, s > 1)",
            (1, 27),
            "no matching overload",
        ),
        (
            "disk.model.exists(s, true)",
            (1, 5),
            "cannot be range of a comprehension",
        ),
        (
            "[1, 'a'][0] == 1 && 1 in ['a']",
            (1, 23),
            "no matching overload",
        ),
    ] {
        let error = Expression::parse(text, Env::Disk).expect_err(text);
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!((error.line, error.column), place, "{text}: {error}");
    }
}

#[test]
fn the_volume_environment_has_no_glob_and_no_system_disk() {
    for text in ["glob('a', volume.name)", "system_disk"] {
        assert!(Expression::parse(text, Env::Volume).is_err(), "{text}");
    }
    let text =
        "volume.partition_label == 'data' && volume.block_size == 4096u && disk.transport == 'usb'";
    let expression = Expression::parse(text, Env::Volume).unwrap();
    let volume = TalosVolume {
        partition_label: "data".into(),
        block_size: 4096,
        ..TalosVolume::default()
    };
    assert_eq!(expression.matches_volume(&volume, Some(&t5())), Ok(true));
    assert!(expression.matches_volume(&volume, None).is_err());
}

/// The deepest trees that the bounds let through, on the small stack of a test thread.
#[test]
fn no_text_is_deep_enough_to_blow_the_stack() {
    for text in [
        "(".repeat(4000),
        format!("{}true{}", "(".repeat(63), ")".repeat(63)),
        format!("{}true{}", "(".repeat(2000), ")".repeat(2000)),
        format!("1{} == 1", "+1".repeat(254)),
        format!("1{} == 1", "+1".repeat(2000)),
        format!("disk{} == 1", ".a".repeat(255)),
        format!("dyn(disk){} == 1", "[0]".repeat(254)),
        format!("{}1{} == 1", "[".repeat(60), "]".repeat(60)),
        "!".repeat(4000),
        format!("{}true", "!".repeat(255)),
        format!("true{}", "?true:true".repeat(200)),
        format!("true{}", " && true".repeat(127)),
        format!("{}true", "true ? true : ".repeat(60)),
        format!("''{} == ''", ".size().size()".repeat(60)),
        "\"".repeat(4001),
        "'\\".repeat(2000),
        "\u{0}\u{1}\u{202e}ü".repeat(500),
        format!("1 {} 1", "in [1] ".repeat(120)),
    ] {
        let _ = Expression::parse(&text, Env::Disk).map(|e| e.matches_disk(&t5(), None));
    }
}

#[test]
fn work_is_bounded() {
    let list = format!("[{}]", vec!["1"; 60].join(","));
    let mut nested = "true".to_owned();
    for name in ["a", "b", "c", "d", "e"] {
        nested = format!("{list}.all({name}, {nested})");
    }
    assert_eq!(eval(&nested), Err(EvalError::TooExpensive));
    let doubled = format!("['ab']{}.size() == 1", ".map(x, x + x)".repeat(60));
    assert_eq!(eval(&doubled), Err(EvalError::TooExpensive));
    let types = format!("[1]{} == [1]", ".map(x, {x: x})".repeat(60));
    let _ = Expression::parse(&types, Env::Disk);
}

/// What takes more steps than one expression may.
fn endless() -> String {
    let list = "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]";
    let nested = |inner: String, name: &str| format!("{list}.all({name}, {inner})");
    ["a", "b", "c", "d", "e"]
        .into_iter()
        .fold("true".to_owned(), nested)
}

#[test]
fn what_many_expressions_take_together_is_bounded() {
    let endless = Expression::parse(&endless(), Env::Disk).unwrap();
    let short = Expression::parse("disk.size > 1u", Env::Disk).unwrap();
    let fuel = Cell::new(150_000);
    let run = |it: &Expression| it.matches_disk_for(&t5(), None, &fuel);
    assert_eq!(run(&short), Ok(true));
    assert!((149_900..150_000).contains(&fuel.get()), "{fuel:?}");
    assert_eq!(run(&endless), Err(EvalError::TooExpensive));
    assert_eq!(run(&short), Ok(true));
    assert_eq!(run(&endless), Err(EvalError::TooExpensive));
    // Nothing is left, not even for a short one.
    assert_eq!((fuel.get(), run(&short)), (0, Err(EvalError::TooExpensive)));
}

#[test]
fn what_all_rules_of_a_selection_take_together_is_bounded() {
    let endless = endless();
    for (count, outcome) in [(3, Outcome::Selected), (50, Outcome::Refused)] {
        let rules = vec![endless.as_str(); count];
        let rules = rules.into_iter().chain(["disk.transport == 'usb'"]);
        let volume = |(i, rule): (usize, &str)| Volume {
            at: Location::default(),
            id: format!("u-{i}"),
            kind: VolumeKind::User,
            provisioning: Provisioning {
                selector: Some(Expression::parse(rule, Env::Disk).unwrap()),
                ..Provisioning::default()
            },
            encryption: None,
            filesystem: None,
        };
        let spec = Spec {
            volumes: rules.enumerate().map(volume).collect(),
            ..Spec::default()
        };
        let machine = Inventory {
            schema: String::new(),
            machine: Machine::default(),
            disks: vec![disks::blank(TalosDisk {
                dev_path: "/dev/sdb".into(),
                ..t5()
            })],
            notes: Vec::new(),
        };
        let selection = select(&spec, &machine, &Request::default());
        let last = selection.roles.last().unwrap();
        assert_eq!(last.outcome, outcome, "{count}: {}", last.reason);
        let refused = &selection.roles[0];
        assert!(
            refused.reason.contains("too much work"),
            "{}",
            refused.reason
        );
    }
}

#[test]
fn the_explanation_passes_exactly_when_the_expression_is_true() {
    let text = "disk.transport == 'usb' && (disk.size > 2u * TB || disk.model.startsWith('Portable')) && !disk.rotational";
    let expression = Expression::parse(text, Env::Disk).unwrap();
    let checks = expression.explain_disk(&t5(), None);
    let rows: Vec<(&str, &str, &str, bool)> = checks
        .iter()
        .map(|c| (&*c.check, &*c.wanted, &*c.found, c.pass))
        .collect();
    assert_eq!(
        rows,
        [
            (
                "transport",
                "disk.transport == 'usb'",
                "disk.transport = \"usb\"",
                true
            ),
            (
                "model",
                "disk.model.startsWith('Portable')",
                "disk.model = \"Portable SSD T5\"",
                true
            ),
            (
                "rotational",
                "!disk.rotational",
                "disk.rotational = false",
                true
            ),
        ]
    );
    let missed = Expression::parse("disk.size > 2u * TB || system_disk", Env::Disk).unwrap();
    let checks = missed.explain_disk(&t5(), None);
    assert_eq!(checks.len(), 2);
    assert_eq!(checks[0].found, "disk.size = 1000204886016 (931.5 GiB)");
    assert!(
        checks[1]
            .found
            .contains("error: no value for 'system_disk'")
    );
    assert!(checks.iter().all(|c| !c.pass));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_text_never_panics(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text, Env::Disk).map(|e| e.matches_disk(&t5(), None));
    }

    #[test]
    fn random_tokens_never_panic(tokens in prop::collection::vec(prop::sample::select(vec![
        "disk", ".", "size", "model", "(", ")", "[", "]", "{", "}", "&&", "||", "!", "-", "+", "*",
        "/", "%", "?", ":", ",", "'a'", "\"", "'", "1", "1u", "0x", "1.", "e5", "in", "has", "exists",
        "all", "map", "filter", "x", "true", "null", "==", "<", ">=", "r'", "b'\\x", "\\", "`", "//",
        "\n", "@", "#", "$", "18446744073709551616u", "9223372036854775808", "GiB", "dyn", "size(",
    ]), 0..24)) {
        for glue in ["", " "] {
            let text = tokens.join(glue);
            let _ = Expression::parse(&text, Env::Disk).map(|e| {
                let verdict = e.matches_disk(&t5(), None);
                let all = e.explain_disk(&t5(), None).iter().all(|c| c.pass);
                assert_eq!(verdict == Ok(true), all, "{text}");
            });
        }
    }
}
