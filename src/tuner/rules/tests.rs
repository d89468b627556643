//! The parser against what udev(7) says; `tests/tuner_rules.rs` asks udevadm.

use super::*;

fn only(text: &str) -> Rule {
    let file = parse(text);
    assert_eq!(file.faults, Vec::new(), "{text}");
    let [rule] = file.rules.as_slice() else {
        panic!("{text}: {} rules", file.rules.len());
    };
    rule.clone()
}

#[test]
fn a_pair_knows_where_it_stands() {
    let rule = only("  ACTION==\"add\", \\\n# not part of it\n\tATTR{queue/x}=\"1\"\n");
    let token = &rule.tokens[1];
    assert_eq!(rule.at, Place { line: 1, column: 3 });
    assert_eq!(rule.last_line, 3);
    assert_eq!(token.at, Place { line: 3, column: 2 });
    assert_eq!(
        token.value_at,
        Place {
            line: 3,
            column: 17
        }
    );
    assert_eq!(token.writes(), Some("queue/x"));
}

#[test]
fn values_are_unescaped_as_udev_does() {
    for (written, value) in [
        (r#""a\"b\n""#, "a\"b\\n"),
        (r#"e"a\tb\x41\101\u00e4\s\\""#, "a\tbAA\u{e4} \\"),
        (r#"e"\"""#, "\""),
        (r#""""#, ""),
    ] {
        let rule = only(&format!("ENV{{A}}={written}"));
        assert_eq!(rule.tokens[0].value, value, "{written}");
    }
    assert!(only("KERNEL==i\"SD*\", ENV{A}=\"1\"").tokens[0].ignores_case);
    assert!(only("KERNEL==ie\"SD*\", ENV{A}=\"1\"").tokens[0].ignores_case);
}

#[test]
fn a_jump_needs_its_label_below() {
    let file = parse("LABEL=\"up\"\nGOTO=\"up\"\nGOTO=\"down\"\nLABEL=\"down\"\n");
    let faults: Vec<_> = file
        .faults
        .iter()
        .map(|fault| (fault.at.line, fault.weight))
        .collect();
    assert_eq!(faults, [(1, Weight::Style), (2, Weight::Error)]);
    assert_eq!(file.rules.len(), 3);
}

#[test]
fn one_wrong_pair_takes_its_rule_with_it_and_no_other() {
    let file = parse("FOO==\"x\", ENV{A}=\"1\"\nENV{B}=\"1\"\n");
    assert_eq!(file.rules.len(), 1);
    assert_eq!(file.faults.len(), 1);
    assert!(file.faults[0].message.contains("FOO"));
}

#[test]
fn patterns_fit_as_fnmatch_says() {
    for (pattern, text, fits) in [
        ("add|change", "change", true),
        ("add|change", "chang", false),
        ("sd[a-z]", "sda", true),
        ("sd[a-z]", "sdaa", false),
        ("sd[!a]", "sda", false),
        ("sd*[!0-9]", "sda1", false),
        ("sd*[!0-9]", "sda", true),
        ("?*", "", false),
        ("*", "", true),
        ("a|", "", true),
        ("[", "[", true),
        ("[]]", "]", true),
        ("Portable SSD T5*", "Portable SSD T5 ", true),
        ("*a*b*c", "xxaxxbxxc", true),
        ("*a*b*c", "xxaxxbxx", false),
    ] {
        assert_eq!(matches(pattern, text, false), fits, "{pattern} {text}");
    }
    assert!(matches("SDA", "sda", true));
}

#[test]
fn a_pattern_of_many_stars_takes_no_time() {
    let pattern = "*a".repeat(1000);
    assert!(!matches(&pattern, &"a".repeat(999), false));
}

#[test]
fn hostile_text_is_read_without_a_panic() {
    let long = format!("ENV{{A}}=\"{}\"", "x".repeat(20_000));
    let many = "KERNEL==\"a*\",".repeat(1200) + "ENV{A}=\"1\"";
    for text in [
        "\0\0\0",
        "\\",
        "\\\n",
        "=",
        "==",
        "\"",
        "A",
        "A=",
        "A{",
        "A{}=",
        "A==\"",
        "A==e\"\\",
        "ENV{A}=e\"\\",
        "ENV{A}=e\"\\u\"",
        "ENV{A}=\"$\"",
        "ENV{A}=\"%\"",
        "ENV{A}=\"${\"",
        ",,,,",
        "\u{feff}ACTION==\"add\"",
        "TEST{99999999999}==\"x\"",
        &long,
        &many,
    ] {
        parse(text);
    }
    assert!(parse(&long).rules.is_empty());
}
