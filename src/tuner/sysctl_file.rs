//! Files of sysctl.d: what stands in them, and where.
//!
//! Pure. Never says what a value does: that is [`super::knobs`].
//! Spec: sysctl.d(5) and `systemd-sysctl` of systemd 257.

use super::parameter::swapped;
use super::rules::{Fault, Place, Weight};

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key as it is written, without the dash.
    pub written: String,
    /// The key with dots, such as `vm.dirty_bytes` or `net.ipv4.conf.eth0/1.forwarding`. A pattern of shell globs, if
    /// it has any, stands for every key below `/proc/sys` that fits.
    pub key: String,
    /// The value; `None` for `-key`, which takes the key out of what patterns set.
    pub value: Option<String>,
    /// `-key = value`: it is no error if the kernel refuses it.
    pub may_fail: bool,
    /// Where the key begins.
    pub at: Place,
    /// Where the value begins.
    pub value_at: Place,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SysctlFile {
    /// The assignments in the order of the file; of two of one key the later counts.
    pub settings: Vec<Setting>,
    /// Lines that are none.
    pub faults: Vec<Fault>,
}

/// Reads a file of sysctl.d.
pub fn parse(text: &str) -> SysctlFile {
    let mut file = SysctlFile::default();
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    for (number, line) in (1..).zip(lines) {
        let body = line.trim_start();
        if body.is_empty() || body.starts_with(['#', ';']) {
            continue;
        }
        let at = |skipped: usize| Place {
            line: number,
            column: column(line, skipped),
        };
        let start = line.len() - body.len();
        match setting(line, start, &at) {
            Ok(setting) => file.settings.push(setting),
            Err(message) => file.faults.push(Fault {
                at: at(start),
                weight: Weight::Error,
                message: message.to_owned(),
            }),
        }
    }
    file
}

fn setting(
    line: &str,
    start: usize,
    at: &impl Fn(usize) -> Place,
) -> Result<Setting, &'static str> {
    let body = line.get(start..).unwrap_or_default();
    let (key, value) = match body.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None if body.starts_with('-') => (body, None),
        None => return Err("not an assignment: KEY = VALUE"),
    };
    let may_fail = key.starts_with('-');
    let written = key.strip_prefix('-').unwrap_or(key).trim();
    if written.is_empty() {
        return Err("the key is missing");
    }
    let value_start = value.map_or(start, |value| {
        line.len() - value.len() + (value.len() - value.trim_start().len())
    });
    Ok(Setting {
        written: written.to_owned(),
        key: dotted(written),
        value: value.map(|value| value.trim().to_owned()),
        may_fail: may_fail && value.is_some(),
        at: at(start + usize::from(may_fail)),
        value_at: at(value_start),
    })
}

/// A key with dots between its parts: where the first separator is a slash, dots and slashes change places.
pub fn dotted(key: &str) -> String {
    match key.find(['.', '/']).and_then(|at| key.get(at..at + 1)) {
        Some("/") => key.chars().map(swapped).collect(),
        _ => key.to_owned(),
    }
}

/// The column of the byte at `skipped`.
fn column(line: &str, skipped: usize) -> u32 {
    let before = line.get(..skipped).unwrap_or(line).chars().count();
    u32::try_from(before).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_knows_its_key_its_value_and_their_places() {
        let file = parse("# a\n; b\n\n  vm.dirty_bytes =  1 2 \nvm/swappiness=1\r\n");
        let [bytes, swap] = file.settings.as_slice() else {
            panic!("{file:?}");
        };
        assert_eq!(
            (bytes.key.as_str(), bytes.value.as_deref()),
            ("vm.dirty_bytes", Some("1 2"))
        );
        assert_eq!(bytes.at, Place { line: 4, column: 3 });
        assert_eq!(
            bytes.value_at,
            Place {
                line: 4,
                column: 21
            }
        );
        assert_eq!(
            (swap.key.as_str(), swap.value.as_deref()),
            ("vm.swappiness", Some("1"))
        );
        assert_eq!(file.faults, Vec::new());
    }

    #[test]
    fn the_first_separator_decides_what_dots_mean() {
        for (written, key) in [
            (
                "net.ipv4.conf.enp3s0/200.forwarding",
                "net.ipv4.conf.enp3s0/200.forwarding",
            ),
            (
                "net/ipv4/conf/enp3s0.200/forwarding",
                "net.ipv4.conf.enp3s0/200.forwarding",
            ),
            ("vm/swappiness", "vm.swappiness"),
            ("vm", "vm"),
        ] {
            assert_eq!(dotted(written), key);
        }
    }

    #[test]
    fn a_dash_forgives_a_failure_or_takes_a_key_out_of_patterns() {
        let file =
            parse("-kernel.x = 1\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n");
        let may_fail: Vec<_> = file.settings.iter().map(|it| it.may_fail).collect();
        assert_eq!(may_fail, [true, false, false]);
        assert_eq!(file.settings[2].value, None);
        assert_eq!(file.settings[2].key, "net.ipv4.conf.all.rp_filter");
        assert_eq!(file.settings[0].at.column, 2);
    }

    #[test]
    fn a_line_that_is_no_assignment_is_a_fault_of_its_own() {
        let file = parse("vm.swappiness 1\n= 2\n-\nvm.swappiness=\n");
        let lines: Vec<_> = file.faults.iter().map(|fault| fault.at.line).collect();
        assert_eq!(lines, [1, 2, 3]);
        assert_eq!(file.settings[0].value.as_deref(), Some(""));
    }
}
