//! The static check of an expression: names, fields, overloads, and a result of type bool.
//!
//! The parser's crate checks nothing before it runs, while Talos refuses a config whose selector does
//! not type-check. So the checker is our own; it follows the language definition's rules as cel-go
//! applies them, with its default options: no comparison of different number types, lists and maps of
//! mixed types become `dyn`. What differs is refused here and accepted there, never the reverse:
//! times, `type()` and type names as values, message literals.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SelectExpr,
};

use super::Env;
use super::fields;
use super::overloads::{Overload, overloads, refused};
use super::parse::Parsed;
use super::types::{Type, Unifier};

/// What is wrong, and with which node.
#[derive(Debug)]
pub(super) struct Fault {
    pub node: u64,
    pub message: String,
}

type Checked = Result<Type, Fault>;

fn fault<T>(node: u64, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        node,
        message: message.into(),
    })
}

/// Checks `parsed` in `env`; the type of its result.
pub(super) fn check(parsed: &Parsed, env: Env) -> Checked {
    let expression = &parsed.root;
    let mut checker = Checker {
        parsed,
        env,
        unifier: Unifier::new(),
        locals: Vec::new(),
        mixed: false,
    };
    let found = checker.expr(expression)?;
    if checker.unifier.exhausted() {
        return fault(expression.id, "the expression is too complex");
    }
    Ok(match checker.unifier.resolve(&found) {
        Type::Var(_) => Type::Dyn,
        found => found,
    })
}

struct Checker<'a> {
    parsed: &'a Parsed,
    env: Env,
    unifier: Unifier,
    /// Variables of the macros around the current node, innermost last.
    locals: Vec<(&'a str, Type)>,
    /// Numbers of different types may be compared. cel-go forgets to forbid it from the first
    /// comprehension on, and Talos with it; a selector that relies on it must be read as Talos does.
    mixed: bool,
}

impl<'a> Checker<'a> {
    fn expr(&mut self, e: &'a IdedExpr) -> Checked {
        match &e.expr {
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => self.ident(e.id, name),
            Expr::Select(select) => self.select(e.id, select),
            Expr::Call(call) => self.call(e.id, call),
            Expr::List(list) => {
                let mut elements = None;
                for element in &list.elements {
                    let found = self.expr(element)?;
                    elements = Some(self.join(elements, found));
                }
                let element = elements.unwrap_or_else(|| self.unifier.fresh());
                Ok(Type::list(element))
            }
            Expr::Map(map) => self.map(e.id, &map.entries),
            Expr::Comprehension(comprehension) => self.comprehension(e.id, comprehension),
            Expr::Struct(_) => fault(e.id, "message literals are not supported"),
            Expr::Unspecified => fault(e.id, "not an expression"),
        }
    }

    fn ident(&self, node: u64, name: &str) -> Checked {
        let global = name.strip_prefix('.');
        let local = self.locals.iter().rev().find(|l| l.0 == name);
        if let (Some((_, found)), None) = (local, global) {
            return Ok(found.clone());
        }
        let name = global.unwrap_or(name);
        match (name, self.env) {
            ("disk", _) => Ok(Type::Disk),
            ("volume", Env::Volume) => Ok(Type::Volume),
            ("system_disk", Env::Disk) => Ok(Type::Bool),
            _ if fields::constant(name).is_some() => Ok(Type::Uint),
            _ if is_type_name(name) => fault(node, "type names are not supported as values"),
            _ => fault(node, format!("undeclared reference to '{name}'")),
        }
    }

    fn select(&mut self, node: u64, select: &'a SelectExpr) -> Checked {
        let operand = self.expr(&select.operand)?;
        let field = match self.unifier.resolve(&operand) {
            Type::Map(_, value) => Some((*value).clone()),
            Type::Disk => fields::disk_type(&select.field),
            Type::Volume => fields::volume_type(&select.field),
            Type::Dyn => Some(Type::Dyn),
            var @ Type::Var(_) => {
                self.unifier.assignable(&Type::Dyn, &var);
                Some(Type::Dyn)
            }
            other => {
                let message = format!("type '{other}' does not support field selection");
                return fault(node, message);
            }
        };
        match field {
            None => fault(node, format!("undefined field '{}'", select.field)),
            Some(_) if select.test => Ok(Type::Bool),
            Some(field) => Ok(self.unifier.resolve(&field)),
        }
    }

