//! What the follower tells Prometheus, in the text format. Pure.
//!
//! Spec: exposition formats of Prometheus, version 0.0.4. A label's value may be anything that a disk says of itself.

use std::collections::BTreeMap;

/// Content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Longer values of labels are cut.
const LONGEST_LABEL: usize = 256;

/// More series of one metric are not kept; disks and keys are few.
const MOST_SERIES: usize = 4096;

/// One setting of one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// What it is; `None` for what is no number, such as a scheduler.
    pub value: Option<f64>,
    /// What it should be.
    pub wanted: Option<f64>,
    /// Whether the two differ, numbers or not.
    pub drift: bool,
}

/// Everything that is counted and measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    samples: BTreeMap<(String, String), Sample>,
    resets: BTreeMap<String, u64>,
    replugs: BTreeMap<String, u64>,
    events: u64,
    lost: u64,
}

impl Metrics {
    /// Takes in how a setting (`key`) of a disk stands. `disk` is its id, which stays when it is plugged in again.
    pub fn sample(&mut self, disk: &str, key: &str, sample: Sample) {
        let series = (cut(disk), cut(key));
        if self.samples.len() < MOST_SERIES || self.samples.contains_key(&series) {
            self.samples.insert(series, sample);
        }
    }

    /// Forgets the settings of a disk that is gone; what was counted stays.
    pub fn gone(&mut self, disk: &str) {
        let disk = cut(disk);
        self.samples.retain(|(of, _), _| *of != disk);
    }

    /// Forgets the settings of all disks, before they are looked at anew.
    pub fn forget(&mut self) {
        self.samples.clear();
    }

    /// Counts a setting of a disk that had to be written again.
    pub fn reset(&mut self, disk: &str) {
        count(&mut self.resets, disk);
    }

    /// Counts a disk that came back.
    pub fn replug(&mut self, disk: &str) {
        count(&mut self.replugs, disk);
    }

    /// Counts a message of the kernel about something that is tuned.
    pub fn event(&mut self) {
        self.events += 1;
    }

    /// Counts an occasion on which messages were lost.
    pub fn lost(&mut self) {
        self.lost += 1;
    }

    /// The text for Prometheus.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let drift = |sample: &Sample| Some(if sample.drift { 1.0 } else { 0.0 });
        let help = "Value of a tuned setting.";
        family(
            &mut out,
            "value",
            "gauge",
            help,
            &self.series(|sample| sample.value),
        );
        let help = "Value that a tuned setting should have.";
        family(
            &mut out,
            "wanted",
            "gauge",
            help,
            &self.series(|sample| sample.wanted),
        );
        let help = "Whether a tuned setting differs from what it should be.";
        family(&mut out, "drift", "gauge", help, &self.series(drift));
        let help = "Settings that had to be written again.";
        family(
            &mut out,
            "resets_total",
            "counter",
            help,
            &by_disk(&self.resets),
        );
        let help = "Disks that were plugged in again.";
        family(
            &mut out,
            "replugs_total",
            "counter",
            help,
            &by_disk(&self.replugs),
        );
        let help = "Messages of the kernel about disks.";
        let events = [(Vec::new(), float(self.events))];
        family(&mut out, "events_total", "counter", help, &events);
        let help = "Occasions on which messages of the kernel were lost.";
        let lost = [(Vec::new(), float(self.lost))];
        family(&mut out, "events_lost_total", "counter", help, &lost);
        out
    }

    /// One number of every setting that has it.
    fn series(&self, pick: impl Fn(&Sample) -> Option<f64>) -> Vec<Series<'_>> {
        let samples = self.samples.iter();
        let series = samples.filter_map(|((disk, key), sample)| {
            let labels = vec![("disk", disk.as_str()), ("key", key.as_str())];
            Some((labels, pick(sample)?))
        });
        series.collect()
    }
}

/// The labels and the value of one line.
type Series<'a> = (Vec<(&'static str, &'a str)>, f64);

fn by_disk(counts: &BTreeMap<String, u64>) -> Vec<Series<'_>> {
    let series = counts.iter();
    series
        .map(|(disk, count)| (vec![("disk", disk.as_str())], float(*count)))
        .collect()
}

fn count(counts: &mut BTreeMap<String, u64>, disk: &str) {
    let disk = cut(disk);
    if counts.len() < MOST_SERIES || counts.contains_key(&disk) {
        *counts.entry(disk).or_default() += 1;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in floating point, too"
)]
const fn float(count: u64) -> f64 {
    count as f64
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_LABEL).collect()
}

