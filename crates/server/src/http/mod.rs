//! How requests come in and answers go out, whatever they are about.

pub(crate) mod answer;
pub(crate) mod authorization;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod edge;
pub(crate) mod fields;
pub(crate) mod groups;
pub(crate) mod guard;
pub(crate) mod idempotency;
pub(crate) mod limits;
pub(crate) mod measurements;
pub(crate) mod operations;
pub(crate) mod page;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod read_your_writes;
pub(crate) mod replica_metrics;
pub(crate) mod request_id;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod user_limits;
pub(crate) mod values;
