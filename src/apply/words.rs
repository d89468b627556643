//! A step in words, for the journal, the log, the receipt and the line that shows progress. Pure.

use crate::plan::{DiskPlan, Op, TablePiece, TableStage};

/// What `op` does on `disk`, with the path of the disk.
pub fn step(disk: &DiskPlan, op: &Op) -> String {
    let volume = |index: usize| {
        let partition = &disk.partitions[index];
        if partition.name.is_empty() {
            format!("partition {}", partition.number)
        } else {
            partition.name.clone()
        }
    };
    let erased = |index: usize| volume(disk.erase[index].partition);
    let what = match op {
        Op::Mark => String::from("mark as unfinished"),
        Op::Wipe { wipe } => format!("wipe {}", disk.wipe[*wipe].why),
        Op::Discard => String::from("discard what the disk held"),
        Op::Sync => String::from("sync"),
        Op::RestoreTable => String::from("restore a damaged copy of the table"),
        Op::Overwrite { erase } => format!("overwrite the keys of {}", erased(*erase)),
        Op::DiscardVolume { erase } => format!("discard {}", erased(*erase)),
        Op::Zero { erase } => format!("zero {}", erased(*erase)),
        Op::Clear { partition } => format!("clear the ends of {}", volume(*partition)),
        Op::Seal { partition } => format!("seal {}", volume(*partition)),
        Op::Fill { partition } => format!("fill {}", volume(*partition)),
        Op::Meta { partition } => format!("write {}", volume(*partition)),
        Op::Table { piece, stage } => format!("write {} of {}", part(*piece), table(*stage)),
        Op::ProtectiveMbr => String::from("write the protective MBR"),
        Op::Publish => String::from("publish the table"),
        Op::ReadBack => String::from("read back"),
        Op::Unmark => String::from("take the mark away"),
    };
    format!("{what} ({})", disk.path)
}

const fn part(piece: TablePiece) -> &'static str {
    match piece {
        TablePiece::BackupEntries => "the backup entries",
        TablePiece::BackupHeader => "the backup header",
        TablePiece::PrimaryEntries => "the primary entries",
        TablePiece::PrimaryHeader => "the primary header",
    }
}

const fn table(stage: TableStage) -> &'static str {
    match stage {
        TableStage::Without => "a table without new volumes",
        TableStage::Erasing => "a table that no longer names the volumes",
        TableStage::Final => "the table",
    }
}
