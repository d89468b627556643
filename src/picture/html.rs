//! A plan as one HTML page that loads nothing, runs nothing and prints well. Pure.
//!
//! Strips are boxes whose widths are percentages, so they fit every window; what does not fit into a box stands in the
//! table below it, which has everything. Every text from a disk is escaped, and the page forbids scripts by itself.

use crate::picture::look::{self, COLOURS, class, escape, not_to_scale};
use crate::picture::scale::shares;
use crate::picture::strip::{Mark, Segment, Strip};
use crate::picture::{DiskPicture, Row, Sheet};

/// Parts of a strip, at most.
const MOST: usize = 36;
/// Hundredths of a percent that every part gets, where there are few of them and where there are many.
const LEAST: [u64; 2] = [350, 200];
const FEW: usize = 20;
/// All of it.
const WHOLE: u64 = 10_000;
/// Hundredths of a pixel that a strip has at least, in the narrowest window and in one of 760 pixels or more.
const ROOM: [u64; 2] = [26_000, 64_000];
/// Size of labels in pixels, and what is around them in hundredths.
const LABEL: u64 = 13;
const AROUND: u64 = 1_200;

const STYLE: &str = include_str!("page.css");
/// Says that the page loads and runs nothing.
const HEAD: &str = include_str!("head.html");

/// The page.
pub fn render(sheet: &Sheet) -> String {
    let id = escape(&sheet.id);
    let disks: String = sheet
        .disks
        .iter()
        .enumerate()
        .map(|(n, disk)| section(n, disk))
        .collect();
    let facts: String = sheet.facts.iter().map(definition).collect();
    let verdict = if sheet.loses {
        "<p class=\"verdict loses\"><b>×</b> Something on these disks is lost.</p>"
    } else {
        "<p class=\"verdict\"><b>=</b> Nothing on these disks is lost.</p>"
    };
    let notes: String = sheet.notes.iter().map(|note| item(note)).collect();
    let notes = match notes.as_str() {
        "" => String::new(),
        notes => format!("<section class=\"notes\"><h2>Notes</h2><ul>{notes}</ul></section>"),
    };
    format!(
        "{HEAD}<title>Plan {id}</title>\n<style>\n{COLOURS}\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><p class=\"kicker\">keelblock plan</p><h1>{id}</h1>\n{verdict}\n<dl>{facts}</dl>\n{}</header>\n\
         {disks}{notes}\
         <footer>Apply it with <code>keelblock apply</code>, and compare the id above with the one that is printed \
         there.</footer>\n</main>\n</body>\n</html>\n",
        key()
    )
}

