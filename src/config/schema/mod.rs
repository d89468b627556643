//! The types of Talos' machine configuration: which keys a place has, of which type, and how two values merge.
//!
//! Owns `talos.txt`, which `tests/talos` writes by reflection over Talos' own packages, and its reading. It has a
//! line for each document (`D`), structure (`S`, its keys below it), type that reads or merges itself (`N`) and
//! enumeration (`E`, the word of zero first). Never looks at a configuration; [`super::tree`] does.

mod encode;
pub(crate) mod form;
mod table;
pub(crate) mod url;

use std::sync::OnceLock;

/// What Talos' packages say, as text.
const TABLE: &str = include_str!("talos.txt");

/// The types of one release.
pub(crate) struct Schema {
    /// The release of `pkg/machinery`, such as `v1.14.1`.
    pub release: &'static str,
    /// Kinds of documents.
    pub documents: Vec<DocumentType>,
    structures: Vec<Structure>,
    enumerations: Vec<Enumeration>,
}

/// A kind of document.
pub(crate) struct DocumentType {
    /// `kind`; `v1alpha1` for the document that has none.
    pub kind: &'static str,
    /// Its keys.
    pub root: StructureId,
    /// The key of its name, if there may be several.
    pub name: Option<&'static str>,
    /// Kinds that may not have a document of the same name.
    pub conflicts: Vec<&'static str>,
    /// Whether it configures the network link of its name.
    pub link: bool,
    /// Whether it configures the link `peer.name` as well.
    pub peer: bool,
}

/// Index of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StructureId(usize);

/// Index of an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EnumerationId(usize);

/// A mapping with known keys.
pub(crate) struct Structure {
    /// Its keys, in the order in which Talos writes them.
    pub fields: Vec<FieldType>,
    /// Whether any other key is allowed as well, with any value.
    pub open: bool,
    /// The keys that make it more than zero, if not all do.
    pub zero: Option<Vec<&'static str>>,
}

/// A key of a structure.
pub(crate) struct FieldType {
    /// The key.
    pub key: &'static str,
    /// What stands there.
    pub value: Type,
    /// Talos leaves it out if it is zero.
    pub omit_empty: bool,
    /// An empty list is not left out, only an absent one.
    pub keeps_empty: bool,
    /// A patch replaces a list or blob where it would append or merge otherwise.
    pub replace: bool,
    /// `$patch: delete` in a list can name the element by this key although it is not text.
    pub named_by: bool,
    /// What Talos says is to be used instead.
    pub instead: Option<&'static str>,
}

/// Words that stand for numbers.
pub(crate) struct Enumeration {
    /// The word of zero, which a patch cannot set; `None` if zero has no word.
    pub zero: Option<&'static str>,
    /// All words.
    pub words: Vec<&'static str>,
}

/// What may stand in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A boolean.
    Bool,
    /// Text; numbers and booleans are taken as they are written.
    Text,
    /// A signed number of so many bits.
    Int(u32),
    /// An unsigned number of so many bits.
    Uint(u32),
    /// A duration such as `1m30s`.
    Duration,
    /// Anything.
    Any,
    /// The same, but zero and absent differ.
    Pointer(Box<Type>),
    /// A list.
    List(Box<Type>),
    /// A mapping with any keys.
    Map(Box<Type>),
    /// A mapping with known keys.
    Structure(StructureId),
    /// One of some words.
    Enumeration(EnumerationId),
    /// A list or mapping that merges or reads itself.
    Named(Named, Box<Type>),
    /// Text, or a small form, that Talos reads with code of its own.
    Form(Form),
}

/// Lists and mappings that merge or read themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Arguments by name; a patch replaces them one by one.
    Args,
    /// Files by `mountPath`.
    ConfigFiles,
    /// Rules by `image`; a patch replaces them one by one.
    ImageRules,
    /// VLANs by `vlanId`.
    Vlans,
    /// Interfaces by `interface`, else by `deviceSelector`.
    Devices,
    /// Plugins by `name`.
    AdmissionPlugins,
    /// Manifests whose text loses the line breaks that it begins with.
    InlineManifests,
}

/// Values that Talos reads with code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An IP address; `merges` if zero in a patch leaves it alone.
    Address { merges: bool },
    /// An IP network.
    Prefix { merges: bool },
    /// An IP address with a port.
    AddressPort { merges: bool },
    /// A hardware address.
    Hardware,
    /// A CEL expression, not parsed at load; every patch sets it, also to nothing.
    Expression,
    /// A size in bytes; every patch sets it, also to nothing.
    ByteSize,
    /// A size in bytes or percent; bytes win over percent whichever was first.
    Size,
    /// A URL.
    Url,
    /// A URL, which may not be empty text.
    Endpoint,
    /// Text or a list of texts.
    ArgValue,
    /// A port, or two with a dash.
    PortRange,
    /// A size in bytes of a legacy partition.
    DiskSize,
    /// A condition on a size, which a patch cannot change.
    SizeMatcher,
    /// Base64.
    Base64,
    /// A certificate with its key, both base64.
    CertificateAndKey,
    /// A certificate, base64.
    Certificate,
    /// A key, base64.
    Key,
}

impl Schema {
    /// The types that this program knows.
    pub fn get() -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| table::read(TABLE))
    }

    /// The kind of document with this name.
    pub fn document(&self, kind: &str) -> Option<(usize, &DocumentType)> {
        let mut all = self.documents.iter().enumerate();
        all.find(|(_, document)| document.kind == kind)
    }

    /// The keys of a structure.
    pub fn structure(&self, id: StructureId) -> &Structure {
        &self.structures[id.0]
    }

    /// The words of an enumeration.
    pub fn enumeration(&self, id: EnumerationId) -> &Enumeration {
        &self.enumerations[id.0]
    }
}

impl Structure {
    /// The key with this name.
    pub fn field(&self, key: &str) -> Option<&FieldType> {
        self.fields.iter().find(|field| field.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let schema = Schema::get();
        let count = |mark: &str| TABLE.lines().filter(|line| line.starts_with(mark)).count();
        assert_eq!(schema.documents.len(), count("D "));
        assert_eq!(schema.structures.len(), count("S "));
        assert_eq!(schema.enumerations.len(), count("E "));
        let keys: usize = schema.structures.iter().map(|it| it.fields.len()).sum();
        let open = schema.structures.iter().filter(|it| it.open).count();
        assert_eq!(keys + open, count(" "));
        assert!(TABLE.len() < 60 << 10, "{} bytes", TABLE.len());
    }

    #[test]
    fn keys_have_their_types_and_flags() {
        let schema = Schema::get();
        let (_, config) = schema.document("v1alpha1").unwrap();
        let root = schema.structure(config.root);
        let machine = root.field("machine").unwrap();
        let Type::Pointer(machine) = &machine.value else {
            panic!("{:?}", machine.value);
        };
        let Type::Structure(machine) = **machine else {
            panic!("{machine:?}");
        };
        let machine = schema.structure(machine);
        let sans = machine.field("certSANs").unwrap();
        assert_eq!(sans.value, Type::List(Box::new(Type::Text)));
        assert!(!sans.omit_empty && sans.instead.is_none());
        let sysctls = machine.field("sysctls").unwrap();
        assert_eq!(sysctls.instead, Some("Use 'SysctlConfig' instead."));
        let (_, rule) = schema.document("NetworkRuleConfig").unwrap();
        assert_eq!(rule.name, Some("name"));
        assert!(
            schema
                .structure(rule.root)
                .field("ingress")
                .unwrap()
                .replace
        );
    }
}
