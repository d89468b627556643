//! What the kernel makes of one write to a knob, and whether what is read back is that.
//!
//! Pure: limits that only the hardware knows are not judged here; what is read back tells.

use super::{Accepts, Access, Knob, Otherwise};

/// What becomes of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is taken as it is.
    Accepted,
    /// It succeeds, and this is read back instead.
    Rounded(String),
    /// It fails, for this reason.
    Rejected(String),
    /// The file cannot be written at all.
    ReadOnly,
    /// It succeeds and changes nothing, for this reason.
    Ignored(&'static str),
}

/// How what is read back relates to what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It is the same setting, perhaps spelled otherwise.
    Same,
    /// The same within what the kernel's own arithmetic loses.
    Rounded,
    /// Less, in a knob that the hardware's limit cuts.
    Clamped,
    /// Something else.
    Different,
}

/// Schedulers that the kernel has had since 5.0. `deadline` is an alias.
const SCHEDULERS: [&str; 5] = ["none", "mq-deadline", "deadline", "kyber", "bfq"];

/// Those that went away with the single-queue block layer.
const GONE: [&str; 3] = ["cfq", "noop", "anticipatory"];

/// The largest value of most queue attributes: an `unsigned int`.
pub(super) const UINT_MAX: i128 = 4_294_967_295;

impl Knob {
    /// What the kernel makes of a write of `value`, which may end in a newline.
    pub fn judge(&self, value: &str) -> Judgement {
        if self.access == Access::ReadOnly {
            return Judgement::ReadOnly;
        }
        let value = value.strip_suffix('\n').unwrap_or(value);
        let judgement = match self.accepts {
            Accepts::Text => Judgement::Accepted,
            Accepts::Scheduler => scheduler(value.trim()),
            Accepts::Words(words) => word(words, value),
            accepts => match number(value) {
                Ok(number) => judge_number(accepts, number),
                Err(why) => Judgement::Rejected(why),
            },
        };
        match self.idle(value, None) {
            Some(why) if self.ignores() && judgement == Judgement::Accepted => {
                Judgement::Ignored(why)
            }
            _ => judgement,
        }
    }

    /// Whether every write is ignored, rather than one of a default.
    fn ignores(&self) -> bool {
        self.idles
            .iter()
            .any(|idle| idle.value == "*" && idle.on.is_empty())
    }

    /// Whether `found`, as it is read, is what a write of `requested` leads to. A value that the hardware's limit cut
    /// is not the same.
    pub fn same(&self, requested: &str, found: &str) -> bool {
        matches!(
            self.compare(requested, found),
            Likeness::Same | Likeness::Rounded
        )
    }

    /// How `found`, as it is read, relates to a write of `requested`.
    pub fn compare(&self, requested: &str, found: &str) -> Likeness {
        let (requested, found) = (requested.trim(), found.trim());
        let wanted = match self.judge(requested) {
            Judgement::Rounded(to) => to,
            _ => requested.to_owned(),
        };
        if self.accepts == Accepts::Scheduler {
            return like(selected(found) == wanted, Likeness::Same);
        }
        let (Ok(want), Ok(have)) = (number(&wanted), number(found)) else {
            return like(wanted == found, Likeness::Same);
        };
        if want == have {
            let rounded = wanted != requested && number(requested) != Ok(want);
            return if rounded {
                Likeness::Rounded
            } else {
                Likeness::Same
            };
        }
        if self.means_default(want) {
            return like(have >= 0, Likeness::Same);
        }
        if let Some((thousandths, bytes)) = self.tolerance {
            let room = (want.abs().saturating_mul(thousandths) / 1000).max(bytes);
            return like((want - have).abs() <= room, Likeness::Rounded);
        }
        let clamps = matches!(self.accepts, Accepts::Clamped { .. });
        like(clamps && have < want, Likeness::Clamped)
    }

    /// Whether the kernel puts its default into the place of this number, so that any may be read back.
    fn means_default(&self, number: i128) -> bool {
        match self.accepts {
            Accepts::Clamped { min } => number == 0 && min > 0,
            _ => number == -1 && self.key == "queue/wbt_lat_usec",
        }
    }
}

fn like(holds: bool, likeness: Likeness) -> Likeness {
    if holds { likeness } else { Likeness::Different }
}

/// The scheduler in brackets; where there are none, the text as it is.
fn selected(found: &str) -> &str {
    let inside = found
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(found, |(name, _)| name)
}

fn scheduler(value: &str) -> Judgement {
    if value == "deadline" {
        return Judgement::Rounded("mq-deadline".to_owned());
    }
    if SCHEDULERS.contains(&value) {
        return Judgement::Accepted;
    }
    Judgement::Rejected(if GONE.contains(&value) {
        format!("no kernel since 5.0 has the scheduler {value}")
    } else if value.starts_with('[') {
        "the brackets are how the kernel shows its choice, not how one is made".to_owned()
    } else {
        "not a scheduler of the kernel: none, mq-deadline, kyber and bfq are".to_owned()
    })
}

fn word(words: &[(&str, &str)], value: &str) -> Judgement {
    match words.iter().find(|(word, _)| *word == value) {
        Some((word, back)) if word == back => Judgement::Accepted,
        Some((_, back)) => Judgement::Rounded((*back).to_owned()),
        None => {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Judgement::Rejected(format!("it takes {}", known.join(", ")))
        }
    }
}

/// A number as `kstrtoul` and `kstrtol` with base 10 read it.
fn number(value: &str) -> Result<i128, String> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = plain.then(|| value.parse::<i128>().ok()).flatten();
    parsed.ok_or_else(|| {
        if plain {
            "the number is too large".to_owned()
        } else {
            "it takes a decimal number: no prefix, no unit, no blanks".to_owned()
        }
    })
}

fn judge_number(accepts: Accepts, number: i128) -> Judgement {
    match accepts {
        Accepts::Range { min, max } => within(number, min, max),
        Accepts::Step { max, step } => match within(number, 0, max) {
            Judgement::Accepted => rounded(number, number - number % step),
            other => other,
        },
        Accepts::Floor { floor, max } => match within(number, 0, max) {
            Judgement::Accepted => rounded(number, number.max(floor)),
            other => other,
        },
        Accepts::Clamped { .. } if number == 0 => Judgement::Accepted,
        Accepts::Clamped { min } => within(number, min, i128::from(u64::MAX)),
        Accepts::Bit => within(number, 0, 1),
        Accepts::Flag => match within(number, 0, UINT_MAX) {
            Judgement::Accepted => rounded(number, number.min(1)),
            other => other,
        },
        Accepts::Small { max, otherwise } => match within(number, 0, UINT_MAX) {
            Judgement::Accepted if number > max => match otherwise {
                Otherwise::Ignored => {
                    Judgement::Ignored("the kernel passes over a number that it does not know")
                }
                Otherwise::Becomes(to) => Judgement::Rounded(to.to_owned()),
                Otherwise::Rejected => within(number, 0, max),
            },
            other => other,
        },
        Accepts::Words(_) | Accepts::Scheduler | Accepts::Text => Judgement::Accepted,
    }
}

fn within(number: i128, min: i128, max: i128) -> Judgement {
    if (min..=max).contains(&number) {
        Judgement::Accepted
    } else if number < min {
        Judgement::Rejected(format!("the smallest value is {min}"))
    } else {
        Judgement::Rejected(format!("the largest value is {max}"))
    }
}

fn rounded(number: i128, to: i128) -> Judgement {
    if number == to {
        Judgement::Accepted
    } else {
        Judgement::Rounded(to.to_string())
    }
}
