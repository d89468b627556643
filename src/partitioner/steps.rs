//! The order in which a disk is written. Pure; the crash tests hold it.
//!
//! Publish-last: what a table names is complete before the table names it, the backup copy is durable before
//! the primary is touched, and on a fresh disk the protective MBR is the last byte that makes it a Talos disk.

use crate::plan::{Action, ContentPlan, DiskPlan, Op, Step, TablePiece, TableStage};

/// All steps for `disk`, which is number `index` of the plan. Empty if nothing changes.
pub fn steps(index: usize, disk: &DiskPlan) -> Vec<Step> {
    let mut ops = Vec::new();
    if !disk.changes()
        && !disk
            .partitions
            .iter()
            .any(crate::plan::PartitionPlan::updates_meta)
    {
        return Vec::new();
    }
    let resealed = disk.partitions.iter().any(|p| p.action == Action::Seal);
    let rewrites = disk.changes();
    if disk.marker.is_some() && rewrites {
        ops.extend([Op::Mark, Op::Sync]);
    }
    if !disk.fresh && disk.writes_table {
        // What follows rewrites one copy while the other stands for both; a damaged one could not.
        ops.push(Op::RestoreTable);
    }
    if !disk.erase.is_empty() {
        erase(&mut ops, disk);
    } else if resealed {
        // The entry goes first, so that no table ever names a half-sealed volume.
        table(&mut ops, TableStage::Without);
        ops.push(Op::Publish);
    }
    // What lies inside old partitions goes before the table that names them: once the table is gone, nothing
    // could find it any more.
    let (inside, table_wipes): (Vec<usize>, Vec<usize>) =
        (0..disk.wipe.len()).partition(|w| !disk.wipe[*w].table);
    for wipes in [inside, table_wipes] {
        if !wipes.is_empty() {
            ops.extend(wipes.into_iter().map(|wipe| Op::Wipe { wipe }));
            ops.push(Op::Sync);
        }
    }
    // Only now: no table names it any more. No sync behind it, for the disk does it before the next write, and if
    // power takes it back, nobody minds.
    if !disk.discard.is_empty() {
        ops.push(Op::Discard);
    }
    contents(&mut ops, disk);
    if disk.writes_table {
        table(&mut ops, TableStage::Final);
        ops.extend([Op::ProtectiveMbr, Op::Sync, Op::Publish]);
    } else if rewrites {
        // The run that was interrupted may have got no further than this.
        ops.push(Op::Publish);
    }
    ops.push(Op::ReadBack);
    if disk.marker.is_some() && rewrites {
        ops.extend([Op::Unmark, Op::Sync]);
    }
    ops.into_iter().map(|op| Step { disk: index, op }).collect()
}

/// The volumes lose their names first, then their keys, then the rest; see [`super::reset`] for why.
fn erase(ops: &mut Vec<Op>, disk: &DiskPlan) {
    table(ops, TableStage::Erasing);
    ops.push(Op::Publish);
    let each = || 0..disk.erase.len();
    let keys = || each().filter(|erase| !disk.erase[*erase].keys.is_empty());
    if keys().next().is_some() {
        ops.extend(keys().map(|erase| Op::Overwrite { erase }));
        ops.push(Op::Sync);
    }
    // What a medium gives back after a discard is its own choice, so the zeros come after.
    ops.extend(each().map(|erase| Op::DiscardVolume { erase }));
    ops.extend(each().map(|erase| Op::Zero { erase }));
    ops.push(Op::Sync);
}

fn contents(ops: &mut Vec<Op>, disk: &DiskPlan) {
    let made = || {
        disk.partitions
            .iter()
            .enumerate()
            .filter(|(_, p)| p.is_made())
    };
    ops.extend(made().map(|(partition, _)| Op::Clear { partition }));
    for (partition, plan) in made() {
        match &plan.content {
            ContentPlan::Sealed(seal) => {
                ops.push(Op::Seal { partition });
                if seal.filesystem.is_some() {
                    ops.push(Op::Fill { partition });
                }
            }
            ContentPlan::Filesystem(_) => ops.push(Op::Fill { partition }),
            ContentPlan::AsIs { .. } | ContentPlan::Empty { .. } | ContentPlan::Meta { .. } => {}
        }
    }
    if made().next().is_some() {
        ops.push(Op::Sync);
    }
    let meta = |p: &crate::plan::PartitionPlan| matches!(p.content, ContentPlan::Meta { .. });
    for (partition, plan) in disk.partitions.iter().enumerate() {
        if meta(plan) && (plan.is_made() || plan.updates_meta()) {
            ops.extend([Op::Meta { partition }, Op::Sync]);
        }
    }
}

fn table(ops: &mut Vec<Op>, stage: TableStage) {
    let piece = |piece| Op::Table { piece, stage };
    ops.extend([
        piece(TablePiece::BackupEntries),
        piece(TablePiece::BackupHeader),
        Op::Sync,
        piece(TablePiece::PrimaryEntries),
        Op::Sync,
        piece(TablePiece::PrimaryHeader),
        Op::Sync,
    ]);
}
