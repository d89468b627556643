//! Opens the volumes one after another, all or none.

use std::path::{Path, PathBuf};

use crate::cli::error::Failure;
use crate::cli::mappings::{Record, unmappable};
use crate::cli::unlock::media::{Candidate, Medium, MetaSays};
use crate::cli::unlock::{UnlockArgs, remembered, salt};
use crate::config::spec::{Encryption, Spec};
use crate::exit::Exit;
use crate::keys;
use crate::mapper::activate::Opening;
use crate::mapper::identity::{Identity, ours};
use crate::mapper::kernel;
use crate::mapper::report::{Mapping, Mode, Outcome, wished};
use crate::mapper::rules::{Decision, Existing, decide};
use crate::mapper::session::Session;
use crate::mapper::table::Crypt;
use crate::mapper::unseal::{Attempt, Unsealed, unseal};
use crate::mapper::{mount, node};
use crate::partitioner::luks2::{Header, Limits};
use crate::probe;
use crate::root::Root;
use crate::secret::Secret;
use crate::sys::dm::Dm;
use crate::sys::loopback::Loop;
use crate::target::device::BlockDevice;
use crate::units::Bytes;

/// Everything that opening needs, and what is open so far.
#[derive(Debug)]
pub struct Opener<'a> {
    pub args: &'a UnlockArgs,
    pub spec: &'a Spec,
    pub disks: &'a [Medium],
    pub meta: &'a MetaSays,
    pub uuid: Option<String>,
    pub dm: &'a Dm,
    pub memory: Bytes,
    pub session: Session<'a>,
    /// Kept until mappings hold them.
    pub loops: Vec<(PathBuf, Loop)>,
    pub opened: Vec<Mapping>,
    pub notes: Vec<String>,
    pub record: &'a Record,
}

/// The header that counts, and where the volume is.
struct Volume<'c> {
    name: &'c str,
    candidate: &'c Candidate,
    header: &'c Header,
    identity: Identity,
}

impl Volume<'_> {
    /// The header's UUID, written as everywhere else.
    fn uuid(&self) -> String {
        ours(&self.identity.uuid).map_or_else(String::new, |(_, uuid)| uuid.to_string())
    }
}

