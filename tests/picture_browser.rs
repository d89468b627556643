//! The pictures of plans, looked at in a browser: nothing overlaps, is cut off or is hard to read, in light and in dark,
//! in windows of three widths, whatever disks call themselves.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that runs the program and a browser"
)]

#[path = "support/cli.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod cli;

use std::process::Command;

use base64::Engine as _;
use cli::{Bench, CHEAP, UUID, config};
use keelblock::picture::{Sheet, html, svg};
use keelblock::plan::canonical;
use keelblock::plan::{Action, ContentPlan, DiskPlan, FoundPartition, Plan, Wipe};
use keelblock::units::{Bytes, Extent};
use serde_json::Value;

/// Widths of a telephone, a tablet and a desk.
const WIDTHS: [u32; 3] = [360, 768, 1280];

const MEASURE: &str = include_str!("support/measure.js");

/// What a disk or a partition may call itself.
const NAMES: [&str; 12] = [
    "<script>document.title='x'</script>",
    "\"><img src=x onerror=alert(1)>",
    "שלום עולם: דיסק ישן",
    "مجلد الصور العائلية القديمة",
    "\u{202e}gnp.exe\u{202c}",
    "日本語のとても長いパーティション名です",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}algo",
    "\u{fdfd}\u{fdfd}\u{fdfd}",
    "👨‍👩‍👧‍👦 photos 👨‍👩‍👧‍👦 of all of us",
    "a\nb\u{1b}[31mc\u{0}d\u{ffff}e",
    "&amp;lt;b&gt;",
];

/// A real plan for a recorded machine.
fn planned() -> Plan {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    bench.write("node.yaml", config("    disk: /dev/sda\n    wipe: true"));
    let mut arguments = vec!["plan", "-c", "node.yaml", "--hardware", "machine.json"];
    arguments.extend(["--wipe", "/dev/sda", "--uuid", UUID, "-o", "disk.plan"]);
    arguments.extend(CHEAP);
    bench.run(&arguments).exits(0);
    let text = std::fs::read_to_string(bench.path("disk.plan")).unwrap();
    canonical::parse(&text).unwrap()
}

/// The disk of a plan with `count` partitions of names that nobody would wish for, tiny ones among them.
fn hostile(from: &DiskPlan, count: usize, shift: usize) -> DiskPlan {
    let name = |n: usize| NAMES[(n + shift) % NAMES.len()].to_owned();
    let mut disk = from.clone();
    disk.title = format!("/dev/sdz ({}, 1 TB)", name(0));
    disk.id = format!("serial {}", name(1).repeat(4));
    disk.roles = (0..6).map(|n| format!("u-{}", name(n))).collect();
    disk.before.content = name(2).repeat(3);
    disk.before.partitions.clear();
    disk.partitions.clear();
    let size = disk.geometry.size.get();
    let mut at = 1 << 20;
    for n in 0..count {
        let left = size.saturating_sub(at);
        let len = if n % 3 == 0 { 1 << 20 } else { left / 16 };
        let len = Bytes::new(len.max(1 << 20));
        let number = u32::try_from(n + 1).unwrap();
        disk.before.partitions.push(FoundPartition {
            number,
            name: name(n),
            start: Bytes::new(at),
            size: len,
            holds: format!("ext4 {:?}", name(n + 3)),
        });
        let mut made = from.partitions[n % from.partitions.len()].clone();
        made.name = name(n + 5);
        made.action = [Action::Keep, Action::Create, Action::Seal][n % 3];
        if n % 4 == 0 {
            made.content = ContentPlan::AsIs {
                found: name(n + 7).repeat(3),
            };
        }
        (made.number, made.start, made.size) = (number, Bytes::new(at), len);
        disk.partitions.push(made);
        at += len.get();
    }
    disk.wipe = (0..5)
        .map(|n| Wipe {
            extents: vec![Extent::new(Bytes::ZERO, Bytes::MIB)],
            table: false,
            why: format!("ext4 in partition {n} {}", name(n).repeat(2)),
        })
        .collect();
    disk
}

/// The plans whose pictures are looked at.
fn plans() -> Vec<(&'static str, Plan)> {
    let real = planned();
    let with = |disks: Vec<DiskPlan>| {
        let mut plan = real.clone();
        plan.machine.product = NAMES[0].repeat(3);
        plan.remarks = NAMES.iter().map(|name| name.repeat(6)).collect();
        plan.disks = disks;
        plan.sealed()
    };
    let first = &real.disks[0];
    let four = (0..4).map(|n| hostile(first, 4 + n, n * 3)).collect();
    let (many, full) = (hostile(first, 24, 1), hostile(first, 128, 0));
    let mut blank = first.clone();
    blank.before.partitions.clear();
    blank.partitions.clear();
    vec![
        ("real", real.clone()),
        ("four disks", with(four)),
        ("24 partitions", with(vec![many])),
        ("128 partitions", with(vec![full])),
        ("nothing", with(vec![blank])),
        ("no disk", with(Vec::new())),
    ]
}

