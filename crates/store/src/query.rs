//! The statements that there are. Each is one file under `sql/queries/`, known at compile time.
//!
//! `$1` is always the caller's user id: the door supplies it from the claims, for the planner and for
//! Citus' routing (row-level security is the guarantee). The types of `$2…` are stated, so that the same
//! statement runs prepared or, through a transaction pooler, unnamed.

use tokio_postgres::types::Type;

/// Whether a statement changes rows; decides whether its transaction may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Reads only: runs in a read-only transaction.
    Read,
    /// Inserts, updates or deletes.
    Write,
}

/// A statement of the router's, which has no user: it may execute the routing functions and nothing else. Another
/// type than [`Query`], so that none can be run in the other's place.
#[derive(Debug)]
pub struct RouterQuery {
    /// The file under `sql/queries/`, without `.sql`.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
    /// The types of all parameters.
    pub types: &'static [Type],
}

/// The text of a file under `sql/queries/`.
macro_rules! query_file {
    ($($name:literal),+) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/queries/", $($name),+, ".sql"))
    };
}
pub(crate) use query_file;

/// Declares a [`RouterQuery`].
macro_rules! router_query {
    ($name:literal [$($type:ident),*]) => {
        $crate::query::RouterQuery {
            name: $name,
            sql: $crate::query::query_file!($name),
            types: &[$(tokio_postgres::types::Type::$type),*],
        }
    };
}
pub(crate) use router_query;

/// What a statement runs as. Each is bound by the same tenant floor; they differ in columns and commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// What PostgREST uses for a user, too.
    Authenticated,
    /// Reads and writes sealed values, which `authenticated` doesn't see.
    Sealer,
}

impl Role {
    /// Its name in Postgres.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Sealer => "mako_sealer",
        }
    }
}

/// One statement on tenant tables.
#[derive(Debug)]
pub struct Query {
    /// The file under `sql/queries/`, without `.sql`.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
    /// The types of all parameters, `$1` (the user id, text) first.
    pub types: &'static [Type],
    /// Whether it changes rows.
    pub access: Access,
    /// Whom it runs as.
    pub role: Role,
}

/// A statement whose answer may be a moment old: a replica may give it, see [`crate::Store::read`]. That are a tenant's own
/// rows, as they are shown. What decides something (who somebody is, which key is used, whether there is such a row
/// already) is a [`Query`], which no replica is asked.
#[derive(Debug)]
pub struct ReplicaQuery(pub(crate) Query);

impl ReplicaQuery {
    /// Doesn't compile for a statement that writes, or sees more than the user does.
    pub(crate) const fn new(query: Query) -> Self {
        assert!(matches!(query.access, Access::Read), "a replica takes no writes");
        assert!(
            matches!(query.role, Role::Authenticated),
            "sealed values stay on the primary"
        );
        Self(query)
    }
}

/// Declares a [`ReplicaQuery`], which is a `query!(Read …)`.
macro_rules! replica_query {
    ($name:literal [$($type:ident),*]) => {
        $crate::query::ReplicaQuery::new($crate::query::query!(Read $name [$($type),*]))
    };
}
pub(crate) use replica_query;

/// Declares a [`Query`]: `query!(Read "leads/list" [TEXT, INT8])`, the types being those of `$2…`.
/// `query!(Sealer Read "…" […])` runs as another role than `authenticated`.
macro_rules! query {
    ($access:ident $name:literal [$($type:ident),*]) => {
        $crate::query::query!(Authenticated $access $name [$($type),*])
    };
    ($role:ident $access:ident $name:literal [$($type:ident),*]) => {
        $crate::query::Query {
            name: $name,
            sql: $crate::query::query_file!($name),
            types: &[tokio_postgres::types::Type::TEXT $(, tokio_postgres::types::Type::$type)*],
            access: $crate::query::Access::$access,
            role: $crate::query::Role::$role,
        }
    };
}
pub(crate) use query;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a replica takes no writes")]
    fn no_statement_that_writes_is_one_for_replicas() {
        ReplicaQuery::new(query!(Write "leads/delete" [TEXT]));
    }

    #[test]
    #[should_panic(expected = "sealed values stay on the primary")]
    fn no_statement_on_sealed_values_is_one_for_replicas() {
        ReplicaQuery::new(query!(Sealer Read "api_keys/find" [TEXT]));
    }
}
