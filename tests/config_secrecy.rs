//! Parsing never panics, and no passphrase ever reaches an error, a warning, a snippet or a Debug text.
//!
//! A marker stands in the place of the passphrase of an example; the example is damaged in thousands of ways.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: a panic is the report, and nobody reads their documentation"
)]

use keelblock::config::{Source, parse, snippet};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::test_runner::{Config, RngSeed};

const MARKER: &str = "MARKER-s3cr3t";
/// Base64 of the marker, in the three alignments it can have, without the ends that depend on neighbours.
const ENCODED: [&str; 3] = [
    "TUFSS0VSLXMzY3IzdA",
    "1BUktFUi1zM2NyM3",
    "NQVJLRVItczNjcjN0",
];

const OLD: &str = include_str!("../examples/nodes/talos-1.10/mini01.yaml");
const NEW: &str = include_str!("../examples/nodes/talos-1.14/mini01.yaml");

/// The examples with passphrases in several notations.
fn marked() -> Vec<String> {
    let old = "        - nodeID: {}\n          slot: 0\n";
    let new = "    - slot: 0\n      nodeID: {}\n";
    assert!(OLD.contains(old) && NEW.contains(new));
    let block = "        - slot: 0\n          static:\n            passphrase: MARKER-s3cr3t\n";
    let quoted = "    - slot: 0\n      static:\n        passphrase: \"MARKER-s3cr3t\"\n      lockToState: false\n";
    let literal = "    - slot: 0\n      static:\n        passphrase: |\n          MARKER-s3cr3t\n";
    let folded = "    - static:\n        passphrase: >-\n          MARKER-s3cr3t\n      slot: 0\n";
    let flow = "    - {slot: 0, static: {passphrase: 'MARKER-s3cr3t'}}\n";
    let binary =
        "    - slot: 0\n      static:\n        passphrase: !!binary TUFSS0VSLXMzY3IzdA==\n";
    let mut texts = vec![OLD.replace(old, block)];
    texts.extend([quoted, literal, folded, flow, binary].map(|keys| NEW.replace(new, keys)));
    texts
}

fn assert_hidden(what: &str, shown: &str, text: &str) {
    for secret in [MARKER].into_iter().chain(ENCODED) {
        assert!(
            !shown.contains(secret),
            "{what} shows the passphrase: {shown}\n\n{text}"
        );
    }
}

/// Parses, and looks at everything that comes out.
fn examine(text: &str) {
    let sources = [Source {
        name: "node.yaml",
        text,
    }];
    assert_hidden("source", &format!("{sources:?}"), text);
    match parse(&sources) {
        Ok(spec) => {
            assert_hidden("spec", &format!("{spec:?} {spec:#?}"), text);
            assert_hidden("canonical form", &spec.canonical().to_string(), text);
        }
        Err(error) => {
            assert_hidden("error", &format!("{error} {error:?} {error:#?}"), text);
            for diagnostic in error.diagnostics() {
                let shown = snippet(diagnostic, &sources).unwrap_or_default();
                assert_hidden("snippet", &shown, text);
                assert!(diagnostic.at.line >= 1 && diagnostic.at.column >= 1);
            }
        }
    }
}

#[test]
fn the_examples_with_passphrases_are_fine_as_they_are() {
    for text in marked() {
        assert!(
            parse(&[Source {
                name: "node.yaml",
                text: &text
            }])
            .is_ok(),
            "{text}"
        );
        examine(&text);
    }
}

