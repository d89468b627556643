//! The text of a scalar and where it begins in the file, in a text within a text as well. Pure.

use crate::config::node::{Node, Place, Scalar, Style, Value};
use crate::config::spot::{Spot, moved};
use crate::config::taint;

/// A text that is read as YAML, and where it stands in the file.
#[derive(Clone, Copy)]
pub(crate) struct Inside<'t> {
    pub text: &'t str,
    pub from: Spot,
}

/// The text of a scalar, and where it begins.
pub(crate) fn scalar(node: &Node, inside: Inside<'_>) -> Option<(String, Spot)> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    let spot = match scalar.style {
        Style::Literal => block(scalar, node.place, inside),
        Style::Folded => None,
        Style::Plain | Style::Quoted => {
            let quote = u32::from(scalar.style == Style::Quoted);
            let column = node.place.column.saturating_add(quote);
            Some(moved(inside.from, node.place.line, column, false))
        }
    };
    let start = moved(inside.from, node.place.line, node.place.column, false);
    Some((scalar.text.to_string(), spot.unwrap_or(start)))
}

/// Where the lines of a literal block begin.
fn block(scalar: &Scalar, place: Place, inside: Inside<'_>) -> Option<Spot> {
    let mut wanted = scalar.text.split('\n').enumerate();
    let (skipped, first) = wanted.find(|(_, line)| !line.trim().is_empty())?;
    let start = usize::try_from(place.line).ok()?;
    let lines = taint::lines(inside.text).enumerate();
    let mut below = lines.skip(start.saturating_sub(1));
    let (number, line) =
        below.find(|(_, line)| line.ends_with(first) && line.trim() == first.trim())?;
    let indent = line.chars().count() - first.chars().count();
    let line = u32::try_from((number + 1).checked_sub(skipped)?).ok()?;
    let column = u32::try_from(indent + 1).ok()?;
    Some(moved(inside.from, line, column, true))
}
