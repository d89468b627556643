//! `keelblock probe`.

use crate::cli::args::Global;
use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::nics;
use crate::cli::output::Output;
use crate::cli::table::{Table, WIDTH, wrap};
use crate::exit::Exit;
use crate::partitioner::adopt;
use crate::printable::printable;
use crate::probe::evidence::{self, BootEvidence};
use crate::probe::inventory::{Disk, Inventory, Machine};
use crate::selector::{self, ghost::ghosts};
use crate::units::Bytes;

pub fn run(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    let inventory = context::inventory(global)?;
    output.print(&inventory, |_| render(&inventory))?;
    Ok(Exit::Done)
}

fn render(inventory: &Inventory) -> String {
    let mut text = machine(&inventory.machine);
    let mut table = Table::new(
        &["DISK", "SIZE", "BLOCK", "BUS", "MODEL", "CONTENT"],
        &[1, 2],
    );
    for disk in &inventory.disks {
        table.row([
            disk.path.clone(),
            Bytes::new(disk.talos.size).to_string(),
            disk.talos.sector_size.to_string(),
            if disk.talos.transport.is_empty() {
                "-".into()
            } else {
                disk.talos.transport.clone()
            },
            if disk.talos.model.is_empty() {
                "-".into()
            } else {
                disk.talos.model.clone()
            },
            adopt::in_words(&disk.content),
        ]);
    }
    text.push_str(&table.render());
    for disk in &inventory.disks {
        text.push_str(&details(disk));
    }
    let nics = nics::render(inventory.machine.nics.as_deref().unwrap_or_default());
    if !nics.is_empty() {
        text.push_str(&format!("\n{nics}"));
    }
    let ghosts = ghosts(inventory, &[]);
    if !ghosts.is_empty() {
        text.push_str(&format!("\n{}", selector::render_ghosts(&ghosts)));
    }
    for note in &inventory.notes {
        text.push_str(&format!("note: {}\n", wrap(note, WIDTH - 6, 6)));
    }
    text
}

fn machine(machine: &Machine) -> String {
    let name = [machine.vendor.as_str(), machine.product.as_str()].join(" ");
    let name = if name.trim().is_empty() {
        String::from("unknown machine")
    } else {
        name.trim().to_owned()
    };
    let uuid = printable(machine.uuid.as_deref().unwrap_or("not readable"));
    let firmware = match machine.uefi {
        Some(true) => "UEFI",
        Some(false) => "BIOS",
        None => "firmware unknown",
    };
    let (name, kernel) = (printable(&name), printable(&machine.kernel));
    format!(
        "{name}, UUID {uuid}\n{firmware}, {} CPUs, {} of {} memory free, kernel {kernel}\n\n",
        machine.cpus, machine.memory_available, machine.memory
    )
}

/// A weak sign that does not count, and why.
fn outweighed(sign: &BootEvidence) -> Option<String> {
    let by = sign.outweighed.as_ref().filter(|_| !sign.counts())?;
    Some(format!("no boot medium, although {}: {by}", sign.text))
}

fn details(disk: &Disk) -> String {
    let mut lines = vec![format!("id {}", disk.id)];
    if let Some(usb) = &disk.usb {
        let driver = if usb.driver.is_empty() {
            "no driver"
        } else {
            &usb.driver
        };
        lines.push(format!(
            "usb {}:{} {} {} at {} Mbit/s by {driver}",
            usb.vendor_id, usb.product_id, usb.product, usb.serial, usb.speed
        ));
    }
    lines.extend(disk.usage.iter().map(|usage| {
        format!(
            "in use: {} by {} ({:?})",
            usage.device, usage.by, usage.kind
        )
    }));
    let boot = evidence::against(disk);
    lines.extend(boot.iter().map(|why| format!("boot medium: {why}")));
    lines.extend(disk.boot_evidence.iter().filter_map(outweighed));
    lines.extend(disk.unread.iter().map(|what| format!("not read: {what}")));
    let mut text = format!("\n{}\n", printable(&disk.path));
    for line in lines {
        text.push_str(&format!("  {}\n", wrap(&line, WIDTH - 4, 4)));
    }
    text
}
