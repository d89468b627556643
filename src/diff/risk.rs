//! How much a change endangers, and one change in words.

use serde::Serialize;

/// What a change comes to at worst; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// A disk may be wiped that was left alone before.
    Wipes,
    /// A volume that is there cannot be opened or mounted from the next boot on.
    LocksOut,
    /// Data stays on a disk, out of reach of what used it.
    Strands,
    /// No disk is found, or Talos does not take the change.
    Refused,
    /// Key slots are added, replaced or removed at the next boot.
    Rekeys,
    /// In effect after a reboot.
    Reboot,
    /// In effect after an upgrade of Talos.
    Upgrade,
    /// In effect only where a disk or volume is made anew.
    Remake,
    /// In effect at once.
    Online,
    /// Nothing comes of it.
    None,
}

impl Risk {
    /// Its word in text and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wipes => "wipes",
            Self::LocksOut => "locks-out",
            Self::Strands => "strands",
            Self::Refused => "refused",
            Self::Rekeys => "rekeys",
            Self::Reboot => "reboot",
            Self::Upgrade => "upgrade",
            Self::Remake => "remake",
            Self::Online => "online",
            Self::None => "none",
        }
    }

    /// Whether data or a node is in danger, so that a script should stop.
    pub const fn endangers(self) -> bool {
        matches!(
            self,
            Self::Wipes | Self::LocksOut | Self::Strands | Self::Refused
        )
    }
}

/// One change, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Change {
    /// How much it endangers.
    pub risk: Risk,
    /// What changes, such as `install disk` or `EPHEMERAL selector`.
    pub subject: String,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it becomes; `None` if it goes.
    pub after: Option<String>,
    /// What Talos does about it, in a sentence or two.
    pub effect: String,
}

impl Change {
    /// A change of `subject`.
    pub(super) fn new(
        risk: Risk,
        subject: impl Into<String>,
        before: Option<String>,
        after: Option<String>,
        effect: impl Into<String>,
    ) -> Self {
        Self {
            risk,
            subject: subject.into(),
            before,
            after,
            effect: effect.into(),
        }
    }

    /// The change in words, without what comes of it.
    pub fn headline(&self) -> String {
        let subject = &self.subject;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{subject}: {before} -> {after}"),
            (None, Some(after)) => format!("{subject}: added: {after}"),
            (Some(before), None) => format!("{subject}: removed: {before}"),
            (None, None) => subject.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_is_first_and_only_what_endangers_counts() {
        let all = [
            Risk::Wipes,
            Risk::LocksOut,
            Risk::Strands,
            Risk::Refused,
            Risk::Rekeys,
            Risk::Reboot,
            Risk::Upgrade,
            Risk::Remake,
            Risk::Online,
            Risk::None,
        ];
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all[..4].iter().all(|risk| risk.endangers()));
        assert!(!all[4..].iter().any(|risk| risk.endangers()));
        for risk in all {
            let json = serde_json::to_value(risk).unwrap();
            assert_eq!(json, risk.word(), "one word in text and JSON");
        }
    }
}
