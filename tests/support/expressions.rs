//! Random selectors: mostly well-typed, now and then not, over values that disks really have.

use proptest::prelude::*;

type Text = BoxedStrategy<String>;

fn pick(choices: &'static [&'static str]) -> Text {
    prop::sample::select(choices)
        .prop_map(str::to_owned)
        .boxed()
}

const TEXT_FIELDS: &[&str] = &[
    "disk.model",
    "disk.serial",
    "disk.wwid",
    "disk.transport",
    "disk.bus_path",
    "disk.dev_path",
    "disk.uuid",
    "disk.modalias",
    "disk.pretty_size",
    "disk.firmware_version",
    "disk.sub_system",
];
const TEXT_LITERALS: &[&str] = &[
    "''",
    "'usb'",
    "\"nvme\"",
    "'sata'",
    "'APPLE SSD SM0128G'",
    "\"Portable SSD T5\"",
    "'S1'",
    "'/dev/sda'",
    "r'\\d'",
    "'\\u00fc'",
    "'''a\"b'''",
    "'12'",
    "'-7'",
    "'1.5'",
    "'true'",
    "'+3'",
];
const PATTERNS: &[&str] = &[
    "'APPLE*'",
    "'*T5'",
    "'*'",
    "''",
    "'*SSD*'",
    "'S[0-9]'",
    "'/dev/sd?'",
];
const REGEXES: &[&str] = &[
    "'SSD'",
    "'^APPLE'",
    "'T[57]$'",
    "'(?i)apple'",
    "'a|b'",
    "'.*'",
    "'('",
];
const INTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "3",
    "120",
    "0x10",
    "9223372036854775807",
    "-9223372036854775808",
];
const UINTS: &[&str] = &[
    "0u",
    "1u",
    "512u",
    "4096u",
    "18446744073709551615u",
    "KiB",
    "GiB",
    "TB",
    "kB",
    "EiB",
    "PB",
    "disk.size",
    "disk.sector_size",
    "disk.io_size",
    "1000204886016u",
];
const DOUBLES: &[&str] = &[
    "9.223372036854775808e18",
    "-9.223372036854775808e18",
    "1.8446744073709551616e19",
    "0.0",
    "1.5",
    "-2.0",
    "1e18",
    "4096.0",
    "1e300",
];
const BOOLS: &[&str] = &[
    "true",
    "false",
    "disk.rotational",
    "disk.readonly",
    "disk.cdrom",
    "system_disk",
];
const BYTES: &[&str] = &["b'ab'", "b''", "b'\\xff'", "bytes('usb')"];
const WRONG: &[&str] = &[
    "disk",
    "disk.nope",
    "KB",
    "null",
    "diks.size",
    "disk.size.x",
    "foo()",
    "disk.model.trim()",
    "glob('a')",
    "volume.name",
    "dyn(1)",
    "[]",
    "{}",
    "dyn(disk).nope",
    "dyn(disk).model",
    "b'x'",
    "1.0",
    "__result__",
    ".disk.size",
    "disk.symlinks",
    "x",
];

/// Any of `right`, once in a while something that does not fit.
fn mostly(right: impl Strategy<Value = String> + 'static) -> Text {
    prop_oneof![60 => right, 1 => pick(WRONG)].boxed()
}

/// A condition.
pub fn boolean(depth: u32) -> Text {
    if depth == 0 {
        return mostly(pick(BOOLS));
    }
    let d = depth - 1;
    let logic = (boolean(d), pick(&["&&", "||"]), boolean(d))
        .prop_map(|(a, op, b)| format!("{a} {op} {b}"));
    let compared = |side: fn(u32) -> Text| {
        (side(d), pick(&["==", "!=", "<", "<=", ">", ">="]), side(d))
            .prop_map(|(a, op, b)| format!("{a} {op} {b}"))
    };
    let mixed = (any_number(d), pick(&["==", "<", ">="]), any_number(d))
        .prop_map(|(a, op, b)| format!("dyn({a}) {op} {b}"));
    let methods = (
        text(d),
        pick(&["contains", "startsWith", "endsWith"]),
        text(d),
    )
        .prop_map(|(a, f, b)| format!("{a}.{f}({b})"));
    let globs = (prop_oneof![pick(PATTERNS), text(0)], text(d))
        .prop_map(|(p, s)| format!("glob({p}, {s})"));
    let regex = (text(0), pick(REGEXES)).prop_map(|(s, p)| format!("{s}.matches({p})"));
    let members = prop_oneof![
        (text(d), texts(d)).prop_map(|(x, l)| format!("{x} in {l}")),
        (uint(d), prop::collection::vec(uint(0), 0..4))
            .prop_map(|(x, l)| format!("{x} in [{}]", l.join(", "))),
        text(0).prop_map(|x| format!("{x} in {{'usb': 1, 'nvme': 2}}")),
    ];
    let macros = (
        texts(d),
        pick(&["exists", "all", "exists_one", "existsOne"]),
        within(d),
    )
        .prop_map(|(l, m, p)| format!("{l}.{m}(x, {p})"));
    let has = prop_oneof![
        pick(TEXT_FIELDS).prop_map(|f| format!("has({f})")),
        pick(&[
            "has(disk.symlinks)",
            "has(disk.size)",
            "has({'a': 1}.a)",
            "has({'a': 1}.b)"
        ]),
    ];
    let nested = prop_oneof![
        boolean(d).prop_map(|a| format!("!({a})")),
        boolean(d).prop_map(|a| format!("({a})")),
        (boolean(d), boolean(d), boolean(d)).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        text(d).prop_map(|a| format!("bool({a})")),
    ];
    mostly(prop_oneof![
        2 => pick(BOOLS),
        4 => logic,
        3 => compared(uint),
        2 => compared(text),
        1 => compared(int),
        1 => compared(double),
        1 => compared(bytes),
        1 => compared(texts),
        1 => mixed,
        2 => methods,
        2 => globs,
        1 => regex,
        2 => members,
        2 => macros,
        1 => has,
        2 => nested,
    ])
}

