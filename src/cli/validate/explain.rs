//! `keelblock validate --explain`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::table::{WIDTH, wrap};
use crate::exit::Exit;
use crate::lint::rule::{Level, Rule};
use crate::network;

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Codes {
    schema: &'static str,
    codes: Vec<Code>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Code {
    code: &'static str,
    level: &'static str,
    title: &'static str,
    cause: &'static str,
    fix: &'static str,
    example: &'static str,
}

pub fn run(code: &str, output: &mut Output) -> Result<Exit, Failure> {
    let all = code == "all";
    let rules: Vec<&Rule> = match all {
        true => Rule::all().collect(),
        false => Rule::by_code(code).into_iter().collect(),
    };
    if let Some(code) = network::Code::ALL.iter().find(|it| it.word() == code) {
        return word(*code, output);
    }
    if rules.is_empty() {
        let message = format!("there is no code {code:?}");
        let failure = Failure::new(Exit::Usage, message);
        return Err(failure.hint("`keelblock validate --explain` lists them"));
    }
    let codes = rules.iter().map(|rule| Code {
        code: rule.code,
        level: rule.level.word(),
        title: rule.title,
        cause: rule.cause,
        fix: rule.fix,
        example: rule.example,
    });
    let value = Codes {
        schema: "keelblock/lint-codes/v1",
        codes: codes.collect(),
    };
    output.print(&value, |_| match rules[..] {
        [only] if !all => one(only),
        _ => list(&rules),
    })?;
    Ok(Exit::Done)
}

/// A word of the findings about networks.
fn word(code: network::Code, output: &mut Output) -> Result<Exit, Failure> {
    let value = Codes {
        schema: "keelblock/lint-codes/v1",
        codes: vec![Code {
            code: code.word(),
            level: code.level().word(),
            title: code.word(),
            cause: code.cause(),
            fix: code.fix(),
            example: "",
        }],
    };
    let text = |text: &str| wrap(text, WIDTH - 2, 2);
    output.print(&value, |_| {
        format!(
            "{}\n  {}\n  {}\n",
            code.word(),
            text(code.cause()),
            text(code.fix())
        )
    })?;
    Ok(Exit::Done)
}

fn list(rules: &[&Rule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let _ = writeln!(
            text,
            "{}  {:7}  {}",
            rule.code,
            rule.level.word(),
            rule.title
        );
    }
    text.push('\n');
    for level in Level::ALL {
        let _ = writeln!(text, "{:7}  {}", level.word(), level.meaning());
    }
    text
}

fn one(rule: &Rule) -> String {
    let mut text = String::new();
    let head = format!("{} ({}): {}", rule.code, rule.level.word(), rule.title);
    let _ = writeln!(text, "{}\n", wrap(&head, WIDTH - 2, 2));
    let _ = writeln!(text, "{}\n", wrap(rule.cause, WIDTH, 0));
    let _ = writeln!(text, "fix: {}\n", wrap(rule.fix, WIDTH - 5, 5));
    for line in rule.example.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}
