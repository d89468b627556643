//! Configurations and patches at random: pieces of documents with values that fit, do not fit, or nearly fit.
//!
//! Deterministic: a seed makes the same case on every machine.

use serde_json::{Map, Value, json};

use crate::bases::Bases;
use crate::pieces::{self, pool};

/// A configuration and patches for it, each a list of documents.
#[derive(Clone, Debug)]
pub struct Case {
    pub config: Vec<Value>,
    pub patches: Vec<Vec<Value>>,
}

impl Case {
    /// As YAML, of which JSON is a part.
    pub fn texts(&self) -> (String, Vec<String>) {
        let text = |documents: &[Value]| {
            let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
            texts.join("\n---\n")
        };
        let patches = self.patches.iter().map(|it| text(it));
        (text(&self.config), patches.collect())
    }
}

/// splitmix64.
pub struct Generator {
    state: u64,
    /// Percent of values that do not fit.
    wrong: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1,
            wrong: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(below).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn pick<'p, T>(&mut self, from: &'p [T]) -> &'p T {
        &from[self.below(from.len())]
    }

    pub fn case(mut self, bases: &Bases) -> Case {
        let index = self.below(64);
        let mut config = bases.get(index);
        // Half of the cases have nothing wrong on purpose, the rest a little.
        self.wrong = *self.pick(&[0, 0, 0, 8, 25]);
        if self.chance(6) {
            self.damage(&mut config[0]);
        }
        if config.len() == 1 && self.chance(15) {
            let operations = self.operations(&config[0]);
            return Case {
                config,
                patches: vec![vec![operations]],
            };
        }
        let count = 1 + self.below(3);
        let worker = config[0]["machine"]["type"] == "worker";
        let patches = (0..count).map(|_| vec![self.document(worker)]).collect();
        Case { config, patches }
    }

    /// A document of a patch.
    fn document(&mut self, worker: bool) -> Value {
        let mut document = match self.chance(45) {
            true => {
                let piece = self.pick(&pieces::OLD).clone();
                self.fill(&piece)
            }
            false => {
                let mut piece = self.pick(&pieces::DOCUMENTS).clone();
                // What only a control plane has is refused on a worker, whatever it says.
                for _ in 0..4 {
                    let kind = piece["kind"].as_str().unwrap_or_default();
                    if worker && kind.starts_with("Kube") {
                        piece = self.pick(&pieces::DOCUMENTS).clone();
                    }
                }
                let mut filled = self.fill(&piece);
                filled["apiVersion"] = json!("v1alpha1");
                filled
            }
        };
        if self.chance(2) {
            document["noSuchKey"] = json!(1);
        }
        document
    }

    /// A piece with its places filled: `%pool` a value, `key?` perhaps there, `key!` seldom not.
    fn fill(&mut self, piece: &Value) -> Value {
        match piece {
            Value::Object(map) => {
                let mut filled = Map::new();
                for (key, value) in map {
                    let (name, percent) = match key.strip_suffix('?') {
                        Some(name) => (name, 40),
                        None => match key.strip_suffix('!') {
                            Some(name) => (name, 100 - self.wrong / 2),
                            None => (&**key, 100),
                        },
                    };
                    if self.chance(percent) {
                        let name = match name.strip_prefix('%') {
                            Some(of) => self.value(of).as_str().unwrap_or_default().to_owned(),
                            None => name.to_owned(),
                        };
                        filled.insert(name, self.fill(value));
                    }
                }
                Value::Object(filled)
            }
            Value::Array(items) => {
                let mut filled: Vec<Value> = items.iter().map(|it| self.fill(it)).collect();
                if self.chance(self.wrong / 2) && !filled.is_empty() {
                    filled.push(filled[0].clone());
                }
                if self.chance(self.wrong / 4) {
                    filled.clear();
                }
                Value::Array(filled)
            }
            Value::String(text) => match text.strip_prefix('%') {
                Some(of) => self.value(of),
                None => piece.clone(),
            },
            other => other.clone(),
        }
    }

    fn value(&mut self, of: &str) -> Value {
        let (right, wrong) = pool(of);
        if self.chance(self.wrong) && !wrong.is_empty() {
            return self.pick(&wrong).clone();
        }
        self.pick(&right).clone()
    }

    /// Takes something away from the old document.
    fn damage(&mut self, document: &mut Value) {
        let (section, key) = *self.pick(&pieces::NEEDED);
        if let Some(map) = document.pointer_mut(section).and_then(Value::as_object_mut) {
            map.shift_remove(key);
        }
    }

    /// A JSON patch.
    fn operations(&mut self, document: &Value) -> Value {
        let piece = self.pick(&pieces::OLD).clone();
        let piece = self.fill(&piece);
        let mut operations = Vec::new();
        for (section, below) in piece.as_object().into_iter().flatten() {
            for (key, value) in below.as_object().into_iter().flatten() {
                let path = format!("/{section}/{key}");
                let there = document.pointer(&path).is_some();
                let verb = if there { "replace" } else { "add" };
                operations.push(json!({"op": verb, "path": path, "value": value}));
            }
        }
        if self.chance(30) {
            let (section, key) = *self.pick(&pieces::NEEDED);
            operations.push(json!({"op": "remove", "path": format!("{section}/{key}")}));
        }
        Value::Array(operations)
    }
}