fn definition((name, value): &(&'static str, String)) -> String {
    format!(
        "<div><dt>{name}</dt><dd><bdi>{}</bdi></dd></div>",
        escape(value)
    )
}

fn item(text: &str) -> String {
    format!("<li><bdi>{}</bdi></li>", escape(text))
}

fn key() -> String {
    let entry = |mark: Mark| {
        format!(
            "<li><span class=\"chip {}\" aria-hidden=\"true\">{}</span>{}</li>",
            class(mark),
            mark.sign(),
            mark.word()
        )
    };
    let entries: String = Mark::KEY.into_iter().map(entry).collect();
    format!("<ul class=\"key\" aria-label=\"Key\">{entries}</ul>\n")
}

fn section(index: usize, disk: &DiskPicture) -> String {
    let roles = match disk.roles.as_str() {
        "" => String::new(),
        roles => format!(" · for <bdi>{}</bdi>", escape(roles)),
    };
    let list = |title: &str, kind: &str, entries: &[String]| match entries {
        [] => String::new(),
        entries => {
            let entries: String = entries.iter().map(|entry| item(entry)).collect();
            format!("<div class=\"{kind}\"><h3>{title}</h3><ul>{entries}</ul></div>\n")
        }
    };
    let rows: String = disk.rows.iter().map(row).collect();
    format!(
        "<section class=\"disk\" aria-labelledby=\"disk-{index}\">\n<h2 id=\"disk-{index}\"><bdi>{}</bdi></h2>\n\
         <p class=\"sub\"><bdi>{}</bdi>{roles}</p>\n{}{}{}{}\
         <table><caption>Every part of it</caption><thead><tr><th scope=\"col\">#</th><th scope=\"col\">Name</th>\
         <th scope=\"col\">Start</th><th scope=\"col\">Size</th><th scope=\"col\">What happens</th>\
         <th scope=\"col\">Content</th></tr></thead><tbody>\n{rows}</tbody></table>\n</section>\n",
        escape(&disk.title),
        escape(&disk.id),
        figure("Before", &disk.before),
        figure("After", &disk.after),
        list("Lost", "loss", &disk.lost),
        list("Kept, byte for byte", "keeps", &disk.kept),
    )
}

fn figure(title: &str, strip: &Strip) -> String {
    let folded = strip.folded(MOST);
    let least = LEAST[usize::from(folded.segments.len() > FEW)];
    let lengths = folded.segments.iter().map(|s| s.extent.len.get());
    let parts: Vec<(u64, u64)> = lengths.map(|length| (length, least)).collect();
    let mut boxes = String::new();
    let mut enlarged = Vec::new();
    for (segment, share) in folded.segments.iter().zip(shares(&parts, WHOLE)) {
        boxes.push_str(&part(segment, share.width));
        if share.enlarged {
            enlarged.push(segment.label.clone());
        }
    }
    let mut remarks: Vec<String> = not_to_scale(&enlarged).into_iter().collect();
    if !strip.covered.is_empty() {
        remarks.push(format!(
            "Not drawn, for it lies in others: {}.",
            strip.covered.join(", ")
        ));
    }
    let remarks: String = remarks
        .iter()
        .map(|remark| format!("<p class=\"scale\"><bdi>{}</bdi></p>", escape(remark)))
        .collect();
    let spoken: Vec<String> = folded.segments.iter().map(spoken).collect();
    format!(
        "<figure><figcaption><b>{title}</b> <bdi>{}</bdi></figcaption>\
         <div class=\"strip\" role=\"img\" aria-label=\"{title}: {}\">{boxes}</div>{remarks}</figure>\n",
        escape(&strip.state),
        escape(&spoken.join(", "))
    )
}

fn spoken(segment: &Segment) -> String {
    match segment.mark {
        Mark::Free => format!("free {}", segment.extent.len),
        mark => format!("{} {} {}", segment.label, segment.extent.len, mark.word()),
    }
}

fn part(segment: &Segment, width: u64) -> String {
    let [narrow, wide] = ROOM.map(|room| label(segment, width * room / WHOLE));
    let text = |class: &str, text: &str| match text {
        "" => String::new(),
        text => format!("<span class=\"{class}\"><bdi>{}</bdi></span>", escape(text)),
    };
    let inner = match narrow == wide {
        true => text("l", &wide),
        false => text("l n", &narrow) + &text("l w", &wide),
    };
    format!(
        "<div class=\"seg {}\" style=\"width:{}.{:02}%\" title=\"{}\">{inner}</div>",
        class(segment.mark),
        width / 100,
        width % 100,
        escape(&spoken(segment))
    )
}

/// Sign and name, or number, or sign, whatever fits.
fn label(segment: &Segment, room: u64) -> String {
    let sign = segment.mark.sign();
    let number = segment.number.map(|number| number.to_string());
    let candidates = [
        Some(format!("{sign} {}", segment.label)),
        number,
        Some(sign.to_string()),
    ];
    let mut candidates = candidates.into_iter().flatten();
    let fits = |text: &String| look::width(text, LABEL) + AROUND <= room;
    candidates.find(fits).unwrap_or_default()
}

fn row(row: &Row) -> String {
    let cell = |title: &str, text: &str| {
        format!(
            "<td data-title=\"{title}\"><bdi>{}</bdi></td>",
            escape(text)
        )
    };
    format!(
        "<tr>{}{}{}{}<td data-title=\"What happens\"><span class=\"chip {}\" aria-hidden=\"true\">{}</span>{}</td>{}</tr>\n",
        cell("#", &row.number),
        cell("Name", &row.name),
        cell("Start", &row.start),
        cell("Size", &row.size),
        class(row.mark),
        row.mark.sign(),
        row.mark.word(),
        cell("Content", &row.content)
    )
}