fn quoted(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

/// A page with every picture in a frame of every width, that measures itself.
fn bench_page(plans: &[(&str, Plan)]) -> String {
    let mut frames = String::new();
    let mut frame = |name: &str, width: u32, body: &str| {
        frames.push_str(&format!(
            "<iframe data-name=\"{name}\" style=\"width:{width}px;height:900px;border:0;color-scheme:light dark\" \
             srcdoc=\"{}\"></iframe>\n",
            quoted(body)
        ));
    };
    let mut drawings = String::new();
    for (name, plan) in plans {
        let sheet = Sheet::of(plan);
        let drawing = svg::render(&sheet);
        let body = format!(
            "<!doctype html><meta name=\"color-scheme\" content=\"light dark\"><body style=\"margin:0\">{drawing}"
        );
        frame(&format!("{name}, svg"), 1040, &body);
        drawings.push_str(&format!(
            "<template data-xml=\"{}\"></template>",
            quoted(&drawing)
        ));
        for width in WIDTHS {
            frame(
                &format!("{name}, html, {width}"),
                width,
                &html::render(&sheet),
            );
        }
    }
    format!(
        "<!doctype html><html style=\"color-scheme:light dark\"><meta charset=\"utf-8\"><body>{frames}{drawings}\
         <script>{MEASURE}</script></body></html>"
    )
}

/// What the page found out about itself.
fn look_at(page: &str, dark: bool) -> Value {
    let folder = tempfile::Builder::new()
        .prefix("keelblock-picture-")
        .tempdir()
        .unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let scheme = if dark { 0 } else { 1 };
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--dump-dom",
        ])
        .arg("--virtual-time-budget=20000")
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .env("HOME", folder.path())
        .output()
        .unwrap_or_else(|error| {
            panic!("chromium of Debian's package chromium is needed by this test: {error}")
        });
    let dom = String::from_utf8_lossy(&output.stdout);
    let report = dom
        .split_once("<pre id=\"report\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let (report, _) =
        report.unwrap_or_else(|| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    let json = base64::engine::general_purpose::STANDARD
        .decode(report)
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn nothing_in_a_picture_overlaps_is_cut_off_or_hard_to_read_in_light_and_dark() {
    let plans = plans();
    let page = bench_page(&plans);
    let mut papers = Vec::new();
    for dark in [false, true] {
        let report = look_at(&page, dark);
        assert_eq!(
            report["dark"], dark,
            "the browser did not take the colour scheme"
        );
        let problems = report["problems"].as_array().unwrap();
        let first: Vec<&Value> = problems.iter().take(40).collect();
        assert!(
            problems.is_empty(),
            "dark {dark}: {} problems: {first:#?}",
            problems.len()
        );
        assert_eq!(report["broken"], 0, "an SVG is not well-formed XML");
        // A page that showed nothing would have no problems, either.
        assert!(
            report["texts"].as_u64().unwrap() > 3000,
            "{}",
            report["texts"]
        );
        eprintln!(
            "dark {dark}: {} texts, least contrast {} ({})",
            report["texts"], report["least"], report["where"]
        );
        papers.push(report["papers"].clone());
    }
    let frames = papers[0].as_object().unwrap();
    assert_eq!(frames.len(), plans.len() * (1 + WIDTHS.len()));
    for (frame, light) in frames {
        assert_ne!(
            *light, papers[1][frame],
            "{frame} is the same in light and dark"
        );
    }
}

#[test]
fn a_fault_in_a_picture_is_found() {
    let good = html::render(&Sheet::of(&planned()));
    let drawing = svg::render(&Sheet::of(&planned()));
    let faults = [
        (
            good.replace(
                "white-space:nowrap;font-size:13px",
                "white-space:nowrap;font-size:40px",
            ),
            "leaves its",
        ),
        (
            good.replace("--ink:#1f2428", "--ink:#999"),
            "has a contrast of",
        ),
        (
            good.replace(
                "h2{font-size:1.15rem",
                "h2{margin-bottom:-2rem;font-size:1.15rem",
            ),
            "overlaps",
        ),
        (
            good.replace("max-width:60rem", "width:200rem"),
            "scrolls sideways",
        ),
        (drawing.replace("font:14px", "font:30px"), "overlaps"),
    ];
    for (body, what) in faults {
        assert!(
            body != good && body != drawing,
            "{what}: nothing was changed"
        );
        let page = format!(
            "<!doctype html><html style=\"color-scheme:light dark\"><meta charset=\"utf-8\"><body><iframe \
             data-name=\"fault\" style=\"width:1040px;height:900px;border:0;color-scheme:light dark\" srcdoc=\"{}\">\
             </iframe><script>{MEASURE}</script></body></html>",
            quoted(&body)
        );
        let report = look_at(&page, false);
        let problems = report["problems"].to_string();
        assert!(problems.contains(what), "{what} was not found: {problems}");
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for (name, plan) in plans() {
        let sheet = Sheet::of(&plan);
        let (page, drawing) = (html::render(&sheet), svg::render(&sheet));
        assert!(page.contains("default-src 'none'"), "{name}");
        for text in [&page, &drawing] {
            let bare = text.replace("http://www.w3.org/2000/svg", "");
            for word in [
                "<script", "<img", "<link", "<iframe", "http:", "https:", "//", "@import",
                "url(http",
            ] {
                assert!(!bare.contains(word), "{name} has {word}");
            }
            let hidden =
                |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(
                !text.contains(hidden),
                "{name} has characters that nobody sees"
            );
        }
    }
}
