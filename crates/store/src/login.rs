//! Decides whether a login role may serve tenants. Judged by what it is and by every role it can become.

use tokio_postgres::Client;

/// Why the session's login must not serve tenants, or None if it may.
///
/// Row-level security binds neither superusers nor roles with BYPASSRLS, and (without FORCE) not a table's
/// owner. Being able to become such a role is the same as being it: any SQL could `set role`.
pub(crate) async fn objection(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    // query_typed: unnamed, so that it also works through a transaction pooler.
    let rows = client
        .query_typed(include_str!("../../../sql/login.sql"), &[])
        .await?;
    Ok(rows.first().map(|row| {
        let (login, role, why): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let path = if login == role {
            format!("is {why}")
        } else {
            format!("can become {role}, which is {why}")
        };
        format!(
            "the database login \"{login}\" {path}; row-level security would not bind it. \
             Set DATABASE_URL to the login \"mako\" that sql/roles.sql creates"
        )
    }))
}
