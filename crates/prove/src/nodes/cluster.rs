//! Citus' nodes and shards, as the coordinator knows them.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::Error;
use crate::model::split_name;

/// Connects to a node: as the administrator, or as a role without a password. The error says why not.
pub type Dial<'d> = dyn Fn(&Node, Option<&str>) -> BoxFuture<'static, Result<Client, String>> + Sync + 'd;

/// A node, as the coordinator knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    pub(super) group: i32,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A shard and where it lies.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) table: String,
    pub(super) shard: String,
    pub(super) group: i32,
}

/// Citus' nodes and shards, as the coordinator knows them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) placed: Vec<Placed>,
}

/// The coordinator's group.
pub(super) const COORDINATOR: i32 = 0;

impl Cluster {
    /// Asks whether a database is spread.
    pub(crate) async fn ask(client: &Client) -> Result<Option<Self>, Error> {
        let citus = "select 1 where to_regclass('pg_catalog.pg_dist_partition') is not null";
        if rows(client, citus).await?.is_empty() {
            return Ok(None);
        }
        let placed: Vec<Placed> = rows(client, include_str!("../../sql/nodes/everywhere.sql"))
            .await?
            .iter()
            .filter_map(|row| {
                Some(Placed {
                    table: row.get(0)?.to_owned(),
                    shard: label(row.get(1)?),
                    group: row.get(2)?.parse().ok()?,
                })
            })
            .collect();
        if placed.is_empty() {
            return Ok(None);
        }
        let worker = "select 1 from pg_dist_local_group where groupid <> 0";
        if !rows(client, worker).await?.is_empty() {
            return Err(Error::Worker);
        }
        let primaries = "select nodename, nodeport, groupid from pg_dist_node where noderole = 'primary' order by groupid";
        let nodes = rows(client, primaries).await?;
        let nodes = nodes.iter().filter_map(|row| {
            Some(Node {
                host: row.get(0)?.to_owned(),
                port: row.get(1)?.parse().ok()?,
                group: row.get(2)?.parse().ok()?,
            })
        });
        Ok(Some(Self {
            nodes: nodes.collect(),
            placed,
        }))
    }

    pub(super) fn node(&self, group: i32) -> String {
        let node = self.nodes.iter().find(|node| node.group == group);
        node.map_or_else(|| format!("group {group}"), Node::to_string)
    }
}

pub(super) async fn rows(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let messages = client.simple_query(sql).await;
    Ok(rows_of(messages.map_err(|error| Error::from_postgres(&error))?))
}

pub(super) fn rows_of(messages: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.collect()
}

/// A name as reports have it.
pub(super) fn label(quoted: &str) -> String {
    split_name(quoted).map_or_else(|| quoted.to_owned(), |(schema, name)| format!("{schema}.{name}"))
}
