//! The way to a place in a rendered document, and the same way through what it was made of. Pure.

use std::rc::Rc;

use crate::config::node::{Entry, Node, Place, Value};

/// A step from a value to one in it.
pub(super) enum Step<'n> {
    Key(&'n str),
    Item(usize),
}

/// The way from `root` to the last thing that begins no later than the place, and what it is.
pub(super) fn walk<'n>(
    root: &'n Node,
    before: &dyn Fn(Place) -> bool,
) -> (Vec<Step<'n>>, &'n Node) {
    let (mut steps, mut node) = (Vec::new(), root);
    loop {
        let next = match &node.value {
            Value::Map(entries) => {
                let entry: Option<&Entry> = entries.iter().rfind(|entry| before(entry.at));
                entry.map(|entry| (Step::Key(&entry.key), &entry.value))
            }
            Value::List(list) => {
                let index = list.iter().rposition(|item| before(item.place));
                index.map(|index| (Step::Item(index), &list[index]))
            }
            Value::Scalar(_) => None,
        };
        let Some((step, value)) = next else {
            return (steps, node);
        };
        steps.push(step);
        // The place is that of the key.
        if !before(value.place) {
            return (steps, value);
        }
        node = value;
    }
}

/// The places in `layer` that are at the end of `steps`, which lead from `rendered` to `value`.
pub(super) fn follow(
    layer: &Node,
    rendered: &Node,
    steps: &[Step<'_>],
    value: &Node,
    at: Place,
    places: &mut Vec<Place>,
) {
    match steps.split_first() {
        None => {
            if agrees(layer, value) {
                places.push(at);
            }
        }
        Some((Step::Key(key), rest)) => {
            if let (Some(entry), Some(of)) = (layer.get(key), rendered.get(key)) {
                follow(&entry.value, &of.value, rest, value, entry.at, places);
            }
        }
        Some((Step::Item(index), rest)) => {
            let Value::List(all) = &rendered.value else {
                return;
            };
            let Some(of) = all.get(*index) else { return };
            let Value::List(list) = &layer.value else {
                return;
            };
            for item in list.iter().filter(|item| agrees(item, of)) {
                follow(item, of, rest, value, item.place, places);
            }
        }
    }
}

/// Whether all of `layer` is in `rendered`.
fn agrees(layer: &Node, rendered: &Node) -> bool {
    match (&layer.value, &rendered.value) {
        _ if layer.is_null() => true,
        (Value::Scalar(layer), Value::Scalar(rendered)) => {
            layer.text == rendered.text || layer.text.contains('$') || layer.text.contains("{{")
        }
        (Value::Map(layer), Value::Map(_)) => layer.iter().all(|entry| {
            let of = rendered.get(&entry.key);
            of.is_some_and(|of| agrees(&entry.value, &of.value))
        }),
        (Value::List(layer), Value::List(rendered)) => {
            let is_there = |item: &Rc<Node>| rendered.iter().any(|it| agrees(item, it));
            layer.len() <= rendered.len() && layer.iter().all(is_there)
        }
        _ => false,
    }
}