#[test]
fn likely_mistakes_around_a_passphrase_do_not_show_it() {
    let head = "machine:\n  systemDiskEncryption:\n    state:\n      keys:\n";
    for keys in [
        "      - static: {passphrase: [MARKER-s3cr3t]}\n",
        "      - static: {passphrase: {MARKER-s3cr3t: a}}\n",
        "      - static: {passphrase: MARKER-s3cr3t, extra: 1}\n",
        "      - static: {passphrase: a, MARKER-s3cr3t: 1}\n",
        "      - static: {passphrase: a, MARKER-s3cr3t}\n",
        "      - static: {passphrase: MARKER-s3cr3t, passphrase: MARKER-s3cr3t}\n",
        "      - static: {MARKER-s3cr3t: a, MARKER-s3cr3t: b}\n",
        "      - static: MARKER-s3cr3t\n",
        "      - MARKER-s3cr3t\n",
        "        MARKER-s3cr3t\n",
        "      - static:\n          MARKER-s3cr3t: x\n          MARKER-s3cr3t: y\n",
        "      - static:\n          passphrase: &MARKER-s3cr3t x\n          other: *MARKER-s3cr3u\n",
        "      - static:\n          passphrase: *MARKER-s3cr3t\n",
        "      - static:\n          passphrase: !MARKER-s3cr3t x: y\n",
        "      - static:\n          passphrase: !!int MARKER-s3cr3t\n",
        "      - static:\n          passphrase: !!binary MARKER-s3cr3t\n",
        "      - static:\n          passphrase: \"MARKER-s3cr3t\n",
        "      - static:\n          passphrase: 'MARKER-s3cr3t' x\n",
        "      - static:\n          passphrase: MARKER-s3cr3t: x\n",
        "      - static:\n          passphrase: @MARKER-s3cr3t\n",
        "      - static:\n          passphrase:\n          MARKER-s3cr3t\n",
        "      - slot: MARKER-s3cr3t\n",
        "      - kms: {endpoint: [MARKER-s3cr3t]}\n",
        "      - passphrase: MARKER-s3cr3t\n",
    ] {
        examine(&format!("{head}{keys}"));
        assert!(
            parse(&[Source {
                name: "-",
                text: &format!("{head}{keys}")
            }])
            .is_err(),
            "{keys}"
        );
    }
    for text in [
        "passphrase: MARKER-s3cr3t\n",
        "machine: {passphrase: MARKER-s3cr3t}\n",
        "machine:\n  install:\n    wipe: passphrase MARKER-s3cr3t\n",
        "kind: 'passphrase: MARKER-s3cr3t'\napiVersion: v1alpha1\n",
        "{\"machine\": {\"systemDiskEncryption\": {\"state\": {\"keys\": [{\"static\": {\n\"passphrase\"\n:\n\"MARKER-s3cr3t\"\n}}, {\"slot\": \"MARKER-s3cr3t\"}]}}}}\n",
    ] {
        examine(text);
    }
}

#[test]
fn single_damages_at_every_line_around_a_passphrase_do_not_show_it() {
    for text in marked() {
        around_the_marker(&text, |before, line, after| {
            examine(&format!("{before}{after}"));
            examine(&format!("{before}{line}{line}{after}"));
            examine(&format!("{before}{}{after}", line.trim_end()));
            examine(&format!("{before}  {line}{after}"));
            examine(&format!("{before}{}{after}", line.trim_start()));
            for extra in [
                "install:\n",
                "  wipe: |\n",
                "        slot: >\n",
                "- \"\n",
                "'",
                "# ",
                "---\n",
                "\t",
                "{",
                "kind: ",
            ] {
                examine(&format!("{before}{extra}{line}{after}"));
            }
        });
        around_the_marker(&excerpt(&text), |before, line, after| {
            for (at, _) in line.char_indices() {
                for with in ["", "\"", ":", "\n", "|", "x"] {
                    examine(&format!(
                        "{before}{}{with}{}{after}",
                        &line[..at],
                        &line[at + 1..]
                    ));
                }
            }
        });
    }
}

/// Calls `damage` with each line around the marker, and what stands before and after it.
fn around_the_marker(text: &str, damage: impl Fn(&str, &str, &str)) {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let marker = lines
        .iter()
        .position(|l| l.contains(MARKER) || l.contains(ENCODED[0]))
        .unwrap();
    for i in marker.saturating_sub(8)..(marker + 4).min(lines.len()) {
        damage(&lines[..i].concat(), lines[i], &lines[i + 1..].concat());
    }
}

