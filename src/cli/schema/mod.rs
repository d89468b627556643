//! `keelblock schema`: the JSON Schemas of what keelblock reads and prints.

#[cfg(feature = "schemas")]
mod printed;

use clap::Args;
use serde::Serialize;

use crate::cli::error::Failure;
use crate::cli::output::{self, Output};
use crate::cli::table::Table;
use crate::config::nearest;
use crate::exit::Exit;
use crate::schemas::{ALL, Author, Type};

#[cfg(feature = "schemas")]
pub use printed::json_schemas;

const AFTER_HELP: &str = "\
Every JSON document that keelblock prints says in its first field, such as `\"schema\": \"keelblock/plan/v1\"`, what it \
is; later versions may add fields to v1 and rename none. The schemas of files that people write know every key, so that \
an editor underlines one that is misspelt. All are of draft 7.

What there is:        keelblock schema
For an editor:        keelblock schema talconfig > talconfig.schema.json
                      and as the first line of talconfig.yaml
                      # yaml-language-server: $schema=talconfig.schema.json
For a script:         keelblock schema plan > plan.schema.json";

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct SchemaArgs {
    /// The type of document, such as talconfig or plan [default: list them]
    #[arg(value_name = "TYPE")]
    pub name: Option<String>,
}

/// The types.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct List {
    schema: &'static str,
    types: Vec<Row>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Row {
    /// What `keelblock schema` takes.
    name: &'static str,
    /// The `$id` of the schema.
    id: String,
    /// Whether people write such documents; else keelblock does.
    written_by_people: bool,
    /// The commands that read it if people write it, else those that write it.
    commands: &'static [&'static str],
    /// What it is.
    about: &'static str,
}

pub fn run(args: &SchemaArgs, output: &mut Output) -> Result<Exit, Failure> {
    match &args.name {
        Some(name) => match Type::named(name) {
            Some(found) => output::write_out(found.text)?,
            None => return Err(unknown(name)),
        },
        None => list(output)?,
    }
    Ok(Exit::Done)
}

fn list(output: &mut Output) -> Result<(), Failure> {
    let row = |it: &Type| Row {
        name: it.name,
        id: it.id(),
        written_by_people: it.author == Author::People,
        commands: it.commands,
        about: it.about,
    };
    let value = List {
        schema: "keelblock/schemas/v1",
        types: ALL.iter().map(row).collect(),
    };
    output.print(&value, |_| {
        let mut table = Table::new(&["TYPE", "WRITTEN BY", "WHAT"], &[]);
        for it in ALL {
            let author = match it.author {
                Author::People => "you".to_owned(),
                Author::Keelblock => it.commands.join(", "),
            };
            table.row([it.name.to_owned(), author, it.about.to_owned()]);
        }
        table.render()
    })
}

/// Names that are like it, or that the command of this name has to do with.
fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = ALL.iter().map(|it| it.name).collect();
    let mut close = nearest::nearest(name, &names);
    let of_command = ALL.iter().filter(|it| it.commands.contains(&name));
    close.extend(of_command.map(|it| it.name));
    let failure = Failure::new(Exit::Usage, format!("there is no type {name:?}"));
    failure.hint(match close.is_empty() {
        true => "`keelblock schema` lists them".to_owned(),
        false => format!("did you mean {}?", close.join(" or ")),
    })
}
