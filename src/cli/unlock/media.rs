//! Where the sealed volumes are: the image, the disk, or all disks of the machine; each read-only.

use std::path::{Path, PathBuf};

use crate::cli::args::Global;
use crate::cli::error::Failure;
use crate::cli::unlock::UnlockArgs;
use crate::cli::{context, files, inspect};
use crate::config::spec::{Encryption, Spec, VolumeKind};
use crate::exit::Exit;
use crate::partitioner::layout::META_SIZE;
use crate::partitioner::luks2::{self, Found};
use crate::partitioner::meta::{Meta, read_state_encryption, tag};
use crate::probe;
use crate::probe::inventory::{Content, Inventory, Partition};
use crate::root::Root;
use crate::target::BlockSource;
use crate::units::Extent;

/// A disk or image, open for reading only.
#[derive(Debug)]
pub struct Medium {
    /// The device node, or the image with every link followed.
    pub path: PathBuf,
    /// Whether it is a file.
    pub is_image: bool,
    /// Its bytes.
    pub source: Box<dyn BlockSource>,
    /// What is on it.
    pub content: Content,
}

impl Medium {
    fn open(path: &Path, args: &UnlockArgs) -> Result<Self, Failure> {
        let is_image = !files::is_block_device(path)?;
        let source = inspect::open(path, args.sector_size)?;
        let (content, _) = probe::inspect_source(source.as_ref());
        let canonical = Root::live().canonical(path).ok().flatten();
        Ok(Self {
            path: canonical.unwrap_or_else(|| path.to_owned()),
            is_image,
            source,
            content,
        })
    }

    fn partitions(&self) -> &[Partition] {
        let layout = self.content.layout();
        layout.map_or(&[], |layout| &layout.partitions)
    }
}

/// A volume's place.
#[derive(Debug)]
pub struct Candidate {
    /// Index of the medium.
    pub medium: usize,
    /// Partition entry; `None` for a whole disk.
    pub number: Option<u32>,
    /// Where it lies.
    pub extent: Extent,
    /// Both copies of its header.
    pub found: Found,
}

/// What stands under a volume's name.
#[derive(Debug)]
pub enum Sought {
    /// Nothing.
    Missing,
    /// A partition without a LUKS header.
    Plain,
    /// A sealed volume.
    Sealed(Box<Candidate>),
}

/// Opens what the command line names, or every disk that has a partition of one of these names.
///
/// # Errors
/// Exit 3 if there is no such disk, 5 if one cannot be opened.
pub fn media(
    args: &UnlockArgs,
    machine: &mut Machine<'_>,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<Medium>, Vec<String>), Failure> {
    if let Some(image) = &args.image {
        return Ok((vec![Medium::open(image, args)?], Vec::new()));
    }
    if let Some(name) = &args.disk {
        let path = Path::new(name);
        let path = if files::exists(path) {
            path.to_owned()
        } else {
            PathBuf::from(&context::named_disk(machine.inventory(), name)?.path)
        };
        return Ok((vec![Medium::open(&path, args)?], Vec::new()));
    }
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for disk in &machine.inventory().disks {
        // Loop devices and mappings: what lies on them lies on a disk as well, or is an image.
        if disk.talos.bus_path.starts_with("/virtual") {
            continue;
        }
        if let Content::Unreadable { reason } = &disk.content {
            notes.push(format!("{} could not be looked at: {reason}", disk.path));
        }
        let layout = disk.content.layout();
        let mut names = layout.iter().flat_map(|l| &l.partitions).map(|p| &p.name);
        if names.any(|name| name == "META" || is_wanted(name)) {
            found.push(Medium::open(Path::new(&disk.path), args)?);
        }
    }
    Ok((found, notes))
}

/// The machine, probed when first asked for.
#[derive(Debug)]
pub struct Machine<'a> {
    global: &'a Global,
    inventory: Option<Inventory>,
}

impl<'a> Machine<'a> {
    /// Nothing is probed yet.
    pub const fn new(global: &'a Global) -> Self {
        Self {
            global,
            inventory: None,
        }
    }

    /// This machine, whatever recorded one is named: its disks are what is opened.
    pub fn inventory(&mut self) -> &Inventory {
        self.inventory
            .get_or_insert_with(|| context::live(self.global))
    }

    /// UUID of the machine that the volumes belong to: the recorded one, or this one.
    ///
    /// # Errors
    /// Exit 2 for a recording that cannot be read.
    pub fn uuid(&mut self) -> Result<Option<String>, Failure> {
        if self.global.hardware.is_some() {
            return Ok(context::inventory(self.global)?.machine.uuid);
        }
        Ok(self.inventory().machine.uuid.clone())
    }
}

