//! Reading `talos.txt`. Its form is a matter between this file and `tests/talos/schema.go`.
//!
//! Pure. What is not understood becomes a type that takes nothing, which the tests of the table would show.

use std::collections::HashMap;

use super::{
    DocumentType, Enumeration, EnumerationId, FieldType, Form, Named, Schema, Structure,
    StructureId, Type,
};

/// What a name in the table stands for.
enum Meaning {
    Structure(StructureId),
    Enumeration(EnumerationId),
    Form(Form),
    Named(Named, &'static str),
}

pub(super) fn read(table: &'static str) -> Schema {
    let names = names(table);
    let mut schema = Schema {
        release: "",
        documents: Vec::new(),
        structures: Vec::new(),
        enumerations: Vec::new(),
    };
    for line in table.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "talos" => schema.release = rest,
            "D" => schema.documents.extend(document(rest, &names)),
            "E" => schema.enumerations.push(enumeration(rest)),
            "S" => schema.structures.push(Structure {
                fields: Vec::new(),
                open: false,
                zero: rest
                    .split_once(" zero=")
                    .map(|(_, keys)| keys.split(',').collect()),
            }),
            "" => {
                if let Some(structure) = schema.structures.last_mut() {
                    add_field(structure, rest, &names);
                }
            }
            _ => {}
        }
    }
    schema
}

fn names(table: &'static str) -> HashMap<&'static str, Meaning> {
    let mut names = HashMap::new();
    let (mut structures, mut enumerations) = (0, 0);
    for line in table.lines() {
        let mut words = line.split(' ');
        let (mark, name) = (words.next(), words.next().unwrap_or_default());
        let meaning = match mark {
            Some("S") => {
                structures += 1;
                Meaning::Structure(StructureId(structures - 1))
            }
            Some("E") => {
                enumerations += 1;
                Meaning::Enumeration(EnumerationId(enumerations - 1))
            }
            Some("N") => match (form(name), named(name)) {
                (Some(form), _) => Meaning::Form(form),
                (None, Some(named)) => Meaning::Named(named, words.next().unwrap_or_default()),
                (None, None) => continue,
            },
            _ => continue,
        };
        names.insert(name, meaning);
    }
    names
}

fn form(name: &str) -> Option<Form> {
    Some(match name {
        "meta.Addr" => Form::Address { merges: true },
        "netip.Addr" => Form::Address { merges: false },
        "meta.Prefix" => Form::Prefix { merges: true },
        "netip.Prefix" => Form::Prefix { merges: false },
        "meta.AddrPort" => Form::AddressPort { merges: true },
        "netip.AddrPort" => Form::AddressPort { merges: false },
        "nethelpers.HardwareAddr" => Form::Hardware,
        "cel.Expression" => Form::Expression,
        "block.ByteSize" => Form::ByteSize,
        "block.Size" => Form::Size,
        "meta.URL" => Form::Url,
        "v1alpha1.Endpoint" => Form::Endpoint,
        "meta.ArgValue" => Form::ArgValue,
        "network.PortRange" => Form::PortRange,
        "v1alpha1.DiskSize" => Form::DiskSize,
        "v1alpha1.InstallDiskSizeMatcher" => Form::SizeMatcher,
        "v1alpha1.Base64Bytes" => Form::Base64,
        "x509.PEMEncodedCertificateAndKey" => Form::CertificateAndKey,
        "x509.PEMEncodedCertificate" => Form::Certificate,
        "x509.PEMEncodedKey" => Form::Key,
        _ => return None,
    })
}

fn named(name: &str) -> Option<Named> {
    Some(match name {
        "meta.Args" => Named::Args,
        "extensions.ConfigFileList" => Named::ConfigFiles,
        "security.ImageVerificationRules" => Named::ImageRules,
        "v1alpha1.VlanList" => Named::Vlans,
        "v1alpha1.NetworkDeviceList" => Named::Devices,
        "v1alpha1.AdmissionPluginConfigList" => Named::AdmissionPlugins,
        "v1alpha1.ClusterInlineManifests" => Named::InlineManifests,
        _ => return None,
    })
}

fn document(line: &'static str, names: &HashMap<&'static str, Meaning>) -> Option<DocumentType> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let Some(Meaning::Structure(root)) = names.get(words.next()?) else {
        return None;
    };
    let mut document = DocumentType {
        kind,
        root: *root,
        name: None,
        conflicts: Vec::new(),
        link: false,
        peer: false,
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("name", key) => document.name = Some(key),
            ("conflicts", kinds) => document.conflicts = kinds.split(',').collect(),
            ("link", _) => document.link = true,
            ("peer", _) => document.peer = true,
            _ => {}
        }
    }
    Some(document)
}

