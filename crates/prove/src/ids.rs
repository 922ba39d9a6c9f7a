//! Positions in what a run looks at, each of a type of its own: none is taken for another's, or for a number.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Index, IndexMut};

/// A position in one collection.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(crate) struct $name(usize);

        impl From<usize> for $name {
            fn from(position: usize) -> Self {
                Self(position)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for usize {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id! {
    /// A relation, by its position in the catalog.
    RelationId
}

id! {
    /// A function, by its position in the catalog.
    FunctionId
}

id! {
    /// An attacker, by their position among those who attack.
    PersonaId
}

impl PersonaId {
    /// A plain user of another tenant, the first of them.
    pub(crate) const PLAIN: Self = Self(0);
}

/// A list that only ids of its own kind index.
#[derive(Debug)]
pub(crate) struct ById<I, T> {
    all: Vec<T>,
    id: PhantomData<I>,
}

impl<I: From<usize>, T> ById<I, T> {
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.all.len()).map(I::from)
    }

    pub(crate) fn get(&self, id: I) -> Option<&T>
    where
        I: Into<usize>,
    {
        self.all.get(id.into())
    }

    pub(crate) fn with_ids(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.ids().zip(&self.all)
    }

    /// The first of which something holds.
    pub(crate) fn position(&self, is_it: impl FnMut(&T) -> bool) -> Option<I> {
        self.all.iter().position(is_it).map(I::from)
    }

    pub(crate) fn extend(&mut self, more: Vec<T>) {
        self.all.extend(more);
    }
}

impl<I: Into<usize>, T> Index<I> for ById<I, T> {
    type Output = T;

    fn index(&self, id: I) -> &T {
        &self.all[id.into()]
    }
}

impl<I: Into<usize>, T> IndexMut<I> for ById<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.all[id.into()]
    }
}

impl<I, T> Deref for ById<I, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<I, T> From<Vec<T>> for ById<I, T> {
    fn from(all: Vec<T>) -> Self {
        Self { all, id: PhantomData }
    }
}

impl<I, T> FromIterator<T> for ById<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(all: A) -> Self {
        Vec::from_iter(all).into()
    }
}

impl<'t, I, T> IntoIterator for &'t ById<I, T> {
    type Item = &'t T;
    type IntoIter = std::slice::Iter<'t, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}
