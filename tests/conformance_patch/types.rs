//! The types of Talos' configuration for the generator, read from the table that the program has, by code of its own.

use std::collections::HashMap;

const TABLE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/config/schema/talos.txt"
));

pub struct Types {
    /// Kind and structure of each document.
    pub documents: Vec<(&'static str, &'static str)>,
    /// Keys and notations of each structure.
    pub structures: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
    /// Words of each enumeration.
    pub words: HashMap<&'static str, Vec<&'static str>>,
    /// Notation below a named list or mapping.
    pub named: HashMap<&'static str, &'static str>,
}

impl Types {
    pub fn read() -> Self {
        let mut types = Self {
            documents: Vec::new(),
            structures: HashMap::new(),
            words: HashMap::new(),
            named: HashMap::new(),
        };
        let mut current = "";
        for line in TABLE.lines() {
            let parts: Vec<&'static str> = line.split(' ').collect();
            match parts[0] {
                "D" => types.documents.push((parts[1], parts[2])),
                "S" => {
                    current = parts[1];
                    types.structures.insert(current, Vec::new());
                }
                "E" => {
                    let words = parts[2..].iter().copied().filter(|word| *word != "-");
                    types.words.insert(parts[1], words.collect());
                }
                "N" => {
                    types.named.insert(parts[1], parts[2]);
                }
                "" => {
                    let fields = types.structures.get_mut(current).unwrap();
                    fields.push((parts[1], parts[2]));
                }
                _ => {}
            }
        }
        assert!(types.documents.len() > 80 && types.structures.len() > 100);
        types
    }
}
