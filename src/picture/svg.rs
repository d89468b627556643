//! A plan as one SVG file, in light and in dark. Pure.
//!
//! SVG does not break lines, so every text is cut to its room, which is reckoned with the widest usual face; text that
//! is not ASCII is also held to that width, for its glyphs may come from anywhere.

use crate::picture::look::{self, COLOURS, class, escape, not_to_scale};
use crate::picture::scale::shares;
use crate::picture::strip::{Mark, Segment, Strip};
use crate::picture::{DiskPicture, Row, Sheet};

/// Width of the drawing in pixels, its margin, and what is left.
const WIDTH: u64 = 1000;
const MARGIN: u64 = 36;
const ROOM: u64 = WIDTH - 2 * MARGIN;
/// Size of text in pixels.
const TEXT: u64 = 14;
const SMALL: u64 = 12;
/// From one line of text to the next.
const LINE: u64 = 22;
/// Parts of a strip, at most, and the least width of one in hundredths of a pixel.
const MOST: usize = 60;
const LEAST: u64 = 800;
/// Height of a strip, and of the tape at its foot.
const BAR: u64 = 56;
const TAPE: u64 = 8;
/// Where the columns of the table begin, and where the last one ends.
const COLUMNS: [u64; 7] = [0, 38, 206, 306, 406, 588, ROOM];

const STYLE: &str = "\
svg{background:var(--paper);color-scheme:light dark}\
text{font:14px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:var(--ink);\
white-space:pre;direction:ltr;unicode-bidi:isolate}\
.s{font-size:12px;fill:var(--soft)}.b{font-weight:600}\
.id{font:600 26px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.paper{fill:var(--paper)}.card{fill:var(--card);stroke:var(--line)}.rule{stroke:var(--line)}\
.kept{fill:var(--kept)}.made{fill:var(--made)}.sealed{fill:var(--sealed)}.lost{fill:var(--lost)}.free{fill:var(--free)}\
.mixed{fill:var(--mixed)}\
.kept-x{fill:var(--kept-x)}.made-x{fill:var(--made-x)}.sealed-x{fill:var(--sealed-x)}.lost-x{fill:var(--lost-x)}\
.free-x{stroke:var(--free-x);stroke-width:2;stroke-dasharray:2 6}.mixed-x{fill:var(--mixed-x)}";

/// Patterns of the tapes: diagonal for sealed, upright for lost, the other diagonal for several.
const PATTERNS: &str = "\
<pattern id=\"sealed\" width=\"9\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"skewX(-45)\">\
<rect class=\"sealed\" width=\"9\" height=\"8\"/><rect class=\"sealed-x\" width=\"6\" height=\"8\"/></pattern>\
<pattern id=\"lost\" width=\"6\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
<rect class=\"lost\" width=\"6\" height=\"8\"/><rect class=\"lost-x\" width=\"3\" height=\"8\"/></pattern>\
<pattern id=\"mixed\" width=\"6\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"skewX(45)\">\
<rect class=\"mixed\" width=\"6\" height=\"8\"/><rect class=\"mixed-x\" width=\"2\" height=\"8\"/></pattern>";

/// The drawing.
pub fn render(sheet: &Sheet) -> String {
    let mut page = Page::default();
    page.head(sheet);
    for disk in &sheet.disks {
        page.disk(disk);
    }
    page.list("Notes", &sheet.notes, 6);
    let height = page.y + MARGIN;
    let title = escape(&format!("Plan {}", sheet.id));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{title}</title>\n\
         <desc id=\"desc\">{}</desc>\n<style>{COLOURS}{STYLE}</style>\n<defs>{PATTERNS}</defs>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n{}</svg>\n",
        escape(&description(sheet)),
        page.body
    )
}

/// The whole picture in words.
fn description(sheet: &Sheet) -> String {
    let strip = |strip: &Strip| {
        let parts: Vec<String> = strip.segments.iter().map(spoken).collect();
        parts.join(", ")
    };
    let disk = |disk: &DiskPicture| {
        format!(
            "{}. Before: {}. After: {}.",
            disk.title,
            strip(&disk.before),
            strip(&disk.after)
        )
    };
    sheet.disks.iter().map(disk).collect::<Vec<_>>().join(" ")
}

