//! Whether the conditions of a rule hold for a device: yes, no, or there is no telling.
//!
//! Pure apart from reads through [`Root`].

use crate::root::Root;
use crate::tuner::knobs::{self, Access};
use crate::tuner::rules::{Key, Operator, Rule, Token, is_glob, matches};

use super::chain::{Device, Properties};

/// An answer of three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holds {
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
    /// It does.
    Yes,
}

impl Holds {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::Unknown => Self::Unknown,
            Self::No => Self::Yes,
        }
    }
}

/// A device, its parents and its properties.
#[derive(Debug)]
pub(super) struct View<'v> {
    pub(super) root: &'v Root,
    pub(super) chain: &'v [Device],
    pub(super) properties: &'v Properties,
}

impl View<'_> {
    /// Whether all conditions of the rule hold.
    pub(super) fn rule(&self, rule: &Rule) -> Holds {
        let mut holds = Holds::Yes;
        for token in &rule.tokens {
            let compares = token.is_match() && !token.key.walks_parents();
            let program = matches!(token.key, Key::Program | Key::Import);
            if compares || program {
                holds = holds.min(self.own(token));
            }
            if holds == Holds::No {
                return holds;
            }
        }
        let walks: Vec<&Token> = rule.matches().filter(|it| it.key.walks_parents()).collect();
        if walks.is_empty() {
            return holds;
        }
        let parent = |device: &Device| {
            let each = walks.iter().map(|token| self.of_parent(device, token));
            each.min().unwrap_or(Holds::Yes)
        };
        holds.min(self.chain.iter().map(parent).max().unwrap_or(Holds::No))
    }

    /// A condition on the device itself.
    fn own(&self, token: &Token) -> Holds {
        let Some(device) = self.chain.first() else {
            return Holds::Unknown;
        };
        let attribute = token.attribute.as_deref().unwrap_or_default();
        match token.key {
            // A boot and a plug are both; which of them was the last there is no telling.
            Key::Action => {
                let either = ["add", "change"].map(|action| turned(token, Some(action)));
                either[0].max(either[1])
            }
            Key::Devpath => turned(token, Some(&device.devpath())),
            Key::Kernel => turned(token, Some(&device.name())),
            Key::Subsystem => turned(token, device.subsystem(self.root).as_deref()),
            Key::Driver => turned(token, device.driver(self.root).as_deref()),
            Key::Attr => self.attribute(device, token, attribute),
            Key::Env => self.property(token, attribute),
            Key::Test => self.test(device, token),
            _ => Holds::Unknown,
        }
    }

    fn of_parent(&self, device: &Device, token: &Token) -> Holds {
        let attribute = token.attribute.as_deref().unwrap_or_default();
        match token.key {
            Key::Kernels => turned(token, Some(&device.name())),
            Key::Subsystems => turned(token, device.subsystem(self.root).as_deref()),
            Key::Drivers => turned(token, device.driver(self.root).as_deref()),
            Key::Attrs => self.attribute(device, token, attribute),
            _ => Holds::Unknown,
        }
    }

    fn attribute(&self, device: &Device, token: &Token, name: &str) -> Holds {
        let Ok(value) = device.attribute(self.root, name) else {
            return Holds::Unknown;
        };
        let Some(value) = value else {
            // udev says no to both operators where there is no such attribute.
            return Holds::No;
        };
        let keeps_blanks = token.value.ends_with(char::is_whitespace);
        let value = if keeps_blanks {
            value.as_str()
        } else {
            value.trim_end()
        };
        let holds = turned(token, Some(value));
        // What a rule may have changed since may have been otherwise when the rule was worked through.
        let changes = knobs::by_key(name).is_some_and(|knob| knob.access == Access::ReadWrite);
        if holds == Holds::No && changes {
            Holds::Unknown
        } else {
            holds
        }
    }

    fn property(&self, token: &Token, name: &str) -> Holds {
        match self.properties.values.get(name) {
            Some(value) => turned(token, Some(value)),
            None if name.starts_with('.') || !self.properties.is_complete => Holds::Unknown,
            None => turned(token, Some("")),
        }
    }

    fn test(&self, device: &Device, token: &Token) -> Holds {
        let path = token.value.as_str();
        if is_glob(path) || path.contains(['$', '%']) || path.contains("..") {
            return Holds::Unknown;
        }
        let there = self.root.exists(device.path.join(path));
        let holds = there.map_or(Holds::Unknown, Holds::of);
        if token.operator == Operator::NoMatch {
            holds.not()
        } else {
            holds
        }
    }
}

/// Whether the pair holds for this text; what is absent fits nothing.
fn turned(token: &Token, text: Option<&str>) -> Holds {
    let text = text.unwrap_or_default();
    let fits = Holds::of(matches(&token.value, text, token.ignores_case));
    if token.operator == Operator::NoMatch {
        fits.not()
    } else {
        fits
    }
}
