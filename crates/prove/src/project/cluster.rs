//! Empties a cluster to which one project after the other is applied.

use tokio_postgres::Client;

use super::rows;
use crate::Error;
use crate::sql::ident;

/// Roles that a project, or its ground, has made: they belong to no database.
const ROLES: &str = "select rolname from pg_roles where oid >= 16384 and rolname <> current_user order by 1";

/// Makes a database anew, and takes away what projects have left in the cluster; `client` is in another database of it.
pub async fn empty_database(client: &Client, name: &str) -> Result<(), Error> {
    let database = ident(name);
    send(
        client,
        &format!("drop database if exists {database} with (force)"),
    )
    .await?;
    let roles = rows(client, ROLES).await?;
    let roles: Vec<String> = roles.iter().flatten().map(|role| ident(role)).collect();
    if !roles.is_empty() {
        // At once, whatever they have granted each other.
        send(client, &format!("drop role {}", roles.join(", "))).await?;
    }
    send(client, "alter role current_user reset all").await?;
    send(client, &format!("create database {database} template template0")).await
}

async fn send(client: &Client, sql: &str) -> Result<(), Error> {
    match client.simple_query(sql).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from_postgres(&error)),
    }
}
