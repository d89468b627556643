//! The static types of CEL and when one may stand for another.
//!
//! Owns unification with free type variables, as the language definition's "gradual type checking"
//! describes it: `dyn` fits everything, an empty list is a list of a type still to be found.
//! Never looks at an expression; that is [`super::check`].

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// How much work one expression may cause here. Far above any real selector.
const FUEL: u32 = 200_000;

/// A static type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Dyn,
    /// A timestamp or a duration. No value has this type here, but null fits it.
    Time,
    /// The message behind `disk`.
    Disk,
    /// The message behind `volume`.
    Volume,
    /// A type variable of the [`Unifier`].
    Var(usize),
    List(Rc<Type>),
    Map(Rc<Type>, Rc<Type>),
}

impl Type {
    pub(super) fn list(element: Self) -> Self {
        Self::List(Rc::new(element))
    }

    pub(super) fn map(key: Self, value: Self) -> Self {
        Self::Map(Rc::new(key), Rc::new(value))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Dyn | Self::Var(_) => f.write_str("dyn"),
            Self::Time => f.write_str("time"),
            Self::Disk => f.write_str("disk"),
            Self::Volume => f.write_str("volume"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
        }
    }
}

/// What the type variables stand for.
pub(super) struct Unifier {
    bound: Vec<Option<Type>>,
    fuel: Cell<u32>,
}

impl Unifier {
    pub(super) const fn new() -> Self {
        Self {
            bound: Vec::new(),
            fuel: Cell::new(FUEL),
        }
    }

    /// Whether the expression caused so much work that its answers no longer count.
    pub(super) const fn exhausted(&self) -> bool {
        self.fuel.get() == 0
    }

    /// A variable that stands for nothing yet.
    pub(super) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Var(self.bound.len() - 1)
    }

    /// Whether `a` fits `b`; binds variables if so, and leaves them alone if not.
    pub(super) fn assignable(&mut self, a: &Type, b: &Type) -> bool {
        self.assignable_all(std::slice::from_ref(a), std::slice::from_ref(b))
    }

    /// [`Self::assignable`] for each pair; all or nothing.
    pub(super) fn assignable_all(&mut self, a: &[Type], b: &[Type]) -> bool {
        if a.len() != b.len() {
            return false;
        }
        let before = self.bound.clone();
        let fits = a.iter().zip(b).all(|(a, b)| self.unify(a, b));
        if !fits {
            self.bound = before;
        }
        fits
    }

    /// `t` with every bound variable replaced; unbound ones stay.
    pub(super) fn resolve(&self, t: &Type) -> Type {
        if self.burn() {
            return Type::Dyn;
        }
        match t {
            Type::Var(v) => match &self.bound[*v] {
                Some(bound) => self.resolve(bound),
                None => t.clone(),
            },
            Type::List(element) => Type::list(self.resolve(element)),
            Type::Map(key, value) => Type::map(self.resolve(key), self.resolve(value)),
            _ => t.clone(),
        }
    }

    /// The more general of two types that fit each other.
    pub(super) fn most_general(&self, a: &Type, b: &Type) -> Type {
        if self.no_more_specific(a, b) { a } else { b }.clone()
    }

    /// Counts one step; true when there are none left.
    fn burn(&self) -> bool {
        self.fuel.set(self.fuel.get().saturating_sub(1));
        self.exhausted()
    }

    fn unify(&mut self, a: &Type, b: &Type) -> bool {
        if self.burn() {
            return true;
        }
        if let Type::Var(var) = b {
            match self.bind(a, *var) {
                Binding::Fits => return true,
                Binding::Conflict => return false,
                Binding::Circular => {}
            }
        }
        match (a, b) {
            (Type::Var(var), _) => matches!(self.bind(b, *var), Binding::Fits),
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, other) | (other, Type::Null) => {
                matches!(other, Type::Null | Type::Time | Type::Disk | Type::Volume)
            }
            (Type::List(x), Type::List(y)) => self.unify(x, y),
            (Type::Map(k, v), Type::Map(l, w)) => self.unify(k, l) && self.unify(v, w),
            _ => a == b,
        }
    }

    /// Tries to let `var` stand for `t`.
    fn bind(&mut self, t: &Type, var: usize) -> Binding {
        if *t == Type::Var(var) {
            return Binding::Fits;
        }
        if let Some(bound) = self.bound[var].clone() {
            if *t == bound {
                return Binding::Fits;
            }
            if !self.unify(t, &bound) {
                return Binding::Conflict;
            }
            let general = self.most_general(t, &bound);
            if self.free_of(var, &general) {
                self.bound[var] = Some(general);
            }
            return Binding::Fits;
        }
        if self.free_of(var, t) {
            self.bound[var] = Some(t.clone());
            return Binding::Fits;
        }
        Binding::Circular
    }

    /// The occurs check: `var` must not stand within what it stands for.
    fn free_of(&self, var: usize, t: &Type) -> bool {
        if self.burn() {
            return false;
        }
        match t {
            Type::Var(other) if *other == var => false,
            Type::Var(other) => self.bound[*other]
                .as_ref()
                .is_none_or(|bound| self.free_of(var, bound)),
            Type::List(element) => self.free_of(var, element),
            Type::Map(key, value) => self.free_of(var, key) && self.free_of(var, value),
            _ => true,
        }
    }

    fn no_more_specific(&self, a: &Type, b: &Type) -> bool {
        if self.burn() {
            return true;
        }
        match (a, b) {
            (Type::Dyn | Type::Var(_), _) => true,
            (_, Type::Dyn | Type::Var(_)) => false,
            (Type::List(x), Type::List(y)) => self.no_more_specific(x, y),
            (Type::Map(k, v), Type::Map(l, w)) => {
                self.no_more_specific(k, l) && self.no_more_specific(v, w)
            }
            _ => a == b,
        }
    }
}

/// What came of binding a variable.
enum Binding {
    Fits,
    Conflict,
    Circular,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_takes_the_type_it_is_compared_with() {
        let mut unifier = Unifier::new();
        let empty = Type::list(unifier.fresh());
        assert!(unifier.assignable(&empty, &Type::list(Type::String)));
        assert_eq!(unifier.resolve(&empty), Type::list(Type::String));
        assert!(!unifier.assignable(&empty, &Type::list(Type::Int)));
    }

    #[test]
    fn a_failed_attempt_binds_nothing() {
        let mut unifier = Unifier::new();
        let var = unifier.fresh();
        assert!(!unifier.assignable_all(&[var.clone(), Type::Int], &[Type::Uint, Type::Uint]));
        assert_eq!(unifier.resolve(&var), var);
    }

    #[test]
    fn a_type_never_contains_itself() {
        let mut unifier = Unifier::new();
        let var = unifier.fresh();
        assert!(!unifier.assignable(&Type::list(var.clone()), &var));
    }
}
