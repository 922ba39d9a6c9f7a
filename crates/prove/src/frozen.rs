//! Functions that are declared IMMUTABLE and aren't: a plan may remember whom it was made for.

use crate::catalog::{Catalog, Function, Volatility};

impl Function {
    /// Declared IMMUTABLE though it reads settings: a plan keeps the answer that the first user got.
    pub(crate) fn freezes_settings(&self) -> bool {
        let words = [
            "current_setting",
            "auth.uid",
            "auth.jwt",
            "auth.role",
            "auth.email",
        ];
        self.volatility == Volatility::Immutable && words.iter().any(|word| self.source.contains(word))
    }
}

impl Catalog {
    /// Whether a plan may hold what a function said to whoever it was made for: an IMMUTABLE one is called while
    /// planning.
    pub(crate) fn plans_may_remember(&self) -> bool {
        let changing: Vec<String> = self
            .functions
            .iter()
            .filter(|function| function.volatility != Volatility::Immutable)
            .map(|function| format!("{}(", function.name))
            .collect();
        self.functions
            .iter()
            .filter(|function| function.volatility == Volatility::Immutable)
            .any(|function| {
                function.freezes_settings()
                    || function.source.to_lowercase().contains("from ")
                    || changing.iter().any(|call| function.source.contains(call))
            })
    }
}
