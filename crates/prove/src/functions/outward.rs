//! Names what no rollback would take back. Functions that act outside the database are named, never run; triggers
//! that do, do nothing for the length of the transaction.

use crate::catalog::{Catalog, Function};
use crate::script::Script;
use crate::session::Session;
use crate::sql::Oid;

/// A trigger's function that does nothing as long as the transaction lasts, and what it would do.
#[derive(Debug)]
pub(crate) struct Silenced {
    pub(crate) function: Oid,
    pub(crate) why: &'static str,
    /// What replaces it.
    pub(crate) statement: String,
    /// It may refuse or undo what is written, so that without it more seems possible than is.
    pub(crate) guards: bool,
}

/// Replaces triggers' functions that act outside, as far as the administrator owns them. Nobody else sees it.
pub(crate) async fn silence(session: &Session<'_>, catalog: &Catalog) -> Vec<Silenced> {
    let outward: Vec<(&Function, &'static str)> = catalog
        .functions
        .iter()
        .filter(|function| function.returns == "trigger")
        .filter_map(|function| Some((function, catalog.acts_outside(function, 0)?)))
        .collect();
    let scripts = outward
        .iter()
        .map(|(function, _)| Script::default().act(replacement(function)))
        .collect();
    let outcomes = session.keep(scripts).await;
    outward
        .into_iter()
        .zip(outcomes)
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|((function, why), _)| Silenced {
            function: function.oid,
            why,
            statement: replacement(function),
            guards: guards(&function.source),
        })
        .collect()
}

fn replacement(function: &Function) -> String {
    format!(
        "create or replace function {}() returns trigger language plpgsql as \
         $mako$ begin if tg_op = 'DELETE' then return old; end if; return new; end $mako$",
        function.sql()
    )
}

/// Whether a trigger's body refuses, drops or changes rows.
fn guards(source: &str) -> bool {
    let source = source.to_lowercase();
    let assigns = source.split("new.").skip(1).any(|rest| {
        rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            .trim_start()
            .starts_with(":=")
    });
    assigns || source.contains("raise exception") || source.contains("return null")
}

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
