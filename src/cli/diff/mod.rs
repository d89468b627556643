//! `keelblock diff`: what a change of configurations does to disks, keys and tuning, and then what changed.

mod folder;
mod git;
mod revision;
mod side;
mod spelling;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;

use clap::Args;

use self::side::{Recorded, Side};
use crate::cli::args::Global;
use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::diff::{self, Machine, NodeDiff, Report, Side as Which, State};
use crate::exit::Exit;

const AFTER_HELP: &str = "\
OLD and NEW are each a folder, a talconfig.yaml, a node's configuration, a git revision, or REVISION:PATH. As with git, \
PATH begins at the top of the repository, or with ./ here; a revision alone is this folder in it (or --path), and is \
compared with the work tree if NEW is left out. Of the work tree, files count that git does not track or ignores as \
well: it is read as the folder that it is. What could be a path and a revision is refused.

  keelblock diff main                 the work tree against main
  keelblock diff main HEAD            what a branch changes
  keelblock diff HEAD~1:talos talos   one folder
  keelblock diff old.yaml new.yaml    one node

Nodes are found in folders as `check` finds them, with their recorded machines, which show the disks that are chosen \
before and after. A talconfig.yaml is rendered with stand-ins for its secrets, so that no key is needed; what \
talhelper rendered into a folder clusterconfig beside it is passed over. Nothing is checked out or written, and no \
hook or filter is run. Secrets are never shown.

Risks, the gravest first:
  wipes      an installation wipes a disk that was left alone before
  locks-out  a volume cannot be opened or mounted from the next boot on
  strands    data stays on a disk, out of reach of what used it
  refused    no disk is found, or Talos does not take the change
  rekeys     key slots are added, replaced or removed at the next boot
  reboot     in effect after a reboot
  upgrade    in effect after an upgrade of Talos
  remake     in effect only where a disk or volume is made anew
  online     in effect at once
  none       nothing comes of it

Exit codes:
  0  nothing endangers data or nodes
  2  something cannot be read, or `validate` finds an error that was not there
  4  wipes, locks-out, strands or refused
  6  with --exit-code: only this, something differs";

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct DiffArgs {
    /// What is compared with
    #[arg(value_name = "OLD")]
    pub old: String,
    /// What is compared [default: the work tree]
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    /// The file or folder that a revision alone stands for [default: this folder]
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// Only this node
    #[arg(long, value_name = "HOST")]
    pub node: Option<String>,
    /// Recorded machines, each named as its node, in the place of those beside the configurations
    #[arg(long, value_name = "DIR")]
    pub snapshots: Option<PathBuf>,
    /// Show no text, but what comes of it
    #[arg(long)]
    pub no_text: bool,
    /// End with 6 if anything differs
    #[arg(long)]
    pub exit_code: bool,
}

pub fn run(global: &Global, args: &DiffArgs, output: &mut Output) -> Result<Exit, Failure> {
    let (old, new) = spelling::places(args)?;
    let machines = match &args.snapshots {
        Some(folder) => side::machines(folder)?,
        None => BTreeMap::new(),
    };
    let (old, new) = (Side::read(&old, Which::Old)?, Side::read(&new, Which::New)?);
    let mut comparison = Comparison {
        args,
        old,
        new,
        machines,
        only: None,
    };
    if let Some(path) = &global.hardware {
        comparison.only = Some((
            path.display().to_string(),
            context::recorded(path)?.inventory,
        ));
    }
    let report = comparison.report()?;
    output.print(&report, |_| text::render(&report, args.no_text))?;
    Ok([Exit::Usage, Exit::Refused, Exit::Drift]
        .into_iter()
        .find(|exit| exit.code() == report.exit)
        .unwrap_or(Exit::Done))
}

/// With how many nodes of the same likeness one is compared to tell whether it is renamed.
const MOST_ALIKE: usize = 8;

/// A node's name on the old side, and on the new one.
type Pair = (Option<String>, Option<String>);

struct Comparison<'c> {
    args: &'c DiffArgs,
    old: Side,
    new: Side,
    machines: BTreeMap<String, Recorded>,
    /// The recorded machine of the only node.
    only: Option<Recorded>,
}

