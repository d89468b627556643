//! A JSON Schema validator that is not ours, over a pipe: many questions in one run of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

/// Documents with their types.
#[derive(Default)]
pub struct Questions {
    lines: String,
    pub count: usize,
}

impl Questions {
    /// Whether `document` is a `name`; if `closed`, with no keys but those that the schema names.
    pub fn ask(&mut self, name: &str, document: &Json, closed: bool) {
        let question = json!({ "type": name, "document": document, "closed": closed });
        self.lines.push_str(&question.to_string());
        self.lines.push('\n');
        self.count += 1;
    }

    /// What is wrong with each.
    pub fn answers(self) -> Vec<Vec<String>> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("/usr/bin/python3")
            .arg(repository.join("tests/schemas/judge.py"))
            .arg(repository.join("schemas"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "/usr/bin/python3 of Debian's package python3 is needed by this test: {error}"
                )
            });
        let mut stdin = child.stdin.take().unwrap();
        let lines = self.lines;
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "the judge failed; it says why above"
        );
        writer.join().unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<_> = text
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        assert_eq!(answers.len(), self.count);
        answers
    }
}
