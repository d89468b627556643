//! udev rules files: what stands in them, where, and what udev says about it.
//!
//! ```text
//! text ─lines─▶ logical lines ─lex─▶ pairs ─token─▶ Rule ─conflict, jumps─▶ RulesFile
//! ```
//! Pure, and bounded by the length of the text. Never says whether a rule makes sense: that is [`super::lint`], and
//! whether it holds for a device is [`super::blame`].
//! Spec: udev(7) and `udevadm verify` of systemd 257.

mod conflict;
mod format;
mod glob;
mod lex;
mod lines;
#[cfg(test)]
mod tests;
mod token;
mod value;

use std::collections::HashSet;

pub use glob::{alternatives, is_glob, matches};

/// Where something stands: both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line of the file, whatever continues what.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// What stands between a key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `==`
    Match,
    /// `!=`
    NoMatch,
    /// `=`
    Assign,
    /// `+=`
    Add,
    /// `-=`
    Remove,
    /// `:=`
    AssignFinal,
}

impl Operator {
    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Match => "==",
            Self::NoMatch => "!=",
            Self::Assign => "=",
            Self::Add => "+=",
            Self::Remove => "-=",
            Self::AssignFinal => ":=",
        }
    }

    /// Whether it compares rather than changes.
    pub const fn is_match(self) -> bool {
        matches!(self, Self::Match | Self::NoMatch)
    }
}

/// What a pair is about, in the order in which udev works through the pairs of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "udev(7) describes each key under this name")]
pub enum Key {
    Action,
    Devpath,
    Kernel,
    Symlink,
    Name,
    Env,
    Const,
    Tag,
    Subsystem,
    Driver,
    Attr,
    Sysctl,
    Kernels,
    Subsystems,
    Drivers,
    Attrs,
    Tags,
    Test,
    Program,
    Import,
    Result,
    Options,
    Owner,
    Group,
    Mode,
    Seclabel,
    Run,
    Goto,
    Label,
}

impl Key {
    /// Whether it looks at the device and its parents; all such pairs of one rule have to hold for one of them.
    pub const fn walks_parents(self) -> bool {
        matches!(
            self,
            Self::Kernels | Self::Subsystems | Self::Drivers | Self::Attrs | Self::Tags
        )
    }
}

/// One `KEY{attribute}op"value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The key.
    pub key: Key,
    /// What stands in braces.
    pub attribute: Option<String>,
    /// The operator, as it is written.
    pub operator: Operator,
    /// The value, unescaped.
    pub value: String,
    /// `i"…"`: compared without regard to case.
    pub ignores_case: bool,
    /// Where the key begins.
    pub at: Place,
    /// Where the text of the value begins, behind its quote.
    pub value_at: Place,
}

impl Token {
    /// Whether it compares rather than changes.
    pub const fn is_match(&self) -> bool {
        self.operator.is_match()
    }

    /// Whether it is `key{attribute}`, compared or assigned.
    pub fn is(&self, key: Key, attribute: &str) -> bool {
        self.key == key && self.attribute.as_deref() == Some(attribute)
    }

    /// Whether it writes the attribute of the device, and which.
    pub fn writes(&self) -> Option<&str> {
        let writes = self.key == Key::Attr && !self.is_match();
        self.attribute.as_deref().filter(|_| writes)
    }

    /// The texts between the bars of a value that is compared.
    pub fn alternatives(&self) -> impl Iterator<Item = &str> {
        alternatives(&self.value)
    }
}

/// One rule: a line with those that continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it begins.
    pub at: Place,
    /// Its last line.
    pub last_line: u32,
    /// Its pairs as they are written. udev compares everything before it changes anything.
    pub tokens: Vec<Token>,
}

impl Rule {
    /// What the rule compares.
    pub fn matches(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| token.is_match())
    }

    /// The pair that writes an attribute of the device, with the attribute.
    pub fn writes(&self) -> impl Iterator<Item = (&Token, &str)> {
        let written = |token| Token::writes(token).map(|attribute| (token, attribute));
        self.tokens.iter().filter_map(written)
    }

    /// The value of its `GOTO` or `LABEL`.
    pub fn value_of(&self, key: Key) -> Option<&str> {
        let mut tokens = self.tokens.iter();
        let token = tokens.find(|token| token.key == key && !token.is_match());
        token.map(|token| token.value.as_str())
    }
}