impl Opener<'_> {
    /// Opens all of them; what is open then, and what else is worth knowing.
    ///
    /// # Errors
    /// Exit 4 for a key or a use that speaks against it, 5 for what fails; nothing stays open then but what was before.
    pub fn all(
        mut self,
        wanted: Vec<(String, Box<Candidate>)>,
    ) -> Result<(Vec<Mapping>, Vec<String>), Failure> {
        let base = match &self.args.mount {
            Some(folder) => Some(mount::base(folder)?),
            None => None,
        };
        let several = wanted.len() > 1;
        for (name, candidate) in wanted {
            let mapping = self
                .one(&name, &candidate, base.as_deref())
                .map_err(|failure| undone(failure, several && !self.opened.is_empty()))?;
            self.opened.push(mapping);
        }
        self.session.keep();
        Ok((self.opened, self.notes))
    }

    fn one(
        &mut self,
        name: &str,
        candidate: &Candidate,
        base: Option<&Path>,
    ) -> Result<Mapping, Failure> {
        let header = self.header(name, candidate)?;
        let identity = Identity::new(name, &header.uuid).ok_or_else(|| {
            Failure::new(Exit::Refused, format!("{name} has no UUID in its header"))
                .hint("`cryptsetup luksUUID` can give it one")
        })?;
        let volume = Volume {
            name,
            candidate,
            header,
            identity,
        };
        let mut mapping = match self.decide(&volume)? {
            Decision::AlreadyOpen(existing) => self.already(&volume, &existing)?,
            Decision::Open => self.open(&volume)?,
        };
        mapping.filesystem = filesystem(Path::new(&mapping.mapping));
        if let Some(base) = base {
            self.mount(&mut mapping, &base.join(name))?;
        }
        Ok(mapping)
    }

    fn header<'c>(&mut self, name: &str, candidate: &'c Candidate) -> Result<&'c Header, Failure> {
        let found = &candidate.found;
        let Some(header) = found.header() else {
            let message = if found.is_luks1() {
                format!("{name} is LUKS1, which Talos does not know")
            } else {
                format!("both copies of the header of {name} are damaged")
            };
            return Err(Failure::new(Exit::Refused, message).hint(
                "nothing was written; restore the header from a backup, on a copy of the disk",
            ));
        };
        for (copy, which) in [(&found.primary, "first"), (&found.secondary, "second")] {
            if copy.header().is_none() {
                self.notes.push(format!(
                    "the {which} copy of the header of {name} is damaged; opened with the other one. `keelblock \
                     repair` restores it"
                ));
            }
        }
        Ok(header)
    }

    /// What the kernel says against it.
    fn decide(&self, volume: &Volume<'_>) -> Result<Decision, Failure> {
        let root = Root::live();
        let all = kernel::mappings(self.dm)?;
        let all: Vec<Existing> = all.iter().map(kernel::existing).collect();
        let mut holders = Vec::new();
        let mut shared = true;
        for place in self.places(volume.candidate)? {
            holders.extend(kernel::holders(&root, place.number)?);
            shared &= place.shared;
        }
        if let (false, Some((disk, number))) = (shared, self.disk(volume.candidate)?) {
            // A mapping of the whole disk covers the partition as well.
            let whole = kernel::holders(&root, number)?;
            if let Some(holder) = whole.into_iter().next() {
                tracing::debug!(disk, holder = holder.name, "the whole disk is held");
                holders.push(holder);
            }
        }
        Ok(decide(
            volume.name,
            &volume.header.uuid,
            &holders,
            shared,
            &all,
        )?)
    }

    fn already(&mut self, volume: &Volume<'_>, existing: &Existing) -> Result<Mapping, Failure> {
        let status = self.dm.status(&existing.name)?.ok_or_else(|| {
            let message = format!("{} was open a moment ago", volume.name);
            Failure::new(Exit::Refused, message).hint("run it again")
        })?;
        if self.args.write && status.read_only {
            let message = format!("{} is open read-only already", volume.name);
            let hint = format!("close it first: keelblock lock {}", volume.name);
            return Err(Failure::new(Exit::Refused, message).hint(hint));
        }
        if !self.args.write && !status.read_only {
            self.notes
                .push(format!("{} is open for writing since before", volume.name));
        }
        let root = Root::live();
        let below = self.dm.deps(&status.uuid)?;
        let partition = match below.first() {
            Some(number) => kernel::node(&root, *number)?,
            None => String::new(),
        };
        let mapping = Mapping {
            outcome: Outcome::AlreadyOpen,
            partition,
            mode: Mode::of(status.read_only),
            ..self.described(volume, status.number)
        };
        node::make(&existing.name, status.number).map_err(|error| {
            Failure::new(Exit::Io, format!("cannot make {}", mapping.mapping))
                .because(&error)
                .hint("remove what has that name")
        })?;
        let mut mapping = remembered(self.record, mapping);
        let mounts = kernel::mounts_of(&root, status.number);
        let still = mounts
            .iter()
            .find(|m| m.own && Some(&m.point) == mapping.mount.as_ref());
        if still.is_none() {
            (mapping.mount, mapping.made_mount_point) = (None, false);
        }
        Ok(mapping)
    }

    fn described(&self, volume: &Volume<'_>, number: kernel::Number) -> Mapping {
        Mapping {
            volume: volume.name.to_owned(),
            disk: self.disks[volume.candidate.medium]
                .path
                .display()
                .to_string(),
            number: volume.candidate.number,
            mapping: node::path(&volume.identity.name).display().to_string(),
            device: format!("/dev/dm-{}", number.1),
            uuid: volume.uuid(),
            ..Mapping::default()
        }
    }

    fn open(&mut self, volume: &Volume<'_>) -> Result<Mapping, Failure> {
        let config = self.spec.encryption_of(volume.name);
        let of_meta = self.meta.state.as_ref().filter(|_| volume.name == "STATE");
        let place = self.place(volume.candidate)?;
        let crypt = Crypt::new(
            volume.header,
            place.start,
            volume.candidate.extent.len,
            &wished(config.or(of_meta)),
            self.session.kernel(),
        )
        .map_err(|error| unmappable(volume.name, &error))?;
        let Unsealed { key, slot, from } = self.unseal(volume, of_meta, config)?;
        let opening = Opening {
            identity: &volume.identity,
            crypt: &crypt,
            device: place.number,
            read_only: !self.args.write,
            luks: &volume.uuid(),
            slot,
        };
        let number = self.session.open(&opening, &key)?;
        Ok(Mapping {
            partition: place.path,
            mode: Mode::of(!self.args.write),
            slot: Some(slot),
            key: from,
            ..self.described(volume, number)
        })
    }

    fn unseal(
        &mut self,
        volume: &Volume<'_>,
        of_meta: Option<&Encryption>,
        config: Option<&Encryption>,
    ) -> Result<Unsealed, Failure> {
        let mut attempts = Vec::new();
        for (encryption, origin) in [(of_meta, "META"), (config, "configuration")] {
            let keys = encryption.map_or(&[][..], |encryption| &encryption.keys);
            let salt = self.salt_for(keys);
            let mut made: Vec<Attempt> = keys
                .iter()
                .map(|key| Attempt {
                    slot: key.slot,
                    from: format!("{} ({origin})", key.source.word()),
                    key: match (&salt, key.lock_to_state) {
                        (Err(why), Some(true)) => Err(why.clone()),
                        (salt, _) => {
                            let salt = salt.as_ref().ok().and_then(Option::as_ref);
                            keys::passphrase(volume.name, key, self.uuid.as_deref(), salt)
                                .map_err(|error| error.to_string())
                        }
                    },
                })
                .collect();
            made.sort_by_key(|attempt| attempt.slot);
            attempts.append(&mut made);
        }
        let limits = Limits {
            memory: self.memory,
            ..Limits::default()
        };
        let source = self.disks[volume.candidate.medium].source.as_ref();
        let place = (source, volume.candidate.extent);
        unseal(volume.name, place, volume.header, attempts, &limits)
            .map_err(|tried| no_key(volume, tried))
    }

    /// STATE's salt, if one of the keys needs it.
    fn salt_for(&self, keys: &[crate::config::spec::Key]) -> Result<Option<Secret>, String> {
        if keys.iter().all(|key| key.lock_to_state != Some(true)) {
            return Ok(None);
        }
        salt::read(self.dm, &self.opened).map(Some)
    }

    fn mount(&mut self, mapping: &mut Mapping, path: &Path) -> Result<(), Failure> {
        let wanted = path.display().to_string();
        match &mapping.mount {
            Some(point) if *point == wanted => return Ok(()),
            Some(point) => {
                let note = format!("{} stays mounted at {point}", mapping.volume);
                self.notes.push(note);
                return Ok(());
            }
            None => {}
        }
        let Some(kind) = mount::kind(&mapping.filesystem) else {
            let found = match mapping.filesystem.as_str() {
                "" => "no filesystem that is known",
                other => other,
            };
            let note = format!("{} is not mounted: it holds {found}", mapping.volume);
            self.notes.push(note);
            return Ok(());
        };
        let device = Path::new(&mapping.mapping);
        let read_only = mapping.mode == Mode::ReadOnly;
        let made = self.session.mount(device, kind, path, read_only)?;
        (mapping.mount, mapping.made_mount_point) = (Some(wanted), made);
        Ok(())
    }
}

