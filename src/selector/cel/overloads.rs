//! The functions of CEL's standard library and of Talos' environment, with the types they take.
//!
//! Only what Talos' environment has: no string, list or math extensions, although the parser's crate
//! knows some. What that environment has and is not carried out here is listed in [`refused`], by
//! name and with the reason, so that it is refused and never misread.

use super::types::{Type, Unifier};

/// One way to call a function.
pub(super) struct Overload {
    /// `x.f(…)` rather than `f(…)`; the receiver is the first argument.
    pub member: bool,
    args: &'static [P],
    result: P,
    /// Compares numbers of two different types.
    pub mixed: bool,
}

/// A type in a signature; `A` and `B` stand for any type.
#[derive(Clone, Copy)]
enum P {
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Bytes,
    Dyn,
    Time,
    A,
    B,
    ListA,
    MapAB,
}

use P::{A, B, Bool, Bytes, Double, Dyn, Int, ListA, MapAB, Str, Time, Uint};

impl Overload {
    /// Argument types and result with fresh variables.
    pub(super) fn instantiate(&self, unifier: &mut Unifier) -> (Vec<Type>, Type) {
        let (a, b) = (unifier.fresh(), unifier.fresh());
        let typed = |p: &P| match p {
            Bool => Type::Bool,
            Int => Type::Int,
            Uint => Type::Uint,
            Double => Type::Double,
            Str => Type::String,
            Bytes => Type::Bytes,
            Dyn => Type::Dyn,
            Time => Type::Time,
            A => a.clone(),
            B => b.clone(),
            ListA => Type::list(a.clone()),
            MapAB => Type::map(a.clone(), b.clone()),
        };
        (self.args.iter().map(typed).collect(), typed(&self.result))
    }
}

const fn f(args: &'static [P], result: P) -> Overload {
    Overload {
        member: false,
        args,
        result,
        mixed: false,
    }
}

const fn m(args: &'static [P], result: P) -> Overload {
    Overload {
        member: true,
        args,
        result,
        mixed: false,
    }
}

const fn mixed(args: &'static [P]) -> Overload {
    Overload {
        member: false,
        args,
        result: Bool,
        mixed: true,
    }
}

const ORDER: &[Overload] = &[
    f(&[Bool, Bool], Bool),
    f(&[Int, Int], Bool),
    f(&[Uint, Uint], Bool),
    f(&[Double, Double], Bool),
    f(&[Str, Str], Bool),
    f(&[Bytes, Bytes], Bool),
    f(&[Time, Time], Bool),
    mixed(&[Int, Double]),
    mixed(&[Int, Uint]),
    mixed(&[Uint, Double]),
    mixed(&[Uint, Int]),
    mixed(&[Double, Int]),
    mixed(&[Double, Uint]),
];
const EQUALITY: &[Overload] = &[f(&[A, A], Bool)];
const LOGIC: &[Overload] = &[f(&[Bool, Bool], Bool)];
const NOT: &[Overload] = &[f(&[Bool], Bool)];
const CONDITIONAL: &[Overload] = &[f(&[Bool, A, A], A)];
const ADD: &[Overload] = &[
    f(&[Bytes, Bytes], Bytes),
    f(&[Double, Double], Double),
    f(&[Int, Int], Int),
    f(&[ListA, ListA], ListA),
    f(&[Str, Str], Str),
    f(&[Uint, Uint], Uint),
    f(&[Time, Time], Time),
];
const SUBTRACT: &[Overload] = &[
    f(&[Double, Double], Double),
    f(&[Int, Int], Int),
    f(&[Uint, Uint], Uint),
    f(&[Time, Time], Time),
];
const ARITHMETIC: &[Overload] = &[
    f(&[Double, Double], Double),
    f(&[Int, Int], Int),
    f(&[Uint, Uint], Uint),
];
const MODULO: &[Overload] = &[f(&[Int, Int], Int), f(&[Uint, Uint], Uint)];
const NEGATE: &[Overload] = &[f(&[Double], Double), f(&[Int], Int)];
const INDEX: &[Overload] = &[f(&[ListA, Int], A), f(&[MapAB, A], B)];
const IN: &[Overload] = &[f(&[A, ListA], Bool), f(&[A, MapAB], Bool)];
const SIZE: &[Overload] = &[
    f(&[Bytes], Int),
    m(&[Bytes], Int),
    f(&[ListA], Int),
    m(&[ListA], Int),
    f(&[MapAB], Int),
    m(&[MapAB], Int),
    f(&[Str], Int),
    m(&[Str], Int),
];
const STRINGS: &[Overload] = &[m(&[Str, Str], Bool)];
const MATCHES: &[Overload] = &[f(&[Str, Str], Bool), m(&[Str, Str], Bool)];
const GLOB: &[Overload] = &[f(&[Str, Str], Bool)];
const TO_BOOL: &[Overload] = &[f(&[Bool], Bool), f(&[Str], Bool)];
const TO_BYTES: &[Overload] = &[f(&[Bytes], Bytes), f(&[Str], Bytes)];
const TO_DOUBLE: &[Overload] = &[
    f(&[Double], Double),
    f(&[Int], Double),
    f(&[Str], Double),
    f(&[Uint], Double),
];
const TO_DYN: &[Overload] = &[f(&[A], Dyn)];
const TO_INT: &[Overload] = &[
    f(&[Int], Int),
    f(&[Double], Int),
    f(&[Str], Int),
    f(&[Uint], Int),
    f(&[Time], Int),
];
const TO_STRING: &[Overload] = &[
    f(&[Str], Str),
    f(&[Bool], Str),
    f(&[Bytes], Str),
    f(&[Int], Str),
    f(&[Uint], Str),
    f(&[Time], Str),
];
const TO_UINT: &[Overload] = &[
    f(&[Uint], Uint),
    f(&[Double], Uint),
    f(&[Int], Uint),
    f(&[Str], Uint),
];

/// The ways to call `name`, or `None` if there is no such function. `glob` is the caller's matter.
pub(super) fn overloads(name: &str) -> Option<&'static [Overload]> {
    Some(match name {
        "_<_" | "_<=_" | "_>_" | "_>=_" => ORDER,
        "_==_" | "_!=_" => EQUALITY,
        "_&&_" | "_||_" => LOGIC,
        "!_" | "@not_strictly_false" => NOT,
        "_?_:_" => CONDITIONAL,
        "_+_" => ADD,
        "_-_" => SUBTRACT,
        "_*_" | "_/_" => ARITHMETIC,
        "_%_" => MODULO,
        "-_" => NEGATE,
        "_[_]" => INDEX,
        "@in" => IN,
        "size" => SIZE,
        "contains" | "startsWith" | "endsWith" => STRINGS,
        "matches" => MATCHES,
        "glob" => GLOB,
        "bool" => TO_BOOL,
        "bytes" => TO_BYTES,
        "double" => TO_DOUBLE,
        "dyn" => TO_DYN,
        "int" => TO_INT,
        "string" => TO_STRING,
        "uint" => TO_UINT,
        _ => return None,
    })
}

/// Why a function that Talos' environment does have is refused here.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "timestamp" | "duration" | "getFullYear" | "getMonth" | "getDayOfYear"
        | "getDayOfMonth" | "getDate" | "getDayOfWeek" | "getHours" | "getMinutes"
        | "getSeconds" | "getMilliseconds" => Some("no property of a disk is a time"),
        "type" => Some("the properties of a disk have fixed types"),
        _ => None,
    }
}
