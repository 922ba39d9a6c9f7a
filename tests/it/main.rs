//! Is it true? One module for each property.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod access_matrix;
mod beside_postgrest;
mod coverage;
mod dev;
mod edge;
mod leads;
mod leftovers;
mod login;
mod logs;
mod migrations;
mod prove;
mod provisioning;
mod resources;
mod serve;
mod statements;
mod through_pgbouncer;
mod tokens;
