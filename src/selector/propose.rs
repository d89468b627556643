//! Rules that match one disk and no other, on this machine and on every other one that is known.
//!
//! A rule is put together from [`candidates`], written down as YAML, read back by the parser that reads
//! configurations, and kept only if the evaluators then find the one disk. So what is shown is what was tried.

use super::candidate::{Candidate, candidates};
use super::proof::{Form, Lasting, Proposal};
use super::rule::{Rule, SystemDisk};
use super::{install_rule, volume_rule};
use crate::config::{self, Source};
use crate::probe::inventory::Disk;

/// Conditions that one rule has at most.
const MOST: usize = 3;

/// The disk that is wanted, and those that must not match.
pub(super) struct Wanted<'a> {
    pub disk: &'a Disk,
    /// All others, also of other machines, without copies of the wanted one.
    pub rivals: Vec<&'a Disk>,
    /// Whether an unattended installation may wipe.
    pub wipe: bool,
}

impl Wanted<'_> {
    /// The best `count` rules of this form.
    pub(super) fn propose(&self, form: Form, count: usize) -> Vec<Proposal> {
        let candidates: Vec<Candidate> = candidates(self.disk)
            .into_iter()
            .filter(|candidate| has_words(candidate, form))
            .collect();
        // Who is left beside the wanted disk, condition by condition.
        let left: Vec<Vec<bool>> = candidates
            .iter()
            .map(|c| self.rivals.iter().map(|d| c.holds(&d.talos)).collect())
            .collect();
        let mut exact = Vec::new();
        for subset in subsets(candidates.len()) {
            let spared = |i: usize| subset.iter().all(|c| left[*c][i]);
            let known = |found: &Vec<usize>| found.iter().all(|c| subset.contains(c));
            if exact.iter().any(known) || (0..self.rivals.len()).any(spared) {
                continue;
            }
            exact.push(subset);
        }
        let mut proposals: Vec<Proposal> = exact
            .into_iter()
            .filter_map(|subset| {
                self.write(
                    form,
                    &subset.iter().map(|i| &candidates[*i]).collect::<Vec<_>>(),
                )
            })
            .collect();
        proposals.sort_by_key(|p| (p.holds, p.by.len(), p.yaml.len()));
        proposals.retain(|proposal| self.is_exact(proposal));
        proposals.truncate(count);
        proposals
    }

    fn write(&self, form: Form, conditions: &[&Candidate]) -> Option<Proposal> {
        let lasting = lasting(conditions);
        let model = &self.disk.talos.model;
        let remark = match lasting {
            Lasting::Identity if conditions.iter().any(|c| c.link.is_some()) => {
                "the link is udev's: check that the node has it".to_owned()
            }
            Lasting::Identity => String::new(),
            Lasting::Kind => format!("every other disk like this {model:?} matches, too"),
            Lasting::Port => "unstable: only while it is plugged in there".to_owned(),
        };
        Some(Proposal {
            disk: self.disk.path.clone(),
            form,
            by: conditions.iter().map(|c| c.by.to_owned()).collect(),
            holds: lasting,
            remark,
            yaml: self.yaml(form, conditions)?,
        })
    }

    fn yaml(&self, form: Form, conditions: &[&Candidate]) -> Option<String> {
        let matched = || {
            let parts: Option<Vec<&str>> = conditions.iter().map(|c| c.cel.as_deref()).collect();
            Some(quoted(&parts?.join(" && ")))
        };
        Some(match form {
            Form::Disk => match conditions {
                [only] => format!(
                    "machine:\n  install:\n    disk: {}\n",
                    quoted(only.link.as_deref()?)
                ),
                _ => return None,
            },
            Form::DiskSelector => {
                let mut yaml = String::from("machine:\n  install:\n    diskSelector:\n");
                for condition in conditions {
                    let (key, value) = condition.legacy.as_ref()?;
                    yaml += &format!("      {key}: {}\n", quoted(value));
                }
                yaml
            }
            Form::Unattended => format!(
                "apiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning:\n  diskSelector:\n    match: {}\n  wipe: {}\n",
                matched()?,
                self.wipe
            ),
            Form::Volume => {
                format!(
                    "provisioning:\n  diskSelector:\n    match: {}\n",
                    matched()?
                )
            }
        })
    }

    /// Whether the YAML, read as a configuration, matches the wanted disk and nothing else.
    fn is_exact(&self, proposal: &Proposal) -> bool {
        let text = match proposal.form {
            Form::Volume => format!(
                "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: x\n{}  minSize: 1GB\n",
                proposal.yaml
            ),
            _ => proposal.yaml.clone(),
        };
        let name = "proposal";
        let Ok(spec) = config::parse(&[Source { name, text: &text }]) else {
            return false;
        };
        let rule = match (&spec.install, &*spec.volumes) {
            (None, [volume]) => volume_rule(&volume.provisioning),
            (install, _) => install_rule(install.as_ref()),
        };
        if proposal.form == Form::Volume && self.disk.talos.readonly {
            // Talos passes over it, whatever the rule says.
            return false;
        }
        let takes = |disk| rule.judge(disk, SystemDisk::Installing).matched;
        !matches!(rule, Rule::Score | Rule::SystemDisk)
            && takes(self.disk)
            && !self.rivals.iter().any(|rival| takes(rival))
    }
}

fn has_words(candidate: &Candidate, form: Form) -> bool {
    match form {
        Form::Disk => candidate.link.is_some(),
        Form::DiskSelector => candidate.legacy.is_some(),
        Form::Unattended | Form::Volume => candidate.cel.is_some(),
    }
}

/// A rule with an identity in it goes by that, and one with a port in it falls with the port.
fn lasting(conditions: &[&Candidate]) -> Lasting {
    let any = |lasting| conditions.iter().any(|c| c.lasting == lasting);
    if any(Lasting::Identity) {
        Lasting::Identity
    } else if any(Lasting::Port) {
        Lasting::Port
    } else {
        Lasting::Kind
    }
}

/// Every choice of one to [`MOST`] out of `n`, the smaller ones first.
fn subsets(n: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut last: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..MOST {
        let grown = last.iter().flat_map(|subset| {
            let from = subset.last().map_or(0, |last| last + 1);
            (from..n).map(|next| subset.iter().copied().chain([next]).collect())
        });
        last = grown.collect();
        all.extend(last.iter().cloned());
    }
    all
}

/// A YAML scalar in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
