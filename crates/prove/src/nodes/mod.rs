//! Proves a database that Citus has spread: each node by itself, what the coordinator tells the others, and what whoever
//! connects to one of them gets.

mod claims;
mod connections;
mod here;
mod merge;

use std::fmt;
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::model::{Model, split_name};
use crate::report::Report;
use crate::run::{self, Options};
use crate::{Error, judge};

pub(crate) use here::Here;
use merge::Merged;

/// Connects to a node: as the administrator, or as a role without a password. The error says why not.
pub type Dial<'d> = dyn Fn(&Node, Option<&str>) -> BoxFuture<'static, Result<Client, String>> + Sync + 'd;

/// A node, as the coordinator knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    group: i32,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A shard and where it lies.
#[derive(Debug)]
struct Placed {
    table: String,
    shard: String,
    group: i32,
}

/// Citus' nodes and shards, as the coordinator knows them.
#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    placed: Vec<Placed>,
}

/// The coordinator's group.
const COORDINATOR: i32 = 0;

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

    /// Proves each node, and what lies between them.
    pub(crate) async fn prove(
        &self,
        client: &mut Client,
        model: &Model,
        options: &Options<'_>,
    ) -> Result<Report, Error> {
        let started = Instant::now();
        let mut merged = Merged::new(self, run::on_node(client, model, options).await?);
        for node in self.nodes.iter().filter(|node| node.group != COORDINATOR) {
            match on_worker(node, model, options).await {
                Ok(report) => merged.add(node, report),
                Err(why) => merged.miss(node, &why),
            }
        }
        let mut report = merged.conclude(model);
        claims::hear(client, self, model, &mut report).await?;
        connections::open(self, model, options, &mut report).await;
        for relation in &mut report.relations {
            relation.verdict = judge::verdict(&relation.findings, relation.not_tested.is_empty());
        }
        report.verdict = judge::whole(&report);
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    fn node(&self, group: i32) -> String {
        let node = self.nodes.iter().find(|node| node.group == group);
        node.map_or_else(|| format!("group {group}"), Node::to_string)
    }
}

async fn on_worker(node: &Node, model: &Model, options: &Options<'_>) -> Result<Report, String> {
    let dial = options.dial.ok_or("there is no way to connect to it")?;
    let mut client = dial(node, None).await?;
    run::on_node(&mut client, model, options)
        .await
        .map_err(|error| error.to_string())
}

async fn rows(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let messages = client.simple_query(sql).await;
    Ok(rows_of(messages.map_err(|error| Error::from_postgres(&error))?))
}

fn rows_of(messages: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.collect()
}

/// A name as reports have it.
fn label(quoted: &str) -> String {
    split_name(quoted).map_or_else(|| quoted.to_owned(), |(schema, name)| format!("{schema}.{name}"))
}
