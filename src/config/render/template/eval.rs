//! Nodes over their data, as text.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::data::{Datum, Kind};
use super::parse::{Node, Operand, Pipeline};
use super::{Data, MOST, TemplateError, functions};

/// Renders the nodes.
pub(super) fn render(nodes: &[Node], data: &Data<'_>) -> Result<Zeroizing<String>, TemplateError> {
    let mut writer = Writer {
        data,
        out: Zeroizing::default(),
    };
    writer.all(nodes, &data.root)?;
    Ok(writer.out)
}

struct Writer<'d> {
    data: &'d Data<'d>,
    out: Zeroizing<String>,
}

impl<'d> Writer<'d> {
    fn all(&mut self, nodes: &[Node], dot: &Datum<'d>) -> Result<(), TemplateError> {
        nodes.iter().try_for_each(|node| self.node(node, dot))
    }

    fn node(&mut self, node: &Node, dot: &Datum<'d>) -> Result<(), TemplateError> {
        match node {
            Node::Text(text) => self.push(1, text),
            Node::Print(pipeline) => {
                let value = self.value(pipeline, dot)?;
                let text = printed(value).map_err(at(pipeline.line))?;
                self.push(pipeline.line, &text)
            }
            Node::If(pipeline, body, other) => {
                let value = self.value(pipeline, dot)?;
                let holds = value.truth().map_err(at(pipeline.line))?;
                self.all(if holds { body } else { other }, dot)
            }
            Node::With(pipeline, body, other) => {
                let value = self.value(pipeline, dot)?;
                match value.truth().map_err(at(pipeline.line))? {
                    true => self.all(body, &value),
                    false => self.all(other, dot),
                }
            }
            Node::Range(pipeline, body, other) => {
                let value = self.value(pipeline, dot)?;
                let items = items(value).map_err(at(pipeline.line))?;
                if items.is_empty() {
                    return self.all(other, dot);
                }
                items.iter().try_for_each(|item| self.all(body, item))
            }
        }
    }

    fn push(&mut self, line: usize, text: &str) -> Result<(), TemplateError> {
        if self.out.len() + text.len() > MOST {
            return Err(TemplateError::new(
                line,
                "it becomes larger than a configuration can be",
            ));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn value(&self, pipeline: &Pipeline, dot: &Datum<'d>) -> Result<Datum<'d>, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last, dot, pipeline.line)?);
        }
        last.ok_or_else(|| TemplateError::new(pipeline.line, "an action with nothing in it"))
    }

    fn command(
        &self,
        command: &[Operand],
        last: Option<Datum<'d>>,
        dot: &Datum<'d>,
        line: usize,
    ) -> Result<Datum<'d>, TemplateError> {
        let Some((first, rest)) = command.split_first() else {
            return Err(TemplateError::new(line, "a command with nothing in it"));
        };
        let Operand::Call(name) = first else {
            if !rest.is_empty() || last.is_some() {
                return Err(TemplateError::new(
                    line,
                    "an argument for something that is no function",
                ));
            }
            return self.operand(first, dot, line);
        };
        let is_or = name == "or";
        if is_or || name == "and" {
            return self.either(rest, last, dot, line, is_or);
        }
        let arguments = rest.iter().map(|operand| self.operand(operand, dot, line));
        let mut arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        arguments.extend(last);
        let value = functions::call(name, arguments, self.data.env);
        value.map_err(|message| TemplateError::new(line, format!("`{name}`: {message}")))
    }

    /// `and` and `or`: the first argument that decides, and none after it.
    fn either(
        &self,
        rest: &[Operand],
        last: Option<Datum<'d>>,
        dot: &Datum<'d>,
        line: usize,
        decides: bool,
    ) -> Result<Datum<'d>, TemplateError> {
        let mut found = None;
        for operand in rest {
            let value = self.operand(operand, dot, line)?;
            if value.truth().map_err(at(line))? == decides {
                return Ok(value);
            }
            found = Some(value);
        }
        last.or(found)
            .ok_or_else(|| TemplateError::new(line, "`and` or `or` without arguments"))
    }

    fn operand(
        &self,
        operand: &Operand,
        dot: &Datum<'d>,
        line: usize,
    ) -> Result<Datum<'d>, TemplateError> {
        let (start, names) = match operand {
            Operand::Text(text) => return Ok(Datum::Text(text.clone())),
            Operand::Whole(value) => return Ok(Datum::Whole(*value)),
            Operand::Flag(flag) => return Ok(Datum::Flag(*flag)),
            Operand::Call(_) => {
                return self.command(std::slice::from_ref(operand), None, dot, line);
            }
            Operand::Dot(names) => (dot.clone(), names),
            Operand::Root(names) => (self.data.root.clone(), names),
            Operand::Group(pipeline, names) => (self.value(pipeline, dot)?, names),
        };
        let mut value = start;
        let mut path = String::new();
        for name in names {
            path.push('.');
            path.push_str(name);
            let below = value.field(name);
            value = below
                .map_err(|message| TemplateError::new(line, format!("`{path}`: {message}")))?;
        }
        value.plain().map_err(at(line))
    }
}

fn at(line: usize) -> impl Fn(String) -> TemplateError {
    move |message| TemplateError::new(line, message)
}

/// The text of a value that stands alone in an action.
fn printed(value: Datum<'_>) -> Result<String, String> {
    let value = match value {
        // A pointer is followed here, and nowhere else.
        Datum::Part(Kind::Pointer(inner), value @ Some(_)) => Datum::Part(inner, value),
        value => value,
    };
    match value.plain()? {
        Datum::Text(text) => Ok(text),
        Datum::Flag(flag) => Ok(flag.to_string()),
        Datum::Whole(value) => Ok(value.to_string()),
        other => Err(format!(
            "{} cannot stand where text is written",
            other.what()
        )),
    }
}

/// What `range` goes over.
fn items(value: Datum<'_>) -> Result<Vec<Datum<'_>>, String> {
    match value.plain()? {
        Datum::List(items) => items.into_iter().map(Datum::plain).collect(),
        Datum::Part(Kind::Map(item), value) => {
            let Some(Json::Object(map)) = value else {
                return Ok(Vec::new());
            };
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let part = |key: &&String| Datum::Part(item, map.get(*key)).plain();
            keys.iter().map(part).collect()
        }
        other => Err(format!(
            "`range` over {} is not rendered by keelblock",
            other.what()
        )),
    }
}