/// The volume's place on one of the media.
///
/// # Errors
/// Exit 4 if there are two, or a LUKS1 header; 5 if a header cannot be read.
pub fn seek(media: &[Medium], volume: &str, whole_disk: bool) -> Result<Sought, Failure> {
    let mut sought = Sought::Missing;
    let mut places: Vec<String> = Vec::new();
    for (medium, disk) in media.iter().enumerate() {
        for (number, extent) in places_on(disk, volume, whole_disk) {
            let found = luks2::read(disk.source.as_ref(), extent).map_err(|error| {
                Failure::new(Exit::Io, format!("the header of {volume} cannot be read"))
                    .because(&error)
                    .hint("check cable, port and power")
            })?;
            let number_text = number.map_or_else(String::new, |n| format!(" #{n}"));
            places.push(format!("{}{number_text}", disk.path.display()));
            sought = if found.is_absent() {
                Sought::Plain
            } else {
                Sought::Sealed(Box::new(Candidate {
                    medium,
                    number,
                    extent,
                    found,
                }))
            };
        }
    }
    if places.len() > 1 {
        let message = format!("{volume} is there {} times", places.len());
        let mut failure = Failure::new(Exit::Refused, message);
        failure.causes = places;
        return Err(failure.hint("name the disk that is meant with --disk"));
    }
    Ok(sought)
}

fn places_on(disk: &Medium, volume: &str, whole_disk: bool) -> Vec<(Option<u32>, Extent)> {
    if !whole_disk {
        let named = disk.partitions().iter().filter(|p| p.name == volume);
        return named.map(|p| (Some(p.number), p.extent)).collect();
    }
    let layout = disk.content.layout();
    let sealed = layout.is_some_and(|layout| {
        layout.table.is_none() && layout.signatures.iter().any(|s| s.kind == "crypto_LUKS")
    });
    let whole = (None, disk.source.geometry().whole());
    sealed.then_some(whole).into_iter().collect()
}

/// What META says, of the disk that has STATE or of the only one that has META.
#[derive(Debug, Default)]
pub struct MetaSays {
    /// How STATE is sealed.
    pub state: Option<Encryption>,
    /// The UUID that Talos takes in the place of the machine's.
    pub uuid: Option<String>,
    /// What is wrong with it.
    pub notes: Vec<String>,
}

/// Reads META. One that is damaged is noted, not refused: the configuration may open STATE all the same.
pub fn meta(media: &[Medium]) -> MetaSays {
    let has = |disk: &&Medium, name: &str| disk.partitions().iter().any(|p| p.name == name);
    let with_meta: Vec<&Medium> = media.iter().filter(|disk| has(disk, "META")).collect();
    let chosen = match with_meta.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|disk| has(disk, "STATE")),
    };
    let partition = chosen.and_then(|disk| {
        let meta = disk.partitions().iter().find(|p| p.name == "META");
        meta.filter(|p| p.extent.len == META_SIZE)
            .map(|meta| (disk, meta.extent))
    });
    let Some((disk, extent)) = partition else {
        return MetaSays::default();
    };
    let mut says = MetaSays::default();
    let read = disk
        .source
        .read_extent(extent)
        .map(crate::secret::Secret::new);
    let tags = match read.map(|bytes| Meta::decode(bytes.expose())) {
        Ok(Ok(tags)) => tags,
        Ok(Err(error)) => {
            says.notes.push(format!("META is damaged: {error}"));
            return says;
        }
        Err(error) => {
            says.notes.push(format!("META could not be read: {error}"));
            return says;
        }
    };
    if let Some(uuid) = tags.get(tag::UUID_OVERRIDE) {
        says.uuid = Some(String::from_utf8_lossy(uuid.expose()).into_owned());
    }
    match tags.get(tag::STATE_ENCRYPTION).map(read_state_encryption) {
        Some(Ok(state)) => says.state = state,
        Some(Err(error)) => says.notes.push(error.to_string()),
        None => {}
    }
    says
}

/// The volumes that the configuration or META seals, STATE first, each with whether it is a whole disk.
pub fn sealed(spec: &Spec, meta: &MetaSays) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    if spec.state.encryption.is_some() || meta.state.is_some() {
        all.push((String::from("STATE"), false));
    }
    if spec.ephemeral.encryption.is_some() {
        all.push((String::from("EPHEMERAL"), false));
    }
    let volumes = spec.volumes.iter().filter(|v| v.encryption.is_some());
    all.extend(volumes.map(|v| (v.id.clone(), v.kind == VolumeKind::UserDisk)));
    all
}
