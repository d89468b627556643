//! The notation of a scalar: which ones its text allows, and how each is written.

use super::emitter::Emitter;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// Whether it stands in brackets or braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    Flow,
}

/// What a text allows.
pub(super) struct Analysis {
    pub multiline: bool,
    empty: bool,
    plain_in_flow: bool,
    plain_in_block: bool,
    single: bool,
    block: bool,
}

/// What was seen in a text.
#[derive(Default)]
struct Seen {
    block_indicators: bool,
    flow_indicators: bool,
    breaks: bool,
    special: bool,
    tabs: bool,
    outer_blank: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
}

impl Analysis {
    pub fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                multiline: false,
                empty: true,
                plain_in_flow: false,
                plain_in_block: true,
                single: true,
                block: false,
            };
        }
        let seen = Seen::look(text);
        let plain = !(seen.outer_blank
            || seen.break_space
            || seen.space_break
            || seen.tabs
            || seen.special
            || seen.breaks);
        Self {
            multiline: seen.breaks,
            empty: false,
            plain_in_flow: plain && !seen.flow_indicators,
            plain_in_block: plain && !seen.block_indicators,
            single: !(seen.break_space || seen.space_break || seen.tabs || seen.special),
            block: !(seen.trailing_space || seen.space_break || seen.special),
        }
    }

    /// The notation that comes closest to the one that was written.
    pub fn notation(&self, written: Notation, context: Context, is_key: bool) -> Notation {
        let flow = context == Context::Flow;
        let mut notation = if is_key && self.multiline {
            Notation::Double
        } else {
            written
        };
        if notation == Notation::Plain {
            let allowed = if flow {
                self.plain_in_flow
            } else {
                self.plain_in_block
            };
            if !allowed || (self.empty && (flow || is_key)) {
                notation = Notation::Single;
            }
        }
        match notation {
            Notation::Single if !self.single => Notation::Double,
            Notation::Literal | Notation::Folded if !self.block || flow || is_key => {
                Notation::Double
            }
            notation => notation,
        }
    }
}

impl Seen {
    fn look(text: &str) -> Self {
        let mut seen = Self::default();
        if text.starts_with("---") || text.starts_with("...") {
            seen.block_indicators = true;
            seen.flow_indicators = true;
        }
        let (mut after_blank, mut after_space, mut after_break) = (true, false, false);
        let mut chars = text.chars().peekable();
        let mut is_first = true;
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t'));
            seen.indicator(c, is_first, after_blank, before_blank);
            if c == '\t' {
                seen.tabs = true;
            } else if !is_printable(c) {
                seen.special = true;
            }
            let is_outer = is_first || next.is_none();
            if c == ' ' {
                seen.outer_blank |= is_outer;
                seen.trailing_space |= next.is_none();
                seen.break_space |= after_break;
            } else if is_break(c) {
                seen.breaks = true;
                seen.outer_blank |= is_outer;
                seen.space_break |= after_space;
            }
            (after_space, after_break) = (c == ' ', is_break(c));
            after_blank = matches!(c, ' ' | '\t' | '\0') || is_break(c);
            is_first = false;
        }
        seen
    }

    fn indicator(&mut self, c: char, is_first: bool, after_blank: bool, before_blank: bool) {
        let (flow, block) = match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`'
                if is_first =>
            {
                (true, true)
            }
            '?' if is_first => (true, before_blank),
            '-' if is_first => (before_blank, before_blank),
            ':' => (true, before_blank),
            ',' | '?' | '[' | ']' | '{' | '}' => (true, false),
            '#' => (after_blank, after_blank),
            _ => (false, false),
        };
        self.flow_indicators |= flow;
        self.block_indicators |= block;
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What libyaml writes as it is; nothing above the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

impl Emitter {
    pub(super) fn plain(&mut self, text: &str) {
        if !text.is_empty() && !self.whitespace {
            self.put(' ');
        }
        self.lines(text, "");
        if !text.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    pub(super) fn single(&mut self, text: &str) {
        self.indicator("'", true, false, false);
        self.lines(text, "'");
        self.indicator("'", false, false, false);
    }

    /// A text in which a line feed is two, and every character of `doubled` as well.
    fn lines(&mut self, text: &str, doubled: &str) {
        let mut after_break = false;
        for c in text.chars() {
            if is_break(c) {
                if !after_break && c == '\n' {
                    self.line_break();
                }
                self.text_break(c);
                after_break = true;
                continue;
            }
            if c != ' ' {
                if after_break {
                    self.write_indent();
                }
                if doubled.contains(c) {
                    self.put(c);
                }
                self.indention = false;
                after_break = false;
            }
            self.put(c);
        }
    }

    pub(super) fn double(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        for c in text.chars() {
            if is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') {
                self.put(c);
                continue;
            }
            escape(c).chars().for_each(|c| self.put(c));
        }
        self.indicator("\"", false, false, false);
    }

    pub(super) fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        self.block_hints(text);
        self.whitespace = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.text_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.write_indent();
            }
            self.put(c);
            self.indention = false;
            after_break = false;
        }
    }

    pub(super) fn folded(&mut self, text: &str) {
        self.indicator(">", true, false, false);
        self.block_hints(text);
        self.whitespace = true;
        // The library looks at the start of the whole text where it means the rest of it.
        let start = text.trim_start_matches(is_break).chars().next();
        let starts_blank = start.is_none_or(|c| matches!(c, ' ' | '\t' | '\0'));
        let (mut after_break, mut blank_line) = (true, true);
        for c in text.chars() {
            if is_break(c) {
                if !after_break && !blank_line && c == '\n' && !starts_blank {
                    self.line_break();
                }
                self.text_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.write_indent();
                blank_line = matches!(c, ' ' | '\t');
            }
            self.put(c);
            self.indention = false;
            after_break = false;
        }
    }

    /// The digit and the sign after `|` and `>`.
    fn block_hints(&mut self, text: &str) {
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&self.step.to_string(), false, false, false);
        }
        let mut last = text.chars().rev();
        match (last.next().map(is_break), last.next().map(is_break)) {
            (Some(true), Some(false)) => {}
            (Some(true), _) => self.indicator("+", false, false, false),
            _ => self.indicator("-", false, false, false),
        }
    }
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
