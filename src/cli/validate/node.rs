//! `keelblock validate -c`: the configuration of one node, read as every other command reads it.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::args::NodeArgs;
use crate::cli::error::Failure;
use crate::cli::files;
use crate::cli::output::Output;
use crate::cli::table::{WIDTH, wrap};
use crate::exit::Exit;

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(in crate::cli) struct Validation {
    schema: &'static str,
    hostname: Option<String>,
    machine_type: Option<String>,
    ignored: Vec<String>,
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Warning {
    at: String,
    text: String,
}

pub fn run(paths: &[PathBuf], node: &NodeArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = files::config(paths, node)?;
    let warnings = spec.warnings.iter().map(|(at, text)| Warning {
        at: at.to_string(),
        text: text.clone(),
    });
    let validation = Validation {
        schema: "keelblock/validation/v1",
        hostname: spec.hostname.clone(),
        machine_type: spec.machine_type.clone(),
        ignored: spec.ignored.clone(),
        warnings: warnings.collect(),
    };
    output.print(&validation, |_| render(&validation))?;
    Ok(Exit::Done)
}

fn render(validation: &Validation) -> String {
    let node = validation
        .hostname
        .as_deref()
        .unwrap_or("a node without a name");
    let kind = validation.machine_type.as_deref().unwrap_or("unknown type");
    let mut text = format!("valid: {node} ({kind})\n");
    for warning in &validation.warnings {
        text.push_str(&format!(
            "warning: {}\n",
            wrap(&format!("{}: {}", warning.at, warning.text), WIDTH - 9, 9)
        ));
    }
    if !validation.ignored.is_empty() {
        text.push_str(&format!(
            "not ours: {}\n",
            wrap(&validation.ignored.join(", "), WIDTH - 10, 10)
        ));
    }
    text
}