fn enumeration(line: &'static str) -> Enumeration {
    let mut words = line.split(' ').skip(1);
    let zero = words.next().filter(|word| *word != "-");
    Enumeration {
        zero,
        words: zero.into_iter().chain(words).collect(),
    }
}

fn add_field(
    structure: &mut Structure,
    line: &'static str,
    names: &HashMap<&'static str, Meaning>,
) {
    let (line, instead) = match line.split_once(" ! ") {
        Some((line, instead)) => (line, Some(instead)),
        None => (line, None),
    };
    let mut words = line.split(' ');
    let (Some(key), Some(notation)) = (words.next(), words.next()) else {
        return;
    };
    if key == "*" {
        structure.open = true;
        return;
    }
    let flags: Vec<&str> = words.collect();
    structure.fields.push(FieldType {
        key,
        value: type_of(notation, names),
        omit_empty: flags.contains(&"o"),
        keeps_empty: flags.contains(&"k"),
        replace: flags.contains(&"r"),
        named_by: flags.contains(&"s"),
        instead,
    });
}

fn type_of(notation: &'static str, names: &HashMap<&'static str, Meaning>) -> Type {
    let inner = || Box::new(type_of(&notation[1..], names));
    match notation.as_bytes().first() {
        Some(b'*') => return Type::Pointer(inner()),
        Some(b'[') => return Type::List(inner()),
        Some(b'{') => return Type::Map(inner()),
        _ => {}
    }
    match notation {
        "bool" => Type::Bool,
        "string" => Type::Text,
        "int" | "int64" => Type::Int(64),
        "int32" => Type::Int(32),
        "uint" | "uint64" => Type::Uint(64),
        "uint32" => Type::Uint(32),
        "uint16" => Type::Uint(16),
        "uint8" => Type::Uint(8),
        "duration" => Type::Duration,
        "any" => Type::Any,
        name => match names.get(name) {
            Some(Meaning::Structure(id)) => Type::Structure(*id),
            Some(Meaning::Enumeration(id)) => Type::Enumeration(*id),
            Some(Meaning::Form(form)) => Type::Form(*form),
            Some(Meaning::Named(named, under)) => {
                Type::Named(*named, Box::new(type_of(under, names)))
            }
            None => Type::Uint(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::TABLE;
    use super::*;

    #[test]
    fn every_type_in_the_table_is_understood() {
        let schema = read(TABLE);
        let mut open: Vec<&Type> = Vec::new();
        for structure in &schema.structures {
            open.extend(structure.fields.iter().map(|field| &field.value));
        }
        let mut seen = 0;
        while let Some(found) = open.pop() {
            seen += 1;
            match found {
                Type::Pointer(inner)
                | Type::List(inner)
                | Type::Map(inner)
                | Type::Named(_, inner) => open.push(inner),
                unknown => assert_ne!(*unknown, Type::Uint(0)),
            }
        }
        assert!(seen > 1000, "{seen}");
        let own = TABLE.lines().filter_map(|line| line.strip_prefix("N "));
        for line in own {
            let name = line.split(' ').next().unwrap();
            assert!(form(name).is_some() || named(name).is_some(), "{name}");
        }
    }
}
