//! What is sent otherwise to a database whose tables Citus has spread over several nodes; see `sql/distributed`.

use std::sync::LazyLock;

use deadpool_postgres::ClientWrapper;

/// Stands for a file of the same name below `sql/queries`: the same parameters, the same columns.
macro_rules! replacements {
    ($($name:literal),+ $(,)?) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/distributed/queries/", $name, ".sql")),
        )),+]
    };
}

/// The statements that Citus doesn't send to one shard as they are.
static REPLACEMENTS: &[(&str, &str)] = replacements![
    "automation_logs/insert",
    "call_logs/insert",
    "contact_import/insert",
    "contact_import/remember",
    "contacts/insert",
    "event_effects/call",
    "event_effects/log",
    "leads/insert",
    "phone_numbers/claim",
    "webhook_events/count",
];

/// What stands for the statement of this name on a distributed database; None: the statement itself.
#[must_use]
pub fn replacement(name: &str) -> Option<&'static str> {
    let found = REPLACEMENTS.iter().find(|(replaced, _)| *replaced == name);
    found.map(|(_, sql)| *sql)
}

/// A statement that sets who speaks, in two versions that differ in how claims are set: Citus passes `SET LOCAL` on to
/// workers, and `set_config()` not. A transaction has one of them, never both.
pub(crate) struct SettingsText {
    plain: &'static str,
    forwarding: LazyLock<String>,
}

impl SettingsText {
    pub(crate) const fn new(plain: &'static str, forwarding: fn() -> String) -> Self {
        Self {
            plain,
            forwarding: LazyLock::new(forwarding),
        }
    }

    /// The text for a session.
    pub(crate) fn text(&'static self, distributed: bool) -> &'static str {
        if distributed { &self.forwarding } else { self.plain }
    }
}

/// The same settings, with claims that reach the workers.
pub(crate) fn forwarding(settings: &str) -> String {
    settings.replace(
        "set_config('request.jwt.claims', $1, true)",
        "mako.forward_claims($1)",
    )
}

/// How a session is to be spoken to.
#[derive(Debug)]
pub(crate) enum Nodes {
    /// One Postgres.
    One,
    /// Citus' coordinator.
    Several,
    /// Rows that lie on workers would be served without claims, or from where nobody has tried it; the text says what to do.
    Unfit(&'static str),
}

/// Asked once a session, before its first use: `mako migrate --distributed` ends those that began before it.
pub(crate) async fn nodes(client: &ClientWrapper) -> Result<Nodes, tokio_postgres::Error> {
    // query_typed: unnamed, so that it also works through a transaction pooler.
    let answer = client.query_typed(NODES, &[]).await?;
    let (forwards, in_recovery, has_citus) = answer
        .first()
        .map_or((false, false, false), |row| (row.get(0), row.get(1), row.get(2)));
    if forwards && in_recovery {
        return Ok(Nodes::Unfit("a standby of Citus' coordinator isn't served from"));
    }
    if forwards {
        return Ok(Nodes::Several);
    }
    if has_citus && !client.query_typed(SPREAD, &[]).await?.is_empty() {
        return Ok(Nodes::Unfit(
            "Citus has spread tables of this database, but mako.forward_claims() is missing: workers would hear of no \
             user. Run `mako migrate --distributed`",
        ));
    }
    Ok(Nodes::One)
}

const NODES: &str = "select to_regprocedure('mako.forward_claims(text)') is not null, pg_is_in_recovery(), \
                     to_regclass('pg_catalog.pg_dist_partition') is not null";
const SPREAD: &str = "select 1 from pg_catalog.pg_dist_partition where logicalrelid = to_regclass('public.leads') and partmethod = 'h'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_set_one_way_and_everything_else_alike() {
        let settings = include_str!("../../../sql/settings.sql");
        let forwarding = forwarding(settings);
        assert!(settings.contains("'request.jwt.claims'") && !settings.contains("forward_claims"));
        assert!(!forwarding.contains("'request.jwt.claims'"));
        assert_eq!(forwarding.matches("mako.forward_claims($1)").count(), 1);
        assert_eq!(settings.lines().count(), forwarding.lines().count());
    }

    #[test]
    fn a_replacement_says_what_it_stands_for() {
        for (name, sql) in REPLACEMENTS {
            assert!(sql.starts_with(&format!("-- {name}: ")), "{name}");
            assert!(crate::queries().any(|query| query.name == *name), "{name}");
        }
    }
}