/// What the mapping holds, in libblkid's words; empty if nothing was recognised.
fn filesystem(node: &Path) -> String {
    let Ok(device) = BlockDevice::open_read_only(node) else {
        return String::new();
    };
    let (content, _) = probe::inspect_source(&device);
    let layout = content.layout();
    let first = layout.and_then(|layout| layout.signatures.first());
    first
        .map(|signature| signature.kind.clone())
        .unwrap_or_default()
}

fn no_key(volume: &Volume<'_>, tried: Vec<String>) -> Failure {
    let slots: Vec<String> = volume
        .header
        .passphrase_slots()
        .map(|slot| slot.to_string())
        .collect();
    let mut failure = Failure::new(Exit::Refused, format!("no key opens {}", volume.name));
    failure.causes = tried;
    failure.causes.push(match slots.as_slice() {
        [] => String::from("the header has no key slots"),
        slots => format!("the header has key slots {}", slots.join(", ")),
    });
    failure.hint(
        "give the configuration and the --uuid that it was sealed with; `keelblock inspect -c` shows which slots open",
    )
}

/// A later volume failed: says what became of the earlier ones.
fn undone(mut failure: Failure, others: bool) -> Failure {
    if others {
        failure
            .causes
            .push(String::from("what was opened before it was closed again"));
        let hint = failure.hint.take().unwrap_or_default();
        failure.hint = Some(format!("{hint}; or name only the volumes to open"));
    }
    failure
}
