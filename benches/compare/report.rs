//! From samples to verdicts: medians, ratios, goals, a table for people and JSON for machines.

use serde_json::{Value, json};

use crate::measure::{Sample, median};

/// What a quantity must not exceed.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So many times the peer's.
    Ratio(f64),
    /// So many bytes.
    Bytes(f64),
}

/// The limits of one comparison; `None` is measured without a verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Goal {
    /// Wall time.
    pub time: Option<Limit>,
    /// Peak memory.
    pub memory: Option<Limit>,
    /// Bytes written.
    pub written: Option<Limit>,
}

/// The runs of one side, or why there are none.
pub type Runs = Result<Vec<Sample>, String>;

/// What a line measures.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Quantity {
    Time,
    Memory,
    Written,
    Size,
}

/// One line of the report.
#[derive(Debug)]
pub struct Line {
    name: String,
    quantity: Quantity,
    ours: Option<f64>,
    peer: Option<f64>,
    limit: Option<Limit>,
}

/// A run in which one side could not be measured.
#[derive(Debug)]
pub struct Gap {
    name: String,
    side: &'static str,
    reason: String,
}

/// All lines and gaps.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
    gaps: Vec<Gap>,
    facts: serde_json::Map<String, Value>,
}

impl Report {
    /// Adds something that readers of the numbers should know.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Adds a comparison.
    pub fn compare(&mut self, name: &str, goal: Goal, ours: &Runs, peer: &Runs) {
        for (side, runs) in [("keelblock", ours), ("peer", peer)] {
            if let Err(reason) = runs {
                self.gap(name, side, reason.clone());
            }
        }
        let quantities = [
            (Quantity::Time, goal.time),
            (Quantity::Memory, goal.memory),
            (Quantity::Written, goal.written),
        ];
        for (quantity, limit) in quantities {
            let (ours, peer) = (middle(ours, quantity), middle(peer, quantity));
            if ours.is_some() || peer.is_some() {
                let name = name.to_owned();
                self.lines.push(Line {
                    name,
                    quantity,
                    ours,
                    peer,
                    limit,
                });
            }
        }
    }

    /// Adds a number of bytes that no peer has.
    pub fn size(&mut self, name: &str, bytes: f64, limit: Limit) {
        self.lines.push(Line {
            name: name.to_owned(),
            quantity: Quantity::Size,
            ours: Some(bytes),
            peer: None,
            limit: Some(limit),
        });
    }

    /// Says that one side could not be measured.
    pub fn gap(&mut self, name: &str, side: &'static str, reason: String) {
        let name = name.to_owned();
        self.gaps.push(Gap { name, side, reason });
    }

    /// Nothing was tried.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.gaps.is_empty()
    }

    /// Every side was measured and no goal was missed.
    pub fn passed(&self) -> bool {
        self.gaps.is_empty() && self.lines.iter().all(|line| line.met() != Some(false))
    }

    /// The report as lines for people.
    pub fn table(&self) -> String {
        let mut rows =
            vec![["comparison", "", "keelblock", "peer", "ratio", "goal", ""].map(String::from)];
        rows.extend(self.lines.iter().map(Line::row));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<_> = (0..7).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(&widths).enumerate();
            let cells: Vec<_> = cells
                .map(|(column, (cell, width))| match column {
                    2..=4 => format!("{cell:>width$}"),
                    _ => format!("{cell:<width$}"),
                })
                .collect();
            text += cells.join("  ").trim_end();
            text.push('\n');
        }
        for gap in &self.gaps {
            text += &format!("not measured: {}, {}: {}\n", gap.name, gap.side, gap.reason);
        }
        text
    }

    /// The report as JSON: seconds and bytes.
    pub fn json(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "name": line.name, "quantity": line.quantity.word(), "keelblock": line.ours,
                "peer": line.peer, "ratio": line.ratio(), "goal": line.goal(), "met": line.met(),
            })
        };
        let gap = |gap: &Gap| json!({"name": gap.name, "side": gap.side, "reason": gap.reason});
        json!({
            "schema": "keelblock/bench/v1",
            "facts": self.facts,
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            "gaps": self.gaps.iter().map(gap).collect::<Vec<_>>(),
        })
    }
}

impl Quantity {
    const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "peak memory",
            Self::Written => "written",
            Self::Size => "size",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Time if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Time => format!("{value:.2} s"),
            Self::Memory | Self::Written | Self::Size => show_bytes(value),
        }
    }
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        let peer = self.peer.filter(|peer| *peer > 0.0)?;
        Some(self.ours? / peer)
    }

    /// Whether the goal is met; `None` without a goal or without the numbers.
    fn met(&self) -> Option<bool> {
        match self.limit? {
            Limit::Ratio(limit) => Some(self.ratio()? <= limit),
            Limit::Bytes(limit) => Some(self.ours? <= limit),
        }
    }

    fn goal(&self) -> Option<String> {
        Some(match self.limit? {
            Limit::Ratio(limit) => format!("at most {limit:.2} x"),
            Limit::Bytes(limit) => format!("at most {}", show_bytes(limit)),
        })
    }

    fn row(&self) -> [String; 7] {
        let show = |value: Option<f64>| value.map_or("-".into(), |it| self.quantity.show(it));
        let verdict = match (self.limit, self.met()) {
            (_, Some(true)) => "met",
            (_, Some(false)) => "missed",
            (Some(_), None) => "open",
            (None, None) => "",
        };
        [
            self.name.clone(),
            self.quantity.word().to_owned(),
            show(self.ours),
            show(self.peer),
            self.ratio().map_or("-".into(), |it| format!("{it:.2}")),
            self.goal().unwrap_or_default(),
            verdict.to_owned(),
        ]
    }
}

fn show_bytes(value: f64) -> String {
    format!("{:.2} MiB", value / f64::from(1 << 20))
}

/// The median of a quantity over the runs that have it.
fn middle(runs: &Runs, quantity: Quantity) -> Option<f64> {
    let value = |sample: &Sample| match quantity {
        Quantity::Time => Some(sample.seconds),
        Quantity::Memory => sample.memory.map(to_f64),
        Quantity::Written => sample.written.map(to_f64),
        Quantity::Size => None,
    };
    let values: Vec<_> = runs.as_ref().ok()?.iter().filter_map(value).collect();
    (!values.is_empty()).then(|| median(values))
}

/// A count for ratios and for show; past 2⁵³ the last digits go.
pub fn to_f64(count: u64) -> f64 {
    count as f64
}