/// One metric with all its series; nothing without any.
fn family(out: &mut String, name: &str, kind: &str, help: &str, series: &[Series<'_>]) {
    if series.is_empty() {
        return;
    }
    let name = format!("keelblock_tune_{name}");
    out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    for (labels, value) in series {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        out.push_str(&format!("{name}{labels} {value}\n"));
    }
}

/// The three characters that end a label's value, or are taken for the beginning of an escape.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    /// A line of the format as a reader takes it: name, labels, value.
    type Line = (String, Vec<(String, String)>, f64);

    /// Reads the text as its specification says, and panics at whatever is wrong with it.
    fn read(text: &str) -> Vec<Line> {
        assert!(text.is_empty() || text.ends_with('\n'));
        let mut known: Vec<String> = Vec::new();
        let mut found: Vec<Line> = Vec::new();
        for line in text.split_terminator('\n') {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let name = rest.split_once(' ').unwrap().0.to_owned();
                assert!(!known.contains(&name), "{name} twice");
                known.push(name);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(known.last().map(String::as_str), Some(name));
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            } else {
                let series = series(line);
                assert_eq!(known.last(), Some(&series.0), "outside of its family");
                let same = |one: &&Line| one.0 == series.0 && one.1 == series.1;
                assert!(!found.iter().any(|one| same(&one)), "{line} twice");
                found.push(series);
            }
        }
        found
    }

    fn series(line: &str) -> Line {
        let name: String = line
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let mut rest = &line[name.len()..];
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            loop {
                let (label, after) = rest.split_once("=\"").unwrap();
                let mut value = String::new();
                let mut chars = after.char_indices();
                let end = loop {
                    match chars.next().unwrap() {
                        (at, '"') => break at,
                        (_, '\\') => value.push(match chars.next().unwrap().1 {
                            'n' => '\n',
                            c @ ('\\' | '"') => c,
                            other => panic!("escape {other}"),
                        }),
                        (_, c) => value.push(c),
                    }
                };
                labels.push((label.to_owned(), value));
                rest = &after[end + 1..];
                match rest.strip_prefix(',') {
                    Some(next) => rest = next,
                    None => break,
                }
            }
            rest = rest.strip_prefix('}').unwrap();
        }
        let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
        (name, labels, value)
    }

    fn value(found: &[Line], name: &str) -> Vec<f64> {
        let name = format!("keelblock_tune_{name}");
        found
            .iter()
            .filter(|series| series.0 == name)
            .map(|series| series.2)
            .collect()
    }

    #[test]
    fn every_metric_is_there_under_its_name() {
        let mut metrics = Metrics::default();
        let number = |value, wanted| Sample {
            value: Some(value),
            wanted: Some(wanted),
            drift: value != wanted,
        };
        metrics.sample(
            "usb 04e8:61f5 S1",
            "queue/read_ahead_kb",
            number(65532.0, 128.0),
        );
        metrics.sample("usb 04e8:61f5 S1", "queue/rotational", number(0.0, 0.0));
        metrics.sample(
            "usb 04e8:61f5 S1",
            "queue/scheduler",
            Sample {
                drift: true,
                ..Sample::default()
            },
        );
        metrics.reset("usb 04e8:61f5 S1");
        metrics.replug("usb 04e8:61f5 S1");
        metrics.event();
        metrics.event();
        metrics.lost();
        let found = read(&metrics.render());
        assert_eq!(value(&found, "value"), [65532.0, 0.0]);
        assert_eq!(value(&found, "wanted"), [128.0, 0.0]);
        assert_eq!(value(&found, "drift"), [1.0, 0.0, 1.0]);
        assert_eq!(value(&found, "resets_total"), [1.0]);
        assert_eq!(value(&found, "replugs_total"), [1.0]);
        assert_eq!(value(&found, "events_total"), [2.0]);
        assert_eq!(value(&found, "events_lost_total"), [1.0]);
        metrics.gone("usb 04e8:61f5 S1");
        let found = read(&metrics.render());
        assert_eq!(
            (
                value(&found, "value").len(),
                value(&found, "resets_total").len()
            ),
            (0, 1)
        );
    }

    #[test]
    fn series_are_bounded_and_so_are_their_labels() {
        let mut metrics = Metrics::default();
        for number in 0..MOST_SERIES + 10 {
            metrics.sample(&format!("disk {number}"), "key", Sample::default());
            metrics.reset(&format!("disk {number}"));
        }
        metrics.replug(&"x".repeat(100_000));
        assert_eq!(
            (metrics.samples.len(), metrics.resets.len()),
            (MOST_SERIES, MOST_SERIES)
        );
        assert!(
            metrics
                .replugs
                .keys()
                .all(|disk| disk.len() == LONGEST_LABEL)
        );
    }

    proptest! {
        #[test]
        fn whatever_a_disk_calls_itself_is_read_back(disk in any::<String>(), key in any::<String>()) {
            let mut metrics = Metrics::default();
            metrics.sample(&disk, &key, Sample { value: Some(1.5), ..Sample::default() });
            let found = read(&metrics.render());
            let labels = vec![("disk".to_owned(), cut(&disk)), ("key".to_owned(), cut(&key))];
            prop_assert_eq!(&found[0], &("keelblock_tune_value".to_owned(), labels, 1.5));
        }
    }
}