fn spoken(segment: &Segment) -> String {
    match segment.mark {
        Mark::Free => format!("free {}", segment.extent.len),
        mark => format!("{} {} {}", segment.label, segment.extent.len, mark.word()),
    }
}

/// What is drawn so far, and how far down it reaches.
#[derive(Default)]
struct Page {
    body: String,
    y: u64,
}

impl Page {
    /// One line of text whose baseline is at the page's `y`, cut to `most` pixels.
    fn text(&mut self, x: u64, kind: &str, size: u64, text: &str, most: u64) {
        let text = look::fit(text, size, most * 100);
        if text.is_empty() {
            return;
        }
        let held = match plain(&text) {
            true => String::new(),
            false => format!(
                " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
                hundredths(look::width(&text, size) * 3 / 4)
            ),
        };
        self.body.push_str(&format!(
            "<text class=\"{kind}\" x=\"{x}\" y=\"{}\"{held}>{}</text>\n",
            self.y,
            escape(&text)
        ));
    }

    fn down(&mut self, by: u64) -> &mut Self {
        self.y += by;
        self
    }

    fn head(&mut self, sheet: &Sheet) {
        self.down(MARGIN + 8)
            .text(MARGIN, "s", SMALL, "keelblock plan", ROOM);
        self.down(34).text(MARGIN, "id", 26, &sheet.id, ROOM);
        let verdict = match sheet.loses {
            true => "× Something on these disks is lost.",
            false => "= Nothing on these disks is lost.",
        };
        self.down(30).text(MARGIN, "", TEXT, verdict, ROOM);
        self.down(14);
        for (name, value) in &sheet.facts {
            self.down(LINE).text(MARGIN, "s", SMALL, name, 90);
            self.text(MARGIN + 96, "", TEXT, value, ROOM - 96);
        }
        self.down(20);
        for (index, mark) in (0..).zip(Mark::KEY) {
            let x = MARGIN + index * 180;
            self.bar(mark, x * 100, 3_000, 24);
            self.y += 15;
            self.text(x + 10, "b", SMALL, &mark.sign().to_string(), 18);
            self.text(x + 38, "", TEXT, mark.word(), 140);
            self.y -= 15;
        }
        self.down(36);
    }

    fn disk(&mut self, disk: &DiskPicture) {
        self.down(14);
        self.rule();
        self.down(34).text(MARGIN, "b", 16, &disk.title, ROOM);
        let roles = match disk.roles.as_str() {
            "" => String::new(),
            roles => format!(" · for {roles}"),
        };
        self.down(LINE)
            .text(MARGIN, "s", SMALL, &format!("{}{roles}", disk.id), ROOM);
        self.strip("Before", &disk.before);
        self.strip("After", &disk.after);
        self.list("Lost", &disk.lost, 4);
        self.list("Kept, byte for byte", &joined(&disk.kept), 4);
        self.table(&disk.rows);
        self.down(10);
    }

    fn rule(&mut self) {
        let (end, y) = (MARGIN + ROOM, self.y);
        self.body.push_str(&format!(
            "<path class=\"rule\" d=\"M{MARGIN} {y}.5H{end}\"/>\n"
        ));
    }

    fn strip(&mut self, title: &str, strip: &Strip) {
        self.down(30).text(MARGIN, "b", TEXT, title, 60);
        self.text(MARGIN + 64, "", TEXT, &strip.state, ROOM - 64);
        self.down(10);
        let folded = strip.folded(MOST);
        let parts: Vec<(u64, u64)> = folded
            .segments
            .iter()
            .map(|s| (s.extent.len.get(), LEAST))
            .collect();
        let mut x = MARGIN * 100;
        let mut enlarged = Vec::new();
        for (segment, share) in folded.segments.iter().zip(shares(&parts, ROOM * 100)) {
            self.part(segment, x, share.width);
            x += share.width;
            if share.enlarged {
                enlarged.push(segment.label.clone());
            }
        }
        self.down(BAR);
        if let Some(remark) = not_to_scale(&enlarged) {
            self.down(18).text(MARGIN, "s", SMALL, &remark, ROOM);
        }
        if !strip.covered.is_empty() {
            let remark = format!(
                "Not drawn, for it lies in others: {}.",
                strip.covered.join(", ")
            );
            self.down(18).text(MARGIN, "s", SMALL, &remark, ROOM);
        }
    }

