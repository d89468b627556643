//! What differs between small documents, and by which path.

use super::*;

fn edits(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (
        Documents::of([before].into_iter()),
        Documents::of([after].into_iter()),
    );
    let hider = Hider::of([&before, &after]);
    let line = |edit: Edit| {
        let value = |it: Option<String>| it.unwrap_or_else(|| String::from("-"));
        let (before, after) = (value(edit.before), value(edit.after));
        format!("{} {}: {before} {after}", edit.document, edit.path)
    };
    diff(&before, &after, &hider)
        .into_iter()
        .map(line)
        .collect()
}

#[test]
fn what_means_the_same_is_no_difference() {
    for (before, after) in [
        (
            "machine: {a: 1, b: '2'}",
            "machine:\n  b: 2 # x\n  a: \"1\"\n",
        ),
        ("machine: {a: null}", "machine: {}"),
        ("kind: A\n---\nkind: B", "kind: B\n---\nkind: A"),
        (
            "machine: {l: [{name: a}, {name: b}]}",
            "machine: {l: [{name: b}, {name: a}]}",
        ),
    ] {
        assert_eq!(edits(before, after), Vec::<String>::new(), "{before}");
    }
}

#[test]
fn differences_are_told_path_by_path_and_backwards_with_the_same_paths() {
    for (before, after, wanted) in [
        (
            "machine: {a: 1}",
            "machine: {a: 2}",
            "v1alpha1 machine.a: 1 2",
        ),
        (
            "machine: {}",
            "machine: {a: {b: 2}}",
            "v1alpha1 machine.a.b: - 2",
        ),
        (
            "machine: {a: 1}",
            "machine: {a: {b: 2}}",
            "v1alpha1 machine.a: 1 -|v1alpha1 machine.a.b: - 2",
        ),
        (
            "machine: {l: [a, b, c]}",
            "machine: {l: [a, x, c]}",
            "v1alpha1 machine.l[1]: b x",
        ),
        (
            "machine: {l: [a, c]}",
            "machine: {l: [a, b, c]}",
            "v1alpha1 machine.l[1]: - b",
        ),
        (
            "machine: {l: [{name: a, v: 1}]}",
            "machine: {l: [{name: b}, {name: a, v: 2}]}",
            "v1alpha1 machine.l[name=a].v: 1 2|v1alpha1 machine.l[name=b].name: - b",
        ),
        ("kind: A\nname: x\nv: 1", "kind: A\nname: x", "A x v: 1 -"),
        (
            "machine: {a: ''}",
            "machine: {a: \"x\\ny\"}",
            "v1alpha1 machine.a: \"\" (text of 2 lines)",
        ),
    ] {
        assert_eq!(edits(before, after).join("|"), wanted);
        let paths = |edits: Vec<String>| -> BTreeSet<String> {
            let path = |line: &String| line.split(": ").next().unwrap_or_default().to_owned();
            edits.iter().map(path).collect()
        };
        assert_eq!(paths(edits(before, after)), paths(edits(after, before)));
    }
}