    fn call(&mut self, node: u64, call: &'a CallExpr) -> Checked {
        let mut given = Vec::with_capacity(call.args.len() + 1);
        if let Some(target) = &call.target {
            given.push(self.expr(target)?);
        }
        for arg in &call.args {
            given.push(self.expr(arg)?);
        }
        // A leading dot names the same functions: Talos' environment has no namespace.
        let name = call.func_name.strip_prefix('.').unwrap_or(&call.func_name);
        if let Some(reason) = refused(name) {
            return fault(node, format!("'{name}' is not supported: {reason}"));
        }
        match overloads(name) {
            Some(known) if name != "glob" || self.env == Env::Disk => {
                self.resolve_overload(node, name, call.target.is_some(), known, &given)
            }
            _ => fault(node, format!("undeclared reference to '{name}'")),
        }
    }

    fn resolve_overload(
        &mut self,
        node: u64,
        name: &str,
        member: bool,
        known: &[Overload],
        given: &[Type],
    ) -> Checked {
        let mut result: Option<Type> = None;
        for overload in known {
            if overload.member != member || (overload.mixed && !self.mixed) {
                continue;
            }
            let (wanted, returned) = overload.instantiate(&mut self.unifier);
            if !self.unifier.assignable_all(given, &wanted) {
                continue;
            }
            let returned = self.unifier.resolve(&returned);
            result = Some(match result {
                Some(earlier) if earlier != Type::Dyn && earlier != returned => Type::Dyn,
                Some(earlier) => earlier,
                None => returned,
            });
        }
        if name == "string" && given.first() == Some(&Type::Double) {
            return fault(node, "'string' is not supported for a double");
        }
        match result {
            Some(result) => Ok(result),
            None => fault(node, self.no_overload(name, member, given)),
        }
    }

    fn no_overload(&self, name: &str, member: bool, given: &[Type]) -> String {
        let types: Vec<String> = given
            .iter()
            .map(|t| self.unifier.resolve(t).to_string())
            .collect();
        let signature = match types.split_first() {
            Some((receiver, args)) if member => format!("{receiver}.({})", args.join(", ")),
            _ => format!("({})", types.join(", ")),
        };
        format!("found no matching overload for '{name}' applied to '{signature}'")
    }

    fn map(&mut self, node: u64, entries: &'a [IdedEntryExpr]) -> Checked {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return fault(node, "message literals are not supported");
            };
            let key = self.expr(&entry.key)?;
            keys = Some(self.join(keys, key));
            let value = self.expr(&entry.value)?;
            values = Some(self.join(values, value));
        }
        let key = keys.unwrap_or_else(|| self.unifier.fresh());
        let value = values.unwrap_or_else(|| self.unifier.fresh());
        Ok(Type::map(key, value))
    }

    /// The element type of a list or map that has held `earlier` and now gets `found`.
    fn join(&mut self, earlier: Option<Type>, found: Type) -> Type {
        match earlier {
            None => found,
            Some(earlier) if self.unifier.assignable(&earlier, &found) => {
                self.unifier.most_general(&earlier, &found)
            }
            Some(_) => Type::Dyn,
        }
    }

    fn comprehension(&mut self, node: u64, c: &'a ComprehensionExpr) -> Checked {
        // A macro that the parser's crate has and Talos' environment has not.
        if self.parsed.word_before(node) == "existsOne" {
            return fault(node, "undeclared reference to 'existsOne'");
        }
        let range = self.expr(&c.iter_range)?;
        let accu = self.expr(&c.accu_init)?;
        let element = match self.unifier.resolve(&range) {
            Type::List(element) => (*element).clone(),
            Type::Map(key, _) => (*key).clone(),
            Type::Dyn => Type::Dyn,
            var @ Type::Var(_) => {
                self.unifier.assignable(&Type::Dyn, &var);
                Type::Dyn
            }
            other => {
                let message =
                    format!("expression of type '{other}' cannot be range of a comprehension");
                return fault(c.iter_range.id, message);
            }
        };
        self.mixed = true;
        self.locals.push((&c.accu_var, accu.clone()));
        self.locals.push((&c.iter_var, element));
        self.expect(&c.loop_cond, &Type::Bool)?;
        self.expect(&c.loop_step, &accu)?;
        self.locals.pop();
        let result = self.expr(&c.result)?;
        self.locals.pop();
        Ok(self.unifier.resolve(&result))
    }

    fn expect(&mut self, e: &'a IdedExpr, wanted: &Type) -> Result<(), Fault> {
        let found = self.expr(e)?;
        if self.unifier.assignable(wanted, &found) {
            return Ok(());
        }
        let (wanted, found) = (self.unifier.resolve(wanted), self.unifier.resolve(&found));
        fault(
            e.id,
            format!("expected type '{wanted}' but found '{found}'"),
        )
    }
}

const fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn is_type_name(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "bytes"
            | "double"
            | "int"
            | "list"
            | "map"
            | "null_type"
            | "string"
            | "type"
            | "uint"
    )
}
