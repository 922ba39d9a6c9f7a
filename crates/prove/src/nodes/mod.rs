//! Proves a database that Citus has spread: each node by itself, what the coordinator tells the others, and what whoever
//! connects to one of them gets.

mod claims;
mod cluster;
mod connections;
mod here;
mod look;
mod merge;

use std::time::Instant;

use tokio_postgres::Client;

use crate::model::Model;
use crate::report::Report;
use crate::run::{self, Options};
use crate::{Error, judge};

use cluster::COORDINATOR;
pub(crate) use cluster::Cluster;
pub use cluster::{Dial, Node};
pub(crate) use here::Here;
use merge::Merged;

impl Cluster {
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
        if let Some(dial) = options.dial {
            connections::open(self, model, dial, &mut report).await; // Else it is said already: no node was reached.
        }
        for relation in &mut report.relations {
            relation.verdict = judge::verdict(&relation.findings, relation.not_tested.is_empty());
        }
        report.verdict = judge::whole(&report);
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

async fn on_worker(node: &Node, model: &Model, options: &Options<'_>) -> Result<Report, String> {
    let dial = options.dial.ok_or("there is no way to connect to it")?;
    let mut client = dial(node, None).await?;
    run::on_node(&mut client, model, options)
        .await
        .map_err(|error| error.to_string())
}
