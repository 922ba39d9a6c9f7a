//! What is done to a cluster to which one project after the other is applied.

use tokio_postgres::Client;

use super::{refusing_nothing, rows};
use crate::Error;
use crate::sql::{ident, literal};

/// Roles that a project, or its ground, has made: they belong to no database.
const ROLES: &str = "select rolname from pg_roles where oid >= 16384 and rolname <> current_user order by 1";

/// Makes a database, and takes away what projects have left in the cluster, in which there is no other any more.
pub(super) async fn empty(client: &Client, name: &str) -> Result<(), Error> {
    let roles = rows(client, ROLES).await?;
    let roles: Vec<String> = roles.iter().flatten().map(|role| ident(role)).collect();
    if !roles.is_empty() {
        // At once, whatever they have granted each other.
        refusing_nothing(client, &format!("drop role {}", roles.join(", "))).await?;
    }
    refusing_nothing(client, "alter role current_user reset all").await?;
    refusing_nothing(
        client,
        &format!("create database {} template template0", ident(name)),
    )
    .await
}

pub(super) async fn drop_database(client: &Client, name: &str) -> Result<(), Error> {
    let statement = format!("drop database if exists {} with (force)", ident(name));
    refusing_nothing(client, &statement).await
}

/// What `create database … template` leaves behind: rights and settings of the database itself.
const OF_DATABASE: &str = "
    update pg_database set datacl = origin.datacl, datdba = origin.datdba
    from pg_database origin where pg_database.datname = {to} and origin.datname = {from};
    insert into pg_db_role_setting
    select (select oid from pg_database where datname = {to}), setrole, setconfig
    from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = {from})";

/// Copies a database that nobody is in.
pub(super) async fn copy(client: &Client, from: &str, to: &str) -> Result<(), Error> {
    let create = format!("create database {} template {}", ident(to), ident(from));
    refusing_nothing(client, &create).await?;
    let settings = OF_DATABASE
        .replace("{from}", &literal(from))
        .replace("{to}", &literal(to));
    refusing_nothing(client, &settings).await
}

/// What no copy of a database holds, because it belongs to the cluster: roles, who is in which, and their settings.
const SHARED: &str = "select coalesce(string_agg(line, e'\\n' order by line), '') from (
    select to_jsonb(role)::text from pg_authid role
    union all select to_jsonb(member)::text from pg_auth_members member
    union all select to_jsonb(setting)::text from pg_db_role_setting setting where setdatabase = 0
  ) lines (line)";

pub(super) async fn shared(client: &Client) -> Result<String, Error> {
    let text = rows(client, SHARED).await?.into_iter().flatten().next();
    text.ok_or(Error::Unexpected("its roles"))
}