/// One way to damage a text, by lines or by characters.
#[derive(Clone, Debug)]
enum Damage {
    DeleteLine(prop::sample::Index),
    DuplicateLine(prop::sample::Index),
    SwapWithNext(prop::sample::Index),
    InsertLine(prop::sample::Index, String),
    FlipByte(prop::sample::Index, u8),
    DeleteBytes(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let line = prop_oneof![
        Just("---"),
        Just("  - "),
        Just("a: [1"),
        Just("    wipe: |"),
        Just("      slot: 99"),
        Just("      static: x"),
        Just("  kind: Foo"),
        Just("<<: *x"),
        Just("  x: &x 1"),
        Just("\"")
    ];
    prop_oneof![
        at().prop_map(Damage::DeleteLine),
        at().prop_map(Damage::DuplicateLine),
        at().prop_map(Damage::SwapWithNext),
        (at(), line).prop_map(|(a, l)| Damage::InsertLine(a, l.to_owned())),
        (at(), 1_u8..).prop_map(|(a, b)| Damage::FlipByte(a, b)),
        (at(), 1_usize..4).prop_map(|(a, n)| Damage::DeleteBytes(a, n)),
        at().prop_map(Damage::Truncate),
    ]
}

fn apply(text: &str, damage: &Damage) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let count = lines.len();
    let mut bytes = text.as_bytes().to_vec();
    match damage {
        _ if lines.is_empty() => return String::new(),
        Damage::DeleteLine(at) => drop(lines.remove(at.index(count))),
        Damage::DuplicateLine(at) => lines.insert(at.index(count), lines[at.index(count)]),
        Damage::SwapWithNext(at) => {
            lines.swap(at.index(count), (at.index(count) + 1).min(count - 1))
        }
        Damage::InsertLine(at, line) => lines.insert(at.index(count), line),
        Damage::FlipByte(at, mask) => bytes[at.index(text.len())] ^= mask,
        Damage::DeleteBytes(at, n) => {
            let start = at.index(bytes.len());
            drop(bytes.drain(start..(start + n).min(text.len())));
        }
        Damage::Truncate(at) => bytes.truncate(at.index(text.len())),
    }
    match damage {
        Damage::FlipByte(..) | Damage::DeleteBytes(..) | Damage::Truncate(_) => {
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => lines.join("\n") + "\n",
    }
}

/// The part of an example around the passphrase, so that damages mostly hit it.
fn excerpt(text: &str) -> String {
    let marker = text.find(MARKER).or_else(|| text.find(ENCODED[0])).unwrap();
    let start = text[..marker]
        .rfind("systemDiskEncryption")
        .map(|at| ("machine:\n  ", at));
    let (head, start) = start.unwrap_or_else(|| ("", text[..marker].rfind("---\n").unwrap()));
    let end = text[marker..]
        .find("---\n")
        .map_or(text.len(), |at| marker + at);
    let lines: Vec<&str> = text[start..end].split_inclusive('\n').take(25).collect();
    format!("{head}{}", lines.concat())
}

proptest! {
    // A fixed seed: enough damage leaves nothing that tells a passphrase from a word, so a rare
    // combination must not stop an unrelated change. Other seeds are for whoever changes what is hidden.
    #![proptest_config(Config {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x6b65_656c),
        ..Config::default()
    })]

    #[test]
    fn damaged_examples_neither_panic_nor_show_the_passphrase(
        which in 0_usize..6,
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let texts = marked();
        for text in [&texts[which], &excerpt(&texts[which])] {
            let mut text = text.clone();
            for damage in &damages {
                text = apply(&text, damage);
            }
            examine(&text);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        examine(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_yaml_like_text_never_panics(text in "(machine|install|keys|static|slot|[a-c]|[ \n:\\-\\[\\]{}&*!|>'\"#%,?~0-9\t]){0,120}") {
        examine(&text);
        examine(&format!("machine:\n  {text}\n"));
    }
}
