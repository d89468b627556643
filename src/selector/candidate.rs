//! What a rule could say of one disk: single conditions on properties that Talos has, in both of its notations.

use super::proof::Lasting;
use crate::probe::identity::{is_serial, is_unique};
use crate::probe::inventory::{Disk, TalosDisk};

/// Links that are tried.
const LINKS: usize = 3;
const GB: u64 = 1_000_000_000;

/// The largest size that bounds are made for.
const MOST_BYTES: u64 = 1 << 60;

/// A condition that holds for the disk that it was made for.
pub(super) struct Candidate {
    /// The property.
    pub by: &'static str,
    pub lasting: Lasting,
    /// Key and value below `diskSelector`; none if that has no word for it.
    pub legacy: Option<(&'static str, String)>,
    /// A CEL condition; none if it has a simpler one elsewhere.
    pub cel: Option<String>,
    /// The device path that names the disk alone.
    pub link: Option<String>,
    holds: Box<dyn Fn(&TalosDisk) -> bool>,
}

impl Candidate {
    /// Whether another disk meets it, too.
    pub(super) fn holds(&self, disk: &TalosDisk) -> bool {
        (self.holds)(disk)
    }
}

/// Every condition for `disk`. Text that could not be pasted as it is, is left out.
pub(super) fn candidates(disk: &Disk) -> Vec<Candidate> {
    let talos = &disk.talos;
    let mut all = Vec::new();
    let wwid = Some(&talos.wwid).filter(|wwid| is_unique(wwid));
    all.extend(wwid.and_then(|wwid| text("wwid", "wwid", Lasting::Identity, wwid, |d| &d.wwid)));
    let serial = Some(&talos.serial).filter(|serial| is_serial(serial));
    all.extend(serial.and_then(|s| text("serial", "serial", Lasting::Identity, s, |d| &d.serial)));
    let uuid = Some(&talos.uuid).filter(|uuid| is_serial(uuid));
    all.extend(uuid.and_then(|uuid| text("uuid", "uuid", Lasting::Identity, uuid, |d| &d.uuid)));
    all.extend(text("model", "model", Lasting::Kind, &talos.model, |d| {
        &d.model
    }));
    all.extend(links(disk).into_iter().take(LINKS).map(link));
    all.extend(sizes(talos.size));
    all.extend(transport(talos));
    all.extend(port(&talos.bus_path));
    all
}

/// Whether a text can be written in YAML and CEL letter by letter.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\');
    !text.is_empty() && text.chars().all(plain)
}

fn text(
    field: &'static str,
    key: &'static str,
    lasting: Lasting,
    value: &str,
    of: fn(&TalosDisk) -> &String,
) -> Option<Candidate> {
    let wanted = value.to_owned();
    is_plain(value).then(|| Candidate {
        by: field,
        lasting,
        // A star in the value would be a pattern there.
        legacy: (!value.contains('*')).then(|| (key, value.to_owned())),
        cel: Some(format!("disk.{field} == \"{value}\"")),
        link: None,
        holds: Box::new(move |disk| *of(disk) == wanted),
    })
}

/// The port. Numbers of SCSI hosts are given in the order in which they are found, so the path is cut before them.
fn port(bus_path: &str) -> Option<Candidate> {
    if bus_path.starts_with("/virtual") || bus_path.contains('*') {
        return None;
    }
    let Some((port, _)) = bus_path.split_once("/host") else {
        return text("bus_path", "busPath", Lasting::Port, bus_path, |d| {
            &d.bus_path
        });
    };
    let (prefix, pattern) = (format!("{port}/"), format!("{port}/*"));
    is_plain(port).then(|| Candidate {
        by: "bus_path",
        lasting: Lasting::Port,
        legacy: Some(("busPath", pattern.clone())),
        cel: Some(format!("glob(\"{pattern}\", disk.bus_path)")),
        link: None,
        holds: Box::new(move |disk| disk.bus_path.starts_with(&prefix)),
    })
}

/// Links that go by the disk itself: neither by its place, its content or the order of plugging, nor by a shared id.
fn links(disk: &Disk) -> Vec<String> {
    let own = is_unique(&disk.talos.wwid);
    let links = disk.talos.symlinks.iter();
    let mut links: Vec<String> = links
        .filter(|link| is_plain(link))
        .filter(|link| {
            let name = link.strip_prefix("/dev/disk/by-id/");
            name.is_some_and(|name| own || !name.starts_with("wwn-"))
        })
        .cloned()
        .collect();
    links.sort_by_key(String::len);
    links
}

fn link(path: String) -> Candidate {
    let wanted = path.clone();
    Candidate {
        by: "symlinks",
        lasting: Lasting::Identity,
        legacy: None,
        cel: Some(format!("\"{path}\" in disk.symlinks")),
        link: Some(path),
        holds: Box::new(move |disk| disk.symlinks.contains(&wanted)),
    }
}

/// A twentieth to either side, in whole gigabytes: both bounds in CEL, one at a time below `diskSelector`.
fn sizes(size: u64) -> Vec<Candidate> {
    let (least, most) = (
        size / 20 * 19 / GB,
        (size / 20).saturating_mul(21).div_ceil(GB),
    );
    // A disk says its size itself; what cannot be one would overflow below.
    if least == 0 || size > MOST_BYTES {
        return Vec::new();
    }
    let one =
        |value: String, cel: Option<String>, holds: Box<dyn Fn(&TalosDisk) -> bool>| Candidate {
            by: "size",
            lasting: Lasting::Kind,
            legacy: (!value.is_empty()).then_some(("size", value)),
            cel,
            link: None,
            holds,
        };
    let between = format!("disk.size >= {least}u * GB && disk.size <= {most}u * GB");
    let (low, high) = (least * GB, most * GB);
    vec![
        one(
            format!(">= {least}GB"),
            None,
            Box::new(move |d| d.size >= low),
        ),
        one(
            format!("<= {most}GB"),
            None,
            Box::new(move |d| d.size <= high),
        ),
        one(
            String::new(),
            Some(between),
            Box::new(move |d| d.size >= low && d.size <= high),
        ),
    ]
}

fn transport(disk: &TalosDisk) -> Vec<Candidate> {
    if !is_plain(&disk.transport) {
        return Vec::new();
    }
    let wanted = disk.transport.clone();
    let mut all = vec![Candidate {
        by: "transport",
        lasting: Lasting::Kind,
        legacy: (wanted == "nvme").then(|| ("type", "nvme".to_owned())),
        cel: Some(format!("disk.transport == \"{wanted}\"")),
        link: None,
        holds: Box::new(move |d| d.transport == wanted),
    }];
    let rotational = disk.rotational;
    let kind = if rotational { "hdd" } else { "ssd" };
    all.push(Candidate {
        by: "type",
        lasting: Lasting::Kind,
        legacy: Some(("type", kind.to_owned())),
        cel: None,
        link: None,
        holds: Box::new(move |d| d.rotational == rotational),
    });
    all
}
