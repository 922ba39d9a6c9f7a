//! Is it true? One module for each property.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod access_matrix;
mod access_tokens;
mod adopt;
mod api_keys;
#[cfg(target_os = "linux")]
mod attack;
mod beside_postgrest;
mod clients;
mod connections;
mod coverage;
mod dev;
mod edge;
mod failover;
mod held_by;
mod kill;
mod leads;
mod leftovers;
mod login;
mod logs;
mod migrations;
mod neighbours;
mod operate;
mod plans;
mod prove;
mod provisioning;
mod query_parameters;
mod races;
mod readme;
mod relay;
mod resources;
mod rolling_restart;
mod sealing_keys;
mod serve;
mod statements;
mod stats;
mod third_parties;
mod through_pgbouncer;
mod tokens;
mod topology;
mod two_writers;
mod webhook_arrival;
mod webhook_outage;
mod webhook_states;
mod webhook_tenancy;
mod webhooks;
