//! What would no rollback take back? Functions that act outside the database are named, never run.

use crate::catalog::{Catalog, Function};

impl Catalog {
    /// What a function does that no rollback undoes, itself or by a function that it names.
    pub(crate) fn acts_outside(&self, function: &Function, depth: usize) -> Option<&'static str> {
        let named = |other: &&Function| {
            other.oid != function.oid
                && function.source.contains(other.name.as_str())
                && function.source.contains(&format!("{}(", other.name))
        };
        acts_outside(&function.source).or_else(|| {
            if depth > 3 {
                return None;
            }
            self.functions
                .iter()
                .filter(named)
                .find_map(|other| self.acts_outside(other, depth + 1))
        })
    }
}

/// What a body does that no rollback undoes.
fn acts_outside(source: &str) -> Option<&'static str> {
    let source = source.to_lowercase();
    [
        "dblink",
        "http_get",
        "http_post",
        "http_put",
        "http_delete",
        "http((",
        "pg_background",
        "lo_export",
        "lo_import",
        "to program",
        "aws_lambda",
        "pg_logical_emit_message",
    ]
    .into_iter()
    .find(|word| source.contains(word))
    .filter(|_| !source.contains("net.http_"))
}
