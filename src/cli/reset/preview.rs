//! What a reset would do, for people.

use crate::cli::plan as planning;
use crate::cli::table::{Table, WIDTH, wrap};
use crate::partitioner::reset::notes;
use crate::plan::{Action, DiskPlan, EraseMethod, PartitionPlan, Plan};

/// The whole preview; `lost` says whether there is anything to lose.
pub fn render(plan: &Plan, lost: bool, colour: bool) -> String {
    let mut text = String::from("Nothing was written. ");
    text.push_str(if lost {
        "This is what a reset would do:\n"
    } else {
        "Nothing to wipe: already reset.\n"
    });
    for disk in &plan.disks {
        text.push_str(&render_disk(disk, colour));
    }
    text.push('\n');
    for remark in &plan.remarks {
        text.push_str(&note("note", remark));
    }
    if !lost {
        return text;
    }
    for unproven in notes::unproven(&plan.disks) {
        text.push_str(&note("not proven", &unproven));
    }
    let seconds = plan.cost.seconds.map_or(String::new(), |seconds| {
        format!(", about {} to write at 200 MiB/s", time(seconds))
    });
    text.push_str(&format!(
        "cost: {} written, {} zeroed{seconds}\n",
        plan.cost.bytes_written, plan.cost.bytes_zeroed
    ));
    text + &format!("\nto do it:\n  {} --confirm SAFE-RESET\n", command_line())
}

/// `word: text`, wrapped.
pub fn note(word: &str, text: &str) -> String {
    let indent = word.chars().count() + 2;
    format!("{word}: {}\n", wrap(text, WIDTH - indent, indent))
}

fn render_disk(disk: &DiskPlan, colour: bool) -> String {
    let mut text = format!("\n{}\n  id {}\n", disk.title, disk.id);
    text.push_str(&planning::pictures(disk, colour));
    let mut table = Table::new(&["#", "NAME", "SIZE", "DO", "WHAT"], &[0, 2]);
    for (index, partition) in disk.partitions.iter().enumerate() {
        let erased = disk.erased(index).is_some();
        table.row([
            partition.number.to_string(),
            partition.name.clone(),
            partition.size.to_string(),
            match (erased, partition.action) {
                (true, Action::Wipe) => "LOSE",
                (true, _) => "RESEAL",
                (false, _) => partition.action.word(),
            }
            .to_owned(),
            what(disk, index, partition),
        ]);
    }
    text + &table.render()
}

fn what(disk: &DiskPlan, index: usize, partition: &PartitionPlan) -> String {
    let Some(erase) = disk.erased(index) else {
        return partition.content.in_words();
    };
    let how = match erase.method {
        EraseMethod::CryptoErase if erase.zeroed() == partition.size => {
            "headers and keys are destroyed, then all of it is zeroed"
        }
        EraseMethod::CryptoErase => "headers and keys are destroyed, the rest is unreadable then",
        EraseMethod::Zero => "all of it is zeroed",
    };
    let then = if partition.is_made() {
        format!("; then {}", partition.content.in_words())
    } else {
        String::new()
    };
    format!("{}: {how}{then}", erase.found)
}

/// Seconds, minutes or hours.
fn time(seconds: u64) -> String {
    if seconds < 120 {
        format!("{seconds} s")
    } else if seconds < 7200 {
        format!("{} min", (seconds + 30) / 60)
    } else {
        format!("{}.{} h", seconds / 3600, seconds % 3600 / 360)
    }
}

/// What was typed, so that it can be typed again.
fn command_line() -> String {
    let words: Vec<String> = std::env::args_os()
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(quoted("/dev/sda"), "/dev/sda");
        assert_eq!(quoted("my disk"), "'my disk'");
        assert_eq!(quoted("a'b"), "'a'\\''b'");
        assert_eq!(quoted(""), "''");
    }
}