    /// One part of a strip; places and widths in hundredths of a pixel.
    fn part(&mut self, segment: &Segment, x: u64, width: u64) {
        self.body
            .push_str(&format!("<g><title>{}</title>\n", escape(&spoken(segment))));
        self.bar(segment.mark, x, width.saturating_sub(200), BAR);
        let (from, room) = (x / 100 + 9, (width / 100).saturating_sub(18));
        let fits = |text: &str, size: u64| look::width(text, size) <= room * 100;
        let name = format!("{} {}", segment.mark.sign(), segment.label);
        let number = segment
            .number
            .map_or(String::new(), |number| number.to_string());
        let size = segment.extent.len.to_string();
        let top = self.y;
        if fits(&name, TEXT) && fits(&size, SMALL) {
            self.y = top + 20;
            self.text(from, "b", TEXT, &name, room);
            self.y = top + 39;
            self.text(from, "s", SMALL, &size, room);
        } else {
            let texts = [name, number, segment.mark.sign().to_string()];
            if let Some(text) = texts.iter().find(|text| fits(text, SMALL)) {
                self.y = top + 29;
                self.text(from, "b s", SMALL, text, room);
            }
        }
        self.y = top;
        self.body.push_str("</g>\n");
    }

    /// A pale box with a tape at its foot.
    fn bar(&mut self, mark: Mark, x: u64, width: u64, height: u64) {
        let name = class(mark);
        let tape = TAPE.min(height / 4);
        let fill = match mark {
            Mark::Kept | Mark::Made => format!("class=\"{name}-x\""),
            _ => format!("fill=\"url(#{name})\""),
        };
        let (from, to) = (hundredths(x), hundredths(x + width));
        let (x, width, y) = (hundredths(x), hundredths(width), self.y);
        if mark == Mark::Free {
            let foot = y + height - 4;
            self.body.push_str(&format!(
                "<rect class=\"free\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>\
                 <path class=\"free-x\" d=\"M{from} {foot}H{to}\"/>\n"
            ));
            return;
        }
        self.body.push_str(&format!(
            "<rect class=\"{name}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>\
             <rect {fill} x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{tape}\"/>\n",
            y + height - tape
        ));
    }

    fn list(&mut self, title: &str, entries: &[String], most: usize) {
        if entries.is_empty() {
            return;
        }
        self.down(32).text(MARGIN, "b", TEXT, title, ROOM);
        for entry in entries {
            for line in look::lines(entry, TEXT, (ROOM - 16) * 100, most) {
                self.down(LINE)
                    .text(MARGIN + 16, "", TEXT, &line, ROOM - 16);
            }
        }
    }

    fn table(&mut self, rows: &[Row]) {
        self.down(36);
        let heads = ["#", "Name", "Start", "Size", "What happens", "Content"];
        for (column, head) in heads.iter().enumerate() {
            self.cell(column, "s", SMALL, head);
        }
        self.down(8);
        self.rule();
        for row in rows {
            self.row(row);
        }
    }

    fn row(&mut self, row: &Row) {
        let what = format!("{} {}", row.mark.sign(), row.mark.word());
        self.down(20);
        for (column, text) in [&row.number, &row.name, &row.start, &row.size, &what]
            .iter()
            .enumerate()
        {
            self.cell(column, if column == 1 { "b" } else { "" }, TEXT, text);
        }
        let room = COLUMNS[6] - COLUMNS[5];
        for (index, line) in look::lines(&row.content, TEXT, room * 100, 5)
            .iter()
            .enumerate()
        {
            self.down(if index == 0 { 0 } else { LINE - 2 });
            self.cell(5, "", TEXT, line);
        }
        self.down(8);
        self.rule();
    }

    fn cell(&mut self, column: usize, kind: &str, size: u64, text: &str) {
        let room = COLUMNS[column + 1] - COLUMNS[column];
        let gap = if column == 5 { 0 } else { 12 };
        self.text(MARGIN + COLUMNS[column], kind, size, text, room - gap);
    }
}

fn joined(names: &[String]) -> Vec<String> {
    match names {
        [] => Vec::new(),
        names => vec![names.join(", ")],
    }
}

/// Whether every face has these signs at the width that is reckoned with.
fn plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii() || matches!(c, '…' | '×' | '·' | '—'))
}

/// A number of hundredths with two decimals.
fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}