impl Comparison<'_> {
    fn report(&mut self) -> Result<Report, Failure> {
        let pairs = self.pairs()?;
        if self.only.is_some() && pairs.len() != 1 {
            let message = format!("--hardware is of one node, and there are {}", pairs.len());
            return Err(Failure::new(Exit::Usage, message)
                .hint("name it with --node, or give --snapshots DIR"));
        }
        let mut nodes = Vec::new();
        let mut notes = self.notes();
        for (was, is) in &pairs {
            nodes.push(self.compare(was.as_deref(), is.as_deref()));
        }
        let without = nodes
            .iter()
            .filter(|it| it.hardware.is_none() && it.state != State::Same)
            .count();
        if without > 0 && nodes.len() > without {
            notes.push(format!(
                "{without} of the nodes have no recorded machine to choose disks on"
            ));
        }
        let broken = self.old.broken.iter().chain(&self.new.broken);
        let wanted = |node: &Option<String>| match (&self.args.node, node) {
            (Some(wanted), Some(node)) => wanted == node,
            _ => true,
        };
        let broken = broken.filter(|it| wanted(&it.node)).cloned().collect();
        let new = self
            .args
            .new
            .clone()
            .unwrap_or_else(|| String::from("the work tree"));
        let names = (self.args.old.clone(), new);
        if self.args.no_text {
            nodes.iter_mut().for_each(|node| node.text.clear());
        }
        Ok(Report::new(
            names,
            nodes,
            broken,
            notes,
            self.args.exit_code,
        ))
    }

    /// The names of each node on either side.
    fn pairs(&self) -> Result<Vec<Pair>, Failure> {
        let (old, new) = (&self.old.nodes, &self.new.nodes);
        let mut pairs = Vec::new();
        if let (true, true, Some(a), Some(b)) = (
            self.old.is_file,
            self.new.is_file,
            old.keys().next(),
            new.keys().next(),
        ) {
            pairs.push((Some(a.clone()), Some(b.clone())));
        } else {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let has = |side: &BTreeMap<String, side::Node>, name: &String| {
                side.contains_key(name).then(|| name.clone())
            };
            pairs.extend(
                names
                    .into_iter()
                    .map(|name| (has(old, name), has(new, name))),
            );
            self.rename(&mut pairs);
        }
        if let Some(wanted) = &self.args.node {
            let is = |name: &Option<String>| name.as_ref() == Some(wanted);
            let all: Vec<String> = old
                .keys()
                .chain(new.keys())
                .cloned()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            pairs.retain(|(was, is_now)| is(was) || is(is_now));
            let is_broken = self.old.may_hide(wanted) || self.new.may_hide(wanted);
            if pairs.is_empty() && !is_broken {
                let message = format!("neither side has a node {wanted}");
                return Err(Failure::new(Exit::Usage, message)
                    .hint(format!("there are: {}", all.join(", "))));
            }
        } else if pairs.is_empty() && self.old.broken.is_empty() && self.new.broken.is_empty() {
            let message = "neither side has a machine configuration";
            let hint = "name a folder with a talconfig.yaml or with rendered configurations; `check --help` says what is one";
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        }
        Ok(pairs)
    }

    /// Makes one of a node that goes and one that comes, if only their names differ.
    fn rename(&self, pairs: &mut Vec<Pair>) {
        let mut come: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (index, (was, is)) in pairs.iter().enumerate() {
            let name = is.as_ref().filter(|_| was.is_none());
            if let Some(after) = name.and_then(|name| self.new.config(name)) {
                come.entry(diff::likeness(after))
                    .or_default()
                    .push_back(index);
            }
        }
        if come.is_empty() {
            return;
        }
        let mut renamed = BTreeSet::new();
        for (index, (was, is)) in pairs.clone().iter().enumerate() {
            let name = was.as_ref().filter(|_| is.is_none());
            let Some(before) = name.and_then(|name| self.old.config(name)) else {
                continue;
            };
            let Some(alike) = come.get_mut(&diff::likeness(before)) else {
                continue;
            };
            let is_it = |index: &usize| {
                let after = pairs[*index].1.as_ref();
                let after = after.and_then(|name| self.new.config(name));
                after.is_some_and(|after| diff::is_renamed(before, after))
            };
            if let Some(found) = alike.iter().take(MOST_ALIKE).position(is_it)
                && let Some(other) = alike.remove(found)
            {
                pairs[other].0.clone_from(was);
                renamed.insert(index);
            }
        }
        let mut index = 0..;
        pairs.retain(|_| index.next().is_none_or(|index| !renamed.contains(&index)));
    }

    fn compare(&self, was: Option<&str>, is: Option<&str>) -> NodeDiff {
        let before = was.and_then(|name| self.old.nodes.get(name));
        let after = is.and_then(|name| self.new.nodes.get(name));
        let name = is.or(was).unwrap_or_default();
        let hidden = match (before, after) {
            (Some(before), Some(after)) => before.config.is_none() || after.config.is_none(),
            (Some(before), None) => before.config.is_none() || self.new.may_hide(name),
            (None, Some(after)) => after.config.is_none() || self.old.may_hide(name),
            (None, None) => true,
        };
        if hidden {
            let mut node = NodeDiff::new(name, before.is_some(), after.is_some());
            node.state = State::Broken;
            return node;
        }
        let mut machine = self.only.as_ref().or_else(|| self.machines.get(name));
        for node in [after, before].into_iter().flatten() {
            machine = machine.or(node.machine.as_ref());
        }
        let own = after.or(before);
        let machine = machine.map(|(file, inventory)| Machine {
            name: file,
            inventory,
            wipe: own.map_or(&[], |node| &node.wipe),
        });
        let before = before.and_then(|node| node.config.as_ref());
        let after = after.and_then(|node| node.config.as_ref());
        let mut found = diff::node(name, before, after, machine);
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            found.was = Some(was.to_owned());
            if found.changes().next().is_none() && found.state != State::Same {
                found.state = State::Renamed;
            }
        }
        found
    }

    /// What to know beside the nodes.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let differ = |(path, stored): (&String, &Option<zeroize::Zeroizing<Vec<u8>>>)| {
            let other = self.new.secrets.get(path);
            let is_single = self.old.secrets.len() == 1 && self.new.secrets.len() == 1;
            let other = other.or_else(|| self.new.secrets.values().next().filter(|_| is_single));
            other.is_some_and(|other| other != stored)
        };
        if self.old.secrets.iter().any(differ) {
            notes.push(String::from(
                "the talsecret files differ; what that changes is not shown, for nodes are rendered with stand-ins for secrets",
            ));
        }
        notes
    }
}