/// A condition on `x`, a string.
fn within(depth: u32) -> Text {
    prop_oneof![
        pick(&[
            "x == disk.dev_path",
            "x.startsWith('/dev')",
            "glob('*T5*', x)",
            "size(x) > 3",
            "x in disk.symlinks",
            "size(x) > 3u",
            "disk.size > 5",
            "int(x) > 0",
            "[1, 2].exists(y, y > size(x))",
            "x.size() < disk.size",
            "disk == disk",
        ]),
        boolean(depth.min(1)),
    ]
    .boxed()
}

fn any_number(depth: u32) -> Text {
    prop_oneof![uint(depth), int(depth), double(depth)].boxed()
}

fn uint(depth: u32) -> Text {
    if depth == 0 {
        return mostly(pick(UINTS));
    }
    let d = depth - 1;
    mostly(prop_oneof![
        4 => pick(UINTS),
        3 => (uint(d), pick(&["+", "-", "*", "/", "%"]), uint(d))
            .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        1 => any_number(d).prop_map(|n| format!("uint({n})")),
        1 => text(d).prop_map(|s| format!("uint({s})")),
        1 => (boolean(d), uint(d), uint(d)).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
    ])
}

fn int(depth: u32) -> Text {
    if depth == 0 {
        return mostly(pick(INTS));
    }
    let d = depth - 1;
    mostly(prop_oneof![
        3 => pick(INTS),
        2 => (int(d), pick(&["+", "-", "*", "/", "%"]), int(d))
            .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        1 => any_number(d).prop_map(|n| format!("int({n})")),
        1 => text(d).prop_map(|s| format!("int({s})")),
        1 => text(d).prop_map(|s| format!("size({s})")),
        1 => texts(d).prop_map(|l| format!("{l}.size()")),
        1 => int(d).prop_map(|n| format!("-({n})")),
        1 => (text(0)).prop_map(|k| format!("{{'usb': 1, 'nvme': 2}}[{k}]")),
        1 => int(d).prop_map(|n| format!("[1, 2, 3][{n}]")),
    ])
}

fn double(depth: u32) -> Text {
    if depth == 0 {
        return mostly(pick(DOUBLES));
    }
    let d = depth - 1;
    mostly(prop_oneof![
        3 => pick(DOUBLES),
        2 => (double(d), pick(&["+", "-", "*", "/"]), double(d))
            .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        1 => any_number(d).prop_map(|n| format!("double({n})")),
        1 => text(d).prop_map(|s| format!("double({s})")),
    ])
}

fn text(depth: u32) -> Text {
    if depth == 0 {
        return mostly(prop_oneof![pick(TEXT_FIELDS), pick(TEXT_LITERALS)]);
    }
    let d = depth - 1;
    mostly(prop_oneof![
        4 => pick(TEXT_FIELDS),
        3 => pick(TEXT_LITERALS),
        1 => (text(d), text(d)).prop_map(|(a, b)| format!("({a} + {b})")),
        1 => uint(d).prop_map(|n| format!("string({n})")),
        1 => int(d).prop_map(|n| format!("string({n})")),
        1 => bytes(d).prop_map(|n| format!("string({n})")),
        1 => (texts(d), int(0)).prop_map(|(l, n)| format!("{l}[{n}]")),
        1 => (boolean(d), text(d), text(d)).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
    ])
}

fn bytes(_depth: u32) -> Text {
    mostly(pick(BYTES))
}

fn texts(depth: u32) -> Text {
    let fixed = pick(&[
        "disk.symlinks",
        "disk.secondary_disks",
        "['usb', 'nvme']",
        "[]",
        "['a', 1]",
    ]);
    if depth == 0 {
        return mostly(fixed);
    }
    let d = depth - 1;
    mostly(prop_oneof![
        4 => fixed,
        2 => prop::collection::vec(text(d), 0..3).prop_map(|l| format!("[{}]", l.join(", "))),
        1 => (texts(d), within(d)).prop_map(|(l, p)| format!("{l}.filter(x, {p})")),
        1 => (texts(d), text(0)).prop_map(|(l, f)| format!("{l}.map(x, x + {f})")),
        1 => (texts(d), within(0), text(0)).prop_map(|(l, p, f)| format!("{l}.map(x, {p}, {f})")),
        1 => (texts(d), texts(d)).prop_map(|(a, b)| format!("({a} + {b})")),
    ])
}