/// How much udev makes of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// `udevadm verify` calls it style.
    Style,
    /// udev says so and goes on with something that was perhaps not meant.
    Warning,
    /// udev leaves the pair, the rule or the file out.
    Error,
}

/// Something that udev does not like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Place,
    /// How much it weighs.
    pub weight: Weight,
    /// What it is, lower case.
    pub message: String,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesFile {
    /// The rules that udev keeps.
    pub rules: Vec<Rule>,
    /// What it does not like, in the order of the file.
    pub faults: Vec<Fault>,
}

impl RulesFile {
    /// Whether `udevadm verify --no-style` has nothing to say.
    pub fn is_accepted(&self) -> bool {
        self.faults
            .iter()
            .all(|fault| fault.weight == Weight::Style)
    }

    fn fault(&mut self, at: Place, weight: Weight, message: impl Into<String>) {
        self.faults.push(Fault {
            at,
            weight,
            message: message.into(),
        });
    }
}

/// Reads a rules file. Bytes that are not UTF-8 have to be replaced before.
pub fn parse(text: &str) -> RulesFile {
    let mut file = RulesFile::default();
    for line in lines::logical(text) {
        match line {
            Ok(line) => rule(&line, &mut file),
            Err(fault) => {
                let whole = fault.whole_file;
                file.fault(fault.at, Weight::Error, fault.message);
                if whole {
                    file.rules.clear();
                    return file;
                }
            }
        }
    }
    jumps(&mut file);
    for rule in std::mem::take(&mut file.rules) {
        conflict::check(&rule, &mut file);
        file.rules.push(rule);
    }
    file.faults.sort_by_key(|fault| fault.at);
    file
}

/// Reads one logical line. udev leaves the whole of it out if one pair is wrong.
fn rule(line: &lines::Line, file: &mut RulesFile) {
    let mut tokens = Vec::new();
    let mut rest = lex::Reader::new(line);
    loop {
        if let Some((at, message)) = rest.delimiter() {
            file.fault(at, Weight::Style, message);
        }
        let pair = match rest.pair() {
            Ok(Some(pair)) => pair,
            Ok(None) => break,
            Err((at, message)) => return file.fault(at, Weight::Error, message),
        };
        let mut said = Vec::new();
        let read = token::read(pair, &mut said);
        for (at, weight, message) in said {
            file.fault(at, weight, message);
        }
        match read {
            Ok(Some(token)) => token::add(token, &mut tokens, file),
            Ok(None) => {}
            Err((at, message)) => return file.fault(at, Weight::Error, message),
        }
    }
    let rule = Rule {
        at: line.start(),
        last_line: line.last,
        tokens,
    };
    if !rule.tokens.iter().any(token::has_effect) {
        let message = "the rule changes nothing: it only compares";
        return file.fault(rule.at, Weight::Warning, message);
    }
    file.rules.push(rule);
}

/// Every `GOTO` needs its `LABEL` further down.
fn jumps(file: &mut RulesFile) {
    let mut below: HashSet<String> = HashSet::new();
    let mut used: HashSet<String> = HashSet::new();
    let mut faults = Vec::new();
    for rule in file.rules.iter_mut().rev() {
        let label = rule.value_of(Key::Label).map(str::to_owned);
        if let Some(goto) = rule.tokens.iter().position(|token| token.key == Key::Goto) {
            let token = &rule.tokens[goto];
            if below.contains(&token.value) {
                used.insert(token.value.clone());
            } else {
                let message = format!("GOTO=\"{}\" has no such LABEL below it", token.value);
                faults.push((token.at, Weight::Error, message));
                rule.tokens.remove(goto);
            }
        }
        below.extend(label);
    }
    for rule in &file.rules {
        let label = rule.tokens.iter().find(|token| token.key == Key::Label);
        if let Some(label) = label.filter(|label| !used.contains(&label.value)) {
            let message = format!("LABEL=\"{}\" is not used", label.value);
            faults.push((label.at, Weight::Style, message));
        }
    }
    for (at, weight, message) in faults {
        file.fault(at, weight, message);
    }
    file.rules
        .retain(|rule| rule.tokens.iter().any(token::has_effect));
}
